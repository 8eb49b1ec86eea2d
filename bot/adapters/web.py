"""The chat page: residents without an app talk through it, and see what they missed when they come back.

The wire: JSON frames over one web socket, described in docs/web-chat.md. A message is acknowledged after it is
stored; what we say lies in a mailbox in order, and each reader asks for what comes after the last number it saw.
"""

import asyncio
import hashlib
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any

import msgspec
from aiohttp import BodyPartReader, WSMsgType, web

from bot.core.ports import Pace, Take
from bot.core.words import Address, Kind, Lying, Outgoing, Position, Said, Tap
from domain.people import Person
from storage.desk import Desk, Desks
from storage.files import LARGEST, BadPhoto

log = logging.getLogger("xiaomazha.web")

_FRAME = 64 * 1024
_LOOK_AGAIN = 10.0


class _Frame(msgspec.Struct):
    """Anything a page may send."""

    type: str
    token: str | None = None
    after: Annotated[int, msgspec.Meta(ge=0, lt=2**53)] = 0
    id: str = ""
    text: str = ""
    photos: list[str] = []
    position: Position | None = None
    message: Annotated[int, msgspec.Meta(ge=0, lt=2**53)] = 0
    choice: Annotated[int, msgspec.Meta(ge=0, lt=100)] = 0


@dataclass(frozen=True, slots=True)
class Guest:
    """A sample person behind one of the demonstration phones."""

    key: str
    title: str
    name: str
    person_id: int


class _Reader:
    """An open page: what was brought for it since it was last written to."""

    def __init__(self) -> None:
        self.bell = asyncio.Event()
        self.brought: list[Lying] = []

    def take(self, after: int) -> list[tuple[int, Outgoing]]:
        """What was brought, if nothing lies between it and what the page has; empty: look in the mailbox."""
        brought, self.brought = [each for each in self.brought if each.number > after], []
        if not brought or brought[0].before > after:
            return []
        return [(each.number, each.outgoing) for each in brought]


