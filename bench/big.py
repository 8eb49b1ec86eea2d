"""Whether years of use slow the service down: the same turns on a full database and on an empty one."""

import tempfile
import time
from pathlib import Path

from bench import contestants
from bench.fill import Size, filled
from bench.lab import Lab, in_turns, median, staying
from bench.people import Town, newcomers
from bench.results import Figure
from bench.throughput import RESIDENTS
from storage.migrate import HEAD

_FULL, _QUICK = Size(1_000_000, 1_000_000, 10_000_000), Size(50_000, 50_000, 500_000)
_TOKEN = "7700001:AAbench-token_of-the-big-database-0"


async def measure(lab: Lab) -> list[Figure]:
    size = _QUICK if lab.quick else _FULL
    # Kept for the next run: filling it takes minutes.
    path = Path(tempfile.gettempdir()) / f"xiaomazha-bench-{size.people}-people-{HEAD}.db"
    if not path.exists():
        began = time.perf_counter()
        await filled(lab.api, path, _TOKEN, size)
        lab.say(f"filled {path}: {path.stat().st_size / 2**30:.1f} GB in {time.perf_counter() - began:.0f} s")
    started = {
        "full": await contestants.service(
            lab.api, lab.folder, f"sqlite:///{path}", token=_TOKEN, more=contestants.lifted(), name="full"
        ),
        "empty": await contestants.service(lab.api, lab.folder, more=contestants.lifted(), name="empty"),
    }
    async with staying(*started.values()):
        # Those who talk are among the people, from all over the table.
        chats = {"full": size.chats(RESIDENTS), "empty": newcomers(RESIDENTS)}
        towns = {}
        for name, contestant in started.items():
            towns[name] = Town(contestant.account, chats[name])
            await towns[name].settle_in()
            contestant.pause()

        async def one(name: str) -> float:
            rate = (await towns[name].talk(lab.seconds(12))).rate
            lab.say(f"{name} database: {rate:.0f} turns/s")
            return rate

        rates = {name: median(found) for name, found in (await in_turns(lab, started, one)).items()}
        for town in towns.values():
            town.close()
    return [
        Figure(
            "big",
            f"turns with {size.people:,} people, {size.cases:,} cases, {size.messages:,} messages ÷ empty",
            rates["full"] / rates["empty"],
            reach=0.8,
            aim=0.95,
            beside=f"{rates['full']:.0f}/s beside {rates['empty']:.0f}/s",
        )
    ]
