"""People who write to us on Telegram are heard, and answered in the chat where they wrote."""

import asyncio
import hmac
import json
import logging
import re
from collections.abc import Callable, Coroutine, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any, TypeVar
from urllib.parse import urlsplit

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.enums import ChatType, ContentType
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramConflictError,
    TelegramEntityTooLarge,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)
from aiogram.methods import (
    AnswerCallbackQuery,
    DeleteMyCommands,
    DeleteWebhook,
    GetFile,
    GetMe,
    SendMediaGroup,
    SendMessage,
    SendPhoto,
    SetMyCommands,
    SetWebhook,
    TelegramMethod,
)
from aiogram.types import (
    BotCommand,
    BotCommandScopeChat,
    BufferedInputFile,
    CallbackQuery,
    Chat,
    Document,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    Message,
    PhotoSize,
    Update,
)
from aiogram.utils.token import TokenValidationError
from aiohttp import ClientConnectorError, ClientError, ClientResponseError, ConnectionTimeoutError, web
from pydantic import ValidationError

from bot.core.errors import CannotGoOn
from bot.core.ports import Pace, Take
from bot.core.sending import Gone, Moved, TryLater, Unacceptable, Unsure
from bot.core.words import Address, Kind, Odd, Outgoing, Position, Said, Tap
from storage.files import LARGEST, Album, BadPhoto

log = logging.getLogger("xiaomazha.telegram")

T = TypeVar("T")

_HEARD = ["message", "edited_message", "callback_query"]
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
# Telegram allows 30 messages a second, one a second to a chat.
_PACE = Pace(per_second=29, chat_gap=1.05)
# Messages of several parts whose first parts have arrived; more than this many at once are not remembered.
_MOST_BEGUN = 1000

_COMMAND = re.compile(r"/([A-Za-z0-9_]{1,32})(?:@([A-Za-z0-9_]+))?(?=\s|$)")
_GONE = ("chat not found", "user is deactivated", "group chat was deactivated", "peer_id_invalid")
_READ = {ContentType.TEXT, ContentType.PHOTO, ContentType.LOCATION, ContentType.VENUE}
# What is in neither is Telegram's own notice (somebody joined, a message was pinned): nobody said it to us.
_ODD = {
    ContentType.STICKER: Odd.STICKER,
    ContentType.VOICE: Odd.VOICE,
    ContentType.AUDIO: Odd.VOICE,
    ContentType.VIDEO: Odd.VIDEO,
    ContentType.VIDEO_NOTE: Odd.VIDEO,
    ContentType.ANIMATION: Odd.VIDEO,
    ContentType.LIVE_PHOTO: Odd.VIDEO,
    ContentType.DOCUMENT: Odd.FILE,
    ContentType.CONTACT: Odd.OTHER,
    ContentType.DICE: Odd.OTHER,
    ContentType.GAME: Odd.OTHER,
    ContentType.POLL: Odd.OTHER,
    ContentType.STORY: Odd.OTHER,
    ContentType.INVOICE: Odd.OTHER,
    ContentType.PAID_MEDIA: Odd.OTHER,
    ContentType.CHECKLIST: Odd.OTHER,
    ContentType.UNKNOWN: Odd.OTHER,
}


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


class _TooBig(Exception):
    """The file is larger than we or Telegram carry."""


class _Updates(TelegramMethod[list[dict[str, Any]]]):
    """What happened, unread: one update a newer Telegram words otherwise must not spoil all others."""

    __returning__ = list[dict[str, Any]]
    __api_method__ = "getUpdates"

    offset: int
    timeout: int
    allowed_updates: list[str] = _HEARD


@dataclass(eq=False)
class _Heard:
    """What one turn takes: a message, an edit, or a tap."""

    chat: Chat
    message: Message | None = None
    query: CallbackQuery | None = None
    edited: bool = False


