"""What every measurement has at hand: one Bot API, a folder that goes away, and contestants taking turns."""

import asyncio
import statistics
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from bench.bot_api import BotApi
from bench.contestants import Contestant

T = TypeVar("T")


@dataclass
class Lab:
    """`quick`: shorter rounds and a smaller world, to see that it runs; its figures are not kept."""

    api: BotApi
    folder: Path
    quick: bool

    @property
    def rounds(self) -> int:
        return 2 if self.quick else 3

    def seconds(self, full: float) -> float:
        return full / 4 if self.quick else full

    def say(self, words: str) -> None:
        print(f"  {words}", flush=True)


@asynccontextmanager
async def opened(*, quick: bool) -> AsyncIterator[Lab]:
    api = BotApi()
    await api.start()
    try:
        with tempfile.TemporaryDirectory(prefix="xiaomazha-bench-") as folder:
            yield Lab(api, Path(folder), quick)
    finally:
        await api.stop()


@asynccontextmanager
async def staying(*contestants: Contestant) -> AsyncIterator[None]:
    """Stops them at the end, come what may."""
    async with AsyncExitStack() as stack:
        for contestant in contestants:
            stack.push_async_callback(contestant.stop)
        yield


async def in_turns(
    lab: Lab, contestants: Mapping[str, Contestant], round_: Callable[[str], Awaitable[T]]
) -> dict[str, list[T]]:
    """A, B, A, B, …: whoever has no turn is stopped meanwhile, so that each has the core to itself."""
    found: dict[str, list[T]] = {name: [] for name in contestants}
    for each in contestants.values():
        each.pause()
    for _ in range(lab.rounds):
        for name, contestant in contestants.items():
            contestant.resume()
            await asyncio.sleep(0.5)
            found[name].append(await round_(name))
            contestant.pause()
    for each in contestants.values():
        each.resume()
    return found


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so large a share of all lies at or below."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
