"""Puts the service together: the only place that knows everyone."""

import asyncio
import importlib
import ipaddress
import logging
import pkgutil
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from aiohttp import web

import handlers
import services
import storage.facts
from bot import category
from bot.adapters.web import Guest, WebChat
from bot.answers import Answers
from bot.bell import Bell
from bot.core.errors import CannotGoOn
from bot.core.ports import Adapter
from bot.core.rules import Rules, When
from bot.core.talk import Conversation
from bot.core.texts import Texts
from bot.core.turn import Book, Paused, Turns
from bot.editions import EditionKeeper
from bot.painter import Painter
from bot.sender import Sender
from bot.teller import Teller
from config import district as district_files
from config.district import Files
from config.settings import Demo, Engine, Mode, Settings
from domain.cases import OfficeLeft, OfficeTaken
from domain.district import District
from domain.people import Person
from nlp.ear import Ear
from services import digest, meetings, sign_in, stale
from storage import statistics
from storage.database import Connection, Database
from storage.desk import Desk, Desks
from storage.files import LARGEST, Album, FileStore, Store
from storage.folder import Folder
from storage.keys import Keys
from storage.migrate import Unreachable, migrate
from storage.outbox import TellOn, lane
from storage.people import phone_key
from web import api, gate, pages

log = logging.getLogger("xiaomazha")

T = TypeVar("T")

_LOOK_AT_LEASE = 0.5


def found_in(package: ModuleType, kind: type[T]) -> list[T]:
    """Every `kind` made in a package's files: a new file is found, nothing is registered."""
    modules = [
        importlib.import_module(f"{package.__name__}.{each.name}") for each in pkgutil.iter_modules(package.__path__)
    ]
    return [value for module in modules for value in vars(module).values() if isinstance(value, kind)]


