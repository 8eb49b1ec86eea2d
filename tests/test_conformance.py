"""Whoever writes to us, on whichever platform, is heard once, answered kindly and told what comes of it."""

import asyncio
import io
import queue
import re
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from inspect import isawaitable
from typing import Any, Protocol, TypeVar

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, FormData
from PIL import Image

from bot.adapters.terminal import Terminal
from bot.app import Knowledge, Service, build
from bot.core.ports import Pace
from bot.core.words import Address
from config.settings import Settings, load
from domain.cases import Case, Status
from domain.people import Role
from storage.desk import Desk, Desks
from tests.play import START
from tests.telegram_server import BotApiServer

GRID = "230203002001001"
WANG, LI = 1001, 1002
T = TypeVar("T")

REPORT = "报事 幸福里 3 栋楼下路灯不亮"
# Not the welcome, which promises 新任务.
TASK = "新任务 2"


def on(*platforms: str) -> pytest.MarkDecorator:
    """On these platforms, each over both databases. Neither a terminal nor an engine knows which: SQLite does."""
    pairs = [
        (platform, database)
        for platform in platforms
        for database in ("sqlite", "postgresql")
        if platform not in ("terminal", "polling by ptb", "webhook by ptb") or database == "sqlite"
    ]
    return pytest.mark.parametrize(("platform", "database_url"), pairs, indirect=["database_url"])


# By aiogram where no engine is named.
telegrams = ("polling", "webhook", "polling by ptb", "webhook by ptb")
everywhere = on("web", "terminal", *telegrams)
# A terminal has neither photos nor stickers, and says nothing twice.
on_phones = on("web", *telegrams)


# Who talks, and how each platform carries it.


@dataclass(frozen=True)
class Bubble:
    """One message as its reader sees it; `key` is what the platform calls it."""

    text: str
    buttons: tuple[str, ...]
    photos: int
    key: Any


class Client(Protocol):
    """Somebody with the platform's own app in their hand."""

    def heard(self) -> list[Bubble]:
        """What they have got from us so far, in order."""

    def acknowledged(self) -> bool:
        """Whether the platform believes that we have taken all they said."""

    async def say(self, words: str) -> None: ...

    async def tap(self, label: str) -> None:
        """Press the newest button with this label."""

    async def press(self, bubble: Bubble) -> None:
        """Press the first button of a message, old or not theirs as it may be."""

    async def photo(self, data: bytes, words: str) -> None: ...

    async def odd(self) -> None:
        """Send something we cannot use."""

    async def again(self) -> None:
        """The platform delivers what was said last once more."""


