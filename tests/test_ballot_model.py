"""A ballot among neighbours who repeat, change and race, in a service that keeps falling over, beside a plain model."""

import asyncio
import re
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as trials
from hypothesis import strategies as some

from bot.app import Knowledge, Service
from bot.core.words import Address, Said, Tap
from config.settings import Settings, load
from domain.councils import Ballot, BallotOpened
from domain.people import Role
from storage.database import Database
from storage.desk import Desk
from tests.conftest import Postgres
from tests.play import START, Stage

GRID, AREA = "230203002001001", "230203002001"
OPTIONS = ("要装", "不要装", "再想想")
CLOSES = START + timedelta(hours=1)
PEOPLE, CHATS = 4, 2
_numbers = count(1)


class Crash(Exception):
    """The process died here."""


class Falling:
    """A database whose writer dies: before the work, in the midst of it, or after it was kept and before we heard."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.ahead: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    async def write(self, work: Callable[[Any], Any]) -> Any:
        when = self.ahead.pop() if self.ahead else ""
        if when == "before":
            raise Crash

        async def cut(connection: Any) -> Any:
            done = await work(connection)
            if when == "amid":
                raise Crash
            return done

        done = await self._database.write(cut)
        if when == "after":
            raise Crash
        return done


class Town(Stage):
    """The neighbours' town; `tick` lets each look at the clock move it on."""

    tick = timedelta(0)
    _now = START

    @property
    def now(self) -> datetime:
        self._now += self.tick
        return self._now

    @now.setter
    def now(self, moment: datetime) -> None:
        self._now = moment

    def _build(self) -> Service:
        service = super()._build()
        self.falling = Falling(service.desks.database)
        service.desks.database = self.falling  # type: ignore[assignment]
        return service

    async def again(self) -> None:
        """Another process takes over."""
        await self.service.desks.database.close()
        self.service = self._build()


@dataclass(frozen=True)
class Vote:
    """Somebody taps an option in one of their chats, so often with the same message, while the writer falls so."""

    person: int
    chat: int
    option: int
    times: int
    falls: tuple[str, ...]


_FALLS = some.lists(some.sampled_from(["before", "amid", "after"]), max_size=2).map(tuple)
_VOTES = some.builds(
    Vote,
    some.integers(0, PEOPLE - 1),
    some.integers(0, CHATS - 1),
    some.integers(0, len(OPTIONS) - 1),
    some.integers(1, 3),
    _FALLS,
)
_DAYS = some.lists(some.one_of(_VOTES, some.just("restart"), some.just("ring")), max_size=12)


async def _live(town: Town, day: list[Vote | str], race: list[int], early: int, fallen: list[str]) -> None:
    await town.service.prepare()
    chats = [[town.address(f"p{person}c{chat}") for chat in range(CHATS)] for person in range(PEOPLE)]
    people = [await town.service.desks.write(lambda desk, own=own: _settle(desk, own)) for own in chats]  # type: ignore[misc]
    await town.service.desks.write(_open)
    await town._settle()
    ballot = (await town.service.desks.read(lambda desk: desk.ballots.open_for(GRID)))[0]
    message, told = {}, dict[Address, int]()
    for own in chats:
        for chat in own:
            await town.service.turns.take(_said(chat, town, text="表决"))
            await town._settle()
            message[chat] = (await _heard(town, chat))[-1].id
    model: dict[int, int] = {}
    receipts: dict[int, str] = {}

    async def tap(person: int, chat: Address, option: int, times: int = 1) -> None:
        said = _said(chat, town, tap=Tap(message[chat], option))
        before = len(await _heard(town, chat))
        for _ in range(times):
            for _ in range(5):
                try:
                    await town.service.turns.take(said)
                    break
                except Crash:
                    continue
        town.falling.ahead.clear()
        await town._settle()
        answers = [outgoing.reply.text for outgoing in (await _heard(town, chat))[before:]]
        told[chat] = told.get(chat, 0) + 1
        assert len(answers) == 1, answers
        _believe(person, option, answers[0], model, receipts)

    for step in day:
        if step == "restart":
            await town.again()
        elif step == "ring":
            await town.wait(1, "分钟")
        elif isinstance(step, Vote):
            town.falling.ahead = list(step.falls)
            await tap(step.person, chats[step.person][step.chat], step.option, step.times)

    # The closing second: everybody at once, while the clock runs and the bell rings.
    befores = {own[0]: len(await _heard(town, own[0])) for own in chats}
    town.now, town.tick = CLOSES - timedelta(milliseconds=early), timedelta(milliseconds=1)
    await asyncio.gather(
        *(
            town.service.turns.take(_said(own[0], town, tap=Tap(message[own[0]], option)))
            for own, option in zip(chats, race, strict=True)
        ),
        town.service.bell.ring(),
    )
    town.now, town.tick = CLOSES + timedelta(seconds=1), timedelta(0)
    await town._settle()
    for person, own in enumerate(chats):
        late = (await _heard(town, own[0]))[befores[own[0]] :]
        spoken = [each.reply.text for each in late if "表决结果" not in each.reply.text]
        assert len(spoken) == 1, spoken
        _believe(person, race[person], spoken[0], model, receipts)

    # The count falls over as well, and is taken up by whoever comes next.
    town.falling.ahead = list(fallen)
    for _ in range(10):
        try:
            await town.wait(2, "分钟")
        except Crash:
            left = town.falling.ahead
            await town.again()
            town.falling.ahead = left
    await _must_be(town, ballot.id, model, receipts, people)


