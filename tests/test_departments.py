"""Somebody of a department is who they were invited as: cases that were not given to it are none of theirs."""

from collections.abc import AsyncIterator
from functools import partial

import pytest

from bot.app import Knowledge
from config.settings import Settings
from domain.cases import RULES, CaseMoved
from domain.people import Held, Role
from domain.refusals import Refused
from storage.desk import Desk
from tests.office import DISTRICT, GRID, Office
from tests.play import START, Stage


@pytest.fixture
async def stage(settings: Settings, knowledge: Knowledge) -> AsyncIterator[Stage]:
    stage = Stage(settings, knowledge, restart=False)
    await stage.introduce("wang", "居民", GRID)
    await stage.introduce("sun", "部门", DISTRICT, "housing")
    yield stage
    await stage.close()


async def _number(stage: Stage, who: str) -> int:
    found = await stage.service.desks.read(lambda desk: desk.people.at(stage.address(who)))
    assert found is not None
    return found[1].id


async def test_who_is_invited_to_a_department_works_there_and_nowhere_else(stage: Stage) -> None:
    code = await stage.service.desks.write(
        lambda desk: desk.people.invite(role=Role.DEPARTMENT, area="230203002000", department="street-enforcement")
    )
    await stage.say("zheng", code)
    assert "街道执法队" in stage.heard("zheng")[0]
    zheng = await _number(stage, "zheng")

    async def look(desk: Desk) -> None:
        person = await desk.people.get(zheng)
        assert person is not None
        assert person.roles == (Held(Role.DEPARTMENT, "230203002000", "street-enforcement"),)
        assert person.of_department("street-enforcement", GRID)
        assert not person.of_department("street-enforcement", "230203003001001")
        assert not person.of_department("housing", GRID)
        there = await desk.people.in_department("street-enforcement", GRID, reachable=True)
        assert [each.id for each in there] == [zheng]
        assert await desk.people.in_department("street-enforcement", "230203003001001") == []
        # The same invitation twice gives nothing more; another department does.
        assert not await desk.people.grant(zheng, Role.DEPARTMENT, "230203002000", "street-enforcement")
        assert await desk.people.grant(zheng, Role.DEPARTMENT, "230203002000", "street-sanitation")

    await stage.service.desks.write(look)


async def test_a_department_may_do_nothing_with_cases_nobody_gave_it(stage: Stage) -> None:
    await stage.say("wang", "报事 幸福里 3 栋楼下路灯不亮")
    sun = await _number(stage, "sun")

    async def happen(fact: object, desk: Desk) -> None:
        await desk.happen(fact)

    for move in RULES:
        whole = CaseMoved(1, move, sun, "因为", ("a" * 64,), sun, 3, "other", 1, START)
        with pytest.raises(Refused, match=r"case\.not_found"):
            await stage.service.desks.write(partial(happen, whole))
    await stage.say("sun", "任务")
    assert not any("路灯" in line for line in stage.heard("sun"))


async def test_a_department_reads_no_case_on_the_pages_that_is_not_its_own(
    settings: Settings, knowledge: Knowledge
) -> None:
    office = Office(settings, knowledge)
    async with office.service.running():
        await office.meet("sun", Role.DEPARTMENT, DISTRICT, department="housing")
        wang = await office.meet("王阿姨", grid=GRID)

        async def report(desk: Desk) -> str:
            from domain.cases import ProblemReported

            await desk.happen(ProblemReported(wang, GRID, "road", "幸福里 3 栋", "路面塌了"))
            return (await desk.cases.of_reporter(wang))[0].number

        number = await office.service.desks.write(report)
        async with office.at_desk("sun") as page:
            me = await page.get("/api/me")
            assert me.body["roles"][0]["department"] == "housing"
            assert me.body["roles"][0]["role_name"] == "区住房和城乡建设局"
            assert (await page.get("/api/cases")).body["cases"] == []
            assert (await page.get(f"/api/cases/{number}")).status == 404
            for path in ("/api/questions", "/api/entries?q=路灯"):
                assert (await page.get(path)).status == 403