class Clock:
    """Nine on a Monday morning when the test began; it runs on, and people take their time between two messages."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        return START + timedelta(seconds=time.monotonic() - self._began) + self._ahead

    def move_on(self, by: timedelta = timedelta(seconds=3)) -> None:
        self._ahead += by


class WebClient:
    """The chat page: what is not acknowledged it says again, now or when the line is back."""

    def __init__(self, clock: Clock, name: str) -> None:
        self._clock = clock
        self._name = name
        self._token = ""
        self._after = 0
        self._bubbles: list[Bubble] = []
        self._unacknowledged: dict[str, dict[str, Any]] = {}
        self._last: dict[str, Any] = {}
        self._number = 0
        self._http: ClientSession | None = None
        self._line: ClientWebSocketResponse | None = None
        self._reading: asyncio.Task[None] | None = None

    async def connect(self, service: Service) -> None:
        self._http = ClientSession(f"http://127.0.0.1:{service.port}")
        if not self._token:
            async with self._http.post("/chat/session", json={}) as answer:
                self._token = (await answer.json())["token"]
        line = self._line = await self._http.ws_connect("/chat/ws")
        await line.send_json({"type": "hello", "token": self._token, "after": self._after})
        for frame in self._unacknowledged.values():
            await line.send_json(frame)
        self._reading = asyncio.create_task(self._read(line))

    async def disconnect(self) -> None:
        if self._reading and self._line and self._http:
            self._reading.cancel()
            await self._line.close()
            await self._http.close()

    async def _read(self, line: ClientWebSocketResponse) -> None:
        async for raw in line:
            frame = raw.json()
            if frame["type"] == "ack":
                self._unacknowledged.pop(frame["id"], None)
            elif frame["type"] == "refused":
                with suppress(ConnectionError):
                    await line.send_json(self._unacknowledged[frame["id"]])
            elif frame["type"] == "message":
                self._after = frame["no"]
                buttons = tuple(choice["label"] for choice in frame["choices"])
                self._bubbles.append(Bubble(frame["text"], buttons, len(frame["photos"]), frame["id"]))

    def heard(self) -> list[Bubble]:
        return self._bubbles

    def acknowledged(self) -> bool:
        return not self._unacknowledged

    async def _send(self, **frame: Any) -> None:
        self._clock.move_on()
        self._number += 1
        self._last = {**frame, "id": f"{self._name}-{self._number:08d}"}
        await self.again()

    async def say(self, words: str) -> None:
        await self._send(type="say", text=words)

    async def tap(self, label: str) -> None:
        bubble = newest(self, label)
        await self._send(type="tap", message=bubble.key, choice=bubble.buttons.index(label))

    async def press(self, bubble: Bubble) -> None:
        await self._send(type="tap", message=bubble.key, choice=0)

    async def photo(self, data: bytes, words: str) -> None:
        if self._http is None:
            raise ConnectionError("the page is closed")
        form = FormData()
        form.add_field("photo", data, filename="photo.jpg", content_type="image/jpeg")
        headers = {"Authorization": f"Bearer {self._token}"}
        async with self._http.post("/chat/photos", data=form, headers=headers) as answer:
            digest = (await answer.json())["id"]
        await self._send(type="say", text=words, photos=[digest])

    async def odd(self) -> None:
        raise NotImplementedError("the page only sends what can be used")

    async def again(self) -> None:
        if self._line is None:
            raise ConnectionError("the page is closed")
        self._unacknowledged[self._last["id"]] = self._last
        await self._line.send_json(self._last)


class Telegram(BotApiServer):
    """The Bot API, which may deliver an update twice."""

    def __init__(self, **manners: Any) -> None:
        super().__init__(**manners)
        self._last: tuple[dict[str, Any], object] = ({}, None)

    def happen(self, update: Any, queue: object = None) -> int:
        self._last = dict(update), queue
        return super().happen(update, queue)

    def again(self) -> None:
        super().happen(*self._last)


class TelegramClient:
    """Somebody's private chat with our bot; `number` is that of what they said last."""

    def __init__(self, clock: Clock, server: Telegram, chat: int) -> None:
        self._clock = clock
        self.server = server
        self.chat = chat
        self.number = 0

    def heard(self) -> list[Bubble]:
        return [
            Bubble(sent.text, tuple(sent.buttons), int(sent.photo is not None), sent)
            for sent in self.server.sent(self.chat)
        ]

    def acknowledged(self) -> bool:
        return not self.server.waiting

    async def say(self, words: str) -> None:
        self._clock.move_on()
        self.number = self.server.say(self.chat, words)

    async def tap(self, label: str) -> None:
        self._clock.move_on()
        self.server.tap(self.chat, newest(self, label).key, label)

    async def press(self, bubble: Bubble) -> None:
        self._clock.move_on()
        self.server.tap_data(self.chat, bubble.key.id, bubble.key.data(0))

    async def photo(self, data: bytes, words: str) -> None:
        self._clock.move_on()
        self.number = self.server.photo(self.chat, data, caption=words)

    async def odd(self) -> None:
        self._clock.move_on()
        self.server.sticker(self.chat)

    async def again(self) -> None:
        self.server.again()


