"""Staff call departments to a case, departments come and sign, on the pages by the same rules as in their chat."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from bot.core.words import Position
from domain.cases import Case, Part, parts
from domain.people import STAFF, Person, Role
from domain.whistles import (
    BLOWERS,
    JUDGES,
    Call,
    CallAttended,
    CallDeclined,
    CallJudged,
    CallSigned,
    Standing,
    WhistleBlown,
    WhistleClosed,
)
from services.sight import seen, sight_of
from services.whistles import near
from storage.cases import theirs
from storage.desk import Desk
from web.cursor import Cursor, Limit, Next, opened, sealed
from web.gate import Gate, Problem, Route, asked

_WHISTLE = "/api/cases/{number:[0-9]{6}-[0-9]{4,12}}/whistle"
_CALL = "/api/calls/{id:[0-9]{1,15}}"
_Words = Annotated[str, Meta(min_length=2, max_length=300)]


class Called(msgspec.Struct):
    """吹哨叫到自己部门的一次。"""

    id: Annotated[int, Meta(description="编号，写在 `/api/calls/{id}` 里")]
    number: Annotated[str, Meta(description="受理编号")]
    department: Annotated[str, Meta(description="部门的代号")]
    standing: Annotated[
        Standing, Meta(description="`called` 等到场，`attended` 到了、等签字，`declined` 等街道定，`absent` 过了时间")
    ]
    place: Annotated[str, Meta(description="在哪儿")]
    words: Annotated[str, Meta(description="报的是什么")]
    meet: Annotated[str, Meta(description="到哪儿碰头、几点")]
    due_at: Annotated[datetime, Meta(description="最迟什么时候到场，UTC")]


class Calls(msgspec.Struct):
    """一页报到，早的在前。"""

    calls: Annotated[list[Called], Meta(description="等着自己部门的")]
    next: Next


class CallsAsked(msgspec.Struct, forbid_unknown_fields=True):
    """要哪一页。"""

    cursor: Cursor = ""
    limit: Limit = 20


class Answering(StrEnum):
    """What a department says to a call."""

    ATTEND = "attend"
    DECLINE = "decline"
    SIGN = "sign"


class Answered(msgspec.Struct, forbid_unknown_fields=True):
    """替自己部门回一次。"""

    answer: Annotated[Answering, Meta(description="`attend` 到场了，`decline` 去不了，`sign` 签字")]
    words: Annotated[str, Meta(max_length=300, description="去不了的原因，或者签字认下的事；到场不用写")] = ""
    latitude: Annotated[
        Annotated[float, Meta(ge=-90, le=90)] | None,
        Meta(description="到场时的位置，WGS 84；只算离报的地方多远，不留；不写就是没有位置"),
    ] = None
    longitude: Annotated[
        Annotated[float, Meta(ge=-180, le=180)] | None, Meta(description="同上；要凭照片的，到聊天里办")
    ] = None


class Judged(msgspec.Struct, forbid_unknown_fields=True):
    """街道、区定去不去得了。"""

    excused: Annotated[bool, Meta(description="`true` 可以不来，`false` 还得来，时间重新算")]


class Blown(msgspec.Struct, forbid_unknown_fields=True):
    """吹哨。"""

    departments: Annotated[list[str], Meta(min_length=1, max_length=12, description="叫哪些部门，写代号，不重复")]
    words: Annotated[_Words, Meta(description="为什么要一起来")]
    meet: Annotated[_Words, Meta(description="到哪儿碰头、几点")]


class Closed(msgspec.Struct, forbid_unknown_fields=True):
    """结束会商。"""

    words: Annotated[_Words, Meta(description="商定了什么，会告诉报事的居民")]


class PartOf(msgspec.Struct):
    """一个部门来没来、签没签。"""

    id: Annotated[int, Meta(description="编号，写在 `/api/calls/{id}` 里")]
    department: Annotated[str, Meta(description="部门的代号")]
    name: Annotated[str, Meta(description="部门的叫法")]
    standing: Annotated[Standing, Meta(description="`called`、`attended`、`declined`、`excused` 可以不来、`absent`")]
    due_at: Annotated[datetime, Meta(description="最迟什么时候到场，UTC")]
    answered_at: Annotated[datetime | None, Meta(description="什么时候回的，UTC；没回是 `null`")]
    signed_at: Annotated[datetime | None, Meta(description="什么时候签的，UTC；没签是 `null`")]
    agreed: Annotated[str, Meta(description="签字认下的事")]


class Heard(msgspec.Struct):
    """一个案卷最近一次吹哨。"""

    words: Annotated[str, Meta(description="为什么")]
    meet: Annotated[str, Meta(description="到哪儿碰头、几点")]
    blown_at: Annotated[datetime, Meta(description="什么时候吹的，UTC")]
    closed_at: Annotated[datetime | None, Meta(description="什么时候结束的，UTC；没结束是 `null`")]
    calls: Annotated[list[PartOf], Meta(description="叫到的部门")]


class Said(msgspec.Struct):
    """办好了。"""

    said: Annotated[list[str], Meta(description="给您看的话")]


def routes(gate: Gate) -> list[Route]:
    async def calls(request: web.Request) -> web.Response:
        wanted = asked(request, CallsAsked)
        after = opened(wanted.cursor, int) or 0

        async def look(desk: Desk, person: Person) -> Calls:
            found = await desk.whistles.waiting_for(theirs(person).departments, after=after, limit=wanted.limit + 1)
            here = found[: wanted.limit]
            lines = [
                Called(
                    call.id,
                    case.number,
                    call.department,
                    call.standing,
                    shown.place,
                    shown.words,
                    whistle.meet,
                    call.due_at,
                )
                for call, whistle, case in here
                if (shown := seen(case, person, desk.district))
            ]
            return Calls(lines, sealed(here[-1][0].id) if len(found) > wanted.limit else None)

        return await gate.read(request, look, (Role.DEPARTMENT,))

    async def answer(request: web.Request) -> web.Response:
        number = int(request.match_info["id"])

        async def make(desk: Desk, person: Person, given: Answered) -> Said:
            call, case = await _call(number, desk, person)
            if not person.of_department(call.department, case.grid):
                raise Problem("page.not_for_you", 403, language=person.language)
            await desk.happen(_answer(call, case, person, given))
            return Said(desk.said())

        return await gate.write(request, Answered, make, (Role.DEPARTMENT,))

    async def judge(request: web.Request) -> web.Response:
        number = int(request.match_info["id"])

        async def make(desk: Desk, person: Person, given: Judged) -> Said:
            await _call(number, desk, person)
            await desk.happen(CallJudged(number, person.id, given.excused))
            return Said(desk.said())

        return await gate.write(request, Judged, make, JUDGES)

    async def heard(request: web.Request) -> web.Response:
        number = request.match_info["number"]

        async def look(desk: Desk, person: Person) -> Heard:
            case = await _case(number, desk, person)
            whistle = await desk.whistles.of_case(case.id)
            if whistle is None:
                raise Problem("whistle.none_blown", 404, language=person.language, number=number)
            return Heard(
                whistle.words,
                whistle.meet,
                whistle.blown_at,
                whistle.closed_at,
                [_part(each, desk) for each in await desk.whistles.calls(whistle.id)],
            )

        return await gate.read(request, look, (*STAFF, Role.DEPARTMENT))

    async def blow(request: web.Request) -> web.Response:
        number = request.match_info["number"]

        async def make(desk: Desk, person: Person, given: Blown) -> Said:
            case = await _case(number, desk, person)
            await desk.happen(WhistleBlown(case.id, person.id, tuple(given.departments), given.words, given.meet))
            return Said(desk.said())

        return await gate.write(request, Blown, make, BLOWERS)

    async def close(request: web.Request) -> web.Response:
        number = request.match_info["number"]

        async def make(desk: Desk, person: Person, given: Closed) -> Said:
            case = await _case(number, desk, person)
            whistle = await desk.whistles.of_case(case.id)
            if whistle is None:
                raise Problem("whistle.none_blown", 404, language=person.language, number=number)
            await desk.happen(WhistleClosed(whistle.id, person.id, given.words))
            return Said(desk.said())

        return await gate.write(request, Closed, make, STAFF)

    return [
        Route("GET", "/api/calls", "吹哨叫到自己部门的", calls, Calls, asks=CallsAsked, roles=(Role.DEPARTMENT,)),
        Route(
            "POST",
            f"{_CALL}/answer",
            "到场、去不了、签字",
            answer,
            Said,
            takes=Answered,
            once=True,
            roles=(Role.DEPARTMENT,),
        ),
        Route(
            "POST", f"{_CALL}/judge", "去不了的，来不来由街道、区定", judge, Said, takes=Judged, once=True, roles=JUDGES
        ),
        Route("GET", _WHISTLE, "最近一次吹哨，各部门来没来", heard, Heard, roles=(*STAFF, Role.DEPARTMENT)),
        Route("POST", _WHISTLE, "吹哨：叫几个部门到一个案卷", blow, Said, takes=Blown, once=True, roles=BLOWERS),
        Route("POST", f"{_WHISTLE}/close", "结束会商", close, Said, takes=Closed, once=True, roles=STAFF),
    ]


def _answer(call: Call, case: Case, person: Person, given: Answered) -> CallAttended | CallDeclined | CallSigned:
    """What a department says, as the chat would have it.

    Raises:
        Problem: it says that it is there, and not where.
    """
    match given.answer:
        case Answering.DECLINE:
            return CallDeclined(call.id, person.id, given.words)
        case Answering.SIGN:
            return CallSigned(call.id, person.id, given.words)
    if given.latitude is None or given.longitude is None:
        raise Problem("page.unreadable", 400, language=person.language, place="latitude")
    return CallAttended(call.id, person.id, near=near(case, Position(given.latitude, given.longitude)))


async def _case(number: str, desk: Desk, person: Person) -> Case:
    """A case of staff's area, or one to which a department of theirs is called; any other is not there for them."""
    case = await desk.cases.by_number(number)
    if case is None or sight_of(case, person, desk.district) is None:
        raise Problem("case.not_found", 404, language=person.language)
    if not person.serves(case.grid, STAFF) and Part.CALLED not in parts(case, person):
        raise Problem("case.not_found", 404, language=person.language)
    return case


async def _call(number: int, desk: Desk, person: Person) -> tuple[Call, Case]:
    call = await desk.whistles.call(number)
    case = await desk.cases.get(call.case_id) if call else None
    if call is None or case is None:
        raise Problem("whistle.not_called", 404, language=person.language)
    if not person.of_department(call.department, case.grid) and not person.serves(case.grid, STAFF):
        raise Problem("whistle.not_called", 404, language=person.language)
    return call, case


def _part(call: Call, desk: Desk) -> PartOf:
    return PartOf(
        call.id,
        call.department,
        desk.district.department(call.department).short,
        call.standing,
        call.due_at,
        call.answered_at,
        call.signed_at,
        call.agreed,
    )
