"""How much a gridworker was pushed today, and what is held back for the next list."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from sqlalchemy import bindparam, delete, literal_column, select
from sqlalchemy.dialects.postgresql import insert

from storage.database import Connection
from storage.tables import Held, Pushes

_KEPT = timedelta(days=7)

_SPEND = (
    insert(Pushes)
    .values(person_id=bindparam("person"), day=bindparam("today"), count=1)
    .on_conflict_do_update(
        index_elements=["person_id", "day"],
        set_={"count": Pushes.count + literal_column("1")},
        where=Pushes.count < bindparam("most"),
    )
    .returning(Pushes.count)
)


class BudgetStore:
    """Reads and writes about the day's pushes."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._db = connection
        self._now = now

    async def spend(self, person_id: int, day: date, most: int) -> bool:
        """Count one more push of that day; False, and nothing counted, when there were so many already.

        One statement that either counts or does not: however many processes push at once, no more than that are sent.
        """
        spent = await self._db.scalar(_SPEND, {"person": person_id, "today": day, "most": most})
        return spent is not None

    async def hold(self, person_id: int, case_id: int) -> None:
        """A case is told of in the next list instead."""
        row = insert(Held).values(person_id=person_id, case_id=case_id, at=self._now)
        await self._db.execute(row.on_conflict_do_nothing())

    async def held_by(self) -> list[int]:
        """For whom something is held."""
        return list(await self._db.scalars(select(Held.person_id).distinct().order_by(Held.person_id)))

    async def release(self, person_id: int) -> list[int]:
        """What was held for somebody is told of now; returns the cases, in the order they came."""
        rows = await self._db.execute(delete(Held).where(Held.person_id == person_id).returning(Held.case_id, Held.at))
        return [case_id for case_id, _ in sorted(rows, key=lambda row: (row[1], row[0]))]

    async def forget(self, people: Iterable[int]) -> None:
        """Nothing is held for these any more, and their days are not counted."""
        for table in (Held, Pushes):
            await self._db.execute(delete(table).where(table.person_id.in_([*people])))

    async def prune(self) -> None:
        await self._db.execute(delete(Pushes).where(Pushes.day < (self._now - _KEPT).date()))
