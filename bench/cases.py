"""Whether a million cases slow down those who report, work, look and count: the same paths at ten thousand, by turns.

Both databases have the same two thousand open cases: a district works through what comes in, however long it has been
doing so. What grows is what was closed, with its journal, its ratings, its reporters and its statistics.
"""

import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import text

from bench.lab import Lab, median
from bench.postgres import postgres
from bench.results import Figure
from bot.app import Knowledge, Service, build, learn
from config.settings import load
from domain.cases import OPEN, UNDONE, WITH_WORKER, CaseMoved, Move, ProblemReported, Score, Status
from domain.people import Role
from domain.statistics import Every, period
from storage import statistics
from storage.cases import Theirs
from storage.database import Connection
from storage.desk import Desk

FIRST = 10_000_001
NOW = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
YEARS = 5 * 365 * 86_400
_OPEN = 2000
_LARGE, _SMALL, _QUICK = 1_000_000, 10_000, 50_000
_DISTRICT = "230203000000"
_LAMP = "street-lamp"
_unlike = count(1)

Path_ = Callable[[Desk], Awaitable[object]]


@dataclass
class World:
    """A service and its database with so many cases; `first`: the number of the first who reported any."""

    service: Service
    cases: int
    lives: list[tuple[str, int]] = field(default_factory=list)
    waiting: list[tuple[int, int]] = field(default_factory=list)
    first: int = FIRST

    @property
    def people(self) -> int:
        return max(self.cases // 4, 1000)

    def paths(self, turn: int) -> dict[str, Path_]:
        """What is measured, each by its name; the next `turn` does the same elsewhere."""
        grid, worker = self.lives[turn * 7 % len(self.lives)]
        community = grid[:12]
        resident = self.first + (turn * 7919) % self.people
        case, its_worker = self.waiting[turn % len(self.waiting)]
        theirs = Theirs((community,), worker)
        today = self.service.district.day(NOW)
        reported = ProblemReported(resident, grid, _LAMP, f"幸福里 {turn} 栋", f"路灯不亮了 {next(_unlike)}")
        accepted = CaseMoved(case, Move.ACCEPT, its_worker)
        return {
            "opening": lambda desk: desk.happen(reported),
            "accepting": lambda desk: desk.happen(accepted),
            "page 待派": lambda desk: desk.cases.page(theirs, (Status.RETURNED,)),
            "page 待办": lambda desk: desk.cases.page(theirs, WITH_WORKER),
            "page 待核": lambda desk: desk.cases.page(theirs, (Status.DONE,)),
            "page 超期": lambda desk: desk.cases.page(theirs, UNDONE, due_before=NOW),
            "a community's open cases": lambda desk: desk.cases.in_area(community, OPEN),
            "the district's open cases": lambda desk: desk.cases.in_area(_DISTRICT, OPEN),
            "我的报事": lambda desk: desk.cases.of_reporter(resident),
            "the district's year": lambda desk: desk.statistics.figures(_DISTRICT, period(Every.YEAR, today), today),
            "a community's month": lambda desk: desk.statistics.figures(community, period(Every.MONTH, today), today),
        }


WRITES = ("opening", "accepting")


async def measure(lab: Lab) -> list[Figure]:
    knowledge = learn(load())
    figures = []
    with postgres(Path(tempfile.mkdtemp(prefix="xiaomazha-bench-pg-"))) as server:
        for kind in ("SQLite", "PostgreSQL"):
            worlds = []
            for size in (_QUICK if lab.quick else _LARGE, _SMALL):
                url = f"sqlite:///{lab.folder / f'cases-{size}.db'}" if kind == "SQLite" else await server.database()
                worlds.append(await filled(url, lab.folder, size, knowledge, lab.say))
            figures += await _compared(lab, kind, *worlds)
            for world in worlds:
                await world.service.desks.database.close()
            for left in lab.folder.glob("cases-*"):
                left.unlink()
    return figures


async def _compared(lab: Lab, kind: str, large: World, small: World) -> list[Figure]:
    taken: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in large.paths(0)}
    # Once unmeasured: statements are put together, pages are read in.
    for turn in range(25 * lab.rounds):
        for place, world in enumerate((large, small)):
            for name, path in world.paths(turn).items():
                began = time.perf_counter()
                await _once(world, name, path)
                if turn >= 5:
                    taken[name][place].append(time.perf_counter() - began)
    figures = []
    for name, (at_large, at_small) in taken.items():
        slow, fast = median(at_large) * 1000, median(at_small) * 1000
        lab.say(f"{kind} {name}: {slow:.2f} ms ÷ {fast:.2f} ms = {slow / fast:.2f}")
        figures.append(
            Figure(
                f"cases.{kind}.{name}",
                f"{name}, {large.cases:,} cases ÷ {small.cases:,}, {kind}",
                slow / fast,
                reach=2,
                lower=True,
                beside=f"{slow:.2f} ms beside {fast:.2f} ms",
            )
        )
    return figures