class TerminalClient:
    """Somebody at a terminal: what got no answer before it went dark they type again."""

    def __init__(self, clock: Clock, name: str) -> None:
        self._clock = clock
        self._name = name
        self._typed: queue.Queue[str] = queue.Queue()
        # Typed and not yet taken; a terminal has taken a line when it asks for the next.
        self._waiting: list[str] = []
        self._reading = False
        self._bubbles: list[Bubble] = []

    def terminal(self, service: Service) -> Terminal:
        """Theirs: an account of its own, for a terminal prints whatever goes to its account."""
        self._typed, self._reading = queue.Queue(), False
        typed = self._typed
        for words in self._waiting:
            typed.put(words)

        def read() -> str:
            if self._reading and typed is self._typed:
                del self._waiting[:1]
            self._reading = True
            return typed.get()

        made = Terminal(service.desks.clock, service.desks.new_id, read=read, write=self._write)
        made.account = self._name
        made._address = Address(made.platform, made.account, self._name)
        return made

    def leave(self) -> None:
        self._reading = False
        self._typed.put("")

    def _write(self, line: str) -> None:
        if line.startswith("[照片 "):
            self._bubbles[-1] = Bubble(self._bubbles[-1].text, (), self._bubbles[-1].photos + 1, None)
        elif line.startswith("[1] "):
            buttons = tuple(re.findall(r"\[\d+\] (.+?)(?=  \[|$)", line))
            self._bubbles[-1] = Bubble(self._bubbles[-1].text, buttons, self._bubbles[-1].photos, None)
        else:
            self._bubbles.append(Bubble(line, (), 0, None))

    def heard(self) -> list[Bubble]:
        return self._bubbles

    def acknowledged(self) -> bool:
        return not self._waiting

    async def say(self, words: str) -> None:
        self._clock.move_on()
        self._waiting.append(f"{words}\n")
        self._typed.put(f"{words}\n")

    async def tap(self, label: str) -> None:
        await self.say(str(newest(self, label).buttons.index(label) + 1))

    async def press(self, bubble: Bubble) -> None:
        await self.say("1")

    async def photo(self, data: bytes, words: str) -> None:
        raise NotImplementedError("a terminal sends no photos")

    async def odd(self) -> None:
        raise NotImplementedError("a terminal sends only lines")

    async def again(self) -> None:
        raise NotImplementedError("a terminal says nothing twice")


def newest(client: Client, label: str) -> Bubble:
    return next(bubble for bubble in reversed(client.heard()) if label in bubble.buttons)


# The service they talk to.


class Store:
    """The way to the database, which a test may bar, or hold up."""

    def __init__(self, desks: Desks) -> None:
        self._write = desks.write
        self.broken = False
        self.passable = asyncio.Event()
        self.passable.set()
        desks.write = self.write  # type: ignore[method-assign]

    async def write(self, work: Callable[[Desk], Awaitable[T]]) -> T:
        await self.passable.wait()
        if self.broken:
            raise OSError("the disk is full")
        return await self._write(work)


