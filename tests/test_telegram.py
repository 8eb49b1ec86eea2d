"""Whoever writes on Telegram is heard once and in full, and gets what we say, whatever the line does."""

import asyncio
import io
import json
import logging
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import ClientSession, web
from PIL import Image

from bot.adapters import telegram
from bot.adapters.telegram import Telegram, TokenRefused
from bot.adapters.telegram_aiogram import Aiogram
from bot.adapters.telegram_engine import Engine
from bot.adapters.telegram_ptb import Ptb
from bot.core.sending import Gone, Moved, TryLater, Unacceptable, Unsure
from bot.core.words import Address, Choice, Kind, Odd, Outgoing, Position, Reply, Said, Tap
from storage.files import LARGEST, Album
from storage.folder import Folder
from tests.telegram_server import NAME, BotApiServer

WANG, LI, YARD, GROUP = 1001, 1002, -100200, -1001234567890
SECRET = "a-secret_of-ours"
NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
Made = Callable[..., Engine]
MENU = [("report", "报事"), ("/mine", "我的报事")]


async def _unnoted(_digest: str, _size: int) -> None:
    """There is no database here that should know."""


def album(folder: Path) -> Album:
    return Album(Folder(folder), _unnoted)


class Ears:
    """Takes what is said. It can be held up, for all or for one chat, and can fail a number of times."""

    def __init__(self) -> None:
        self.begun: list[Said] = []
        self.taken: list[Said] = []
        self.failures = 0
        self.held: set[str] = set()
        self.released = asyncio.Event()

    def hold(self, *chats: int) -> None:
        self.held = {str(chat) for chat in chats}

    async def take(self, said: Said) -> None:
        self.begun.append(said)
        if said.address.chat in self.held:
            await self.released.wait()
        if self.failures:
            self.failures -= 1
            raise RuntimeError("the database is away")
        self.taken.append(said)

    def texts(self, chat: int | None = None) -> list[str]:
        return [said.text for said in self.taken if chat is None or said.address.chat == str(chat)]


class Line:
    """The adapter at work, by polling or by webhook, with somebody listening at its other end."""

    def __init__(self, engine: Made, server: BotApiServer, folder: Path, *, webhook: bool) -> None:
        self.engine = engine
        self.server = server
        self.album = album(folder / "files")
        self.webhook = webhook
        self.ears = Ears()
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/telegram/hook"
        self.adapter = adapter(engine, server, self.album, self.url if webhook else None)
        self._runner: web.AppRunner | None = None
        self._listening: asyncio.Task[None] | None = None

    async def open(self) -> None:
        app = web.Application()
        app.add_routes(self.adapter.routes())
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=False, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.SockSite(self._runner, self._socket).start()

    def listen(self) -> None:
        self._listening = asyncio.create_task(self.adapter.listen(self.ears.take))

    async def crash(self) -> None:
        """Stop without letting anything end well."""
        if self._listening and not self._listening.done():
            self._listening.cancel()
            await asyncio.sleep(0)
            self._listening.cancel()
        await self.stop()

    async def stop(self) -> None:
        if self._listening:
            self._listening.cancel()
            with suppress(asyncio.CancelledError):
                await self._listening
        if self._runner:
            await self._runner.cleanup()
        await self.adapter.close()
        self._socket.close()

    async def heard(self, number: int = 1) -> list[Said]:
        """What was taken, once it is this many and Telegram has been told."""
        await self.server.wait_for(lambda: len(self.ears.taken) >= number and not self.server.waiting)
        return self.ears.taken

    async def one(self) -> Said:
        (said,) = await self.heard()
        return said


def adapter(
    engine: Made, server: BotApiServer, album: Album, webhook_url: str | None = None, *, chat_gap: float = 0.0
) -> Telegram:
    return Telegram(
        engine,
        token=server.token,
        api=server.url,
        webhook_url=webhook_url,
        webhook_secret=SECRET if webhook_url else None,
        per_second=1000,
        chat_gap=chat_gap,
        album=album,
        menu=MENU,
        clock=lambda: NOW,
    )


