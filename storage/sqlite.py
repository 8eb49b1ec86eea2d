"""SQLite: one thread that writes, in transactions shared by whatever waits, and a few that read."""

import asyncio
import fcntl
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from sqlite3 import OperationalError
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection as SyncConnection
from sqlalchemy import Dialect, Engine, Executable, Result, StaticPool, create_engine, event
from sqlalchemy.engine import URL

from storage.database import BEAT, Connection, Lease, Ride, Work, cause
from storage.statements import Rows, Statements

T = TypeVar("T")

# Turns that share one commit: as many as are waiting, up to this many or this long.
_MOST_TOGETHER, _LONGEST_TOGETHER = 64, 0.05
_READERS = 2
# What SQLite calls its own troubles: full or broken disks, and locks.
_TROUBLES = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_CANTOPEN", "SQLITE_READONLY")


class Sqlite:
    """One thread that writes and a few that read: work is brought to them whole, for it asks in microseconds."""

    def __init__(self, url: URL) -> None:
        self._path = Path(url.database or "")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = _Thread(url, writes=True)
        self._readers = [_Thread(url, writes=False) for _ in range(_READERS)]

    def announce(self, names: Set[object], connection: Connection) -> int | None:
        if not isinstance(connection, _Direct):
            return None
        connection.commit.names |= names
        return connection.commit.number

    def troubled(self, error: Exception) -> bool:
        name = getattr(cause(error), "sqlite_errorname", None) or ""
        return isinstance(error, OSError) or name.startswith(_TROUBLES)

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
                    await asyncio.sleep(BEAT)
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
        statements = Statements(engine.dialect)
        try:
            with asyncio.Runner() as runner:
                while self._jobs or self._hurried or not self._stopped:
                    self._bell.acquire()
                    if self._jobs or self._hurried:
                        runner.run(self._together(engine, statements))
        finally:
            engine.dispose()

    async def _together(self, engine: Engine, statements: Statements) -> None:
        done: list[_Job[Any]] = []
        self._commits += 1
        commit = _Commit(self._commits)
        try:
            with engine.connect() as connection:
                direct = _Direct(connection, statements, commit)
                if self._writes:
                    # Not by an event of SQLAlchemy's: with one, it would look for others at every statement.
                    direct.raw.execute("BEGIN IMMEDIATE")
                began = time.monotonic()
                while self._jobs and len(done) < _MOST_TOGETHER and time.monotonic() < began + _LONGEST_TOGETHER:
                    done.append(self._jobs.popleft())
                    await self._one(done[-1], direct)
                # Last, so that they see all there is in it.
                for riding in self._boarding(commit):
                    done.append(riding)
                    await self._one(riding, direct)
                if self._writes:
                    direct.raw.commit()
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

    async def _one(self, job: _Job[Any], direct: "_Direct") -> None:
        """Do one piece of work; what it did is taken back if it fails, and only that.

        Raises:
            BaseException: the whole transaction is lost with it.
        """
        raw = direct.raw
        if self._writes:
            raw.execute("SAVEPOINT job")
        try:
            if not job.ended.cancelled():
                job.result.append(await job.work(direct))
        except BaseException as error:
            job.error = error
            if self._writes:
                if not raw.in_transaction:
                    raise
                raw.execute("ROLLBACK TO job")
        if self._writes:
            raw.execute("RELEASE job")


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


class _Direct(Connection):
    """A connection in the words of SQLAlchemy's asynchronous one; in its own thread nothing has to be awaited."""

    def __init__(self, connection: SyncConnection, statements: Statements, commit: _Commit) -> None:
        self._connection = connection
        # The driver's own, sqlite3's.
        self.raw: Any = connection.connection.driver_connection
        self._statements = statements
        self.commit = commit

    @property
    def dialect(self) -> Dialect:
        return self._connection.dialect

    def _known(self, statement: Executable, parameters: Any) -> Rows | None:
        """What a statement that is kept finds; None when it is not kept."""
        kept = self._statements.find(statement, parameters)
        if kept is None:
            return None
        if isinstance(parameters, list):
            self.raw.executemany(kept.text, [kept.values(each) for each in parameters])
            return kept.rows(())
        cursor = self.raw.execute(kept.text, kept.values(parameters or {}))
        # What writes is done only when its last row is fetched.
        return kept.rows(cursor if kept.reads else cursor.fetchall())

    async def execute(self, statement: Executable, parameters: Any = None, /) -> Result[*tuple[Any, ...]]:
        found = self._known(statement, parameters)
        return self._connection.execute(statement, parameters) if found is None else found

    async def run_sync(self, work: Callable[..., T], /, *given: Any) -> T:
        return work(self._connection, *given)

    @asynccontextmanager
    async def begin_nested(self) -> AsyncIterator[None]:
        # As for a piece of work: SQLAlchemy's own takes thirty times as long.
        raw = self.raw
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
