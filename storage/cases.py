"""Cases: opened, moved, looked up by those who may."""

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Select,
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

from domain.areas import prefix
from domain.cases import OPEN, WITH_WORKER, Case, Move, ProblemReported, Status, Step
from storage.database import Connection
from storage.tables import CaseLog, CasePhotos, Cases, Followers, Moment

# So many of one kind in one grid at a time: among them the like one is found.
_NEAREST = 50


class Near(NamedTuple):
    """What of an open case tells whether somebody met with the same."""

    id: int
    number: str
    place: str
    words: str
    opened_at: datetime


_CASE = (
    Cases.id,
    Cases.number,
    Cases.reporter_id,
    Cases.grid,
    Cases.category,
    Cases.place,
    Cases.words,
    Cases.status,
    Cases.worker_id,
    Cases.opened_at,
    Cases.due_at,
    Cases.done_at,
    Cases.closed_at,
    Cases.latitude,
    Cases.longitude,
    Cases.rating,
    Cases.round,
    Cases.happened_on,
)


# Made once: to put a statement together anew costs ten times what running it does.
_GET = select(*_CASE).where(Cases.id == bindparam("case"))
_GET_LOCKED = _GET.with_for_update()
_RECEIPT = update(Cases).where(Cases.id == bindparam("case")).values(number=bindparam("receipt"))
_SAME = (
    select(*_CASE)
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
    select(Cases.id, Cases.number, Cases.place, Cases.words, Cases.opened_at)
    .where(
        Cases.grid == bindparam("grid"),
        Cases.category == bindparam("category"),
        # Spelled out: bound, they would keep the index of the open ones from being used.
        Cases.status.in_([literal_column(f"'{status}'") for status in (*WITH_WORKER, Status.RETURNED)]),
        Cases.opened_at >= bindparam("since"),
        or_(Cases.reporter_id.is_(None), Cases.reporter_id != bindparam("by")),
    )
    .order_by(Cases.id.desc())
    .limit(_NEAREST)
)
_OPEN = insert(Cases).returning(Cases.id)
_LOG = insert(CaseLog)
_PHOTOS = (
    select(CasePhotos.photo)
    .where(CasePhotos.case_id == bindparam("case"), CasePhotos.stage == bindparam("stage"))
    .order_by(CasePhotos.id)
)


@dataclass(frozen=True, slots=True)
class Theirs:
    """Which cases somebody may look through: those of these areas, and what was given to them themselves."""

    areas: tuple[str, ...]
    person_id: int