def _believe(person: int, option: int, answer: str, model: dict[int, int], receipts: dict[int, str]) -> None:
    """What somebody was told is what must be so."""
    if "投票成功" in answer or "已改票" in answer:
        assert ("已改票" in answer) is (person in model)
        assert OPTIONS[option] in answer
        found = re.findall(r"[A-Z2-9]{4}-[A-Z2-9]{4}-[A-Z2-9]{4}", answer)
        assert receipts.setdefault(person, found[0]) == found[0]
        model[person] = option
    else:
        assert "已经截止" in answer or "没办成" in answer, answer


async def _must_be(town: Town, number: int, model: dict[int, int], receipts: dict[int, str], people: list[int]) -> None:
    found: Ballot = await town.service.desks.read(lambda desk: desk.ballots.get(number))
    assert found.result is not None
    wanted = Counter(model.values())
    assert found.result.counts == tuple(wanted[option] for option in range(len(OPTIONS)))
    listed = dict(await town.service.desks.read(lambda desk: desk.ballots.receipts(found, 0, 100)))
    assert listed == {receipts[person]: (option,) for person, option in model.items()}
    for person in range(PEOPLE):
        # Once, in the chat they last wrote from.
        told = [
            each
            for chat in range(CHATS)
            for each in await _heard(town, town.address(f"p{person}c{chat}"))
            if each.reply.text.startswith("表决结果")
        ]
        assert len(told) == 1
        assert told[0].reply.photos


async def _settle(desk: Desk, own: list[Address]) -> int:
    person = (await desk.people.meet(own[0])).person.id
    await desk.people.change(person, grid=GRID)
    for chat in own[1:]:
        await desk.people.bind(chat, person)
    return person


async def _open(desk: Desk) -> None:
    host = (await desk.people.meet(Address("web", "chat", "host"))).person.id
    await desk.people.grant(host, Role.COUNCIL_HOST, AREA)
    await desk.happen(BallotOpened(host, AREA, "要不要装充电桩", OPTIONS, CLOSES))


def _said(chat: Address, town: Town, **what: Any) -> Said:
    return Said(chat, f"{chat.chat}-{next(_numbers)}", town._now, **what)


async def _heard(town: Town, chat: Address) -> list[Any]:
    async def read(desk: Desk) -> list[Any]:
        contact = await desk.people.find(chat)
        return [] if contact is None else [each for _, each in await desk.outbox.lying(contact, 0, limit=5000)]

    return await town.service.desks.read(read)


def _one_life(
    settings: Settings, knowledge: Knowledge, day: list[Vote | str], race: list[int], early: int, fallen: list[str]
) -> None:
    async def whole() -> None:
        town = Town(settings, knowledge, restart=False)
        try:
            await _live(town, day, race, early, fallen)
        finally:
            await town.close()

    asyncio.run(whole())


_RACE = some.lists(some.integers(0, len(OPTIONS) - 1), min_size=PEOPLE, max_size=PEOPLE)
_COUNT = some.lists(some.sampled_from(["", "before", "amid", "after"]), max_size=6)
# A life takes a second: what fails is read as it came, not made smaller for minutes.
_PATIENT = {"deadline": None, "suppress_health_check": list(HealthCheck), "phases": [Phase.explicit, Phase.generate]}


@trials(max_examples=20, **_PATIENT)  # type: ignore[arg-type]
@given(day=_DAYS, race=_RACE, early=some.integers(0, 9), fallen=_COUNT)
def test_what_is_counted_is_what_everybody_was_told(
    day: list[Vote | str],
    race: list[int],
    early: int,
    fallen: list[str],
    request: pytest.FixtureRequest,
) -> None:
    sqlite_template: Path = request.getfixturevalue("sqlite_template")
    folder: Path = request.getfixturevalue("tmp_path_factory").mktemp("town")
    shutil.copy(sqlite_template, folder / "town.db")
    settings = load(database_url=f"sqlite:///{folder}/town.db", files=folder / "files", keys=folder / "keys")
    _one_life(settings, request.getfixturevalue("knowledge"), day, race, early, fallen)


@trials(max_examples=6, **_PATIENT)  # type: ignore[arg-type]
@given(day=_DAYS, race=_RACE, early=some.integers(0, 9), fallen=_COUNT)
def test_what_is_counted_is_what_everybody_was_told_on_postgresql(
    day: list[Vote | str],
    race: list[int],
    early: int,
    fallen: list[str],
    request: pytest.FixtureRequest,
) -> None:
    postgres: Postgres = request.getfixturevalue("postgres")
    folder: Path = request.getfixturevalue("tmp_path_factory").mktemp("town")
    name = f"town_{next(_numbers)}"
    postgres.run(f"CREATE DATABASE {name} TEMPLATE template_xiaomazha")
    try:
        settings = load(database_url=postgres.url(name), files=folder / "files", keys=folder / "keys")
        _one_life(settings, request.getfixturevalue("knowledge"), day, race, early, fallen)
    finally:
        postgres.run(f"DROP DATABASE {name} WITH (FORCE)")
