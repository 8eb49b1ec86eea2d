"""What the database promises: all or nothing, each alone, one holder, and nobody blamed for its own ills."""

import asyncio
import multiprocessing
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial

import pytest
from sqlalchemy import func, insert, select, text

from bot.core.errors import Unavailable
from storage.database import Connection, Database
from storage.tables import Facts

# One process has a SQLite database: there is nobody else to call.
only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
only_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


async def _put(name: str, connection: Connection) -> str:
    await connection.execute(insert(Facts).values(name=name, value=""))
    return name


async def _names(connection: Connection) -> set[str]:
    return set(await connection.scalars(select(Facts.name).where(Facts.name.startswith("t:"))))


async def test_of_many_at_once_those_that_fail_fail_alone(database: Database) -> None:
    async def work(number: int, connection: Connection) -> str:
        await _put(f"t:{number}", connection)
        if number % 3 == 0:
            raise ZeroDivisionError
        if number % 7 == 0:
            # A statement the database refuses, too.
            await _put(f"t:{number}", connection)
        return str(number)

    results = await asyncio.gather(
        *(database.write(partial(work, number)) for number in range(1, 60)),
        return_exceptions=True,
    )
    kept = {f"t:{number}" for number in range(1, 60) if number % 3 and number % 7}
    assert await database.read(_names) == kept
    assert {f"t:{result}" for result in results if isinstance(result, str)} == kept


async def test_a_nested_part_taken_back_leaves_the_rest(database: Database) -> None:
    async def work(connection: Connection) -> None:
        await _put("t:outer", connection)
        with suppress(ZeroDivisionError):
            async with connection.begin_nested():
                await _put("t:inner", connection)
                raise ZeroDivisionError

    await database.write(work)
    assert await database.read(_names) == {"t:outer"}


async def test_one_holder_at_a_time_and_the_next_when_it_lets_go(database: Database, database_url: str) -> None:
    other = Database(database_url)
    held = asyncio.Event()

    async def wait() -> None:
        async with other.held("test:lane") as lease:
            assert lease.holds()
            held.set()

    async with database.held("test:lane") as lease:
        waiting = asyncio.create_task(wait())
        await asyncio.sleep(1.5)
        assert lease.holds()
        assert not held.is_set()
    await asyncio.wait_for(held.wait(), 5)
    await waiting
    await other.close()


def _hold(url: str, ready: "multiprocessing.synchronize.Event") -> None:
    async def hold() -> None:
        async with Database(url).held("test:lane"):
            ready.set()
            await asyncio.Event().wait()

    asyncio.run(hold())


@pytest.mark.parametrize(
    ("database_url", "end"),
    # Nobody waits for a SQLite database's one process to stand still.
    [("sqlite", signal.SIGKILL), ("postgresql", signal.SIGKILL), ("postgresql", signal.SIGSTOP)],
    indirect=["database_url"],
)
async def test_a_holder_that_dies_or_stands_still_is_followed_within_five_seconds(
    database: Database, database_url: str, end: signal.Signals
) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_hold, args=(database_url, ready), daemon=True)
    process.start()
    assert await asyncio.to_thread(ready.wait, 30)
    os.kill(process.pid or 0, end)
    began = time.monotonic()
    async with asyncio.timeout(10), database.held("test:lane"):
        took = time.monotonic() - began
    process.kill()
    await asyncio.to_thread(process.join)
    assert took < 5.5


@only_postgresql
async def test_what_is_called_is_heard_by_all_who_listen(database: Database, database_url: str) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    others = [Database(database_url) for _ in range(2)]
    listening = [asyncio.create_task(other.hear(heard.put_nowait)) for other in others]
    await asyncio.sleep(0.5)
    await database.call("[1, 2]")
    async with asyncio.timeout(5):
        assert [await heard.get() for _ in others] == ["[1, 2]"] * 2
    for task in listening:
        task.cancel()
    await asyncio.gather(*listening, return_exceptions=True)
    for other in others:
        await other.close()


@only_postgresql
async def test_a_listener_cut_off_listens_again(database: Database, database_url: str) -> None:
    heard: list[str] = []
    listening = asyncio.create_task(database.hear(heard.append))
    await asyncio.sleep(0.5)
    other = Database(database_url)

    async def cut_off(connection: Connection) -> None:
        await connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )

    await other.write(cut_off)
    async with asyncio.timeout(10):
        while not heard:
            await other.call("again")
            await asyncio.sleep(0.2)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    await other.close()


async def test_a_database_that_is_not_there_is_not_the_works_fault() -> None:
    with pytest.raises(Unavailable):
        await Database("postgresql://nobody@127.0.0.1:9/none").write(_names)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_full_disk_is_not_the_works_fault_and_what_came_before_is_whole(database: Database) -> None:
    async def narrow(connection: Connection) -> None:
        pages = await connection.scalar(text("PRAGMA page_count"))
        await connection.execute(text(f"PRAGMA max_page_count={pages + 2}"))

    await database.write(narrow)
    stored = 0
    for number in range(1000):
        try:
            await database.write(partial(_put, f"t:{number}" + "x" * 3000))
        except Unavailable:
            break
        stored += 1
    assert 0 < stored < 1000
    await database.write(lambda connection: connection.execute(text("PRAGMA max_page_count=1073741823")))
    count = await database.read(
        lambda connection: connection.scalar(select(func.count()).where(Facts.name.startswith("t:")))
    )
    assert count == stored
    await database.write(lambda connection: _put("t:after", connection))


async def _about(database: Database, name: str, connection: Connection) -> int | None:
    await _put(name, connection)
    return database.announce({"telegram"}, connection)


@only_sqlite
async def test_who_rides_along_shares_the_commit_of_what_it_waits_for_and_sees_all_of_it(database: Database) -> None:
    ride = database.ride(_names, {"telegram"})
    await database.write(partial(_put, "t:other"))
    assert not ride.ended.done()
    commits = await asyncio.gather(*(database.write(partial(_about, database, f"t:{number}")) for number in range(5)))
    assert await ride.ended >= {"t:other", "t:0"}
    assert not ride.now()
    assert commits == sorted(commits, key=lambda commit: commit or 0)


async def test_who_is_told_not_to_wait_has_a_transaction_of_its_own(database: Database) -> None:
    ride = database.ride(partial(_put, "t:alone"), {"telegram"})
    assert ride.now()
    assert not ride.now()
    assert await ride.ended == "t:alone"
    assert await database.read(_names) == {"t:alone"}


async def test_a_ride_that_fails_takes_nobody_with_it(database: Database) -> None:
    async def fail(connection: Connection) -> None:
        await _put("t:ride", connection)
        raise ZeroDivisionError

    ride = database.ride(fail, {"telegram"})
    await database.write(partial(_about, database, "t:turn"))
    ride.now()
    with pytest.raises(ZeroDivisionError):
        await ride.ended
    assert await database.read(_names) == {"t:turn"}
