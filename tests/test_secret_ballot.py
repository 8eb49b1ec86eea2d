"""Who voted what is known to nobody: not by any table, order, time or file, before the close or after it."""

import asyncio
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bot.app import Knowledge
from bot.core.words import Address, Said, Tap
from bot.teller import GRACE
from config.settings import Settings
from domain.councils import Ballot, BallotCancelled, BallotOpened, check_list
from domain.refusals import Refused
from storage.database import Connection
from storage.desk import Desk
from storage.keys import KeyGone
from storage.tables import Base
from tests.play import START, Stage

GRID, AREA = "230203002001001", "230203002001"
OPTIONS = ("要装", "不要装", "再想想")
CLOSES = START + timedelta(days=1)
_TOLD = re.compile(r"⟦\w+ ([\w=-]+)\|")

Tables = dict[str, list[dict[str, Any]]]


class Hall:
    """A ballot among so many neighbours, and everything the database holds about it."""

    def __init__(self, stage: Stage, settings: Settings, voters: int) -> None:
        self.stage = stage
        self.settings = settings
        self.voters = [f"v{number:02}" for number in range(voters)]
        self.ballot = 0

    async def open(self) -> None:
        await self.stage.introduce("zhou", "主持人", AREA)
        for voter in self.voters:
            await self.stage.introduce(voter, "居民", GRID)
        host = (await self._desk(lambda desk: desk.people.meet(self.stage.address("zhou")))).person.id
        await self._desk(lambda desk: desk.happen(BallotOpened(host, AREA, "要不要装充电桩", OPTIONS, CLOSES)))
        await self.stage.wait(1, "秒")
        [ballot] = await self.stage.service.desks.read(lambda desk: desk.ballots.open_for(GRID))
        self.ballot, self.host = ballot.id, host

    async def _desk(self, work: Any) -> Any:
        return await self.stage.service.desks.write(work)

    async def vote(self, voter: str, option: int) -> None:
        await self.stage.say(voter, f"[{OPTIONS[option]}]")

    def receipt(self, voter: str) -> str:
        return self.stage._receipt(voter)

    async def close(self, *, and_wait: bool = True) -> None:
        self.stage.now = CLOSES
        await self.stage.wait(1, "秒")
        if and_wait:
            await self.stage.wait(int(GRACE.total_seconds()) // 60 + 2, "分钟")

    async def found(self) -> Ballot:
        return await self.stage.service.desks.read(lambda desk: desk.ballots.get(self.ballot))

    async def tables(self) -> Tables:
        """Everything, each row with where it lies and which transaction wrote it, as far as the database tells."""
        return await self.stage.service.desks.database.read(_everything)


async def _everything(connection: Connection) -> Tables:
    postgres = connection.dialect.name != "sqlite"
    found: Tables = {}
    for table in Base.metadata.sorted_tables:
        columns = "*, ctid::text AS at_place, xmin::text::bigint AS by_whom" if postgres else "*"
        order = " ORDER BY ctid" if postgres else ""
        rows = await connection.execute(text(f"SELECT {columns} FROM {table.name}{order}"))  # noqa: S608 - our own names
        found[table.name] = [dict(row._mapping) for row in rows]
    return found


@pytest.fixture
async def hall(settings: Settings, knowledge: Knowledge) -> AsyncIterator[Hall]:
    stage = Stage(settings, knowledge, restart=False)
    hall = Hall(stage, settings, 30)
    await hall.open()
    yield hall
    await stage.close()


def _masked(tables: Tables) -> Tables:
    """The same without what is random: of a token only its length is left, of a transaction its place among them."""
    written = sorted({row["by_whom"] for rows in tables.values() for row in rows if "by_whom" in row})
    place = {number: rank for rank, number in enumerate(written)}
    masked: Tables = {}
    for name, rows in tables.items():
        plain = []
        for row in rows:
            row = {key: value for key, value in row.items() if key != "at_place"}
            if "by_whom" in row:
                row["by_whom"] = place[row["by_whom"]]
            for column in ("slip", "envelope", "key", "receipt"):
                if isinstance(row.get(column), str) and name in ("roll", "urn", "ballots"):
                    row[column] = f"#{len(row[column])}"
            if name == "outbox":
                row["body"] = _TOLD.sub(lambda told: f"⟦key #{len(told[1])}|", row["body"])
            plain.append(row)
        # Where rows lie is looked at apart: a server tidies up when it likes.
        masked[name] = sorted(plain, key=lambda row: sorted(map(str, row.items())))
    return masked


async def _played(hall: Hall, first: Sequence[int], then: Sequence[tuple[int, int]]) -> tuple[Tables, Tables]:
    """Everybody votes, some change their mind, one in a flood of taps; the database before the close and long after."""
    for voter, option in zip(hall.voters, first, strict=True):
        await hall.vote(voter, option)
    for place, option in then:
        await hall.vote(hall.voters[place], option)
    stage, voter = hall.stage, hall.voters[0]
    message, place = stage._find_button(voter, OPTIONS[first[0]])
    for number in range(8):
        await stage.service.turns.take(
            Said(stage.address(voter), f"flood-{number}", stage.now, tap=Tap(message, place))
        )
    await stage.wait(1, "分钟")
    before = await hall.tables()
    await hall.close()
    return before, await hall.tables()


async def test_the_whole_database_is_the_same_whoever_voted_what(
    settings: Settings, knowledge: Knowledge, hall: Hall, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Two towns in which the same people spoke at the same moments, and only who chose what was another."""
    one = [number % 3 for number in range(30)]
    # The same votes in all, dealt to other people.
    other = one[1:] + one[:1]
    first = await _played(hall, one, [(4, 0), (5, 1)])
    if settings.database_url.startswith("sqlite"):
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "other.db")
        url, drop = f"sqlite:///{tmp_path / 'other.db'}", None
    else:
        server = request.getfixturevalue("postgres")
        await asyncio.to_thread(server.run, "CREATE DATABASE the_other_town TEMPLATE template_xiaomazha")
        url, drop = server.url("the_other_town"), "DROP DATABASE the_other_town WITH (FORCE)"
    stage = Stage(settings.model_copy(update={"database_url": url}), knowledge, restart=False)
    neighbours = Hall(stage, settings, 30)
    await neighbours.open()
    second = await _played(neighbours, other, [(4, 0), (5, 0)])
    await stage.close()
    if drop:
        await asyncio.to_thread(server.run, drop)
    for here, there in zip(first, second, strict=True):
        mine, theirs = _masked(here), _masked(there)
        for name, rows in mine.items():
            assert rows == theirs[name], name


async def test_no_word_of_a_choice_or_a_receipt_is_written_beside_a_person(hall: Hall) -> None:
    for number, voter in enumerate(hall.voters):
        await hall.vote(voter, number % 3)
    receipts = {hall.receipt(voter) for voter in hall.voters}
    assert len(receipts) == 30
    for when in ("before", "after"):
        if when == "after":
            await hall.close()
        tables = await hall.tables()
        assert len(tables["urn"]) == (0 if when == "before" else 30)
        for name, rows in tables.items():
            words = repr(rows)
            for receipt in receipts:
                if name != "urn":
                    assert receipt not in words, (when, name)
                    assert receipt.replace("-", "") not in words, (when, name)
        for row in tables["outbox"]:
            assert not re.search("(选了|选的是)：(要装|不要装|再想想)", row["body"])
        assert all(row["slip"] is None and row["envelope"] is None for row in tables["roll"]) is (when == "after")
    assert {row["receipt"] for row in tables["urn"]} == receipts


async def test_no_order_leads_from_the_urn_to_the_roll(hall: Hall) -> None:
    """Whoever pairs the first on any list with the first on any other does no better than by guessing."""
    choices = [(number * 7 + number // 4) % 3 for number in range(30)]
    for voter, option in zip(hall.voters, choices, strict=True):
        await hall.vote(voter, option)
    receipts = [hall.receipt(voter) for voter in hall.voters]
    await hall.close()
    tables = await hall.tables()
    urn = tables["urn"]
    # They lie in the order of their receipts, which is chance, and came all at once.
    assert [row["receipt"] for row in urn] == sorted(receipts)
    assert len({row.get("by_whom") for row in urn}) == 1
    if hall.settings.database_url.startswith("sqlite"):
        lying = _in_the_file(Path(hall.settings.database_url.removeprefix("sqlite:///")), receipts)
        assert lying in (sorted(receipts), sorted(receipts, reverse=True))
    whose = {(await _person(hall, voter)): option for voter, option in zip(hall.voters, choices, strict=True)}
    people = [
        [row["person_id"] for row in tables["roll"]],
        list(whose),
        [row["id"] for row in tables["people"] if row["id"] in whose],
    ]
    papers = [
        [row["paper"] for row in urn],
        [row["paper"] for row in sorted(urn, key=lambda row: row["paper"])],
    ]
    for persons in people:
        for listed in (*papers, *(each[::-1] for each in papers)):
            hits = sum(f"[{whose[person]}]" == paper for person, paper in zip(persons, listed, strict=True))
            # Ten of thirty by chance; as many as this once in fifty million times.
            assert hits < 25


async def _person(hall: Hall, voter: str) -> int:
    found = await hall.stage.service.desks.read(lambda desk: desk.people.at(hall.stage.address(voter)))
    assert found
    return found[1].id


def _in_the_file(path: Path, receipts: Sequence[str]) -> list[str]:
    """The receipts in the order in which their bytes lie in the database's file."""
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    raw = path.read_bytes()
    return sorted(receipts, key=lambda receipt: raw.index(receipt.encode()))


async def test_with_the_key_it_could_be_done_and_the_key_is_not_in_the_database(hall: Hall) -> None:
    """What the record of the decision says of a live administrator is so; and this is how one would look."""
    for number, voter in enumerate(hall.voters):
        await hall.vote(voter, number % 3)
    ballot = await hall.found()
    keys = hall.stage.service.desks.keys
    assert ballot.key
    seal = keys.seal(ballot.key)
    tables = await hall.tables()
    opened = {row["person_id"]: seal.open(row["slip"], row["envelope"]) for row in tables["roll"]}
    assert [opened[await _person(hall, voter)] for voter in hall.voters] == [(number % 3,) for number in range(30)]
    secret = (hall.settings.keys / ballot.key).read_bytes()
    assert not any(
        secret in value.encode() or secret.hex() in value
        for rows in tables.values()
        for row in rows
        for value in row.values()
        if isinstance(value, str)
    )
    await hall.close()
    # The backup from before the close, with everything in it, opens no more.
    with pytest.raises(KeyGone):
        keys.seal(ballot.key)
    assert keys.all() == set()


async def test_the_key_waits_for_the_last_receipts_and_not_longer(hall: Hall) -> None:
    await hall.vote("v00", 1)
    await hall.close(and_wait=False)
    keys = hall.stage.service.desks.keys
    assert len(keys.all()) == 1
    await hall.stage.wait(9, "分钟")
    assert len(keys.all()) == 1
    await hall.stage.wait(2, "分钟")
    assert keys.all() == set()
    [told] = [
        message.reply.text
        for _, message in await hall.stage.service.desks.read(lambda desk: _mailbox(desk, hall.stage.address("v00")))
        if "投票成功" in message.reply.text
    ]
    assert "您选了：（为了保密，表决结束后不再显示）" in told


async def _mailbox(desk: Desk, address: Address) -> list[tuple[int, Any]]:
    contact = await desk.people.find(address)
    assert contact
    return await desk.outbox.lying(contact, 0)


async def test_nothing_is_counted_or_listed_before_the_close(hall: Hall) -> None:
    for number, voter in enumerate(hall.voters[:6]):
        await hall.vote(voter, number % 2)
    ballot = await hall.found()
    desks = hall.stage.service.desks
    for look in (
        lambda desk: desk.ballots.envelopes(ballot),
        lambda desk: desk.ballots.recount(ballot),
        lambda desk: desk.ballots.receipts(ballot, 0, 10),
    ):
        with pytest.raises(ValueError):
            await desks.read(look)
    receipt = hall.receipt("v00")
    assert await desks.read(lambda desk: desk.ballots.find_receipt(receipt)) is None
    await hall.stage.say("v00", f"查票 {receipt}")
    assert any("没有这个回执号" in line for line in hall.stage.heard("v00"))
    person = (await desks.write(lambda desk: desk.people.meet(hall.stage.address("v00")))).person
    with pytest.raises(Refused):
        check_list(ballot, person)


async def test_a_vote_that_cannot_be_taken_is_not_put_aside_with_what_it_chose(hall: Hall) -> None:
    ballot = await hall.found()
    (hall.settings.keys / (ballot.key or "")).rename(hall.settings.keys / "elsewhere")
    await hall.vote("v00", 1)
    assert any(line.startswith("对不起，刚才没办成，请再试一次") for line in hall.stage.heard("v00"))
    tables = await hall.tables()
    assert tables["parked"] == []
    assert tables["roll"] == []
    (hall.settings.keys / "elsewhere").rename(hall.settings.keys / (ballot.key or ""))
    await hall.vote("v00", 1)
    assert hall.receipt("v00")


async def test_an_envelope_copied_to_somebody_else_is_noticed(hall: Hall) -> None:
    for voter in hall.voters[:3]:
        await hall.vote(voter, 0)
    person = [await _person(hall, voter) for voter in hall.voters[:3]]

    async def stuff(connection: Connection) -> None:
        await connection.execute(
            text(
                "UPDATE roll SET slip = (SELECT r.slip FROM roll r WHERE r.person_id = :one), "
                "envelope = (SELECT r.envelope FROM roll r WHERE r.person_id = :one) WHERE person_id = :two"
            ),
            {"one": person[0], "two": person[1]},
        )

    await hall.stage.service.desks.database.write(stuff)
    await hall.close()
    ballot = await hall.found()
    assert ballot.closed_at is not None
    assert ballot.result is None
    assert (await hall.tables())["urn"] == []


async def test_called_off_nothing_is_left_of_what_was_voted(hall: Hall) -> None:
    for voter in hall.voters[:5]:
        await hall.vote(voter, 0)
    await hall.stage.service.desks.write(
        lambda desk: desk.happen(BallotCancelled(hall.ballot, hall.host, "题目写错了"))
    )
    await hall.stage.wait(15, "分钟")
    tables = await hall.tables()
    assert (tables["roll"], tables["urn"]) == ([], [])
    assert hall.stage.service.desks.keys.all() == set()


async def test_the_list_adds_up_to_the_result_page_by_page(hall: Hall) -> None:
    for number, voter in enumerate(hall.voters):
        await hall.vote(voter, number % 3)
    await hall.close()
    hall.stage.heard("v00").clear()
    await hall.stage.say("v00", "[看票单]")
    seen = Counter(line.split()[1] for line in hall.stage.heard("v00") if re.match("[A-Z2-9]{4}-", line))
    hall.stage.heard("v00").clear()
    await hall.stage.say("v00", "[下一页]")
    seen += Counter(line.split()[1] for line in hall.stage.heard("v00") if re.match("[A-Z2-9]{4}-", line))
    assert seen == dict.fromkeys(OPTIONS, 10)
