"""Every contestant speaks to the same Bot API here, and every message it sends is timed as it arrives."""

import asyncio
import re
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

import msgspec

from bench.wire import Listener

_CHAT = re.compile(rb"chat_id(?:=|\": ?\"?|\"\r\n(?:[^\r\n]+\r\n)*\r\n)(-?\d+)")
_FIELD = re.compile(rb'(?:^|&|name=")(\w+)(?:=([^&]*)|"\r\n(?:[^\r\n]+\r\n)*\r\n([^\r]*)\r\n)')
# What Telegram opens to a webhook unless told otherwise, and the most it opens.
_CONNECTIONS = 40
_MOST_CONNECTIONS = 100


@dataclass(frozen=True, slots=True)
class Limits:
    """Telegram's: so many messages in any second (strict, sliding), one a second to a chat."""

    per_second: int = 30
    chat_gap: float = 1.0


@dataclass
class Account:
    """One bot as Telegram knows it: where its webhook is, and what it has sent."""

    token: str
    webhook: str
    secret: str
    connections: int = _CONNECTIONS
    listening: asyncio.Event = field(default_factory=asyncio.Event)
    sent: int = 0
    last_at: float = 0.0
    refused: int = 0
    # Told of every message that arrives: its chat, when, and the request.
    listeners: list[Callable[[int, float, bytes], None]] = field(default_factory=list)
    _second: deque[float] = field(default_factory=deque)
    _chat_at: dict[int, float] = field(default_factory=dict)

    def too_fast(self, chat: int, now: float, limits: Limits) -> bool:
        """Whether Telegram would refuse this one."""
        while self._second and self._second[0] <= now - 1:
            self._second.popleft()
        if len(self._second) >= limits.per_second or now - self._chat_at.get(chat, -1e9) < limits.chat_gap:
            return True
        self._second.append(now)
        self._chat_at[chat] = now
        return False


class BotApi:
    """`latency`: seconds until an answer. `limits`: refuse with 429 what Telegram would; None refuses nothing."""

    def __init__(self) -> None:
        self.latency = 0.0
        self.limits: Limits | None = None
        self.accounts: dict[str, Account] = {}
        self._listener = Listener(self._answer)
        self._numbers = defaultdict[str, int](int)

    async def start(self) -> None:
        await self._listener.start()

    async def stop(self) -> None:
        await self._listener.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.port}"

    def account(self, token: str, webhook: str, secret: str) -> Account:
        """A bot whose webhook is remembered from an earlier start of it; nothing else is."""
        self.accounts[token] = Account(token, webhook, secret)
        return self.accounts[token]

    def _answer(self, path: str, body: bytes) -> tuple[int, bytes, float]:
        now = time.perf_counter()
        _, bot, method = path.split("?")[0].split("/", 2)
        account = self.accounts.get(bot.removeprefix("bot"))
        if account is None:
            return 401, b'{"ok":false,"error_code":401,"description":"Unauthorized"}', 0.0
        if method.startswith("send") and (chat := _CHAT.search(body)):
            return self._message(account, int(chat[1]), body, now)
        return 200, self._other(account, method, body), self.latency

    def _message(self, account: Account, chat: int, body: bytes, now: float) -> tuple[int, bytes, float]:
        if self.limits and account.too_fast(chat, now, self.limits):
            account.refused += 1
            text = (
                b'{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 1",'
                b'"parameters":{"retry_after":1}}'
            )
            return 429, text, self.latency
        account.sent += 1
        account.last_at = now
        for listener in account.listeners:
            listener(chat, now, body)
        answer = b'{"ok":true,"result":{"message_id":%d,"date":%d,"chat":{"id":%d,"type":"private"},"text":"."}}'
        return 200, answer % (account.sent, int(time.time()), chat), self.latency

    def _other(self, account: Account, method: str, body: bytes) -> bytes:
        if method == "getMe":
            return (
                b'{"ok":true,"result":{"id":%d,"is_bot":true,"first_name":"B","username":"bench_bot",'
                b'"can_join_groups":true,"can_read_all_group_messages":false,"supports_inline_queries":false}}'
                % int(account.token.split(":")[0])
            )
        if method == "setWebhook":
            asked = fields(body)
            account.webhook = asked["url"]
            account.secret = asked.get("secret_token", "")
            account.connections = min(int(asked.get("max_connections") or _CONNECTIONS), _MOST_CONNECTIONS)
            account.listening.set()
        return b'{"ok":true,"result":true}'


def fields(body: bytes) -> dict[str, str]:
    """What a request says, whichever of Telegram's three ways of writing it was used; a picture in it is no words."""
    if body.startswith(b"{"):
        return {
            # What is more than words is JSON within a form, too.
            key: value if isinstance(value, str) else msgspec.json.encode(value).decode()
            for key, value in msgspec.json.decode(body, type=dict[str, object]).items()
        }
    return {
        name.decode(): unquote_plus(plain.decode(errors="replace")) if plain else part.decode(errors="replace")
        for name, plain, part in _FIELD.findall(body)
    }
