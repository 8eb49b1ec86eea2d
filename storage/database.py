"""The database: one writer on SQLite, many on PostgreSQL; every write in a transaction somebody can name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine


class Database:
    """Connections to one database, by its URL: `sqlite:///path` or `postgresql://…`, with or without a driver."""

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self.sqlite = parsed.get_backend_name() == "sqlite"
        self.url = parsed.set(drivername="sqlite+aiosqlite" if self.sqlite else "postgresql+asyncpg")
        if self.sqlite:
            if parsed.database:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            # One writer: waiting turns queue for it in order, instead of bouncing off SQLite's lock.
            self._writer = self._open(pool_size=1, max_overflow=0, pool_timeout=60)
            self._reader = self._open(pool_size=4, max_overflow=0, pool_timeout=60)
            event.listen(self._writer.sync_engine, "begin", _begin_immediate)
        else:
            self._writer = self._reader = self._open(pool_size=10, max_overflow=10, pool_timeout=60)

    def _open(self, **pool: Any) -> AsyncEngine:
        # What people say must not come back in an error's words.
        engine = create_async_engine(self.url, hide_parameters=True, **pool)
        if self.sqlite:
            event.listen(engine.sync_engine, "connect", _prepare)
        return engine

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that writes; committed at the end of the block, rolled back on any exception."""
        async with self._writer.begin() as connection:
            yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection for looking things up; nothing done in it is kept."""
        async with self._reader.connect() as connection:
            yield connection

    @asynccontextmanager
    async def exclusive(self, name: str) -> AsyncIterator[AsyncConnection]:
        """A writing transaction only one process holds at a time: migrations, taking in the district's data."""
        async with self.write() as connection:
            if not self.sqlite:
                await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": name})
            yield connection

    async def close(self) -> None:
        await self._writer.dispose()
        await self._reader.dispose()


def _prepare(connection: Any, _record: Any) -> None:
    # SQLAlchemy's recipe: the driver must not begin transactions of its own, we say BEGIN IMMEDIATE ourselves.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=15000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
