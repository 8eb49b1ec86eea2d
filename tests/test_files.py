"""A photo is stored before anything points to it, stays as long as something does, and goes when nothing does."""

import asyncio
import hashlib
import io
import random
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TypeVar

import aiohttp
import pytest
from PIL import Image
from sqlalchemy import Text, func, insert, select, update

from bot.adapters.telegram_aiogram import Aiogram
from bot.app import Knowledge, Service, build
from bot.core.errors import Unavailable
from bot.core.sending import TryLater
from bot.core.words import Address, Kind, Outgoing, Reply, Said
from config.settings import BadSettings, Settings, load
from domain.cases import ProblemReported, Status
from storage import migrate
from storage.bucket import Bucket
from storage.database import Connection, Database
from storage.desk import Desk
from storage.files import Album, FileStore, Store, name
from storage.folder import Folder
from storage.outbox import lane
from storage.sweep import GRACE, sweep
from storage.tables import Base, Contacts, Files, Outbox
from tests import test_telegram
from tests.chat_client import chat
from tests.play import Stage, play
from tests.s3_server import Line, S3Server
from tests.telegram_server import BotApiServer
from tests.test_transcripts import TRANSCRIPTS

ROOT = Path(__file__).parents[1]
WANG = Address("web", "chat", "wang")
GRID = "230203002001001"
Start = Callable[..., Service]
T = TypeVar("T")
_numbers = count(1)
_WITH_PHOTOS = select(func.count()).select_from(Outbox).where(Outbox.photos.is_not(None))


def photo(seed: int = 0) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (90, 60), (seed % 256, seed * 7 % 256, 99)).save(out, "JPEG")
    return out.getvalue()


class Clock:
    """The time, in our hand. It starts with the machine's, by which a store dates what is put there."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    server = S3Server()
    yield server
    server.stop()


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Settings of a place for photos, of each of the two kinds."""
    if request.param == "folder":
        return {"files": str(tmp_path / "files")}
    server: S3Server = request.getfixturevalue("s3")
    return server.settings(f"test-{next(_numbers)}")


@pytest.fixture
async def start(database_url: str, tmp_path: Path, clock: Clock, knowledge: Knowledge) -> AsyncIterator[Start]:
    """Starts a process of the service; called again, another one on the same database and photos."""
    started = []

    def start(**settings: str) -> Service:
        given = {"database_url": database_url, "files": str(tmp_path / "files"), "http_port": "0"} | settings
        started.append(build(load(**given), clock=clock, knowledge=knowledge))
        return started[-1]

    yield start
    for service in started:
        await service.desks.database.close()


async def swept(service: Service) -> int:
    return await sweep(service.desks.album.store, service.desks.database, service.desks.clock())


async def lying(store: Store) -> set[str]:
    """The names of everything in a store."""
    return {each async for page in store.pages() for each, _ in page}


async def rows(service: Service) -> set[str]:
    return set(await service.desks.database.read(lambda connection: connection.scalars(select(Files.digest))))


# Kept once, by content.


async def test_the_same_photo_sent_twice_is_kept_once(start: Start, place: dict[str, str]) -> None:
    album = start(**place).desks.album
    first, second = await asyncio.gather(album.keep(photo()), album.keep(photo()))
    assert first == second
    kept = await album.read(first)
    assert hashlib.sha256(kept).hexdigest() == first
    assert await lying(album.store) == {name(first), name(first, thumb=True)}
    with Image.open(io.BytesIO(await album.read(first, thumb=True))) as thumb:
        assert thumb.size == (90, 60)


async def test_a_store_keeps_what_it_is_given_whole_and_says_what_it_has_not(
    place: dict[str, str], start: Start
) -> None:
    store = start(**place).desks.album.store
    data = hashlib.sha256(b"").digest() * 100_000
    await store.put("ab/large", data)
    await store.put("ab/small", b"first")
    await store.put("ab/small", b"second")
    assert await store.get("ab/large") == data
    assert await store.get("ab/small") == b"second"
    assert await store.has("ab/small")
    assert not await store.has("ab/none")
    with pytest.raises(FileNotFoundError):
        await store.get("ab/none")
    (page,) = [page async for page in store.pages()]
    assert {each for each, _ in page} == {"ab/large", "ab/small"}
    assert all(abs(at - datetime.now(UTC)) < timedelta(minutes=5) for _, at in page)
    await store.remove(["ab/small", "ab/none"])
    await store.remove([])
    assert await lying(store) == {"ab/large"}


