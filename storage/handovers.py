"""Threads between somebody who asked and the person who took it up."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.handovers import Handover, Stage
from storage.database import Connection
from storage.tables import Handovers

_LIVE = Handovers.status != Stage.ENDED.value


class HandoverStore:
    """Reads and writes about hand-overs."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._db = connection
        self._now = now

    async def open(self, person_id: int, grid: str | None, words: str, tried: str) -> int:
        """A new thread, waiting to be brought to somebody."""
        added: int | None = await self._db.scalar(
            insert(Handovers)
            .values(
                person_id=person_id,
                grid=grid,
                words=words,
                tried=tried,
                status=Stage.WAITING,
                said=0,
                opened_at=self._now,
                last_at=self._now,
            )
            .returning(Handovers.id)
        )
        if added is None:
            raise LookupError("the database gave no number for a new hand-over")
        return added

    async def find(self, handover_id: int, *, lock: bool = False) -> Handover | None:
        query = select(Handovers).where(Handovers.id == handover_id)
        row = (await self._db.execute(query.with_for_update() if lock else query)).one_or_none()
        return _handover(row) if row else None

    async def live_of(self, person_id: int) -> Handover | None:
        """The thread somebody has open, as the one who asked."""
        row = (
            await self._db.execute(
                select(Handovers).where(Handovers.person_id == person_id, _LIVE).order_by(Handovers.id.desc()).limit(1)
            )
        ).one_or_none()
        return _handover(row) if row else None

    async def change(self, handover_id: int, **values: object) -> None:
        await self._db.execute(update(Handovers).where(Handovers.id == handover_id).values(**values))

    async def pass_on(self, before: int, to: int, grid: str) -> list[Handover]:
        """The open threads of a grid that somebody had taken up are another's now; returns them."""
        theirs = (Handovers.staff_id == before, Handovers.grid == grid, Handovers.status == Stage.TAKEN)
        rows = await self._db.execute(select(Handovers).where(*theirs).order_by(Handovers.id))
        found = [_handover(row) for row in rows]
        await self._db.execute(update(Handovers).where(*theirs).values(staff_id=to))
        return found

    async def forget(self, person_id: int) -> None:
        """What somebody asked for goes; what they had taken up is free for another."""
        await self._db.execute(delete(Handovers).where(Handovers.person_id == person_id))
        await self._db.execute(
            update(Handovers).where(Handovers.staff_id == person_id, _LIVE).values(staff_id=None, status=Stage.BROUGHT)
        )
        await self._db.execute(update(Handovers).where(Handovers.staff_id == person_id).values(staff_id=None))

    async def merge(self, old: int, into: int) -> None:
        """Two numbers are one person."""
        for column in (Handovers.person_id, Handovers.staff_id):
            await self._db.execute(update(Handovers).where(column == old).values({column.key: into}))


def _handover(row: Any) -> Handover:
    return Handover(**{**row._mapping, "status": Stage(row.status)})  # noqa: SLF001 - Row's documented mapping