class Telegram:
    """The adapter for Telegram: long polling, or a webhook when it has a url.

    Raises:
        TokenRefused: the token has not even the form of one.
    """

    platform = "telegram"
    mailbox = False

    def __init__(
        self,
        *,
        token: str,
        api: str,
        webhook_url: str | None,
        webhook_secret: str | None,
        album: Album,
        menu: Sequence[tuple[str, str]],
        clock: Callable[[], datetime],
    ) -> None:
        if webhook_url and not webhook_secret:
            raise ValueError("a webhook needs a secret, or anybody could speak for anybody")
        self._session = AiohttpSession(api=TelegramAPIServer.from_base(api))
        try:
            self._bot = Bot(token, session=self._session)
        except TokenValidationError:
            raise TokenRefused from None
        self.account = token.partition(":")[0]
        self.pace: Pace | None = _PACE
        self._webhook_url = webhook_url
        self._webhook_secret = webhook_secret or ""
        self._album = album
        self._menu = menu
        self._clock = clock
        self._name = ""
        self._take: Take | None = None
        self._closing = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._last_in_chat: dict[int, asyncio.Task[None]] = {}
        self._begun: dict[int, int] = {}

    def ring(self, contacts: Sequence[int]) -> None:
        """Nothing lies ready here: it is sent."""

    async def close(self) -> None:
        # Closed here, for the engine's own way waits a quarter of a second after it.
        await (await self._session.create_session()).close()

    # Listening.

    async def listen(self, take: Take) -> None:
        """Hand every message to `take`, and acknowledge it only once that has returned. Runs until cancelled.

        Raises:
            TokenRefused: Telegram does not know us.
        """
        self._closing.clear()
        self._name = (await self._insist(GetMe())).username or ""
        self._take = take
        try:
            if self._webhook_url:
                await self._insist(
                    SetWebhook(url=self._webhook_url, secret_token=self._webhook_secret, allowed_updates=_HEARD)
                )
            else:
                await self._insist(DeleteWebhook())
            await self._offer_menu()
            await (asyncio.Event().wait() if self._webhook_url else self._poll())
        finally:
            await self._finish()

    async def _offer_menu(self) -> None:
        try:
            await self._insist(SetMyCommands(commands=_commands(self._menu)))
        except TelegramBadRequest as refusal:
            log.error("the menu is not acceptable: %s", refusal.message)

    async def _poll(self) -> None:
        """Fetch and take, chats side by side; the offset confirms what was taken, never past what was not."""
        offset = 0
        taking: dict[int, asyncio.Task[None] | None] = {}
        while True:
            # While something is in hand Telegram answers at once: what is not confirmed it hands out again.
            wait = 0 if taking else _LONG_POLL
            batch = await self._insist(_Updates(offset=offset, timeout=wait), timeout=wait + 15, revoked=False)
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

    async def _insist(self, method: TelegramMethod[T], *, timeout: int = 60, revoked: bool = True) -> T:  # noqa: ASYNC109
        """Ask until Telegram answers. `revoked`: whether a token it does not know is the end.

        Raises:
            TokenRefused: it is.
            TelegramBadRequest: Telegram will never do this. A webhook it cannot reach is asked for again.
        """
        failures = 0
        while True:
            pause = _backoff(failures)
            try:
                return await self._bot(method, request_timeout=timeout)
            except (TelegramUnauthorizedError, TelegramNotFound):
                if revoked:
                    raise TokenRefused from None
                log.error("Telegram does not know our token any more")
            except TelegramRetryAfter as later:
                pause = later.retry_after
            except TelegramConflictError as conflict:
                log.error("another process listens with this token, only one may: %s", conflict.message)
            except TelegramBadRequest as refusal:
                if not isinstance(method, SetWebhook):
                    raise
                log.error("Telegram does not accept the webhook: %s", refusal.message)
            except (TelegramAPIError, ClientDecodeError) as error:
                log.warning("%s: %s, again in %.1f s", method.__api_method__, _trouble(error), pause)
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
        if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._webhook_secret.encode("utf-8")):
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
            update = Update.model_validate(raw, context={"bot": self._bot})
        except ValidationError:
            log.error("update %d cannot be read, it is passed over", raw["update_id"])
            return None
        if query := update.callback_query:
            if query.message is None:
                return self._run(self._answer(query))
            return self._queue(_Heard(query.message.chat, query=query))
        message = update.message or update.edited_message
        if message is None or not self._for_us(message, edited=update.message is None):
            return None
        return self._queue(_Heard(message.chat, message, edited=update.message is None))

    def _for_us(self, message: Message, *, edited: bool) -> bool:
        if edited and message.location:
            # Somebody walks about sharing their live position: every step is an edit.
            return False
        if message.chat.type == ChatType.PRIVATE:
            return message.content_type in _READ or message.content_type in _ODD
        command = _COMMAND.match(message.text or message.caption or "")
        return (
            message.chat.type in (ChatType.GROUP, ChatType.SUPERGROUP)
            and command is not None
            and (command[2] is None or command[2].lower() == self._name.lower())
        )

    def _queue(self, heard: _Heard) -> asyncio.Task[None]:
        chat = heard.chat.id
        task = self._run(self._taken(heard, self._last_in_chat.get(chat)))
        self._last_in_chat[chat] = task
        task.add_done_callback(lambda done: self._forget(chat, done))
        return task

    def _forget(self, chat: int, done: asyncio.Task[None]) -> None:
        if self._last_in_chat.get(chat) is done:
            del self._last_in_chat[chat]

    def _run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _taken(self, heard: _Heard, before: asyncio.Task[None] | None) -> None:
        """One turn. Polling repeats it until it is taken; a webhook leaves that to Telegram."""
        if before is not None:
            await asyncio.wait([before])
        said: Said | None = None
        for number in count():
            try:
                said = said or await self._read(heard)
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
        if heard.query is not None:
            self._run(self._answer(heard.query))

    async def _answer(self, query: CallbackQuery) -> None:
        """Stop the little clock on the button. Nobody waits for this, and its failure harms nobody."""
        for number in range(3):
            try:
                await self._bot(AnswerCallbackQuery(callback_query_id=query.id))
            except TelegramBadRequest:
                # Too old: the clock has stopped by itself.
                return
            except (TelegramAPIError, ClientDecodeError) as error:
                log.info("a tap could not be answered: %s", _trouble(error))
                await self._pause(_backoff(number))
            else:
                return

    async def _read(self, heard: _Heard) -> Said:
        address = Address(self.platform, self.account, str(heard.chat.id))
        group = heard.chat.type != ChatType.PRIVATE
        if heard.query is not None:
            return Said(address, f"c:{heard.query.id}", self._clock(), tap=_tap(heard.query.data), group=group)
        message = heard.message
        if message is None:
            raise LookupError("neither a message nor a tap")
        at, mark = message.date, ""
        if heard.edited and message.edit_date:
            # Said anew: "tomorrow" put right today is read against today.
            at, mark = datetime.fromtimestamp(message.edit_date, UTC), f"#{message.edit_date}"
        file = _picture(message)
        kept = await self._kept(file) if file else None
        return Said(
            address,
            f"m:{heard.chat.id}:{message.message_id}{mark}",
            at,
            text=_plain(message.text or message.caption or ""),
            photos=(kept,) if kept is not None and not isinstance(kept, Odd) else (),
            position=_position(message),
            phone=_own_phone(message),
            odd=kept if isinstance(kept, Odd) else _odd(message),
            edited=heard.edited,
            group=group,
            album=None if heard.edited else message.media_group_id,
        )

    async def _kept(self, file: PhotoSize | Document) -> str | Odd:
        """The digest of a photo now in the album, or why it is not."""
        if (file.file_size or 0) > LARGEST:
            return Odd.TOO_BIG
        for number in range(3):
            try:
                return await self._album.keep(await self._download(file.file_id))
            except _TooBig:
                return Odd.TOO_BIG
            except BadPhoto:
                return Odd.BROKEN_PHOTO
            except _Lost:
                await self._pause(_backoff(number))
            except (TelegramAPIError, ClientDecodeError, OSError):
                raise
            except Exception:
                # It would fail every time, and the chat behind it would never be heard again.
                log.exception("a photo could not be kept")
                return Odd.BROKEN_PHOTO
        return Odd.BROKEN_PHOTO

    async def _download(self, file_id: str) -> bytes:
        """Fetch a file.

        Raises:
            _TooBig, _Lost: it cannot be had.
            TelegramAPIError, ConnectionError: it may be had later.
        """
        try:
            path = (await self._bot(GetFile(file_id=file_id))).file_path
        except TelegramBadRequest as refusal:
            raise (_TooBig if "too big" in refusal.message else _Lost) from None
        if path is None:
            raise _Lost
        data = bytearray()
        try:
            url = self._session.api.file_url(self._bot.token, path)
            async with aclosing(self._session.stream_content(url, timeout=60)) as stream:
                async for chunk in stream:
                    data += chunk
                    if len(data) > LARGEST:
                        raise _TooBig
        except ClientResponseError as error:
            # `from None` throughout: its words hold the url, and that our token.
            raise (_Lost if error.status < 500 else ConnectionError(error.status)) from None
        except ClientError as error:
            raise ConnectionError(type(error).__name__) from None
        return bytes(data)

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
                await asyncio.sleep(_PACE.chat_gap)
            try:
                await self._deliver(parts[number])
            except (TryLater, Unsure):
                if number:
                    self._begun[outgoing.id] = number
                    for oldest in list(self._begun)[:-_MOST_BEGUN]:
                        del self._begun[oldest]
                raise

    async def _drawn(self, outgoing: Outgoing) -> list[TelegramMethod[Any]]:
        chat, reply = int(outgoing.chat), outgoing.reply
        if outgoing.kind is Kind.MENU:
            scope = BotCommandScopeChat(chat_id=chat)
            if not reply.menu:
                return [DeleteMyCommands(scope=scope)]
            return [SetMyCommands(commands=_commands(reply.menu), scope=scope)]
        photos = [photo for digest in reply.photos if (photo := await self._opened(digest))]
        buttons = _buttons(outgoing)
        if len(photos) == 1 and len(reply.text) <= _LONGEST_CAPTION:
            return [SendPhoto(chat_id=chat, photo=photos[0], caption=reply.text or None, reply_markup=buttons)]
        parts: list[TelegramMethod[Any]] = []
        for start in range(0, len(photos), _LARGEST_ALBUM):
            some = photos[start : start + _LARGEST_ALBUM]
            if len(some) == 1:
                parts.append(SendPhoto(chat_id=chat, photo=some[0]))
            else:
                media = [InputMediaPhoto(media=photo) for photo in some]
                parts.append(SendMediaGroup(chat_id=chat, media=list(media)))
        if parts and not reply.text and buttons is None:
            return parts
        texts = _pieces(reply.text)
        parts += [SendMessage(chat_id=chat, text=text) for text in texts[:-1]]
        return [*parts, SendMessage(chat_id=chat, text=texts[-1], reply_markup=buttons)]

    async def _opened(self, digest: str) -> BufferedInputFile | None:
        try:
            return BufferedInputFile(await self._album.read(digest), f"{digest[:12]}.jpg")
        except (FileNotFoundError, ValueError):
            # The words are worth sending without it.
            log.error("photo %s is not in the album", digest)
            return None
        except OSError:
            raise TryLater from None

    async def _deliver(self, method: TelegramMethod[Any]) -> None:
        # `from None` throughout: an engine's error may hold our token in a url.
        try:
            await self._bot(method)
        except TelegramRetryAfter as later:
            raise TryLater(later.retry_after) from None
        except TelegramMigrateToChat as moved:
            raise Moved(str(moved.migrate_to_chat_id)) from None
        except TelegramForbiddenError:
            raise Gone from None
        except (TelegramUnauthorizedError, TelegramNotFound):
            log.error("Telegram does not know our token any more")
            raise TryLater(60) from None
        except TelegramBadRequest as refusal:
            words = refusal.message.lower()
            if "message is not modified" in words:
                return
            if any(gone in words for gone in _GONE):
                raise Gone from None
            raise Unacceptable(refusal.message) from None
        except TelegramEntityTooLarge as refusal:
            raise Unacceptable(refusal.message) from None
        except TelegramNetworkError as error:
            # Not even connected, nothing was written; anything later may have arrived.
            if isinstance(error.__cause__, ClientConnectorError | ConnectionTimeoutError):
                raise TryLater from None
            raise Unsure(_trouble(error)) from None
        except TelegramAPIError:
            raise TryLater from None
        except ClientDecodeError as error:
            # Taken, and described in words newer than the engine's: it has arrived all the same.
            if not (isinstance(error.data, dict) and error.data.get("ok")):
                raise Unsure(_trouble(error)) from None


