"""The same residents talk through the chat page: one web socket each, as docs/web-chat.md describes the wire."""

import asyncio
import json
import time
from collections import deque
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

import msgspec
from aiohttp import ClientSession, ClientWebSocketResponse, TCPConnector, WSMsgType

from bench.people import BREATH, STEPS, Lost, Resident, Spoken, newcomers

# A page waits for its ack before it says more; so many pages do that at once.
AT_ONCE = 100
_PATIENCE = 20.0


class _Frame(msgspec.Struct):
    type: str
    id: str | int = ""
    no: int = 0


_frame = msgspec.json.Decoder(_Frame)


class _Page:
    """A resident's page, open or not: says, waits for the ack, counts what it is told."""

    def __init__(self, resident: Resident, url: str, token: str) -> None:
        self.resident = resident
        self._url = url
        self._token = token
        self._after = 0
        self._acks: dict[str, asyncio.Future[None]] = {}
        self._socket: ClientWebSocketResponse | None = None
        self._hearing: asyncio.Task[None] | None = None

    async def open(self, http: ClientSession) -> None:
        self._socket = await http.ws_connect(f"{self._url}/chat/ws")
        await self._socket.send_json({"type": "hello", "token": self._token, "after": self._after})
        if (await self._socket.receive_json())["type"] != "welcome":
            raise Lost("a page was not welcome")
        self._hearing = asyncio.create_task(self._hear(self._socket))

    async def close(self) -> None:
        if self._socket and self._hearing:
            await self._socket.close()
            await asyncio.gather(self._hearing, return_exceptions=True)

    async def _hear(self, socket: ClientWebSocketResponse) -> None:
        async for raw in socket:
            if raw.type is not WSMsgType.TEXT:
                continue
            frame = _frame.decode(raw.data)
            if frame.type == "message" and frame.no > self._after:
                self._after = frame.no
                self.resident.answered += 1
            elif frame.type in ("ack", "refused") and (ack := self._acks.pop(str(frame.id), None)):
                if frame.type == "ack":
                    ack.set_result(None)
                else:
                    ack.set_exception(Lost("a page was refused"))
        for ack in self._acks.values():
            ack.set_exception(Lost("a page was cut off"))

    async def say(self) -> None:
        """Returns when it is acknowledged, so stored.

        Raises:
            Lost: it was not.
        """
        if self._socket is None:
            raise Lost("a page is not open")
        number = f"{self.resident.chat}-{self.resident.said}"
        ack = self._acks[number] = asyncio.get_running_loop().create_future()
        words = self.resident.next_words()
        await self._socket.send_str(json.dumps({"type": "say", "id": number, "text": words}, ensure_ascii=False))
        await ack


class WebTown:
    """Residents with a chat on the page of one or more services. `async with town:` their pages are open."""

    def __init__(self) -> None:
        self._pages: deque[_Page] = deque()
        self._closing = AsyncExitStack()
        self.turns = 0

    async def move_in(self, urls: list[str], count: int) -> None:
        """Everybody gets a token from one of the services."""
        async with ClientSession() as http:
            for place, resident in enumerate(map(Resident, newcomers(count))):
                url = urls[place % len(urls)]
                async with http.post(f"{url}/chat/session", json={}) as answer:
                    self._pages.append(_Page(resident, url, (await answer.json())["token"]))
        async with self:
            await self._settle_in()

    async def __aenter__(self) -> Self:
        http = await self._closing.enter_async_context(ClientSession(connector=TCPConnector(limit=0)))
        for page in self._pages:
            await page.open(http)
            self._closing.push_async_callback(page.close)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._closing.aclose()

    async def _settle_in(self) -> None:
        """So that from here on all steps are mixed."""
        for times in range(1, STEPS):
            saying = [page for place, page in enumerate(self._pages) if place % STEPS >= times]
            await asyncio.gather(*(self._say_in_turn(saying[first::AT_ONCE]) for first in range(AT_ONCE)))
            await asyncio.sleep(BREATH)
        await self._all_answered()

    async def _say_in_turn(self, pages: list[_Page]) -> None:
        for page in pages:
            await page.say()
            self.turns += 1

    async def _all_answered(self) -> None:
        still, before = time.perf_counter(), -1
        while (now := sum(page.resident.answered for page in self._pages)) < self.turns:
            if now != before:
                still, before = time.perf_counter(), now
            elif time.perf_counter() - still > _PATIENCE:
                raise Lost(f"{self.turns - now} answers of {self.turns} never came")
            await asyncio.sleep(0.01)
        if now > self.turns:
            raise Lost(f"{now} answers to {self.turns} turns: it does not say what is measured here")

    async def talk(self, seconds: float) -> Spoken:
        """As fast as it is acknowledged; ends when the last answer is there."""
        began, before = time.perf_counter(), self.turns
        await asyncio.gather(*(self._keep_talking(began + seconds) for _ in range(min(AT_ONCE, len(self._pages)))))
        await self._all_answered()
        return Spoken(self.turns - before, time.perf_counter() - began)

    async def _keep_talking(self, until: float) -> None:
        while (now := time.perf_counter()) < until:
            page = self._pages.popleft()
            if (early := page.resident.said_at + BREATH - now) > 0:
                await asyncio.sleep(early)
            page.resident.said_at = time.perf_counter()
            await page.say()
            self.turns += 1
            self._pages.append(page)
