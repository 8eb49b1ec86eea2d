"""A ballot is put to thousands of residents while others go on talking; the Bot API is as strict as Telegram."""

import asyncio
import re
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import contestants
from bench.bot_api import Limits
from bench.contestants import Contestant
from bench.fill import Size, filled
from bench.lab import Lab, percentile, staying
from bench.people import Telegram, Town, newcomers
from bench.results import Figure
from config.settings import Settings

_API_LATENCY = 0.05
_COMMUNITY, _DISTRICT = "230203002001", "230203000000"
_HOST = 400_000_001
# Two who talk, each every three seconds: their answers take their share of Telegram's thirty a second.
_TALKERS, _TALKS_PER_SECOND = 2, 2 / 3
_SOME_SENDING = 30.0


async def measure(lab: Lab) -> list[Figure]:
    size = Size(150 if lab.quick else 3000, area=_COMMUNITY)
    async with _house(lab, size, _COMMUNITY) as house:
        town = Town(house.service.account, newcomers(_TALKERS))
        arrived: list[float] = []
        others = {_HOST, *newcomers(_TALKERS)}
        house.service.account.listeners.append(lambda chat, at, _: arrived.append(at) if chat not in others else None)
        began = time.perf_counter()
        talking = asyncio.create_task(town.talk_at(_TALKS_PER_SECOND, over=lambda: len(arrived) >= size.people))
        await house.ask_everybody()
        spoken = await talking
        town.close()
        lasted = arrived[-1] - began
    # Seen on their phone once Telegram has answered us: its latency is part of their wait.
    waits = [wait + _API_LATENCY for wait in spoken.answered]
    refused = house.service.account.refused
    return [
        Figure(
            "broadcast",
            f"{size.people:,} messages, strict 30/s window, {_API_LATENCY * 1000:.0f} ms API latency",
            lasted,
            "s",
            reach=108,
            aim=103.5,
            lower=True,
            beside=f"{size.people / lasted:.1f}/s",
        ),
        Figure("broadcast_429", "429 answers during it", refused, "", reach=0, lower=True),
        Figure(
            "broadcast_reply",
            "reply to a talking person during it, p95",
            percentile(waits, 0.95) * 1000,
            "ms",
            reach=150,
            aim=120,
            lower=True,
            beside=f"p50 {percentile(waits, 0.5) * 1000:.0f} ms, {len(waits)} replies",
        ),
    ]


async def queue(lab: Lab) -> list[Figure]:
    """How long it takes to queue a message to hundreds of thousands, and what it does to memory."""
    size = Size(15_000 if lab.quick else 300_000, area=_DISTRICT.rstrip("0"))
    async with _house(lab, size, _DISTRICT) as house:
        watched = _Memory(house.service)
        watching = asyncio.create_task(watched.watch())
        town = Town(house.service.account, newcomers(_TALKERS))
        until = time.perf_counter() + 3600
        talking = asyncio.create_task(town.talk_at(_TALKS_PER_SECOND, over=lambda: time.perf_counter() > until))
        queued = await house.ask_everybody()
        until = time.perf_counter() + lab.seconds(_SOME_SENDING)
        spoken = await talking
        town.close()
        watching.cancel()
        sent = house.service.account.sent
    return [
        Figure(
            "queue",
            f"broadcast to {size.people:,} queued",
            queued,
            "s",
            reach=20,
            lower=True,
            beside=f"the longest anybody else waited meanwhile: {max(spoken.answered):.1f} s; {sent} sent",
        ),
        Figure(
            "queue_memory",
            "memory it takes, at its highest (flat: at most a tenth more)",
            watched.highest / watched.before,
            "×",
            reach=1.1,
            lower=True,
            beside=f"{watched.before:.0f} MB before, {watched.highest:.0f} MB at most",
        ),
    ]


@dataclass
class _Memory:
    service: Contestant
    before: float = 0.0
    highest: float = 0.0

    async def watch(self) -> None:
        self.before = self.highest = self.service.memory()
        while True:
            self.highest = max(self.highest, self.service.memory())
            await asyncio.sleep(0.05)


@dataclass
class _House:
    """A service with residents to tell something, and the host who will."""

    service: Contestant
    telegram: Telegram
    told: asyncio.Event = field(default_factory=asyncio.Event)

    def hears(self, chat: int, _at: float, _body: bytes) -> None:
        if chat == _HOST:
            self.told.set()

    async def host_says(self, words: str) -> None:
        self.told.clear()
        await self.telegram.say(_HOST, words)
        async with asyncio.timeout(30):
            await self.told.wait()
        # Nobody writes faster than Telegram lets us answer one chat.
        await asyncio.sleep(1.2)

    async def ask_everybody(self) -> float:
        """The host confirms; seconds until that is acknowledged, so everything is queued."""
        began = time.perf_counter()
        await self.telegram.say(_HOST, "是")
        return time.perf_counter() - began


@asynccontextmanager
async def _house(lab: Lab, size: Size, area: str) -> AsyncIterator[_House]:
    """Filled, started at Telegram's own pace, and the host one word away from asking everybody."""
    token = contestants.new_token()
    database = lab.folder / f"broadcast-{size.people}.db"
    await filled(lab.api, database, token, size)
    code = await asyncio.to_thread(invited, lab.folder, database, area)
    lab.api.latency, lab.api.limits = _API_LATENCY, Limits()
    service = await contestants.service(
        lab.api, lab.folder, f"sqlite:///{database}", token=token, more={"XIAOMAZHA_DISTRICT": _never_quiet(lab)}
    )
    async with staying(service):
        house = _House(service, Telegram(service.account))
        service.account.listeners.append(house.hears)
        for words in (code, "发起表决", "要不要给楼道装声控灯？", "同意、不同意", "7 天后"):
            await house.host_says(words)
        yield house
        house.telegram.close()
    lab.api.latency, lab.api.limits = 0.0, None


def invited(folder: Path, database: Path, area: str) -> str:
    """A code that makes whoever says it the host of an area's council."""
    environment = contestants.service_environment(folder, 0, f"sqlite:///{database}", telegram=None)
    said = folder / f"invite-{area}.log"
    command = ["-m", "bot", "invite", "--role", "council_host", "--area", area]
    contestants.launch(command, environment, said, contestants.OUR_CORE).wait(60)
    return said.read_text().split()[0]


def _never_quiet(lab: Lab) -> str:
    """The district, but for its quiet hours: at night this would otherwise measure how long the night is."""
    folder = lab.folder / "district"
    shutil.copytree(Settings.model_fields["district"].default, folder, dirs_exist_ok=True)
    facts = folder / "district.toml"
    words = re.sub(r'quiet_from = "[\d:]+"', 'quiet_from = "23:59"', facts.read_text())
    facts.write_text(re.sub(r'quiet_until = "[\d:]+"', 'quiet_until = "00:00"', words))
    return str(folder)
