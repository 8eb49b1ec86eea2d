"""Staff see the council matters of their areas, and move them along by the same rules as in their chat."""

from datetime import datetime
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from domain.areas import covers
from domain.councils import HOSTS
from domain.matters import (
    ENDED,
    LIVE,
    RULES,
    Kind,
    Leaf,
    Matter,
    MatterMoved,
    Move,
    Part,
    State,
    Status,
    Tier,
    moves,
    sees,
)
from domain.people import STAFF, Person
from services.public_notice import blocks
from storage.desk import Desk
from web.cursor import Cursor, Limit, Next, opened, sealed
from web.gate import Gate, Problem, Route, asked

_NUMBER = "/api/matters/{number:[0-9]{1,15}}"
# What a host does, as the table of rules has it.
_OFFERED = tuple(move for move, rule in RULES.items() if {Part.HOST, Part.ABOVE}.intersection(rule.parts))


class MattersAsked(msgspec.Struct, forbid_unknown_fields=True):
    """要哪些议题，哪一页。"""

    ended: Annotated[bool, Meta(description="`true` 看已经结束的，不写看正在议的")] = False
    area: Annotated[str, Meta(max_length=15, description="只看这个片区：区划代码或网格码，要在自己的范围里")] = ""
    cursor: Cursor = ""
    limit: Limit = 20


class MatterLine(msgspec.Struct):
    """议题的一行。"""

    id: Annotated[int, Meta(description="第几号议题")]
    title: Annotated[str, Meta(description="题目，还没定就是提议的头几个字")]
    tier: Annotated[Tier, Meta(description="层级：小区、社区、街道")]
    place: Annotated[str, Meta(description="哪儿的事")]
    area: Annotated[str, Meta(description="区划代码或网格码")]
    status: Annotated[Status, Meta(description="状态的代号")]
    status_name: Annotated[str, Meta(description="状态的名称")]
    since: Annotated[datetime, Meta(description="从什么时候起是这个状态，UTC")]


class MattersPage(msgspec.Struct):
    """一页议题，新的在前。"""

    matters: Annotated[list[MatterLine], Meta(description="议题")]
    next: Next


class MatterStep(msgspec.Struct):
    """议题的一步。居民不写名字。"""

    at: Annotated[datetime, Meta(description="什么时候，UTC")]
    move: Annotated[Move, Meta(description="动作的代号")]
    move_name: Annotated[str, Meta(description="动作的名称")]
    words: Annotated[str, Meta(description="说了什么")]


class MatterLeaf(msgspec.Struct):
    """一条发言、异议，一次会议，或者一个落实的步骤。"""

    id: Annotated[int, Meta(description="编号，写在 `leaf`")]
    kind: Annotated[Kind, Meta(description="是什么")]
    state: Annotated[State, Meta(description="状态的代号")]
    state_name: Annotated[str, Meta(description="状态的名称")]
    words: Annotated[str, Meta(description="说了什么、议什么、做什么")]
    at: Annotated[datetime, Meta(description="什么时候写的，UTC")]
    due_at: Annotated[datetime | None, Meta(description="会议的时间，步骤的期限，UTC")]
    place: Annotated[str, Meta(description="会议的地点，步骤的共建单位，转办的案卷编号")]
    answer: Annotated[str, Meta(description="答复、隐去的原因、纪要、进展")]
    ruling: Annotated[str, Meta(description="上一级怎么定的")]
    blocks: Annotated[bool, Meta(description="`true` 是还没答复的异议，答复以前不往下办")]
    moves: Annotated[list[Move], Meta(description="您现在能对它做的")]


