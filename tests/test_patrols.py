"""Check-ins: one in so many minutes however many chats, coarse from the start, gone after a month, nobody else's."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot.app import Knowledge, build
from config.settings import Settings
from domain.patrols import PatrolMade
from domain.refusals import Refused
from storage.database import Connection
from storage.tables import Patrols
from tests.play import Stage

GRID, ELSEWHERE = "230203002001001", "230203002003001"


@pytest.fixture
async def stage(settings: Settings, knowledge: Knowledge) -> AsyncIterator[Stage]:
    stage = Stage(settings, knowledge, restart=False)
    await stage.introduce("li", "网格员", GRID)
    await stage.introduce("wang", "居民", GRID)
    yield stage
    await stage.close()


async def number(stage: Stage, who: str) -> int:
    found = await stage.service.desks.read(lambda desk: desk.people.at(stage.address(who)))
    assert found is not None
    return found[1].id


async def rows(stage: Stage) -> list[tuple[Any, ...]]:
    async def look(connection: Connection) -> list[tuple[Any, ...]]:
        query = select(Patrols.grid, Patrols.latitude, Patrols.longitude, Patrols.words).order_by(Patrols.id)
        return [tuple(row) for row in await connection.execute(query)]

    return await stage.service.desks.database.read(look)


async def happen(stage: Stage, fact: object) -> None:
    await stage.service.desks.write(lambda desk: desk.happen(fact))


async def test_where_somebody_was_is_coarse_and_is_gone_after_a_month(stage: Stage) -> None:
    li = await number(stage, "li")
    await happen(stage, PatrolMade(li, GRID, 47.35123456, 123.95098765, "住户电话 13845678901"))
    assert await rows(stage) == [(GRID, 47.351, 123.951, "住户电话 ＊＊＊")]
    stage.now += timedelta(days=29)
    await stage.service.bell._tidy()
    assert (await rows(stage))[0][1] is not None
    stage.now += timedelta(days=2)
    await stage.service.bell._tidy()
    assert await rows(stage) == [(GRID, None, None, None)]
    stage.now += timedelta(days=400)
    await stage.service.bell._tidy()
    assert await rows(stage) == []


async def test_two_processes_note_one_check_in(settings: Settings, knowledge: Knowledge, stage: Stage) -> None:
    li = await number(stage, "li")
    other = build(settings, clock=lambda: stage.now, knowledge=knowledge)
    made = PatrolMade(li, GRID)
    await asyncio.gather(
        *(each.desks.write(lambda desk: desk.happen(made)) for each in (stage.service, other) for _ in range(4))
    )
    await other.desks.database.close()
    assert len(await rows(stage)) == 1
    stage.now += timedelta(minutes=10)
    await happen(stage, made)
    assert len(await rows(stage)) == 2


async def test_nobody_checks_in_where_they_do_not_serve(stage: Stage) -> None:
    for who, grid in (("wang", GRID), ("li", ELSEWHERE)):
        with pytest.raises(Refused, match=r"patrol\.not_yours"):
            await happen(stage, PatrolMade(await number(stage, who), grid))
    assert await rows(stage) == []


async def test_forgotten_rounds_are_forgotten(stage: Stage) -> None:
    await happen(stage, PatrolMade(await number(stage, "li"), GRID, 47.35, 123.95))
    await stage.say("li", "忘记我")
    await stage.say("li", "[确定删除]")
    assert await rows(stage) == []
