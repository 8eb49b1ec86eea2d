"""Whoever tests what we do on Telegram gets one on this machine: the Bot API at the wire, played honestly.

It keeps the real server's manners where they matter: an offset confirms what lies below it, a webhook gets
the updates of one chat one after another and each again until it answers 200, a second poller ends the
first, and what Telegram would refuse is refused in its words. Unlike Telegram it posts to plain http.
"""

import asyncio
import itertools
import json
import re
import time
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import ClientError, ClientSession, ClientTimeout, web

TOKEN = "700100:AAtest-token_of-the-local-server"
NAME = "xiaomazha_bot"
_LARGEST_DOWNLOAD = 20 * 1024 * 1024
_PER_SECOND = 29.5
_CHAT_GAP = 1.0
_BY_DEFAULT = {
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "callback_query",
    "my_chat_member",
}
_MESSAGES = {"sendMessage", "sendPhoto", "sendMediaGroup", "editMessageText", "editMessageReplyMarkup"}


@dataclass(frozen=True)
class Call:
    """One request a bot made: what it asked, and when on the monotonic clock."""

    method: str
    data: dict[str, Any]
    at: float


@dataclass
class Sent:
    """One message that arrived: `rows` are its buttons as (label, callback data or address)."""

    id: int
    chat: int
    text: str = ""
    rows: list[list[tuple[str, str]]] = field(default_factory=list)
    photo: bytes | None = None
    media_group_id: str | None = None

    @property
    def buttons(self) -> list[str]:
        return [label for row in self.rows for label, _ in row]

    def data(self, choice: str | int) -> str:
        keys = [key for row in self.rows for key in row]
        if isinstance(choice, int):
            return keys[choice][1]
        return next(data for label, data in keys if label == choice)


@dataclass
class _Failure:
    method: str | None
    status: int
    description: str
    parameters: dict[str, int]
    drop: bool
    delay: float
    left: int