async def test_a_bucket_lists_more_than_fits_on_a_page(s3: S3Server) -> None:
    store = _bucket(s3, "many")
    names = {f"ab/{number}" for number in range(1005)}
    for some in range(0, 1005, 50):
        await asyncio.gather(*(store.put(each, b"x") for each in sorted(names)[some : some + 50]))
    pages = [page async for page in store.pages()]
    assert [len(page) for page in pages] == [1000, 5]
    assert {each for page in pages for each, _ in page} == names


def _bucket(s3: S3Server, prefix: str, **other: str) -> Bucket:
    given = {"endpoint": s3.url, "region": "us-east-1", "key": s3.key, "secret": s3.secret} | other
    return Bucket(f"s3://{s3.bucket}/{prefix}", **given)


@pytest.mark.parametrize("wrong", [{"secret": "wrong"}, {"key": "AKIAWRONG"}])
async def test_a_key_that_does_not_open_the_bucket_is_named_and_stores_nothing(
    s3: S3Server, wrong: dict[str, str]
) -> None:
    store = _bucket(s3, "wrong", **wrong)
    with pytest.raises(ConnectionError, match="403") as trouble:
        await store.put(name("ab" * 32), b"x")
    # Neither the key nor a name that would open the photo gets into the log.
    assert not any(each in str(trouble.value) for each in (s3.secret, "ab" * 32, "<"))
    assert await lying(_bucket(s3, "wrong")) == set()


