"""Statistics: what a step changes is put down with it, gathered by area and day, and read in a few rows.

Nothing is ever worked out from the gathered numbers alone: `recount` makes them again from the journal, and agrees.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, tzinfo
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, select, union_all
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import URL

from domain.areas import prefix
from domain.cases import Case, Move, Part, Status, Step
from domain.statistics import Figures, Period, figures, wanted_rows
from domain.tally import FORM, Days, Mark, levels, minus, share, spans
from storage import facts
from storage.database import Connection, Database
from storage.tables import AreaCounts, CaseLog, Cases, CountChanges, Ratings

# Gathered in one transaction: a few milliseconds, then others have theirs.
_AT_ONCE = 1000
_LOCK = "xiaomazha:counts"
_FACT = "statistics"

_MARKS = (CaseLog.at, CaseLog.move, CaseLog.part, CaseLog.status, CaseLog.due_at)
_LIFE = (
    select(Cases.grid, Cases.category, Cases.round, *_MARKS)
    .join(CaseLog, CaseLog.case_id == Cases.id)
    .where(Cases.id == bindparam("case"))
    .order_by(CaseLog.number)
)
_SCORES = select(Ratings.score).where(Ratings.case_id == bindparam("case"), Ratings.round == bindparam("round"))
_NOTE = insert(CountChanges)
# One statement, one moment: what is gathered meanwhile is seen in one place and not in both.
_ROWS = union_all(
    select(AreaCounts.span, AreaCounts.counts).where(
        AreaCounts.area == bindparam("area"), AreaCounts.span.in_(bindparam("spans", expanding=True))
    ),
    select(CountChanges.grid, CountChanges.days).where(
        CountChanges.grid >= bindparam("start"), CountChanges.grid < bindparam("end")
    ),
)
_TAKE = (
    delete(CountChanges)
    .where(CountChanges.id.in_(select(CountChanges.id).order_by(CountChanges.id).limit(_AT_ONCE)))
    .returning(CountChanges.grid, CountChanges.days)
)
_OF_AREA = select(AreaCounts.span, AreaCounts.counts).where(AreaCounts.area == bindparam("area"))
_SOME = _OF_AREA.where(AreaCounts.span.in_(bindparam("spans", expanding=True)))
_NEW = insert(AreaCounts)
_PUT = _NEW.on_conflict_do_update(index_elements=["area", "span"], set_={"counts": _NEW.excluded.counts})

_days = msgspec.json.Decoder(dict[str, dict[str, int]])
_counts = msgspec.json.Decoder(dict[str, int])
# What a row holds, by its span; and that by area.
_Spans = dict[str, Counter[str]]


@dataclass(frozen=True, slots=True)
class _Life:
    """All of a case that counts."""

    grid: str
    category: str
    round: int
    marks: tuple[Mark, ...]
    scores: tuple[int, ...]


class StatisticsStore:
    """Reads and writes about statistics; `zone`: whose days they are counted by."""

    def __init__(self, connection: Connection, now: datetime, zone: tzinfo) -> None:
        self._db = connection
        self._now = now
        self._zone = zone

    async def opened(self, case: Case, step: Step) -> None:
        """Count a new case."""
        await self._note(case.grid, self._share(_Life(case.grid, case.category, case.round, (_mark(step, case),), ())))

    async def life(self, case_id: int) -> _Life:
        """A case as it is counted so far."""
        rows = (await self._db.execute(_LIFE, {"case": case_id})).all()
        grid, category, round_ = rows[0][:3] if rows else ("", "", 0)
        scores = tuple(await self._db.scalars(_SCORES, {"case": case_id, "round": round_}))
        return _Life(grid, category, round_, tuple(_read(row[3:]) for row in rows), scores)

    async def stepped(self, before: _Life, case: Case, step: Step) -> None:
        """Count what a step changes; `before` was read before it."""
        # Nobody has said yet what they make of a new round.
        scores = before.scores if case.round == before.round else ()
        marks = (*before.marks, _mark(step, case))
        await self.changed(before, _Life(case.grid, case.category, case.round, marks, scores))

    async def changed(self, before: _Life, after: _Life) -> None:
        """Count what makes the one of the other."""
        if before.grid == after.grid:
            await self._note(after.grid, minus(self._share(after), self._share(before)))
        else:
            await self._note(before.grid, minus({}, self._share(before)))
            await self._note(after.grid, self._share(after))

    async def rated(self, case: Case, score: int) -> None:
        """Count what somebody said of the result just now."""
        after = await self.life(case.id)
        scores = [*after.scores]
        scores.remove(score)
        await self.changed(replace(after, scores=tuple(scores)), after)

    def _share(self, life: _Life) -> Days:
        return share(life.category, life.marks, life.scores, self._zone)

    async def _note(self, grid: str, days: Days) -> None:
        if grid and days:
            await self._db.execute(_NOTE, {"grid": grid, "days": msgspec.json.encode(days).decode()})

    async def ready(self) -> bool:
        """Whether everything there is has been counted; after an upgrade it takes a while."""
        return await facts.get(self._db, _FACT) == FORM

    async def figures(self, area: str, period: Period, today: date) -> Figures:
        """An area's figures for a period, all of one moment."""
        return figures(await self._rows(area, wanted_rows(period, today)), period, today)

    async def _rows(self, area: str, wanted: Sequence[str]) -> dict[str, Counter[str]]:
        start = prefix(area)
        asked = {"area": area, "spans": [*wanted], "start": start, "end": start + ":"}
        found: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for where, counts in await self._db.execute(_ROWS, asked):
            # A grid's code is longer than any day's.
            if len(where) <= len("2026-11-23"):
                found[where].update(_counts.decode(counts))
                continue
            for day, changed in _days.decode(counts).items():
                for span in spans(day):
                    found[span].update(changed)
        return found


