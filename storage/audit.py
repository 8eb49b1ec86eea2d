"""The journal of all cases: sealed every few minutes, and read through from end to end by whoever doubts it."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from itertools import groupby
from typing import Any

from sqlalchemy import bindparam, exists, func, insert, select, text
from sqlalchemy.orm import aliased

from domain import journal
from domain.cases import Move, Part
from storage.database import Connection, Database
from storage.tables import CaseLog, CasePhotos, Cases, People, Seals

_CASES, _ROWS = 200, 2000
_GUARDS = ("case_log_stays", "case_log_remains", "seals_stay", "seals_remain")
# Whoever adds a step holds the table: once we have it, every step numbered so far is there for good or never will be.
_ALL_IN = text("LOCK TABLE case_log IN SHARE MODE")
_NOT_LONG = text("SET LOCAL lock_timeout = '500ms'")

_INTO = aliased(People)
_LAST_SEAL = (
    select(Seals.number, Seals.at, Seals.through, Seals.count, Seals.digest).order_by(Seals.number.desc()).limit(1)
)
_SEALS = (
    select(Seals.number, Seals.at, Seals.through, Seals.count, Seals.digest)
    .where(Seals.number > bindparam("after"))
    .order_by(Seals.number)
    .limit(_CASES)
)
_DIGESTS = (
    select(CaseLog.id, CaseLog.digest)
    .where(CaseLog.id > bindparam("after"), CaseLog.id <= bindparam("through"))
    .order_by(CaseLog.id)
    .limit(_ROWS)
)
_UPTO = select(func.max(Cases.id)).where(
    Cases.id.in_(select(Cases.id).where(Cases.id > bindparam("after")).order_by(Cases.id).limit(_CASES))
)
_JOURNALS = (
    select(
        Cases.id.label("case"),
        Cases.number.label("receipt"),
        Cases.grid,
        Cases.place,
        Cases.words.label("reported"),
        Cases.status.label("status_now"),
        Cases.round.label("round_now"),
        Cases.due_at.label("due_now"),
        Cases.steps,
        Cases.head,
        CaseLog.number,
        CaseLog.at,
        CaseLog.person_id,
        CaseLog.part,
        CaseLog.move,
        CaseLog.target,
        CaseLog.status,
        CaseLog.round,
        CaseLog.due_at,
        CaseLog.words,
        CaseLog.salt,
        CaseLog.said,
        CaseLog.digest,
        People.forgotten_at,
        People.merged_into,
        _INTO.forgotten_at.label("into_forgotten_at"),
    )
    .outerjoin(CaseLog, CaseLog.case_id == Cases.id)
    .outerjoin(People, People.id == CaseLog.person_id)
    .outerjoin(_INTO, _INTO.id == People.merged_into)
    .where(Cases.id > bindparam("after"), Cases.id <= bindparam("upto"))
    .order_by(Cases.id, CaseLog.number)
)
_PHOTOS = (
    select(CasePhotos.case_id, CasePhotos.step, CasePhotos.photo)
    .where(CasePhotos.case_id > bindparam("after"), CasePhotos.case_id <= bindparam("upto"))
    .order_by(CasePhotos.id)
)


class Trouble(StrEnum):
    """What may be found wrong."""

    GUARD = "guard"
    ORPHAN = "orphan"
    EMPTY = "empty"
    GAP = "gap"
    CHANGED = "changed"
    WORDS = "words"
    ERASED = "erased"
    TAIL = "tail"
    CASE = "case"
    SEAL = "seal"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it was put down: where (a trigger, a receipt, a seal), at which step, and what."""

    where: str
    step: int
    what: Trouble


@dataclass(frozen=True, slots=True)
class Seal:
    """One digest over all steps up to the row `through`; `count` of them are new in it."""

    number: int
    at: datetime
    through: int
    count: int
    digest: bytes