async def test_an_endpoint_that_begins_with_the_bucket_is_the_buckets_own() -> None:
    asked = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode().split()[1])
        writer.write(b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    for bucket in ("127", "photos"):
        endpoint = f"http://127.0.0.1:{port}"
        await Bucket(f"s3://{bucket}/a", endpoint=endpoint, region="r", key="k", secret="s").put("ab/x", b"x")
    server.close()
    assert asked == ["/a/ab/x", "/photos/a/ab/x"]


# What points to a photo keeps it.


async def _in_a_case(desk: Desk, digest: str) -> None:
    contact = await desk.meet(WANG)
    reported = ProblemReported(contact.person.id, GRID, "其他", "幸福里 3 栋", "路灯不亮", (digest,))
    await desk.cases.open(reported, None, desk.now, desk.district.timezone)


async def _in_a_message(desk: Desk, digest: str) -> None:
    contact = await desk.meet(WANG)
    other = "0" * 64
    await desk.outbox.queue(contact.id, Kind.NOTICE, Reply("修好了", photos=(other, digest)))


async def _in_a_message_to_many(desk: Desk, digest: str) -> None:
    contact = await desk.meet(WANG)
    await desk.people.change(contact.person.id, grid=GRID)
    assert await desk.tell_area(GRID, "forget.done", once="all", kind=Kind.NOTICE, photos=(digest,)) == 1


async def _held(desk: Desk, digest: str) -> None:
    said = Said(WANG, "m1", desk.now, photos=(digest,))
    contact = await desk.hear(said)
    assert contact
    await desk.hold(said, contact, 1)


async def _put_aside(desk: Desk, digest: str) -> None:
    await desk.park(Said(WANG, "m1", desk.now, photos=(digest,)), "t1")


POINTERS: dict[str, Callable[[Desk, str], Awaitable[None]]] = {
    "a case": _in_a_case,
    "a message": _in_a_message,
    "a message to many": _in_a_message_to_many,
    "what is held": _held,
    "what is put aside": _put_aside,
}


@pytest.mark.parametrize("pointer", POINTERS)
async def test_a_photo_something_points_to_stays_for_ever(start: Start, clock: Clock, pointer: str) -> None:
    service = start()
    needed, needless = [await service.desks.album.keep(photo(seed)) for seed in (1, 2)]
    await service.desks.write(lambda desk: POINTERS[pointer](desk, needed))
    clock.now += timedelta(days=400)
    assert await swept(service) == 1
    assert await swept(service) == 0
    assert await lying(service.desks.album.store) == {name(needed), name(needed, thumb=True)}
    assert await rows(service) == {needed}
    assert needless != needed


async def test_the_photo_of_an_open_conversation_stays_until_the_conversation_ends(start: Start, clock: Clock) -> None:
    service = start()
    digest = await service.desks.album.keep(photo())
    await service.turns.take(Said(WANG, "m1", clock.now, photos=(digest,)))
    assert await service.desks.database.read(lambda connection: connection.scalar(select(Contacts.photos))) == digest
    assert await service.desks.database.read(lambda connection: connection.scalar(_WITH_PHOTOS)) == 0
    clock.now += timedelta(days=400)
    assert await swept(service) == 0
    await service.turns.take(Said(WANG, "m2", clock.now, "取消"))
    assert await swept(service) == 1


async def test_a_photo_goes_with_the_last_message_that_shows_it(start: Start, clock: Clock) -> None:
    service = start()
    digest = await service.desks.album.keep(photo())
    await service.desks.write(lambda desk: _in_a_message(desk, digest))
    await service.desks.write(lambda desk: desk.outbox.post([lane(WANG.platform, WANG.account)]))
    clock.now += timedelta(days=89)
    await service.bell._tidy()
    assert digest in await rows(service)
    clock.now += timedelta(days=2)
    await service.bell._tidy()
    assert await rows(service) == set()
    with pytest.raises(FileNotFoundError):
        await service.desks.album.read(digest)


async def test_who_asks_to_be_forgotten_leaves_no_photo_of_what_they_had_not_finished(
    start: Start, clock: Clock
) -> None:
    service = start()
    digest = await service.desks.album.keep(photo())
    for number, words in enumerate(("", "忘记我", "确定删除")):
        photos = () if words else (digest,)
        await service.turns.take(Said(WANG, f"m{number}", clock.now, words, photos=photos))
        clock.now += timedelta(seconds=3)
    clock.now += timedelta(days=2)
    assert await swept(service) == 1


@pytest.mark.parametrize("transcript", ["photo_first", "nothing_dropped", "report_problem", "aside_and_back"])
async def test_nothing_else_points_to_photos(transcript: str, settings: Settings, knowledge: Knowledge) -> None:
    """Every column a digest is ever found in is one the sweep looks at, or lies beside one."""
    looked_at = {"files.digest", "case_photos.photo", "outbox.photos", "contacts.photos", "heard.held", "parked.what"}
    stage = _Watched(settings, knowledge, restart=False)
    try:
        await play(transcript, TRANSCRIPTS[transcript], stage)
        assert stage.columns <= looked_at | {"outbox.body", "contacts.state"}
        assert stage.columns >= {"files.digest", "case_photos.photo", "outbox.photos"}
    finally:
        await stage.close()


class _Watched(Stage):
    """Notes after everything said in which columns a digest is found."""

    columns: set[str]

    async def say(self, who: str, words: str) -> None:
        await super().say(who, words)
        self.columns = getattr(self, "columns", set())
        await self.service.desks.database.read(self._look_everywhere)

    async def _look_everywhere(self, connection: Connection) -> None:
        digests = set(await connection.scalars(select(Files.digest)))
        for table in Base.metadata.sorted_tables:
            for column in table.columns:
                if isinstance(column.type, Text):
                    values = await connection.scalars(select(column).where(column.is_not(None)))
                    if any(digest in value for value in values for digest in digests):
                        self.columns.add(f"{table.name}.{column.name}")


# What nothing points to goes.


async def test_a_photo_nobody_used_goes_after_a_day(start: Start, clock: Clock, place: dict[str, str]) -> None:
    service = start(**place)
    await service.desks.album.keep(photo())
    clock.now += GRACE - timedelta(minutes=1)
    assert await swept(service) == 0
    await service.desks.album.keep(photo(1))
    clock.now += timedelta(minutes=2)
    assert await swept(service) == 1
    again = await service.desks.album.keep(photo())
    assert len(await rows(service)) == 2
    assert await service.desks.album.read(again)


async def test_more_than_fits_on_a_page_goes_at_once(start: Start, clock: Clock) -> None:
    service = start()
    digests = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(1203)]
    await service.desks.database.write(
        lambda connection: connection.execute(
            insert(Files), [{"digest": each, "size": 1, "at": clock.now} for each in digests]
        )
    )
    for digest in digests[:60]:
        await service.desks.album.store.put(name(digest), b"x")
    clock.now += timedelta(days=2)
    assert await swept(service) == 1203
    assert (await rows(service), await lying(service.desks.album.store)) == (set(), set())


