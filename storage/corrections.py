"""What staff put right about the category of cases: the words and what they meant, nobody's name beside them."""

from datetime import datetime

from sqlalchemy import insert, select

from storage.database import Connection
from storage.tables import Corrections


class CorrectionStore:
    """Reads and writes about corrections."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._db = connection
        self._now = now

    async def keep(self, words: str, category: str, was: str) -> None:
        await self._db.execute(insert(Corrections).values(words=words, category=category, was=was, at=self._now))

    async def all(self) -> list[tuple[str, str]]:
        """Every row to learn from, as (category, words), oldest first."""
        rows = await self._db.execute(select(Corrections.category, Corrections.words).order_by(Corrections.id))
        return [(category, words) for category, words in rows]