async def _once(world: World, name: str, path: Path_) -> None:
    desks = world.service.desks
    await (desks.write(path) if name in WRITES else desks.read(path))


# Filling.


async def filled(url: str, folder: Path, cases: int, knowledge: Knowledge, say: Callable[[str], None]) -> World:
    """A service on a new database with so many cases, counted."""
    began = time.perf_counter()
    service = build(
        load(database_url=url, files=folder / "files", keys=folder / "keys", http_port=0),
        clock=lambda: NOW,
        knowledge=knowledge,
    )
    await service.prepare()
    world = World(service, cases)
    models = await _models(service)
    await service.desks.database.write(partial(_fill, world, models))
    filled_in = time.perf_counter() - began
    began = time.perf_counter()
    counted = await statistics.recount(service.desks.database, service.district.timezone)
    say(
        f"{cases:,} cases filled in {filled_in:.0f} s, counted in {time.perf_counter() - began:.0f} s "
        f"({counted.rows:,} rows)"
    )
    return world


async def _models(service: Service) -> dict[Status, int]:
    """One case of each kind, lived through by the rules; the others are made from their rows."""
    desks = service.desks
    grid = "230203002001001"

    async def people(desk: Desk) -> tuple[int, int, int]:
        reporter, worker, staff = [await desk.people.add() for _ in range(3)]
        await desk.people.grant(worker, Role.GRIDWORKER, grid)
        await desk.people.grant(staff, Role.COMMUNITY, grid[:12])
        return reporter, worker, staff

    reporter, worker, _ = await desks.write(people)
    lives: dict[Status, tuple[CaseMoved, ...]] = {
        Status.DISPATCHED: (),
        Status.RETURNED: (CaseMoved(0, Move.RETURN, worker, "不在家"),),
        Status.HANDLING: (CaseMoved(0, Move.ACCEPT, worker),),
        Status.DONE: (CaseMoved(0, Move.ACCEPT, worker), CaseMoved(0, Move.FINISH, worker)),
        Status.CLOSED: (
            CaseMoved(0, Move.ACCEPT, worker),
            CaseMoved(0, Move.FINISH, worker),
            CaseMoved(0, Move.RATE, reporter, score=Score.GOOD),
        ),
    }
    made = {}
    for status, moves in lives.items():
        reported = ProblemReported(reporter, grid, _LAMP, "幸福里 3 栋", f"路灯不亮 {status}")

        async def live(desk: Desk, moves: Any = moves, reported: Any = reported) -> int:
            await desk.happen(reported)
            case = (await desk.cases.of_reporter(reporter))[0].id
            for move in moves:
                await desk.happen(CaseMoved(case, move.move, move.by, move.words, score=move.score))
            return case

        made[status] = await desks.write(live)
    return made


