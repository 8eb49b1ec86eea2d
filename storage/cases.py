"""Cases: opened, moved, looked up by those who may."""

import secrets
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, tzinfo
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    delete,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from domain import journal
from domain.areas import prefix
from domain.cases import OPEN, UNDONE, Case, Move, Part, ProblemReported, Status, Step
from domain.people import STAFF, Held, Person, Role
from storage.database import Connection
from storage.statistics import StatisticsStore
from storage.tables import CaseLog, CasePhotos, Cases, Followers, Moment, Ratings

# So many of one kind in one grid at a time: among them the like one is found.
_NEAREST = 50


class Near(NamedTuple):
    """What of an open case tells whether somebody met with the same."""

    id: int
    number: str
    place: str
    words: str
    opened_at: datetime
    anonymous: bool = False


# A case is read by its fields' order.
_FIELDS = [each.name for each in fields(Case)]
CASE = tuple(getattr(Cases, name) for name in _FIELDS)
_STATUS, _DOERS, _LEVEL = (_FIELDS.index(name) for name in ("status", "doers", "level"))
_CALLED = _FIELDS.index("called")

# Made once: to put a statement together anew costs ten times what running it does.
_GET = select(*CASE).where(Cases.id == bindparam("case"))
_GET_LOCKED = select(*CASE, Cases.steps, Cases.head).where(Cases.id == bindparam("case")).with_for_update()
_RECEIPT = (
    update(Cases)
    .where(Cases.id == bindparam("case"))
    .values(number=bindparam("receipt"), steps=bindparam("taken"), head=bindparam("last"))
)
# All that may change in a case's life, whatever did: one statement, put together once.
_CHANGING = (
    "reporter_id",
    "category",
    "status",
    "worker_id",
    "due_at",
    "done_at",
    "closed_at",
    "rating",
    "round",
    "doers",
    "checker_id",
    "hung_at",
    "look_at",
    "asked_until",
    "asked_by",
    "asked_rank",
    "reopen_until",
    "merged_into",
    "level",
    "department",
    "answer_by",
    "called",
    "offered_to",
    "anonymous",
    "version",
)
_CHANGE = (
    update(Cases)
    .where(Cases.id == bindparam("case"))
    .values(
        {name: bindparam(f"new_{name}") for name in _CHANGING}
        | {"steps": bindparam("taken"), "head": bindparam("last")}
    )
)
_SAME = (
    select(*CASE)
    .where(
        Cases.reporter_id == bindparam("by"),
        Cases.opened_at > bindparam("since"),
        Cases.place == bindparam("where"),
        Cases.words == bindparam("what"),
        Cases.status.in_([literal_column(f"'{status}'") for status in OPEN]),
    )
    .limit(1)
)
_NEAR = (
    select(Cases.id, Cases.number, Cases.place, Cases.words, Cases.opened_at, Cases.anonymous)
    .where(
        Cases.grid == bindparam("grid"),
        Cases.category == bindparam("category"),
        # Spelled out: bound, they would keep the index of the open ones from being used.
        Cases.status.in_([literal_column(f"'{status}'") for status in UNDONE]),
        Cases.opened_at >= bindparam("since"),
        or_(Cases.reporter_id.is_(None), Cases.reporter_id != bindparam("by")),
    )
    .order_by(Cases.id.desc())
    .limit(_NEAREST)
)
_OPEN = insert(Cases).returning(Cases.id)
_LOG = insert(CaseLog)
_FOLLOWS = select(Followers.person_id).where(
    Followers.case_id == bindparam("case"), Followers.person_id == bindparam("person")
)
_FOLLOWERS = (
    select(Followers.person_id)
    .where(Followers.case_id == bindparam("case"))
    .order_by(Followers.at, Followers.person_id)
)
_ADD_PHOTOS = insert(CasePhotos)
_STEPS = (
    select(CaseLog.at, CaseLog.person_id, CaseLog.move, CaseLog.words, CaseLog.part, CaseLog.target)
    .where(CaseLog.case_id == bindparam("case"))
    .order_by(CaseLog.number)
)
_PHOTOS = (
    select(CasePhotos.photo)
    .where(CasePhotos.case_id == bindparam("case"), CasePhotos.stage == bindparam("stage"))
    .order_by(CasePhotos.id)
)


