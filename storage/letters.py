"""Letters about a case between its reporter and whoever handles it."""

from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.letters import Letter, Side
from storage.database import Connection
from storage.tables import Letters


class LetterStore:
    """Reads and writes about letters."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._db = connection
        self._now = now

    async def keep(self, case_id: int, writer_id: int, side: Side, words: str) -> int:
        """A letter to a case's file; its number."""
        added: int | None = await self._db.scalar(
            insert(Letters)
            .values(case_id=case_id, writer_id=writer_id, side=side, words=words, at=self._now)
            .returning(Letters.id)
        )
        if added is None:
            raise LookupError("the database gave no number for a new letter")
        return added

    async def since(self, case_id: int, side: Side, moment: datetime) -> int:
        """How many one side has written since then."""
        written = select(func.count()).where(Letters.case_id == case_id, Letters.side == side, Letters.at > moment)
        return await self._db.scalar(written) or 0

    async def count(self, case_id: int) -> int:
        return await self._db.scalar(select(func.count()).where(Letters.case_id == case_id)) or 0

    async def last(self, case_id: int, limit: int = 6) -> list[Letter]:
        """The newest letters of a case, the oldest of them first."""
        rows = await self._db.execute(
            select(Letters.at, Letters.side, Letters.words)
            .where(Letters.case_id == case_id)
            .order_by(Letters.at.desc(), Letters.id.desc())
            .limit(limit)
        )
        return [Letter(at, Side(side), words) for at, side, words in rows][::-1]

    async def forget(self, person_id: int) -> None:
        """What somebody wrote as a resident goes; what an office wrote belongs to the case."""
        await self._db.execute(
            delete(Letters).where(Letters.writer_id == person_id, Letters.side == Side.RESIDENT.value)
        )

    async def merge(self, old: int, into: int) -> None:
        """Two numbers are one person."""
        await self._db.execute(update(Letters).where(Letters.writer_id == old).values(writer_id=into))
