"""The gate of the pages for staff: who comes in, from which site, what is done once however often it is sent.

A session says who somebody is; what they may do is read anew with every request, in its own transaction.
"""

import hashlib
import ipaddress
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from msgspec import Meta

from bot.core.errors import Refused, Unavailable
from bot.core.render import Phrase, words
from bot.core.turn import clean
from domain.people import Person, Role
from domain.sessions import INSIDE, Session
from storage.desk import Desk, Desks

log = logging.getLogger("xiaomazha.web")

T = TypeVar("T")
LARGEST = 16 * 1024
_KEY = re.compile(r"[A-Za-z0-9_-]{8,64}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_PLACE = re.compile(r"at `\$\.?(.*?)`")


class Problem(Exception):
    """A request that gets no further: its text, the status and what the answer's head says besides."""

    def __init__(
        self, key: str, status: int, headers: Mapping[str, str] | None = None, language: str = "zh", **shown: object
    ) -> None:
        super().__init__(key)
        self.key = key
        self.status = status
        self.headers = headers or {}
        self.language = language
        self.shown = shown


class Fault(msgspec.Struct):
    """哪里没办成。"""

    code: Annotated[str, Meta(description="给程序看的代号，不会变")]
    message: Annotated[str, Meta(description="给人看的一句话")]


class Failed(msgspec.Struct):
    """没办成，都是这个样子。"""

    error: Annotated[Fault, Meta(description="哪里没办成")]


@dataclass(frozen=True)
class Route:
    """One thing a page can ask for. `says`: what it is for, as the document says it.

    `asks` is what stands in the address after the ?, `takes` the body, `gives` the answer. `once`: written under an
    `Idempotency-Key`. `roles`: who may ask; empty means everybody.
    """

    method: str
    path: str
    says: str
    act: Handler
    gives: Any
    takes: Any = None
    asks: Any = None
    once: bool = False
    roles: tuple[Role, ...] = INSIDE


class Gate:
    """Lets people with a session in, to read or to write."""

    def __init__(self, desks: Desks, public_url: str | None) -> None:
        self.desks = desks
        self._public_url = public_url

    async def read(
        self, request: web.Request, work: Callable[[Desk, Person], Awaitable[T]], roles: tuple[Role, ...] = INSIDE
    ) -> web.Response:
        """Look something up for somebody who holds one of these roles just now."""

        async def look(desk: Desk) -> tuple[int | None, bytes]:
            session, person = await self.whose(request, desk, roles)
            found = msgspec.json.encode(await work(desk, person))
            return session.id if desk.sessions.wants_mark(session) else None, found

        used, body = await self.desks.read(look)
        if used is not None:
            await self.desks.write(lambda desk: desk.sessions.mark(used))
        return answered(body)

    async def write(
        self,
        request: web.Request,
        shape: type[Any] | Any,
        work: Callable[[Desk, Person, Any], Awaitable[T]],
        roles: tuple[Role, ...],
    ) -> web.Response:
        """Do something for somebody who holds one of these roles just now: once a key, or not at all."""
        key = request.headers.get("Idempotency-Key", "")
        if not _KEY.fullmatch(key):
            raise Problem("page.no_key", 400)
        given, raw = await self.body(request, shape)
        # The same key for something else is a mistake of the page's, and nothing is done.
        mark = hashlib.sha256(f"{request.method} {request.path}\n".encode() + raw).hexdigest()

        async def act(desk: Desk) -> bytes:
            session, person = await self.whose(request, desk, roles)
            if not await desk.heard.begin(person.id, key):
                before, _, said = (await desk.heard.answer(person.id, key) or "").partition(" ")
                if before != mark:
                    raise Problem("page.key_used", 409)
                return said.encode()
            if desk.sessions.wants_mark(session):
                await desk.sessions.mark(session.id)
            desk.serve(person)
            try:
                done = msgspec.json.encode(await work(desk, person, given))
            except Refused as refused:
                _log_refusal(refused.key, person, request)
                raise Problem(refused.key, _status(refused.key), None, person.language, **refused.shown) from None
            await desk.heard.answered(person.id, key, f"{mark} {done.decode()}")
            return done

        return answered(await self.desks.write(act))

    async def whose(self, request: web.Request, desk: Desk, roles: tuple[Role, ...]) -> tuple[Session, Person]:
        """The session a request comes with, and whose it is with the roles they hold at this moment.

        Raises:
            Problem: there is no such session, or the roles are not theirs.
        """
        token = request.cookies.get(cookie_name(request), "")
        session = await desk.sessions.of_token(token) if _TOKEN.fullmatch(token) else None
        person = await desk.people.get(session.person_id) if session else None
        if session is None or person is None:
            raise Problem("page.sign_in", 401)
        if roles and not person.has(*roles):
            _log_refusal("page.not_for_you", person, request)
            raise Problem("page.not_for_you", 403)
        return session, person

    async def body(self, request: web.Request, shape: type[Any] | Any) -> tuple[Any, bytes]:
        """What a page of ours sent, as the shape says it, and as it came.

        Raises:
            Problem: it is too long, or no such thing, or another site's page sent it.
        """
        self.same_site(request)
        if request.content_type != "application/json":
            raise Problem("page.unreadable", 415, place="Content-Type")
        if request.content_length is None:
            raise Problem("page.unreadable", 411, place="Content-Length")
        if request.content_length > LARGEST:
            raise Problem("page.too_large", 413)
        raw = await request.read()
        try:
            return msgspec.convert(_cleaned(msgspec.json.decode(raw)), shape), raw
        except (msgspec.MsgspecError, RecursionError) as error:
            raise Problem("page.unreadable", 400, place=_place(error)) from None

    def same_site(self, request: web.Request) -> None:
        """Nothing is written for a page of another site, whosever cookie it rides on.

        Raises:
            Problem: the browser does not say that it was one of ours.
        """
        origin = request.headers.get("Origin", "")
        if self._public_url is not None and origin == self._public_url:
            return
        here = urlsplit(origin).netloc == request.host and origin.startswith(("http://", "https://"))
        if not here or (self._public_url is not None and not loopback(request)):
            raise Problem("page.other_site", 403)


def _log_refusal(key: str, person: Person, request: web.Request) -> None:
    """The operator can read who tried what, as of the chats; an address has numbers and no words of theirs."""
    log.info("refused %s: person %d, %s %s", key, person.id, request.method, request.path)


def asked(request: web.Request, shape: type[T]) -> T:
    """What stands in the address after the ?.

    Raises:
        Problem: it is no such thing.
    """
    try:
        return msgspec.convert(dict(request.query), shape, strict=False)
    except msgspec.ValidationError as error:
        raise Problem("page.unreadable", 400, place=_place(error)) from None


def answered(body: bytes, status: int = 200) -> web.Response:
    """JSON nobody on the way keeps."""
    return web.Response(
        body=body,
        status=status,
        content_type="application/json",
        charset="utf-8",
        headers={"Cache-Control": "no-store"},
    )


def manners(desks: Desks) -> Middleware:
    """Whatever goes wrong behind /api/ is said in one shape, in words for people, and in the log without theirs."""

    @web.middleware
    async def tell(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith("/api/"):
            return await handler(request)
        try:
            return await handler(request)
        except Problem as problem:
            return _failed(desks, problem)
        except Unavailable:
            log.warning("the database does not answer a page")
            return _failed(desks, Problem("page.busy", 503, {"Retry-After": "5"}))
        except web.HTTPException as wrong:
            heads = {"Allow": wrong.headers["Allow"]} if "Allow" in wrong.headers else {}
            key = "page.too_large" if wrong.status == 413 else "page.nothing_here"
            return _failed(desks, Problem(key, wrong.status, heads))
        except Exception:
            trouble = desks.new_id()
            log.exception("a page's request failed, %s", trouble)
            return _failed(desks, Problem("page.trouble", 500, trouble=trouble))

    return tell


def _failed(desks: Desks, problem: Problem) -> web.Response:
    message = words(Phrase(problem.key, problem.shown), desks.texts, problem.language, desks.district.timezone)
    response = answered(msgspec.json.encode(Failed(Fault(problem.key, message))), problem.status)
    response.headers.update(problem.headers)
    return response


def _status(key: str) -> int:
    """What a rule's no is called in HTTP: not there for them, not theirs, or not as things stand."""
    if key.endswith(".not_found"):
        return 404
    return 403 if key.endswith((".not_yours", ".own_work", ".not_for_you")) else 409


def _cleaned(value: Any) -> Any:
    """Every text in it as a chat would have taken it."""
    if isinstance(value, str):
        return clean(value).strip()
    if isinstance(value, list):
        return [_cleaned(each) for each in value]
    if isinstance(value, dict):
        return {key: _cleaned(each) for key, each in value.items()}
    return value


def _place(error: Exception) -> str:
    """Where in it something is wrong; never what stands there."""
    found = _PLACE.search(str(error))
    return found[1] if found else "JSON"


def loopback(request: web.Request) -> bool:
    """Whether the page was asked for on this very machine."""
    host = request.url.host or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def cookie_name(request: web.Request) -> str:
    """A name no other site of the same domain can set a cookie for; a browser takes it over HTTPS only."""
    return "xiaomazha-staff" if loopback(request) else "__Host-xiaomazha-staff"


def whence(request: web.Request) -> str:
    """The address a request comes from, as the proxy before us says; no stranger is believed."""
    peer = request.remote or ""
    try:
        ours = ipaddress.ip_address(peer).is_private
    except ValueError:
        ours = False
    forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    return forwarded if ours and forwarded else peer