def _mark(step: Step, case: Case) -> Mark:
    return Mark(step.at, step.move, step.part, case.status, case.due_at)


def _read(row: Sequence[Any]) -> Mark:
    at, move, part, status, due_at = row
    return Mark(at, Move(move), Part(part) if part else None, Status(status), due_at)


# Gathering: what was put down with the steps becomes rows by area and day.


async def gather(database: Database) -> int:
    """Gather what has been put down; returns how many steps' changes. A crash in it changes nothing."""
    gathered = 0
    while took := await database.exclusive(_LOCK, _gather):
        gathered += took
        if took < _AT_ONCE:
            break
    return gathered


async def _gather(connection: Connection) -> int:
    taken = (await connection.execute(_TAKE)).all()
    areas: defaultdict[str, _Spans] = defaultdict(lambda: defaultdict(Counter))
    for grid, days in taken:
        for day, counts in _days.decode(days).items():
            for area in levels(grid):
                for span in spans(day):
                    areas[area][span].update(counts)
    for area, changed in sorted(areas.items()):
        await _add(area, changed, connection)
    return len(taken)


async def _add(area: str, changed: Mapping[str, Counter[str]], connection: Connection) -> None:
    asked = {"area": area, "spans": [*changed]}
    there = {span: _counts.decode(counts) for span, counts in await connection.execute(_SOME, asked)}
    rows = []
    for span, counts in changed.items():
        now = Counter(there.get(span, {}))
        now.update(counts)
        kept = {name: count for name, count in sorted(now.items()) if count}
        rows.append({"area": area, "span": span, "counts": msgspec.json.encode(kept).decode()})
    if rows:
        await connection.execute(_PUT, rows)


# Counting again: slow, and plainly right.


@dataclass(frozen=True, slots=True)
class Difference:
    """A number that is not what the journal says: of which area and row, what, as it was kept and as it is."""

    area: str
    span: str
    what: str
    kept: int
    counted: int


@dataclass(slots=True)
class Recount:
    """What a recount came through; of what differed the first few."""

    cases: int = 0
    rows: int = 0
    wrong: int = 0
    first: list[Difference] = field(default_factory=list)


_SHOWN = 50
_GRIDS = union_all(
    select(Cases.grid).distinct(), select(CountChanges.grid).distinct(), select(AreaCounts.area).distinct()
)
_OF_GRID = (
    select(Cases.id, Cases.category, *_MARKS)
    .join(CaseLog, CaseLog.case_id == Cases.id)
    .where(Cases.grid == bindparam("grid"))
    .order_by(Cases.id, CaseLog.number)
)
_RATED = (
    select(Ratings.case_id, Ratings.score)
    .join(Cases, Cases.id == Ratings.case_id)
    .where(Cases.grid == bindparam("grid"), Ratings.round == Cases.round)
)
_CHANGED = select(CountChanges.days).where(CountChanges.grid == bindparam("grid"))
_ANY = select(Cases.id).limit(1)