class _Refusal(Exception):
    def __init__(self, status: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.parameters = parameters


class BotApiServer:
    """`async with BotApiServer() as server:` then `server.url` and `server.token` are what a bot needs.

    `limits`: refuse what comes faster than Telegram takes it. `webhook_in_order=False` posts a chat's updates
    side by side, as a proxy that spools may.
    """

    def __init__(self, *, limits: bool = False, webhook_in_order: bool = True, webhook_pause: float = 0.05) -> None:
        self.token = TOKEN
        self.url = ""
        self.calls: list[Call] = []
        self.answered: list[str] = []
        self.menus: dict[int | None, list[tuple[str, str]]] = {}
        self.webhook: dict[str, Any] = {}
        self.webhook_statuses: list[int] = []
        self._limits = limits
        self._in_order = webhook_in_order
        self._webhook_pause = webhook_pause
        self._numbers = itertools.count(1001)
        self._update_numbers = itertools.count(5_000_001)
        self._updates: deque[dict[str, Any]] = deque()
        self._allowed = set(_BY_DEFAULT)
        self._always: set[str] = set()
        self._files: dict[str, tuple[bytes, int]] = {}
        self._heard: dict[tuple[int, int], dict[str, Any]] = {}
        self._sent: dict[int, list[Sent]] = defaultdict(list)
        self._failures: list[_Failure] = []
        self._bot_times: deque[float] = deque()
        self._chat_times: dict[int, float] = {}
        self._poll = 0
        self._last_poll = (-1, 0.0)
        self._closed = False
        self._changed = asyncio.Event()
        self._couriers: dict[object, asyncio.Task[None]] = {}
        self._queues: dict[object, deque[dict[str, Any]]] = defaultdict(deque)
        self._runner: web.AppRunner | None = None
        self._http: ClientSession | None = None

    # Living.

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/bot{token}/{method}", self._asked)
        app.router.add_get("/file/bot{token}/{path:.+}", self._fetched)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self._http = ClientSession(timeout=ClientTimeout(60))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        self._tell()
        couriers = list(self._couriers.values())
        for courier in couriers:
            courier.cancel()
        await asyncio.gather(*couriers, return_exceptions=True)
        if self._http:
            await self._http.close()
        if self._runner:
            await self._runner.cleanup()

    # What people do. Each returns the message's number in its chat.

    def say(self, chat: int, text: str, **fields: Any) -> int:
        return self._message(chat, {"text": text}, **fields)

    def photo(
        self,
        chat: int,
        data: bytes,
        *,
        media_group_id: str | None = None,
        caption: str | None = None,
        **fields: Any,
    ) -> int:
        """Telegram offers every photo in several sizes; only the largest is the whole."""
        small, large = self._file(data[:64]), self._file(data)
        sizes = [
            {"file_id": small, "file_unique_id": f"u{small}", "width": 90, "height": 60, "file_size": 64},
            {
                "file_id": large,
                "file_unique_id": f"u{large}",
                "width": 1280,
                "height": 960,
                "file_size": len(data),
            },
        ]
        return self._message(chat, {"photo": sizes, "media_group_id": media_group_id, "caption": caption}, **fields)

    def document(
        self, chat: int, size: int, *, data: bytes | None = None, mime: str = "application/pdf", **fields: Any
    ) -> int:
        number = self._file(data or b"", size)
        document = {"file_id": number, "file_unique_id": f"u{number}", "mime_type": mime, "file_size": size}
        return self._message(chat, {"document": document}, **fields)

    def location(self, chat: int, latitude: float, longitude: float, **fields: Any) -> int:
        return self._message(chat, {"location": {"latitude": latitude, "longitude": longitude}}, **fields)

    def contact(self, chat: int, phone: str, *, of: int | None = None, **fields: Any) -> int:
        """Somebody shares a number; without `of`, their own."""
        contact = {"phone_number": phone, "first_name": "人", "user_id": of or fields.get("user", chat)}
        return self._message(chat, {"contact": contact}, **fields)

    def sticker(self, chat: int, **fields: Any) -> int:
        sticker = {
            "file_id": self._file(b"s"),
            "file_unique_id": "us",
            "type": "regular",
            "width": 9,
            "height": 9,
        }
        return self._message(chat, {"sticker": sticker | {"is_animated": False, "is_video": False}}, **fields)

    def voice(self, chat: int, **fields: Any) -> int:
        voice = {"file_id": self._file(b"v"), "file_unique_id": "uv", "duration": 3}
        return self._message(chat, {"voice": voice}, **fields)

    def edit(self, chat: int, message: int, **changed: Any) -> None:
        """Somebody edits what they said: `text=` or `caption=`."""
        heard = self._heard[chat, message]
        heard.update(changed, edit_date=max(int(time.time()), heard.get("edit_date", heard["date"]) + 1))
        self.happen({"edited_message": dict(heard)}, chat)

    def tap(self, chat: int, message: "Sent | int", choice: str | int, *, user: int | None = None) -> str:
        """Somebody presses a button; returns the tap's number."""
        number = message if isinstance(message, int) else message.id
        sent = next(each for each in self._sent[chat] if each.id == number)
        return self.tap_data(chat, number, sent.data(choice), user=user)

    def tap_data(self, chat: int, message: int, data: str, *, user: int | None = None) -> str:
        query = f"q{next(self._numbers)}"
        shown = {"message_id": message, "date": int(time.time()), "chat": _chat(chat), "text": "…"}
        who = _user(user or abs(chat))
        happened = {"id": query, "from": who, "chat_instance": "1", "data": data, "message": shown}
        self.happen({"callback_query": happened}, ("tap", who["id"]))
        return query

    def happen(self, update: Mapping[str, Any], queue: object = None) -> int:
        """Anything else, as Telegram words it. `queue`: whose updates a webhook gets one after another."""
        (kind,) = update
        number = next(self._update_numbers)
        if kind in self._allowed | self._always:
            whole = {"update_id": number, **update}
            if self.webhook.get("url"):
                self._post(whole, queue if queue is not None else number)
            else:
                self._updates.append(whole)
                self._tell()
        return number

    def _message(
        self,
        chat: int,
        content: dict[str, Any],
        *,
        user: int | None = None,
        at: int | None = None,
        **more: Any,
    ) -> int:
        number = next(self._numbers)
        message = {
            "message_id": number,
            "from": _user(user or abs(chat)),
            "chat": _chat(chat),
            "date": at or int(time.time()),
            **{name: value for name, value in {**content, **more}.items() if value is not None},
        }
        self._heard[chat, number] = message
        self.happen({"message": message}, chat)
        return number

    def allow(self, *kinds: str) -> None:
        """Whatever the bot asks for, updates of these kinds come, as they do for a while after it has asked."""
        self._always.update(kinds)

    def add_file(self, number: str, data: bytes) -> None:
        """A file that an update names by this number."""
        self._files[number] = (data, len(data))

    def _file(self, data: bytes, size: int | None = None) -> str:
        number = f"f{next(self._numbers)}"
        self._files[number] = (data, len(data) if size is None else size)
        return number

    # What a test sees.

    def sent(self, chat: int) -> list[Sent]:
        return list(self._sent[chat])

    def called(self, method: str) -> list[Call]:
        return [call for call in self.calls if call.method == method]

    @property
    def waiting(self) -> list[int]:
        """The updates nobody has confirmed."""
        return [update["update_id"] for update in (*self._updates, *self._unposted())]

    def _unposted(self) -> list[dict[str, Any]]:
        left = [update for queue in self._queues.values() for update in queue]
        return sorted(left, key=lambda update: int(update["update_id"]))

    async def wait_sent(self, chat: int, n: int, timeout: float = 5.0) -> list[Sent]:  # noqa: ASYNC109
        """The messages of a chat once there are `n`. Raises TimeoutError."""
        await self.wait_for(lambda: len(self._sent[chat]) >= n, timeout)
        return self.sent(chat)

    async def wait_for(self, condition: Any, timeout: float = 5.0) -> None:  # noqa: ASYNC109
        """Until something is so, looking again whenever a request has been answered. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            while not condition():
                changed = self._changed
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await changed.wait()

    def fail(
        self,
        method: str | None = None,
        *,
        times: int = 1,
        status: int | None = None,
        description: str = "Bad Request: test",
        retry_after: int | None = None,
        moved_to: int | None = None,
        drop: bool = False,
        delay: float = 0.0,
    ) -> None:
        """Let the next calls fail. `drop`: taken, but the line goes dead. Only `delay`: taken, slowly."""
        parameters = {}
        if retry_after is not None:
            status, description = 429, f"Too Many Requests: retry after {retry_after}"
            parameters["retry_after"] = retry_after
        if moved_to is not None:
            description = "Bad Request: group chat was upgraded to a supergroup chat"
            parameters["migrate_to_chat_id"] = moved_to
        if status is None:
            status = 200 if drop or (delay and not parameters) else 400
        self._failures.append(_Failure(method, status, description, parameters, drop, delay, times))

    # The wire.

    async def _asked(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        data = await _arguments(request)
        self.calls.append(Call(method, data, time.monotonic()))
        try:
            if request.match_info["token"] != self.token:
                raise _Refusal(401, "Unauthorized")
            dropped = await self._failing(method)
            action = getattr(self, f"_on_{method}", None)
            if action is None:
                raise _Refusal(404, "Not Found")
            if self._limits and method in _MESSAGES:
                self._limit(int(data["chat_id"]), len(_json(data.get("media"), [1])))
            result = action(data)
            if asyncio.iscoroutine(result):
                result = await result
            if dropped and request.transport:
                request.transport.abort()
            return web.json_response({"ok": True, "result": result})
        except _Refusal as refusal:
            answer: dict[str, Any] = {
                "ok": False,
                "error_code": refusal.status,
                "description": refusal.description,
            }
            if refusal.parameters:
                answer["parameters"] = refusal.parameters
            return web.json_response(answer, status=refusal.status)
        finally:
            self._tell()

    async def _failing(self, method: str) -> bool:
        """Play the failure a test asked for; true when the answer is to get lost on the way."""
        failure = next((each for each in self._failures if each.method in (None, method)), None)
        if failure is None:
            return False
        failure.left -= 1
        if failure.left == 0:
            self._failures.remove(failure)
        if failure.delay:
            await asyncio.sleep(failure.delay)
        if failure.status != 200:
            raise _Refusal(failure.status, failure.description, **failure.parameters)
        return failure.drop

    def _limit(self, chat: int, messages: int) -> None:
        now = time.monotonic()
        while self._bot_times and self._bot_times[0] <= now - 2.0:
            self._bot_times.popleft()
        if len(self._bot_times) + messages > 2 * _PER_SECOND or now - self._chat_times.get(chat, 0.0) < _CHAT_GAP:
            raise _Refusal(429, "Too Many Requests: retry after 1", retry_after=1)
        self._bot_times.extend([now] * messages)
        self._chat_times[chat] = now

    async def _fetched(self, request: web.Request) -> web.Response:
        found = self._files.get(request.match_info["path"].removeprefix("files/"))
        if request.match_info["token"] != self.token or found is None:
            return web.json_response({"ok": False, "error_code": 404, "description": "Not Found"}, status=404)
        try:
            dropped = await self._failing("file")
        except _Refusal as refusal:
            return web.Response(status=refusal.status)
        if dropped and request.transport:
            request.transport.abort()
        data, size = found
        return web.Response(body=data or bytes(size))

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    # What a bot asks.

    def _on_getMe(self, _: dict[str, Any]) -> Any:  # noqa: N802
        return {
            "id": int(self.token.partition(":")[0]),
            "is_bot": True,
            "first_name": "小马扎",
            "username": NAME,
        }

    async def _on_getUpdates(self, data: dict[str, Any]) -> Any:  # noqa: N802
        if self.webhook.get("url"):
            raise _Refusal(409, "Conflict: can't use getUpdates method while webhook is active")
        self._allow(data)
        offset, timeout = int(data.get("offset") or 0), float(data.get("timeout") or 0)
        now = time.monotonic()
        limit = 1 if offset == self._last_poll[0] and now < self._last_poll[1] + 0.5 else 100
        self._last_poll = offset, now
        self._poll += 1
        mine = self._poll
        self._tell()
        while self._updates and self._updates[0]["update_id"] < offset:
            self._updates.popleft()
        while not self._updates and not self._closed and (left := now + timeout - time.monotonic()) > 0:
            changed = self._changed
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await changed.wait()
            if mine != self._poll:
                raise _Refusal(409, "Conflict: terminated by other getUpdates request")
        return list(itertools.islice(self._updates, min(limit, int(data.get("limit") or 100))))

    def _allow(self, data: dict[str, Any]) -> None:
        allowed = _json(data.get("allowed_updates"), None)
        if allowed is not None:
            self._allowed = set(allowed) or set(_BY_DEFAULT)

    def _on_setWebhook(self, data: dict[str, Any]) -> Any:  # noqa: N802
        if not re.fullmatch(r"[A-Za-z0-9_-]{0,256}", data.get("secret_token", "")):
            raise _Refusal(400, "Bad Request: secret token contains unallowed characters")
        self._allow(data)
        self.webhook = {"url": data.get("url", ""), "secret": data.get("secret_token", "")}
        if not self.webhook["url"]:
            return True
        while self._updates:
            update = self._updates.popleft()
            message = update.get("message") or update.get("edited_message")
            self._post(update, message["chat"]["id"] if message else update["update_id"])
        return True

    def _on_deleteWebhook(self, _: dict[str, Any]) -> Any:  # noqa: N802
        self.webhook = {}
        for courier in self._couriers.values():
            courier.cancel()
        self._updates.extend(self._unposted())
        self._couriers.clear()
        self._queues.clear()
        return True

    def _on_getWebhookInfo(self, _: dict[str, Any]) -> Any:  # noqa: N802
        return {
            "url": self.webhook.get("url", ""),
            "has_custom_certificate": False,
            "pending_update_count": len(self.waiting),
        }

    def _on_sendMessage(self, data: dict[str, Any]) -> Any:  # noqa: N802
        text = _checked(data.get("text", ""), 4096)
        return self._keep(data, Sent(next(self._numbers), int(data["chat_id"]), text, _rows(data)))

    def _on_sendPhoto(self, data: dict[str, Any]) -> Any:  # noqa: N802
        caption = _caption(data)
        sent = Sent(
            next(self._numbers),
            int(data["chat_id"]),
            caption,
            _rows(data),
            _attached(data, data.get("photo")),
        )
        return self._keep(data, sent)

    def _on_sendMediaGroup(self, data: dict[str, Any]) -> Any:  # noqa: N802
        media = _json(data.get("media"), [])
        if not 2 <= len(media) <= 10:
            raise _Refusal(400, "Bad Request: group must contain 2-10 items")
        group = f"g{next(self._numbers)}"
        chat = int(data["chat_id"])
        return [
            self._keep(
                data,
                Sent(next(self._numbers), chat, _caption(item), [], _attached(data, item.get("media")), group),
            )
            for item in media
        ]

    def _keep(self, data: dict[str, Any], sent: Sent) -> Any:
        self._sent[sent.chat].append(sent)
        return self._shown(data, sent)

    def _shown(self, data: dict[str, Any], sent: Sent) -> Any:
        shown: dict[str, Any] = {
            "message_id": sent.id,
            "date": int(time.time()),
            "chat": _chat(sent.chat),
            "from": self._on_getMe(data),
        }
        if sent.photo is None:
            return shown | {"text": sent.text}
        number = self._file(sent.photo)
        size = {"file_id": number, "file_unique_id": f"u{number}", "width": 1280, "height": 960}
        return shown | {"photo": [size]} | ({"caption": sent.text} if sent.text else {})

    def _on_editMessageText(self, data: dict[str, Any]) -> Any:  # noqa: N802
        return self._edited(data, _checked(data.get("text", ""), 4096))

    def _on_editMessageReplyMarkup(self, data: dict[str, Any]) -> Any:  # noqa: N802
        return self._edited(data, None)

    def _edited(self, data: dict[str, Any], text: str | None) -> Any:
        number = int(data["message_id"])
        sent = next((each for each in self._sent[int(data["chat_id"])] if each.id == number), None)
        if sent is None:
            raise _Refusal(400, "Bad Request: message to edit not found")
        rows, text = _rows(data), sent.text if text is None else text
        if (sent.text, sent.rows) == (text, rows):
            raise _Refusal(
                400,
                "Bad Request: message is not modified: specified new message content and reply markup are "
                "exactly the same as a current content and reply markup of the message",
            )
        sent.text, sent.rows = text, rows
        return self._shown(data, sent)

    def _on_answerCallbackQuery(self, data: dict[str, Any]) -> Any:  # noqa: N802
        self.answered.append(str(data["callback_query_id"]))
        return True

    def _on_setMyCommands(self, data: dict[str, Any]) -> Any:  # noqa: N802
        commands = [(each["command"], each["description"]) for each in _json(data.get("commands"), [])]
        if any(not re.fullmatch(r"[a-z0-9_]{1,32}", name) for name, _ in commands):
            raise _Refusal(400, "Bad Request: BOT_COMMAND_INVALID")
        if any(not 1 <= len(title) <= 256 for _, title in commands) or len(commands) > 100:
            raise _Refusal(400, "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID")
        self.menus[_json(data.get("scope"), {}).get("chat_id")] = commands
        return True

    def _on_deleteMyCommands(self, data: dict[str, Any]) -> Any:  # noqa: N802
        self.menus.pop(_json(data.get("scope"), {}).get("chat_id"), None)
        return True

    def _on_getFile(self, data: dict[str, Any]) -> Any:  # noqa: N802
        number = data.get("file_id", "")
        if number not in self._files:
            raise _Refusal(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
        size = self._files[number][1]
        if size > _LARGEST_DOWNLOAD:
            raise _Refusal(400, "Bad Request: file is too big")
        return {
            "file_id": number,
            "file_unique_id": f"u{number}",
            "file_size": size,
            "file_path": f"files/{number}",
        }

    # The webhook.

    def _post(self, update: dict[str, Any], queue: object) -> None:
        if not self._in_order:
            queue = update["update_id"]
        self._queues[queue].append(update)
        if queue not in self._couriers:
            self._couriers[queue] = asyncio.create_task(self._deliver(queue))

    async def _deliver(self, queue: object) -> None:
        """Post what waits in a queue, each until it is answered with 200: at once, then less often."""
        waiting = self._queues[queue]
        try:
            while waiting:
                pause = 0.0
                while not await self._posted(waiting[0]):
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, 1.0) or self._webhook_pause
                waiting.popleft()
        finally:
            if self._couriers.get(queue) is asyncio.current_task():
                del self._couriers[queue], self._queues[queue]

    async def _posted(self, update: dict[str, Any]) -> bool:
        if self._http is None:
            return False
        headers = {"X-Telegram-Bot-Api-Secret-Token": self.webhook["secret"]} if self.webhook["secret"] else {}
        try:
            async with self._http.post(self.webhook["url"], json=update, headers=headers) as response:
                self.webhook_statuses.append(response.status)
                return 200 <= response.status < 300
        except (ClientError, TimeoutError):
            self.webhook_statuses.append(0)
            return False
        finally:
            self._tell()


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


def _checked(text: str, longest: int) -> str:
    if not text.strip():
        raise _Refusal(400, "Bad Request: message text is empty")
    if len(text) > longest:
        raise _Refusal(400, "Bad Request: message is too long")
    return text


def _caption(data: Mapping[str, Any]) -> str:
    caption = str(data.get("caption") or "")
    if len(caption) > 1024:
        raise _Refusal(400, "Bad Request: message caption is too long")
    return caption


def _attached(data: Mapping[str, Any], field_value: Any) -> bytes:
    """The bytes of a file: sent as this field, or under the name it points to."""
    if isinstance(field_value, str) and field_value.startswith("attach://"):
        field_value = data.get(field_value.removeprefix("attach://"))
    if not isinstance(field_value, bytes) or not field_value:
        raise _Refusal(400, "Bad Request: there is no photo in the request")
    return field_value


def _rows(data: Mapping[str, Any]) -> list[list[tuple[str, str]]]:
    rows: Sequence[Sequence[Mapping[str, str]]] = _json(data.get("reply_markup"), {}).get("inline_keyboard", [])
    for key in (key for row in rows for key in row):
        if not key.get("text"):
            raise _Refusal(400, "Bad Request: inline keyboard button text is empty")
        if key.get("url", "").startswith("https://") and "callback_data" not in key:
            continue
        if not 1 <= len(key.get("callback_data", "").encode()) <= 64:
            raise _Refusal(400, "Bad Request: BUTTON_DATA_INVALID")
    return [[(key["text"], key.get("url") or key["callback_data"]) for key in row] for row in rows]


def _user(number: int) -> dict[str, Any]:
    return {"id": number, "is_bot": False, "first_name": f"人{number}", "language_code": "zh-hans"}


def _chat(number: int) -> dict[str, Any]:
    if number > 0:
        return {"id": number, "type": "private", "first_name": f"人{number}"}
    return {"id": number, "type": "supergroup", "title": "楼群"}