@dataclass(frozen=True, slots=True)
class Theirs:
    """Which cases somebody may look through: those of these areas, and what was given to them or their departments."""

    areas: tuple[str, ...]
    person_id: int
    departments: tuple[Held, ...] = ()


def theirs(person: Person) -> Theirs:
    """The cases this person may look through."""
    return Theirs(person.areas(*STAFF), person.id, tuple(held for held in person.roles if held.role is Role.DEPARTMENT))


class _End(NamedTuple):
    """Where a case's journal ends: how many steps it has, and the digest of the last."""

    steps: int = 0
    head: bytes = b""


class CaseStore:
    """Reads and writes about cases."""

    def __init__(self, connection: Connection, now: datetime, zone: tzinfo) -> None:
        self._db = connection
        self._now = now
        self._statistics = StatisticsStore(connection, now, zone)
        # Of the cases locked in this transaction: nobody else can add a step meanwhile.
        self._ends: dict[int, _End] = {}

    async def open(
        self,
        reported: ProblemReported,
        worker_id: int | None,
        due_at: datetime,
        zone: ZoneInfo,
        version: str | None = None,
    ) -> Case:
        """A new case, dispatched to a worker, or waiting for staff when there is none; `version`: of its category."""
        status = Status.DISPATCHED if worker_id else Status.RETURNED
        number = await self._db.scalar(
            _OPEN,
            {
                "number": f"new-{secrets.token_hex(8)}",
                "reporter_id": reported.by,
                "grid": reported.grid,
                "category": reported.category,
                "place": reported.place,
                "words": reported.words,
                "latitude": reported.latitude,
                "longitude": reported.longitude,
                "status": status,
                "worker_id": worker_id,
                "opened_at": self._now,
                "due_at": due_at,
                "round": 1,
                "happened_on": reported.happened_on,
                "anonymous": reported.anonymous,
                "version": version,
            },
        )
        if number is None:
            raise LookupError("the database gave no number for a new case")
        case = Case(
            id=number,
            number=f"{self._now.astimezone(zone):%y%m%d}-{number:04d}",
            reporter_id=reported.by,
            grid=reported.grid,
            category=reported.category,
            place=reported.place,
            words=reported.words,
            status=status,
            worker_id=worker_id,
            opened_at=self._now,
            due_at=due_at,
            latitude=reported.latitude,
            longitude=reported.longitude,
            happened_on=reported.happened_on,
            anonymous=reported.anonymous,
            version=version,
        )
        self._ends[number] = _End()
        step = Step(self._now, reported.by, Move.OPEN, part=Part.REPORTER)
        end = await self._log(case, step, reported.photos, "reported")
        await self._statistics.opened(case, step)
        await self._db.execute(_RECEIPT, {"case": number, "receipt": case.number, "taken": end.steps, "last": end.head})
        return case

    async def same(self, reported: ProblemReported, since: datetime) -> Case | None:
        """An open case with the same reporter, place and words, opened since then."""
        asked = {"by": reported.by, "since": since, "where": reported.place, "what": reported.words}
        row = (await self._db.execute(_SAME, asked)).one_or_none()
        return as_case(row) if row else None

    async def beside(self, case: Case, limit: int = 10) -> list[Case]:
        """The newest cases of the same community that may be about the same, those of its grid first."""
        start = prefix(case.grid[:12])
        rows = await self._db.execute(
            select(*CASE)
            .where(
                Cases.grid >= start,
                Cases.grid < start + ":",
                Cases.status.in_(UNDONE),
                Cases.category == case.category,
                Cases.id != case.id,
            )
            .order_by((Cases.grid != case.grid), Cases.id.desc())
            .limit(limit)
        )
        return [as_case(row) for row in rows]

    async def near(
        self, grid: str, category: str, since: datetime, unless: int, same: Callable[[Near], bool]
    ) -> Near | None:
        """The newest that is the same among a grid's cases of a category, not done yet, opened since by others."""
        found = await self._db.execute(_NEAR, {"grid": grid, "category": category, "since": since, "by": unless})
        try:
            # Row by row: mostly the first one will do.
            return next((near for row in found if same(near := Near(*row))), None)
        finally:
            found.close()

    async def follow(self, case_id: int, person_id: int) -> None:
        """Let somebody hear of a case as its reporter does."""
        row = insert(Followers).values(case_id=case_id, person_id=person_id, at=self._now)
        await self._db.execute(row.on_conflict_do_nothing())

    async def follows(self, case_id: int, person_id: int) -> bool:
        """Whether somebody hears of a case without being its reporter."""
        return await self._db.scalar(_FOLLOWS, {"case": case_id, "person": person_id}) is not None

    async def join(self, case: Case, kept: Case) -> None:
        """Whoever reported or followed a case hears of another instead, which it was merged into."""
        moving = select(literal(kept.id), Followers.person_id, Followers.at, Followers.own_case).where(
            Followers.case_id == case.id, Followers.person_id != (kept.reporter_id or 0)
        )
        columns = ["case_id", "person_id", "at", "own_case"]
        await self._db.execute(insert(Followers).from_select(columns, moving).on_conflict_do_nothing())
        await self.unfollow(case.id)
        if case.reporter_id not in (None, kept.reporter_id):
            mine = insert(Followers).values(case_id=kept.id, person_id=case.reporter_id, at=self._now, own_case=case.id)
            await self._db.execute(
                mine.on_conflict_do_update(index_elements=["case_id", "person_id"], set_={"own_case": case.id})
            )

    async def merged(self, case_id: int) -> list[int]:
        """Those whose own reports were merged into a case, in the order they came."""
        return list(
            await self._db.scalars(
                select(Followers.person_id)
                .where(Followers.case_id == case_id, Followers.own_case.is_not(None))
                .order_by(Followers.at, Followers.person_id)
            )
        )

    async def rated(self, case: Case, person_id: int) -> bool:
        """Whether somebody has said in this round what they make of the result."""
        theirs = (Ratings.case_id == case.id, Ratings.person_id == person_id, Ratings.round == case.round)
        return await self._db.scalar(select(Ratings.score).where(*theirs)) is not None

    async def rate(self, case: Case, person_id: int, score: int) -> bool:
        """Keep what somebody makes of the result; False when they have said so in this round."""
        rated = insert(Ratings).values(
            case_id=case.id, person_id=person_id, round=case.round, score=score, at=self._now
        )
        added = await self._db.scalar(rated.on_conflict_do_nothing().returning(Ratings.case_id))
        if added is None:
            return False
        await self._statistics.rated(case, score)
        return True

    async def unfollow(self, case_id: int, person_id: int | None = None) -> None:
        """Let somebody hear of it no more; None: nobody."""
        theirs = [] if person_id is None else [Followers.person_id == person_id]
        await self._db.execute(delete(Followers).where(Followers.case_id == case_id, *theirs))

    async def followers(self, case_id: int) -> list[int]:
        """Who follows a case, in the order they came."""
        return list(await self._db.scalars(_FOLLOWERS, {"case": case_id}))

    async def get(self, case_id: int, *, lock: bool = False) -> Case:
        """One case.

        Raises:
            LookupError: there is none with that number.
        """
        row = (await self._db.execute(_GET_LOCKED if lock else _GET, {"case": case_id})).one_or_none()
        if row is None:
            raise LookupError(f"no case {case_id}")
        if lock:
            *_, steps, head = row
            self._ends[case_id] = _End(steps, head)
        return as_case(row)

    async def find(self, case_id: int) -> Case | None:
        row = (await self._db.execute(_GET, {"case": case_id})).one_or_none()
        return as_case(row) if row else None

    async def step(self, case: Case, step: Step, photos: Sequence[str] = (), stage: str = "reported") -> None:
        """Put down a step, and the case as it stands after it. It must have been got with `lock`.

        Raises:
            LookupError: it was not, so that two steps could come to stand in one place.
        """
        before = await self._statistics.life(case.id)
        end = await self._log(case, step, photos, stage)
        await self._statistics.stepped(before, case, step)
        new = {f"new_{name}": getattr(case, name) for name in _CHANGING}
        new["new_called"] = " ".join(case.called)
        new["new_doers"] = "".join(f" {number} " for number in case.doers)
        await self._db.execute(_CHANGE, {"case": case.id, "taken": end.steps, "last": end.head, **new})

    def taken(self, case: Case) -> int:
        """How many steps a case has come that was opened here or got with `lock`."""
        return self._ends[case.id].steps

    async def _log(self, case: Case, step: Step, photos: Sequence[str], stage: str) -> _End:
        end = self._ends.get(case.id)
        if end is None:
            raise LookupError(f"case {case.id} is not locked")
        # What was reported stands in the case's own row, and is vouched for by the first step.
        told = (case.grid, case.place, case.words) if step.move is Move.OPEN else (step.words,)
        salt = secrets.token_bytes(16) if step.words or step.move is Move.OPEN else None
        entry = journal.Entry(
            case=case.id,
            number=end.steps + 1,
            at=step.at,
            person_id=step.person_id,
            part=step.part or "",
            move=step.move,
            status=case.status,
            round=case.round,
            due_at=case.due_at,
            target=step.target,
            said=journal.said(salt, *told) if salt else None,
            photos=tuple(photos),
        )
        after = _End(entry.number, journal.digest(end.head, entry))
        await self._db.execute(
            _LOG,
            {
                "case_id": case.id,
                "number": entry.number,
                "at": entry.at,
                "person_id": entry.person_id,
                "part": entry.part,
                "move": entry.move,
                "target": entry.target,
                "status": entry.status,
                "round": entry.round,
                "due_at": entry.due_at,
                "words": step.words or None,
                "salt": salt,
                "said": entry.said,
                "digest": after.head,
            },
        )
        if photos:
            await self._db.execute(
                _ADD_PHOTOS,
                [{"case_id": case.id, "photo": photo, "stage": stage, "step": entry.number} for photo in photos],
            )
        self._ends[case.id] = after
        return after

    async def steps(self, case_id: int) -> list[Step]:
        return [
            Step(at, who, Move(move), words or "", Part(part) if part else None, target)
            for at, who, move, words, part, target in await self._db.execute(_STEPS, {"case": case_id})
        ]

    async def photos(self, case_id: int, stage: str = "reported") -> tuple[str, ...]:
        return tuple(await self._db.scalars(_PHOTOS, {"case": case_id, "stage": stage}))

    async def of_reporter(self, person_id: int, limit: int = 10) -> list[Case]:
        """Somebody's own cases, newest first."""
        return [
            as_case(row)
            for row in await self._db.execute(
                select(*CASE).where(Cases.reporter_id == person_id).order_by(Cases.id.desc()).limit(limit)
            )
        ]

    async def of_worker(self, person_id: int, statuses: Iterable[Status]) -> list[Case]:
        """What lies with a worker, the nearest deadline first."""
        return [
            as_case(row)
            for row in await self._db.execute(
                select(*CASE)
                .where(Cases.worker_id == person_id, Cases.status.in_([*statuses]))
                .order_by(Cases.due_at, Cases.id)
            )
        ]

    async def offered_to(self, person_id: int) -> list[Case]:
        """What somebody is asked to take over, the nearest deadline first."""
        offered = (
            select(*CASE)
            .where(Cases.offered_to == person_id, Cases.offered_to.is_not(None))
            .order_by(Cases.due_at, Cases.id)
        )
        return [as_case(row) for row in await self._db.execute(offered)]

    async def unoffer(self, worker_id: int, to: int) -> None:
        """What lies with a worker is not offered to that colleague any more."""
        await self._db.execute(
            update(Cases).where(Cases.offered_to == to, Cases.worker_id == worker_id).values(offered_to=None)
        )

    async def since(self, grid: str, moment: datetime) -> tuple[int, int]:
        """How many cases of a grid were opened since then, and how many ended."""
        row = await self._db.execute(
            select(
                func.count().filter(Cases.opened_at >= moment), func.count().filter(Cases.closed_at >= moment)
            ).where(Cases.grid == grid)
        )
        came, ended = row.one()
        return came, ended

    async def in_area(self, area: str, statuses: Iterable[Status], limit: int = 20) -> list[Case]:
        """The cases of an area in these states, the nearest deadline first."""
        wanted = [*statuses]
        return [
            as_case(row)
            for row in await self._db.execute(
                select(*CASE).where(*_in(area, wanted)).order_by(Cases.due_at, Cases.id).limit(limit)
            )
        ]

    async def page(
        self,
        theirs: Theirs,
        statuses: Iterable[Status],
        *,
        area: str | None = None,
        held: Sequence[Held] | None = None,
        due_before: datetime | None = None,
        after: tuple[datetime, int] | None = None,
        limit: int = 20,
    ) -> list[Case]:
        """Open cases of theirs in these states, the nearest deadline first, along an index of open cases alone.

        `held`: only what lies with these levels and departments. `after`: the deadline and id of the case a page
        before ended with.
        """
        query = _open_page(theirs, statuses, area, held, due_before, after).limit(limit)
        return [as_case(row) for row in await self._db.execute(query)]

    async def lying_with(self, held: Sequence[Held]) -> dict[Status, int]:
        """How many open cases lie with these levels and departments, by their state."""
        rows = await self._db.execute(
            select(Cases.status, func.count())
            .where(Cases.closed_at.is_(None), or_(*map(_lies_with, held)))
            .group_by(Cases.status)
        )
        return {Status(status): count for status, count in rows}

    async def late(self, theirs: Theirs) -> int:
        """How many of their cases are past their deadline and not done."""
        late = select(func.count()).where(
            Cases.closed_at.is_(None), Cases.status.in_(UNDONE), Cases.due_at < self._now, _may_see(theirs)
        )
        return await self._db.scalar(late) or 0

    async def followed_by(self, person_id: int, limit: int = 10) -> list[Case]:
        """The cases somebody follows, newest first."""
        rows = await self._db.execute(
            select(*CASE)
            .join(Followers, Followers.case_id == Cases.id)
            .where(Followers.person_id == person_id)
            .order_by(Cases.id.desc())
            .limit(limit)
        )
        return [as_case(row) for row in rows]

    async def by_number(self, number: str) -> Case | None:
        row = (await self._db.execute(select(*CASE).where(Cases.number == number))).one_or_none()
        return as_case(row) if row else None

    async def counts(self, area: str) -> dict[Status, int]:
        """How many cases of an area stand where, open ones only."""
        rows = await self._db.execute(select(Cases.status, func.count()).where(*_in(area, OPEN)).group_by(Cases.status))
        return {Status(status): count for status, count in rows}


