"""Whoever lets the service die in mid-sentence gets a Telegram that forgets nothing and is in every bad mood it knows.

An update stays until it is confirmed: by an offset, or by a 200. What it accepted, for whom, from which of our
processes, and whether the answer got through, is written down. Each process asks under a path of its own, so that we
know which one spoke: `url("p0")`.
"""

import asyncio
import io
import itertools
import json
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from types import TracebackType
from typing import Any, Self

from aiohttp import ClientError, ClientSession, ClientTimeout, web
from PIL import Image

from tests.faults.chat import Chat, Note

TOKEN = "700200:AAfaults-token_of-a-local-server"
SECRET = "faults-secret"
_SENDS = {"sendMessage", "sendPhoto", "sendMediaGroup"}
# Telegram's own limits: messages a second in all, and seconds between two to one chat.
_PER_SECOND, _CHAT_GAP = 30, 1.0
_BATCH = 100
_POST_WITHIN = 25.0
# The engine waits a minute for an answer; one held back longer has certainly been given up.
_HELD = 65.0


@dataclass(frozen=True)
class Odds:
    """How often what goes wrong: shares of requests, or of updates."""

    too_many: float = 0.01
    unwell: float = 0.02
    unread: float = 0.01
    answer_lost: float = 0.015
    slow: float = 0.015
    held: float = 0.001
    late: float = 0.03
    twice: float = 0.06
    impatient: float = 0.04


CALM = Odds(0, 0, 0, 0, 0, 0, 0, 0, 0)


@dataclass
class Arrival:
    """A message that reached a chat: from which process, when, and whether we know that it heard so."""

    chat: int
    text: str
    by: str
    at: float
    answered: float | None = None
    lost: bool = False