class Service:
    """The running service. Everything in it was made once, by `build`."""

    def __init__(
        self,
        settings: Settings,
        desks: Desks,
        turns: Turns[Desk],
        book: Book,
        bell: Bell,
        answers: Answers,
        teller: Teller,
        editions: EditionKeeper,
        monotonic: Callable[[], float],
    ) -> None:
        self.settings = settings
        self.desks = desks
        self.turns = turns
        self.book = book
        self.bell = bell
        self.answers = answers
        self.teller = teller
        self.editions = editions
        self._monotonic = monotonic
        self.guests: dict[str, Guest] = {}
        self.web = WebChat(desks, desks.clock, self._shortcuts, self._guests_for)
        self.adapters: list[Adapter] = [self.web]
        self.port = settings.http_port
        self.broken: asyncio.Future[None] | None = None
        self.leaving = False

    @property
    def district(self) -> District:
        """The district as it is served now."""
        return self.desks.district

    def _shortcuts(self, person: Person) -> list[str]:
        return [self.desks.texts.say(f"{each.name}.title", person.language) for each in self.book.listed(person)]

    # The three sample phones: for a sample district, on this machine, never through a proxy.

    def in_demonstration(self, request: web.Request) -> bool:
        return bool(self._guests_for(request))

    def _guests_for(self, request: web.Request) -> Mapping[str, Guest]:
        if self.settings.demo is Demo.OFF or not self.district.sample:
            return {}
        if self.settings.demo is Demo.AUTO:
            if self.settings.telegram_token is not None:
                # Real people write to us: nobody may step into a sample member of staff.
                return {}
            forwarded = {
                "Forwarded",
                "X-Forwarded-For",
                "X-Forwarded-Host",
                "X-Real-IP",
            } & request.headers.keys()
            if forwarded or not _loopback(request.remote) or not _loopback(request.url.host):
                return {}
        return self.guests

    # Living.

    async def prepare(self) -> None:
        """Bring tables and the district's people to what this release and this folder say."""
        try:
            await migrate(self.desks.database)
        except Unreachable as error:
            raise CannotGoOn(f"数据库用不了（{error}）：请核对 XIAOMAZHA_DATABASE_URL。") from None
        await self.desks.database.exclusive("xiaomazha:district", self._put_in_force)
        await self.editions.refresh()
        await self.teller.prepare()

    async def _put_in_force(self, connection: Connection) -> None:
        await self.editions.publish(connection)
        newest = await self.desks.at(connection).editions.newest()
        if newest is None or newest.digest == self.district.digest:
            await self.take_in(connection, self.district)

    async def take_in(self, connection: Connection, district: District) -> None:
        """Make what the folder says of people and of the catalogue true in the database, if nobody has yet."""
        desk = self.desks.at(connection, district)
        if await storage.facts.get(connection, "district") != district.digest:
            appointed = await desk.people.take_in(district)
            for person_id, grid in appointed.taken:
                await desk.happen(OfficeTaken(person_id, grid))
            for gone in appointed.left:
                await desk.happen(OfficeLeft(gone))
            await desk.catalogue.add(district.catalogue.entries)
            await storage.facts.put(connection, "district", district.digest)
            await stale.plan_now(desk)
        await statistics.begin(connection)
        await digest.plan_next(desk)
        await stale.plan_next(desk)
        self.guests.clear()
        for phone in district.phones:
            number = await desk.people.by_key(phone.worker or phone_key(phone.key))
            person = await desk.people.get(number) if number else None
            if person:
                self.guests[phone.key] = Guest(phone.key, phone.title, person.name or phone.title, person.id)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Service"]:
        """Listen, send and ring until the block ends; what is in hand then is finished first."""
        try:
            await self.prepare()
            await self.answers.refresh()
        except BaseException:
            await self.desks.database.close()
            raise
        sender = Sender(self.desks, self.adapters, self._monotonic)
        self.desks.on_queued = sender.wake
        tasks = [
            asyncio.create_task(work, name=name)
            for name, work in (
                ("sender", sender.run()),
                ("bell", self.bell.run()),
                *((f"{each.platform} listens", self._listen(each)) for each in self.adapters),
            )
        ]
        runner = web.AppRunner(self._http(), access_log=None, handler_cancellation=False, shutdown_timeout=10)
        await runner.setup()
        site = web.TCPSite(runner, self.settings.http_host, self.settings.http_port)
        try:
            try:
                await site.start()
            except OSError as error:
                where = f"{self.settings.http_host}:{self.settings.http_port}"
                raise CannotGoOn(
                    f"网页端口打不开：{where}（{error.strerror or error}），换一个 XIAOMAZHA_HTTP_PORT 试试。"
                ) from None
            self.port = runner.addresses[0][1]
            self.broken = asyncio.ensure_future(self._watch(tasks))
            try:
                yield self
            finally:
                self.broken.cancel()
        finally:
            listening = [task for task in tasks if task.get_name().endswith("listens")]
            await _cancelled(listening)
            await runner.cleanup()
            await _cancelled([task for task in tasks if task not in listening])
            for adapter in self.adapters:
                if close := getattr(adapter, "close", None):
                    await close()
            await self.desks.database.close()

    async def _listen(self, adapter: Adapter) -> None:
        if not adapter.one_listener:
            await adapter.listen(self.turns.take)
            return
        listening: asyncio.Task[None] | None = None
        while listening is None or not listening.done():
            async with self.desks.database.held(f"listen:{lane(adapter.platform, adapter.account)}") as lease:
                listening = asyncio.create_task(adapter.listen(self.turns.take))
                try:
                    while lease.holds() and not listening.done():
                        await asyncio.wait([listening], timeout=_LOOK_AT_LEASE)
                finally:
                    if not listening.done():
                        await _cancelled([listening])
                        listening = None
        listening.result()

    async def _watch(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        """Ends only when a part of the service has failed for good, with what it failed of."""
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            if not task.cancelled() and (error := task.exception()):
                log.critical("%s stopped", task.get_name())
                raise error

    def _http(self) -> web.Application:
        app = web.Application(client_max_size=LARGEST + 65536, middlewares=[pages.guard, gate.manners(self.desks)])
        app.add_routes(pages.routes(self.in_demonstration, lambda: not self.leaving))
        app.add_routes(api.served(gate.Gate(self.desks, self.settings.public_url)))
        for adapter in self.adapters:
            if routes := getattr(adapter, "routes", None):
                app.add_routes(routes())
        return app


@dataclass(frozen=True)
class Knowledge:
    """What the operator's folders say when the service starts. `files`: those the district was read from."""

    texts: Texts
    district: District
    ear: Ear
    files: Files | None = field(default=None, repr=False)


def learn(settings: Settings) -> Knowledge:
    """Read the texts and the district.

    Raises:
        BadDistrict: the district's folder has mistakes, all of them named.
        ValueError: the texts have.
    """
    files = district_files.gathered(settings.district)
    district = district_files.read(files)
    return Knowledge(Texts.load(settings.texts), district, Ear(district, category.own(settings)), files)


def build(
    settings: Settings,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    new_id: Callable[[], str] = lambda: secrets.token_hex(6),
    monotonic: Callable[[], float] = time.monotonic,
    conversations: Iterable[Conversation] | None = None,
    knowledge: Knowledge | None = None,
) -> Service:
    """Make the service from its settings; tests replace the clock, the ids or the conversations, nothing else.

    Raises what `learn` raises, unless `knowledge` is given.
    """
    known = knowledge or learn(settings)
    texts, district = known.texts, known.district
    # An ear of its own: what staff answer here is not heard in another service made from the same knowledge.
    ear = copy(known.ear)
    book = Book(
        conversations or found_in(handlers, Conversation),
        ear.fold,
        lambda name: texts.everywhere(f"{name}.title"),
    )
    found = found_in(services, When)
    ours = [
        When(Paused, lambda paused, desk: turns.resume(paused, desk)),
        When(TellOn, lambda rest, desk: desk.tell_on(rest)),
        sign_in.codes_for(settings.public_url),
        meetings.doors_for(settings.public_url),
    ]
    rules = Rules([*found, *ours])
    database = Database(settings.database_url)

    async def note(digest: str, size: int) -> None:
        await database.write(lambda connection: FileStore(connection, clock()).note(digest, size))

    album = Album(_photos(settings), note)

    def menu(person: Person) -> list[tuple[str, str]]:
        return [(each.command, f"{each.name}.title") for each in book.listed(person) if each.command]

    keys = Keys(settings.keys)
    desks = Desks(database, texts, district, rules, clock, new_id, album, menu, keys, ear)
    turns: Turns[Desk] = Turns(desks, book, new_id)
    answers = Answers(desks)
    teller = Teller(desks, keys)
    editions = EditionKeeper(
        desks,
        known.files,
        lambda changed: Ear(changed, category.own(settings)),
        lambda connection, changed: service.take_in(connection, changed),
        answers.forget,
    )
    bell = Bell(desks, [editions.refresh, answers.refresh, teller.refresh, Painter(desks).refresh])
    service = Service(settings, desks, turns, book, bell, answers, teller, editions, monotonic)
    if settings.telegram_token:
        service.adapters.append(
            _telegram(settings, album, clock, [(command, texts.say(title)) for command, title in menu(Person(id=0))])
        )
    desks.paces = {each.platform: each.pace.per_second for each in service.adapters if each.pace is not None}
    return service


def _photos(settings: Settings) -> Store:
    if not settings.files.startswith("s3://"):
        return Folder(Path(settings.files))
    # Imported only when configured, like a platform.
    from storage.bucket import Bucket

    return Bucket(
        settings.files,
        endpoint=settings.s3_endpoint or "",
        region=settings.s3_region or "",
        key=settings.s3_key or "",
        secret=settings.s3_secret.get_secret_value() if settings.s3_secret else "",
    )


def _telegram(
    settings: Settings, album: Album, clock: Callable[[], datetime], menu: Sequence[tuple[str, str]]
) -> Adapter:
    # Imported only when configured: each costs a second and memory.
    from bot.adapters.telegram import Telegram
    from bot.adapters.telegram_engine import Engine as Library

    made: Callable[[str, str], Library]
    if settings.telegram_engine is Engine.PTB:
        from bot.adapters.telegram_ptb import Ptb

        made = Ptb
    else:
        from bot.adapters.telegram_aiogram import Aiogram

        made = Aiogram
    webhook = settings.telegram_mode is Mode.WEBHOOK
    secret = settings.telegram_webhook_secret
    return Telegram(
        made,
        token=settings.telegram_token.get_secret_value() if settings.telegram_token else "",
        api=settings.telegram_api,
        webhook_url=settings.telegram_webhook_url if webhook else None,
        webhook_secret=secret.get_secret_value() if secret and webhook else None,
        per_second=settings.telegram_per_second,
        chat_gap=settings.telegram_chat_gap,
        album=album,
        menu=menu,
        clock=clock,
    )


async def _cancelled(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
