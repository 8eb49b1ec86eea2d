"""People who write to us on Telegram are heard, and answered in the chat where they wrote."""

import asyncio
import hmac
import json
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import count
from typing import Any, TypeVar
from urllib.parse import urlsplit

from aiohttp import web

from bot.adapters.telegram_engine import Buttons, Engine, NoAnswer, Photo, Refusal, Trouble, Unsent
from bot.adapters.telegram_reading import PLATFORM, read
from bot.core.errors import CannotGoOn
from bot.core.ports import Pace, Take
from bot.core.sending import Gone, Moved, TryLater, Unacceptable, Unsure
from bot.core.words import Kind, Odd, Outgoing, Said
from storage.files import LARGEST, Album, BadPhoto

log = logging.getLogger("xiaomazha.telegram")

T = TypeVar("T")

_LONG_POLL = 25
# Asked again with the same offset within half a second, Telegram hands out a single update.
_LOOK_AGAIN = 0.6
_LAST_TAKES = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 30.0
_LARGEST_UPDATE = 1024 * 1024

# Telegram counts characters here, not UTF-16 units.
_LONGEST_TEXT = 4096
_LONGEST_CAPTION = 1024
_LARGEST_ALBUM = 10
_SHORT_LABEL = 8
# Telegram takes twenty messages a minute to a group.
_GROUP_GAP = 3.05
# Messages of several parts whose first parts have arrived; more than this many at once are not remembered.
_MOST_BEGUN = 1000

_TOKEN = re.compile(r"[0-9]+:\S+")
_GONE = ("chat not found", "user is deactivated", "group chat was deactivated", "peer_id_invalid")


class TokenRefused(CannotGoOn):
    """Telegram does not know this bot token; only the operator can help."""

    def __init__(self) -> None:
        super().__init__(
            "Telegram 不认这个机器人令牌：请到 @BotFather 核对 XIAOMAZHA_TELEGRAM_TOKEN"
            "（以及 XIAOMAZHA_TELEGRAM_API 的地址），改好后重启。"
        )


class _Closing(Exception):
    """We listen no more; Telegram will hand it out again."""


class _Lost(Exception):
    """Telegram does not give us this file."""


