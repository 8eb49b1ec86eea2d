"""Residents report street lamps, all in the same four sentences, to whoever is under measure."""

import asyncio
import json
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from urllib.parse import urlsplit

from bench.bot_api import Account
from bench.wire import Lines

# Slower than what the service takes for a flood (more than four in two seconds), for everybody alike.
BREATH = 0.55
STEPS = 4

_numbers = count(1)
# Never the same number in two runs: a database kept from an earlier one would take it for a repeat.
_updates = count(int(time.time()) * 1000)


class Lost(Exception):
    """An update was not taken, or an answer never came: the figure would mean nothing."""


@dataclass(slots=True, eq=False)
class Resident:
    """Somebody with a chat, and how far they have come."""

    chat: int
    said: int = 0
    said_at: float = 0.0
    answered: int = 0
    # When what still waits for its answer was due to be said.
    waiting: deque[float] = field(default_factory=deque)

    def next_words(self) -> str:
        """What they say next; every report is about another lamp, so none is taken for a repeat."""
        step = self.said % STEPS
        self.said += 1
        if step == 0:
            return "报事"
        if step == 1:
            return "幸福里 3 栋"
        return f"路灯不亮了 {next(_numbers)}" if step == 2 else "是"


def newcomers(count: int) -> list[int]:
    """Chats nobody has heard of."""
    return [500_000_001 + number for number in range(count)]


def update(chat: int, words: str, at: float = 0.0) -> bytes:
    """A text message as Telegram posts it."""
    number = next(_updates)
    return (
        b'{"update_id":%d,"message":{"message_id":%d,"from":{"id":%d,"is_bot":false,"first_name":"\xe7\x8e\x8b",'
        b'"language_code":"zh-hans"},"chat":{"id":%d,"first_name":"\xe7\x8e\x8b","type":"private"},"date":%d,"text":%s}}'
        % (number, number, chat, chat, at or time.time(), json.dumps(words, ensure_ascii=False).encode())
    )


def tap(chat: int, message: int, data: str, at: float) -> bytes:
    """A button pressed, as Telegram posts it."""
    number = next(_updates)
    who = {"id": chat, "is_bot": False, "first_name": "王"}
    shown = {"message_id": message, "date": int(at), "chat": {"id": chat, "type": "private"}, "text": "…"}
    query = {"id": str(number), "from": who, "chat_instance": "1", "data": data, "message": shown}
    return json.dumps({"update_id": number, "callback_query": query}).encode()


@dataclass
class Spoken:
    """A round of talking: how many turns were taken and for how long, the last answer included."""

    turns: int
    seconds: float
    # Seconds from when it was due to be said: until 200, and until the answer arrived.
    taken: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return self.turns / self.seconds


class Telegram:
    """Posts to a bot's webhook what people say, over as many connections as Telegram opens to it."""

    def __init__(self, account: Account) -> None:
        self.account = account
        target = urlsplit(account.webhook)
        self._path = target.path
        self._headers = f"X-Telegram-Bot-Api-Secret-Token: {account.secret}\r\n" if account.secret else ""
        self.lines = Lines([target.port or 80], account.connections)

    def speak_to(self, ports: Sequence[int]) -> None:
        """Where several processes serve one webhook: spread over them, as a balancer would."""
        self.lines.close()
        self.lines = Lines(ports, self.account.connections)

    async def say(self, chat: int, words: str) -> None:
        """Returns when it is acknowledged.

        Raises:
            Lost: it was not.
        """
        await self.post(update(chat, words))

    async def post(self, body: bytes) -> None:
        status = await self.lines.post(self._path, body, self._headers)
        if status != 200:
            raise Lost(f"an update was answered with {status}")

    def close(self) -> None:
        self.lines.close()


class Town:
    """Residents who talk to one bot on Telegram."""

    def __init__(self, account: Account, chats: Iterable[int]) -> None:
        self.telegram = Telegram(account)
        self._people = deque(Resident(chat) for chat in chats)
        self._by_chat = {each.chat: each for each in self._people}
        self._latencies: list[float] = []
        self.turns = 0
        account.listeners.append(self._hears)

    def _hears(self, chat: int, at: float, body: bytes) -> None:
        resident = self._by_chat.get(chat)
        if resident is None:
            return
        resident.answered += 1
        if resident.waiting:
            self._latencies.append(at - resident.waiting.popleft())

    async def _say(self, resident: Resident) -> None:
        await self.telegram.say(resident.chat, resident.next_words())
        self.turns += 1

    @property
    def reports(self) -> int:
        """How many cases must be open by now."""
        return sum(each.said // STEPS for each in self._people)

    async def settle_in(self) -> None:
        """Everybody says something between nothing and three sentences, so that from here on all steps are mixed."""
        left = [(resident, place % STEPS) for place, resident in enumerate(self._people)]
        for times in range(1, STEPS):
            await asyncio.gather(*(self._say(resident) for resident, wanted in left if wanted >= times))
            await asyncio.sleep(BREATH)
        await self.all_answered()

    async def once_each(self) -> None:
        """Everybody says the next thing."""
        await asyncio.gather(*(self._say(resident) for resident in self._people))
        await asyncio.sleep(BREATH)

    async def all_answered(self) -> float:
        """When the answer to everything said so far arrived.

        Raises:
            Lost: some never came.
        """
        still, before = time.perf_counter(), -1
        while (now := sum(each.answered for each in self._people)) < self.turns:
            if now != before:
                still, before = time.perf_counter(), now
            elif time.perf_counter() - still > 20:
                raise Lost(f"{self.turns - now} answers of {self.turns} never came")
            await asyncio.sleep(0.01)
        if now > self.turns:
            raise Lost(f"{now} answers to {self.turns} turns: it does not say what is measured here")
        return self.telegram.account.last_at

    async def talk(self, seconds: float) -> Spoken:
        """As fast as they are taken; ends when the last answer has arrived."""
        began, before = time.perf_counter(), self.turns
        at_once = min(len(self.telegram.lines), len(self._people))
        await asyncio.gather(*(self._keep_talking(began + seconds) for _ in range(at_once)))
        last = time.perf_counter()
        return Spoken(self.turns - before, max(last, await self.all_answered()) - began)

    async def _keep_talking(self, until: float) -> None:
        while (now := time.perf_counter()) < until:
            resident = self._people.popleft()
            if (early := resident.said_at + BREATH - now) > 0:
                await asyncio.sleep(early)
            resident.said_at = time.perf_counter()
            await self._say(resident)
            self._people.append(resident)

    async def talk_at(
        self, per_second: float, seconds: float = math.inf, *, over: Callable[[], bool] = lambda: False
    ) -> Spoken:
        """On a fixed schedule, whether or not the last one was answered; latencies count from the schedule."""
        began, before = time.perf_counter() + 0.1, self.turns
        taken: list[float] = []
        answered: list[float] = []
        self._latencies = answered
        async with asyncio.TaskGroup() as group:
            for due in (began + number / per_second for number in count()):
                if due >= began + seconds or over():
                    break
                await asyncio.sleep(due - time.perf_counter())
                self._people.rotate(-1)
                resident = self._people[-1]
                resident.waiting.append(due)
                group.create_task(self._timed(resident, due, taken))
        return Spoken(self.turns - before, await self.all_answered() - began, taken, answered)

    async def _timed(self, resident: Resident, due: float, taken: list[float]) -> None:
        await self._say(resident)
        taken.append(time.perf_counter() - due)

    def close(self) -> None:
        self.telegram.close()
        self.telegram.account.listeners.remove(self._hears)
