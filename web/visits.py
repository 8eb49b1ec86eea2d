"""Staff have something asked at every household of an area, and see how far it is, on the pages as in the chat."""

from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta

from domain.people import STAFF, Person
from domain.refusals import Refused
from domain.visits import Campaign, CampaignEnded, CampaignOpened, Outcome, Progress
from services.visits import counts, readable, seen_by
from storage.desk import Desk
from web.cursor import Cursor, Next, opened, sealed
from web.gate import Gate, Problem, Route, asked

_ONE = "/api/campaigns/{id:[0-9]{1,15}}"


class Part(msgspec.Struct):
    """一个网格走到哪儿了。"""

    area: Annotated[str, Meta(description="网格码；认不出是哪个网格的，是区划代码")]
    area_name: Annotated[str, Meta(description="名称")]
    doors: Annotated[int, Meta(description="多少户")]
    left: Annotated[int, Meta(description="还剩多少户")]
    nobody: Annotated[int, Meta(description="其中去过、没遇到人的")]


class Told(msgspec.Struct):
    """一个入户活动，只算自己片区里的住户。"""

    id: Annotated[int, Meta(description="编号")]
    title: Annotated[str, Meta(description="做什么")]
    question: Annotated[str, Meta(description="每户问什么")]
    area: Annotated[str, Meta(description="在哪儿：区划代码或网格码")]
    area_name: Annotated[str, Meta(description="在哪儿")]
    until: Annotated[date, Meta(description="走到哪天")]
    closed_at: Annotated[datetime | None, Meta(description="什么时候结束的，UTC；进行中是 `null`")]
    doors: Annotated[int, Meta(description="多少户")]
    done: Annotated[int, Meta(description="问好的")]
    nobody: Annotated[int, Meta(description="没人在家的，还要再去")]
    declined: Annotated[int, Meta(description="不方便的")]
    trouble: Annotated[int, Meta(description="有情况的")]
    parts: Annotated[list[Part], Meta(description="一个网格一行")]


class Running(msgspec.Struct):
    """正在进行的入户活动，先到期的在前。"""

    campaigns: Annotated[list[Told], Meta(description="入户活动")]


class Household(msgspec.Struct):
    """一户。"""

    household: Annotated[str, Meta(description="门牌")]
    area: Annotated[str, Meta(description="网格码；认不出的是区划代码")]
    outcome: Annotated[
        Outcome | None,
        Meta(description="`done` 问好了，`nobody` 没人，`declined` 不方便，`trouble` 有情况；没去是 `null`"),
    ]
    words: Annotated[str, Meta(description="记了什么，电话和证件号已遮住")]
    at: Annotated[datetime | None, Meta(description="什么时候去的，UTC；没去是 `null`")]
    by: Annotated[str | None, Meta(description="谁去的；没去、或者已经不用这个聊天是 `null`")]


class Households(msgspec.Struct):
    """一页住户，按走的顺序。"""

    households: Annotated[list[Household], Meta(description="住户")]
    next: Next


class HouseholdsAsked(msgspec.Struct, forbid_unknown_fields=True):
    """要哪些住户，哪一页。"""

    outcome: Annotated[Outcome | None, Meta(description="只看这样的；不写就是全部")] = None
    cursor: Cursor = ""
    limit: Annotated[int, Meta(ge=1, le=200, description="一页最多几户")] = 50


class Opening(msgspec.Struct, forbid_unknown_fields=True):
    """发起一个入户活动。"""

    area: Annotated[str, Meta(min_length=12, max_length=15, description="在哪儿：自己片区里的区划代码或网格码")]
    title: Annotated[str, Meta(min_length=2, max_length=40, description="做什么")]
    question: Annotated[str, Meta(min_length=2, max_length=200, description="每户问什么")]
    until: Annotated[date, Meta(description="走到哪天，最长 90 天")]
    households: Annotated[
        list[Annotated[str, Meta(min_length=2, max_length=60)]],
        Meta(max_length=2000, description="门牌，一户一个；不写就按名册"),
    ] = []


