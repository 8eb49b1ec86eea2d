"""Whoever comes after a gridworker has what was left: through the list, through a code, and once."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.app import Knowledge
from config.settings import Settings
from domain.cases import CaseMoved, Move, OfficeLeft, OfficeTaken, ProblemReported, Status
from domain.district import Worker
from domain.handovers import PersonWanted, ThreadWritten
from domain.people import Role
from storage.desk import Desk
from tests.play import Stage

GRID, NEXT, COMMUNITY = "230203002001001", "230203002001002", "230203002001"


@pytest.fixture
async def stage(settings: Settings, knowledge: Knowledge) -> AsyncIterator[Stage]:
    stage = Stage(settings, knowledge, restart=False)
    for who, role, area in (
        ("wang", "居民", GRID),
        ("li", "网格员", GRID),
        ("zhao", "网格员", NEXT),
        ("zhou", "社区", COMMUNITY),
    ):
        await stage.introduce(who, role, area)
    await stage.say("wang", "报事 幸福里 3 栋路灯不亮")
    await stage.say("li", "[接单]")
    await stage.say("wang", "报事 幸福里 5 栋单元门关不上")
    yield stage
    await stage.close()


async def listed(stage: Stage, settings: Settings, *workers: Worker) -> None:
    """Another list of people is taken in, as at a start."""
    kept = [each for each in stage.knowledge.district.workers if each.area != GRID and each.key not in KEYS]
    district = replace(stage.knowledge.district, workers=(*kept, *workers), digest="another")
    await stage.close()
    stage.knowledge = replace(stage.knowledge, district=district)
    stage.service = stage._build()
    await stage.service.prepare()
    await stage.wait(0, "秒")


KEYS = ("w-002001002",)
ZHAO = Worker("w-002001002", "王海燕（示例）", Role.GRIDWORKER, GRID)
NEW = Worker("w-new", "陈丽（示例）", Role.GRIDWORKER, GRID)
STAYS = Worker("w-002001002", "王海燕（示例）", Role.GRIDWORKER, NEXT)


async def cases(stage: Stage) -> list[tuple[str, Status, str | None]]:
    async def look(desk: Desk) -> list[tuple[str, Status, str | None]]:
        found = await desk.cases.in_area(GRID, list(Status))
        names = await desk.people.names([case.worker_id or 0 for case in found])
        return [(case.number, case.status, names.get(case.worker_id or 0)) for case in found]

    return await stage.service.desks.read(look)


async def number(stage: Stage, who: str) -> int:
    found = await stage.service.desks.read(lambda desk: desk.people.at(stage.address(who)))
    assert found is not None
    return found[1].id


def told(stage: Stage, who: str, words: str) -> int:
    return sum(words in line for line in stage.heard(who))


async def test_a_colleague_moved_to_the_grid_on_the_list_has_its_cases_at_once(
    stage: Stage, settings: Settings
) -> None:
    await listed(stage, settings, ZHAO)
    both = [(f"261123-000{each}", Status.DISPATCHED, "王海燕（示例）") for each in (1, 2)]
    assert await cases(stage) == both
    assert told(stage, "zhao", "民乐社区第一网格现在归您了，李强（示例）留下这些") == 1
    assert told(stage, "wang", "换网格员王海燕（示例）来办") == 2
    assert told(stage, "zhou", "要请您来安排") == 0
    # Taken in again, nothing is told twice.
    await stage.service.prepare()
    await stage.wait(0, "秒")
    assert told(stage, "wang", "换网格员") == 2


async def test_whoever_has_no_chat_yet_has_them_once_they_join(stage: Stage, settings: Settings) -> None:
    await listed(stage, settings, NEW, STAYS)
    assert {status for _, status, _ in await cases(stage)} == {Status.RETURNED}
    assert told(stage, "zhou", "要请您来安排") == 2
    # One was arranged for meanwhile: it stays with whom staff gave it to.
    zhao, zhou = await number(stage, "zhao"), await number(stage, "zhou")
    await stage.service.desks.write(lambda desk: desk.happen(CaseMoved(2, Move.DISPATCH, zhou, to=zhao)))
    code = await stage.service.desks.write(lambda desk: desk.people.invite(role=Role.GRIDWORKER, area=GRID))
    await stage.say("chen", code)
    assert [(state, name) for _, state, name in await cases(stage)] == [
        (Status.DISPATCHED, "陈丽（示例）"),
        (Status.DISPATCHED, "王海燕（示例）"),
    ]
    assert told(stage, "chen", "留下这些，请您接着办") == 1
    assert told(stage, "wang", "换网格员陈丽（示例）来办") == 1


async def test_a_talk_goes_on_with_the_successor(stage: Stage, settings: Settings) -> None:
    wang, li, zhao = [await number(stage, who) for who in ("wang", "li", "zhao")]
    await stage.service.desks.write(lambda desk: desk.happen(PersonWanted(wang, "供热费怎么退")))
    await stage.service.desks.write(lambda desk: desk.happen(ThreadWritten(1, li, "我问问")))
    await stage.service.desks.write(lambda desk: desk.happen(OfficeLeft(li)))
    await stage.service.desks.write(lambda desk: desk.people.end_roles(li))
    await stage.service.desks.write(lambda desk: desk.people.grant(zhao, Role.GRIDWORKER, GRID))
    await stage.service.desks.write(lambda desk: desk.happen(OfficeTaken(zhao, GRID)))
    await stage.service.desks.write(lambda desk: desk.happen(OfficeTaken(zhao, GRID)))
    await stage.wait(0, "秒")
    assert told(stage, "zhao", "供热费怎么退") == 1
    assert told(stage, "wang", "您问的事，现在由王海燕（示例）接着答。") == 1
    await stage.say("wang", "[回复]")
    await stage.say("wang", "还等着呢")
    assert told(stage, "zhao", "还等着呢") == 1


async def test_a_complaint_is_not_inherited(stage: Stage, settings: Settings) -> None:
    wang, zhao, zhou = [await number(stage, who) for who in ("wang", "zhao", "zhou")]
    await stage.service.desks.write(
        lambda desk: desk.happen(ProblemReported(wang, GRID, "conduct", "幸福里 3 栋", "网格员骂人"))
    )
    await stage.service.desks.write(lambda desk: desk.happen(CaseMoved(3, Move.DISPATCH, zhou, to=zhao)))
    await listed(stage, settings, NEW)
    code = await stage.service.desks.write(lambda desk: desk.people.invite(role=Role.GRIDWORKER, area=GRID))
    await stage.say("chen", code)
    assert told(stage, "chen", "骂人") == 0
    assert (await cases(stage))[-1][1:] == (Status.RETURNED, None)
