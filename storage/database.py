"""The database: one writer on SQLite, many on PostgreSQL; every write in a transaction somebody can name."""

import asyncio
import fcntl
import logging
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence, Set
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from sqlite3 import OperationalError
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Connection as SyncConnection
from sqlalchemy import CursorResult, Dialect, Engine, Executable, ScalarResult, StaticPool, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from bot.core.errors import Unavailable

log = logging.getLogger("xiaomazha.database")

T = TypeVar("T")

# Turns that share one commit: as many as are waiting, up to this many or this long.
_MOST_TOGETHER, _LONGEST_TOGETHER = 64, 0.05
_READERS = 2
# A holder of a lock says every second that it lives; silent for four, it is cut off, so another has it within five.
_BEAT, _SILENCE = 1.0, 4.0
# A process stopped in mid-transaction must not keep a chat's lock from the others for ever.
_MANNERS = {"idle_in_transaction_session_timeout": "30s", "lock_timeout": "20s", "application_name": "xiaomazha"}
_TRY_LOCK = text("SELECT pg_try_advisory_lock(hashtext(:name))")
_CHANNEL = "xiaomazha"
_CALL = text("SELECT pg_notify('xiaomazha', :words)")


class Connection(Protocol):
    """What a transaction offers: the part of SQLAlchemy's asynchronous connection that is used here."""

    @property
    def dialect(self) -> Dialect: ...
    async def execute(self, statement: Executable, parameters: Any = None, /) -> CursorResult[*tuple[Any, ...]]: ...
    async def scalar(self, statement: Executable, parameters: Any = None, /) -> Any: ...
    async def scalars(self, statement: Executable, parameters: Any = None, /) -> ScalarResult[Any]: ...
    async def run_sync(self, work: Callable[..., T], /, *given: Any) -> T: ...
    def begin_nested(self) -> AbstractAsyncContextManager[Any]: ...


Work = Callable[[Connection], Awaitable[T]]


@dataclass(frozen=True, slots=True)
class Ride(Generic[T]):
    """Work that waits for a transaction to go along with. `now` has it wait no longer: False when it has begun."""

    ended: asyncio.Future[T]
    now: Callable[[], bool]


class _Kind(Protocol):
    """One kind of database."""

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
        self.url = parsed.set(drivername="sqlite" if self.sqlite else "postgresql+asyncpg")
        self._kind: _Kind = _Sqlite(self.url) if self.sqlite else _Postgres(self.url)

    async def write(self, work: Work[T]) -> T:
        """Do some work in a transaction: once this returns it is kept, and if it raises nothing of it is.

        Cancelled meanwhile, it may be kept or not. What it returns must be plain data.

        Raises:
            Unavailable: the database was not there, full, or busy with itself; the work is not to blame.
        """
        try:
            return await self._kind.write(work)
        except Exception as error:
            if _unavailable(error):
                raise Unavailable(type(error).__name__) from error
            raise

    def ride(self, work: Work[T], names: Set[object]) -> Ride[T]:
        """Do some work at the end of the next writing transaction that announces one of these names, in its commit.

        Told `now` it has a transaction of its own; where no commits are shared it has to be told.
        """
        return self._kind.ride(work, names)

    def announce(self, names: Set[object], connection: Connection) -> int | None:
        """Let who rides along know what a transaction is about; the number of its commit where it shares one."""
        if not isinstance(connection, _Direct):
            return None
        connection.commit.names |= names
        return connection.commit.number

    async def read(self, work: Work[T]) -> T:
        """Look things up; nothing done in it is kept.

        Raises:
            Unavailable: as for `write`.
        """
        try:
            return await self._kind.read(work)
        except Exception as error:
            if _unavailable(error):
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


# What SQLite and PostgreSQL call their own troubles: full or broken disks, locks, shutdowns, lost lines, deadlocks.
_SQLITE_TROUBLES = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_CANTOPEN", "SQLITE_READONLY")
_POSTGRES_TROUBLES = ("08", "40", "53", "55", "57", "58")


def _unavailable(error: Exception) -> bool:
    if isinstance(error, OSError | PoolTimeout) or (isinstance(error, DBAPIError) and error.connection_invalidated):
        return True
    cause = error.orig if isinstance(error, DBAPIError) else error
    name = getattr(cause, "sqlite_errorname", None) or ""
    state = getattr(cause, "sqlstate", None) or ""
    return name.startswith(_SQLITE_TROUBLES) or state.startswith(_POSTGRES_TROUBLES)