class CaseStore:
    """Reads and writes about cases."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._db = connection
        self._now = now

    async def open(self, reported: ProblemReported, worker_id: int | None, due_at: datetime, zone: ZoneInfo) -> Case:
        """A new case, dispatched to a worker, or waiting for staff when there is none."""
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
            },
        )
        if number is None:
            raise LookupError("the database gave no number for a new case")
        receipt = f"{self._now.astimezone(zone):%y%m%d}-{number:04d}"
        await self._db.execute(_RECEIPT, {"case": number, "receipt": receipt})
        await self.add_photos(number, reported.photos, "reported")
        await self.log(number, reported.by, Move.OPEN)
        return await self.get(number)

    async def same(self, reported: ProblemReported, since: datetime) -> Case | None:
        """An open case with the same reporter, place and words, opened since then."""
        asked = {"by": reported.by, "since": since, "where": reported.place, "what": reported.words}
        row = (await self._db.execute(_SAME, asked)).one_or_none()
        return _case(row) if row else None

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

    async def unfollow(self, case_id: int, person_id: int | None = None) -> None:
        """Let somebody hear of it no more; None: nobody."""
        theirs = [] if person_id is None else [Followers.person_id == person_id]
        await self._db.execute(delete(Followers).where(Followers.case_id == case_id, *theirs))

    async def followers(self, case_id: int) -> list[int]:
        """Who follows a case, in the order they came."""
        return list(
            await self._db.scalars(
                select(Followers.person_id)
                .where(Followers.case_id == case_id)
                .order_by(Followers.at, Followers.person_id)
            )
        )

    async def get(self, case_id: int, *, lock: bool = False) -> Case:
        """One case.

        Raises:
            LookupError: there is none with that number.
        """
        row = (await self._db.execute(_GET_LOCKED if lock else _GET, {"case": case_id})).one_or_none()
        if row is None:
            raise LookupError(f"no case {case_id}")
        return _case(row)

    async def find(self, case_id: int) -> Case | None:
        row = (await self._db.execute(_GET, {"case": case_id})).one_or_none()
        return _case(row) if row else None

    async def change(self, case_id: int, **values: object) -> Case:
        await self._db.execute(update(Cases).where(Cases.id == case_id).values(**values))
        return await self.get(case_id)

    async def log(self, case_id: int, person_id: int | None, move: Move, words: str = "") -> None:
        await self._db.execute(
            _LOG, {"case_id": case_id, "at": self._now, "person_id": person_id, "move": move, "words": words}
        )

    async def steps(self, case_id: int) -> list[Step]:
        rows = await self._db.execute(
            select(CaseLog.at, CaseLog.person_id, CaseLog.move, CaseLog.words)
            .where(CaseLog.case_id == case_id)
            .order_by(CaseLog.id)
        )
        return [Step(at, who, Move(move), words) for at, who, move, words in rows]

    async def add_photos(self, case_id: int, photos: Sequence[str], stage: str) -> None:
        if photos:
            await self._db.execute(
                insert(CasePhotos), [{"case_id": case_id, "photo": photo, "stage": stage} for photo in photos]
            )

    async def photos(self, case_id: int, stage: str = "reported") -> tuple[str, ...]:
        return tuple(await self._db.scalars(_PHOTOS, {"case": case_id, "stage": stage}))

    async def of_reporter(self, person_id: int, limit: int = 10) -> list[Case]:
        """Somebody's own cases, newest first."""
        return [
            _case(row)
            for row in await self._db.execute(
                select(*_CASE).where(Cases.reporter_id == person_id).order_by(Cases.id.desc()).limit(limit)
            )
        ]

    async def of_worker(self, person_id: int, statuses: Iterable[Status]) -> list[Case]:
        """What lies with a worker, the nearest deadline first."""
        return [
            _case(row)
            for row in await self._db.execute(
                select(*_CASE)
                .where(Cases.worker_id == person_id, Cases.status.in_([*statuses]))
                .order_by(Cases.due_at, Cases.id)
            )
        ]

    async def in_area(self, area: str, statuses: Iterable[Status], limit: int = 20) -> list[Case]:
        """The cases of an area in these states, the nearest deadline first."""
        start = prefix(area)
        return [
            _case(row)
            for row in await self._db.execute(
                select(*_CASE)
                .where(Cases.grid >= start, Cases.grid < start + ":", Cases.status.in_([*statuses]))
                .order_by(Cases.due_at, Cases.id)
                .limit(limit)
            )
        ]

    async def page(
        self,
        theirs: Theirs,
        statuses: Iterable[Status],
        *,
        area: str | None = None,
        due_before: datetime | None = None,
        after: tuple[datetime, int] | None = None,
        limit: int = 20,
    ) -> list[Case]:
        """Open cases of theirs in these states, the nearest deadline first, along an index of open cases alone.

        `after`: the deadline and id of the case a page before ended with.
        """
        query = _open_page(theirs, statuses, area, due_before, after).limit(limit)
        return [_case(row) for row in await self._db.execute(query)]

    async def followed_by(self, person_id: int, limit: int = 10) -> list[Case]:
        """The cases somebody follows, newest first."""
        rows = await self._db.execute(
            select(*_CASE)
            .join(Followers, Followers.case_id == Cases.id)
            .where(Followers.person_id == person_id)
            .order_by(Cases.id.desc())
            .limit(limit)
        )
        return [_case(row) for row in rows]

    async def by_number(self, number: str) -> Case | None:
        row = (await self._db.execute(select(*_CASE).where(Cases.number == number))).one_or_none()
        return _case(row) if row else None

    async def counts(self, area: str) -> dict[Status, int]:
        """How many cases of an area stand where, open ones only."""
        start = prefix(area)
        rows = await self._db.execute(
            select(Cases.status, func.count())
            .where(Cases.grid >= start, Cases.grid < start + ":", Cases.status.in_(OPEN))
            .group_by(Cases.status)
        )
        return {Status(status): count for status, count in rows}


def _open_page(
    theirs: Theirs,
    statuses: Iterable[Status],
    area: str | None,
    due_before: datetime | None,
    after: tuple[datetime, int] | None,
) -> Select[*tuple[Any, ...]]:
    where = [
        Cases.closed_at.is_(None),
        Cases.status.in_([*statuses]),
        or_(Cases.worker_id == theirs.person_id, *(_within(each) for each in theirs.areas)),
    ]
    if area is not None:
        where.append(_within(area))
    if due_before is not None:
        where.append(Cases.due_at < due_before)
    if after is not None:
        where.append(tuple_(Cases.due_at, Cases.id) > tuple_(literal(after[0], Moment()), after[1]))
    return select(*_CASE).where(*where).order_by(Cases.due_at, Cases.id)


def _within(area: str) -> ColumnElement[bool]:
    """In that area, said so that no index of grids is taken: it would lead through all that was ever closed there."""
    return func.substr(Cases.grid, 1, len(prefix(area))) == prefix(area)


def _case(row: Any) -> Case:
    return Case(**{**row._mapping, "status": Status(row.status)})  # noqa: SLF001 - Row's documented mapping
