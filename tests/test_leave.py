"""Leave: who is away is left in peace, their grid is never without somebody, and all of it happens once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from bot.app import Knowledge, build
from bot.core.errors import Unclear
from bot.core.talk import Heard
from config.settings import Settings
from domain.cases import CaseMoved, Move, OfficeLeft, ProblemReported
from domain.leave import LeaveAsked, LeaveCut
from domain.people import Role
from domain.refusals import Refused
from nlp import when
from storage.database import Connection
from storage.desk import Desk
from storage.tables import LastWords, Leaves, Roles
from tests.play import START, Stage

GRID, NEXT, COMMUNITY = "230203002001001", "230203002001002", "230203002001"
TOMORROW = date(2026, 11, 24)


@pytest.fixture
async def stage(settings: Settings, knowledge: Knowledge) -> AsyncIterator[Stage]:
    stage = Stage(settings, knowledge, restart=False)
    for who, role, area in (
        ("wang", "居民", GRID),
        ("li", "网格员", GRID),
        ("zhao", "网格员", NEXT),
        ("he", "网格长", COMMUNITY),
        ("zhou", "社区", COMMUNITY),
    ):
        await stage.introduce(who, role, area)
    yield stage
    await stage.close()


async def number(stage: Stage, who: str) -> int:
    found = await stage.service.desks.read(lambda desk: desk.people.at(stage.address(who)))
    assert found is not None
    return found[1].id


async def happen(stage: Stage, fact: object) -> None:
    await stage.service.desks.write(lambda desk: desk.happen(fact))


async def away(stage: Stage, who: str, stand_in: str | None, days: int = 2) -> None:
    named = await number(stage, stand_in) if stand_in else None
    last = TOMORROW + timedelta(days=days - 1)
    await happen(stage, LeaveAsked(await number(stage, who), TOMORROW, last, named))


async def count(stage: Stage, table: type[Leaves] | type[LastWords] | type[Roles]) -> int:
    async def look(connection: Connection) -> int:
        query = select(func.count()).select_from(table)
        if table is Roles:
            query = query.where(Roles.leave_id.is_not(None), Roles.until.is_(None))
        return await connection.scalar(query) or 0

    return await stage.service.desks.database.read(look)


def told(stage: Stage, who: str, words: str) -> int:
    return sum(words in line for line in stage.heard(who))


async def test_who_is_on_leave_hears_nothing_but_that_it_is_over(stage: Stage) -> None:
    await stage.say("wang", "报事 幸福里 3 栋路灯不亮")
    await stage.say("li", "[接单]")
    await away(stage, "li", "zhao", days=3)
    await stage.wait(22, "小时")
    await stage.wait(31, "分钟")
    stage.heard("li").clear()
    await stage.say("wang", "报事 幸福里 5 栋垃圾满了没人收")
    await stage.say("wang", "[补充]")
    await stage.say("wang", "都堆到路上了")
    await stage.say("wang", "进度 261123-0001")
    await stage.say("wang", "[补充]")
    await stage.say("wang", "今晚还是黑的")
    assert told(stage, "zhao", "今晚还是黑的") == 1
    # Deadlines near and pass: whoever stands in is warned, those above hear.
    await stage.wait(1, "天")
    await stage.wait(1, "天")
    assert told(stage, "zhao", "快到时限了") >= 1
    assert stage.heard("li") == []
    await stage.wait(1, "天")
    assert told(stage, "li", "您回来了，辛苦！您不在时王海燕（示例）代班，新报 1 件，了结 0 件。") == 1
    assert await count(stage, Roles) == 0


async def test_the_grid_leader_looks_after_a_grid_whose_stand_in_is_away_as_well(stage: Stage) -> None:
    await away(stage, "zhao", None)
    await away(stage, "li", "zhao")
    await stage.wait(23, "小时")
    assert told(stage, "he", "您代班民乐社区第一网格") == 1
    await stage.say("wang", "报事 幸福里 5 栋垃圾满了没人收")
    assert told(stage, "he", "新任务 261124-0001") == 1
    assert told(stage, "wang", "网格员：he") == 1


async def test_a_stand_in_who_goes_on_leave_later_is_followed_by_the_leader(stage: Stage) -> None:
    await stage.say("wang", "报事 幸福里 3 栋路灯不亮")
    await away(stage, "li", "zhao", days=5)
    await stage.wait(23, "小时")
    stage.heard("zhao").clear()
    worker = await number(stage, "zhao")
    day = date(2026, 11, 25)
    await happen(stage, LeaveAsked(worker, day, day, None))
    await stage.wait(1, "天")
    assert told(stage, "he", "您代班民乐社区第一网格") == 1
    assert told(stage, "he", "您代班民乐社区第二网格") == 1
    assert await count(stage, Roles) == 2
    offered = await stage.service.desks.read(lambda desk: desk.cases.of_worker(0, ()))
    assert offered == []
    [case] = await stage.service.desks.read(lambda desk: _offered(desk, stage))
    assert case == "261123-0001"


async def _offered(desk: Desk, stage: Stage) -> list[str]:
    found = await desk.people.at(stage.address("he"))
    assert found is not None
    return [case.number for case in await desk.cases.offered_to(found[1].id)]


async def test_with_nobody_to_stand_in_the_community_has_it(stage: Stage) -> None:
    await happen(stage, OfficeLeft(await number(stage, "he")))
    he = await number(stage, "he")
    await stage.service.desks.write(lambda desk: desk.people.end_roles(he))
    await stage.say("wang", "报事 幸福里 3 栋路灯不亮")
    await away(stage, "li", None)
    await stage.wait(23, "小时")
    assert told(stage, "zhou", "民乐社区第一网格没有人代班") == 1
    await stage.say("wang", "报事 幸福里 5 栋垃圾满了没人收")
    assert told(stage, "zhou", "261124-0002 要请您来安排") == 1
    await stage.say("wang", "报事 幸福里 5 栋燃气漏了")
    assert told(stage, "zhou", "261124-0003") == 1


async def test_a_complaint_is_passed_to_nobody_and_stands_in_no_note(stage: Stage) -> None:
    wang, li = await number(stage, "wang"), await number(stage, "zhao")
    await happen(stage, ProblemReported(wang, GRID, "conduct", "幸福里 3 栋", "网格员骂人"))
    await happen(stage, CaseMoved(1, Move.DISPATCH, await number(stage, "zhou"), to=li))
    await away(stage, "zhao", "he")
    await stage.wait(23, "小时")
    assert told(stage, "zhou", "261123-0001") >= 1
    assert told(stage, "he", "骂人") == 0
    assert told(stage, "he", "没有没办完的事") == 1
    case = await stage.service.desks.read(lambda desk: desk.cases.get(1))
    assert case.offered_to is None


async def test_two_processes_begin_and_end_a_leave_once(settings: Settings, knowledge: Knowledge, stage: Stage) -> None:
    other = build(settings, clock=lambda: stage.now, knowledge=knowledge)
    await stage.say("wang", "报事 幸福里 3 栋路灯不亮")
    await away(stage, "li", "zhao")
    for hours in (23, 48):
        stage.now = START + timedelta(hours=hours)
        await asyncio.gather(stage.service.bell.ring(), other.bell.ring(), stage.service.bell.ring())
    await other.desks.database.close()
    await stage.wait(0, "秒")
    assert told(stage, "zhao", "从现在起您代班") == 1
    assert told(stage, "li", "您回来了") == 0
    await stage.wait(23, "小时")
    assert told(stage, "li", "您回来了") == 1
    assert await count(stage, Roles) == 0


async def test_whoever_loses_office_is_not_on_leave_and_stands_in_for_nobody(stage: Stage) -> None:
    await away(stage, "li", "zhao", days=5)
    await stage.wait(23, "小时")
    zhao = await number(stage, "zhao")

    async def end(desk: Desk) -> None:
        await desk.people.end_roles(zhao)
        await desk.happen(OfficeLeft(zhao))

    await stage.service.desks.write(end)
    await stage.wait(0, "秒")
    assert told(stage, "he", "您代班民乐社区第一网格") == 1
    li = await number(stage, "li")
    await happen(stage, OfficeLeft(li))
    assert await count(stage, Roles) == 0
    assert await stage.service.desks.read(lambda desk: desk.leaves.of(li)) is None


async def test_forgotten_is_forgotten(stage: Stage) -> None:
    await stage.say("wang", "查网格员 230203002001001")
    await stage.say("wang", "[给网格员留言]")
    await stage.say("wang", "我电话 13845678901，请来一趟")
    await away(stage, "li", "zhao")
    await stage.wait(23, "小时")
    assert told(stage, "zhao", "我电话 ＊＊＊，请来一趟") == 1
    await stage.say("wang", "忘记我")
    await stage.say("wang", "[确定删除]")
    assert await count(stage, LastWords) == 0
    await stage.say("li", "忘记我")
    await stage.say("li", "[确定删除]")
    assert (await count(stage, Leaves), await count(stage, Roles)) == (0, 0)


async def test_what_cannot_be_is_refused_and_nothing_kept(stage: Stage) -> None:
    li, zhao, wang = [await number(stage, who) for who in ("li", "zhao", "wang")]
    day = timedelta(days=1)
    for fact, key in (
        (LeaveAsked(wang, TOMORROW, TOMORROW), "leave.not_yours"),
        (LeaveAsked(li, TOMORROW - 2 * day, TOMORROW), "leave.past"),
        (LeaveAsked(li, TOMORROW, TOMORROW - day), "leave.backwards"),
        (LeaveAsked(li, TOMORROW, TOMORROW + 60 * day), "leave.too_long"),
        (LeaveAsked(li, TOMORROW + 99 * day, TOMORROW + 99 * day), "leave.too_early"),
        (LeaveAsked(li, TOMORROW, TOMORROW, li), "leave.no_such_stand_in"),
        (LeaveAsked(li, TOMORROW, TOMORROW, wang), "leave.no_such_stand_in"),
        (LeaveCut(li, 99), "leave_back.none"),
    ):
        with pytest.raises(Refused, match=key):
            await happen(stage, fact)
    assert await count(stage, Leaves) == 0
    await away(stage, "li", "zhao")
    with pytest.raises(Refused, match=r"leave\.overlaps"):
        await happen(stage, LeaveAsked(li, TOMORROW + day, TOMORROW + 3 * day))
    # Somebody else's leave is theirs alone.
    with pytest.raises(Refused, match=r"leave_back\.none"):
        await happen(stage, LeaveCut(zhao, 1))
    await happen(stage, LeaveCut(li, 1))
    await stage.wait(23, "小时")
    assert told(stage, "zhao", "从现在起您代班") == 0
    assert await stage.service.desks.read(lambda desk: desk.people.serving(GRID, [Role.GRIDWORKER]))


@pytest.mark.parametrize(
    ("said", "first", "last"),
    [
        ("明天到周五", (11, 24), (11, 27)),
        ("从明天到后天", (11, 24), (11, 25)),
        ("后天起 3 天", (11, 25), (11, 27)),
        ("三天", (11, 23), (11, 25)),
        ("11 月 25 日到 28 日", (11, 25), (11, 28)),
        ("11-25 到 11-27", (11, 25), (11, 27)),
        ("11.25—28 日", (11, 25), (11, 28)),
        ("周五到下周一", (11, 27), (11, 30)),
        ("下周一到周三", (11, 30), (12, 2)),
        ("下周一到下周三", (11, 30), (12, 2)),
        ("明天开始，请 5 天假", (11, 24), (11, 28)),
    ],
)
def test_days_as_people_say_them(
    said: str, first: tuple[int, int], last: tuple[int, int], knowledge: Knowledge
) -> None:
    got = when.days(Heard(START, said), knowledge.district)
    assert got == (date(2026, *first), date(2026, *last))


@pytest.mark.parametrize("said", ["", "昨天", "下周", "0 天", "随便", "明天到 99 日", "到"])
def test_what_are_no_days_is_asked_again(said: str, knowledge: Knowledge) -> None:
    with pytest.raises(Unclear):
        when.days(Heard(START, said), knowledge.district)
