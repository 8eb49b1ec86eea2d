"""Who may not is told so kindly, nothing is changed, and the operator can read in the log who tried what."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from bot.app import Knowledge
from bot.core.words import Said, Tap
from config.settings import Settings
from domain.cases import RULES, CaseMoved, Move, OfficeLeft, Score
from domain.refusals import Refused
from storage.database import Connection
from storage.desk import Desk
from storage.tables import CaseLog, Cases, Followers, Ratings
from tests.play import START, Stage

GRID, COMMUNITY, ELSEWHERE = "230203002001001", "230203002001", "230203002003"


@pytest.fixture
async def stage(settings: Settings, knowledge: Knowledge) -> AsyncIterator[Stage]:
    stage = Stage(settings, knowledge, restart=False)
    for who, role, area in (
        ("wang", "居民", GRID),
        ("chen", "居民", GRID),
        ("li", "网格员", GRID),
        ("zhou", "社区", COMMUNITY),
        ("ma", "社区", COMMUNITY),
        ("sun", "网格员", f"{ELSEWHERE}001"),
        ("qian", "社区", ELSEWHERE),
    ):
        await stage.introduce(who, role, area)
    await stage.say("wang", "报事 幸福里 3 栋楼下路灯不亮")
    yield stage
    await stage.close()


@pytest.mark.parametrize("who", ["chen", "sun", "qian"])
async def test_nobody_acts_on_a_case_of_another_grid_or_of_somebody_else(who: str, stage: Stage) -> None:
    before, number = await _rows(stage), await _number(stage, who)
    for move in RULES:
        whole = CaseMoved(
            1, move, number, "因为", ("a" * 64,), number, Score.GOOD, "other", 1, START + timedelta(days=9)
        )
        with pytest.raises(Refused, match=r"case\.not_found"):
            await stage.service.desks.write(partial(_happen, whole))
    assert await _rows(stage) == before


async def test_a_button_pressed_twice_acts_once(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    await stage.say("li", "[接单]")
    before = await _rows(stage)
    with caplog.at_level(logging.INFO, "xiaomazha"):
        await stage.say("li", "[接单]")
    assert stage.heard("li")[-1] == "261123-0001 已经有人在办了，没有改动。"
    assert await _rows(stage) == before
    assert f"refused case.already.handling: person {await _number(stage, 'li')}, case_move accept 1" in caplog.text


async def test_on_a_closed_case_nothing_is_done_any_more(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    for who, words in (("li", "[完成]"), ("li", "换了灯泡"), ("wang", "[解决了，满意]")):
        await stage.say(who, words)
    before = await _rows(stage)
    with caplog.at_level(logging.INFO, "xiaomazha"):
        for who, label in (("li", "退回"), ("wang", "撤回"), ("wang", "没解决")):
            await stage.say(who, f"[{label}]")
            assert stage.heard(who)[-1] == "261123-0001 已经结案，没有改动。"
    assert await _rows(stage) == before
    assert caplog.text.count("refused case.already.closed") == 3


async def test_a_button_that_has_expired_or_was_never_ours_does_nothing(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    before = await _rows(stage)
    theirs, _ = stage._find_button("li", "接单")
    with caplog.at_level(logging.INFO, "xiaomazha"):
        # A number nobody was given, and one of somebody else's messages.
        for place, tap in enumerate((Tap(99999, 0), Tap(theirs, 0))):
            await stage.service.turns.take(Said(stage.address("wang"), f"old-{place}", stage.now, tap=tap))
    await stage._settle()
    assert [line for line in stage.heard("wang") if "过期" in line] == ["这个按钮已经过期了，没有改动任何内容。"] * 2
    assert await _rows(stage) == before
    assert caplog.text.count(f"an old button: person {await _number(stage, 'wang')}") == 2


async def test_who_has_just_lost_the_role_acts_no_more_and_the_case_is_told_to_those_above(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.say("li", "[接单]")
    number = await _number(stage, "li")
    # In the middle of saying how it was done.
    await stage.say("li", "[完成]")

    async def lose(desk: Desk) -> None:
        await desk.people.end_roles(number)
        await desk.happen(OfficeLeft(number))

    await stage.service.desks.write(lose)
    await stage._settle()
    assert any("要请您来安排" in line for line in stage.heard("zhou"))
    before = await _rows(stage)
    with caplog.at_level(logging.INFO, "xiaomazha"):
        await stage.say("li", "换了灯泡")
        await stage.say("li", "[接单]")
    assert [line for line in stage.heard("li") if "没有找到这件事" in line] == [
        "没有找到这件事，也许不在您的范围里。"
    ] * 2
    assert await _rows(stage) == before
    assert caplog.text.count(f"refused case.not_found: person {number}") == 2


async def test_of_two_who_check_at_once_one_closes_it(stage: Stage) -> None:
    for who, words in (("li", "[完成]"), ("li", "换了灯泡")):
        await stage.say(who, words)
    await stage.wait(3, "天")
    taps = [
        Said(stage.address(who), f"{who}-check", stage.now, tap=Tap(*stage._find_button(who, "核查通过")))
        for who in ("zhou", "ma")
    ]
    await asyncio.gather(*(stage.service.turns.take(each) for each in taps))
    await stage._settle()
    last = sorted(stage.heard(who)[-1] for who in ("zhou", "ma"))
    assert last == ["261123-0001 已经结案，没有改动。", "261123-0001 核查通过，已结案。"]
    steps = await stage.service.desks.read(lambda desk: desk.cases.steps(1))
    assert [step.move for step in steps].count(Move.VERIFY) == 1


async def test_who_did_the_work_under_another_number_does_not_check_it_under_this_one(stage: Stage) -> None:
    for who, words in (("li", "[完成]"), ("li", "换了灯泡")):
        await stage.say(who, words)
    li, zhou = await _number(stage, "li"), await _number(stage, "zhou")
    await stage.service.desks.write(lambda desk: desk.people.merge(li, zhou))
    with pytest.raises(Refused, match="own_work"):
        await stage.service.desks.write(partial(_happen, CaseMoved(1, Move.VERIFY, zhou)))


async def _happen(fact: object, desk: Desk) -> None:
    await desk.happen(fact)


async def _rows(stage: Stage) -> list[Any]:
    async def read(connection: Connection) -> list[Any]:
        return [
            [tuple(row) for row in await connection.execute(select(table))]
            for table in (Cases, CaseLog, Followers, Ratings)
        ]

    return await stage.service.desks.database.read(read)


async def _number(stage: Stage, who: str) -> int:
    found = await stage.service.desks.read(lambda desk: desk.people.at(stage.address(who)))
    assert found is not None
    return found[1].id
