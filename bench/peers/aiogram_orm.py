"""The peer: an aiogram bot as its documentation writes one, with SQLAlchemy's ORM for people, reports and the FSM.

Fair to it: one transaction a step, shared by middleware, storage and handlers (a storage with sessions of its own
commits three to five times a step and is slower); committed before it answers; 200 only after the handler.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any

from aiogram import BaseMiddleware, Bot, Dispatcher, F, Router
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.fsm.context import FSMContext
from aiogram.fsm.middleware import FSMContextMiddleware
from aiogram.fsm.state import State, StatesGroup
from aiogram.fsm.storage.base import BaseStorage, DefaultKeyBuilder, StateType, StorageKey
from aiogram.fsm.storage.memory import DisabledEventIsolation
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup, Message, TelegramObject
from aiogram.types import Update as TelegramUpdate
from aiogram.webhook.aiohttp_server import SimpleRequestHandler, setup_application
from aiohttp import web
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from bench.peers import texts
from bench.peers.tables import Conversation, Person, Report, Update, open_database

_session: ContextVar[AsyncSession] = ContextVar("session")
router = Router()
Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


class Reporting(StatesGroup):
    where = State()
    what = State()
    sure = State()


class OneTransaction(BaseMiddleware):
    """A session an update; a repeat of an update goes no further."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        self._sessions = sessions

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        if not isinstance(event, TelegramUpdate):
            return await handler(event, data)
        async with self._sessions() as session:
            session.add(Update(id=event.update_id))
            try:
                await session.flush()
            except IntegrityError:
                await session.rollback()
                return None
            data["session"] = session
            _session.set(session)
            result = await handler(event, data)
            await session.commit()
            return result


class KnownPerson(BaseMiddleware):
    """Whoever writes, as we know them; a newcomer becomes known."""

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        session: AsyncSession = data["session"]
        user = data["event_from_user"]
        person = await session.scalar(select(Person).where(Person.telegram_id == user.id))
        if person is None:
            person = Person(telegram_id=user.id, name=user.full_name)
            session.add(person)
            await session.flush()
        data["person"] = person
        return await handler(event, data)


class OrmStorage(BaseStorage):
    """The FSM's state and data in the database, in the transaction of the update at hand."""

    def __init__(self) -> None:
        self._keys = DefaultKeyBuilder()

    async def _row(self, key: StorageKey) -> Conversation | None:
        # From the session's identity map after the first time.
        return await _session.get().get(Conversation, self._keys.build(key))

    async def _own(self, key: StorageKey) -> Conversation:
        row = await self._row(key)
        if row is None:
            row = Conversation(key=self._keys.build(key), data={})
            _session.get().add(row)
            await _session.get().flush()
        return row

    async def set_state(self, key: StorageKey, state: StateType = None) -> None:
        (await self._own(key)).state = state.state if isinstance(state, State) else state

    async def get_state(self, key: StorageKey) -> str | None:
        row = await self._row(key)
        return row.state if row else None

    async def set_data(self, key: StorageKey, data: Mapping[str, Any]) -> None:
        (await self._own(key)).data = dict(data)

    async def get_data(self, key: StorageKey) -> dict[str, Any]:
        row = await self._row(key)
        return dict(row.data) if row else {}

    async def close(self) -> None:
        """The engine is closed by whoever opened it."""


@router.message(F.text == "报事")
async def begin(message: Message, state: FSMContext, session: AsyncSession) -> None:
    await state.set_state(Reporting.where)
    await session.commit()
    await message.answer(texts.WHERE, reply_markup=_buttons(texts.PICK))


@router.message(Reporting.where, F.text.regexp(texts.PLACE))
async def where(message: Message, state: FSMContext, session: AsyncSession) -> None:
    await state.update_data(place=message.text)
    await state.set_state(Reporting.what)
    await session.commit()
    await message.answer(texts.WHAT)


@router.message(Reporting.where)
async def where_unclear(message: Message) -> None:
    await message.answer(texts.WHERE_UNCLEAR)


@router.message(Reporting.what, F.text.len() >= 4)
async def what(message: Message, state: FSMContext, session: AsyncSession) -> None:
    data = await state.update_data(words=message.text)
    await state.set_state(Reporting.sure)
    await session.commit()
    await message.answer(texts.SURE.format(**data), reply_markup=_buttons(*texts.SURE_CHOICES))


@router.message(Reporting.what)
async def what_short(message: Message) -> None:
    await message.answer(texts.WHAT_SHORT)


@router.message(Reporting.sure, F.text == "是")
async def sure(message: Message, state: FSMContext, session: AsyncSession, person: Person) -> None:
    data = await state.get_data()
    report = Report(person_id=person.id, place=data["place"], words=data["words"])
    session.add(report)
    await state.clear()
    await session.commit()
    await message.answer(texts.RECEIPT.format(number=report.id, **data), reply_markup=_buttons(*texts.RECEIPT_CHOICES))


@router.message(Reporting.sure, F.text == "否")
async def dropped(message: Message, state: FSMContext, session: AsyncSession) -> None:
    await state.clear()
    await session.commit()
    await message.answer(texts.DROPPED)


@router.message()
async def anything_else(message: Message) -> None:
    await message.answer(texts.HELP)


def _buttons(*labels: str) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(
        inline_keyboard=[[InlineKeyboardButton(text=label, callback_data=label) for label in labels]]
    )


async def serve(api: str, token: str, database: str, port: int) -> None:
    engine, sessions = await open_database(database)
    storage = OrmStorage()
    # The FSM's own middleware, put after ours, so that it reads inside the update's transaction.
    dispatcher = Dispatcher(disable_fsm=True)
    dispatcher.update.outer_middleware(OneTransaction(sessions))
    dispatcher.update.outer_middleware(FSMContextMiddleware(storage, DisabledEventIsolation()))
    dispatcher.message.outer_middleware(KnownPerson())
    dispatcher.include_router(router)

    bot = Bot(token, session=AiohttpSession(api=TelegramAPIServer.from_base(api)))
    app = web.Application()
    SimpleRequestHandler(dispatcher, bot, handle_in_background=False, secret_token="bench").register(app, "/webhook")
    setup_application(app, dispatcher, bot=bot)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await bot.set_webhook(f"http://127.0.0.1:{port}/webhook", secret_token="bench", allowed_updates=["message"])
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
        await engine.dispose()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
