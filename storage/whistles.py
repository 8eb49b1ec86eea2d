"""Whistles, and how each called department stands."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import and_, insert, or_, select, update

from domain.areas import prefix
from domain.cases import Case
from domain.people import Held
from domain.whistles import AWAITED, Call, Standing, Whistle, WhistleBlown
from storage.cases import CASE, as_case
from storage.database import Connection
from storage.tables import Cases, WhistleCalls, Whistles

_WHISTLE = tuple(getattr(Whistles, each.name) for each in fields(Whistle))
_CALL = tuple(getattr(WhistleCalls, each.name) for each in fields(Call))
_STANDING = [each.name for each in fields(Call)].index("standing")


class WhistleStore:
    """Reads and writes about whistles. Whoever writes holds the case's row locked."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._db = connection
        self._now = now

    async def blow(self, blown: WhistleBlown, due: dict[str, datetime]) -> Whistle:
        """Put down a whistle; `due`: by when each department is to come."""
        row = await self._db.execute(
            insert(Whistles)
            .values(case_id=blown.case, blown_by=blown.by, words=blown.words, meet=blown.meet, blown_at=self._now)
            .returning(Whistles.id)
        )
        number = row.scalar_one()
        for code in blown.departments:
            await self._db.execute(
                insert(WhistleCalls).values(
                    whistle_id=number,
                    case_id=blown.case,
                    department=code,
                    standing=Standing.CALLED,
                    due_at=due[code],
                    agreed="",
                )
            )
        return await self.get(number)

    async def get(self, number: int) -> Whistle:
        """One whistle.

        Raises:
            LookupError: there is none with that number.
        """
        row = (await self._db.execute(select(*_WHISTLE).where(Whistles.id == number))).one_or_none()
        if row is None:
            raise LookupError(f"no whistle {number}")
        return Whistle(*row)

    async def of_case(self, case_id: int) -> Whistle | None:
        """The newest whistle blown on a case."""
        newest = select(*_WHISTLE).where(Whistles.case_id == case_id).order_by(Whistles.id.desc()).limit(1)
        row = (await self._db.execute(newest)).one_or_none()
        return Whistle(*row) if row else None

    async def call(self, number: int) -> Call | None:
        row = (await self._db.execute(select(*_CALL).where(WhistleCalls.id == number))).one_or_none()
        return _call(row) if row else None

    async def calls(self, whistle_id: int) -> list[Call]:
        """All it called, in the order they were called."""
        rows = await self._db.execute(
            select(*_CALL).where(WhistleCalls.whistle_id == whistle_id).order_by(WhistleCalls.id)
        )
        return [_call(row) for row in rows]

    async def waiting_for(
        self, held: Sequence[Held], *, after: int = 0, limit: int = 20
    ) -> list[tuple[Call, Whistle, Case]]:
        """Calls of open whistles that wait for these departments to come or to sign, the oldest first."""
        theirs = [
            and_(
                WhistleCalls.department == each.department,
                Cases.grid >= prefix(each.area),
                Cases.grid < prefix(each.area) + ":",
            )
            for each in held
        ]
        if not theirs:
            return []
        rows = await self._db.execute(
            select(*_CALL, *_WHISTLE, *CASE)
            .join(Whistles, Whistles.id == WhistleCalls.whistle_id)
            .join(Cases, Cases.id == WhistleCalls.case_id)
            .where(
                WhistleCalls.over_at.is_(None),
                or_(
                    WhistleCalls.standing.in_(AWAITED),
                    and_(WhistleCalls.standing == Standing.ATTENDED, WhistleCalls.signed_at.is_(None)),
                ),
                or_(*theirs),
                WhistleCalls.id > after,
            )
            .order_by(WhistleCalls.id)
            .limit(limit)
        )
        ends = len(_CALL), len(_CALL) + len(_WHISTLE)
        return [
            (_call(row[: ends[0]]), Whistle(*row[ends[0] : ends[1]]), as_case(row[ends[1] :]))
            for row in map(tuple, rows)
        ]

    async def change(self, call: Call, **values: object) -> None:
        await self._db.execute(update(WhistleCalls).where(WhistleCalls.id == call.id).values(**values))

    async def close(self, whistle: Whistle, words: str) -> None:
        await self._db.execute(
            update(Whistles).where(Whistles.id == whistle.id).values(closed_at=self._now, outcome=words)
        )
        await self._db.execute(
            update(WhistleCalls).where(WhistleCalls.whistle_id == whistle.id).values(over_at=self._now)
        )

    async def merge(self, old: int, into: int) -> None:
        await self._db.execute(update(Whistles).where(Whistles.blown_by == old).values(blown_by=into))
        await self._db.execute(update(WhistleCalls).where(WhistleCalls.person_id == old).values(person_id=into))


def _call(row: Any) -> Call:
    values = [*row]
    values[_STANDING] = Standing(values[_STANDING])
    return Call(*values)