async def test_what_a_crash_left_without_a_row_goes_after_a_day_and_other_files_stay(
    start: Start, clock: Clock, place: dict[str, str]
) -> None:
    service = start(**place)
    store = service.desks.album.store
    whole, half = "ab" + "1" * 62, "cd" + "2" * 62
    left = [name(whole), name(whole, thumb=True), name(half, thumb=True), f"{name(half)}.0a1b2c3d.part"]
    for each in [*left, "ab/README"]:
        await store.put(each, b"x")
    assert await swept(service) == 0
    assert await lying(store) == {*left, "ab/README"}
    clock.now += timedelta(days=2)
    assert await swept(service) == 2
    assert await lying(store) == {"ab/README"}


async def test_the_photos_of_another_database_are_left_alone(
    start: Start, clock: Clock, tmp_path: Path, knowledge: Knowledge, caplog: pytest.LogCaptureFixture
) -> None:
    service = start()
    digest = await service.desks.album.keep(photo())
    assert await swept(service) == 0
    clock.now += timedelta(days=400)
    empty = start(database_url=f"sqlite:///{tmp_path / 'empty.db'}")
    await migrate.migrate(empty.desks.database)
    assert await swept(empty) == 0
    assert "another database" in caplog.text
    assert await service.desks.album.read(digest)
    assert await swept(service) == 1


async def test_two_sweeps_at_once_take_each_photo_once(start: Start, clock: Clock, place: dict[str, str]) -> None:
    first, second = start(**place), start(**place)
    for seed in range(12):
        await first.desks.album.keep(photo(seed))
    assert await swept(first) == 0
    clock.now += timedelta(days=2)
    assert sum(await asyncio.gather(swept(first), swept(second))) == 12
    assert await lying(first.desks.album.store) == set()


# The same photo again, just as the sweep takes it.


