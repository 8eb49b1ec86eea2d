"""Everybody under measure is spoken to in plain HTTP/1.1, by a sender and a listener that cost next to nothing.

A full HTTP library on this side would be slower than what it measures, so only what the contestants use is here:
kept connections, one request at a time on each, bodies by length or in chunks.
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

_HOST = "127.0.0.1"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_SIZE = re.compile(rb"([0-9a-fA-F]+)[^\r\n]*\r\n")


class _Messages(asyncio.Protocol):
    """Cuts what arrives into (head, body); the head keeps its first line."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("not a stream")
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (found := cut(self._buffer)) is not None:
            head, body, end = found
            del self._buffer[:end]
            self.arrived(head, body)

    def arrived(self, head: bytes, body: bytes) -> None:
        raise NotImplementedError


def cut(buffer: bytearray) -> tuple[bytes, bytes, int] | None:
    """The first whole message of a buffer and where it ends; None when it has not all come."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = bytes(buffer[:end])
    start = end + 4
    if length := _LENGTH.search(head):
        stop = start + int(length[1])
        return (head, bytes(buffer[start:stop]), stop) if len(buffer) >= stop else None
    if not _CHUNKED.search(head):
        return head, b"", start
    body = bytearray()
    while size := _SIZE.match(buffer, start):
        start, length_ = size.end(), int(size[1], 16)
        if len(buffer) < start + length_ + 2:
            return None
        body += buffer[start : start + length_]
        start += length_ + 2
        if not length_:
            return head, bytes(body), start
    return None


class Line(_Messages):
    """One kept connection to a contestant; opened again when the other side closes it."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port
        self._answer: asyncio.Future[int] | None = None

    async def post(self, path: str, body: bytes, headers: str = "") -> int:
        """The status of the answer, once all of it has come.

        Raises:
            OSError: the other side is not there, or went away before it answered.
        """
        loop = asyncio.get_running_loop()
        if self.transport is None or self.transport.is_closing():
            self._buffer.clear()
            await loop.create_connection(lambda: self, _HOST, self._port)
        if self.transport is None:
            raise ConnectionResetError("the line was cut")
        self._answer = loop.create_future()
        self.transport.write(
            b"POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n%s\r\n%s" % (path.encode(), self._port, len(body), headers.encode(), body)
        )
        return await self._answer

    def arrived(self, head: bytes, body: bytes) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_result(int(head[9:12]))

    def connection_lost(self, error: Exception | None) -> None:
        self.transport = None
        if self._answer and not self._answer.done():
            self._answer.set_exception(ConnectionResetError("the line was cut"))

    def close(self) -> None:
        if self.transport:
            self.transport.close()


class Lines:
    """So many kept connections, spread over the ports; who finds none free waits in line, as Telegram does."""

    def __init__(self, ports: Sequence[int], count: int) -> None:
        self._all = [Line(ports[place % len(ports)]) for place in range(count)]
        self._free = deque(self._all)
        self._waiting: deque[asyncio.Future[None]] = deque()

    def __len__(self) -> int:
        return len(self._all)

    async def post(self, path: str, body: bytes, headers: str = "") -> int:
        while not self._free:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        line = self._free.popleft()
        try:
            return await line.post(path, body, headers)
        finally:
            self._free.append(line)
            while self._waiting:
                turn = self._waiting.popleft()
                if not turn.done():
                    turn.set_result(None)
                    break

    def close(self) -> None:
        for line in self._all:
            line.close()


# Answers a request (its path and body) with JSON, and after how many seconds.
Answer = Callable[[str, bytes], tuple[int, bytes, float]]


class Listener:
    """A small HTTP server: `answer` is called at the moment a request has arrived."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._talking: set[_Served] = set()
        self.port = 0

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Served(self._answer, self._talking), _HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        for each in list(self._talking):
            if each.transport:
                each.transport.close()
        if self._server:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._server.wait_closed(), 1)


class _Served(_Messages):
    def __init__(self, answer: Answer, talking: "set[_Served]") -> None:
        super().__init__()
        self._answer = answer
        self._talking = talking

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._talking.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._talking.discard(self)

    def arrived(self, head: bytes, body: bytes) -> None:
        status, answer, delay = self._answer(head.split(b" ", 2)[1].decode(), body)
        if delay > 0:
            asyncio.get_running_loop().call_later(delay, self._write, status, answer)
        else:
            self._write(status, answer)

    def _write(self, status: int, answer: bytes) -> None:
        if self.transport and not self.transport.is_closing():
            self.transport.write(
                b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                % (status, len(answer), answer)
            )