def _open_page(
    theirs: Theirs,
    statuses: Iterable[Status],
    area: str | None,
    held: Sequence[Held] | None,
    due_before: datetime | None,
    after: tuple[datetime, int] | None,
) -> Select[*tuple[Any, ...]]:
    where = [
        Cases.closed_at.is_(None),
        Cases.status.in_([*statuses]),
        _may_see(theirs) if held is None else or_(*map(_lies_with, held)),
    ]
    if area is not None:
        where.append(_within(area))
    if due_before is not None:
        where.append(Cases.due_at < due_before)
    if after is not None:
        where.append(tuple_(Cases.due_at, Cases.id) > tuple_(literal(after[0], Moment()), after[1]))
    return select(*CASE).where(*where).order_by(Cases.due_at, Cases.id)


def _may_see(theirs: Theirs) -> ColumnElement[bool]:
    return or_(
        Cases.worker_id == theirs.person_id,
        *(_within(each) for each in theirs.areas),
        *map(_lies_with, theirs.departments),
    )


def _lies_with(held: Held) -> ColumnElement[bool]:
    lying = Cases.level == held.role if held.department is None else Cases.department == held.department
    return and_(lying, _within(held.area))


def _in(area: str, statuses: Collection[Status]) -> list[ColumnElement[bool]]:
    """In an area and these states; for open ones said so that an index of them alone is taken."""
    start = prefix(area)
    still_open = [Cases.closed_at.is_(None)] if set(statuses) <= set(OPEN) else []
    return [Cases.grid >= start, Cases.grid < start + ":", Cases.status.in_([*statuses]), *still_open]


def _within(area: str) -> ColumnElement[bool]:
    """In that area, said so that no index of grids is taken: it would lead through all that was ever closed there."""
    return func.substr(Cases.grid, 1, len(prefix(area))) == prefix(area)


def as_case(row: Any) -> Case:
    values = [*row[: len(CASE)]]
    values[_STATUS] = Status(values[_STATUS])
    values[_LEVEL] = Role(values[_LEVEL])
    values[_CALLED] = tuple(values[_CALLED].split())
    values[_DOERS] = tuple(map(int, values[_DOERS].split()))
    return Case(*values)