@dataclass(slots=True)
class Tally:
    """What a reading has come through so far; `unsealed` steps came after the last seal."""

    cases: int = 0
    steps: int = 0
    erased: int = 0
    seals: int = 0
    unsealed: int = 0
    problems: int = 0
    last: Seal | None = None


async def seal(database: Database, now: datetime) -> Seal | None:
    """Seal the steps that came since the last seal; None when none did.

    Raises:
        Unavailable: somebody holds the journal for longer than others should wait; the next time will do.
    """
    through = await database.write(_all_in)
    if through is None:
        return None
    return await database.exclusive("xiaomazha:seal", partial(_seal, now, through))


async def _all_in(connection: Connection) -> int | None:
    """The last step there is, when none before it can still come; None when it is sealed."""
    newest = await _newest(connection)
    last = await _last_seal(connection)
    if newest <= (last.through if last else 0):
        return None
    if connection.dialect.name == "postgresql":
        await connection.execute(_NOT_LONG)
        await connection.execute(_ALL_IN)
        newest = await _newest(connection)
    return newest


async def _newest(connection: Connection) -> int:
    return await connection.scalar(select(func.max(CaseLog.id))) or 0


async def _last_seal(connection: Connection) -> Seal | None:
    row = (await connection.execute(_LAST_SEAL)).one_or_none()
    return Seal(*row) if row else None


async def _seal(now: datetime, through: int, connection: Connection) -> Seal | None:
    last = await _last_seal(connection)
    after = last.through if last else 0
    if through <= after:
        return None
    roll = journal.Roll()
    while rows := (await connection.execute(_DIGESTS, {"after": after, "through": through})).all():
        for step, digest in rows:
            roll.take(step, digest)
        after = rows[-1].id
    number = last.number + 1 if last else 1
    digest = roll.seal(last.digest if last else b"", number, now, through)
    made = Seal(number, now, through, roll.count, digest)
    await connection.execute(
        insert(Seals), {"number": number, "at": now, "through": through, "count": made.count, "digest": digest}
    )
    return made


async def seal_of(database: Database, number: int) -> Seal | None:
    """One seal by its number."""
    rows = await database.read(partial(_seals_after, number - 1))
    return rows[0] if rows and rows[0].number == number else None


async def read_through(database: Database, tally: Tally) -> AsyncIterator[Problem]:
    """Read every step and every seal, a few hundred cases at a time; `tally` is filled on the way.

    What is done meanwhile does no harm: a case and its journal are read in one statement.
    """
    async for problem in _through(database, tally):
        tally.problems += 1
        yield problem


async def _through(database: Database, tally: Tally) -> AsyncIterator[Problem]:
    there = await database.read(_guards)
    for name in _GUARDS:
        if name not in there:
            yield Problem(name, 0, Trouble.GUARD)
    for step in await database.read(_orphans):
        yield Problem("", step, Trouble.ORPHAN)
    after = 0
    while (page := await database.read(partial(_page, after))) is not None:
        after, rows, photos = page
        for _, journal_rows in groupby(rows, key=lambda row: row["case"]):
            for problem in _check_case([*journal_rows], photos, tally):
                yield problem
    async for problem in _check_seals(database, tally):
        yield problem