class _Refusal(Exception):
    def __init__(self, status: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.parameters = parameters


class Telegram:
    """`door` picks the address of a running process for each webhook post; `seen` is told (process, what it did)."""

    def __init__(self, rng: Random, *, webhook: bool, door: Callable[[], tuple[str, str]]) -> None:
        self.odds = CALM
        self.arrivals: list[Arrival] = []
        self.said = 0
        self.moods: defaultdict[str, int] = defaultdict(int)
        self.blocked: set[int] = set()
        self.missing: set[int] = set()
        self.seen: Callable[[str, str], None] = lambda process, what: None
        self._rng = rng
        self._webhook = webhook
        self._hooked = asyncio.Event()
        self._door = door
        self._chats: dict[int, TelegramChat] = {}
        self._message_numbers = itertools.count(1001)
        self._update_numbers = itertools.count(5_000_001)
        self._lines: defaultdict[int, deque[dict[str, Any]]] = defaultdict(deque)
        self._couriers: dict[int, asyncio.Task[None]] = {}
        self._again: set[asyncio.Task[Any]] = set()
        self._waiting: deque[dict[str, Any]] = deque()
        self._news = asyncio.Event()
        self._poll = 0
        self._times: deque[float] = deque()
        self._chat_times: dict[int, float] = {}
        self._picture = _picture()

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{process}/bot{token}/{method}", self._asked)
        app.router.add_get("/{process}/file/bot{token}/{path:.+}", self._fetched)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, backlog=1024).start()
        self._base = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self._http = ClientSession()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tasks = [*self._couriers.values(), *self._again]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._http.close()
        await self._runner.cleanup()

    def url(self, process: str) -> str:
        return f"{self._base}/{process}"

    @property
    def unconfirmed(self) -> int:
        """Updates nobody has confirmed yet."""
        return len(self._waiting) + sum(map(len, self._lines.values()))

    # What people do.

    def chat(self, number: int, patience: float) -> "TelegramChat":
        self._chats[number] = TelegramChat(self, number, patience)
        return self._chats[number]

    def message(self, chat: int, content: Mapping[str, Any]) -> dict[str, Any]:
        message = {
            "message_id": next(self._message_numbers),
            "from": {"id": chat, "is_bot": False, "first_name": "人", "language_code": "zh-hans"},
            "chat": {"id": chat, "type": "private", "first_name": "人"},
            "date": int(time.time()),
            **content,
        }
        self.happen(chat, {"message": message})
        return message

    def happen(self, chat: int, update: dict[str, Any]) -> None:
        """Bring an update to the bot, after what happened before it in this chat."""
        self.said += 1
        self._lines[chat].append(update)
        if chat not in self._couriers:
            self._couriers[chat] = asyncio.create_task(self._carry(chat))

    async def _carry(self, chat: int) -> None:
        """Each chat has its own courier: what is late in one is overtaken by the others, never by its own."""
        line = self._lines[chat]
        try:
            while line:
                if self._rng.random() < self.odds.late:
                    self.moods["late"] += 1
                    await asyncio.sleep(self._rng.uniform(1, 12))
                update = {"update_id": next(self._update_numbers), **line[0]}
                if self._webhook:
                    await self._bring(update)
                else:
                    self._waiting.append(update)
                    self._tell()
                line.popleft()
        finally:
            del self._couriers[chat]

    # The webhook.

    async def _bring(self, update: dict[str, Any]) -> None:
        await self._hooked.wait()
        pause = 0.1
        while not await self._posted(update):
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)
        if self._rng.random() < self.odds.twice:
            self.moods["twice"] += 1
            task = asyncio.create_task(self._once_more(update, self._rng.uniform(0, 4)))
            self._again.add(task)
            task.add_done_callback(self._again.discard)

    async def _once_more(self, update: dict[str, Any], pause: float) -> None:
        await asyncio.sleep(pause)
        await self._posted(update)

    async def _posted(self, update: dict[str, Any]) -> bool:
        process, url = self._door()
        seconds = _POST_WITHIN
        if self._rng.random() < self.odds.impatient:
            # It hangs up before the answer: taken or not, it will post it again.
            self.moods["impatient"] += 1
            seconds = self._rng.uniform(0.002, 0.2)
        self.seen(process, "taking")
        try:
            async with self._http.post(
                f"{url}/hook",
                json=update,
                headers={"X-Telegram-Bot-Api-Secret-Token": SECRET},
                timeout=ClientTimeout(seconds),
            ) as answer:
                return answer.status == 200
        except (ClientError, TimeoutError, OSError):
            return False

    # What a bot asks.

    async def _asked(self, request: web.Request) -> web.StreamResponse:
        process, method = request.match_info["process"], request.match_info["method"]
        data = await _arguments(request)
        arrivals: list[Arrival] = []
        try:
            if request.match_info["token"] != TOKEN:
                raise _Refusal(401, "Unauthorized")
            mood = self._mood(method)
            if mood == "unread":
                return _hung_up(request)
            if method in _SENDS:
                self._limit(int(data["chat_id"]), len(_json(data.get("media"), [1])))
            before = len(self.arrivals)
            action = getattr(self, f"_on_{method}", None)
            result = action(process, data) if action else True
            if asyncio.iscoroutine(result):
                result = await result
            arrivals = self.arrivals[before:] if method in _SENDS else []
        except _Refusal as refusal:
            answer = {"ok": False, "error_code": refusal.status, "description": refusal.description}
            if refusal.parameters:
                answer["parameters"] = refusal.parameters
            return web.json_response(answer, status=refusal.status)
        return await self._answer(request, {"ok": True, "result": result}, mood, arrivals)

    async def _answer(
        self, request: web.Request, body: dict[str, Any], mood: str, arrivals: list[Arrival]
    ) -> web.StreamResponse:
        process = request.match_info["process"]
        if arrivals:
            self.seen(process, "accepted")
        if mood == "slow":
            await asyncio.sleep(self._rng.uniform(0.5, 4))
        if mood == "held":
            await asyncio.sleep(_HELD)
        if mood in ("held", "answer_lost"):
            for arrival in arrivals:
                arrival.lost = True
            return _hung_up(request)
        response = web.json_response(body)
        with suppress(ConnectionError):
            await response.prepare(request)
            await response.write_eof()
        for arrival in arrivals:
            arrival.answered = time.monotonic()
        if arrivals:
            self.seen(process, "answered")
        return response

    def _mood(self, method: str) -> str:
        """What befalls this request, if anything."""
        odds = self.odds
        chances = [("too_many", odds.too_many), ("unwell", odds.unwell), ("unread", odds.unread)]
        chances += [("answer_lost", odds.answer_lost), ("slow", odds.slow)]
        if method in _SENDS:
            chances.append(("held", odds.held))
        dice = self._rng.random()
        for mood, chance in chances:
            if dice < chance:
                self.moods[mood] += 1
                break
            dice -= chance
        else:
            return ""
        if mood == "too_many":
            seconds = self._rng.randint(1, 3)
            raise _Refusal(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)
        if mood == "unwell":
            raise _Refusal(self._rng.choice([500, 502, 504]), "Internal Server Error")
        return mood

    def _limit(self, chat: int, messages: int) -> None:
        if chat in self.blocked:
            self.moods["blocked"] += 1
            raise _Refusal(403, "Forbidden: bot was blocked by the user")
        if chat in self.missing:
            self.moods["missing"] += 1
            raise _Refusal(400, "Bad Request: chat not found")
        now = time.monotonic()
        while self._times and self._times[0] <= now - 1.0:
            self._times.popleft()
        if len(self._times) + messages > _PER_SECOND or now - self._chat_times.get(chat, 0.0) < _CHAT_GAP:
            self.moods["over_limit"] += 1
            raise _Refusal(429, "Too Many Requests: retry after 1", retry_after=1)
        self._times.extend([now] * messages)
        self._chat_times[chat] = now

    def _on_getMe(self, process: str, data: dict[str, Any]) -> Any:  # noqa: N802
        return {
            "id": int(TOKEN.partition(":")[0]),
            "is_bot": True,
            "first_name": "小马扎",
            "username": "xiaomazha_bot",
            "can_join_groups": True,
            "can_read_all_group_messages": False,
            "supports_inline_queries": False,
        }

    def _on_setWebhook(self, process: str, data: dict[str, Any]) -> Any:  # noqa: N802
        self._hooked.set()
        return True

    def _on_getWebhookInfo(self, process: str, data: dict[str, Any]) -> Any:  # noqa: N802
        return {"url": "", "has_custom_certificate": False, "pending_update_count": self.unconfirmed}

    async def _on_getUpdates(self, process: str, data: dict[str, Any]) -> Any:  # noqa: N802
        offset, timeout = int(data.get("offset") or 0), float(data.get("timeout") or 0)
        self._poll += 1
        mine = self._poll
        self._tell()
        while self._waiting and self._waiting[0]["update_id"] < offset:
            self._waiting.popleft()
        until = time.monotonic() + timeout
        while not self._waiting and (left := until - time.monotonic()) > 0:
            news = self._news
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await news.wait()
            if mine != self._poll:
                raise _Refusal(409, "Conflict: terminated by other getUpdates request")
        if self._waiting:
            self.seen(process, "taking")
        return list(itertools.islice(self._waiting, min(_BATCH, int(data.get("limit") or _BATCH))))

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def _on_sendMessage(self, process: str, data: dict[str, Any]) -> Any:  # noqa: N802
        return self._arrive(process, data, str(data.get("text", "")))

    def _on_sendPhoto(self, process: str, data: dict[str, Any]) -> Any:  # noqa: N802
        return self._arrive(process, data, str(data.get("caption", "")), photo=True)

    def _on_sendMediaGroup(self, process: str, data: dict[str, Any]) -> Any:  # noqa: N802
        captions = [str(each.get("caption") or "") for each in _json(data.get("media"), [])]
        return [self._arrive(process, data, caption, photo=True) for caption in captions]

    def _arrive(self, process: str, data: dict[str, Any], text: str, *, photo: bool = False) -> dict[str, Any]:
        chat = int(data["chat_id"])
        number = next(self._message_numbers)
        self.arrivals.append(Arrival(chat, text, process, time.monotonic()))
        rows = _json(data.get("reply_markup"), {}).get("inline_keyboard", [])
        keys = [key for row in rows for key in row]
        labels = tuple(key["text"] for key in keys)
        self._chats[chat].hears(Note(text, labels, (number, [key["callback_data"] for key in keys])))
        shown: dict[str, Any] = {
            "message_id": number,
            "date": int(time.time()),
            "chat": {"id": chat, "type": "private", "first_name": "人"},
            "from": self._on_getMe(process, data),
        }
        if not photo:
            return shown | {"text": text}
        size = {"file_id": f"f{number}", "file_unique_id": f"u{number}", "width": 9, "height": 9}
        return shown | {"photo": [size]} | ({"caption": text} if text else {})

    def _on_getFile(self, process: str, data: dict[str, Any]) -> Any:  # noqa: N802
        number = str(data["file_id"])
        size = len(self._picture)
        return {"file_id": number, "file_unique_id": f"u{number}", "file_size": size, "file_path": f"files/{number}"}

    async def _fetched(self, request: web.Request) -> web.StreamResponse:
        try:
            mood = self._mood("file")
        except _Refusal as refusal:
            return web.Response(status=500 if refusal.status == 429 else refusal.status)
        if mood in ("unread", "answer_lost"):
            return _hung_up(request)
        return web.Response(body=self._picture)


