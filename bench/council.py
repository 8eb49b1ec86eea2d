"""The closing minute of a ballot of 300,000: votes a second, and how long after its second it is closed and counted.

The service's own turns, in this process, on a database in which everybody else has voted already; beside them the
plainest loop that is still correct, one INSERT … ON CONFLICT and one commit a vote, which seals nothing, answers
nobody and remembers no message. On SQLite that loop has the database to itself; on PostgreSQL it has as many
connections as the service may take.
"""

import asyncio
import json
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import msgspec
from sqlalchemy import insert, select, text

from bench.lab import Lab
from bench.postgres import postgres
from bench.results import Figure
from bot.app import Service, build
from bot.core.words import Address, Choice, Reply, Said, Tap
from config.settings import load
from domain.councils import BallotOpened
from domain.people import Role
from storage.database import Connection
from storage.desk import Desk
from storage.keys import new_slip
from storage.tables import Ballots, Contacts, Outbox, People, Roll

_GRID, _AREA = "230203002001001", "230203002001"
_OPTIONS = ("要装", "不要装", "再想想")
_START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
_CLOSES = _START + timedelta(days=1)
_FIRST, _BATCH, _AT_ONCE, _CONNECTIONS = 1_000_000, 5_000, 64, 8


async def measure(lab: Lab) -> list[Figure]:
    figures = await _on(lab, "SQLite", f"sqlite:///{lab.folder}/council.db", _plain_sqlite)
    with postgres(lab.folder / "council") as server:
        return figures + await _on(lab, "PostgreSQL", await server.database(), _plain_postgres)


async def _on(lab: Lab, name: str, url: str, plain: Callable[[str, int], Awaitable[float]]) -> list[Figure]:
    everybody, late = (20_000, 500) if lab.quick else (300_000, 6_000)
    hall = _Hall(url, lab.folder)
    service = hall.service
    await service.prepare()
    ballot = await hall.filled(everybody, late)
    lab.say(f"{name}: {everybody:,} eligible, {late:,} of them vote now")
    hall.now = _CLOSES - timedelta(minutes=1)
    began, worked = time.perf_counter(), time.process_time()
    await _all(hall.votes(range(late)))
    rate, per_second = late / (time.perf_counter() - began), late / (time.process_time() - worked)
    # The closing second: half of these come before it and half after, and the bell rings in between.
    hall.now = _CLOSES - timedelta(seconds=1)
    await _all(hall.votes(range(late, late + 50)))
    hall.now = _CLOSES
    began = time.perf_counter()
    ringing = asyncio.create_task(_closed(service, ballot))
    await _all(hall.votes(range(late + 50, late + 100)))
    closed = await ringing - began
    await service.teller.refresh()
    counted = time.perf_counter() - began
    found = await service.desks.read(lambda desk: desk.ballots.get(ballot))
    assert found.result is not None
    # Everybody but the fifty who came after the close.
    assert found.result.votes == everybody - 50, found.result.votes
    await service.desks.database.close()
    limit = await plain(url, late)
    figures = [
        Figure(
            f"council.{name}.votes",
            f"votes a second at the close, {everybody:,} eligible, {name}",
            rate,
            "votes/s",
            reach=200,
            aim=400,
            beside=f"plain loop {limit:,.0f}/s; {per_second:,.0f} votes a second of our processor",
        ),
        Figure(f"council.{name}.close", f"closed after its second, {name}", closed, "s", reach=1, aim=0.2, lower=True),
        Figure(
            f"council.{name}.count", f"closed, counted, told: {everybody:,} papers, {name}", counted, "s", lower=True
        ),
    ]
    for each in figures:
        lab.say(f"{each.what}: {each.value:.2f} {each.unit}; {each.beside}")
    return figures


