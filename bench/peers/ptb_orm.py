"""The other peer: python-telegram-bot's ConversationHandler, its persistence written with SQLAlchemy's ORM.

Fair to it: one update after another, as its documentation asks of ConversationHandler; the persistence flushed once
an update in the transaction that also notes the update, before 200, instead of once a minute.
"""

import asyncio
import sys
from contextvars import ContextVar
from typing import Any, cast

from aiohttp import web
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from telegram import InlineKeyboardButton, InlineKeyboardMarkup
from telegram import Update as TelegramUpdate
from telegram.ext import (
    Application,
    BasePersistence,
    CallbackContext,
    ContextTypes,
    ConversationHandler,
    MessageHandler,
    PersistenceInput,
    filters,
)

from bench.peers import texts
from bench.peers.tables import Conversation, Person, Report, Update, open_database

_session: ContextVar[AsyncSession] = ContextVar("session")
WHERE, WHAT, SURE = range(3)
Context = ContextTypes.DEFAULT_TYPE


class OrmPersistence(BasePersistence[dict[Any, Any], dict[Any, Any], dict[Any, Any]]):
    """Conversations and what people answered, in the database."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        super().__init__(PersistenceInput(bot_data=False, chat_data=False, user_data=True, callback_data=False))
        self._sessions = sessions
        # The application writes side by side; a session is for one at a time.
        self._writing = asyncio.Lock()

    async def get_user_data(self) -> dict[int, dict[Any, Any]]:
        async with self._sessions() as session:
            rows = await session.scalars(select(Conversation).where(Conversation.key.startswith("user:")))
            return {int(row.key.removeprefix("user:")): row.data for row in rows}

    async def update_user_data(self, user_id: int, data: dict[Any, Any]) -> None:
        async with self._writing:
            await _session.get().merge(Conversation(key=f"user:{user_id}", data=data))

    async def get_conversations(self, name: str) -> dict[tuple[int | str, ...], object]:
        async with self._sessions() as session:
            rows = await session.scalars(select(Conversation).where(Conversation.key.startswith(f"{name}:")))
            return {tuple(map(int, row.key.split(":")[1:])): int(row.state or 0) for row in rows if row.state}

    async def update_conversation(self, name: str, key: tuple[int | str, ...], new_state: object | None) -> None:
        state = None if new_state is None else str(new_state)
        async with self._writing:
            await _session.get().merge(Conversation(key=":".join(map(str, (name, *key))), state=state, data={}))

    async def get_chat_data(self) -> dict[int, dict[Any, Any]]:
        return {}

    async def update_chat_data(self, chat_id: int, data: dict[Any, Any]) -> None:
        """Not used by this bot."""

    async def get_bot_data(self) -> dict[Any, Any]:
        return {}

    async def update_bot_data(self, data: dict[Any, Any]) -> None:
        """Not used by this bot."""

    async def get_callback_data(self) -> None:
        return None

    async def update_callback_data(self, data: object) -> None:
        """Not used by this bot."""

    async def drop_chat_data(self, chat_id: int) -> None:
        """Not used by this bot."""

    async def drop_user_data(self, user_id: int) -> None:
        """Not used by this bot."""

    async def refresh_user_data(self, user_id: int, user_data: dict[Any, Any]) -> None:
        """What is in memory is what is stored: there is one process."""

    async def refresh_chat_data(self, chat_id: int, chat_data: dict[Any, Any]) -> None:
        """Not used by this bot."""

    async def refresh_bot_data(self, bot_data: dict[Any, Any]) -> None:
        """Not used by this bot."""

    async def flush(self) -> None:
        """Everything is stored when its update ends."""


async def begin(update: TelegramUpdate, context: Context) -> int:
    await _message(update).reply_text(texts.WHERE, reply_markup=_buttons(texts.PICK))
    return WHERE


async def where(update: TelegramUpdate, context: Context) -> int:
    _data(context)["place"] = _message(update).text
    await _message(update).reply_text(texts.WHAT)
    return WHAT


async def where_unclear(update: TelegramUpdate, context: Context) -> int:
    await _message(update).reply_text(texts.WHERE_UNCLEAR)
    return WHERE


async def what(update: TelegramUpdate, context: Context) -> int:
    data = _data(context)
    data["words"] = _message(update).text
    await _message(update).reply_text(texts.SURE.format(**data), reply_markup=_buttons(*texts.SURE_CHOICES))
    return SURE


async def sure(update: TelegramUpdate, context: Context) -> int:
    data, session = _data(context), _session.get()
    person = await _person(session, update)
    report = Report(person_id=person.id, place=data["place"], words=data["words"])
    session.add(report)
    await session.flush()
    await _message(update).reply_text(
        texts.RECEIPT.format(number=report.id, **data), reply_markup=_buttons(*texts.RECEIPT_CHOICES)
    )
    data.clear()
    return ConversationHandler.END


async def dropped(update: TelegramUpdate, context: Context) -> int:
    _data(context).clear()
    await _message(update).reply_text(texts.DROPPED)
    return ConversationHandler.END


async def anything_else(update: TelegramUpdate, context: Context) -> None:
    await _message(update).reply_text(texts.HELP)


def _message(update: TelegramUpdate) -> Any:
    return update.message


def _data(context: CallbackContext[Any, Any, Any, Any]) -> dict[Any, Any]:
    return cast("dict[Any, Any]", context.user_data)


async def _person(session: AsyncSession, update: TelegramUpdate) -> Person:
    user = update.effective_user
    number = user.id if user else 0
    person = await session.scalar(select(Person).where(Person.telegram_id == number))
    if person is None:
        person = Person(telegram_id=number, name=user.full_name if user else None)
        session.add(person)
        await session.flush()
    return person


def _buttons(*labels: str) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton(label, callback_data=label) for label in labels]])


def _conversation() -> ConversationHandler[Any]:
    yes = filters.Text(["是"])
    return ConversationHandler(
        entry_points=[MessageHandler(filters.Text(["报事"]), begin)],
        states={
            WHERE: [
                MessageHandler(filters.Regex(texts.PLACE), where),
                MessageHandler(filters.TEXT, where_unclear),
            ],
            WHAT: [MessageHandler(filters.Regex(r".{4}"), what)],
            SURE: [MessageHandler(yes, sure), MessageHandler(filters.Text(["否"]), dropped)],
        },
        fallbacks=[MessageHandler(filters.ALL, anything_else)],
        name="report",
        persistent=True,
    )


async def serve(api: str, token: str, database: str, port: int) -> None:
    engine, sessions = await open_database(database)
    application = (
        Application.builder()
        .token(token)
        .base_url(f"{api}/bot")
        .updater(None)
        .persistence(OrmPersistence(sessions))
        .build()
    )
    application.add_handler(_conversation())
    application.add_handler(MessageHandler(filters.ALL, anything_else))
    one_at_a_time = asyncio.Lock()

    async def webhook(request: web.Request) -> web.Response:
        if request.headers.get("X-Telegram-Bot-Api-Secret-Token") != "bench":
            return web.Response(status=403)
        update = TelegramUpdate.de_json(await request.json(), application.bot)
        async with one_at_a_time, sessions() as session:
            session.add(Update(id=update.update_id))
            try:
                await session.flush()
            except IntegrityError:
                return web.Response()
            _session.set(session)
            await _person(session, update)
            await application.process_update(update)
            await application.update_persistence()
            await session.commit()
        return web.Response()

    app = web.Application()
    app.router.add_post("/webhook", webhook)
    runner = web.AppRunner(app, access_log=None)
    async with application:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await application.bot.set_webhook(
            f"http://127.0.0.1:{port}/webhook", secret_token="bench", allowed_updates=["message"]
        )
        try:
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