class Slow:
    """A store that takes things away only when it is let."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.put, self.get, self.has, self.pages = store.put, store.get, store.has, store.pages
        # Not asyncio's: a sweep on SQLite removes in the database's own thread.
        self.asked, self.let = threading.Event(), threading.Event()

    async def remove(self, names: Sequence[str]) -> None:
        if names:
            self.asked.set()
            await asyncio.to_thread(self.let.wait)
        await self._store.remove(names)


async def test_a_photo_sent_again_while_it_is_swept_is_there_afterwards(
    start: Start, clock: Clock, place: dict[str, str]
) -> None:
    sweeper, keeper = start(**place), start(**place)
    digest = await keeper.desks.album.keep(photo())
    clock.now += timedelta(days=2)
    store = sweeper.desks.album.store = Slow(sweeper.desks.album.store)
    sweeping = asyncio.create_task(swept(sweeper))
    await asyncio.to_thread(store.asked.wait)
    keeping = asyncio.create_task(keeper.desks.album.keep(photo()))
    assert not (await asyncio.wait([keeping], timeout=0.5))[0], "kept while it was being taken away"
    store.let.set()
    assert await sweeping == 1
    assert await keeping == digest
    assert await keeper.desks.album.read(digest)
    assert await keeper.desks.album.read(digest, thumb=True)
    assert await swept(keeper) == 0


async def test_who_speaks_of_a_photo_while_it_is_swept_hears_that_it_is_gone(start: Start, clock: Clock) -> None:
    sweeper, speaker = start(), start()
    digest = await speaker.desks.album.keep(photo())
    clock.now += timedelta(days=2)
    store = sweeper.desks.album.store = Slow(sweeper.desks.album.store)
    sweeping = asyncio.create_task(swept(sweeper))
    await asyncio.to_thread(store.asked.wait)
    speaking = asyncio.create_task(speaker.web._own_photos([digest]))
    await asyncio.wait([speaking], timeout=0.3)
    store.let.set()
    assert (await sweeping, await speaking) == (1, ())


async def test_what_was_noted_since_the_sweep_looked_stays(start: Start, clock: Clock) -> None:
    service = start()
    digest = await service.desks.album.keep(photo())
    clock.now += timedelta(days=2)
    before = clock.now - GRACE
    assert await service.desks.read(lambda desk: desk.files.unneeded(before, "", 10)) == [digest]
    assert await service.web._own_photos([digest, "f" * 64, "../etc", "\0"]) == (digest,)
    assert await service.desks.write(lambda desk: desk.files.lock([digest], before)) == []


async def test_a_picture_of_our_own_is_safe_from_the_moment_it_is_drawn(start: Start, clock: Clock) -> None:
    service, sweeper = start(), start()
    digest = hashlib.sha256(b"\x89PNG").hexdigest()
    await service.desks.album.store.put(name(digest), b"\x89PNG")
    clock.now += timedelta(days=2)
    assert await service.desks.album.draw(b"\x89PNG") == digest
    sweeping = asyncio.create_task(swept(sweeper))
    await asyncio.wait([sweeping], timeout=0.3)
    await service.desks.write(lambda desk: _in_a_message(desk, digest))
    assert await sweeping == 0
    assert await service.desks.album.read(digest) == b"\x89PNG"


class Dawdling:
    """A store that takes its time over everything, a different one each time."""

    def __init__(self, store: Store, chance: random.Random) -> None:
        self._store, self._chance = store, chance
        self.pages = store.pages

    async def _dawdle(self) -> None:
        await asyncio.sleep(self._chance.random() * 0.02)

    async def put(self, name: str, data: bytes) -> None:
        await self._dawdle()
        await self._store.put(name, data)

    async def get(self, name: str) -> bytes:
        return await self._store.get(name)

    async def has(self, name: str) -> bool:
        await self._dawdle()
        return await self._store.has(name)

    async def remove(self, names: Sequence[str]) -> None:
        for each in names:
            await self._dawdle()
            await self._store.remove([each])


async def test_whatever_the_order_a_photo_just_sent_is_never_swept(start: Start, clock: Clock) -> None:
    chance = random.Random(7)  # noqa: S311
    sweeper, keeper = start(), start()
    for service in (sweeper, keeper):
        service.desks.album.store = Dawdling(service.desks.album.store, chance)
    taken = 0

    async def some_time(work: Awaitable[T]) -> T:
        await asyncio.sleep(chance.random() * 0.06)
        return await work

    for _ in range(25):
        await keeper.desks.database.write(
            lambda connection: connection.execute(update(Files).values(at=clock.now - timedelta(days=2)))
        )
        gone, digest = await asyncio.gather(some_time(swept(sweeper)), some_time(keeper.desks.album.keep(photo())))
        taken += gone
        assert await keeper.desks.album.read(digest)
        assert await keeper.desks.album.read(digest, thumb=True)
        assert await rows(keeper) == {digest}
    assert 0 < taken < 25, "the race was not run both ways"


# A process killed in the middle.

# Killed by SIGKILL just before the nth time the interpreter does something, named as its audit hooks name it.
KILLED = """
import asyncio, os, signal, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from storage.database import Connection, Database
from storage.files import Album, FileStore
from storage.folder import Folder
from storage.outbox import lane
from storage.sweep import sweep

work, url, files, event, times = sys.argv[1:]
left = int(times)

def fall(happens, *_details):
    global left
    if happens == event:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

async def note(digest, size):
    fall("note")
    await database.write(lambda connection: FileStore(connection, datetime.now(UTC)).note(digest, size))

async def keep():
    await Album(Folder(Path(files)), note).keep(sys.stdin.buffer.read())