async def _fill(world: World, models: dict[Status, int], connection: Connection) -> None:
    """Multiply the models' rows in the database itself, changing only what must differ."""
    sqlite = connection.dialect.name == "sqlite"
    ask = partial(_execute, connection)
    base = int(NOW.timestamp()) - YEARS

    def moment(seconds: str) -> str:
        return (
            f"strftime('%Y-%m-%d %H:%M:%S.000000', {base} + {seconds}, 'unixepoch')"
            if sqlite
            else f"to_timestamp({base} + {seconds})"
        )

    def numbers(first: int, last: int) -> str:
        return (
            f"WITH RECURSIVE seq(n) AS (VALUES({first}) UNION ALL SELECT n + 1 FROM seq WHERE n < {last})"
            if sqlite
            else f"WITH seq(n) AS (SELECT generate_series({first}::bigint, {last}::bigint))"
        )

    await ask(
        "CREATE TEMP TABLE lives AS SELECT row_number() OVER (ORDER BY area) - 1 AS turn, area AS grid, "
        "min(person_id) AS worker FROM roles WHERE role = 'gridworker' GROUP BY area"
    )
    world.lives = [(grid, worker) for grid, worker in (await ask("SELECT grid, worker FROM lives ORDER BY turn")).all()]
    model = (await ask(f"SELECT reporter_id FROM cases WHERE id = {models[Status.CLOSED]}")).scalar_one()
    last = FIRST + world.cases - 1
    open_from = last - _OPEN + 1
    # The open ones in turn; their deadlines lie around now, so that some are overdue.
    when = f"(CAST(seq.n - {FIRST} AS BIGINT) * {YEARS} / {world.cases})"
    await _multiply(
        connection, "people", f"model.id = {model}", numbers(FIRST, FIRST + world.people - 1),
        {"id": "seq.n", "grid": "lives.grid", "contact_id": "NULL", "key": "NULL"}, len(world.lives),
    )  # fmt: skip
    kinds = [Status.DISPATCHED, Status.RETURNED, Status.HANDLING, Status.DONE]
    for status, id_ in models.items():
        closed = status is Status.CLOSED
        mine = "TRUE" if closed else f"seq.n % {len(kinds)} = {kinds.index(status)}"
        opened = when if closed else f"({YEARS} - 604800 + (seq.n * 37) % 600000)"
        await _multiply(
            connection, "cases", f"model.id = {id_} AND {mine}",
            numbers(FIRST, open_from - 1) if closed else numbers(open_from, last),
            {
                "id": "seq.n", "number": "'old-' || seq.n", "reporter_id": f"{FIRST} + (seq.n * 7919) % {world.people}",
                "grid": "lives.grid", "words": "'路灯不亮 ' || seq.n", "place": "'幸福里 ' || (seq.n % 90) || ' 栋'",
                "worker_id": "NULL" if status is Status.RETURNED else "lives.worker",
                "opened_at": moment(opened), "due_at": moment(f"{opened} + 259200"),
                **({"closed_at": moment(f"{opened} + 28800")} if closed else {}),
                **({"done_at": moment(f"{opened} + 21600")} if closed or status is Status.DONE else {}),
            },
            len(world.lives),
        )  # fmt: skip
        columns = [each for each in await _columns(connection, "case_log") if each != "id"]
        opened_at = "strftime('%s', done.opened_at)" if sqlite else "extract(epoch FROM done.opened_at)::bigint"
        since = f"{opened_at} - {base}"
        changed = {
            "case_id": "done.id",
            "at": moment(f"({since}) + (model.number - 1) * (1800 + (done.id % 97) * 300)"),
            "due_at": "done.due_at",
        }
        await ask(
            f"INSERT INTO case_log ({', '.join(columns)}) SELECT "
            f"{', '.join(changed.get(each, f'model.{each}') for each in columns)} "
            f"FROM cases AS done JOIN case_log AS model ON model.case_id = {id_} "
            f"WHERE done.id >= {FIRST} AND done.status = '{status}'"
        )
    await ask(
        "INSERT INTO ratings (case_id, person_id, round, score, at) "
        f"SELECT id, reporter_id, round, 1 + id % 3, closed_at FROM cases WHERE id >= {FIRST} AND closed_at IS NOT NULL"
    )
    world.waiting = [
        (case, worker)
        for case, worker in (
            await ask(f"SELECT id, worker_id FROM cases WHERE id >= {FIRST} AND status = 'dispatched' ORDER BY id")
        ).all()
    ]
    if not sqlite:
        for name in ("people", "cases"):
            await ask(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), {last + world.cases})")
        # As autovacuum would have by now.
        await ask("ANALYZE")


async def _execute(connection: Connection, statement: str) -> Any:
    return await connection.execute(text(statement.replace(":", r"\:")))


async def _columns(connection: Connection, table: str) -> list[str]:
    return [*(await connection.execute(text(f"SELECT * FROM {table} LIMIT 0"))).keys()]


async def _multiply(
    connection: Connection, table: str, which: str, numbers: str, changed: dict[str, str], grids: int
) -> None:
    columns = await _columns(connection, table)
    values = ", ".join(changed.get(column, f"model.{column}") for column in columns)
    body = (
        f"SELECT {values} FROM seq CROSS JOIN {table} AS model CROSS JOIN lives "
        f"WHERE lives.turn = seq.n % {grids} AND {which}"
    )
    await _execute(connection, f"{numbers} INSERT INTO {table} ({', '.join(columns)}) {body}")