class _Postgres:
    """A transaction for each piece of work; the server lets those that end together share their flush to disk."""

    def __init__(self, url: URL) -> None:
        # What people say must not come back in an error's words.
        self._engine = create_async_engine(
            url,
            hide_parameters=True,
            pool_size=10,
            max_overflow=10,
            pool_timeout=30,
            connect_args={"server_settings": _MANNERS},
        )
        # Not loaded where there is no PostgreSQL.
        from asyncpg import InterfaceError, PostgresError

        self._troubles = (OSError, SQLAlchemyError, InterfaceError, PostgresError)

    async def write(self, work: Work[T]) -> T:
        async with self._engine.begin() as connection:
            return await work(connection)

    def ride(self, work: Work[T], names: Set[object]) -> Ride[T]:
        """Each transaction has its own commit here: it waits to be told."""
        told = asyncio.get_running_loop().create_future()

        async def go() -> T:
            await told
            return await self.write(work)

        def now() -> bool:
            if told.done():
                return False
            told.set_result(None)
            return True

        return Ride(asyncio.ensure_future(go()), now)

    async def read(self, work: Work[T]) -> T:
        async with self._engine.connect() as connection:
            return await work(connection)

    @asynccontextmanager
    async def held(self, name: str) -> AsyncIterator[Lease]:
        """The server's own lock. A holder that died, or is silent for so long, is cut off by the server."""
        connection = await self._seize(name)
        lease = Lease(_SILENCE - _BEAT)
        beating = asyncio.create_task(self._beat(connection, lease))
        try:
            yield lease
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
            await self._hang_up(connection)

    async def _seize(self, name: str) -> AsyncConnection:
        """A connection that has the lock; it ends with the connection."""
        while True:
            connection: AsyncConnection | None = None
            try:
                connection = await self._engine.connect()
                connection = await connection.execution_options(isolation_level="AUTOCOMMIT")
                await connection.execute(text(f"SET idle_session_timeout = '{_SILENCE}s'"))
                if await self._locked(name, connection):
                    return connection
            except self._troubles:
                log.warning("the database does not answer, the lock is asked for again")
            except BaseException:
                await self._hang_up(connection)
                raise
            await self._hang_up(connection)
            await asyncio.sleep(_BEAT)

    async def _locked(self, name: str, connection: AsyncConnection) -> bool:
        """Ask for a minute, often enough not to be cut off for silence."""
        for _ in range(round(60 / _BEAT)):
            if await connection.scalar(_TRY_LOCK, {"name": name}):
                return True
            await asyncio.sleep(_BEAT)
        return False

    async def _beat(self, connection: AsyncConnection, lease: Lease) -> None:
        try:
            while True:
                await asyncio.sleep(_BEAT)
                async with asyncio.timeout(_SILENCE):
                    await connection.execute(text("SELECT 1"))
                lease.confirm()
        except self._troubles:
            lease.lose()

    async def hear(self, heard: Callable[[str], None]) -> None:
        while True:
            connection: AsyncConnection | None = None
            ended = asyncio.Event()
            try:
                connection = await self._engine.connect()
                wire: Any = (await connection.get_raw_connection()).driver_connection
                wire.add_termination_listener(partial(_set, ended))
                await wire.add_listener(_CHANNEL, lambda _wire, _from, _channel, words: heard(words))
                await ended.wait()
            except self._troubles:
                log.warning("the database does not answer, other processes are not heard for now")
            finally:
                await self._hang_up(connection)
            await asyncio.sleep(_BEAT)

    async def call(self, words: str) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(_CALL, {"words": words})

    async def _hang_up(self, connection: AsyncConnection | None) -> None:
        """Close a connection for good: what it held and what was set on it must not come back from the pool."""
        if connection is not None:
            with suppress(*self._troubles):
                await connection.invalidate()
            with suppress(*self._troubles):
                await connection.close()

    async def close(self) -> None:
        await self._engine.dispose()


def _set(ended: asyncio.Event, _wire: object) -> None:
    ended.set()


