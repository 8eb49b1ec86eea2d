"""The district's data as the operator put it in force, one edition after the other: what every process goes by."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from storage.database import Connection
from storage.tables import Editions

_NEWEST = select(Editions.id, Editions.digest, Editions.at).order_by(Editions.id.desc()).limit(1)


@dataclass(frozen=True, slots=True)
class Edition:
    """One edition: its number, the digest of its files, and since when it is in force."""

    id: int
    digest: str
    at: datetime


class EditionStore:
    """Reads and writes about editions."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._db = connection
        self._now = now

    async def newest(self) -> Edition | None:
        """The one in force."""
        row = (await self._db.execute(_NEWEST)).one_or_none()
        return Edition(*row) if row else None

    async def known(self, digest: str) -> bool:
        """Whether these files were in force once."""
        found = await self._db.scalar(select(Editions.id).where(Editions.digest == digest).limit(1))
        return found is not None

    async def publish(self, digest: str, files: bytes) -> None:
        """Put these files in force, all at once."""
        await self._db.execute(update(Editions).where(Editions.files.is_not(None)).values(files=None))
        await self._db.execute(insert(Editions).values(digest=digest, files=files, at=self._now))

    async def files(self, edition: int) -> bytes | None:
        """The files of an edition, as they were put in force; None when a newer one has taken its place."""
        found: bytes | None = await self._db.scalar(select(Editions.files).where(Editions.id == edition))
        return found