class WholeMatter(MatterLine):
    """一件议题的全部。"""

    words: Annotated[str, Meta(description="提议的原话")]
    spot: Annotated[str, Meta(description="具体在哪儿，没说是空的")]
    latitude: Annotated[float | None, Meta(description="定位的纬度，WGS 84；没发定位是 `null`")]
    longitude: Annotated[float | None, Meta(description="定位的经度")]
    support: Annotated[int, Meta(description="几位支持，凭网格长的话算的也在内")]
    vouched: Annotated[int, Meta(description="其中几位凭网格长的话算")]
    needed: Annotated[int, Meta(description="满几位自动列入议程")]
    answer: Annotated[str | None, Meta(description="上一级的答复")]
    decision: Annotated[str | None, Meta(description="定下来的结果")]
    notice_until: Annotated[datetime | None, Meta(description="公示到什么时候，UTC")]
    flags: Annotated[list[str], Meta(description="有人觉得哪里不合适，不写是谁")]
    ratings: Annotated[dict[str, int], Meta(description="评价：满意 `good`、一般 `fair`、不满意 `poor` 各几位")]
    complaints: Annotated[list[str], Meta(description="不满意的原因，不写是谁")]
    photos: Annotated[list[str], Meta(description="照片的地址")]
    journal: Annotated[list[MatterStep], Meta(description="每一步，早的在前")]
    file: Annotated[list[MatterLeaf], Meta(description="发言、异议、会议、步骤，新的在前")]
    moves: Annotated[list[Move], Meta(description="您现在能做的")]


class MatterMoveMade(msgspec.Struct, forbid_unknown_fields=True):
    """做一个动作。"""

    move: Annotated[Move, Meta(description="动作的代号，要在议题或那一条的 `moves` 里")]
    words: Annotated[str, Meta(max_length=1500, description="原因、答复、纪要、要做什么")] = ""
    leaf: Annotated[int, Meta(ge=0, lt=2**53, description="对哪一条做，写它的编号")] = 0
    into: Annotated[int, Meta(ge=0, lt=2**53, description="`merge` 并进第几号议题")] = 0
    at: Annotated[
        Annotated[datetime, Meta(tz=True)] | None, Meta(description="`meet` 什么时候开，`plan` 什么时候办好，写明时区")
    ] = None
    place: Annotated[str, Meta(max_length=60, description="`meet` 在哪儿开，`plan` 由哪个共建单位负责")] = ""
    to: Annotated[int, Meta(ge=0, lt=2**53, description="`plan` 由谁负责，写编号")] = 0
    grid: Annotated[str, Meta(max_length=15, description="`to_case`、`to_mediation` 在哪个网格，写网格码")] = ""
    category: Annotated[str, Meta(max_length=40, description="`to_case` 报什么类别，写代号；不写是「其他」")] = ""


class MatterMovedOn(msgspec.Struct):
    """办好了；议题现在的样子，再取一次。"""

    said: Annotated[list[str], Meta(description="给您看的话")]


def routes(gate: Gate) -> list[Route]:
    async def listed(request: web.Request) -> web.Response:
        wanted = asked(request, MattersAsked)
        before = opened(wanted.cursor, int)

        async def look(desk: Desk, person: Person) -> MattersPage:
            own = person.areas(*HOSTS)
            if wanted.area and not any(covers(each, wanted.area) for each in own):
                raise Problem("page.not_your_area", 403, language=person.language)
            areas = (wanted.area,) if wanted.area else own
            statuses = ENDED if wanted.ended else LIVE
            found = await desk.matters.hosted(areas, statuses, before=before, limit=wanted.limit + 1)
            here, more = found[: wanted.limit], len(found) > wanted.limit
            lines = [MatterLine(*_line(each, desk, person)) for each in here]
            return MattersPage(lines, sealed(here[-1].id) if more else None)

        return await gate.read(request, look, STAFF)

    async def one(request: web.Request) -> web.Response:
        number = int(request.match_info["number"])

        async def look(desk: Desk, person: Person) -> WholeMatter:
            return await _whole(await _matter(number, desk, person), desk, person)

        return await gate.read(request, look, STAFF)

    async def move(request: web.Request) -> web.Response:
        number = int(request.match_info["number"])

        async def make(desk: Desk, person: Person, given: MatterMoveMade) -> MatterMovedOn:
            matter = await _matter(number, desk, person)
            if given.move not in _OFFERED:
                raise Problem("page.unreadable", 400, language=person.language, place="move")
            await desk.happen(
                MatterMoved(
                    matter.id,
                    given.move,
                    person.id,
                    given.words,
                    leaf=given.leaf or None,
                    into=given.into or None,
                    at=given.at,
                    place=given.place,
                    to=given.to or None,
                    grid=given.grid,
                    category=given.category,
                )
            )
            return MatterMovedOn(desk.said())

        return await gate.write(request, MatterMoveMade, make, STAFF)

    return [
        Route("GET", "/api/matters", "自己片区的议题", listed, MattersPage, asks=MattersAsked, roles=STAFF),
        Route("GET", _NUMBER, "一件议题和它的全部记录；不在自己范围里的，和没有一样", one, WholeMatter, roles=STAFF),
        Route(
            "POST",
            f"{_NUMBER}/moves",
            "做一个动作：和聊天里一样的规矩，一样告诉有关的人",
            move,
            MatterMovedOn,
            takes=MatterMoveMade,
            once=True,
            roles=STAFF,
        ),
    ]