def _backoff(failures: int) -> float:
    return min(_FIRST_PAUSE * 2.0 ** min(failures, 10), _LONGEST_PAUSE)


def _trouble(error: Exception) -> str:
    """What went wrong, in words that hold no url, for a url of ours holds the token."""
    if isinstance(error, TelegramNetworkError):
        return type(error.__cause__ or error).__name__
    return error.message if isinstance(error, TelegramAPIError) else type(error).__name__


def _tap(data: str | None) -> Tap:
    """The button of `_buttons`; one we never drew is answered as an old one."""
    if match := re.fullmatch(r"([0-9]{1,18}):([0-9]{1,3})", data or ""):
        return Tap(int(match[1]), int(match[2]))
    return Tap(0, 0)


def _plain(text: str) -> str:
    """`/report@our_bot 路灯` as it would be said in private: `/report 路灯`."""
    command = _COMMAND.match(text)
    return f"/{command[1]}{text[command.end() :]}" if command else text


def _picture(message: Message) -> PhotoSize | Document | None:
    if message.photo:
        return max(message.photo, key=lambda size: size.width * size.height)
    document = message.document
    # A GIF comes as an animation and, for old clients, as a document too.
    if document and not message.animation and (document.mime_type or "").startswith("image/"):
        return document
    return None