class Ending(msgspec.Struct, forbid_unknown_fields=True):
    """提前结束，什么都不用写。"""


class Done(msgspec.Struct):
    """办好了。"""

    said: Annotated[list[str], Meta(description="给您看的话")]


def routes(gate: Gate) -> list[Route]:
    async def running(request: web.Request) -> web.Response:
        async def look(desk: Desk, person: Person) -> Running:
            return Running([_told(each, theirs, desk) for each, theirs in await seen_by(person, desk)])

        return await gate.read(request, look, STAFF)

    async def one(request: web.Request) -> web.Response:
        number = int(request.match_info["id"])

        async def look(desk: Desk, person: Person) -> Told:
            campaign = await _theirs(number, person, desk)
            return _told(campaign, await desk.visits.progress(number, person.areas(*STAFF)), desk)

        return await gate.read(request, look, STAFF)

    async def households(request: web.Request) -> web.Response:
        number, wanted = int(request.match_info["id"]), asked(request, HouseholdsAsked)
        after = opened(wanted.cursor, int)

        async def look(desk: Desk, person: Person) -> Households:
            await _theirs(number, person, desk)
            found = await desk.visits.page(
                number, person.areas(*STAFF), wanted.outcome, -1 if after is None else after, wanted.limit + 1
            )
            here = found[: wanted.limit]
            names = await desk.people.names({each.by_id for _, each in here if each.by_id})
            lines = [
                Household(each.household, each.area, each.outcome, each.words, each.at, names.get(each.by_id or 0))
                for _, each in here
            ]
            return Households(lines, sealed(here[-1][0]) if len(found) > wanted.limit else None)

        return await gate.read(request, look, STAFF)

    async def open_one(request: web.Request) -> web.Response:
        async def make(desk: Desk, person: Person, given: Opening) -> Done:
            fact = CampaignOpened(
                person.id, given.area, given.title, given.question, given.until, tuple(given.households)
            )
            await desk.happen(fact)
            return Done(desk.said())

        return await gate.write(request, Opening, make, STAFF)

    async def end(request: web.Request) -> web.Response:
        number = int(request.match_info["id"])

        async def make(desk: Desk, person: Person, _given: Ending) -> Done:
            await desk.happen(CampaignEnded(person.id, number))
            return Done(desk.said())

        return await gate.write(request, Ending, make, STAFF)

    path = "/api/campaigns"
    return [
        Route("GET", path, "正在进行的入户活动，各网格走到哪儿了", running, Running, roles=STAFF),
        Route(
            "POST",
            path,
            "发起一个入户活动：和聊天里一样通知网格员",
            open_one,
            Done,
            takes=Opening,
            once=True,
            roles=STAFF,
        ),
        Route("GET", _ONE, "一个入户活动", one, Told, roles=STAFF),
        Route(
            "GET",
            f"{_ONE}/households",
            "它的住户，各户怎么样",
            households,
            Households,
            asks=HouseholdsAsked,
            roles=STAFF,
        ),
        Route("POST", f"{_ONE}/end", "提前结束", end, Done, takes=Ending, once=True, roles=STAFF),
    ]


async def _theirs(number: int, person: Person, desk: Desk) -> Campaign:
    try:
        return await readable(number, person, desk)
    except Refused as refused:
        raise Problem(refused.key, 404, language=person.language) from None


def _told(campaign: Campaign, found: list[Progress], desk: Desk) -> Told:
    sums: dict[str, Any] = counts(found)
    del sums["settled"]
    return Told(
        id=campaign.id,
        title=campaign.title,
        question=campaign.question,
        area=campaign.area,
        area_name=desk.district.area_name(campaign.area),
        until=campaign.until,
        closed_at=campaign.closed_at,
        parts=[
            Part(each.area, desk.district.area_name(each.area), each.doors, each.left, each.nobody) for each in found
        ],
        **sums,
    )
