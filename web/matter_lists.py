"""Staff see which group chats read along, and what was passed on and has come back or not, over all their matters."""

from datetime import datetime
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from domain.areas import covers
from domain.councils import HOSTS
from domain.matters import State
from domain.people import STAFF, Person
from storage.desk import Desk
from web.cursor import Cursor, Limit, Next, opened, sealed
from web.gate import Gate, Problem, Route, asked

Area = Annotated[str, Meta(max_length=15, description="只看这个片区：区划代码或网格码，要在自己的范围里")]
Number = Annotated[int, Meta(description="第几号议题")]
Title = Annotated[str, Meta(description="议题的题目")]
Place = Annotated[str, Meta(description="哪儿的事")]


class GroupsAsked(msgspec.Struct, forbid_unknown_fields=True):
    """要哪一页。"""

    area: Area = ""
    cursor: Cursor = ""
    limit: Limit = 20


class GroupLine(msgspec.Struct):
    """一个群关注一件议题。群里说了什么、有谁，这里都不知道。"""

    matter: Number
    title: Title
    place: Place
    group: Annotated[int, Meta(description="群的编号，同一个群的编号一样；没有名字")]
    since: Annotated[datetime, Meta(description="从什么时候起关注，UTC")]


class GroupsPage(msgspec.Struct):
    """一页关注议题的群，新的议题在前。"""

    groups: Annotated[list[GroupLine], Meta(description="哪个群关注哪件议题")]
    next: Next


class WaysAsked(msgspec.Struct, forbid_unknown_fields=True):
    """要哪些转办，哪一页。"""

    out: Annotated[bool, Meta(description="`true` 只看还没回来的")] = False
    area: Area = ""
    cursor: Cursor = ""
    limit: Limit = 20


class WayLine(msgspec.Struct):
    """一次转办：转报事，或者转调解；调解里说了什么、谈成没有，这里不知道。"""

    id: Annotated[int, Meta(description="在议题记录里的编号")]
    matter: Number
    title: Title
    place: Place
    case: Annotated[str, Meta(description="变成的案卷；转调解的是空的")]
    words: Annotated[str, Meta(description="请办什么")]
    at: Annotated[datetime, Meta(description="什么时候转的，UTC")]
    back: Annotated[bool, Meta(description="回来了没有")]
    answer: Annotated[str, Meta(description="回来的结果")]


class WaysPage(msgspec.Struct):
    """一页转办，新的在前。"""

    ways: Annotated[list[WayLine], Meta(description="转办")]
    next: Next


def routes(gate: Gate) -> list[Route]:
    async def groups(request: web.Request) -> web.Response:
        wanted = asked(request, GroupsAsked)
        before = opened(wanted.cursor, tuple[int, int])

        async def look(desk: Desk, person: Person) -> GroupsPage:
            found = await desk.voices.groups_in(_areas(wanted.area, person), before=before, limit=wanted.limit + 1)
            here = [GroupLine(matter.id, matter.title, matter.place, group, at) for matter, group, at in found]
            last = here[wanted.limit - 1] if len(here) > wanted.limit else None
            return GroupsPage(here[: wanted.limit], sealed((last.matter, last.group)) if last else None)

        return await gate.read(request, look, STAFF)

    async def ways(request: web.Request) -> web.Response:
        wanted = asked(request, WaysAsked)
        before = opened(wanted.cursor, int)

        async def look(desk: Desk, person: Person) -> WaysPage:
            areas = _areas(wanted.area, person)
            found = await desk.filed.ways_in(areas, out=wanted.out, before=before, limit=wanted.limit + 1)
            here = [
                WayLine(
                    leaf.id, matter.id, matter.title, matter.place, leaf.place, leaf.words, leaf.at,
                    leaf.state is State.DONE, leaf.answer,
                )
                for leaf, matter in found
            ]  # fmt: skip
            last = here[wanted.limit - 1] if len(here) > wanted.limit else None
            return WaysPage(here[: wanted.limit], sealed(last.id) if last else None)

        return await gate.read(request, look, STAFF)

    return [
        Route("GET", "/api/matter-groups", "关注自己片区议题的群", groups, GroupsPage, asks=GroupsAsked, roles=STAFF),
        Route("GET", "/api/matter-ways", "自己片区议题的转办", ways, WaysPage, asks=WaysAsked, roles=STAFF),
    ]


def _areas(wanted: str, person: Person) -> tuple[str, ...]:
    """All they host, or this part of it; refused where it is not theirs."""
    own = person.areas(*HOSTS)
    if wanted and not any(covers(each, wanted) for each in own):
        raise Problem("page.not_your_area", 403, language=person.language)
    return (wanted,) if wanted else own
