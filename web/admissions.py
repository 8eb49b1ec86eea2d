"""Whoever works for the district reads which off-list work was let in, on the pages as in the chat."""

from datetime import date
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from domain.admission import Admission, State, may_read
from domain.people import Person
from services.admissions import shown
from storage.desk import Desk
from web.gate import Gate, Route


class Admitted(msgspec.Struct):
    """一项清单以外的事。"""

    id: Annotated[int, Meta(description="编号")]
    title: Annotated[str, Meta(description="做什么")]
    department: Annotated[str, Meta(description="哪个部门要做的")]
    area: Annotated[str, Meta(description="哪里的网格，区划代码")]
    area_name: Annotated[str, Meta(description="哪里的网格")]
    basis: Annotated[str, Meta(description="依据")]
    hours: Annotated[int, Meta(description="一个网格一个月几小时")]
    grids: Annotated[int, Meta(description="多少个网格")]
    state: Annotated[State, Meta(description="`approved` 已批准，`asked` 待审批")]
    since: Annotated[date | None, Meta(description="从哪天起；还没批是 `null`")]
    until: Annotated[date, Meta(description="做到哪天")]


class AdmittedList(msgspec.Struct):
    """清单以外的事，先到期的在前。"""

    admissions: Annotated[list[Admitted], Meta(description="已批准的；申请的人、相关社区和区里还看得到待审批的")]


def routes(gate: Gate) -> list[Route]:
    async def listed(request: web.Request) -> web.Response:
        async def look(desk: Desk, person: Person) -> AdmittedList:
            today = desk.district.day(desk.now)
            found = await desk.admissions.standing(State.APPROVED, State.ASKED)
            return AdmittedList(
                [
                    _admitted(each, desk)
                    for each in found
                    if may_read(each, person) and (each.state is State.ASKED or each.in_force(today))
                ]
            )

        return await gate.read(request, look)

    return [Route("GET", "/api/admissions", "准入清单：清单以外、批准过的事", listed, AdmittedList)]


def _admitted(each: Admission, desk: Desk) -> Admitted:
    facts = shown(each, desk)
    return Admitted(
        id=each.id,
        title=each.title,
        department=facts["department"],
        area=each.area,
        area_name=facts["area"],
        basis=each.basis,
        hours=each.hours,
        grids=each.grids,
        state=each.state,
        since=each.since,
        until=each.until,
    )
