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
from sqlalchemy import Executable, bindparam, func, insert, select, text, update

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


_SAME = select(Facts.value).where(Facts.name == bindparam("name"))
_PUT = insert(Facts)


@only_postgresql
async def test_a_migration_under_load_is_not_noticed(database: Database) -> None:
    """What was prepared does not fit the tables any more: the work is done once more, on a line made anew."""

    async def look(connection: Connection) -> object:
        return await connection.scalar(_SAME, {"name": "t:kept"})

    await database.write(lambda connection: connection.execute(insert(Facts).values(name="t:kept", value="您好")))
    assert [await database.read(look) for _ in range(3)] == ["您好"] * 3
    try:
        for change in ("varchar(500)", "text"):
            change_it = text(f"ALTER TABLE facts ALTER COLUMN value TYPE {change}")
            await database.write(partial(_done, change_it))
            assert await database.read(look) == "您好"
            assert await database.write(look) == "您好"
    finally:
        await database.write(partial(_done, text("ALTER TABLE facts ALTER COLUMN value TYPE varchar")))


async def _done(statement: Executable, connection: Connection) -> None:
    await connection.execute(statement)


@only_postgresql
async def test_what_failed_and_nobody_minded_is_not_taken_for_kept(database: Database) -> None:
    async def work(connection: Connection) -> str:
        await _put("t:one", connection)
        with suppress(Exception):
            await _put("t:one", connection)
            await connection.scalar(_SAME, {"name": "t:one"})
        return "told that it is kept"

    with pytest.raises(Exception, match="nothing was kept"):
        await database.write(work)
    assert await database.read(_names) == set()


@only_postgresql
async def test_a_line_cut_in_the_middle_keeps_nothing_and_the_next_work_is_done(database: Database) -> None:
    async def cut(connection: Connection) -> None:
        await _put("t:half", connection)
        await connection.scalar(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    async def cut_by_another(connection: Connection) -> None:
        await _put("t:half", connection)
        mine = await connection.scalar(text("SELECT pg_backend_pid()"))
        await database.read(partial(_done, text(f"SELECT pg_terminate_backend({mine})")))
        await asyncio.sleep(0.1)
        await _put("t:other half", connection)

    for number in range(3):
        for work in (cut, cut_by_another):
            with pytest.raises(Unavailable):
                await database.write(work)
        # The numbers of lines that are gone are given to new ones: those must be heard.
        some = [database.write(partial(_put, f"t:{number}.{each}")) for each in range(5)]
        assert len(await asyncio.gather(*some)) == 5
    assert await database.read(_names) == {f"t:{number}.{each}" for number in range(3) for each in range(5)}


@only_postgresql
async def test_lines_cut_while_nobody_used_them_stop_one_piece_of_work_at_most(database: Database) -> None:
    async def others_cut(connection: Connection) -> None:
        everybody = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        await connection.execute(text(f"{everybody} AND datname = current_database()"))

    waiting = [database.write(partial(_put, f"t:{number}")) for number in range(8)]
    await asyncio.gather(*waiting)
    await database.read(others_cut)
    began = time.process_time()
    await asyncio.sleep(0.5)
    assert time.process_time() - began < 0.2, "a line that is cut keeps the loop busy"
    failed = 0
    for number in range(8, 16):
        try:
            await database.write(partial(_put, f"t:{number}"))
        except Unavailable:
            failed += 1
    assert failed <= 1
    assert len(await database.read(_names)) == 16 - failed


@only_postgresql
async def test_of_two_in_each_others_way_one_is_told_to_try_again(database: Database) -> None:
    await asyncio.gather(*(database.write(partial(_put, f"t:{name}")) for name in "ab"))
    both = asyncio.Barrier(2)

    async def work(first: str, second: str, connection: Connection) -> None:
        change = update(Facts).values(value="changed")
        await connection.execute(change.where(Facts.name == first).returning(Facts.name))
        await both.wait()
        await connection.execute(change.where(Facts.name == second).returning(Facts.name))

    results = await asyncio.gather(
        database.write(partial(work, "t:a", "t:b")), database.write(partial(work, "t:b", "t:a")), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in results) == ["NoneType", "Unavailable"]


async def test_who_is_cut_off_anywhere_leaves_the_next_a_clean_line(database: Database) -> None:
    async def work(number: int, connection: Connection) -> str:
        await _put(f"t:{number}", connection)
        async with connection.begin_nested():
            await _put(f"t:{number} inside", connection)
        await connection.scalar(_SAME, {"name": f"t:{number}"})
        return f"t:{number}"

    for number in range(60):
        task = asyncio.ensure_future(database.write(partial(work, number)))
        for _ in range(number % 20):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert await database.write(partial(work, 1000 + number)) == f"t:{1000 + number}"
    kept = await database.read(_names)
    whole = {f"t:{1000 + number}" for number in range(60)}
    assert whole <= kept
    assert all((f"{each} inside" in kept) for each in kept if not each.endswith("inside"))


async def test_what_is_very_large_comes_back_whole(database: Database) -> None:
    large = "马" * 3_000_000

    async def work(connection: Connection) -> object:
        for _ in range(2):
            await connection.execute(_PUT, {"name": f"t:{_}", "value": large})
        return await connection.scalar(_SAME, {"name": "t:1"})

    assert await database.write(work) == large


async def test_more_at_once_than_there_are_lines_all_have_their_turn(database: Database) -> None:
    async def work(number: int, connection: Connection) -> str:
        await asyncio.sleep(0)
        return await _put(f"t:{number}", connection)

    results = await asyncio.gather(*(database.write(partial(work, number)) for number in range(200)))
    assert len(set(results)) == len(await database.read(_names)) == 200
