"""The last words between a resident and a gridworker, so that whoever takes over knows what was said last."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from storage.database import Connection
from storage.tables import LastWords, People

KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class LastSaid:
    """The last words of one talk; `answered` when the gridworker had them."""

    resident_id: int
    name: str | None
    words: str
    answered: bool
    at: datetime


class LastWordsStore:
    """Reads and writes about what was written last."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._db = connection
        self._now = now

    async def keep(self, resident_id: int, worker_id: int, words: str, *, answered: bool) -> None:
        """Words took the place of those before. No numbers in them: see `nlp.private`."""
        said = {"words": words, "answered": answered, "at": self._now}
        row = insert(LastWords).values(resident_id=resident_id, worker_id=worker_id, **said)
        await self._db.execute(row.on_conflict_do_update(index_elements=["resident_id", "worker_id"], set_=said))

    async def of_worker(self, worker_id: int, since: datetime, limit: int = 10) -> list[LastSaid]:
        """Who wrote with a gridworker lately: those without an answer first, then the newest."""
        rows = await self._db.execute(
            select(LastWords.resident_id, People.name, LastWords.words, LastWords.answered, LastWords.at)
            .join(People, People.id == LastWords.resident_id)
            .where(LastWords.worker_id == worker_id, LastWords.at >= since)
            .order_by(LastWords.answered, LastWords.at.desc())
            .limit(limit)
        )
        return [LastSaid(*row) for row in rows]

    async def pass_on(self, before: int, to: int) -> int:
        """What somebody was told last is another's to know now; returns how many residents that concerns."""
        both = select(LastWords.resident_id).where(LastWords.worker_id == to)
        moved = await self._db.execute(
            update(LastWords)
            .where(LastWords.worker_id == before, LastWords.resident_id.not_in(both), LastWords.resident_id != to)
            .values(worker_id=to)
            .returning(LastWords.resident_id)
        )
        return len(moved.all())

    async def prune(self) -> None:
        await self._db.execute(delete(LastWords).where(LastWords.at < self._now - KEPT))

    async def forget(self, person_id: int) -> None:
        await self._db.execute(
            delete(LastWords).where(or_(LastWords.resident_id == person_id, LastWords.worker_id == person_id))
        )

    async def merge(self, old: int, into: int) -> None:
        """Two numbers are one person; where both wrote with somebody, the words of `into` stay."""
        for mine, other in ((LastWords.resident_id, LastWords.worker_id), (LastWords.worker_id, LastWords.resident_id)):
            both = select(other).where(mine == into)
            await self._db.execute(delete(LastWords).where(mine == old, other.in_(both)))
            await self._db.execute(update(LastWords).where(mine == old).values({mine.key: into}))