class WebChat:
    """The adapter for the chat page. A token is the key to a chat; we keep only its hash."""

    platform = "web"
    account = "chat"
    mailbox = True
    one_listener = False
    pace: Pace | None = None

    def __init__(
        self,
        desks: Desks,
        clock: Callable[[], datetime],
        shortcuts: Callable[[Person], Sequence[str]],
        guests: Callable[[web.Request], Mapping[str, Guest]],
    ) -> None:
        self._desks = desks
        self._clock = clock
        self._shortcuts = shortcuts
        self._guests = guests
        self._take: Take | None = None
        self._readers: dict[int, set[_Reader]] = {}
        self._sockets: set[web.WebSocketResponse] = set()

    async def listen(self, take: Take) -> None:
        self._take = take
        try:
            await asyncio.Event().wait()
        finally:
            self._take = None
            for socket in list(self._sockets):
                await socket.close(code=1012, message=b"restarting")

    async def send(self, outgoing: Outgoing) -> None:
        """Nothing to do: what is stored is delivered."""

    def gap(self, chat: str) -> float:
        """A mailbox takes whatever comes."""
        return 0.0

    def ring(self, lying: Sequence[Lying]) -> None:
        for each in lying:
            for reader in self._readers.get(each.contact_id, ()):
                reader.brought.append(each)
                reader.bell.set()

    def look(self, contacts: Sequence[int]) -> None:
        for contact in contacts:
            for reader in self._readers.get(contact, ()):
                reader.bell.set()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/chat/session", self._session),
            web.get("/chat/phones", self._phones),
            web.get("/chat/ws", self._socket),
            web.post("/chat/photos", self._photo),
            web.get("/chat/files/{digest:[0-9a-f]{64}}", self._file),
        ]

    async def _session(self, request: web.Request) -> web.Response:
        body = await _json(request)
        token = secrets.token_urlsafe(32)
        if phone := body.get("phone"):
            guest = self._guests(request).get(str(phone))
            if guest is None:
                raise web.HTTPNotFound(text="no such phone")
            await self._desks.write(lambda desk: desk.people.bind(self._address(token), guest.person_id))
        else:
            await self._desks.write(lambda desk: desk.people.meet(self._address(token)))
        return web.json_response({"token": token})

    async def _phones(self, request: web.Request) -> web.Response:
        guests = self._guests(request)
        if not guests:
            raise web.HTTPNotFound(text="not in demonstration")
        return web.json_response(
            [{"key": each.key, "title": each.title, "name": each.name} for each in guests.values()]
        )

    def _address(self, token: str) -> Address:
        return Address(self.platform, self.account, hashlib.sha256(token.encode()).hexdigest())

    # Talking.

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(heartbeat=30, max_msg_size=_FRAME, compress=False)
        try:
            await socket.prepare(request)
            self._sockets.add(socket)
            await self._converse(socket)
        except ConnectionError:
            # The page went away in mid-sentence; what was stored is there when it comes back.
            log.debug("a page went away")
        finally:
            self._sockets.discard(socket)
        return socket

    async def _converse(self, socket: web.WebSocketResponse) -> None:
        address, reader = None, None
        try:
            async for raw in socket:
                if raw.type is not WSMsgType.TEXT:
                    continue
                try:
                    frame = msgspec.json.decode(raw.data, type=_Frame)
                except msgspec.DecodeError:
                    await socket.send_json({"type": "refused", "id": "", "text": "没看懂这条消息，请刷新页面再试。"})
                    continue
                if frame.type == "ping":
                    await socket.send_json({"type": "pong"})
                elif frame.type == "hello" and reader is None:
                    if not frame.token or len(frame.token) < 32:
                        await socket.send_json({"type": "who"})
                        continue
                    if not await self._knows(self._address(frame.token)):
                        # Not a key of ours, or of a database before this one: the page asks for a new one.
                        await socket.send_json({"type": "who"})
                        continue
                    address = self._address(frame.token)
                    reader = asyncio.create_task(self._welcome(socket, address, frame.after))
                elif address is not None and frame.type in ("say", "tap"):
                    await self._say(socket, address, frame)
        finally:
            if reader is not None:
                reader.cancel()
                await asyncio.gather(reader, return_exceptions=True)

    async def _knows(self, address: Address) -> bool:
        return await self._desks.read(lambda desk: desk.people.find(address)) is not None

    async def _say(self, socket: web.WebSocketResponse, address: Address, frame: _Frame) -> None:
        if not 8 <= len(frame.id) <= 64:
            await socket.send_json(
                {"type": "refused", "id": frame.id[:64], "text": "这条消息少了编号，请刷新页面再试。"}
            )
            return
        if self._take is None:
            await socket.close(code=1012, message=b"restarting")
            return
        photos = await self._own_photos(frame.photos[:9])
        # Ids are the page's own: they are made this chat's, so that no page can silence another.
        said = Said(
            address,
            f"{address.chat[:16]}:{frame.id}",
            self._clock(),
            frame.text,
            photos=photos,
            position=frame.position,
            tap=Tap(frame.message, frame.choice) if frame.type == "tap" else None,
        )
        try:
            await self._take(said)
        except Exception:
            log.exception("could not take a message")
            await socket.send_json({"type": "refused", "id": frame.id, "text": "暂时没能存下，请稍后再发一次。"})
            return
        await socket.send_json({"type": "ack", "id": frame.id})

    async def _own_photos(self, digests: Sequence[str]) -> tuple[str, ...]:
        if not digests:
            return ()
        ours = await self._desks.write(lambda desk: desk.files.renew(digests))
        return tuple(digest for digest in digests if digest in ours)

    async def _welcome(self, socket: web.WebSocketResponse, address: Address, after: int) -> None:
        try:
            await self._write_out(socket, address, after)
        except ConnectionError:
            return
        except Exception:
            # With its line cut the page comes again by itself; left open it would never hear anything.
            log.exception("a page cannot be written to")
            await socket.close(code=1011)

    async def _write_out(self, socket: web.WebSocketResponse, address: Address, after: int) -> None:
        """Greet, then write out everything after a number, now and as it comes."""
        # Only looked at: what they are told goes where they last wrote from, not where a page lies open.
        behind = await self._desks.read(lambda desk: desk.people.at(address))
        if behind is None:
            return
        contact, person = behind
        await socket.send_json(
            {
                "type": "welcome",
                "name": person.name or "",
                "title": self._title(person),
                "shortcuts": [{"label": label, "text": label} for label in self._shortcuts(person)],
            }
        )
        reader = _Reader()
        self._readers.setdefault(contact, set()).add(reader)
        try:
            while not socket.closed:
                reader.bell.clear()
                brought = reader.take(after)
                lying = brought or await self._desks.read(partial(_lying, contact, after))
                for number, outgoing in lying:
                    if outgoing.kind is not Kind.MENU:
                        await socket.send_str(_drawn(number, outgoing))
                    after = number
                if brought or not lying:
                    await _heard(reader.bell)
        finally:
            self._readers[contact].discard(reader)
            if not self._readers[contact]:
                del self._readers[contact]

    def _title(self, person: Person) -> str:
        texts = self._desks.texts
        return texts.say(f"role.{person.roles[0].role if person.roles else 'resident'}", person.language)

    # Photos.

    async def _photo(self, request: web.Request) -> web.Response:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if len(token) < 32 or not await self._knows(self._address(token)):
            return _said(401, "请先打开聊天页面，再发照片。")
        if (request.content_length or 0) > LARGEST + 4096:
            return _said(413, "照片超过 10 MB 了，请压缩或重拍一张。")
        data = bytearray()
        try:
            part = await (await request.multipart()).next()
            while isinstance(part, BodyPartReader) and (chunk := await part.read_chunk(65536)):
                data += chunk
                if len(data) > LARGEST:
                    return _said(413, "照片超过 10 MB 了，请压缩或重拍一张。")
        except (ValueError, AssertionError):
            data.clear()
        if not data:
            return _said(400, "没收到照片，请再发一次。")
        try:
            digest = await self._desks.album.keep(bytes(data))
        except BadPhoto:
            return _said(415, "这不是我能看的照片。请发 JPG 或 PNG 图片。")
        except OSError:
            log.exception("a photo could not be kept")
            return _said(503, "照片暂时存不下，请过一会儿再发一次。")
        return web.json_response({"id": digest, "url": f"/chat/files/{digest}"})

    async def _file(self, request: web.Request) -> web.StreamResponse:
        # The digest is 256 bits nobody can guess, told only in messages to those who may see the photo.
        digest = request.match_info["digest"]
        try:
            photo = await self._desks.album.read(digest, thumb="thumb" in request.query)
        except FileNotFoundError:
            raise web.HTTPNotFound(text="no such photo") from None
        except OSError as error:
            log.warning("photo %s… cannot be had just now: %s", digest[:12], error)
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "10"}) from None
        return web.Response(
            # Whole, not as a stream: it is a megabyte or two, and what goes wrong is known before the answer begins.
            body=photo,
            headers={
                "Content-Type": "image/png" if photo.startswith(b"\x89PNG") else "image/jpeg",
                "Cache-Control": "private, max-age=31536000, immutable",
                "X-Content-Type-Options": "nosniff",
                "Content-Disposition": "inline",
            },
        )


async def _lying(contact: int, after: int, desk: Desk) -> list[tuple[int, Outgoing]]:
    return await desk.outbox.lying(contact, after)


def _drawn(number: int, outgoing: Outgoing) -> str:
    reply = outgoing.reply
    kind = "reply" if outgoing.kind is Kind.REPLY else "push" if outgoing.kind is Kind.PUSH else "notice"
    return msgspec.json.encode(
        {
            "type": "message",
            "no": number,
            "id": outgoing.id,
            "text": reply.text,
            "kind": kind,
            "at": outgoing.at,
            "choices": [{"label": choice.label} for choice in reply.choices],
            "photos": [
                {"url": f"/chat/files/{photo}", "thumb": f"/chat/files/{photo}?thumb"} for photo in reply.photos
            ],
        }
    ).decode()


async def _heard(bell: asyncio.Event) -> None:
    # Another process may have sent it: look again now and then, bell or no bell.
    try:
        async with asyncio.timeout(_LOOK_AGAIN):
            await bell.wait()
    except TimeoutError:
        return


async def _json(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        raise web.HTTPBadRequest(text="not JSON") from None
    return body if isinstance(body, dict) else {}


def _said(status: int, text: str) -> web.Response:
    return web.json_response({"text": text}, status=status)
