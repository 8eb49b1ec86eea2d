"""People on Telegram are reached through aiogram: what it reads, sends and raises, in our words."""

from collections.abc import Sequence
from contextlib import aclosing
from typing import Any, TypeVar

# Before aiogram, or it builds hundreds of models nobody needs.
import bot.adapters.telegram_aiogram_models  # noqa: F401

# isort: split
import msgspec
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramConflictError,
    TelegramEntityTooLarge,
    TelegramForbiddenError,
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
    Response,
    SendMediaGroup,
    SendPhoto,
    SetMyCommands,
    SetWebhook,
    TelegramMethod,
)
from aiogram.types import (
    BotCommand,
    BotCommandScopeChat,
    BufferedInputFile,
    InputMediaPhoto,
)
from aiohttp import BytesPayload, ClientConnectorError, ClientError, ClientResponseError, ConnectionTimeoutError

from bot.adapters.telegram_engine import HEARD, PATIENCE, Buttons, Engine, NoAnswer, Photo, Refusal, Unsent

T = TypeVar("T")

_CODES: dict[type[Exception], int] = {
    TelegramBadRequest: 400,
    TelegramUnauthorizedError: 401,
    TelegramForbiddenError: 403,
    TelegramNotFound: 404,
    TelegramConflictError: 409,
    TelegramEntityTooLarge: 413,
    TelegramRetryAfter: 429,
}


class _Updates(TelegramMethod[list[dict[str, Any]]]):
    __returning__ = list[dict[str, Any]]
    __api_method__ = "getUpdates"

    offset: int
    timeout: int
    allowed_updates: list[str] = HEARD


class _Words(TelegramMethod[Any]):
    """The message of every turn, without what we never say; what Telegram makes of it nobody reads."""

    __returning__ = Any
    __api_method__ = "sendMessage"

    chat_id: int
    text: str
    reply_markup: Any = None


class _Unread(TelegramMethod[Any]):
    __returning__ = Any
    __api_method__ = ""


# Held on to: pydantic forgets a model nobody holds, and would make it anew for every message.
_UNREAD = Response[Any]


class _Session(AiohttpSession):
    """The library's client, with less work a message: no form for words alone, no answer read for nobody."""

    # The library promises a form; what it hands it to takes any body.
    def build_form_data(self, bot: Bot, method: TelegramMethod[Any]) -> Any:
        if isinstance(method, _Words):
            words = msgspec.json.encode(method.model_dump(exclude_none=True))
            return BytesPayload(words, content_type="application/json")
        return super().build_form_data(bot, method)

    def check_response(self, bot: Bot, method: TelegramMethod[T], status_code: int, content: str) -> Response[T]:
        sent = isinstance(method, SendPhoto | SendMediaGroup)
        return super().check_response(bot, _Unread() if sent else method, status_code, content)


class Aiogram(Engine):
    """The engine on aiogram, without its dispatcher: its types, its methods, its client (aiohttp)."""

    def __init__(self, token: str, api: str, patience: float = PATIENCE) -> None:
        self._session = _Session(api=TelegramAPIServer.from_base(api), timeout=patience)
        self._bot = Bot(token, session=self._session)

    async def close(self) -> None:
        # Closed here, for the library's own way waits a quarter of a second after it.
        await (await self._session.create_session()).close()

    async def name(self) -> str:
        return (await self._ask(GetMe())).username or ""

    async def updates(self, offset: int, wait: int) -> list[dict[str, Any]]:
        return await self._ask(_Updates(offset=offset, timeout=wait), wait + 15)

    async def open_webhook(self, url: str, secret: str) -> None:
        await self._ask(SetWebhook(url=url, secret_token=secret, allowed_updates=HEARD))

    async def close_webhook(self) -> None:
        await self._ask(DeleteWebhook())

    async def set_menu(self, commands: Sequence[tuple[str, str]], chat: int | None) -> None:
        menu = [BotCommand(command=name, description=title) for name, title in commands]
        await self._ask(SetMyCommands(commands=menu, scope=None if chat is None else BotCommandScopeChat(chat_id=chat)))

    async def drop_menu(self, chat: int) -> None:
        await self._ask(DeleteMyCommands(scope=BotCommandScopeChat(chat_id=chat)))

    async def answer(self, query: str) -> None:
        await self._ask(AnswerCallbackQuery(callback_query_id=query))

    async def send_text(self, chat: int, text: str, buttons: Buttons) -> None:
        await self._ask(_Words(chat_id=chat, text=text, reply_markup=_keyboard(buttons)))

    async def send_photo(self, chat: int, photo: Photo, text: str, buttons: Buttons) -> None:
        await self._ask(
            SendPhoto(chat_id=chat, photo=_file(photo), caption=text or None, reply_markup=_keyboard(buttons))
        )

    async def send_album(self, chat: int, photos: Sequence[Photo]) -> None:
        await self._ask(SendMediaGroup(chat_id=chat, media=[InputMediaPhoto(media=_file(photo)) for photo in photos]))

    async def locate(self, file: str) -> str | None:
        path = (await self._ask(GetFile(file_id=file))).file_path
        return path and self._session.api.file_url(self._bot.token, path)

    async def fetch(self, where: str, largest: int) -> bytes:
        data = bytearray()
        try:
            async with aclosing(self._session.stream_content(where, timeout=PATIENCE)) as stream:
                async for chunk in stream:
                    data += chunk
                    if len(data) > largest:
                        break
        # `from None` throughout: its words hold the url, and that our token.
        except ClientResponseError as error:
            raise Refusal(error.status, "") from None
        except (ClientError, TimeoutError) as error:
            raise NoAnswer(type(error).__name__) from None
        return bytes(data)

    async def _ask(self, method: TelegramMethod[T], patience: int | None = None) -> T:
        try:
            return await self._bot(method, request_timeout=patience)
        except TelegramAPIError as error:
            if type(error) is not TelegramNetworkError:
                raise Refusal(
                    _CODES.get(type(error), 500),
                    error.message,
                    seconds=getattr(error, "retry_after", None),
                    moved_to=getattr(error, "migrate_to_chat_id", None),
                ) from None
            # Old versions name no cause.
            cause = error.__cause__ or error.__context__
            unsent = isinstance(cause, ClientConnectorError | ConnectionTimeoutError)
            raise (Unsent if unsent else NoAnswer)(type(cause).__name__) from None
        except ClientDecodeError as error:
            raise NoAnswer(type(error).__name__) from None


def _file(photo: Photo) -> BufferedInputFile:
    name, data = photo
    return BufferedInputFile(data, name)


def _keyboard(buttons: Buttons) -> Any:
    """As the Bot API has it: for two buttons a model of the library's costs as much as the sending."""
    if not buttons:
        return None
    keys = [
        [{"text": label, "url" if data.startswith("https://") else "callback_data": data} for label, data in row]
        for row in buttons
    ]
    return {"inline_keyboard": keys}
