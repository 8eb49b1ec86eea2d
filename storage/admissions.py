"""Work asked to be let in, what became of it, and what is in force."""

from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update

from domain.admission import Act, Admission, Said, State
from domain.working_time import Term, Unit
from storage.database import Connection
from storage.tables import Admissions, AdmissionSteps


class AdmissionStore:
    """Reads and writes about admissions."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._db = connection
        self._now = now

    async def open(self, values: dict[str, object], deadline: Term) -> int:
        """A new request."""
        row = {**values, "amount": deadline.amount, "unit": deadline.unit, "state": State.ASKED, "heard": False}
        number = await self._db.scalar(insert(Admissions).values(**row, at=self._now).returning(Admissions.id))
        if number is None:
            raise LookupError("the database gave no number for a new admission")
        return int(number)

    async def find(self, admission_id: int, *, lock: bool = False) -> Admission | None:
        query = select(Admissions).where(Admissions.id == admission_id)
        row = (await self._db.execute(query.with_for_update() if lock else query)).one_or_none()
        return _admission(row) if row else None

    async def change(self, admission_id: int, **values: object) -> None:
        await self._db.execute(update(Admissions).where(Admissions.id == admission_id).values(**values))

    async def step(self, admission_id: int, person_id: int | None, act: Act, words: str = "") -> None:
        """Put down what was done with it."""
        row = {"admission_id": admission_id, "at": self._now, "person_id": person_id, "act": act, "words": words}
        await self._db.execute(insert(AdmissionSteps).values(**row))

    async def steps(self, admission_id: int, day_of: Any) -> list[Said]:
        rows = await self._db.execute(
            select(AdmissionSteps.at, AdmissionSteps.person_id, AdmissionSteps.act, AdmissionSteps.words)
            .where(AdmissionSteps.admission_id == admission_id)
            .order_by(AdmissionSteps.id)
        )
        return [Said(day_of(at), who, Act(act), words) for at, who, act, words in rows]

    async def standing(self, *states: State, limit: int = 50) -> list[Admission]:
        """Those in these states, what ends first in front."""
        rows = await self._db.execute(
            select(Admissions)
            .where(Admissions.state.in_([*states]))
            .order_by(Admissions.until, Admissions.id)
            .limit(limit)
        )
        return [_admission(row) for row in rows]


def _admission(row: Any) -> Admission:
    return Admission(
        id=row.id,
        asker_id=row.asker_id,
        department=row.department,
        area=row.area,
        title=row.title,
        basis=row.basis,
        hours=row.hours,
        grids=row.grids,
        deadline=Term(row.amount, Unit(row.unit)),
        until=row.until,
        state=State(row.state),
        since=row.since,
        heard=row.heard,
        more_until=row.more_until,
    )
