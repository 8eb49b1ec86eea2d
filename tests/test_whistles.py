"""Who may not whistle, come, sign or decide is told so kindly, and nothing is changed; absence is told once."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from bot.app import Knowledge
from config.settings import Settings
from domain.cases import CaseMoved, Move, ProblemReported
from domain.people import Role
from domain.refusals import Refused
from domain.whistles import (
    CallAttended,
    CallDeclined,
    CallJudged,
    CallSigned,
    WhistleBlown,
    WhistleClosed,
)
from storage.database import Connection
from storage.desk import Desk
from storage.tables import CaseLog, Cases, Demands, WhistleCalls, Whistles
from tests.office import Office
from tests.play import START, Stage

GRID, COMMUNITY, STREET, DISTRICT = "230203002001001", "230203002001", "230203002000", "230203000000"
BOTH = ("parks", "power-company")


@pytest.fixture
async def stage(settings: Settings, knowledge: Knowledge) -> AsyncIterator[Stage]:
    stage = Stage(settings, knowledge, restart=False)
    for who, role, *area in (
        ("wang", "居民", GRID),
        ("li", "网格员", GRID),
        ("zhou", "社区", COMMUNITY),
        ("far", "社区", "230203002003"),
        ("qian", "街道", STREET),
        ("wu", "区", DISTRICT),
        ("sun", "部门", DISTRICT, "power-company"),
        ("feng", "部门", DISTRICT, "parks"),
        ("zheng", "部门", DISTRICT, "housing"),
    ):
        await stage.introduce(who, role, *area)
    await stage.say("wang", "报事 幸福里 3 栋大树压着电线")
    yield stage
    await stage.close()


async def test_a_whistle_is_blown_for_ones_own_area_once_and_only_on_what_is_open(stage: Stage) -> None:
    await _refused(stage, "far", "not_found", case=1)
    await _refused(stage, "wu", "not_yours", case=1)
    await _refused(stage, "wang", "not_found", case=1)
    await _refused(stage, "zhou", "whom", case=1, departments=("navy",))
    await _refused(stage, "zhou", "whom", case=1, departments=("parks", "parks"))
    await _refused(stage, "zhou", "whom", case=1, departments=("residents-committee",))
    await _refused(stage, "zhou", "whom", case=1, departments=())
    await _refused(stage, "zhou", "incomplete", case=1, words=" ")
    await _happen(stage, WhistleBlown(1, await _number(stage, "zhou"), BOTH, "一起定", "3 栋楼下"))
    await _refused(stage, "zhou", "blown_before", case=1)
    await _happen(stage, CaseMoved(1, Move.WITHDRAW, await _number(stage, "wang")))
    await _refused(stage, "zhou", "already.withdrawn", case=1)
    # It was called off with the case: whoever was called sees it no more.
    case = await stage.service.desks.read(lambda desk: desk.cases.get(1))
    assert case.called == ()


async def test_only_who_is_called_answers_and_each_step_once(stage: Stage) -> None:
    who = {name: await _number(stage, name) for name in ("zhou", "far", "qian", "wu", "sun", "feng", "zheng")}
    await _happen(stage, WhistleBlown(1, who["zhou"], BOTH, "一起定", "3 栋楼下"))
    calls = await stage.service.desks.read(lambda desk: desk.whistles.calls(1))
    parks, power = (each.id for each in calls)
    for fact, key in (
        (CallAttended(power, who["zheng"], ("a" * 64,)), "not_called"),
        (CallAttended(power, who["feng"], ("a" * 64,)), "not_called"),
        (CallAttended(power, who["zhou"], ("a" * 64,)), "not_called"),
        (CallAttended(power, who["sun"]), "show_it"),
        (CallAttended(999, who["sun"], ("a" * 64,)), "not_called"),
        (CallSigned(power, who["sun"], "明天送电"), "already.called"),
        (CallDeclined(power, who["sun"], ""), "incomplete"),
        (CallJudged(power, who["qian"], excused=True), "already.called"),
        (WhistleClosed(1, who["zhou"], "定了"), "still_awaited"),
    ):
        await _no(stage, fact, key)
    await _happen(stage, CallDeclined(parks, who["feng"], "人不够"))
    for fact, key in (
        (CallDeclined(parks, who["feng"], "人不够"), "already.declined"),
        (CallJudged(parks, who["zhou"], excused=True), "not_yours"),
        (CallJudged(parks, who["far"], excused=True), "not_called"),
        (WhistleClosed(1, who["zhou"], "定了"), "still_awaited"),
    ):
        await _no(stage, fact, key)
    await _happen(stage, CallJudged(parks, who["qian"], excused=True))
    await _no(stage, CallJudged(parks, who["qian"], excused=False), "already.excused")
    await _happen(stage, CallAttended(power, who["sun"], ("a" * 64,)))
    await _no(stage, CallAttended(power, who["sun"], ("a" * 64,)), "already.attended")
    await _no(stage, WhistleClosed(1, who["zhou"], "定了"), "still_awaited")
    await _happen(stage, CallSigned(power, who["sun"], "明天停电半天"))
    await _no(stage, CallSigned(power, who["sun"], "再签一次"), "signed_before")
    await _no(stage, WhistleClosed(1, who["far"], "定了"), "not_called")
    await _happen(stage, WhistleClosed(1, who["zhou"], "明天一起锯"))
    await _no(stage, WhistleClosed(1, who["zhou"], "再关一次"), "over")
    await _no(stage, CallAttended(power, who["sun"], ("a" * 64,)), "over")


async def test_absence_is_told_to_each_level_once_and_not_once_they_have_come(stage: Stage) -> None:
    await _happen(stage, WhistleBlown(1, await _number(stage, "zhou"), ("power-company",), "一起定", "3 栋楼下"))
    await stage.wait(1, "天")
    await stage.wait(10, "天")
    for who, times in (("zhou", 1), ("qian", 1), ("wu", 1)):
        assert sum("没有在" in line and "供电公司" in line for line in stage.heard(who)) == times, who
    steps = await stage.service.desks.read(lambda desk: desk.cases.steps(1))
    assert [step.move for step in steps].count(Move.ABSENT) == 1


async def test_who_has_just_lost_the_role_comes_no_more(stage: Stage) -> None:
    await _happen(stage, WhistleBlown(1, await _number(stage, "zhou"), BOTH, "一起定", "3 栋楼下"))
    sun = await _number(stage, "sun")
    await stage.service.desks.write(lambda desk: desk.people.end_roles(sun))
    await _no(stage, CallAttended(2, sun, ("a" * 64,)), "not_called")


async def test_levels_act_on_what_they_hold_and_departments_are_the_districts_to_give(stage: Stage) -> None:
    who = {name: await _number(stage, name) for name in ("zhou", "qian", "wu", "far", "sun", "wang", "li")}
    day = START.replace(day=28)
    for fact, key in (
        (CaseMoved(1, Move.ASSIGN, who["zhou"], department="parks"), "not_yours"),
        (CaseMoved(1, Move.ASSIGN, who["qian"], department="parks"), "not_yours"),
        (CaseMoved(1, Move.ASSIGN, who["wu"], department="navy"), "no_such_department"),
        (CaseMoved(1, Move.ASSIGN, who["wu"], department="residents-committee"), "no_such_department"),
        (CaseMoved(1, Move.ASSIGN, who["wu"]), "needs.department"),
        (CaseMoved(1, Move.RAISE, who["far"], "因为"), "not_found"),
        (CaseMoved(1, Move.RAISE, who["zhou"]), "needs.reason"),
        (CaseMoved(1, Move.RAISE, who["li"], "因为"), "not_yours"),
        (CaseMoved(1, Move.LOWER, who["zhou"], "因为"), "lowest"),
        (CaseMoved(1, Move.RAISE, who["wu"], "因为"), "highest"),
        (CaseMoved(1, Move.SUPERVISE, who["zhou"], "因为", until=day), "not_yours"),
        (CaseMoved(1, Move.SUPERVISE, who["qian"], "因为", until=START), "needs.day"),
        (CaseMoved(1, Move.URGE, who["zhou"]), "not_yours"),
        (CaseMoved(1, Move.ANSWER, who["li"], "在办"), "nothing_to_answer"),
    ):
        await _no(stage, fact, key)
    await _happen(stage, CaseMoved(1, Move.RAISE, who["zhou"], "要吊车"))
    await _no(stage, CaseMoved(1, Move.DISPATCH, who["zhou"], to=who["li"]), "held.street")
    await _no(stage, CaseMoved(1, Move.RAISE, who["zhou"], "再报"), "held.street")
    await _happen(stage, CaseMoved(1, Move.SUPERVISE, who["wu"], "催", until=day))
    await _no(stage, CaseMoved(1, Move.SUPERVISE, who["wu"], "再催", until=day), "supervised_before")
    await _no(stage, CaseMoved(1, Move.ANSWER, who["wu"], "自己答"), "nothing_to_answer")
    await _happen(stage, CaseMoved(1, Move.URGE, who["wang"]))
    await _no(stage, CaseMoved(1, Move.URGE, who["wang"]), "urged_before")


async def test_the_pages_blow_answer_judge_and_close_as_the_chat_does(settings: Settings, knowledge: Knowledge) -> None:
    office = Office(settings, knowledge)
    async with office.service.running():
        for who, role, area, department in (
            ("zhou", Role.COMMUNITY, COMMUNITY, None),
            ("far", Role.COMMUNITY, "230203002003", None),
            ("qian", Role.STREET, STREET, None),
            ("li", Role.GRIDWORKER, GRID, None),
            ("sun", Role.DEPARTMENT, DISTRICT, "power-company"),
            ("feng", Role.DEPARTMENT, DISTRICT, "parks"),
            ("zheng", Role.DEPARTMENT, DISTRICT, "housing"),
        ):
            await office.meet(who, role, area, department=department)
        wang = await office.meet("wang", grid=GRID)
        tree = ProblemReported(
            wang, GRID, "street-lamp", "幸福里 3 栋", "大树压着电线", latitude=47.35, longitude=123.95
        )

        async def report(desk: Desk) -> str:
            await desk.happen(tree)
            return (await desk.cases.get(1)).number

        number = await office.service.desks.write(report)
        path, body = f"/api/cases/{number}/whistle", {"departments": [*BOTH], "words": "一起定", "meet": "3 栋楼下"}
        async with AsyncExitStack() as desks:
            page = {who: await desks.enter_async_context(office.at_desk(who)) for who in office.people if who != "wang"}
            assert (await page["zhou"].get(path)).code == "whistle.none_blown"
            assert (await page["sun"].get(path)).code == "case.not_found"
            assert (await page["far"].post(path, body)).code == "case.not_found"
            assert (await page["li"].post(path, body)).code == "page.not_for_you"
            assert (await page["zhou"].post(path, body | {"departments": ["navy"]})).code == "whistle.whom"
            assert number in (await page["zhou"].post(path, body)).body["said"][0]
            assert (await page["zhou"].post(path, body)).code == "whistle.blown_before"
            [call] = (await page["sun"].get("/api/calls")).body["calls"]
            there = {"answer": "attend", "latitude": 47.3504, "longitude": 123.95}
            answer = f"/api/calls/{call['id']}/answer"
            for who in ("feng", "zheng"):
                assert (await page[who].post(answer, there)).code == "whistle.not_called"
            assert (await page["sun"].post(answer, {"answer": "attend"})).code == "page.unreadable"
            assert (
                await page["sun"].post(answer, {"answer": "sign", "words": "停电"})
            ).code == "whistle.already.called"
            assert (await page["sun"].post(answer, there)).status == 200
            assert (await page["sun"].post(answer, there)).code == "whistle.already.attended"
            other = (await page["feng"].get("/api/calls")).body["calls"][0]["id"]
            no = {"answer": "decline", "words": "人不够"}
            assert (await page["feng"].post(f"/api/calls/{other}/answer", no)).status == 200
            assert (await page["zhou"].post(f"/api/calls/{other}/judge", {"excused": True})).code == "page.not_for_you"
            assert (await page["qian"].post(f"/api/calls/{other}/judge", {"excused": True})).status == 200
            assert (await page["zhou"].post(f"{path}/close", {"words": "定了"})).code == "whistle.still_awaited"
            assert (await page["sun"].post(answer, {"answer": "sign", "words": "明天停电"})).status == 200
            found = (await page["qian"].get(path)).body
            stands = {each["department"]: each["standing"] for each in found["calls"]}
            assert stands == {"parks": "excused", "power-company": "attended"}
            assert [each["agreed"] for each in found["calls"]] == ["", "明天停电"]
            assert (await page["far"].post(f"{path}/close", {"words": "定了"})).code == "case.not_found"
            assert (await page["zhou"].post(f"{path}/close", {"words": "明天一起锯"})).status == 200
            assert (await page["zhou"].get(path)).body["closed_at"] is not None
        steps = await office.service.desks.read(lambda desk: desk.cases.steps(1))
        assert [step.words for step in steps if step.move is Move.ATTEND] == ["供电公司（离报的地方约 40 米）"]


async def _refused(stage: Stage, who: str, key: str, **given: Any) -> None:
    whole = {"departments": BOTH, "words": "一起定", "meet": "3 栋楼下"} | given
    await _no(stage, WhistleBlown(by=await _number(stage, who), **whole), key)


async def _no(stage: Stage, fact: object, key: str) -> None:
    before = await _rows(stage)
    with pytest.raises(Refused, match=key.replace(".", r"\.")):
        await _happen(stage, fact)
    assert await _rows(stage) == before


async def _happen(stage: Stage, fact: object) -> None:
    async def happen(fact: object, desk: Desk) -> None:
        await desk.happen(fact)

    await stage.service.desks.write(partial(happen, fact))


async def _rows(stage: Stage) -> list[Any]:
    async def read(connection: Connection) -> list[Any]:
        return [
            [tuple(row) for row in await connection.execute(select(table))]
            for table in (Cases, CaseLog, Demands, Whistles, WhistleCalls)
        ]

    return await stage.service.desks.database.read(read)


async def _number(stage: Stage, who: str) -> int:
    found = await stage.service.desks.read(lambda desk: desk.people.at(stage.address(who)))
    assert found is not None
    return found[1].id