class House:
    """The real service on one platform, with Wang who lives there and Li who will be her gridworker."""

    def __init__(self, settings: Settings, knowledge: Knowledge, platform: str, server: Telegram | None = None) -> None:
        self._settings = settings
        self._knowledge = knowledge
        self._server = server
        self._platform = platform if server is None else "telegram"
        self.clock = Clock()
        self.brisk = True
        self.wang, self.li = self._person(platform, "wang", WANG), self._person(platform, "li", LI)
        if server is not None:
            self._settings = at_telegram(settings, server, platform)

    def _person(self, platform: str, name: str, chat: int) -> Client:
        if self._server is not None:
            return TelegramClient(self.clock, self._server, chat)
        return WebClient(self.clock, name) if platform == "web" else TerminalClient(self.clock, name)

    async def open(self) -> None:
        self.service = build(self._settings, clock=self.clock, knowledge=self._knowledge)
        self.store = Store(self.service.desks)
        people = (self.wang, self.li)
        self.service.adapters += [who.terminal(self.service) for who in people if isinstance(who, TerminalClient)]
        for adapter in self.service.adapters if self.brisk else ():
            # A server of our own needs no patience.
            adapter.pace = adapter.pace and Pace(1000, 0.0, 0.0)
        self._open = AsyncExitStack()
        await self._open.enter_async_context(self.service.running())
        for who in people:
            if isinstance(who, WebClient):
                await who.connect(self.service)

    async def close(self) -> None:
        """Stop the service while everybody is still on the line, then let them go."""
        for who in (self.wang, self.li):
            if isinstance(who, TerminalClient):
                who.leave()
        await self._open.aclose()
        for who in (self.wang, self.li):
            if isinstance(who, WebClient):
                await who.disconnect()

    async def invite(self, role: Role, area: str) -> str:
        return await self.service.desks.write(lambda desk: desk.people.invite(role=role, area=area))

    async def employ(self) -> None:
        """Make Li the gridworker here."""
        await self.li.say(await self.invite(Role.GRIDWORKER, GRID))
        await hears(self.li, "欢迎！您现在是民乐社区第一网格的网格员")

    async def cases(self) -> list[Case]:
        return sorted(
            await self.service.desks.read(
                lambda desk: desk.cases.in_area(self.service.district.code, list(Status), limit=1000)
            ),
            key=lambda case: case.id,
        )

    async def all_heard(self, client: Client) -> Counter[str]:
        """The first line of everything somebody has got, counted, when there is nothing more to come."""
        await until(client.acknowledged)
        await until(self._all_sent)
        since = len(client.heard())
        await client.say("取消")
        await hears(client, "现在没有办到一半的事", since=since)
        return Counter(bubble.text.partition("\n")[0] for bubble in client.heard())

    async def settle(self) -> None:
        """Let what is on its way out arrive, if it can."""
        with suppress(TimeoutError):
            await until(self._all_sent, 2)

    async def _all_sent(self) -> bool:
        return await self.service.desks.read(lambda desk: desk.outbox.waiting(self._platform)) == 0


