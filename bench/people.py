"""Residents report street lamps, all in the same four sentences, to whoever is under measure."""

import asyncio
import itertools
import json
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bench.bot_api import Account
from bench.wire import Lines

# Slower than what the service takes for a flood (more than four in two seconds), for everybody alike.
BREATH = 0.55
STEPS = 4

_numbers = itertools.count(1)
# Never the same number in two runs: a database kept from an earlier one would take it for a repeat.
_updates = itertools.count(int(time.time()) * 1000)


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


def update(chat: int, words: str) -> bytes:
    """A text message as Telegram posts it."""
    number = next(_updates)
    return (
        b'{"update_id":%d,"message":{"message_id":%d,"from":{"id":%d,"is_bot":false,"first_name":"\xe7\x8e\x8b",'
        b'"language_code":"zh-hans"},"chat":{"id":%d,"first_name":"\xe7\x8e\x8b","type":"private"},"date":%d,"text":%s}}'
        % (number, number, chat, chat, int(time.time()), json.dumps(words, ensure_ascii=False).encode())
    )


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


class Town:
    """Residents of one bot on Telegram; Telegram posts what they say over its usual number of connections."""

    def __init__(self, account: Account, chats: Iterable[int]) -> None:
        self._account = account
        target = urlsplit(account.webhook)
        self._path = target.path
        self._headers = f"X-Telegram-Bot-Api-Secret-Token: {account.secret}\r\n" if account.secret else ""
        self._lines = Lines([target.port or 80], account.connections)
        self._people = deque(Resident(chat) for chat in chats)
        self._by_chat = {each.chat: each for each in self._people}
        self._latencies: list[float] = []
        account.on_sent = self._hears
        self.turns = 0

    def speak_to(self, ports: Sequence[int]) -> None:
        """Where several processes serve one webhook: spread over them, as a balancer would."""
        self._lines.close()
        self._lines = Lines(ports, self._account.connections)

    def _hears(self, chat: int, at: float, body: bytes) -> None:
        resident = self._by_chat.get(chat)
        if resident is None:
            return
        resident.answered += 1
        if resident.waiting:
            self._latencies.append(at - resident.waiting.popleft())

    async def _say(self, resident: Resident) -> None:
        words = resident.next_words()
        status = await self._lines.post(self._path, update(resident.chat, words), self._headers)
        if status != 200:
            raise Lost(f"an update was answered with {status}")
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
        return self._account.last_at

    async def talk(self, seconds: float) -> Spoken:
        """As fast as they are taken; ends when the last answer has arrived."""
        began, before = time.perf_counter(), self.turns
        at_once = min(len(self._lines), len(self._people))
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

    async def talk_at(self, per_second: float, seconds: float) -> Spoken:
        """On a fixed schedule, whether or not the last one was answered; latencies count from the schedule."""
        began, before = time.perf_counter() + 0.1, self.turns
        taken: list[float] = []
        answered: list[float] = []
        self._latencies = answered
        async with asyncio.TaskGroup() as group:
            for resident, due in zip(self._round(), self._schedule(began, per_second, seconds), strict=False):
                await asyncio.sleep(due - time.perf_counter())
                resident.waiting.append(due)
                group.create_task(self._timed(resident, due, taken))
        seconds = await self.all_answered() - began
        return Spoken(self.turns - before, seconds, taken, answered)

    def _round(self) -> Iterator[Resident]:
        while True:
            self._people.rotate(-1)
            yield self._people[-1]

    @staticmethod
    def _schedule(began: float, per_second: float, seconds: float) -> Iterator[float]:
        return (began + number / per_second for number in range(int(per_second * seconds)))

    async def _timed(self, resident: Resident, due: float, taken: list[float]) -> None:
        await self._say(resident)
        taken.append(time.perf_counter() - due)

    def close(self) -> None:
        self._lines.close()