async def clean():
    await sweep(Folder(Path(files)), database, datetime.now(UTC) + timedelta(days=2))

database = Database(url)
sys.addaudithook(fall)
asyncio.run(keep() if work == "keep" else clean())
"""


def killed(work: str, url: str, files: Path, event: str, times: int, data: bytes = b"") -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, work, url, str(files), event, str(times)],
        input=data, cwd=ROOT, timeout=120, check=False, capture_output=True,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


@pytest.mark.parametrize(("event", "times"), [("os.rename", 1), ("os.rename", 2), ("note", 1)])
async def test_a_crash_while_a_photo_is_kept_leaves_no_row_and_nothing_half_written(
    start: Start, clock: Clock, database_url: str, tmp_path: Path, event: str, times: int
) -> None:
    service, files = start(), tmp_path / "files"
    await asyncio.to_thread(killed, "keep", database_url, files, event, times, photo())
    assert await rows(service) == set()
    left = await lying(service.desks.album.store)
    assert left
    for each in left:
        if not each.endswith(".part"):
            with Image.open(io.BytesIO(await service.desks.album.store.get(each))) as whole:
                whole.load()
    clock.now = datetime.now(UTC) + timedelta(days=2)
    await swept(service)
    assert await lying(service.desks.album.store) == set()
    # What was not acknowledged is sent again.
    digest = await service.desks.album.keep(photo())
    assert await service.desks.album.read(digest)


@pytest.mark.parametrize("removals", [1, 2, 3, 4])
async def test_a_crash_in_the_middle_of_a_sweep_is_finished_by_the_next(
    start: Start, clock: Clock, database_url: str, tmp_path: Path, removals: int
) -> None:
    service, files = start(), tmp_path / "files"
    needed, *needless = [await service.desks.album.keep(photo(seed)) for seed in range(3)]
    await service.desks.write(lambda desk: _in_a_case(desk, needed))
    assert await swept(service) == 0
    await asyncio.to_thread(killed, "sweep", database_url, files, "os.remove", removals)
    assert await rows(service) == {needed, *needless}
    clock.now = datetime.now(UTC) + timedelta(days=2)
    # Sent again before anybody has tidied up, a photo is whole again.
    assert await service.desks.album.keep(photo(1)) == needless[0]
    assert await service.desks.album.read(needless[0])
    assert await service.desks.album.read(needless[0], thumb=True)
    assert await swept(service) == 1
    assert await rows(service) == {needed, needless[0]}
    assert await lying(service.desks.album.store) == {
        name(digest, thumb=thumb) for digest in (needed, needless[0]) for thumb in (False, True)
    }


async def test_a_photo_that_cannot_be_given_its_name_leaves_nothing_half_written(tmp_path: Path) -> None:
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / "x").mkdir()
    store = Folder(tmp_path)
    with pytest.raises(OSError, match="x"):
        await store.put("ab/x", b"a folder is in the way")
    assert await lying(store) == {"ab/x"}


# The store, or the database, is away.


class Away:
    """A store nobody answers at."""

    async def _nobody(self, *_asked: object) -> bytes:
        raise ConnectionError("nobody answers")

    put = get = has = remove = _nobody

    async def pages(self) -> AsyncIterator[list[tuple[str, datetime]]]:
        await self._nobody()
        yield []


async def test_a_sweep_of_a_store_that_does_not_answer_is_left_for_later(
    start: Start, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    service = start()
    digest = await service.desks.album.keep(photo())
    clock.now += timedelta(days=2)
    assert await sweep(Away(), service.desks.database, clock.now) == 0  # type: ignore[arg-type]
    assert "goes on in an hour" in caplog.text
    assert await rows(service) == {digest}


async def test_a_photo_whose_row_cannot_be_written_counts_as_not_stored(tmp_path: Path) -> None:
    async def note(_digest: str, _size: int) -> None:
        raise Unavailable("disk I/O error")

    with pytest.raises(OSError, match="row"):
        await Album(Folder(tmp_path), note).keep(photo())


async def test_telegram_sends_a_photo_again_that_could_not_be_stored_and_waits_with_one_it_cannot_read(
    tmp_path: Path,
) -> None:
    async with BotApiServer() as server, test_telegram.at_work(Aiogram, server, tmp_path, webhook=False) as line:
        store, line.album.store = line.album.store, Away()  # type: ignore[assignment]
        server.photo(1001, photo(), caption="路灯不亮")
        await server.wait_for(lambda: len(server.called("getFile")) >= 2)
        assert (line.ears.taken, len(server.waiting)) == ([], 1)
        line.album.store = store
        said = await line.one()
        assert (said.text, said.odd, len(said.photos)) == ("路灯不亮", None, 1)
        outgoing = Outgoing(1, Kind.REPLY, "1001", Reply("修好了", photos=said.photos), datetime.now(UTC))
        line.album.store = Away()  # type: ignore[assignment]
        with pytest.raises(TryLater):
            await line.adapter.send(outgoing)
        line.album.store = store
        await line.adapter.send(outgoing)


# The chat page, with either place behind it.


@asynccontextmanager
async def running(service: Service) -> AsyncIterator[str]:
    async with service.running():
        yield f"http://127.0.0.1:{service.port}"


async def _upload(base: str, token: str, data: bytes) -> tuple[int, dict[str, str]]:
    form = aiohttp.FormData()
    form.add_field("photo", data, filename="IMG_0001.HEIC", content_type="text/html")
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{base}/chat/photos", data=form, headers={"Authorization": f"Bearer {token}"}) as answer,
    ):
        return answer.status, await answer.json()


async def _fetch(address: str) -> tuple[int, dict[str, str], bytes]:
    async with aiohttp.ClientSession() as http, http.get(address) as answer:
        return answer.status, dict(answer.headers), await answer.read()


async def test_a_photo_goes_up_and_comes_down_again_for_whoever_may_see_it(start: Start, place: dict[str, str]) -> None:
    service = start(**place)
    async with running(service) as base, chat(base) as wang:
        status, answer = await _upload(base, wang.token, photo())
        assert (status, answer["url"]) == (200, f"/chat/files/{answer['id']}")
        for thumb in ("", "?thumb"):
            status, headers, data = await _fetch(base + answer["url"] + thumb)
            assert (status, headers["Content-Type"]) == (200, "image/jpeg")
            assert headers["Cache-Control"] == "private, max-age=31536000, immutable"
            assert (headers["X-Content-Type-Options"], headers["Content-Disposition"]) == ("nosniff", "inline")
            assert data.startswith(b"\xff\xd8")
        # A picture of our own has no thumbnail: it is shown whole.
        drawn = await service.desks.album.draw(b"\x89PNG rest")
        status, headers, data = await _fetch(f"{base}/chat/files/{drawn}?thumb")
        assert (status, headers["Content-Type"], data) == (200, "image/png", b"\x89PNG rest")
        assert (await _fetch(f"{base}/chat/files/{'0' * 64}"))[0] == 404
        assert (await _upload(base, wang.token, b"<svg/>"))[0] == 415
        assert (await _upload(base, wang.token, b""))[0] == 400
        assert (await _upload(base, "x" * 43, photo()))[0] == 401
        assert (await wang.say("报事 幸福里 3 栋路灯不亮", photos=[answer["id"]]))["type"] == "ack"
        await wang.heard("已上报")
        (case,) = await service.desks.read(lambda desk: desk.cases.in_area(GRID, list(Status)))
        assert await service.desks.read(lambda desk: desk.cases.photos(case.id)) == (answer["id"],)


async def test_a_bucket_that_does_not_answer_gets_a_kind_word_and_loses_nothing(start: Start, s3: S3Server) -> None:
    line = Line(s3.port)
    await line.mend()
    service = start(**s3.settings("away", s3_endpoint=line.url))
    async with running(service) as base, chat(base) as wang:
        _, kept = await _upload(base, wang.token, photo(1))
        await line.cut()
        status, answer = await _upload(base, wang.token, photo(2))
        assert (status, answer["text"]) == (503, "照片暂时存不下，请过一会儿再发一次。")
        status, headers, _ = await _fetch(base + kept["url"])
        assert (status, headers["Retry-After"]) == (503, "10")
        assert "Cache-Control" not in headers
        # The conversation does not wait for the bucket.
        assert (await wang.say("报事 幸福里 3 栋路灯不亮", photos=[kept["id"]]))["type"] == "ack"
        await wang.heard("已上报")
        await line.mend()
        assert (await _upload(base, wang.token, photo(2)))[0] == 200
        assert (await _fetch(base + kept["url"]))[0] == 200
    await line.cut()


async def test_a_bucket_that_says_nothing_is_given_up_before_the_page_is(knowledge: Knowledge) -> None:
    held: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(lambda _reader, writer: held.append(writer), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    store = Bucket("s3://photos", endpoint=f"http://127.0.0.1:{port}", region="r", key="k", secret="s")
    begun = asyncio.get_running_loop().time()
    with pytest.raises(ConnectionError):
        await store.put("ab/x", b"x")
    assert asyncio.get_running_loop().time() - begun < 25
    for writer in held:
        writer.close()
    silent.close()


# Settings.

S3 = {"s3_endpoint": "https://oss.example.cn", "s3_region": "cn-north-1", "s3_key": "AK", "s3_secret": "SK-secret"}


def test_a_bucket_is_told_by_its_url_and_its_secret_is_not_shown() -> None:
    settings = load(files="s3://photos/jianhua", **S3)
    assert (settings.files, settings.s3_region) == ("s3://photos/jianhua", "cn-north-1")
    assert "SK-secret" not in repr(settings)


@pytest.mark.parametrize("missing", S3)
def test_a_bucket_needs_all_four(missing: str) -> None:
    with pytest.raises(BadSettings) as bad:
        load(files="s3://photos", **{key: value for key, value in S3.items() if key != missing})
    assert bad.value.problems == [f"设置：照片存到 s3://photos 还需要 XIAOMAZHA_{missing.upper()}"]


def test_a_bucket_nobody_uses_and_a_webhook_that_is_not_whole_are_named_together() -> None:
    with pytest.raises(BadSettings) as bad:
        load(s3_key="AK", telegram_token="1:a", telegram_mode="webhook")
    assert "XIAOMAZHA_FILES" in str(bad.value)
    assert "XIAOMAZHA_TELEGRAM_WEBHOOK_URL" in str(bad.value)


@pytest.mark.parametrize("files", ["s3://", "s3:///photos", "oss://photos", "https://oss.example.cn/photos", ""])
def test_a_place_for_photos_we_do_not_know_is_refused_in_words(files: str) -> None:
    with pytest.raises(BadSettings, match="XIAOMAZHA_FILES"):
        load(files=files)


@pytest.mark.parametrize("endpoint", ["oss.example.cn", "ftp://oss.example.cn", "https://oss.example.cn/photos"])
def test_an_address_of_a_bucket_that_is_none_is_refused_in_words(endpoint: str) -> None:
    with pytest.raises(BadSettings, match="XIAOMAZHA_S3_ENDPOINT"):
        load(files="s3://photos", **S3 | {"s3_endpoint": endpoint})


# Tables of before.


async def test_what_pointed_to_photos_before_the_tables_said_so_is_found(database_url: str, start: Start) -> None:
    service = start()
    digest = await service.desks.album.keep(photo())
    await service.turns.take(Said(WANG, "m1", service.desks.clock(), photos=(digest,)))

    async def tell(desk: Desk) -> None:
        await _in_a_message(desk, digest)
        await desk.outbox.queue((await desk.meet(WANG)).id, Kind.NOTICE, Reply("没有照片"))

    async def down_and_up(connection: Connection) -> None:
        await connection.run_sync(migrate.to, "0001")
        await connection.run_sync(migrate.to, migrate.HEAD)
        assert await FileStore(connection, service.desks.clock()).pointed_to() == {digest, "0" * 64}
        assert await connection.scalar(_WITH_PHOTOS) == 1

    await service.desks.write(tell)
    database = Database(database_url)
    await database.write(down_and_up)
    await database.close()
