"""Whoever talks through the chat page while the service dies behind it: what is not acknowledged is said again."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, ClientWebSocketResponse, WSMsgType

from tests.faults.chat import Chat, Note

# The page itself waits longer; a service that has been killed should not cost the trial its time.
_LOOK, _ACK_WITHIN, _QUIET = 2.0, 12.0, 25.0


class Page(Chat):
    """An open page as docs/web-chat.md describes it; `door` picks the address of a running process for each line."""

    def __init__(
        self, name: str, patience: float, http: ClientSession, door: Callable[[], tuple[str, str]], rng: Random
    ) -> None:
        super().__init__(name, patience)
        self.said = 0
        self.token: str | None = None
        self.wrong: list[str] = []
        self.got: dict[int, int] = {}
        self.texts: dict[int, str] = {}
        self.odds_twice = 0.0
        self.seen: Callable[[str, str], None] = lambda process, what: None
        self._process = ""
        self._after = 0
        self._unacknowledged: dict[str, dict[str, Any]] = {}
        self._http = http
        self._door = door
        self._rng = rng
        self._line: ClientWebSocketResponse | None = None
        self._later: set[asyncio.Task[None]] = set()

    @property
    def acknowledged(self) -> bool:
        return not self._unacknowledged

    def say(self, text: str) -> None:
        self.last_said = text
        self._send({"type": "say", "text": text})

    def tap(self, note: Note, label: str) -> None:
        self._send({"type": "tap", "message": note.key, "choice": note.buttons.index(label)})

    def _send(self, frame: dict[str, Any]) -> None:
        self.said += 1
        frame["id"] = f"{self._rng.getrandbits(96):024x}"
        self._unacknowledged[frame["id"]] = frame
        self._put(frame)

    def _put(self, frame: dict[str, Any], pause: float = 0.0) -> None:
        task = asyncio.create_task(self._write(frame, pause))
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def _write(self, frame: dict[str, Any], pause: float) -> None:
        if pause:
            await asyncio.sleep(pause)
        with suppress(ClientError, ConnectionError):
            if self._line is not None and not self._line.closed:
                await self._line.send_json(frame)
                self.seen(self._process, "taking")

    async def run(self) -> None:
        """Be open until cancelled: whatever happens to the line, come back."""
        try:
            while True:
                with suppress(ClientError, TimeoutError, OSError):
                    await self._connect()
                self._line = None
                await asyncio.sleep(self._rng.uniform(0.1, 1.0))
        finally:
            for task in self._later:
                task.cancel()

    async def _connect(self) -> None:
        self._process, base = self._door()
        if self.token is None:
            async with self._http.post(f"{base}/chat/session", json={}, timeout=ClientTimeout(10)) as answer:
                if answer.status != 200:
                    return
                self.token = (await answer.json())["token"]
        async with asyncio.timeout(10):
            line = await self._http.ws_connect(f"{base}/chat/ws")
        try:
            await line.send_json({"type": "hello", "token": self.token, "after": self._after})
            # In the order they were said, before anything new.
            for frame in list(self._unacknowledged.values()):
                await line.send_json(frame)
            self._line = line
            await self._read(line)
        finally:
            self._line = None
            with suppress(TimeoutError, ClientError, ConnectionError):
                async with asyncio.timeout(0.5):
                    await line.close()

    async def _read(self, line: ClientWebSocketResponse) -> None:
        heard = pinged = time.monotonic()
        while True:
            try:
                raw = await line.receive(timeout=_LOOK)
            except TimeoutError:
                quiet = time.monotonic() - heard
                if quiet > (_ACK_WITHIN if self._unacknowledged else 1.5 * _QUIET):
                    return
                if quiet > _QUIET and pinged <= heard:
                    pinged = time.monotonic()
                    await line.send_json({"type": "ping"})
                continue
            heard = time.monotonic()
            if raw.type is not WSMsgType.TEXT:
                return
            self._take(raw.json())

    def _take(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "ack":
            done = self._unacknowledged.pop(frame["id"], None)
            if done is not None and self._rng.random() < self.odds_twice:
                self._put(done, self._rng.uniform(0, 3))
        elif frame["type"] == "refused":
            if frame["id"] in self._unacknowledged:
                self._put(self._unacknowledged[frame["id"]], 1.0)
        elif frame["type"] == "who":
            self.wrong.append(f"{self.name}: a token that was given out is not known any more")
        elif frame["type"] == "message":
            self._message(frame)

    def _message(self, frame: dict[str, Any]) -> None:
        number, message = frame["no"], frame["id"]
        if number <= self._after:
            # The same number may come again on a new line, and is dropped: docs/web-chat.md.
            if self.got.get(message) != number:
                self.wrong.append(f"{self.name}: number {number} came after {self._after}")
            return
        if message in self.got:
            self.wrong.append(f"{self.name}: message {message} came as number {self.got[message]} and as {number}")
        self._after = number
        self.got[message] = number
        self.texts[message] = frame["text"]
        labels = tuple(choice["label"] for choice in frame["choices"])
        self.hears(Note(frame["text"], labels, message))
