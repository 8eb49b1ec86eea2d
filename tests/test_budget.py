"""A day's pushes: never more than the district wants, nothing lost, nothing twice, and what is urgent at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from bot.app import Knowledge, Service, build
from config.settings import Settings
from domain.cases import ProblemReported
from storage.database import Connection
from storage.desk import Desk
from storage.tables import Held, Outbox
from tests.play import START, Stage

GRID, MOST = "230203002001001", 5


@pytest.fixture
async def stage(settings: Settings, knowledge: Knowledge) -> AsyncIterator[Stage]:
    known = replace(knowledge, district=replace(knowledge.district, push_budget=MOST))
    stage = Stage(settings, known, restart=False)
    for who, role, area in (("wang", "居民", GRID), ("li", "网格员", GRID), ("zhou", "社区", GRID[:12])):
        await stage.introduce(who, role, area)
    yield stage
    await stage.close()


async def wang(stage: Stage) -> int:
    found = await stage.service.desks.read(lambda desk: desk.people.at(stage.address("wang")))
    assert found is not None
    return found[1].id


def reports(by: int, place: int, category: str = "street-lamp") -> Callable[[Desk], Awaitable[None]]:
    return lambda desk: desk.happen(ProblemReported(by, GRID, category, f"幸福里 {place} 栋", f"第 {place} 件"))


async def rows(stage: Stage) -> tuple[int, int]:
    """How many tasks were pushed, and how many are held."""

    async def look(connection: Connection) -> tuple[int, int]:
        pushed = select(func.count()).select_from(Outbox).where(Outbox.kind == "push", Outbox.body.contains("新任务"))
        held = select(func.count()).select_from(Held)
        return await connection.scalar(pushed) or 0, await connection.scalar(held) or 0

    return await stage.service.desks.database.read(look)


def told(stage: Stage, who: str, words: str) -> int:
    return sum(words in line for line in stage.heard(who))


async def test_after_the_days_pushes_routine_tasks_come_in_the_afternoon_and_urgent_ones_at_once(stage: Stage) -> None:
    by = await wang(stage)
    for place in range(1, 9):
        await stage.service.desks.write(reports(by, place))
    await stage.wait(0, "秒")
    assert told(stage, "li", "新任务") == MOST
    assert await rows(stage) == (MOST, 3)
    await stage.service.desks.write(reports(by, 9, "gas"))
    await stage.wait(0, "秒")
    assert told(stage, "li", "新任务") == MOST + 1
    # Nobody above takes it for a task that found no worker, and the resident is promised what they always are.
    assert told(stage, "zhou", "261123") == 0
    promised = {case.due_at for case in await stage.service.desks.read(lambda desk: desk.cases.of_reporter(by))}
    assert promised >= {
        stage.service.district.calendar.due(START, stage.service.district.category("street-lamp").deadline)
    }
    stage.heard("li").clear()
    await stage.wait(6, "小时")
    assert stage.heard("li")[0] == "今天推给您的够多了，这 3 件不急，攒在一起说："
    assert told(stage, "li", "第 6 件") == told(stage, "li", "第 7 件") == told(stage, "li", "第 8 件") == 1
    assert told(stage, "li", "第 5 件") == 0
    assert (await rows(stage))[1] == 0
    # Told of once; what comes later that day stands in the morning's list, which says how many were held.
    await stage.wait(1, "小时")
    await stage.service.desks.write(reports(by, 10))
    assert (await rows(stage))[1] == 1
    stage.heard("li").clear()
    await stage.wait(16, "小时")
    assert told(stage, "li", "1 件是昨天没打扰您攒下的") == 1
    assert (await rows(stage))[1] == 0


async def test_what_nears_its_deadline_before_the_next_list_is_told_at_once(stage: Stage) -> None:
    by = await wang(stage)
    await stage.wait(22, "小时")
    for place in range(1, MOST + 2):
        await stage.service.desks.write(reports(by, place))
    assert await rows(stage) == (MOST, 1)
    # Promised for today at five: the warning comes before the afternoon's list is of any use.
    await stage.service.desks.write(reports(by, 20, "rubbish"))
    assert await rows(stage) == (MOST + 1, 1)


async def test_two_processes_push_no_more_than_that_together(
    settings: Settings, knowledge: Knowledge, stage: Stage
) -> None:
    by = await wang(stage)
    other = build(settings, clock=lambda: stage.now, knowledge=stage.knowledge)
    both: list[Service] = [stage.service, other]
    await asyncio.gather(*(both[place % 2].desks.write(reports(by, place)) for place in range(1, 21)))
    assert await rows(stage) == (MOST, 20 - MOST)
    stage.now = START + timedelta(hours=6)
    await asyncio.gather(*(each.bell.ring() for each in both for _ in range(2)))
    assert (await rows(stage))[1] == 0
    await other.desks.database.close()
    await stage.wait(0, "秒")
    assert told(stage, "li", "这 15 件不急") == 1


async def test_a_crash_in_the_midst_counts_nothing_and_loses_nothing(stage: Stage) -> None:
    by = await wang(stage)

    async def dies(desk: Desk) -> None:
        await reports(by, 1)(desk)
        raise RuntimeError("the lights go out")

    for _ in range(MOST + 2):
        with pytest.raises(RuntimeError, match="lights"):
            await stage.service.desks.write(dies)
    for place in range(1, MOST + 2):
        await stage.service.desks.write(reports(by, place))
    assert await rows(stage) == (MOST, 1)

    async def dies_again(desk: Desk) -> None:
        assert await desk.budget.release((await desk.budget.held_by())[0])
        raise RuntimeError("the lights go out")

    with pytest.raises(RuntimeError, match="lights"):
        await stage.service.desks.write(dies_again)
    assert await rows(stage) == (MOST, 1)


async def test_the_days_list_comes_late_when_the_service_was_down_in_the_morning(stage: Stage) -> None:
    by = await wang(stage)
    await stage.wait(7, "小时")
    for place in range(1, MOST + 3):
        await stage.service.desks.write(reports(by, place))
    stage.heard("li").clear()
    await stage.wait(20, "小时")
    assert told(stage, "li", "这 2 件不急") == 1
    assert (await rows(stage))[1] == 0