@asynccontextmanager
async def at_work(engine: Made, server: BotApiServer, folder: Path, *, webhook: bool) -> AsyncIterator[Line]:
    line = Line(engine, server, folder, webhook=webhook)
    await line.open()
    line.listen()
    try:
        yield line
    finally:
        await line.crash()


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server of our own needs no patience."""
    monkeypatch.setattr(telegram, "_FIRST_PAUSE", 0.05)


@pytest.fixture(params=[Aiogram, Ptb], ids=["aiogram", "ptb"])
def engine(request: pytest.FixtureRequest) -> Made:
    made: Made = request.param
    return made


@pytest.fixture
async def server() -> AsyncIterator[BotApiServer]:
    async with BotApiServer() as server:
        yield server


@pytest.fixture(params=["polling", "webhook"])
async def line(
    request: pytest.FixtureRequest, engine: Made, server: BotApiServer, tmp_path: Path
) -> AsyncIterator[Line]:
    async with at_work(engine, server, tmp_path, webhook=request.param == "webhook") as line:
        yield line


@pytest.fixture
async def polling(engine: Made, server: BotApiServer, tmp_path: Path) -> AsyncIterator[Line]:
    async with at_work(engine, server, tmp_path, webhook=False) as line:
        yield line


@pytest.fixture
async def hooked(engine: Made, server: BotApiServer, tmp_path: Path) -> AsyncIterator[Line]:
    async with at_work(engine, server, tmp_path, webhook=True) as line:
        await server.wait_for(lambda: server.menus)
        yield line


@pytest.fixture
async def post(engine: Made, server: BotApiServer, tmp_path: Path) -> AsyncIterator[Telegram]:
    """The adapter, only for sending."""
    post = adapter(engine, server, album(tmp_path / "files"))
    yield post
    await post.close()


def picture(colour: str = "red", kind: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (60, 40), colour).save(out, kind)
    return out.getvalue()


def outgoing(text: str = "", choices: Iterable[str] = (), number: int = 7, **reply: object) -> Outgoing:
    made = Reply(text, tuple(Choice(label) for label in choices), **reply)  # type: ignore[arg-type]
    return Outgoing(number, Kind.REPLY, str(WANG), made, NOW)


# Being heard.


async def test_words_arrive_with_their_chat_their_number_and_their_time(line: Line) -> None:
    number = line.server.say(WANG, "路灯不亮", at=1_772_000_000)

    said = await line.one()

    assert said == Said(
        Address("telegram", "700100", str(WANG)),
        f"m:{WANG}:{number}",
        datetime.fromtimestamp(1_772_000_000, UTC),
        text="路灯不亮",
    )
    assert said.at.tzinfo is not None


@pytest.mark.parametrize(
    ("typed", "heard"),
    [
        (f"/report@{NAME} 路灯", "/report 路灯"),
        (f"/mine@{NAME}", "/mine"),
        ("/start g_230203001001001", "/start g_230203001001001"),
        ("写信给 /x@y", "写信给 /x@y"),
    ],
)
async def test_a_command_loses_our_name_and_keeps_the_rest(polling: Line, typed: str, heard: str) -> None:
    polling.server.say(WANG, typed)
    assert (await polling.one()).text == heard


async def test_a_tap_names_our_message_and_its_choice_and_is_answered(line: Line) -> None:
    await line.adapter.send(outgoing("对吗？", ["是", "否"], number=42))
    (sent,) = line.server.sent(WANG)

    query = line.server.tap(WANG, sent, "否")

    said = await line.one()
    assert (said.tap, said.id, said.at) == (Tap(42, 1), f"c:{query}", NOW)
    await line.server.wait_for(lambda: line.server.answered == [query])


@pytest.mark.parametrize("data", ["old", "1:2:3", "7", "-1:0", "١:٢", "9999999999999999999999:0"])
async def test_a_button_we_never_drew_counts_as_an_old_one(polling: Line, data: str) -> None:
    polling.server.tap_data(WANG, 1, data)
    assert (await polling.one()).tap == Tap(0, 0)


async def test_a_tap_is_answered_though_its_turn_failed_once_and_its_answer_too(line: Line) -> None:
    line.ears.failures = 1
    line.server.fail("answerCallbackQuery", status=500, description="Internal Server Error")
    query = line.server.tap_data(WANG, 1, "7:0")

    await line.heard()

    await line.server.wait_for(lambda: line.server.answered == [query])
    assert len(line.ears.taken) == 1


async def test_a_tap_too_old_to_answer_disturbs_nobody(line: Line) -> None:
    line.server.fail("answerCallbackQuery", description="Bad Request: query is too old and response timeout expired")
    line.server.tap_data(WANG, 1, "7:0")
    line.server.say(WANG, "还在吗")

    await line.heard(2)
    await line.server.wait_for(lambda: line.server.called("answerCallbackQuery"))
    # Long enough for a second attempt.
    await asyncio.sleep(0.2)

    assert len(line.server.called("answerCallbackQuery")) == 1


async def test_a_slow_answer_to_a_tap_holds_up_no_turn(polling: Line) -> None:
    polling.server.fail("answerCallbackQuery", delay=3.0)
    polling.server.tap_data(WANG, 1, "7:0")
    polling.server.say(WANG, "下一句")

    began = time.monotonic()
    await polling.heard(2)
    assert time.monotonic() - began < 2.0


async def test_an_edit_is_told_apart_from_what_was_first_said(line: Line) -> None:
    number = line.server.say(WANG, "幸福里 3 栋")
    await line.heard()
    line.server.edit(WANG, number, text="幸福里 5 栋")

    _, edit = await line.heard(2)

    assert (edit.text, edit.edited) == ("幸福里 5 栋", True)
    identity, _, date = edit.id.partition("#")
    assert identity == f"m:{WANG}:{number}"
    assert edit.at == datetime.fromtimestamp(int(date), UTC)


async def test_somebody_walking_with_a_live_position_is_heard_once(polling: Line) -> None:
    number = polling.server.location(WANG, 47.35, 123.9)
    polling.server.edit(WANG, number, location={"latitude": 47.36, "longitude": 123.9})
    polling.server.say(WANG, "到了")
    assert [said.position is not None for said in await polling.heard(2)] == [True, False]


async def test_a_photo_is_fetched_in_its_largest_size_and_kept(line: Line) -> None:
    line.server.photo(WANG, picture("blue"), caption="就是这盏")

    said = await line.one()

    assert (said.text, said.odd, len(said.photos)) == ("就是这盏", None, 1)
    with Image.open(io.BytesIO(await line.album.read(said.photos[0]))) as kept:
        red, _, blue = kept.convert("RGB").getpixel((5, 5))  # type: ignore[misc]
    assert blue > 200 > red


async def test_an_image_sent_as_a_file_counts_as_a_photo(polling: Line) -> None:
    data = picture("green", "PNG")
    polling.server.document(WANG, len(data), data=data, mime="image/png")
    assert len((await polling.one()).photos) == 1


async def test_photos_of_an_album_come_in_order_and_say_that_they_belong_together(line: Line) -> None:
    numbers = [
        line.server.photo(WANG, picture(colour), media_group_id="g1", caption="三张" if not place else None)
        for place, colour in enumerate(["red", "green", "blue"])
    ]

    said = await line.heard(3)

    assert [each.id for each in said] == [f"m:{WANG}:{number}" for number in numbers]
    assert [each.text for each in said] == ["三张", "", ""]
    assert {each.album for each in said} == {"g1"}
    assert len({each.photos for each in said}) == 3


async def test_a_position_and_a_venue_are_points_on_the_map(polling: Line) -> None:
    polling.server.location(WANG, 47.35, 123.91)
    place = {"location": {"latitude": 47.3, "longitude": 123.9}, "title": "早市", "address": "卜奎大街"}
    polling.server.happen(
        {
            "message": {
                "message_id": 9,
                "date": 1_772_000_000,
                "chat": {"id": WANG, "type": "private"},
                "location": place["location"],
                "venue": place,
            }
        }
    )
    said = await polling.heard(2)
    assert [each.position for each in said] == [Position(47.35, 123.91), Position(47.3, 123.9)]


async def test_only_somebodys_own_contact_is_their_number(line: Line) -> None:
    line.server.contact(WANG, "+8613800000001")
    line.server.contact(WANG, "+8613800000002", of=LI)
    own, foreign = await line.heard(2)
    assert (own.phone, own.odd) == ("+8613800000001", None)
    assert (foreign.phone, foreign.odd) == (None, Odd.OTHER)


async def test_what_we_cannot_use_is_named(polling: Line) -> None:
    polling.server.sticker(WANG)
    polling.server.voice(WANG)
    polling.server.document(WANG, 1000)
    polling.server.document(WANG, LARGEST + 1, mime="image/png")
    polling.server.document(WANG, 300, data=picture()[:300], mime="image/jpeg")
    said = await polling.heard(5)
    assert [each.odd for each in said] == [
        Odd.STICKER,
        Odd.VOICE,
        Odd.FILE,
        Odd.TOO_BIG,
        Odd.BROKEN_PHOTO,
    ]


async def test_a_photo_larger_than_it_says_is_too_big(polling: Line) -> None:
    polling.server.photo(WANG, bytes(LARGEST + 1), caption="大")
    sizes = polling.server._heard[WANG, 1003]["photo"]
    for size in sizes:
        del size["file_size"]
    assert (await polling.one()).odd is Odd.TOO_BIG


async def test_a_photo_that_cannot_be_fetched_just_now_is_fetched_again(line: Line) -> None:
    line.server.fail("file", status=502)
    line.server.fail("getFile", description="Bad Request: wrong file_id or the file is temporarily unavailable")
    line.server.photo(WANG, picture())
    assert len((await line.one()).photos) == 1


async def test_a_photo_that_trips_us_up_does_not_silence_its_chat(polling: Line) -> None:
    async def trip(data: bytes) -> str:
        raise KeyError("MPO")

    polling.album.keep = trip  # type: ignore[method-assign]
    polling.server.photo(WANG, picture())
    polling.server.say(WANG, "还在吗")
    assert [said.odd for said in await polling.heard(2)] == [Odd.BROKEN_PHOTO, None]


async def test_in_a_group_only_what_is_meant_for_us_is_heard(line: Line) -> None:
    line.server.say(YARD, "今天真热", user=WANG)
    line.server.photo(YARD, picture(), user=WANG)
    line.server.say(YARD, "/report@another_bot 路灯", user=WANG)
    line.server.say(YARD, f"/report@{NAME.upper()} 路灯", user=WANG)
    line.server.say(YARD, "/mine", user=WANG)
    query = line.server.tap_data(YARD, 1, "7:0", user=WANG)

    said = await line.heard(3)

    assert sorted((each.text, each.group) for each in said) == [
        ("", True),
        ("/mine", True),
        ("/report 路灯", True),
    ]
    assert {each.address.chat for each in said} == {str(YARD)}
    await line.server.wait_for(lambda: line.server.answered == [query])


async def test_what_nobody_said_to_us_is_acknowledged_and_passed_over(
    engine: Made, server: BotApiServer, tmp_path: Path
) -> None:
    chat = {"id": WANG, "type": "private"}
    notice = {"message_id": 5, "date": 1, "chat": chat, "group_chat_created": True}
    server.happen({"channel_post": {"message_id": 5, "date": 1, "chat": {"id": -1, "type": "channel"}, "text": "x"}})
    server.happen({"my_chat_member": {"chat": chat, "date": 1}})
    server.happen({"message": notice})
    for nonsense in (
        "words",
        {"message_id": "not a number", "chat": "nor a chat"},
        {"message_id": 6, "date": "yesterday", "chat": chat, "text": "x"},
        {"message_id": 7, "date": 10**30, "chat": chat, "text": "x"},
        {"message_id": 8, "date": 1, "chat": chat, "text": 5},
        {"message_id": 9, "date": 1, "chat": chat, "photo": [{}]},
    ):
        server.happen({"message": nonsense})
    server.happen({"callback_query": {"id": 1, "message": {"chat": chat}}})
    server.say(WANG, "在吗")
    async with at_work(engine, server, tmp_path, webhook=False) as line:
        assert (await line.one()).text == "在吗"


# As Telegram words them, with all it adds; `said` is what there is to it for us, beside the chat and the time.
UPDATES = json.loads((Path(__file__).parent / "telegram_updates.json").read_text("utf-8"))


async def test_recorded_updates_say_the_same_to_whichever_library_reads_them(
    engine: Made, server: BotApiServer, tmp_path: Path
) -> None:
    server.add_file("photo", picture())
    for recorded in UPDATES:
        server.allow(*recorded["update"])
        server.happen(recorded["update"])

    async with at_work(engine, server, tmp_path, webhook=False) as line:
        await line.server.wait_for(lambda: server.called("getUpdates") and not server.waiting)

    expected = [recorded["said"] for recorded in UPDATES if recorded["said"]]
    heard = [_essence(said) for said in line.ears.taken]
    # One chat is heard in order; what was said in the other may come between.
    for chat in (None, str(GROUP)):
        assert [said for said in heard if said.get("chat") == chat] == [
            said for said in expected if said.get("chat") == chat
        ]
    assert len(heard) == len(expected)


def _essence(said: Said) -> dict[str, Any]:
    """What of it is not as usual."""
    position, tap = said.position, said.tap
    told = {
        "id": said.id,
        "chat": said.address.chat if said.address.chat != str(WANG) else None,
        "at": said.at.timestamp() if said.at not in (NOW, datetime.fromtimestamp(1_772_000_000, UTC)) else None,
        "text": said.text,
        "tap": [tap.message, tap.choice] if tap else None,
        "photos": len(said.photos),
        "position": [position.latitude, position.longitude] if position else None,
        "phone": said.phone,
        "odd": said.odd,
        "edited": said.edited,
        "group": said.group,
        "album": said.album,
    }
    return {name: value for name, value in told.items() if value}


# Being heard once, and not being lost.


async def test_nothing_is_confirmed_before_it_is_taken(line: Line) -> None:
    line.ears.hold(WANG)
    line.server.say(WANG, "慢")
    await line.server.wait_for(lambda: line.ears.begun)
    # Long enough for polling to look again.
    await asyncio.sleep(0.65)

    assert len(line.server.waiting) == 1
    line.ears.released.set()
    await line.one()


async def test_what_was_in_hand_at_a_crash_is_heard_by_the_next_process(line: Line, tmp_path: Path) -> None:
    line.ears.hold(WANG)
    line.server.say(WANG, "别丢了")
    await line.server.wait_for(lambda: line.ears.begun)

    await line.crash()

    assert not line.ears.taken
    async with at_work(line.engine, line.server, tmp_path, webhook=line.webhook) as after:
        assert (await after.one()).id == line.ears.begun[0].id


async def test_stopping_lets_what_is_in_hand_end_well(line: Line) -> None:
    line.ears.hold(WANG)
    line.server.say(WANG, "马上好")
    await line.server.wait_for(lambda: line.ears.begun)
    asyncio.get_running_loop().call_later(0.1, line.ears.released.set)

    await line.stop()

    assert line.ears.texts() == ["马上好"]


async def test_what_could_not_be_stored_is_heard_again_and_in_order(line: Line) -> None:
    line.ears.failures = 2
    for words in ("一", "二", "三"):
        line.server.say(WANG, words)

    await line.heard(3)

    assert line.ears.texts() == ["一", "二", "三"]
    assert [said.text for said in line.ears.begun] == ["一", "一", "一", "二", "三"]
    if line.webhook:
        assert line.server.webhook_statuses == [500, 500, 200, 200, 200]


async def test_one_chat_is_heard_in_order_and_the_others_meanwhile(line: Line) -> None:
    line.ears.hold(WANG)
    for words in ("一", "二"):
        line.server.say(WANG, words)
        line.server.say(LI, words)

    await line.server.wait_for(lambda: line.ears.texts(LI) == ["一", "二"])
    line.server.say(LI, "三")
    await line.server.wait_for(lambda: line.ears.texts(LI) == ["一", "二", "三"])

    assert [said.text for said in line.ears.begun if said.address.chat == str(WANG)] == ["一"]
    line.ears.released.set()
    await line.heard(5)
    assert line.ears.texts(WANG) == ["一", "二"]


async def test_waiting_for_a_slow_chat_does_not_ask_telegram_all_the_time(polling: Line) -> None:
    polling.ears.hold(WANG)
    polling.server.say(WANG, "慢")
    await polling.server.wait_for(lambda: polling.ears.begun)
    before = len(polling.server.called("getUpdates"))
    await asyncio.sleep(1.0)
    assert len(polling.server.called("getUpdates")) - before <= 3


async def test_listening_goes_on_after_trouble_on_the_line(engine: Made, server: BotApiServer, tmp_path: Path) -> None:
    server.fail("getMe", status=502, description="Bad Gateway")
    server.fail("deleteWebhook", drop=True)
    server.fail("getUpdates", status=409, description="Conflict: terminated by other getUpdates request")
    async with at_work(engine, server, tmp_path, webhook=False) as line:
        server.say(WANG, "喂")
        assert (await line.one()).text == "喂"


async def test_a_second_listener_is_named_in_the_log(
    polling: Line, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    await polling.server.wait_for(lambda: polling.server.called("getUpdates"))
    async with at_work(polling.engine, polling.server, tmp_path, webhook=False):
        await polling.server.wait_for(lambda: "another process listens" in caplog.text)


async def test_a_token_telegram_does_not_know_ends_listening_in_plain_words(
    engine: Made, server: BotApiServer, tmp_path: Path
) -> None:
    server.fail(status=401, description="Unauthorized")
    refused = adapter(engine, server, album(tmp_path))
    with pytest.raises(TokenRefused, match="BotFather"):
        await refused.listen(Ears().take)
    await refused.close()


def test_what_is_no_token_at_all_is_refused_at_once(engine: Made, tmp_path: Path) -> None:
    nowhere = SimpleNamespace(token="hello", url="http://127.0.0.1:9")
    with pytest.raises(TokenRefused, match="BotFather"):
        adapter(engine, nowhere, album(tmp_path))  # type: ignore[arg-type]


async def test_the_menu_and_the_kinds_of_updates_are_set_at_the_start(line: Line) -> None:
    await line.server.wait_for(lambda: line.server.menus)
    assert line.server.menus == {None: [("report", "报事"), ("mine", "我的报事")]}
    assert line.server.webhook == ({"url": line.url, "secret": SECRET} if line.webhook else {})


async def test_neither_words_nor_the_token_get_into_the_log(polling: Line, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    polling.server.fail("file", status=404)
    polling.server.fail("file", status=500)
    polling.server.fail("file", drop=True)
    polling.server.fail("sendMessage", drop=True)
    polling.ears.failures = 1
    polling.server.photo(WANG, picture(), caption="我家电话 13800000001")
    with pytest.raises(Unsure):
        await polling.adapter.send(outgoing("您的密码"))
    await polling.one()
    assert "not taken" in caplog.text
    for private in (polling.server.token.partition(":")[2], "13800000001", "密码"):
        assert private not in caplog.text


# The door of the webhook.


async def test_nobody_without_the_secret_speaks_through_the_webhook(hooked: Line) -> None:
    update = {
        "update_id": 1,
        "message": {"message_id": 1, "date": 1, "chat": {"id": WANG, "type": "private"}},
    }
    async with ClientSession() as session:
        for headers in ({}, {"X-Telegram-Bot-Api-Secret-Token": "wrong"}):
            async with session.post(hooked.url, json=update, headers=headers) as response:
                assert response.status == 403
    assert not hooked.ears.begun


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[1]", b'"x"', b'{"update_id": "1"}', b"[" * 100_000])
async def test_a_malformed_update_is_refused_without_fuss(
    hooked: Line, caplog: pytest.LogCaptureFixture, body: bytes
) -> None:
    async with (
        ClientSession(headers={"X-Telegram-Bot-Api-Secret-Token": SECRET}) as session,
        session.post(hooked.url, data=body) as response,
    ):
        assert (response.status, await response.text()) == (400, "")
    assert "Traceback" not in caplog.text


async def test_an_update_of_more_than_a_megabyte_is_refused(hooked: Line) -> None:
    async with (
        ClientSession(headers={"X-Telegram-Bot-Api-Secret-Token": SECRET}) as session,
        session.post(hooked.url, data=io.BytesIO(b" " * (1024 * 1024 + 1))) as response,
    ):
        assert response.status == 413


async def test_an_update_we_cannot_read_does_not_come_back_for_ever(hooked: Line) -> None:
    hooked.server.happen({"message": {"message_id": "x"}}, WANG)
    hooked.server.say(WANG, "后面的话")
    assert (await hooked.one()).text == "后面的话"
    assert hooked.server.webhook_statuses == [200, 200]


async def test_before_anybody_listens_telegram_is_asked_to_come_back(
    engine: Made, server: BotApiServer, tmp_path: Path
) -> None:
    line = Line(engine, server, tmp_path, webhook=True)
    await line.open()
    async with (
        ClientSession(headers={"X-Telegram-Bot-Api-Secret-Token": SECRET}) as session,
        session.post(line.url, json={"update_id": 1}) as response,
    ):
        assert response.status == 503
    await line.stop()


def test_a_webhook_without_a_secret_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="secret"):
        Telegram(
            Aiogram,
            token="1:a",
            api="http://127.0.0.1:9",
            webhook_url="https://example.org/hook",
            webhook_secret=None,
            per_second=29,
            chat_gap=1.05,
            album=album(tmp_path),
            menu=[],
            clock=lambda: NOW,
        )


# Being told.


async def test_short_choices_share_rows_and_long_ones_have_their_own(server: BotApiServer, post: Telegram) -> None:
    await post.send(outgoing("哪一类？", ["路灯", "井盖", "垃圾"], number=8))
    await post.send(outgoing("哪一处？", ["幸福里小区一号楼门前", "其他"], number=9))

    short, long = server.sent(WANG)

    assert short.rows == [[("路灯", "8:0"), ("井盖", "8:1")], [("垃圾", "8:2")]]
    assert long.rows == [[("幸福里小区一号楼门前", "9:0")], [("其他", "9:1")]]


async def test_words_are_sent_as_they_are(server: BotApiServer, post: Telegram) -> None:
    await post.send(outgoing("<b>3 栋_2 单元*</b> & 更多"))
    assert [sent.text for sent in server.sent(WANG)] == ["<b>3 栋_2 单元*</b> & 更多"]
    assert "parse_mode" not in server.called("sendMessage")[0].data


async def test_a_photo_carries_its_words_and_buttons(server: BotApiServer, post: Telegram) -> None:
    digest = await post._album.keep(picture())
    await post.send(outgoing("修好了吗？", ["好了"], photos=(digest,)))
    (sent,) = server.sent(WANG)
    assert (sent.text, sent.buttons, sent.photo) == ("修好了吗？", ["好了"], await post._album.read(digest))


async def test_several_photos_come_as_an_album_and_the_words_after_it(server: BotApiServer, post: Telegram) -> None:
    digests = tuple([await post._album.keep(picture(colour)) for colour in ("red", "green", "blue")])
    await post.send(outgoing("三张", ["看过了"], photos=digests))

    *photos, words = server.sent(WANG)

    assert [sent.photo for sent in photos] == [await post._album.read(digest) for digest in digests]
    assert len({sent.media_group_id for sent in photos}) == 1
    assert (words.text, words.buttons, words.photo) == ("三张", ["看过了"], None)


async def test_a_photo_we_no_longer_have_does_not_silence_the_words(server: BotApiServer, post: Telegram) -> None:
    await post.send(outgoing("照片没了，话还在", photos=("ab" * 32,)))
    assert [sent.text for sent in server.sent(WANG)] == ["照片没了，话还在"]


async def test_a_long_text_is_broken_at_line_ends_with_the_buttons_last(server: BotApiServer, post: Telegram) -> None:
    lines = [f"{number:04} " + "灯" * 90 for number in range(100)]
    await post.send(outgoing("\n".join(lines), ["知道了"]))

    sent = server.sent(WANG)

    assert "\n".join(each.text for each in sent).split("\n") == lines
    assert [each.buttons for each in sent] == [[]] * (len(sent) - 1) + [["知道了"]]


async def test_a_long_word_without_line_ends_loses_nothing(server: BotApiServer, post: Telegram) -> None:
    text = "灯" * 5000
    await post.send(outgoing(text))
    assert "".join(each.text for each in server.sent(WANG)) == text


async def test_what_was_delivered_in_part_goes_on_where_it_stopped(server: BotApiServer, post: Telegram) -> None:
    text = "甲" * 4096 + "乙" * 4096 + "丙"
    server.fail("sendMessage", delay=0.01)
    server.fail("sendMessage", retry_after=1)
    with pytest.raises(TryLater):
        await post.send(outgoing(text))
    await post.send(outgoing(text))
    assert "".join(each.text for each in server.sent(WANG)) == text


async def test_the_parts_of_one_message_keep_the_pace_of_a_chat(engine: Made, tmp_path: Path) -> None:
    async with BotApiServer(limits=True) as server:
        post = adapter(engine, server, album(tmp_path), chat_gap=1.05)
        await post.send(outgoing("甲" * 4097))
        with pytest.raises(TryLater):
            await post.send(outgoing("太快了"))
        await post.close()
        assert len(server.sent(WANG)) == 2


async def test_a_menu_is_set_for_one_chat_and_taken_away_again(server: BotApiServer, post: Telegram) -> None:
    menu = Outgoing(1, Kind.MENU, str(WANG), Reply("", menu=(("tasks", "我的任务"),)), NOW)
    await post.send(menu)
    assert server.menus == {WANG: [("tasks", "我的任务")]}
    await post.send(Outgoing(2, Kind.MENU, str(WANG), Reply(""), NOW))
    assert server.menus == {}
    assert not server.called("sendMessage")


@pytest.mark.parametrize(
    ("status", "description", "trouble"),
    [
        (403, "Forbidden: bot was blocked by the user", Gone),
        (403, "Forbidden: user is deactivated", Gone),
        (400, "Bad Request: chat not found", Gone),
        (400, "Bad Request: group chat was deactivated", Gone),
        (400, "Bad Request: not enough rights to send text messages to the chat", Unacceptable),
        (413, "Request Entity Too Large", Unacceptable),
        (500, "Internal Server Error", TryLater),
        (502, "Bad Gateway", TryLater),
        (401, "Unauthorized", TryLater),
    ],
)
async def test_each_refusal_is_told_apart(
    server: BotApiServer, post: Telegram, status: int, description: str, trouble: type[Exception]
) -> None:
    server.fail("sendMessage", status=status, description=description)
    with pytest.raises(trouble) as raised:
        await post.send(outgoing("您好"))
    if isinstance(raised.value, TryLater):
        assert (raised.value.seconds, raised.value.everywhere) == ((60, True) if status == 401 else (None, False))
    await post.send(outgoing("再来"))
    assert [sent.text for sent in server.sent(WANG)] == ["再来"]


async def test_telegram_says_how_long_to_wait(server: BotApiServer, post: Telegram) -> None:
    server.fail("sendMessage", retry_after=7)
    with pytest.raises(TryLater) as raised:
        await post.send(outgoing("您好"))
    assert raised.value.seconds == 7


async def test_one_chat_told_to_wait_is_told_apart_from_all_of_them(server: BotApiServer, post: Telegram) -> None:
    async def refused(chat: int) -> bool:
        server.fail("sendMessage", retry_after=7)
        with pytest.raises(TryLater) as raised:
            await post.send(replace(outgoing("您好"), chat=str(chat)))
        return raised.value.everywhere

    assert [await refused(WANG), await refused(WANG)] == [False, False]
    # Somebody else was served: it was about Wang alone.
    await post.send(replace(outgoing("您好"), chat=str(LI)))
    assert [await refused(WANG), await refused(LI), await refused(YARD)] == [False, True, True]


def test_groups_are_written_to_more_rarely(tmp_path: Path) -> None:
    nowhere = SimpleNamespace(token="1:a", url="http://127.0.0.1:9")
    gaps = []
    for chat_gap in (1.05, 0.0, 5.0):
        post = adapter(Aiogram, nowhere, album(tmp_path), chat_gap=chat_gap)  # type: ignore[arg-type]
        gaps.append((post.gap(str(WANG)), post.gap(str(YARD))))
    assert gaps == [(1.05, 3.05), (0.0, 3.05), (5.0, 5.0)]


async def test_a_group_that_moved_tells_its_new_number(server: BotApiServer, post: Telegram) -> None:
    server.fail("sendMessage", moved_to=-100777)
    with pytest.raises(Moved) as raised:
        await post.send(outgoing("您好"))
    assert raised.value.chat == "-100777"


async def test_nothing_to_change_is_as_good_as_changed(server: BotApiServer, post: Telegram) -> None:
    server.fail("setMyCommands", description="Bad Request: message is not modified: …")
    await post.send(Outgoing(1, Kind.MENU, str(WANG), Reply("", menu=(("tasks", "我的任务"),)), NOW))


async def test_a_line_that_breaks_after_sending_leaves_us_unsure(server: BotApiServer, post: Telegram) -> None:
    server.fail("sendMessage", drop=True)
    with pytest.raises(Unsure):
        await post.send(outgoing("到了没有"))
    assert len(server.sent(WANG)) == 1


async def test_an_answer_that_does_not_come_leaves_us_unsure(
    engine: Made, server: BotApiServer, tmp_path: Path
) -> None:
    post = adapter(lambda token, api: engine(token, api, patience=0.1), server, album(tmp_path))
    server.fail("sendMessage", delay=0.3)
    with pytest.raises(Unsure):
        await post.send(outgoing("到了没有"))
    await post.close()


async def test_a_telegram_that_cannot_be_reached_was_not_written_to(engine: Made, tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        nowhere = SimpleNamespace(token="1:a", url=f"http://127.0.0.1:{nobody.getsockname()[1]}")
        post = adapter(engine, nowhere, album(tmp_path))  # type: ignore[arg-type]
        with pytest.raises(TryLater) as raised:
            await post.send(outgoing("您好"))
        assert raised.value.seconds is None
        await post.close()


async def test_an_empty_message_is_not_acceptable(server: BotApiServer, post: Telegram) -> None:
    with pytest.raises(Unacceptable, match="empty"):
        await post.send(outgoing(""))


def test_aiogram_builds_what_is_used_and_nothing_else() -> None:
    seen = """
from bot.adapters.telegram_aiogram import Aiogram
from aiogram.types import Chat, Message, Poll
assert not Message.__pydantic_complete__ and not Poll.__pydantic_complete__
sent = {"message_id": 3, "date": 1, "chat": {"id": 7, "type": "private"}, "text": "您好"}
read = Message.model_validate({**sent, "reply_to_message": sent})
assert read.reply_to_message.text == "您好" and read.chat == Chat(id=7, type="private")
assert Message.model_validate(read.model_dump()) == read
assert not Poll.__pydantic_complete__
"""
    subprocess.run([sys.executable, "-c", seen], check=True, cwd=Path(__file__).parent.parent)