async def _guards(connection: Connection) -> set[str]:
    if connection.dialect.name == "postgresql":
        return set(await connection.scalars(text("SELECT tgname FROM pg_trigger WHERE tgenabled <> 'D'")))
    return set(await connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")))


async def _orphans(connection: Connection) -> list[int]:
    lost = ~exists().where(Cases.id == CaseLog.case_id)
    return list(await connection.scalars(select(CaseLog.id).where(lost).order_by(CaseLog.id).limit(20)))


_Photos = dict[tuple[int, int], list[str]]


async def _page(after: int, connection: Connection) -> tuple[int, list[dict[str, Any]], _Photos] | None:
    """The journals of the next cases, as plain rows, and their photos by case and step."""
    upto = await connection.scalar(_UPTO, {"after": after})
    if upto is None:
        return None
    asked = {"after": after, "upto": upto}
    rows = [dict(row) for row in (await connection.execute(_JOURNALS, asked)).mappings()]
    photos: _Photos = defaultdict(list)
    for case, step, photo in await connection.execute(_PHOTOS, asked):
        photos[case, step].append(photo)
    return upto, rows, photos


def _check_case(rows: Sequence[dict[str, Any]], photos: _Photos, tally: Tally) -> Iterator[Problem]:
    case = rows[0]
    receipt = case["receipt"]
    tally.cases += 1
    if case["number"] is None:
        yield Problem(receipt, 0, Trouble.EMPTY)
        return
    head = b""
    for place, row in enumerate(rows, 1):
        tally.steps += 1
        if row["number"] != place:
            yield Problem(receipt, place, Trouble.GAP)
            return
        entry = journal.Entry(
            case["case"],
            place,
            row["at"],
            row["person_id"],
            row["part"],
            row["move"],
            row["status"],
            row["round"],
            row["due_at"],
            row["target"],
            row["said"],
            tuple(photos.get((case["case"], place), ())),
        )
        head = journal.digest(head, entry)
        if head != row["digest"]:
            yield Problem(receipt, place, Trouble.CHANGED)
            # What follows was chained to what it says.
            head = row["digest"]
        if problem := _check_words(row, tally):
            yield Problem(receipt, place, problem)
    last = rows[-1]
    if (case["steps"], case["head"]) != (len(rows), last["digest"]):
        yield Problem(receipt, len(rows), Trouble.TAIL)
    if (last["status"], last["round"], last["due_at"]) != (case["status_now"], case["round_now"], case["due_now"]):
        yield Problem(receipt, len(rows), Trouble.CASE)


def _check_words(row: dict[str, Any], tally: Tally) -> Trouble | None:
    """Whether the words are those that were said, or were erased because whoever said them wanted to be forgotten."""
    if row["said"] is None:
        return Trouble.WORDS if row["words"] else None
    if row["salt"] is None:
        tally.erased += 1
        forgotten = row["into_forgotten_at"] if row["merged_into"] else row["forgotten_at"]
        return None if forgotten and row["part"] in (Part.REPORTER, Part.FOLLOWER, "") else Trouble.ERASED
    told = (row["grid"], row["place"], row["reported"]) if row["move"] == Move.OPEN else (row["words"] or "",)
    return None if journal.said(row["salt"], *told) == row["said"] else Trouble.WORDS


async def _check_seals(database: Database, tally: Tally) -> AsyncIterator[Problem]:
    last: Seal | None = None
    while seals := await database.read(partial(_seals_after, last.number if last else 0)):
        for each in seals:
            roll = journal.Roll()
            after = last.through if last else 0
            while rows := await database.read(partial(_digests, after, each.through)):
                for step, digest in rows:
                    roll.take(step, digest)
                after = rows[-1][0]
            number = last.number + 1 if last else 1
            digest = roll.seal(last.digest if last else b"", number, each.at, each.through)
            if (number, roll.count, digest) != (each.number, each.count, each.digest):
                yield Problem(str(each.number), 0, Trouble.SEAL)
            last = each
            tally.seals += 1
    tally.last = last
    tally.unsealed = await database.read(partial(_count_after, last.through if last else 0))


async def _seals_after(number: int, connection: Connection) -> list[Seal]:
    return [Seal(*row) for row in await connection.execute(_SEALS, {"after": number})]


async def _digests(after: int, through: int, connection: Connection) -> list[tuple[int, bytes]]:
    rows = await connection.execute(_DIGESTS, {"after": after, "through": through})
    return [(step, digest) for step, digest in rows]


async def _count_after(step: int, connection: Connection) -> int:
    return await connection.scalar(select(func.count()).select_from(CaseLog).where(CaseLog.id > step)) or 0
