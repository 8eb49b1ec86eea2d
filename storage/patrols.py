"""Check-ins of gridworkers; where exactly is kept for a while only."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.patrols import Patrol, PatrolMade, coarse
from storage.database import Connection
from storage.tables import Patrols, People

# When and in which grid stays for the year's count.
_COUNTED = timedelta(days=400)


class PatrolStore:
    """Reads and writes about patrols."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._db = connection
        self._now = now

    async def last(self, person_id: int) -> datetime | None:
        """When somebody checked in last; nobody else checks in for them until the transaction ends."""
        await self._db.execute(select(People.id).where(People.id == person_id).with_for_update())
        found: datetime | None = await self._db.scalar(
            select(Patrols.at).where(Patrols.person_id == person_id).order_by(Patrols.at.desc()).limit(1)
        )
        return found

    async def add(self, made: PatrolMade, words: str) -> None:
        await self._db.execute(
            insert(Patrols).values(
                person_id=made.by,
                grid=made.grid,
                at=self._now,
                latitude=coarse(made.latitude),
                longitude=coarse(made.longitude),
                words=words or None,
                found=made.found,
            )
        )

    async def of(self, person_id: int, since: datetime) -> list[Patrol]:
        """Somebody's check-ins since then, the newest first."""
        rows = await self._db.execute(
            select(Patrols.grid, Patrols.at, Patrols.words, Patrols.latitude)
            .where(Patrols.person_id == person_id, Patrols.at >= since)
            .order_by(Patrols.at.desc())
        )
        return [Patrol(grid, at, words or "", latitude is not None) for grid, at, words, latitude in rows]

    async def blur(self, kept: timedelta) -> None:
        """Forget where older check-ins were and what was noted, and the oldest altogether."""
        await self._db.execute(
            update(Patrols)
            .where(Patrols.at < self._now - kept, Patrols.latitude.is_not(None) | Patrols.words.is_not(None))
            .values(latitude=None, longitude=None, words=None)
        )
        await self._db.execute(delete(Patrols).where(Patrols.at < self._now - _COUNTED))

    async def forget(self, person_id: int) -> None:
        await self._db.execute(delete(Patrols).where(Patrols.person_id == person_id))

    async def merge(self, old: int, into: int) -> None:
        """Two numbers are one person."""
        await self._db.execute(update(Patrols).where(Patrols.person_id == old).values(person_id=into))
