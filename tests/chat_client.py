"""A phone on the chat page, as the page itself speaks: a session, one web socket, frames of JSON."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import aiohttp

Frame = dict[str, Any]


class Chat:
    """One person's open chat page."""

    def __init__(self, http: aiohttp.ClientSession, base: str, token: str) -> None:
        self._http = http
        self._base = base
        self._numbers = count(1)
        self._frames: list[Frame] = []
        self._news = asyncio.Event()
        self.token = token
        self.after = 0
        self.socket: aiohttp.ClientWebSocketResponse | None = None

    @property
    def messages(self) -> list[Frame]:
        """What we were told, in order."""
        return [frame for frame in self._frames if frame["type"] == "message"]

    async def open(self) -> "asyncio.Task[None]":
        self.socket = await self._http.ws_connect(f"{self._base}/chat/ws")
        await self.socket.send_json({"type": "hello", "token": self.token, "after": self.after})
        return asyncio.create_task(self._read(self.socket))

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for raw in socket:
            frame = raw.json()
            self.after = max(self.after, frame.get("no", 0))
            self._frames.append(frame)
            self._news.set()

    async def until(self, happened: Callable[[], object], seconds: float = 30) -> Any:
        """Wait for something to be true; what it was."""
        async with asyncio.timeout(seconds):
            while not (found := happened()):
                self._news.clear()
                await self._news.wait()
        return found

    async def send(self, **frame: Any) -> Frame:
        """Send a frame with an id; the ack or refusal that came back."""
        if self.socket is None:
            raise ConnectionError("the page is not open")
        frame.setdefault("id", f"client-{next(self._numbers):06d}")
        before = len(self._frames)
        await self.socket.send_json(frame)
        answer = await self.until(
            lambda: next((each for each in self._frames[before:] if each.get("id") == frame["id"]), None)
        )
        return dict(answer)

    async def say(self, text: str = "", **more: Any) -> Frame:
        return await self.send(type="say", text=text, **more)

    async def tap(self, label: str) -> Frame:
        """Press the newest button with this label."""
        for message in reversed(self.messages):
            labels = [choice["label"] for choice in message["choices"]]
            if label in labels:
                return await self.send(type="tap", message=message["id"], choice=labels.index(label))
        raise LookupError(f"no button {label}")

    async def heard(self, words: str, seconds: float = 30) -> Frame:
        """The first message with these words in it, once it has come."""
        return dict(
            await self.until(lambda: next((each for each in self.messages if words in each["text"]), None), seconds)
        )


@asynccontextmanager
async def chat(base: str, phone: str | None = None) -> AsyncIterator[Chat]:
    """An open page; `phone` is one of the demonstration's."""
    async with aiohttp.ClientSession() as http:
        async with http.post(f"{base}/chat/session", json={"phone": phone} if phone else {}) as answer:
            token = (await answer.json())["token"]
        page = Chat(http, base, token)
        reading = await page.open()
        try:
            await page.until(lambda: any(frame["type"] == "welcome" for frame in page._frames))
            yield page
        finally:
            reading.cancel()
            if page.socket is not None:
                await page.socket.close()