def _position(message: Message) -> Position | None:
    where = message.venue.location if message.venue else message.location
    return Position(where.latitude, where.longitude) if where else None


def _own_phone(message: Message) -> str | None:
    """The number somebody shares as theirs; a friend's is no proof of anything."""
    contact, sender = message.contact, message.from_user
    return contact.phone_number if contact and sender and contact.user_id == sender.id else None


def _odd(message: Message) -> Odd | None:
    if _picture(message) or _own_phone(message):
        return None
    return _ODD.get(ContentType(message.content_type))


def _commands(menu: Sequence[tuple[str, str]]) -> list[BotCommand]:
    return [BotCommand(command=name.removeprefix("/"), description=title) for name, title in menu]


def _buttons(outgoing: Outgoing) -> InlineKeyboardMarkup | None:
    """Two in a row when all labels are short. Each comes back as `<number of the message>:<choice>`."""
    choices = outgoing.reply.choices
    if not choices:
        return None
    row = 2 if all(len(choice.label) <= _SHORT_LABEL for choice in choices) else 1
    keys = [
        InlineKeyboardButton(text=choice.label, callback_data=f"{outgoing.id}:{index}")
        for index, choice in enumerate(choices)
    ]
    return InlineKeyboardMarkup(inline_keyboard=[keys[start : start + row] for start in range(0, len(keys), row)])


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
