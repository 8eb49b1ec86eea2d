"""The last words between a resident and a gridworker, so that whoever takes over knows what was said last."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from storage.database import Connection
from storage.tables import Letters, People

KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Letter:
    """The last words of one talk; `answered` when the gridworker had them."""

    resident_id: int
    name: str | None
    words: str
    answered: bool
    at: datetime


class LetterStore:
    """Reads and writes about what was written last."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._db = connection
        self._now = now

    async def keep(self, resident_id: int, worker_id: int, words: str, *, answered: bool) -> None:
        """Words took the place of those before. No numbers in them: see `nlp.private`."""
        said = {"words": words, "answered": answered, "at": self._now}
        row = insert(Letters).values(resident_id=resident_id, worker_id=worker_id, **said)
        await self._db.execute(row.on_conflict_do_update(index_elements=["resident_id", "worker_id"], set_=said))

    async def of_worker(self, worker_id: int, since: datetime, limit: int = 10) -> list[Letter]:
        """Who wrote with a gridworker lately: those without an answer first, then the newest."""
        rows = await self._db.execute(
            select(Letters.resident_id, People.name, Letters.words, Letters.answered, Letters.at)
            .join(People, People.id == Letters.resident_id)
            .where(Letters.worker_id == worker_id, Letters.at >= since)
            .order_by(Letters.answered, Letters.at.desc())
            .limit(limit)
        )
        return [Letter(*row) for row in rows]

    async def prune(self) -> None:
        await self._db.execute(delete(Letters).where(Letters.at < self._now - KEPT))

    async def forget(self, person_id: int) -> None:
        await self._db.execute(
            delete(Letters).where(or_(Letters.resident_id == person_id, Letters.worker_id == person_id))
        )

    async def merge(self, old: int, into: int) -> None:
        """Two numbers are one person; where both wrote with somebody, the words of `into` stay."""
        for mine, other in ((Letters.resident_id, Letters.worker_id), (Letters.worker_id, Letters.resident_id)):
            both = select(other).where(mine == into)
            await self._db.execute(delete(Letters).where(mine == old, other.in_(both)))
            await self._db.execute(update(Letters).where(mine == old).values({mine.key: into}))
