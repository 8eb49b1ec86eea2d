"""PostgreSQL: a transaction for each piece of work, on a line along which nothing waits that need not.

A line is a connection of libpq's in pipeline mode. What only writes is sent along with the next question, BEGIN with
the first and COMMIT with the last, so a turn waits for the server as often as it needs to know something, not oftener.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence, Set
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any, TypeVar

import psycopg
from psycopg import errors, pq
from psycopg.adapt import PyFormat, Transformer
from sqlalchemy import Dialect, Executable, NullPool, Result, text
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from storage.database import BEAT, SILENCE, Asked, Connection, Lease, Ride, Work, cause
from storage.statements import Statements

log = logging.getLogger("xiaomazha.database")

T = TypeVar("T")

_MOST_LINES = 20
_LONGEST_WAIT = 30.0
# A server that is gone without a word is given up after half a minute, not after the two hours systems wait by default.
_KEEPALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 4, "tcp_user_timeout": 30_000}
# A process stopped in mid-transaction must not keep a chat's lock from the others for ever.
_MANNERS = "-c idle_in_transaction_session_timeout=30s -c lock_timeout=20s -c TimeZone=UTC"
# What PostgreSQL calls its own troubles: lost lines, deadlocks, shutdowns, full or broken disks.
_TROUBLES = ("08", "40", "53", "55", "57", "58")
# A prepared statement whose tables have changed under it.
_CHANGED = "0A000"
_LOST = (OSError, SQLAlchemyError, psycopg.Error)

_TRY_LOCK = text("SELECT pg_try_advisory_lock(hashtext(:name))")
_NOT_SILENT = text(f"SET idle_session_timeout = '{SILENCE}s'")
_ALIVE = text("SELECT 1")
_LISTEN = "LISTEN xiaomazha"
_CALL = text("SELECT pg_notify('xiaomazha', :words)")


class Postgres:
    """Lines to one database, kept open for the next piece of work."""

    def __init__(self, url: URL) -> None:
        # What people say must not come back in an error's words.
        self._engine = create_async_engine(
            url,
            hide_parameters=True,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            connect_args={"options": _MANNERS, "application_name": "xiaomazha", "connect_timeout": 30, **_KEEPALIVE},
        )
        self._statements = Statements(PGDialect_psycopg(paramstyle="numeric_dollar"))  # type: ignore[no-untyped-call]
        self._statements.keep(_TRY_LOCK, _NOT_SILENT, _ALIVE, _CALL)
        self._free: list[_Line] = []
        self._room = asyncio.Semaphore(_MOST_LINES)

    def announce(self, names: Set[object], connection: Connection) -> int | None:
        """Each transaction has its own commit here: nobody rides along."""
        return None

    def troubled(self, error: Exception) -> bool:
        if isinstance(error, OSError) or (isinstance(error, DBAPIError) and error.connection_invalidated):
            return True
        found = cause(error)
        state = getattr(found, "sqlstate", None)
        return state.startswith(_TROUBLES) if state else isinstance(found, psycopg.OperationalError)

    async def write(self, work: Work[T]) -> T:
        async def kept(line: _Line) -> T:
            line.say("BEGIN")
            try:
                result = await work(line)
                await line.commit()
            except BaseException:
                await line.undo()
                raise
            return result

        return await self._at_a_line(kept)

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
        async def looked(line: _Line) -> T:
            line.say("BEGIN")
            try:
                return await work(line)
            finally:
                await line.undo()

        return await self._at_a_line(looked)

    async def _at_a_line(self, work: Callable[["_Line"], Awaitable[T]]) -> T:
        """Do some work; once more, on a new line, if the tables have changed under the one it was on."""
        try:
            async with self._line() as line:
                return await work(line)
        except psycopg.errors.FeatureNotSupported:
            async with self._line() as line:
                return await work(line)

    @asynccontextmanager
    async def _line(self) -> AsyncIterator["_Line"]:
        """A line nobody else is on; one that broke is closed, and with it those that waited, for they are as old."""
        async with asyncio.timeout(_LONGEST_WAIT):
            await self._room.acquire()
        try:
            line = self._free.pop() if self._free else await self._open()
            try:
                yield line
            finally:
                if line.broken:
                    old, self._free = self._free, []
                    for each in (line, *old):
                        await each.close()
                else:
                    self._free.append(line)
        finally:
            self._room.release()

    async def _open(self) -> "_Line":
        connection = await self._engine.connect()
        wire: Any = (await connection.get_raw_connection()).driver_connection
        # It would throw away ours with its own.
        wire.prepare_threshold = None
        return _Line(connection, wire, self._statements)

    @asynccontextmanager
    async def held(self, name: str) -> AsyncIterator[Lease]:
        """The server's own lock. A holder that died, or is silent for so long, is cut off by the server."""
        line = await self._seize(name)
        lease = Lease(SILENCE - BEAT)
        beating = asyncio.create_task(self._beat(line, lease))
        try:
            yield lease
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
            await line.close()

    async def _seize(self, name: str) -> "_Line":
        """A line that has the lock; it ends with the line."""
        while True:
            line: _Line | None = None
            try:
                line = await self._open()
                await line.execute(_NOT_SILENT)
                if await self._locked(name, line):
                    return line
            except _LOST:
                log.warning("the database does not answer, the lock is asked for again")
            except BaseException:
                if line is not None:
                    await line.close()
                raise
            if line is not None:
                await line.close()
            await asyncio.sleep(BEAT)

    async def _locked(self, name: str, line: "_Line") -> bool:
        """Ask for a minute, often enough not to be cut off for silence."""
        for _ in range(round(60 / BEAT)):
            if await line.scalar(_TRY_LOCK, {"name": name}):
                return True
            await asyncio.sleep(BEAT)
        return False

    async def _beat(self, line: "_Line", lease: Lease) -> None:
        try:
            while True:
                await asyncio.sleep(BEAT)
                async with asyncio.timeout(SILENCE):
                    await line.scalar(_ALIVE)
                lease.confirm()
        except _LOST:
            lease.lose()

    async def hear(self, heard: Callable[[str], None]) -> None:
        while True:
            try:
                async with self._engine.connect() as connection:
                    wire: Any = (await connection.get_raw_connection()).driver_connection
                    await wire.execute(_LISTEN)
                    async for call in wire.notifies():
                        heard(call.payload)
            except _LOST:
                log.warning("the database does not answer, other processes are not heard for now")
            await asyncio.sleep(BEAT)

    async def call(self, words: str) -> None:
        async with self._line() as line:
            await line.scalar(_CALL, {"words": words})

    async def close(self) -> None:
        for line in self._free:
            await line.close()
        self._free = []
        await self._engine.dispose()


