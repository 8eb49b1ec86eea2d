"""Who asked how a case stands, and is still owed an answer."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from domain.cases import Case, Move
from domain.demands import Demand
from storage.database import Connection
from storage.tables import Demands

_DEMAND = (
    Demands.id,
    Demands.case_id,
    Demands.move,
    Demands.asked_by,
    Demands.rank,
    Demands.asked_at,
    Demands.answer_by,
)
_OPEN = select(*_DEMAND).where(Demands.case_id == bindparam("case"), Demands.over_at.is_(None)).order_by(Demands.id)


class DemandStore:
    """Reads and writes about demands. Whoever writes holds the case's row locked."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._db = connection
        self._now = now

    async def ask(self, case: Case, move: Move, by: int, rank: int, answer_by: datetime) -> int:
        """Put down that somebody asks; returns the demand's number."""
        asked: int | None = await self._db.scalar(
            insert(Demands)
            .values(case_id=case.id, move=move, asked_by=by, rank=rank, asked_at=self._now, answer_by=answer_by)
            .returning(Demands.id)
        )
        if asked is None:
            raise LookupError("the database gave no number for a demand")
        return asked

    async def open(self, case_id: int) -> list[Demand]:
        """Those of a case that nobody has answered, in the order they came."""
        return [_demand(row) for row in await self._db.execute(_OPEN, {"case": case_id})]

    async def find_open(self, number: int) -> Demand | None:
        """A demand, unless it is over."""
        row = (
            await self._db.execute(select(*_DEMAND).where(Demands.id == number, Demands.over_at.is_(None)))
        ).one_or_none()
        return _demand(row) if row else None

    async def last(self, case_id: int, person_id: int, move: Move) -> datetime | None:
        """When somebody last asked so."""
        found: datetime | None = await self._db.scalar(
            select(Demands.asked_at)
            .where(Demands.case_id == case_id, Demands.asked_by == person_id, Demands.move == move)
            .order_by(Demands.id.desc())
            .limit(1)
        )
        return found

    async def over(self, numbers: Iterable[int]) -> None:
        """They have their answer, or there is nothing to ask any more."""
        await self._db.execute(update(Demands).where(Demands.id.in_([*numbers])).values(over_at=self._now))

    async def forget(self, person_id: int) -> None:
        """Nobody is named as having asked."""
        await self._db.execute(update(Demands).where(Demands.asked_by == person_id).values(asked_by=None))

    async def merge(self, old: int, into: int) -> None:
        await self._db.execute(update(Demands).where(Demands.asked_by == old).values(asked_by=into))


def _demand(row: Any) -> Demand:
    number, case_id, move, *rest = row
    return Demand(number, case_id, Move(move), *rest)