async def recount(database: Database, zone: tzinfo) -> Recount:
    """Count every case again from its journal, put right what differs, and say what did.

    It reads one moment of the database, and what it finds missing there is added: what is put down meanwhile is added
    besides, so nobody has to wait and nothing is counted twice. `database` should be one of its own: it reads long.
    """
    done = Recount()
    async with database.held("xiaomazha:recount"):
        await database.snapshot(lambda connection: _recount(connection, database, zone, done))
        await database.write(lambda connection: facts.put(connection, _FACT, FORM))
    return done


async def recounted(url: URL | str, zone: tzinfo) -> Recount:
    """The same by the database's address, over connections of its own: others are not kept waiting by a long read."""
    database = Database(url)
    try:
        return await recount(database, zone)
    finally:
        await database.close()


async def begin(connection: Connection) -> None:
    """Where there is no case yet, all is counted."""
    if await facts.get(connection, _FACT) is None and await connection.scalar(_ANY) is None:
        await facts.put(connection, _FACT, FORM)


async def _recount(connection: Connection, database: Database, zone: tzinfo, done: Recount) -> None:
    # Of the areas around the grids just read, what they should hold beyond what waits to be gathered.
    owed: dict[str, _Spans] = {}
    known = set(await connection.scalars(_GRIDS))
    grids = sorted(area for area in known if len(area) > 12)
    larger = {area for grid in grids for area in levels(grid)[1:]} | {area for area in known if len(area) <= 12}
    for grid in grids:
        for area in [area for area in owed if area not in levels(grid)]:
            await _settle(area, owed.pop(area), connection, database, done)
            larger.discard(area)
        theirs = await _count_grid(grid, zone, connection, done)
        for area in levels(grid):
            into = owed.setdefault(area, {})
            for day, counts in theirs.items():
                for span in spans(day):
                    into.setdefault(span, Counter()).update(counts)
    for area in (*owed, *sorted(larger - owed.keys())):
        await _settle(area, owed.get(area, {}), connection, database, done)


async def _count_grid(grid: str, zone: tzinfo, connection: Connection, done: Recount) -> Days:
    """What a grid's cases come to, less what waits to be gathered."""
    scores: defaultdict[int, list[int]] = defaultdict(list)
    for case, score in await connection.execute(_RATED, {"grid": grid}):
        scores[case].append(score)
    total: Days = defaultdict(Counter)
    rows = await connection.execute(_OF_GRID, {"grid": grid})
    for (case, category), steps in groupby(rows, key=lambda row: (row[0], row[1])):
        done.cases += 1
        for day, counts in share(category, [_read(step[2:]) for step in steps], scores.get(case, ()), zone).items():
            total[day].update(counts)
    for days in await connection.scalars(_CHANGED, {"grid": grid}):
        for day, changed in _days.decode(days).items():
            total[day].subtract(changed)
    return total


async def _settle(area: str, owed: _Spans, connection: Connection, database: Database, done: Recount) -> None:
    kept = {span: _counts.decode(counts) for span, counts in await connection.execute(_OF_AREA, {"area": area})}
    missing: _Spans = {}
    for span in owed.keys() | kept.keys():
        here, there = owed.get(span, Counter()), kept.get(span, {})
        done.rows += 1
        for what in here.keys() | there.keys():
            if change := here.get(what, 0) - there.get(what, 0):
                missing.setdefault(span, Counter())[what] = change
                done.wrong += 1
                if len(done.first) < _SHOWN:
                    done.first.append(Difference(area, span, what, there.get(what, 0), here.get(what, 0)))
    for some in _in_parts(missing):
        await database.exclusive(_LOCK, lambda writing, some=some: _add(area, some, writing))  # type: ignore[misc]


def _in_parts(missing: _Spans) -> Iterable[_Spans]:
    names = sorted(missing)
    for start in range(0, len(names), _AT_ONCE):
        yield {name: missing[name] for name in names[start : start + _AT_ONCE]}