class _Line(Connection):
    """One connection in pipeline mode. What it is told is sent with what it is asked; errors come with the answer."""

    def __init__(self, connection: AsyncConnection, wire: Any, statements: Statements) -> None:
        self._connection = connection
        self._wire: pq.abc.PGconn = wire.pgconn
        self._statements = statements
        self._reads = Transformer(wire)
        self._names: dict[str, bytes] = {}
        self._numbers = count()
        # What is sent and not yet heard of: a statement's text if it was being prepared.
        self._sent: list[str | None] = []
        # How the last of what was heard ended, in the server's word.
        self._ended: bytes | None = None
        # Who waits for the wire to move, and the number by which the loop looks at it.
        self._waiting: asyncio.Future[None] | None = None
        self._watched: int | None = None
        self._writing = False
        self.broken = False
        self._wire.enter_pipeline_mode()

    @property
    def dialect(self) -> Dialect:
        return self._connection.dialect

    def say(self, command: str) -> None:
        """Tell something that takes no values and returns nothing."""
        self._send(command, [])

    async def execute(self, statement: Executable, parameters: Any = None, /) -> Result[*tuple[Any, ...]]:
        kept = self._statements.find(statement, parameters)
        if kept is None:
            return await self._in_full(statement, parameters)
        if isinstance(parameters, list):
            for each in parameters:
                self._send(kept.text, kept.values(each))
        else:
            self._send(kept.text, kept.values(parameters or {}))
        return kept.rows(self._read((await self.heard())[-1]) if kept.returns else ())

    async def together(self, *asked: Asked) -> list[Result[*tuple[Any, ...]]]:
        kept = [found for each in asked if (found := self._statements.find(*each))]
        if len(kept) < len(asked):
            return await super().together(*asked)
        for found, (_, parameters) in zip(kept, asked, strict=True):
            self._send(found.text, found.values(parameters))
        answers = (await self.heard())[-len(asked) :]
        return [found.rows(self._read(each)) for found, each in zip(kept, answers, strict=True)]

    async def run_sync(self, work: Callable[..., T], /, *given: Any) -> T:
        async with self._plain():
            return await self._connection.run_sync(work, *given)

    @asynccontextmanager
    async def begin_nested(self) -> AsyncIterator[None]:
        self.say("SAVEPOINT part")
        try:
            yield
            self.say("RELEASE part")
            if len(self._sent) > 1:
                # What was written in it must fail in it.
                await self.heard()
        except BaseException:
            if not self.broken:
                await self._forget()
                self.say("ROLLBACK TO part")
                self.say("RELEASE part")
            raise

    async def commit(self) -> None:
        """Keep all of the transaction.

        Raises:
            psycopg.errors.InFailedSqlTransaction: a statement had failed, whoever was told of it went on all the same,
                and the server, asked to keep it, has taken all of it back.
        """
        self.say("COMMIT")
        await self.heard()
        if self._ended != b"COMMIT":
            raise errors.InFailedSqlTransaction("a statement failed and nobody minded: nothing was kept")

    async def undo(self) -> None:
        """Take back all of the transaction, in whatever state it is."""
        if not self.broken:
            with suppress(Exception):
                await self._forget()
                self.say("ROLLBACK")
                await self.heard()

    async def close(self) -> None:
        """Close it for good: what it held and what was set on it ends with it."""
        self.broken = True
        self._look_away()
        with suppress(*_LOST):
            await self._connection.invalidate()
        with suppress(*_LOST):
            await self._connection.close()

    # What SQLAlchemy does itself.

    async def _in_full(self, statement: Executable, parameters: Any) -> Result[*tuple[Any, ...]]:
        async with self._plain():
            return await self._connection.execute(statement, parameters)

    @asynccontextmanager
    async def _plain(self) -> AsyncIterator[None]:
        """The connection as SQLAlchemy knows it."""
        if self._sent:
            await self.heard()
        self._look_away()
        self._wire.exit_pipeline_mode()
        try:
            yield
        finally:
            try:
                self._wire.enter_pipeline_mode()
            except psycopg.Error:
                self.broken = True

    # The wire.

    def _send(self, statement: str, values: Sequence[Any]) -> None:
        given = self._reads.dump_sequence(values, [PyFormat.TEXT] * len(values)) if values else None
        name = self._names.get(statement)
        try:
            if name is None:
                self._names[statement] = name = f"x{next(self._numbers)}".encode()
                self._wire.send_prepare(name, statement.encode())
                self._sent.append(statement)
            self._wire.send_query_prepared(name, given)
            self._sent.append(None)
        except psycopg.Error:
            self.broken = True
            self._look_away()
            raise

    async def _forget(self) -> None:
        """Hear what was sent, whatever becomes of it."""
        if self._sent:
            with suppress(psycopg.Error):
                await self.heard()

    async def heard(self) -> list[Any]:
        """Send all there is and wait for the answers, one to each that was said.

        Raises:
            psycopg.Error: the first of them that failed; nothing after it was done.
        """
        try:
            self._wire.pipeline_sync()
            while self._wire.flush():
                await self._moved(writable=True)
            results = await self._answers()
        except BaseException:
            # It is not known what of it was done, and what is said next would get its answers.
            self.broken = True
            self._look_away()
            raise
        sent, self._sent = self._sent, []
        self._ended = results[-1].command_status if results else None
        failed = next((each for each in results if each.status == pq.ExecStatus.FATAL_ERROR), None)
        if failed is not None:
            for statement, result in zip(sent, results, strict=True):
                if statement is not None and result.status != pq.ExecStatus.COMMAND_OK:
                    del self._names[statement]
            error = _error(failed)
            # Every line has prepared it as it was.
            self.broken = error.sqlstate == _CHANGED
            raise error
        return [each for statement, each in zip(sent, results, strict=True) if statement is None]

    def _read(self, answer: Any) -> list[Any]:
        """The rows of an answer."""
        if answer.status != pq.ExecStatus.TUPLES_OK:
            return []
        self._reads.set_pgresult(answer)
        return self._reads.load_rows(0, answer.ntuples, tuple)

    async def _answers(self) -> list[Any]:
        """A result for each that was sent, up to the point all are in."""
        results: list[Any] = []
        while True:
            while self._wire.is_busy():
                await self._moved()
            result = self._wire.get_result()
            if result is None:
                if self._wire.status == pq.ConnStatus.BAD:
                    raise psycopg.OperationalError("the line was cut")
            elif result.status == pq.ExecStatus.PIPELINE_SYNC:
                return results
            else:
                results.append(result)

    async def _moved(self, *, writable: bool = False) -> None:
        """Until the next answer has been read, or something and there is room to write.

        Raises:
            psycopg.Error: the line was cut.
        """
        loop = asyncio.get_running_loop()
        self._waiting = moved = loop.create_future()
        wire = self._wire.socket
        if self._watched is None:
            # Kept from one wait to the next: to begin and to end it costs more than the wait.
            loop.add_reader(wire, self._readable)
            self._watched = wire
        self._writing = writable
        if writable:
            loop.add_writer(wire, _once, moved)
        try:
            await moved
        finally:
            self._waiting = None
            if writable:
                loop.remove_writer(wire)

    def _readable(self) -> None:
        moved = self._waiting
        if moved is None:
            # Cut off while nobody waited, or something came early: the next who waits will look.
            self._look_away()
        elif not moved.done():
            # Read here and not by whoever waits: until it is, the loop finds it again at every turn.
            try:
                self._wire.consume_input()
            except psycopg.Error as error:
                moved.set_exception(error)
            else:
                if self._writing or not self._wire.is_busy():
                    moved.set_result(None)

    def _look_away(self) -> None:
        """At once when the wire is cut, for its number goes to the next one opened; and before others look at it."""
        if self._watched is not None:
            asyncio.get_running_loop().remove_reader(self._watched)
            self._watched = None


def _error(result: Any) -> psycopg.Error:
    """What the server says of it; not the part that quotes values."""
    state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
    words = (result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b"").decode("utf-8", "replace")
    try:
        kind: type[psycopg.Error] = errors.lookup(state)
    except KeyError:
        kind = psycopg.DatabaseError
    error = kind(words)
    error.sqlstate = state
    return error


def _once(moved: asyncio.Future[None]) -> None:
    if not moved.done():
        moved.set_result(None)
