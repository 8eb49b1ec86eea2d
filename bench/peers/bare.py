"""The ceiling: the same steps with no framework at all, to know how far anybody could get on this machine.

One thread owns SQLite and commits whatever has come in together, so the disk is waited for once for many. Nobody
should write a service like this; it says what aiohttp, msgspec and SQLite leave to gain.
"""

import asyncio
import sqlite3
import sys
from typing import Any
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from bench.peers import texts
from bench.wire import Lines

_TABLES = """
PRAGMA journal_mode=WAL;
PRAGMA synchronous=FULL;
CREATE TABLE IF NOT EXISTS updates (id INTEGER PRIMARY KEY, at TEXT DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE IF NOT EXISTS persons (id INTEGER PRIMARY KEY, telegram_id INTEGER UNIQUE, state BLOB);
CREATE TABLE IF NOT EXISTS reports (id INTEGER PRIMARY KEY, person_id INTEGER, place TEXT, words TEXT,
                                    opened_at TEXT DEFAULT CURRENT_TIMESTAMP);
"""


class Chat(msgspec.Struct):
    id: int


class Message(msgspec.Struct):
    chat: Chat
    text: str = ""


class Update(msgspec.Struct):
    update_id: int
    message: Message


class State(msgspec.Struct):
    step: str = ""
    place: str = ""
    words: str = ""


class Button(msgspec.Struct):
    text: str
    callback_data: str


class Markup(msgspec.Struct):
    inline_keyboard: list[list[Button]]


class Send(msgspec.Struct, omit_defaults=True):
    chat_id: int
    text: str
    reply_markup: Markup | None = None


_update = msgspec.json.Decoder(Update)
_state = msgspec.json.Decoder(State)
_encode = msgspec.json.Encoder().encode


class Bare:
    """Turns wait in `_waiting` for the next transaction; it takes all that have come while the last one ran."""

    def __init__(self, api: str, token: str, database: str) -> None:
        self._db = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
        self._db.executescript(_TABLES)
        self._api = Lines([urlsplit(api).port or 80], 100)
        self._path = f"/bot{token}/sendMessage"
        self._waiting: list[tuple[Update, asyncio.Future[None]]] = []
        self._come = asyncio.Event()
        self._sends: set[asyncio.Task[int]] = set()

    async def webhook(self, request: web.BaseRequest) -> web.Response:
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((_update.decode(await request.read()), done))
        self._come.set()
        await done
        return web.Response()

    async def commit(self) -> None:
        while True:
            await self._come.wait()
            self._come.clear()
            taken, self._waiting = self._waiting, []
            self._db.execute("BEGIN IMMEDIATE")
            replies = [reply for update, _ in taken if (reply := self._step(update)) is not None]
            # The disk is waited for in a thread, so that what comes meanwhile is read.
            await asyncio.to_thread(self._db.execute, "COMMIT")
            for _, done in taken:
                done.set_result(None)
            for reply in replies:
                send = asyncio.create_task(self._api.post(self._path, _encode(reply)))
                self._sends.add(send)
                send.add_done_callback(self._sends.discard)

    def _step(self, update: Update) -> Send | None:
        db, chat, text = self._db, update.message.chat.id, update.message.text
        if not db.execute("INSERT OR IGNORE INTO updates (id) VALUES (?)", (update.update_id,)).rowcount:
            return None
        found = db.execute("SELECT id, state FROM persons WHERE telegram_id = ?", (chat,)).fetchone()
        if found is None:
            number = db.execute("INSERT INTO persons (telegram_id, state) VALUES (?, '{}')", (chat,)).lastrowid
            found = (number, b"{}")
        person, state = found[0], _state.decode(found[1])
        reply = self._answer(person, state, chat, text)
        db.execute("UPDATE persons SET state = ? WHERE id = ?", (_encode(state), person))
        return reply

    def _answer(self, person: int, state: State, chat: int, text: str) -> Send:
        match state.step:
            case "where" if texts.PLACE.fullmatch(text):
                state.step, state.place = "what", text
                return Send(chat, texts.WHAT)
            case "what" if len(text) >= 4:
                state.step, state.words = "sure", text
                shown = texts.SURE.format(place=state.place, words=text)
                return Send(chat, shown, _buttons(texts.SURE_CHOICES))
            case "sure" if text == "是":
                insert = "INSERT INTO reports (person_id, place, words) VALUES (?, ?, ?)"
                number = self._db.execute(insert, (person, state.place, state.words)).lastrowid
                shown = texts.RECEIPT.format(number=number, place=state.place, words=state.words)
                state.step = ""
                return Send(chat, shown, _buttons(texts.RECEIPT_CHOICES))
            case _ if text == "报事":
                state.step = "where"
                return Send(chat, texts.WHERE, _buttons((texts.PICK,)))
        return Send(chat, texts.HELP)

    async def listen(self, port: int, token: str) -> None:
        """Serve; ask for as many connections as Telegram opens."""
        server: Any = web.Server(self.webhook, access_log=None)
        runner = web.ServerRunner(server)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        asked = {"url": f"http://127.0.0.1:{port}/webhook", "max_connections": 100}
        await self._api.post(f"/bot{token}/setWebhook", _encode(asked))
        await self.commit()


def _buttons(labels: tuple[str, ...]) -> Markup:
    return Markup([[Button(label, label) for label in labels]])


if __name__ == "__main__":
    bare = Bare(sys.argv[1], sys.argv[2], sys.argv[3].removeprefix("sqlite:///"))
    asyncio.run(bare.listen(int(sys.argv[4]), sys.argv[2]))
