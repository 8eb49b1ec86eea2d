"""Whoever asks whether the service loses or doubles anything runs a trial: the real service, people, all that can fail.

Everything random hangs on the seed and is decided, and printed, before the trial begins; what the machine makes of it
in time is its own.
"""

import asyncio
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import ClientSession, TCPConnector

from tests.faults.chat import Chat
from tests.faults.databases import Architect, House
from tests.faults.ledger import Ledger
from tests.faults.page import Page
from tests.faults.people import COMMUNITIES, COMMUNITY, FIRST_GRID, SPOTS, Host, Resident, Staff, Stage, Worker
from tests.faults.process import ROOT, Disturbance, Process
from tests.faults.telegram import CALM, SECRET, TOKEN, Odds, Telegram, TelegramChat
from tests.faults.verdict import _TOKEN, Verdict, judge

# Megabytes for the small disk: what a trial stores fits, with a little room.
_SMALL_DISK = 96
_ARMED_FOR = 5.0
_UP_WITHIN = 60.0
# As long as a container platform waits before it kills what does not end.
_STOPS_WITHIN = 30.0
_QUIET_WITHIN = 240.0
_DIGEST_AFTER = timedelta(seconds=100)


@dataclass(frozen=True)
class Scenario:
    """One trial's setting. `absence`: what is taken away now and then: "", "full", "frozen and crashed"."""

    name: str
    database: str
    processes: int
    webhook: bool
    absence: tuple[str, ...] = ()


SCENARIOS = {
    each.name: each
    for each in (
        Scenario("sqlite-polling", "sqlite", 1, webhook=False),
        Scenario("sqlite-webhook", "sqlite", 1, webhook=True),
        Scenario("sqlite-full-disk", "sqlite", 1, webhook=True, absence=("full", "full", "full")),
        Scenario("postgres-polling", "postgresql", 1, webhook=False),
        Scenario("postgres-webhook", "postgresql", 1, webhook=True),
        Scenario("postgres-two-polling", "postgresql", 2, webhook=False),
        Scenario("postgres-two-webhook", "postgresql", 2, webhook=True),
        Scenario("postgres-away", "postgresql", 2, webhook=True, absence=("frozen", "crashed")),
    )
}


@dataclass(frozen=True)
class Blow:
    """One thing that will be done to the process with this number, `wait` seconds after it listens (or just began)."""

    what: str
    target: int
    wait: float
    seconds: float = 0.0

    def __str__(self) -> str:
        lasting = f" for {self.seconds:.1f} s" if self.seconds else ""
        return f"+{self.wait:.2f} {self.what} p{self.target}{lasting}"


KILLS = ("kill", "kill", "kill at start", "kill while taking", "kill while sending", "kill after sending")


def schedule(scenario: Scenario, kills: int, rng: Random, away: float) -> list[Blow]:
    """All that will be done to the service: kills, and between them restarts, pauses and absences."""
    blows: list[Blow] = []
    absences = list(scenario.absence)
    for number in range(kills):
        target = rng.randrange(scenario.processes)
        how = rng.choice(KILLS)
        blows.append(Blow(how, target, rng.uniform(0.2, 2.0) if how == "kill at start" else rng.uniform(0.2, 4.0)))
        if number % 7 == 3:
            blows.append(Blow("stop", rng.randrange(scenario.processes), rng.uniform(0.5, 4.0)))
        if number % 7 == 5:
            longest = 40.0 if scenario.processes > 1 and number % 14 == 5 else 8.0
            blows.append(Blow("pause", rng.randrange(scenario.processes), 1.0, rng.uniform(2.0, longest)))
        if absences and number >= (len(scenario.absence) - len(absences) + 1) * kills // (len(scenario.absence) + 1):
            blows.append(Blow(absences.pop(0), 0, rng.uniform(0.5, 2.0), away))
    return blows


@dataclass
class Outcome:
    """What came of a trial."""

    scenario: Scenario
    kills: int
    seconds: float
    figures: dict[str, int]
    broken: list[str]
    moods: Counter[str] = field(default_factory=Counter)
    logged: Counter[str] = field(default_factory=Counter)