class _Sqlite:
    """One thread that writes and a few that read: work is brought to them whole, for it asks in microseconds."""

    def __init__(self, url: URL) -> None:
        self._path = Path(url.database or "")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = _Thread(url, writes=True)
        self._readers = [_Thread(url, writes=False) for _ in range(_READERS)]

    async def write(self, work: Work[T]) -> T:
        return await self._writer.do(work)

    def ride(self, work: Work[T], names: Set[object]) -> Ride[T]:
        return self._writer.ride(work, names)

    async def read(self, work: Work[T]) -> T:
        return await min(self._readers, key=lambda reader: reader.waiting).do(work)

    @asynccontextmanager
    async def held(self, name: str) -> AsyncIterator[Lease]:
        """A lock on a file beside the database; the system lets go of it when its holder dies."""
        path = Path(f"{self._path}.{name.replace(':', '-')}.lock")
        # Not in a thread: cancelled meanwhile, nobody would close it. Beside the database it is open at once.
        with path.open("w") as file:  # noqa: ASYNC230
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    await asyncio.sleep(_BEAT)
                else:
                    break
            yield Lease(float("inf"))

    async def hear(self, heard: Callable[[str], None]) -> None:
        """One process has this database: there is nobody to hear."""
        await asyncio.Event().wait()

    async def call(self, words: str) -> None:
        """There is nobody to call."""

    async def close(self) -> None:
        for thread in (self._writer, *self._readers):
            await asyncio.to_thread(thread.stop)


@dataclass(eq=False)
class _Job(Generic[T]):
    """A piece of work on its way through a thread, and who waits for it on which loop."""

    work: Work[T]
    loop: asyncio.AbstractEventLoop
    ended: asyncio.Future[T]
    names: Set[object] = frozenset()
    result: list[T] = field(default_factory=list)
    error: BaseException | None = None


@dataclass(eq=False)
class _Commit:
    """One commit: its number, and what those that share it have announced."""

    number: int
    names: set[object] = field(default_factory=set)


class _Thread:
    """A thread with one connection. What waits when it begins shares one transaction, each in its own savepoint."""

    def __init__(self, url: URL, *, writes: bool) -> None:
        self._url = url
        self._writes = writes
        self._jobs: deque[_Job[Any]] = deque()
        self._rides: dict[int, _Job[Any]] = {}
        self._hurried: deque[_Job[Any]] = deque()
        self._commits = 0
        self._bell = threading.Semaphore(0)
        self._thread: threading.Thread | None = None
        self._stopped = False

    @property
    def waiting(self) -> int:
        return len(self._jobs)

    async def do(self, work: Work[T]) -> T:
        loop = asyncio.get_running_loop()
        job: _Job[T] = _Job(work, loop, loop.create_future())
        self._jobs.append(job)
        self._wake()
        return await job.ended

    def ride(self, work: Work[T], names: Set[object]) -> Ride[T]:
        loop = asyncio.get_running_loop()
        job: _Job[T] = _Job(work, loop, loop.create_future(), names)
        self._rides[id(job)] = job

        def now() -> bool:
            # Whoever takes it out has it: we, or the thread.
            waiting = self._rides.pop(id(job), None)
            if waiting is not None:
                self._hurried.append(waiting)
                self._wake()
            return waiting is not None

        return Ride(job.ended, now)

    def _wake(self) -> None:
        if self._thread is None:
            self._stopped = False
            self._thread = threading.Thread(target=self._run, name="xiaomazha-database", daemon=True)
            self._thread.start()
        self._bell.release()

    def stop(self) -> None:
        """Let what waits be done, then end. Blocks."""
        if self._thread is not None:
            self._stopped = True
            self._bell.release()
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        engine = create_engine(
            self._url, hide_parameters=True, poolclass=StaticPool, connect_args={"check_same_thread": False}
        )
        event.listen(engine, "connect", _prepare)
        try:
            with asyncio.Runner() as runner:
                while self._jobs or self._hurried or not self._stopped:
                    self._bell.acquire()
                    if self._jobs or self._hurried:
                        runner.run(self._together(engine))
        finally:
            engine.dispose()

    async def _together(self, engine: Engine) -> None:
        done: list[_Job[Any]] = []
        self._commits += 1
        commit = _Commit(self._commits)
        try:
            with engine.connect() as connection:
                if self._writes:
                    # Not by an event of SQLAlchemy's: with one, it would look for others at every statement.
                    _raw(connection).execute("BEGIN IMMEDIATE")
                began = time.monotonic()
                while self._jobs and len(done) < _MOST_TOGETHER and time.monotonic() < began + _LONGEST_TOGETHER:
                    done.append(self._jobs.popleft())
                    await self._one(done[-1], connection, commit)
                # Last, so that they see all there is in it.
                for riding in self._boarding(commit):
                    done.append(riding)
                    await self._one(riding, connection, commit)
                if self._writes:
                    _raw(connection).commit()
        except BaseException as error:
            # Not even begun, undone by the disk, or lost at the commit: none of it is kept.
            done = done or [(self._jobs or self._hurried).popleft()]
            for job in done:
                job.error = job.error or error
        _tell(done)

    def _boarding(self, commit: _Commit) -> list[_Job[Any]]:
        """Those who wait for what this commit is about, or no longer; each taken out."""
        hurried = [self._hurried.popleft() for _ in range(len(self._hurried))]
        wanted = [key for key, job in list(self._rides.items()) if None in commit.names or commit.names & job.names]
        return hurried + [job for key in wanted if (job := self._rides.pop(key, None)) is not None]

    async def _one(self, job: _Job[Any], connection: SyncConnection, commit: _Commit) -> None:
        """Do one piece of work; what it did is taken back if it fails, and only that.

        Raises:
            BaseException: the whole transaction is lost with it.
        """
        raw = _raw(connection)
        if self._writes:
            raw.execute("SAVEPOINT job")
        try:
            if not job.ended.cancelled():
                job.result.append(await job.work(_Direct(connection, commit)))
        except BaseException as error:
            job.error = error
            if self._writes:
                if not raw.in_transaction:
                    raise
                raw.execute("ROLLBACK TO job")
        if self._writes:
            raw.execute("RELEASE job")