class TelegramChat(Chat):
    """Somebody's private chat with our bot."""

    def __init__(self, server: Telegram, number: int, patience: float) -> None:
        super().__init__(f"telegram {number}", patience)
        self.number = number
        self._server = server
        self._messages: dict[int, dict[str, Any]] = {}

    def say(self, text: str) -> int:
        self.last_said = text
        message = self._server.message(self.number, {"text": text})
        self._messages[message["message_id"]] = message
        return int(message["message_id"])

    def photo(self, caption: str) -> None:
        self.last_said = f"<photo {caption}>"
        size = {"file_id": "small", "file_unique_id": "us", "width": 90, "height": 60, "file_size": 900}
        large = {"file_id": "large", "file_unique_id": "ul", "width": 320, "height": 240, "file_size": 3000}
        self._server.message(self.number, {"photo": [size, large], "caption": caption})

    def edit(self, message: int, text: str) -> None:
        self.last_said = f"<edit {text}>"
        before = self._messages[message]
        edited = {**before, "text": text, "edit_date": max(int(time.time()), before["date"] + 1)}
        self._server.happen(self.number, {"edited_message": edited})

    def tap(self, note: Note, label: str) -> None:
        number, keys = note.key
        query = {
            "id": f"q{next(self._server._message_numbers)}",
            "from": {"id": self.number, "is_bot": False, "first_name": "人"},
            "chat_instance": "1",
            "data": keys[note.buttons.index(label)],
            "message": {
                "message_id": number,
                "date": int(time.time()),
                "chat": {"id": self.number, "type": "private", "first_name": "人"},
                "text": note.text,
            },
        }
        self._server.happen(self.number, {"callback_query": query})


async def _arguments(request: web.Request) -> dict[str, Any]:
    """What was asked, however it was wrapped: a query, a form, a form with files, or JSON."""
    data: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        return data | dict(await request.json())
    for name, value in (await request.post()).items():
        data[name] = value.file.read() if isinstance(value, web.FileField) else value
    return data


def _json(value: Any, missing: Any) -> Any:
    """A field that is JSON inside a form, and plain inside JSON."""
    if value is None or value == "":
        return missing
    return json.loads(value) if isinstance(value, str) else value


def _hung_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (320, 240), (200, 120, 90)).save(out, "JPEG")
    return out.getvalue()