class Telegram:
    """The adapter for Telegram: long polling, or a webhook when it has a url. `engine` makes what speaks to it.

    Raises:
        TokenRefused: the token has not even the form of one.
    """

    platform = PLATFORM
    mailbox = False

    def __init__(
        self,
        engine: Callable[[str, str], Engine],
        *,
        token: str,
        api: str,
        webhook_url: str | None,
        webhook_secret: str | None,
        per_second: float,
        chat_gap: float,
        album: Album,
        menu: Sequence[tuple[str, str]],
        clock: Callable[[], datetime],
    ) -> None:
        if webhook_url and not webhook_secret:
            raise ValueError("a webhook needs a secret, or anybody could speak for anybody")
        if not _TOKEN.fullmatch(token):
            raise TokenRefused
        self._engine = engine(token, api.rstrip("/"))
        self.account = token.partition(":")[0]
        self.pace: Pace | None = Pace(per_second, chat_gap, max(chat_gap, _GROUP_GAP))
        # Telegram answers one poller; the webhook may lead to any of us.
        self.one_listener = webhook_url is None
        self._webhook_url = webhook_url
        self._webhook_secret = (webhook_secret or "").encode()
        self._album = album
        self._menu = menu
        self._clock = clock
        self._name = ""
        self._take: Take | None = None
        self._closing = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._last_in_chat: dict[str, asyncio.Task[None]] = {}
        self._begun: dict[int, int] = {}
        self._too_fast: tuple[str, float] | None = None

    def ring(self, lying: object) -> None:
        """Nothing lies ready here: it is sent."""

    def look(self, contacts: object) -> None:
        """Nothing lies ready here."""

    def gap(self, chat: str) -> float:
        if self.pace is None:
            return 0.0
        # Groups have negative numbers.
        return self.pace.group_gap if chat.startswith("-") else self.pace.chat_gap

    async def close(self) -> None:
        await self._engine.close()

    # Listening.

    async def listen(self, take: Take) -> None:
        """Hand every message to `take`, and acknowledge it only once that has returned. Runs until cancelled.

        Raises:
            TokenRefused: Telegram does not know us.
        """
        self._closing.clear()
        self._name = await self._insist(self._engine.name)
        self._take = take
        try:
            if self._webhook_url:
                opening = partial(self._engine.open_webhook, self._webhook_url, self._webhook_secret.decode())
                await self._insist(opening)
            else:
                await self._insist(self._engine.close_webhook)
            await self._offer_menu()
            await (asyncio.Event().wait() if self._webhook_url else self._poll())
        finally:
            await self._finish()

    async def _offer_menu(self) -> None:
        try:
            await self._insist(partial(self._engine.set_menu, _commands(self._menu), None), ends=(400, 401, 404))
        except Refusal as refusal:
            log.error("the menu is not acceptable: %s", refusal)

    async def _poll(self) -> None:
        """Fetch and take, chats side by side; the offset confirms what was taken, never past what was not."""
        offset = 0
        taking: dict[int, asyncio.Task[None] | None] = {}
        while True:
            # While something is in hand Telegram answers at once: what is not confirmed it hands out again.
            wait = 0 if taking else _LONG_POLL
            batch = await self._insist(partial(self._engine.updates, offset, wait), ends=())
            for raw in batch:
                number = raw["update_id"]
                if number not in taking:
                    taking[number] = self._begin(raw)
            pending = [task for task in taking.values() if task is not None and not task.done()]
            if pending:
                # Not until all are done: a slow chat holds up nobody else.
                await asyncio.wait(pending, timeout=_LOOK_AGAIN)
            for number, task in list(taking.items()):
                if task is not None and not task.done():
                    break
                del taking[number]
                offset = number + 1

    async def _insist(self, ask: Callable[[], Awaitable[T]], *, ends: Sequence[int] = (401, 404)) -> T:
        """Ask until Telegram grants it. `ends`: refusals that no asking again will change.

        Raises:
            TokenRefused: it does not know our token, and that is among them.
            Refusal: it is another of them.
        """
        failures = 0
        while True:
            pause = _backoff(failures)
            try:
                return await ask()
            except Refusal as refusal:
                if refusal.code in ends:
                    raise (TokenRefused() if refusal.code in (401, 404) else refusal) from None
                pause = refusal.seconds or pause
                if refusal.code == 409:
                    log.error("another process listens with this token, only one may: %s", refusal)
                else:
                    log.error("Telegram refuses (%d): %s, again in %.1f s", refusal.code, refusal, pause)
            except Trouble as trouble:
                log.warning("Telegram cannot be reached: %s, again in %.1f s", trouble, pause)
            await asyncio.sleep(pause)
            failures += 1

    async def _finish(self) -> None:
        """Let what is being taken end well, within bounds; the rest Telegram hands out again."""
        self._take = None
        self._closing.set()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _LAST_TAKES
        try:
            while (pending := self._pending()) and loop.time() < deadline:
                await asyncio.wait(pending, timeout=deadline - loop.time())
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _pending(self) -> list[asyncio.Task[None]]:
        return [task for task in self._tasks if not task.done()]

    async def _pause(self, seconds: float) -> None:
        """Wait, but not when we are closing."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()

    # The webhook.

    def routes(self) -> list[web.RouteDef]:
        """Where Telegram posts what happened; nowhere when we fetch it ourselves."""
        if not self._webhook_url:
            return []
        return [web.post(urlsplit(self._webhook_url).path or "/", self._posted)]

    async def _posted(self, request: web.Request) -> web.Response:
        """200 only once it is taken: anything else and Telegram repeats it."""
        given = request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")
        if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._webhook_secret):
            return web.Response(status=403)
        if self._take is None:
            return web.Response(status=503, headers={"Retry-After": "1"})
        body = bytearray()
        async for chunk in request.content.iter_chunked(65536):
            body += chunk
            if len(body) > _LARGEST_UPDATE:
                return web.Response(status=413)
        try:
            raw = json.loads(body)
        except (ValueError, RecursionError):
            return web.Response(status=400)
        if not isinstance(raw, dict) or not isinstance(raw.get("update_id"), int):
            return web.Response(status=400)
        task = self._begin(raw)
        if task is not None:
            await asyncio.wait([task])
            if task.cancelled() or task.exception() is not None:
                return web.Response(status=500)
        return web.Response()

    # From an update to what was said.

    def _begin(self, raw: dict[str, Any]) -> asyncio.Task[None] | None:
        """Begin to take an update, after what came before it in its chat. None: it is nothing to us."""
        try:
            heard = read(raw, self.account, self._name, self._clock())
        except Exception as error:
            # It would fail every time, and nobody after it would be heard. Its words may quote what was said.
            log.error("update %d cannot be read (%s), it is passed over", raw["update_id"], type(error).__name__)
            return None
        if heard is None:
            return None
        if heard.said is None:
            self._run(self._answer(heard.query))
            return None
        chat = heard.said.address.chat
        task = self._run(self._taken(heard.said, heard.picture, heard.query, self._last_in_chat.get(chat)))
        self._last_in_chat[chat] = task
        task.add_done_callback(lambda done: self._forget(chat, done))
        return task

    def _forget(self, chat: str, done: asyncio.Task[None]) -> None:
        if self._last_in_chat.get(chat) is done:
            del self._last_in_chat[chat]

    def _run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _taken(self, said: Said, picture: Any, query: str, before: asyncio.Task[None] | None) -> None:
        """One turn. Polling repeats it until it is taken; a webhook leaves that to Telegram."""
        if before is not None:
            await asyncio.wait([before])
        for number in count():
            try:
                if picture:
                    said, picture = _with(said, await self._kept(picture)), None
                if self._take is None:
                    raise _Closing
                await self._take(said)
                break
            except Exception as error:
                # Its words may quote what was said; whoever raised it has logged it with care.
                log.warning("not taken (%s), attempt %d", type(error).__name__, number + 1)
                if self._webhook_url or self._take is None:
                    raise
            await self._pause(_backoff(number))
        if query:
            self._run(self._answer(query))

    async def _answer(self, query: str) -> None:
        """Stop the little clock on the button. Nobody waits for this, and its failure harms nobody."""
        for number in range(3):
            try:
                await self._engine.answer(query)
            except Trouble as trouble:
                if isinstance(trouble, Refusal) and trouble.code == 400:
                    # Too old: the clock has stopped by itself.
                    return
                log.info("a tap could not be answered: %s", trouble)
                await self._pause(_backoff(number))
            else:
                return

    async def _kept(self, picture: Any) -> str | Odd:
        """The digest of a photo now in the album, or why it is not. Raises `Trouble`: it may be had later."""
        if (picture.file_size or 0) > LARGEST:
            return Odd.TOO_BIG
        for number in range(3):
            try:
                data = await self._fetched(picture.file_id)
                return Odd.TOO_BIG if len(data) > LARGEST else await self._album.keep(data)
            except BadPhoto:
                return Odd.BROKEN_PHOTO
            except _Lost:
                await self._pause(_backoff(number))
            except (Trouble, OSError):
                raise
            except Exception:
                # It would fail every time, and the chat behind it would never be heard again.
                log.exception("a photo could not be kept")
                return Odd.BROKEN_PHOTO
        return Odd.BROKEN_PHOTO

    async def _fetched(self, file: str) -> bytes:
        """Fetch a file, or as much of it as shows that it is too big.

        Raises:
            _Lost: it cannot be had.
            Trouble: it may be had later.
        """
        try:
            where = await self._engine.locate(file)
        except Refusal as refusal:
            if refusal.code != 400:
                raise
            if "too big" in str(refusal).lower():
                return bytes(LARGEST + 1)
            raise _Lost from None
        if where is None:
            raise _Lost
        try:
            return await self._engine.fetch(where, LARGEST)
        except Refusal as refusal:
            if refusal.code == 429 or refusal.code >= 500:
                raise
            raise _Lost from None

    # Sending.

    async def send(self, outgoing: Outgoing) -> None:
        """Deliver one message. What takes several goes on, when tried again, where it stopped.

        Raises:
            TryLater, Gone, Moved, Unacceptable, Unsure: see `bot.core.sending`.
        """
        parts = await self._drawn(outgoing)
        begun = self._begun.pop(outgoing.id, 0)
        for number in range(begun, len(parts)):
            if number > begun:
                await asyncio.sleep(self.gap(outgoing.chat))
            try:
                await self._deliver(outgoing.chat, parts[number])
            except (TryLater, Unsure):
                if number:
                    self._begun[outgoing.id] = number
                    for oldest in list(self._begun)[:-_MOST_BEGUN]:
                        del self._begun[oldest]
                raise

    async def _drawn(self, outgoing: Outgoing) -> list[Callable[[], Awaitable[None]]]:
        """The messages it takes, in order, each ready to go."""
        engine, chat, reply = self._engine, int(outgoing.chat), outgoing.reply
        if outgoing.kind is Kind.MENU:
            return [
                partial(engine.set_menu, _commands(reply.menu), chat) if reply.menu else partial(engine.drop_menu, chat)
            ]
        photos = [photo for digest in reply.photos if (photo := await self._opened(digest))]
        # In a group a tap would be seen, and is nobody's of its own: buttons lead to a private chat, or are left out.
        buttons = _links(outgoing, await self._own_name()) if chat < 0 and reply.choices else _buttons(outgoing)
        if len(photos) == 1 and len(reply.text) <= _LONGEST_CAPTION:
            return [partial(engine.send_photo, chat, photos[0], reply.text, buttons)]
        parts: list[Callable[[], Awaitable[None]]] = []
        for start in range(0, len(photos), _LARGEST_ALBUM):
            some = photos[start : start + _LARGEST_ALBUM]
            parts.append(
                partial(engine.send_album, chat, some)
                if some[1:]
                else partial(engine.send_photo, chat, some[0], "", ())
            )
        if parts and not reply.text and not buttons:
            return parts
        texts = _pieces(reply.text)
        parts += [partial(engine.send_text, chat, text, ()) for text in texts[:-1]]
        return [*parts, partial(engine.send_text, chat, texts[-1], buttons)]

    async def _own_name(self) -> str:
        """Our own @name; whoever only sends has not asked for it yet."""
        if not self._name:
            self._name = await self._engine.name()
        return self._name

    async def _opened(self, digest: str) -> Photo | None:
        try:
            return f"{digest[:12]}.jpg", await self._album.read(digest)
        except (FileNotFoundError, ValueError):
            # The words are worth sending without it.
            log.error("photo %s is not in the album", digest)
            return None
        except OSError:
            raise TryLater from None

    async def _deliver(self, chat: str, part: Callable[[], Awaitable[None]]) -> None:
        try:
            await part()
        except Refusal as refusal:
            words = str(refusal).lower()
            if "message is not modified" not in words:
                raise self._named(chat, refusal, words) from None
        except Unsent:
            raise TryLater from None
        except NoAnswer as trouble:
            raise Unsure(str(trouble)) from None
        self._too_fast = None

    def _named(self, chat: str, refusal: Refusal, words: str) -> Exception:
        """What a refusal means to the sender."""
        if refusal.moved_to is not None:
            return Moved(str(refusal.moved_to))
        if refusal.code == 429:
            return TryLater(refusal.seconds, everywhere=self._is_everywhere(chat, refusal.seconds or 0.0))
        if refusal.code in (401, 404):
            log.error("Telegram does not know our token any more")
            return TryLater(60, everywhere=True)
        if refusal.code == 403 or (refusal.code == 400 and any(gone in words for gone in _GONE)):
            return Gone()
        return Unacceptable(str(refusal)) if refusal.code in (400, 413) else TryLater()

    def _is_everywhere(self, chat: str, seconds: float) -> bool:
        """Whether "too many requests" is meant for the whole bot, which Telegram does not say.

        It is when a second chat hears it while the first still waits, and nothing went out in between: a chat alone
        that is too fast does not stop the others.
        """
        now = asyncio.get_running_loop().time()
        if self._too_fast is not None and self._too_fast[0] != chat and now < self._too_fast[1]:
            return True
        self._too_fast = chat, now + seconds
        return False


def _backoff(failures: int) -> float:
    return min(_FIRST_PAUSE * 2.0 ** min(failures, 10), _LONGEST_PAUSE)


def _with(said: Said, kept: str | Odd) -> Said:
    return replace(said, odd=kept) if isinstance(kept, Odd) else replace(said, photos=(kept,))


def _commands(menu: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name.removeprefix("/"), title) for name, title in menu]


def _buttons(outgoing: Outgoing) -> Buttons:
    """Two in a row when all labels are short. Each comes back as `<number of the message>:<choice>`."""
    choices = outgoing.reply.choices
    row = 2 if all(len(choice.label) <= _SHORT_LABEL for choice in choices) else 1
    keys = [(choice.label, f"{outgoing.id}:{index}") for index, choice in enumerate(choices)]
    return [keys[start : start + row] for start in range(0, len(keys), row)]


def _links(outgoing: Outgoing, name: str) -> Buttons:
    """Those that lead to a private chat with us, one in a row."""
    return [
        [(choice.label, f"https://t.me/{name}?start={choice.link}")] for choice in outgoing.reply.choices if choice.link
    ]


def _pieces(text: str) -> list[str]:
    """The text in messages no longer than Telegram takes, broken at line ends where there are any."""
    pieces = []
    while len(text) > _LONGEST_TEXT:
        end = text.rfind("\n", 1, _LONGEST_TEXT + 1)
        if end < 0 or not text[:end].strip():
            end = _LONGEST_TEXT
        pieces.append(text[:end])
        text = text[end:].removeprefix("\n")
    return [*pieces, text] if text.strip() or not pieces else pieces