def _raw(connection: SyncConnection) -> Any:
    """The driver's own connection, sqlite3's."""
    return connection.connection.driver_connection


def _tell(jobs: Sequence[_Job[Any]]) -> None:
    """Let those who wait know, each loop called once."""
    loops: dict[asyncio.AbstractEventLoop, list[_Job[Any]]] = {}
    for job in jobs:
        loops.setdefault(job.loop, []).append(job)
    for loop, theirs in loops.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_end, theirs)


def _end(jobs: Sequence[_Job[Any]]) -> None:
    for job in jobs:
        if job.ended.done():
            continue
        if job.error is not None:
            job.ended.set_exception(job.error)
        else:
            job.ended.set_result(job.result[0])


class _Direct:
    """SQLAlchemy's connection in the words of its asynchronous one; in its own thread nothing has to be awaited."""

    def __init__(self, connection: SyncConnection, commit: _Commit) -> None:
        self._connection = connection
        self.commit = commit

    @property
    def dialect(self) -> Dialect:
        return self._connection.dialect

    async def execute(self, statement: Executable, parameters: Any = None, /) -> CursorResult[*tuple[Any, ...]]:
        return self._connection.execute(statement, parameters)

    async def scalar(self, statement: Executable, parameters: Any = None, /) -> Any:
        return self._connection.scalar(statement, parameters)

    async def scalars(self, statement: Executable, parameters: Any = None, /) -> ScalarResult[Any]:
        return self._connection.scalars(statement, parameters)

    async def run_sync(self, work: Callable[..., T], /, *given: Any) -> T:
        return work(self._connection, *given)

    @asynccontextmanager
    async def begin_nested(self) -> AsyncIterator[None]:
        # As for a piece of work: SQLAlchemy's own takes thirty times as long.
        raw = _raw(self._connection)
        raw.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if raw.in_transaction:
                raw.execute("ROLLBACK TO part")
                raw.execute("RELEASE part")
            raise
        raw.execute("RELEASE part")


def _prepare(connection: Any, _record: Any) -> None:
    # SQLAlchemy's recipe: the driver must not begin transactions of its own, we say BEGIN IMMEDIATE ourselves.
    connection.isolation_level = None
    connection.execute("PRAGMA busy_timeout=15000")
    for attempt in range(50):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except OperationalError:
            # Two processes making a new file: SQLite does not wait here, whatever the timeout.
            if attempt == 49:
                raise
            time.sleep(0.1)
        else:
            break
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