class Trial:
    """One scenario from the first hello to the verdict."""

    def __init__(
        self,
        scenario: Scenario,
        folder: Path,
        *,
        seed: str,
        people: int,
        kills: int,
        away: float = 20.0,
        slowness: float = 1.0,
        patience: float = 240.0,
        say: Callable[[str], object] = lambda line: None,
    ) -> None:
        self.scenario = scenario
        self._folder = folder
        self._rng = Random(f"{seed}:{scenario.name}")  # noqa: S311 - a trial must be repeatable
        self._count = people
        self._patience = patience
        self._say = say
        self._kills = kills
        self.blows = schedule(scenario, kills, self._random(), away)
        self._ledger = Ledger()
        self._stage = Stage(self._ledger, slowness=slowness)
        self._disturbances: list[Disturbance] = []
        self._processes: list[Process] = []
        self._pages: list[Page] = []
        self._residents: list[Resident] = []
        self._silent: list[Resident] = []
        self._lives: list[asyncio.Task[None]] = []
        self._background: set[asyncio.Task[Any]] = set()
        self._absences: list[asyncio.Task[None]] = []
        self._stubborn: list[str] = []
        self._armed: tuple[str, asyncio.Event] | None = None
        self._began = 0.0

    def _random(self) -> Random:
        return Random(self._rng.getrandbits(64))  # noqa: S311 - a trial must be repeatable

    async def run(self, architect: Architect) -> Outcome:
        self._began = time.monotonic()
        async with AsyncExitStack() as stack:
            if self.scenario.database == "sqlite":
                small = _SMALL_DISK if "full" in self.scenario.absence else 0
                house, codes = await architect.sqlite(self.scenario.name, small)
            else:
                house, codes = await architect.postgresql(self.scenario.name)
            stack.push_async_callback(house.close)
            self._telegram = await stack.enter_async_context(
                Telegram(self._random(), webhook=self.scenario.webhook, door=self._door)
            )
            self._telegram.seen = self._saw
            self._http = await stack.enter_async_context(ClientSession(connector=TCPConnector(limit=0)))
            self._processes = [self._process(number, house) for number in range(self.scenario.processes)]
            stack.push_async_callback(self._stop_everything)
            await self._open()
            await self._people(codes, house)
            verdict = await self._play(house)
        return Outcome(
            self.scenario,
            sum(process.kills for process in self._processes),
            time.monotonic() - self._began,
            verdict.figures,
            verdict.broken,
            Counter(self._telegram.moods),
            Counter(line for process in self._processes for line in process.troubles()),
        )

    # The house and the people.

    def _process(self, number: int, house: House) -> Process:
        name = f"p{number}"
        settings = {
            "XIAOMAZHA_DATABASE_URL": house.url,
            "XIAOMAZHA_FILES": str(house.folder / "photos"),
            "XIAOMAZHA_KEYS": str(house.folder / "keys"),
            "XIAOMAZHA_DISTRICT": str(self._district()),
            "XIAOMAZHA_DEMO": "off",
        }
        # Only one process may fetch; with a webhook the load is spread over all.
        if self.scenario.webhook or number == 0:
            settings |= {
                "XIAOMAZHA_TELEGRAM_TOKEN": TOKEN,
                "XIAOMAZHA_TELEGRAM_API": self._telegram.url(name),
                "XIAOMAZHA_TELEGRAM_MODE": "webhook" if self.scenario.webhook else "polling",
            }
            if self.scenario.webhook:
                settings |= {
                    "XIAOMAZHA_TELEGRAM_WEBHOOK_URL": "http://127.0.0.1/hook",
                    "XIAOMAZHA_TELEGRAM_WEBHOOK_SECRET": SECRET,
                }
        return Process(name, self._folder, settings)

    def _district(self) -> Path:
        """The sample district, with no quiet hours to speak of, and the morning's digest in the midst of the trial."""
        folder = self._folder / "district"
        if not folder.exists():
            shutil.copytree(ROOT / "config" / "districts" / "jianhua", folder)
            morning = datetime.now(ZoneInfo("Asia/Shanghai")) + _DIGEST_AFTER
            text = (folder / "district.toml").read_text()
            for old, new in (
                ('quiet_from = "21:30"', 'quiet_from = "23:59"'),
                ('quiet_until = "07:30"', 'quiet_until = "00:00"'),
                # Their many reports are each to be a case of its own.
                ("same_within = 7", "same_within = 0"),
                # And each task to be pushed.
                ("push_budget = 12", "push_budget = 0"),
                ('digest_at = "08:00"', f'digest_at = "{morning:%H:%M}"'),
            ):
                if old not in text:
                    raise LookupError(f"the sample district has no {old}")
                text = text.replace(old, new)
            (folder / "district.toml").write_text(text)
        return folder

    def _door(self) -> tuple[str, str]:
        """What a proxy in front would pick: any process that listens."""
        process = self._rng.choice([each for each in self._processes if each.up.is_set()] or self._processes)
        return process.name, process.url

    async def _open(self) -> None:
        for process in self._processes:
            process.start()
        for process in self._processes:
            await self._up(process)

    async def _up(self, process: Process) -> None:
        """Wait until a process listens; not for ever, without its database it never will."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_UP_WITHIN):
                await process.up.wait()

    async def _people(self, codes: list[str], house: House) -> None:
        """Everybody takes their place, while all is well: offices, homes, and a ballot that stays open."""
        grids = list(SPOTS)
        workers = [Worker(self._chat(number % 2 == 0), self._stage, self._random()) for number in range(len(grids))]
        staff = [Staff(self._chat(True), self._stage, self._random()) for _ in COMMUNITIES]
        host, busy_host = (Host(self._chat(telegram), self._stage, self._random()) for telegram in (True, False))
        officials = [*workers, *staff, host, busy_host]
        for number in range(max(0, self._count - len(officials))):
            chat = self._chat(number % 3 > 0)
            self._residents.append(Resident(chat, self._stage, self._random(), grids[number % len(grids)]))
        await asyncio.gather(
            *(self._stage.play(who.take_office(code)) for who, code in zip(officials, codes, strict=True)),
            # Some come for the first time in the midst of it all.
            *(self._stage.play(each.settle()) for number, each in enumerate(self._residents) if number % 20 != 19),
        )
        await self._stage.play(host.ask("7 天", self._living_in(COMMUNITY)))
        await self._come_to_rest(house)
        self._silent = [each for each in self._residents if isinstance(each.chat, TelegramChat)][7::20]
        for number, each in enumerate(self._silent):
            (self._telegram.blocked if number % 2 else self._telegram.missing).add(int(each.chat.name.split()[1]))
        lives = [
            *(each.speak_into_the_void() if each in self._silent else each.live() for each in self._residents),
            *(each.live() for each in workers),
            *(each.live() for each in staff),
            busy_host.keep_asking(lambda: self._living_in(FIRST_GRID)),
        ]
        self._lives = [asyncio.create_task(self._stage.play(life)) for life in lives]
        self._background.update(self._lives)

    def _living_in(self, area: str) -> frozenset[str]:
        """Who lives there by what they told us, and can be told something."""
        return frozenset(
            each.chat.name
            for each in self._residents
            if each.grid.startswith(area) and each.settled and each not in self._silent
        )

    def _chat(self, telegram: bool) -> Chat:
        number = 1001 + len(self._background) + len(self._telegram._chats)
        if telegram:
            return self._telegram.chat(number, self._patience)
        page = Page(f"page {number}", self._patience, self._http, self._door, self._random())
        page.seen = self._saw
        self._pages.append(page)
        self._background.add(asyncio.create_task(page.run()))
        return page

    # The trouble.

    async def _play(self, house: House) -> Verdict:
        self._telegram.odds = Odds()
        for page in self._pages:
            page.odds_twice = Odds().twice
        self._stage.begun.set()
        self._say(f"{self.scenario.name}, {self._count} people are talking: {self._so_far()}")
        for blow in self.blows:
            if blow.what != "kill at start":
                await self._up(self._processes[blow.target])
            await asyncio.sleep(blow.wait)
            self._say(f"  {blow}: {self._so_far()}")
            await self._strike(blow, house)
        await asyncio.gather(*self._absences)
        self._telegram.odds = CALM
        for page in self._pages:
            page.odds_twice = 0.0
        self._stage.calm.set()
        self._say(f"{self.scenario.name}, calm: {self._so_far()}")
        broken = await self._quiet(house)
        ended = datetime.now(UTC)
        for process in self._processes:
            if (code := await process.stop()) != 0:
                broken.append(f"{process.name} did not end well when it was told to: {code}")
        verdict = await judge(
            house, self._ledger, self._telegram, self._pages, self._residents, self._disturbances, ended
        )
        verdict.broken = (
            broken + self._stubborn + self._stage.troubles + self._ended_alone() + self._said_in_logs() + verdict.broken
        )
        return verdict

    def _so_far(self) -> str:
        said = self._telegram.said + sum(page.said for page in self._pages)
        waiting = self._telegram.unconfirmed + sum(not page.acknowledged for page in self._pages)
        return (
            f"{time.monotonic() - self._began:.0f} s, {said} said, {waiting} not taken, "
            f"{len(self._telegram.arrivals)} posted, {sum(len(page.got) for page in self._pages)} on pages, "
            f"starts {[round(each, 1) for process in self._processes for each in process.starts[-2:]]}"
        )

    async def _strike(self, blow: Blow, house: House) -> None:
        process = self._processes[blow.target]
        if blow.what in ("kill", "kill at start"):
            self._disturbances.append(process.kill())
        elif blow.what == "stop":
            process.up.clear()
            self._absences.append(asyncio.create_task(self._restart(process)))
        elif blow.what == "pause":
            self._absences.append(asyncio.create_task(self._pause(process, blow.seconds)))
        elif blow.what.startswith("kill"):
            await self._lie_in_wait(blow.what.removeprefix("kill "), process)
        else:
            await asyncio.gather(*self._absences)
            self._absences.append(asyncio.create_task(self._take_away(blow.what, blow.seconds, house)))

    async def _restart(self, process: Process) -> None:
        if not await process.terminate(_STOPS_WITHIN):
            self._stubborn.append(f"{process.name} did not end within {_STOPS_WITHIN:.0f} s of being told to")
            self._disturbances.append(process.kill())

    async def _pause(self, process: Process, seconds: float) -> None:
        self._disturbances.append(await process.pause(seconds))

    async def _take_away(self, how: str, seconds: float, house: House) -> None:
        absence = Disturbance(None, how, time.monotonic(), float("inf"))
        self._disturbances.append(absence)
        await house.take_away(how)
        try:
            await asyncio.sleep(seconds)
        finally:
            await asyncio.shield(house.give_back())
        # Notes are tried again less and less often.
        absence.end = time.monotonic() + 60

    async def _lie_in_wait(self, when: str, process: Process) -> None:
        """Kill at a moment that matters: whoever does it first, or this one when nobody does."""
        self._armed = (when, asyncio.Event())
        event = self._armed[1]
        try:
            async with asyncio.timeout(_ARMED_FOR):
                await event.wait()
        except TimeoutError:
            self._armed = None
            self._disturbances.append(process.kill())

    def _saw(self, name: str, what: str) -> None:
        wanted = {"while taking": "taking", "while sending": "accepted", "after sending": "answered"}
        if self._armed is None or wanted[self._armed[0]] != what:
            return
        when, event = self._armed
        process = next(each for each in self._processes if each.name == name)
        if not process.up.is_set():
            return
        self._armed = None
        # In the act, or within the milliseconds in which what came of it is being written down.
        pause = 0.0 if when == "while sending" else self._rng.uniform(0, 0.04)
        asyncio.get_running_loop().call_later(pause, self._kill_now, process, event)

    def _kill_now(self, process: Process, event: asyncio.Event) -> None:
        self._disturbances.append(process.kill())
        event.set()

    # The end.

    async def _quiet(self, house: House) -> list[str]:
        """Let everybody finish what they began, and everything arrive; what never comes to rest."""
        broken: list[str] = []
        _, restless = await asyncio.wait(self._lives, timeout=self._patience + 30)
        if restless:
            broken.append(f"{len(restless)} people never came to an end")
        if moving := await self._come_to_rest(house):
            broken.append(f"no rest, nothing moves for {_QUIET_WITHIN:.0f} s ({moving[:9]}): {self._so_far()}")
        self._say(f"{self.scenario.name}, at rest: {self._so_far()}")
        # What is repeated once more comes up to four seconds late.
        await asyncio.sleep(4.5)
        return broken

    async def _come_to_rest(self, house: House) -> list[str]:
        """Wait for what is under way, as long as it gets less: a chat is told one thing a second. What stays."""
        least, until = sys.maxsize, time.monotonic() + _QUIET_WITHIN
        while (moving := await self._moving(house)) and time.monotonic() < until:
            if len(moving) < least:
                least, until = len(moving), time.monotonic() + _QUIET_WITHIN
            await asyncio.sleep(0.5)
        return moving

    async def _moving(self, house: House) -> list[str]:
        """What has not come to rest."""
        found = [f"{page.name} waits for an acknowledgement" for page in self._pages if not page.acknowledged]
        if self._telegram.unconfirmed:
            found.append(f"Telegram waits for {self._telegram.unconfirmed} to be taken")
        waiting = await house.rows(
            "SELECT state, kind, lane, attempts, due_at FROM outbox WHERE state IN ('pending', 'sending')"
        )
        held = await house.rows("SELECT contact_id, at FROM heard WHERE held IS NOT NULL")
        return found + [str(dict(each)) for each in (*waiting, *held)]

    def _ended_alone(self) -> list[str]:
        """A process may end by itself only when its database is gone."""
        away = [(each.start, each.end) for each in self._disturbances if each.process is None]
        return [
            f"{process.name} ended by itself with {code}"
            for process in self._processes
            for at, code in process.exits[:-1]
            if not any(start <= at <= end for start, end in away)
        ]

    def _said_in_logs(self) -> list[str]:
        return [
            f"{process.name} wrote in its log what somebody said: {found[0]}"
            for process in self._processes
            if (found := _TOKEN.findall(process.log.read_text(errors="replace")))
        ]

    async def _stop_everything(self) -> None:
        for task in (*self._background, *self._absences):
            task.cancel()
        await asyncio.gather(*self._background, *self._absences, return_exceptions=True)
        for process in self._processes:
            await process.stop()
