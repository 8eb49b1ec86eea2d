"""People on Telegram are reached through python-telegram-bot: what it reads, sends and raises, in our words."""

import asyncio
import logging
import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import httpx
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeChat,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputFile,
    InputMediaPhoto,
)
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, RetryAfter, TelegramError
from telegram.request import HTTPXRequest

from bot.adapters.telegram_engine import HEARD, PATIENCE, Buttons, Engine, NoAnswer, Photo, Refusal, Trouble, Unsent

# Its client looks through all of them at every request: more would cost more than they bring.
_LINES = 32
_CODES: dict[type[TelegramError], int] = {BadRequest: 400, InvalidToken: 401, Forbidden: 403, Conflict: 409}
_NOT_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class _Bot(Bot):
    """The library's bot, asked no more at once than there are connections: its client is slow with those who wait."""

    def __init__(self, token: str, api: str, line: HTTPXRequest) -> None:
        super().__init__(token, f"{api}/bot", f"{api}/file/bot", line, line)
        self._free = asyncio.Semaphore(_LINES)

    async def ask(self, method: str, patience: float | None = None, **fields: Any) -> Any:
        """Ask with the library's types, and get the answer as it is.

        Its public methods read more than we need. They read how Telegram describes back what we sent, which takes
        a fifth of the time, and trip over what is worded otherwise; `get_updates` loses all updates with that one, and
        logs them whole.
        """
        try:
            async with self._free:
                return await self._post(method, fields, read_timeout=patience or self.request.read_timeout)
        except TelegramError as error:
            # `from None` throughout: its words may hold a url, and that our token.
            raise _named(error) from None
        except (LookupError, TypeError) as error:
            # JSON, and not an answer.
            raise NoAnswer(type(error).__name__) from None


class Ptb(Engine):
    """The engine on python-telegram-bot, without its application: its types, its requests, its client (httpx)."""

    def __init__(self, token: str, api: str, patience: float = PATIENCE) -> None:
        # They log urls, which hold our token, and what people said.
        for name in ("telegram", "httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        # How the library will say in its next major version how long to wait; asked otherwise, it warns.
        os.environ["PTB_TIMEDELTA"] = "true"
        self._line = HTTPXRequest(
            read_timeout=patience,
            write_timeout=patience,
            connect_timeout=patience,
            pool_timeout=patience,
            media_write_timeout=patience,
            httpx_kwargs={
                "limits": httpx.Limits(max_connections=_LINES, keepalive_expiry=15),
                # As with the other engine: the environment names no proxy for us.
                "trust_env": False,
            },
        )
        self._bot = _Bot(token, api, self._line)

    async def close(self) -> None:
        await self._line.shutdown()

    async def name(self) -> str:
        return str((await self._bot.ask("getMe")).get("username", ""))

    async def updates(self, offset: int, wait: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self._bot.ask(
            "getUpdates", wait + 15, offset=offset, timeout=wait, allowed_updates=HEARD
        )
        return found

    async def open_webhook(self, url: str, secret: str) -> None:
        await self._bot.ask("setWebhook", url=url, secret_token=secret, allowed_updates=HEARD)

    async def close_webhook(self) -> None:
        await self._bot.ask("deleteWebhook")

    async def set_menu(self, commands: Sequence[tuple[str, str]], chat: int | None) -> None:
        menu = [BotCommand(name, title) for name, title in commands]
        await self._bot.ask("setMyCommands", commands=menu, scope=None if chat is None else BotCommandScopeChat(chat))

    async def drop_menu(self, chat: int) -> None:
        await self._bot.ask("deleteMyCommands", scope=BotCommandScopeChat(chat))

    async def answer(self, query: str) -> None:
        await self._bot.ask("answerCallbackQuery", callback_query_id=query)

    async def send_text(self, chat: int, text: str, buttons: Buttons) -> None:
        await self._bot.ask("sendMessage", chat_id=chat, text=text, reply_markup=_keyboard(buttons))

    async def send_photo(self, chat: int, photo: Photo, text: str, buttons: Buttons) -> None:
        await self._bot.ask(
            "sendPhoto", chat_id=chat, photo=_file(photo), caption=text or None, reply_markup=_keyboard(buttons)
        )

    async def send_album(self, chat: int, photos: Sequence[Photo]) -> None:
        media = [InputMediaPhoto(data, filename=name) for name, data in photos]
        await self._bot.ask("sendMediaGroup", chat_id=chat, media=media)

    async def locate(self, file: str) -> str | None:
        path = (await self._bot.ask("getFile", file_id=file)).get("file_path")
        return path and f"{self._bot.base_file_url}/{path}"

    async def fetch(self, where: str, largest: int) -> bytes:
        try:
            return await self._line.retrieve(where)
        except TelegramError as error:
            raise _named(error) from None


def _named(error: TelegramError) -> Trouble:
    if isinstance(error, RetryAfter):
        seconds = error.retry_after
        return Refusal(
            429, error.message, seconds=seconds.total_seconds() if isinstance(seconds, timedelta) else seconds
        )
    if isinstance(error, ChatMigrated):
        return Refusal(400, error.message, moved_to=error.new_chat_id)
    # Behind it is the client's own error, or an answer that is no JSON, which it would quote.
    if cause := error.__cause__:
        return (Unsent if isinstance(cause, _NOT_CONNECTED) else NoAnswer)(type(cause).__name__)
    if type(error) is TelegramError:
        return NoAnswer(error.message)
    code = _CODES.get(type(error))
    return Refusal(code or (413 if "too large" in error.message.lower() else 500), error.message)


def _file(photo: Photo) -> InputFile:
    name, data = photo
    return InputFile(data, name)


def _keyboard(buttons: Buttons) -> InlineKeyboardMarkup | None:
    if not buttons:
        return None
    return InlineKeyboardMarkup(
        [
            [
                InlineKeyboardButton(label, url=data)
                if data.startswith("https://")
                else InlineKeyboardButton(label, callback_data=data)
                for label, data in row
            ]
            for row in buttons
        ]
    )
