"""Every entry the catalogue ever had: a case is held to the one it was opened under."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

import msgspec
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from domain.catalogue import Category
from storage.database import Connection
from storage.tables import CatalogueEntries

_COUNT = select(func.count()).select_from(CatalogueEntries)


class CatalogueStore:
    """Reads and writes about terms that hold, or held once."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._db = connection
        self._now = now

    async def add(self, entries: Iterable[Category]) -> None:
        """Keep these for ever; those that are kept already stay as they are."""
        rows = [
            {
                "version": each.version,
                "code": each.code,
                # Residents' words are no terms, and many.
                "body": msgspec.json.encode(replace(each, words=())).decode(),
                "at": self._now,
            }
            for each in entries
        ]
        if rows:
            await self._db.execute(insert(CatalogueEntries).on_conflict_do_nothing(), rows)

    async def count(self) -> int:
        """How many there are. None is ever taken away, so it says whether there are more."""
        return int(await self._db.scalar(_COUNT) or 0)

    async def versions(self) -> dict[str, Category]:
        """All of them, by what names their terms."""
        rows = await self._db.execute(select(CatalogueEntries.version, CatalogueEntries.body))
        return {version: msgspec.json.decode(body, type=Category) for version, body in rows}
