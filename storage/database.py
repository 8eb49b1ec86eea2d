"""The database: one writer on SQLite, many on PostgreSQL; every write in a transaction somebody can name."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Set
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Dialect, Executable, Result, ScalarResult, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError

from bot.core.errors import Unavailable

T = TypeVar("T")

# A holder of a lock says every second that it lives; silent for four, it is cut off, so another has it within five.
BEAT, SILENCE = 1.0, 4.0


Asked = tuple[Executable, Any]
"""A question: a statement and its parameters."""


class Connection(Protocol):
    """What a transaction offers: the part of SQLAlchemy's asynchronous connection that is used here.

    What only writes, and returns nothing, may be sent along with what is asked next: that it failed is told then.
    """

    @property
    def dialect(self) -> Dialect: ...
    async def execute(self, statement: Executable, parameters: Any = None, /) -> Result[*tuple[Any, ...]]: ...
    async def run_sync(self, work: Callable[..., T], /, *given: Any) -> T: ...
    def begin_nested(self) -> AbstractAsyncContextManager[Any]: ...

    async def scalar(self, statement: Executable, parameters: Any = None, /) -> Any:
        return (await self.execute(statement, parameters)).scalar()

    async def scalars(self, statement: Executable, parameters: Any = None, /) -> ScalarResult[Any]:
        return (await self.execute(statement, parameters)).scalars()

    async def together(self, *asked: Asked) -> list[Result[*tuple[Any, ...]]]:
        """Several questions in their order, none of which needs another's answer: they wait together."""
        return [await self.execute(*each) for each in asked]


Work = Callable[[Connection], Awaitable[T]]


@dataclass(frozen=True, slots=True)
class Ride(Generic[T]):
    """Work that waits for a transaction to go along with. `now` has it wait no longer: False when it has begun."""

    ended: asyncio.Future[T]
    now: Callable[[], bool]


class Kind(Protocol):
    """One kind of database."""

    def announce(self, names: Set[object], connection: Connection) -> int | None: ...
    def troubled(self, error: Exception) -> bool: ...
    async def write(self, work: Work[T]) -> T: ...
    def ride(self, work: Work[T], names: Set[object]) -> Ride[T]: ...
    async def read(self, work: Work[T]) -> T: ...
    def held(self, name: str) -> AbstractAsyncContextManager["Lease"]: ...
    async def hear(self, heard: Callable[[str], None]) -> None: ...
    async def call(self, words: str) -> None: ...
    async def close(self) -> None: ...


class Database:
    """Connections to one database, by its URL: `sqlite:///path` or `postgresql://…`, with or without a driver."""

    def __init__(self, url: str | URL) -> None:
        parsed = make_url(url)
        self.sqlite = parsed.get_backend_name() == "sqlite"
        self.url = parsed.set(drivername="sqlite" if self.sqlite else "postgresql+psycopg")
        self._kind: Kind
        # Each is loaded where it is used, with its driver.
        if self.sqlite:
            from storage.sqlite import Sqlite

            self._kind = Sqlite(self.url)
        else:
            from storage.postgres import Postgres

            self._kind = Postgres(self.url)

    async def write(self, work: Work[T]) -> T:
        """Do some work in a transaction: once this returns it is kept, and if it raises nothing of it is.

        Cancelled meanwhile, it may be kept or not. What it returns must be plain data.

        Raises:
            Unavailable: the database was not there, full, or busy with itself; the work is not to blame.
        """
        try:
            return await self._kind.write(work)
        except Exception as error:
            if self._kind.troubled(error):
                raise Unavailable(type(error).__name__) from error
            raise

    def ride(self, work: Work[T], names: Set[object]) -> Ride[T]:
        """Do some work at the end of the next writing transaction that announces one of these names, in its commit.

        Told `now` it has a transaction of its own; where no commits are shared it has to be told.
        """
        return self._kind.ride(work, names)

    def announce(self, names: Set[object], connection: Connection) -> int | None:
        """Let who rides along know what a transaction is about; the number of its commit where it shares one."""
        return self._kind.announce(names, connection)

    async def read(self, work: Work[T]) -> T:
        """Look things up; nothing done in it is kept.

        Raises:
            Unavailable: as for `write`.
        """
        try:
            return await self._kind.read(work)
        except Exception as error:
            if self._kind.troubled(error):
                raise Unavailable(type(error).__name__) from error
            raise

    async def snapshot(self, work: Work[T]) -> T:
        """Look things up in one and the same moment of the database, however long it takes."""

        async def at_once(connection: Connection) -> T:
            if not self.sqlite:
                await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
                return await work(connection)
            await connection.execute(text("BEGIN"))
            try:
                return await work(connection)
            finally:
                await connection.execute(text("ROLLBACK"))

        return await self.read(at_once)

    async def exclusive(self, name: str, work: Work[T]) -> T:
        """A writing transaction only one process does at a time: migrations, taking in the district's data."""

        async def alone(connection: Connection) -> T:
            if not self.sqlite:
                await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": name})
            return await work(connection)

        return await self.write(alone)

    def held(self, name: str) -> AbstractAsyncContextManager["Lease"]:
        """Something only one process may do at a time, for as long as it likes; waits until it is free."""
        return self._kind.held(name)

    async def hear(self, heard: Callable[[str], None]) -> None:
        """Listen to what other processes on this database call. Runs until cancelled."""
        await self._kind.hear(heard)

    async def call(self, words: str) -> None:
        """Call something, up to 7,000 characters, to every process on this database, this one too.

        Who does not listen just then never hears it.
        """
        await self._kind.call(words)

    async def close(self) -> None:
        await self._kind.close()


class Lease:
    """Proof that something is ours to do. Asked before each step: it may have been lost meanwhile."""

    def __init__(self, lasts: float) -> None:
        """`lasts`: seconds it is believed without being confirmed."""
        self._lasts = lasts
        self._until = time.monotonic() + lasts

    def confirm(self) -> None:
        self._until = time.monotonic() + self._lasts

    def lose(self) -> None:
        self._until = 0.0

    def holds(self) -> bool:
        return time.monotonic() < self._until


def cause(error: Exception) -> object:
    """The driver's own error, where SQLAlchemy has wrapped it."""
    return error.orig if isinstance(error, DBAPIError) else error