async def _matter(number: int, desk: Desk, person: Person) -> Matter:
    """A matter of theirs; one that is not is as if it did not exist."""
    matter = await desk.matters.find(number)
    theirs = matter is not None and (
        person.serves(matter.area, HOSTS) or (matter.raised_to and person.serves(matter.raised_to, HOSTS))
    )
    if matter is None or not theirs or not sees(matter, person):
        raise Problem("matter.not_found", 404, language=person.language)
    return matter


def _line(matter: Matter, desk: Desk, person: Person) -> tuple[int, str, Tier, str, str, Status, str, datetime]:
    name = desk.texts.say(f"matter.status.{matter.status}", person.language)
    return (matter.id, matter.title, matter.tier, matter.place, matter.area, matter.status, name, matter.since)


async def _whole(matter: Matter, desk: Desk, person: Person) -> WholeMatter:
    def say(key: str) -> str:
        return desk.texts.say(key, person.language)

    journal = [
        MatterStep(each.at, each.move, say(f"matter.did.{each.move}"), each.words)
        for each in await desk.matters.journal(matter.id)
    ]
    leaves = [leaf for kind in Kind for leaf in await desk.filed.of(matter, kind)]
    ratings = await desk.voices.ratings(matter.id)
    return WholeMatter(
        *_line(matter, desk, person),
        words=matter.words,
        spot=matter.spot,
        latitude=matter.latitude,
        longitude=matter.longitude,
        support=await desk.voices.support(matter),
        vouched=matter.vouched,
        needed=desk.district.council.support[matter.tier],
        answer=matter.answer,
        decision=matter.decision,
        notice_until=matter.notice_until,
        flags=await desk.voices.flags(matter.id),
        ratings={score.name.lower(): times for score, times in ratings.items()},
        complaints=await desk.voices.poor(matter.id),
        photos=[f"/chat/files/{each}" for each in await desk.matters.photos(matter.id)],
        journal=journal,
        file=[_leaf(each, matter, desk, person) for each in leaves],
        moves=[each for each in moves(matter, person, desk.now) if each in _OFFERED],
    )


def _leaf(leaf: Leaf, matter: Matter, desk: Desk, person: Person) -> MatterLeaf:
    return MatterLeaf(
        leaf.id,
        leaf.kind,
        leaf.state,
        desk.texts.say(f"matter.state.{leaf.state}", person.language),
        leaf.words,
        leaf.at,
        leaf.due_at,
        leaf.place,
        leaf.answer,
        leaf.ruling,
        leaf.kind is Kind.OBJECTION and blocks(leaf, matter, desk),
        [each for each in moves(matter, person, desk.now, leaf) if each in _OFFERED],
    )