class _Hall:
    """A service at a clock of ours, and everybody's chats."""

    def __init__(self, url: str, folder: Path) -> None:
        self.now = _START
        settings = load(database_url=url, files=folder / "council-files", keys=folder / "council-keys", http_port=0)
        self.service: Service = build(settings, clock=lambda: self.now)
        self._message = 0

    async def filled(self, everybody: int, late: int) -> int:
        """Everybody lives there and has a chat; all but the late and a hundred more have voted."""
        desks = self.service.desks

        async def open_(desk: Desk) -> None:
            host = (await desk.people.meet(Address("web", "chat", "host"))).person.id
            await desk.people.grant(host, Role.COUNCIL_HOST, _AREA)
            await desk.happen(BallotOpened(host, _AREA, "要不要装充电桩", _OPTIONS, _CLOSES))

        await desks.write(open_)
        ballot = await desks.database.read(_last_ballot)
        # The district's own sample residents are not of this count.
        await desks.database.write(lambda connection: _run(connection, "UPDATE people SET grid = NULL"))
        seal = desks.keys.seal((await desks.read(lambda desk: desk.ballots.get(ballot))).key or "")
        for start in range(0, everybody, _BATCH):
            numbers = range(_FIRST + start, _FIRST + min(start + _BATCH, everybody))
            voted = [number for number in numbers if number >= _FIRST + late + 100]
            slips = {number: new_slip() for number in voted}
            roll = [
                {"ballot_id": ballot, "voter": number, "person_id": number, "slip": slip, "how": "chat",
                 "envelope": seal.shut(slip, (number % 3,))}
                for number, slip in slips.items()
            ]  # fmt: skip
            await desks.database.write(lambda connection, rows=numbers, roll=roll: _fill(connection, rows, roll))  # type: ignore[misc]
        given = [{"ballot": str(ballot), "option": str(place)} for place in range(3)]
        choices = tuple(Choice(each, opens="vote", given=one) for each, one in zip(_OPTIONS, given, strict=True))
        body = msgspec.json.encode(Reply("请您表决", choices)).decode()
        await desks.database.write(lambda connection: _lay(connection, range(_FIRST, _FIRST + late + 100), body))
        return ballot

    def votes(self, places: range) -> list[Awaitable[None]]:
        """One tap of each."""
        return [self.service.turns.take(self._tap(_FIRST + place)) for place in places]

    def _tap(self, number: int) -> Said:
        return Said(Address("web", "chat", f"c{number}"), f"vote-{number}", self.now, tap=Tap(number, number % 3))


async def _last_ballot(connection: Connection) -> int:
    return int(await connection.scalar(select(Ballots.id).order_by(Ballots.id.desc()).limit(1)))


async def _run(connection: Connection, statement: str) -> None:
    await connection.execute(text(statement))


async def _fill(connection: Connection, numbers: Sequence[int], roll: list[dict[str, object]]) -> None:
    await connection.execute(
        insert(People),
        [{"id": each, "phone_public": False, "hours": "", "language": "zh", "grid": _GRID, "contact_id": each,
          "sample": False, "created_at": _START} for each in numbers],
    )  # fmt: skip
    await connection.execute(
        insert(Contacts),
        [{"id": each, "platform": "web", "account": "chat", "chat": f"c{each}", "person_id": each, "state": "",
          "heard_at": _START} for each in numbers],
    )  # fmt: skip
    if roll:
        await connection.execute(insert(Roll), roll)


async def _lay(connection: Connection, numbers: Sequence[int], body: str) -> None:
    """Everybody who votes now has been asked: the message they tap."""
    await connection.execute(
        insert(Outbox),
        [{"id": each, "contact_id": each, "lane": "web:chat", "kind": "reminder", "priority": 3, "body": body,
          "state": "sent", "attempts": 1, "queued_at": _START, "due_at": _START, "sent_at": _START}
         for each in numbers],
    )  # fmt: skip


async def _closed(service: Service, ballot: int) -> float:
    """The bell rings, and goes on to count; when the close was kept, as somebody else sees it."""
    ringing = asyncio.create_task(service.bell.ring())
    while (await service.desks.read(lambda desk: desk.ballots.get(ballot))).closed_at is None:  # noqa: ASYNC110
        # Nothing but time can be waited for: the row is all that tells.
        await asyncio.sleep(0.005)
    moment = time.perf_counter()
    await ringing
    return moment


async def _all(votes: Sequence[Awaitable[None]]) -> None:
    """So many at once, as they come to a service."""
    waiting = iter(votes)

    async def worker() -> None:
        for vote in waiting:
            await vote

    await asyncio.gather(*(worker() for _ in range(_AT_ONCE)))


_TABLE = "CREATE TABLE plain (ballot int, voter int, paper text, PRIMARY KEY (ballot, voter))"
_UPSERT = "INSERT INTO plain VALUES ({}) ON CONFLICT (ballot, voter) DO UPDATE SET paper = excluded.paper"


async def _plain_sqlite(url: str, votes: int) -> float:
    def loop() -> float:
        with sqlite3.connect(url.removeprefix("sqlite:///")) as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA synchronous=FULL")
            database.execute(_TABLE)
            database.commit()
            began = time.perf_counter()
            for number in range(votes):
                database.execute(_UPSERT.format("?, ?, ?"), (1, number, json.dumps([number % 3])))
                database.commit()
            return votes / (time.perf_counter() - began)

    return await asyncio.to_thread(loop)


async def _plain_postgres(url: str, votes: int) -> float:
    pool = await asyncpg.create_pool(url, min_size=_CONNECTIONS, max_size=_CONNECTIONS)
    await pool.execute(_TABLE)
    began = time.perf_counter()
    waiting = iter(range(votes))

    async def worker() -> None:
        for number in waiting:
            await pool.execute(_UPSERT.format("$1, $2, $3"), 1, number, json.dumps([number % 3]))

    await asyncio.gather(*(worker() for _ in range(_CONNECTIONS)))
    rate = votes / (time.perf_counter() - began)
    await pool.close()
    return rate
