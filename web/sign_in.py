"""Staff sign in with the code from their chat, see who they are here, and sign out."""

import logging
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from domain.people import STAFF, Person
from domain.sessions import INSIDE
from storage.desk import Desk
from storage.sessions import TooManyGuesses
from web.gate import Gate, Problem, Route, answered, cookie_name, loopback, whence

log = logging.getLogger("xiaomazha.web")

# As a browser calls itself; iPads and phones before the systems they are made from.
_DEVICES = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("OpenHarmony", "HarmonyOS"),
    ("HarmonyOS", "HarmonyOS"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("Linux", "Linux"),
)


class Code(msgspec.Struct, forbid_unknown_fields=True):
    """聊天里给的登录码。"""

    code: Annotated[str, Meta(min_length=8, max_length=20, description="8 个字母和数字，横线、空格、大小写都不要紧")]


class Holds(msgspec.Struct):
    """一个身份。"""

    role: Annotated[
        str,
        Meta(description="身份的代号：`gridworker`、`grid_leader`、`community`、`street`、`district`、`department`…"),
    ]
    role_name: Annotated[str, Meta(description="身份的名称")]
    area: Annotated[str, Meta(description="区划代码（12 位）或网格码（15 位）")]
    area_name: Annotated[str, Meta(description="区域的名称")]
    department: Annotated[str | None, Meta(description="部门的代号；不是部门的人是 `null`")]


class Me(msgspec.Struct):
    """登录的人。"""

    name: Annotated[str, Meta(description="称呼，没填就是空")]
    roles: Annotated[list[Holds], Meta(description="现在的身份；每次请求都重新看")]
    answers: Annotated[bool, Meta(description="能不能答未答问题")]


class Gone(msgspec.Struct):
    """退出了。"""

    signed_out: Annotated[bool, Meta(description="一定是 `true`")] = True


def routes(gate: Gate) -> list[Route]:
    async def begin(request: web.Request) -> web.Response:
        given, _ = await gate.body(request, Code)
        address, device = whence(request), _device(request.headers.get("User-Agent", ""))

        async def look(desk: Desk) -> tuple[str, bytes] | None:
            begun = await desk.sessions.begin(given.code, device, address)
            person = await desk.people.get(begun[1]) if begun else None
            # A wrong guess is kept: it must count.
            return (begun[0], msgspec.json.encode(_me(person, desk))) if begun and person else None

        try:
            found = await gate.desks.write(look)
        except TooManyGuesses:
            log.warning("too many wrong codes, none is looked at for now")
            raise Problem("page.too_many", 429, {"Retry-After": "600"}) from None
        if found is None:
            log.warning("a wrong code to sign in")
            raise Problem("page.bad_code", 401)
        log.info("somebody signed in to the pages")
        response = answered(found[1])
        # Until the browser is closed: the computer in an office is everybody's.
        response.set_cookie(
            cookie_name(request), found[0], httponly=True, secure=not loopback(request), samesite="Strict", path="/"
        )
        return response

    async def me(request: web.Request) -> web.Response:
        async def look(desk: Desk, person: Person) -> Me:
            return _me(person, desk)

        return await gate.read(request, look)

    async def end(request: web.Request) -> web.Response:
        gate.same_site(request)

        async def sign_out(desk: Desk) -> None:
            # Who has lost their roles may still leave.
            session, person = await gate.whose(request, desk, ())
            await desk.sessions.end(person.id, session.id)

        await gate.desks.write(sign_out)
        response = answered(msgspec.json.encode(Gone()))
        response.del_cookie(cookie_name(request), path="/", secure=not loopback(request), samesite="Strict")
        return response

    return [
        Route("POST", "/api/session", "登录：用掉聊天里的登录码，得到一个 Cookie", begin, Me, takes=Code, roles=()),
        Route("DELETE", "/api/session", "退出这一台", end, Gone, roles=()),
        Route("GET", "/api/me", "我是谁，有哪些身份", me, Me, roles=INSIDE),
    ]


def _me(person: Person, desk: Desk) -> Me:
    return Me(
        person.name or "",
        [
            Holds(
                held.role,
                desk.district.department(held.department).name
                if held.department
                else desk.texts.say(f"role.{held.role}", person.language),
                held.area,
                desk.district.area_name(held.area),
                held.department,
            )
            for held in person.roles
        ],
        person.has(*STAFF),
    )


def _device(agent: str) -> str:
    return next((device for word, device in _DEVICES if word in agent), "")