def at_telegram(settings: Settings, server: BotApiServer, platform: str) -> Settings:
    mode, _, engine = platform.partition(" by ")
    given: dict[str, object] = {
        "database_url": settings.database_url,
        "files": settings.files,
        "telegram_token": server.token,
        "telegram_api": server.url,
        "telegram_engine": engine or "aiogram",
    }
    if mode == "polling":
        return load(**given, http_port=0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return load(
        **given,
        http_port=port,
        telegram_mode="webhook",
        telegram_webhook_url=f"http://127.0.0.1:{port}/telegram/hook",
        telegram_webhook_secret="a-secret_of-ours",
    )


async def until(look: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What `look` finds, once it finds something."""
    async with asyncio.timeout(seconds):
        while True:
            seen = look()
            if found := await seen if isawaitable(seen) else seen:
                return found
            await asyncio.sleep(0.01)


async def hears(client: Client, words: str, *, since: int = 0, seconds: float = 60.0) -> Bubble:
    """The first message with these words, among those after the first `since`, once it has come."""
    try:
        found: Bubble = await until(
            lambda: next((bubble for bubble in client.heard()[since:] if words in bubble.text), None), seconds
        )
    except TimeoutError:
        raise AssertionError(f"「{words}」 did not come, but {client.heard()[since:]}") from None
    return found


def picture(colour: str = "red") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (60, 40), colour).save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
async def house(platform: str, settings: Settings, knowledge: Knowledge) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(Telegram()) if platform in telegrams else None
        house = House(settings, knowledge, platform, server)
        await house.open()
        yield house
        await house.settle()
        await house.close()


# What every platform must do.


@everywhere
async def test_a_report_goes_all_the_way_from_its_receipt_to_its_rating(house: House) -> None:
    wang, li = house.wang, house.li
    await house.employ()

    await wang.say(REPORT)
    receipt = await hears(wang, "已上报，网格员会联系您。")
    assert receipt.buttons == ("看进度", "补充", "撤回")
    task = await hears(li, TASK)
    assert task.buttons == ("接单", "退回", "完成")

    await li.tap("接单")
    await hears(li, "已接单")
    await hears(wang, "有人接了")
    await li.tap("完成")
    await hears(li, "拍一张现场照片，或者写一句怎么办的")
    await li.say("灯泡换好了")
    await hears(li, "已报完成，等居民确认")
    question = await hears(wang, "请您看一眼，真的好了吗？")
    assert "灯泡换好了" in question.text
    assert question.buttons == ("解决了，满意", "解决了，一般", "没解决")
    await wang.tap("解决了，满意")
    await hears(wang, "谢谢您。")
    await hears(li, "居民评价「解决了，满意」，已结案")

    (case,) = await house.cases()
    assert (case.status, case.rating) == (Status.CLOSED, 3)
    assert case.number in receipt.text
    assert case.number in task.text


@everywhere
async def test_tasks_reach_the_gridworker_within_a_second_in_order_and_once(house: House) -> None:
    await house.employ()
    took = []
    problems = ["路灯不亮了", "井盖不见了", "垃圾没人收"]
    for problem in problems:
        since = len(house.wang.heard())
        began = time.monotonic()
        await house.wang.say(f"报事 幸福里 3 栋{problem}")
        await hears(house.li, problem)
        took.append(time.monotonic() - began)
        await hears(house.wang, "受理编号", since=since)

    await house.all_heard(house.li)
    tasks = [bubble.text for bubble in house.li.heard() if TASK in bubble.text]
    assert [problem for text in tasks for problem in problems if problem in text] == problems
    # The quickest, for the machine may be busy with other things: waiting for the next look round is slower.
    assert min(took) < 1.0


@on_phones
async def test_a_message_delivered_twice_does_one_thing(house: House) -> None:
    await house.employ()

    await house.wang.say(REPORT)
    await house.wang.again()
    await hears(house.wang, "受理编号")
    await house.wang.again()
    wang_heard = await house.all_heard(house.wang)
    await house.li.tap("接单")
    await house.li.again()
    await hears(house.li, "已接单")
    await house.li.again()
    li_heard = await house.all_heard(house.li)

    assert wang_heard["已上报，网格员会联系您。"] == 1
    assert not any("您刚报过" in text for text in wang_heard)
    assert [times for text, times in li_heard.items() if TASK in text or "已接单" in text] == [1, 1]
    assert not any("没有改动" in text for text in li_heard)
    assert [case.status for case in await house.cases()] == [Status.HANDLING]


@everywhere
async def test_an_outdated_button_is_answered_kindly_and_changes_nothing(house: House) -> None:
    await house.wang.say("报事")
    question = await hears(house.wang, "请问在哪个小区")
    await house.wang.say("取消")
    await hears(house.wang, "已取消")

    await house.wang.press(question)

    await hears(house.wang, "这个按钮已经过期了，没有改动任何内容。")
    assert await house.all_heard(house.wang)
    assert await house.cases() == []


@on_phones
async def test_a_button_of_somebody_elses_is_answered_kindly_and_changes_nothing(house: House) -> None:
    await house.employ()
    await house.wang.say(REPORT)
    task = await hears(house.li, TASK)

    await house.wang.press(task)

    await hears(house.wang, "这个按钮已经过期了，没有改动任何内容。")
    assert [case.status for case in await house.cases()] == [Status.DISPATCHED]


@everywhere
async def test_a_button_pressed_when_the_step_is_done_is_answered_kindly(house: House) -> None:
    await house.employ()
    await house.wang.say(REPORT)
    receipt = await hears(house.wang, "受理编号")
    await house.wang.tap("撤回")
    await hears(house.wang, "确定撤回")
    await house.wang.say("是")
    await hears(house.wang, "已撤回。")
    await hears(house.li, "不用再去了")

    await house.li.press(await hears(house.li, TASK))

    await hears(house.li, "已经撤回，没有改动。")
    assert receipt.buttons
    assert [case.status for case in await house.cases()] == [Status.WITHDRAWN]


@everywhere
async def test_long_and_empty_words_get_their_kind_answers(house: House) -> None:
    await house.wang.say("长" * 2500)
    await hears(house.wang, "这段话有 2500 个字，我怕漏掉要紧的。")
    await house.wang.say(" ")
    await hears(house.wang, "这条消息是空的。请打几个字，或者发一张照片。")
    await house.wang.say(REPORT)
    await hears(house.wang, "受理编号")


@on(*telegrams)
async def test_an_odd_message_gets_its_kind_answer_and_the_open_question_again(house: House) -> None:
    await house.wang.say("报事")
    await hears(house.wang, "请问在哪个小区")

    await house.wang.odd()

    answer = await hears(house.wang, "收到您的表情。")
    assert "请问在哪个小区" in answer.text


@on_phones
async def test_a_photo_is_kept_with_the_case_and_reaches_the_gridworker(house: House) -> None:
    await house.employ()
    await house.wang.photo(picture(), REPORT)
    await hears(house.wang, "受理编号")

    assert (await hears(house.li, TASK)).photos == 1

    (case,) = await house.cases()
    (kept,) = await house.service.desks.read(lambda desk: desk.cases.photos(case.id))
    with Image.open(io.BytesIO(await house.service.desks.album.read(kept))) as photo:
        assert photo.size == (60, 40)


# What no platform may lose.


@on_phones
async def test_nothing_is_acknowledged_before_it_is_stored(
    house: House, platform: str, caplog: pytest.LogCaptureFixture
) -> None:
    await house.employ()
    await until(house.wang.acknowledged)
    await house.settle()
    posted = len(house._server.webhook_statuses) if house._server else 0

    house.store.broken = True
    await house.wang.say(REPORT)
    await until(lambda: "turn failed, attempt 3" in caplog.text)
    # Told that we failed, the platform has come again.
    await until(lambda: caplog.text.count("turn failed, attempt 3") > 1)
    assert not house.wang.acknowledged()
    if platform.startswith("webhook") and house._server:
        assert set(house._server.webhook_statuses[posted:]) == {500}

    house.store.broken = False
    await hears(house.wang, "受理编号")
    assert (await house.all_heard(house.wang))["已上报，网格员会联系您。"] == 1
    assert len(await house.cases()) == 1


@on("terminal")
async def test_a_terminal_outlives_a_store_that_is_away(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.store.broken = True
    await house.wang.say(REPORT)
    await until(lambda: "turn failed, attempt 3" in caplog.text)
    assert not house.wang.acknowledged()
    house.store.broken = False

    await hears(house.wang, "受理编号")
    assert len(await house.cases()) == 1


@everywhere
async def test_what_could_not_be_stored_before_a_stop_is_done_once_after_the_next_start(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    await house.employ()
    await until(house.wang.acknowledged)
    await house.settle()

    house.store.broken = True
    await house.wang.say(REPORT)
    await until(lambda: "turn failed, attempt 1" in caplog.text)
    await house.close()
    assert not house.wang.acknowledged()
    await house.open()

    await _done_once(house)


@everywhere
async def test_what_is_in_hand_at_a_stop_is_done_once(house: House) -> None:
    await house.employ()
    await until(house.wang.acknowledged)
    await house.settle()

    house.store.passable.clear()
    await house.wang.say(REPORT)
    await until(lambda: house.service.turns._queues)
    asyncio.get_running_loop().call_later(0.1, house.store.passable.set)
    await house.close()
    await house.open()

    await _done_once(house)


async def _done_once(house: House) -> None:
    await hears(house.wang, "受理编号")
    await hears(house.li, TASK)
    assert (await house.all_heard(house.wang))["已上报，网格员会联系您。"] == 1
    assert sum(times for text, times in (await house.all_heard(house.li)).items() if TASK in text) == 1
    assert len(await house.cases()) == 1
