"""Doors are called at by whoever serves there, settled once, counted where they lie; what was noted is forgotten."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from bot.app import Knowledge, build
from config.settings import Settings
from domain.people import Role
from domain.refusals import Refused
from domain.visits import CampaignEnded, CampaignOpened, HouseholdVisited, Outcome, in_order
from storage.database import Connection
from storage.desk import Desk
from storage.tables import Campaigns, Doors, Visits
from tests.office import DISTRICT, Office
from tests.play import Stage

GRID, NEXT, COMMUNITY, ELSEWHERE = "230203002001001", "230203002001002", "230203002001", "230203002003"
UNTIL = date(2026, 11, 30)
DOORS = ("幸福里 3 栋 501", "幸福里 3 栋 502")


@pytest.fixture
async def stage(settings: Settings, knowledge: Knowledge) -> AsyncIterator[Stage]:
    stage = Stage(settings, knowledge, restart=False)
    for who, role, area in (
        ("wang", "居民", GRID),
        ("li", "网格员", GRID),
        ("zhao", "网格员", NEXT),
        ("he", "网格长", COMMUNITY),
        ("zhou", "社区", COMMUNITY),
        ("far", "社区", ELSEWHERE),
        ("qian", "街道", "230203002000"),
    ):
        await stage.introduce(who, role, area)
    yield stage
    await stage.close()


@given(st.permutations(["3 栋 501", "3 栋 502", "10 栋 101", "3 栋 1001", "平房"]))
def test_doors_come_as_one_walks_by_them_each_once(households: list[str]) -> None:
    ordered = in_order([*households, *households])
    assert [each for each in ordered if each != "平房"] == ["3 栋 501", "3 栋 502", "3 栋 1001", "10 栋 101"]
    assert len(ordered) == 5


async def test_a_campaign_is_opened_for_ones_own_area_with_something_to_ask_and_somebody_to_ask(stage: Stage) -> None:
    who = {name: await _number(stage, name) for name in ("zhou", "far", "li", "wang")}
    opened = partial(CampaignOpened, question="软管哪年换的", until=UNTIL, households=DOORS)
    for fact, key in (
        (opened(who["far"], GRID, "安检"), "not_yours"),
        (opened(who["li"], GRID, "安检"), "not_yours"),
        (opened(who["wang"], GRID, "安检"), "not_yours"),
        (opened(who["zhou"], "230203002000", "安检"), "not_yours"),
        (opened(who["zhou"], f"{COMMUNITY}999", "安检"), "not_yours"),
        (opened(who["zhou"], GRID, " "), "incomplete"),
        (CampaignOpened(who["zhou"], GRID, "安检", "问", UNTIL), "incomplete"),
        (CampaignOpened(who["zhou"], GRID, "安检", "软管哪年换的", UNTIL), "no_households"),
        (CampaignOpened(who["zhou"], GRID, "安检", "软管哪年换的", date(2026, 11, 22), DOORS), "bad_day"),
        (CampaignOpened(who["zhou"], GRID, "安检", "软管哪年换的", date(2027, 3, 1), DOORS), "bad_day"),
        (opened(who["zhou"], GRID, "安检", households=tuple(f"{n} 号" for n in range(2001))), "too_many"),
    ):
        await _no(stage, fact, key)
    assert stage.heard("li") == []


async def test_a_door_is_its_own_gridworkers_and_called_at_once(stage: Stage) -> None:
    who = {name: await _number(stage, name) for name in ("zhou", "far", "li", "zhao", "he", "wang", "qian")}
    await _happen(stage, CampaignOpened(who["zhou"], COMMUNITY, "安检", "软管哪年换的", UNTIL, DOORS))
    for name in ("zhao", "wang", "zhou"):
        await _no(stage, HouseholdVisited(who[name], Outcome.DONE, door=1), "not_yours")
    await _no(stage, HouseholdVisited(who["li"], Outcome.DONE, door=99), "not_found")
    await _happen(stage, HouseholdVisited(who["li"], Outcome.NOBODY, door=1))
    # Where nobody was at home anybody of the grid may call again; then it is settled, but for a slip of one's own.
    await _happen(stage, HouseholdVisited(who["he"], Outcome.DONE, "2023 年，电话 13845678901", door=1))
    await _no(stage, HouseholdVisited(who["li"], Outcome.DONE, door=1), "done_before")
    await _happen(stage, HouseholdVisited(who["he"], Outcome.DONE, "2022 年，电话 13845678901", door=1))
    door = await stage.service.desks.read(lambda desk: desk.visits.door(1))
    assert door is not None
    assert (door.area, door.words, door.by_id) == (GRID, "2022 年，电话 ＊＊＊", who["he"])
    [part] = await stage.service.desks.read(lambda desk: desk.visits.progress(1, [COMMUNITY]))
    assert (part.area, part.doors, part.done, part.left) == (GRID, 2, 1, 1)
    assert await stage.service.desks.read(lambda desk: desk.visits.progress(1, [NEXT, ELSEWHERE])) == []
    for name, key in (("far", "not_found"), ("li", "not_found")):
        await _no(stage, CampaignEnded(who[name], 1), key)
    await _happen(stage, CampaignEnded(who["qian"], 1))
    await _no(stage, CampaignEnded(who["qian"], 1), "over")
    await _no(stage, HouseholdVisited(who["li"], Outcome.DONE, door=2), "over")
    await stage.wait(9, "天")
    assert sum("结束了" in line for line in stage.heard("zhou")) == 1


async def test_a_part_of_a_campaign_is_ended_by_nobody_who_has_only_that_part(stage: Stage) -> None:
    qian, zhou = await _number(stage, "qian"), await _number(stage, "zhou")
    await _happen(stage, CampaignOpened(qian, "230203002000", "安检", "软管哪年换的", UNTIL, DOORS))
    await _no(stage, CampaignEnded(zhou, 1), "not_yours")


async def test_who_has_just_lost_the_role_calls_nowhere(stage: Stage) -> None:
    zhou, li = await _number(stage, "zhou"), await _number(stage, "li")
    await _happen(stage, CampaignOpened(zhou, GRID, "安检", "软管哪年换的", UNTIL, DOORS))
    await stage.service.desks.write(lambda desk: desk.people.end_roles(li))
    await _no(stage, HouseholdVisited(li, Outcome.DONE, door=1), "not_yours")
    await _no(stage, HouseholdVisited(li, Outcome.DONE, grid=GRID, household="幸福里 3 栋 501"), "not_yours")


async def test_two_at_one_door_at_once_settle_it_once(settings: Settings, knowledge: Knowledge, stage: Stage) -> None:
    zhou, li, he = [await _number(stage, name) for name in ("zhou", "li", "he")]
    await _happen(stage, CampaignOpened(zhou, GRID, "安检", "软管哪年换的", UNTIL, DOORS))
    other = build(settings, clock=lambda: stage.now, knowledge=knowledge)

    async def call(service: Any, by: int) -> bool:
        try:
            await service.desks.write(lambda desk: desk.happen(HouseholdVisited(by, Outcome.DONE, door=1)))
        except Refused:
            return False
        return True

    went = await asyncio.gather(call(stage.service, li), call(other, he))
    await other.desks.database.close()
    assert sorted(went) == [False, True]
    assert len((await _rows(stage))[2]) == 1


async def test_by_the_roster_every_household_is_called_at(stage: Stage) -> None:
    await stage.roster(GRID, "幸福里 3 栋 501|王（示例）|80|; 幸福里 3 栋 502|陈（示例）|80|")
    await stage.roster(NEXT, "临江里 1 栋 101|赵（示例）|80|")
    zhou = await _number(stage, "zhou")
    await _happen(stage, CampaignOpened(zhou, COMMUNITY, "安检", "软管哪年换的", UNTIL))
    found = await stage.service.desks.read(lambda desk: desk.visits.page(1, [COMMUNITY], limit=9))
    assert [(door.area, door.household) for _, door in found] == [
        (NEXT, "临江里 1 栋 101"),
        (GRID, "幸福里 3 栋 501"),
        (GRID, "幸福里 3 栋 502"),
    ]
    assert sum("请您入户" in line for line in stage.heard("li")) == 1


async def test_what_was_noted_is_forgotten_and_what_was_done_stays_counted(stage: Stage) -> None:
    zhou, li = await _number(stage, "zhou"), await _number(stage, "li")
    await _happen(stage, CampaignOpened(zhou, GRID, "安检", "软管哪年换的", UNTIL, DOORS))
    await _happen(stage, HouseholdVisited(li, Outcome.DONE, "2023 年", door=1))
    await _happen(stage, HouseholdVisited(li, Outcome.DONE, "一切都好", grid=GRID, household="幸福里 5 栋 302"))
    await stage.wait(20, "天")
    await _blur(stage)
    door = await stage.service.desks.read(lambda desk: desk.visits.door(1))
    assert door is not None
    assert door.words == "2023 年"
    await stage.wait(31, "天")
    await _blur(stage)
    _, doors, visits = await _rows(stage)
    assert [door.words for door in doors] == [None, None]
    assert [visit.words for visit in visits] == [None, None]
    await stage.say("li", "忘记我")
    await stage.say("li", "[确定删除]")
    _, doors, visits = await _rows(stage)
    assert visits == []
    assert [(door.outcome, door.by_id) for door in doors] == [("done", None), (None, None)]
    await stage.wait(401, "天")
    await _blur(stage)
    assert (await _rows(stage))[1] == []


async def test_the_pages_do_what_the_chat_does_and_show_no_more(settings: Settings, knowledge: Knowledge) -> None:
    office = Office(settings, knowledge)
    async with office.service.running():
        for who, role, area in (
            ("zhou", Role.COMMUNITY, COMMUNITY),
            ("far", Role.COMMUNITY, ELSEWHERE),
            ("gao", Role.DISTRICT, DISTRICT),
            ("li", Role.GRIDWORKER, GRID),
        ):
            await office.meet(who, role, area)
        body = {
            "area": GRID,
            "title": "安检",
            "question": "软管哪年换的",
            "until": "2026-11-30",
            "households": [*DOORS],
        }
        async with office.at_desk("zhou") as page, office.at_desk("far") as far, office.at_desk("li") as li:
            assert (await li.post("/api/campaigns", body)).code == "page.not_for_you"
            assert (await far.post("/api/campaigns", body)).code == "campaign.not_yours"
            assert (await page.post("/api/campaigns", body | {"until": "2027-11-30"})).code == "campaign.bad_day"
            assert (await page.post("/api/campaigns", body | {"title": ""})).code == "page.unreadable"
            opened = await page.post("/api/campaigns", body)
            assert "2 户" in opened.body["said"][0]
            assert any("请您入户" in each for each in await office.told("li"))
            await office.service.desks.write(
                lambda desk: desk.happen(HouseholdVisited(office.people["li"], Outcome.TROUBLE, "有煤气味", door=1))
            )
            [found] = (await page.get("/api/campaigns")).body["campaigns"]
            assert (found["doors"], found["trouble"], found["parts"][0]["left"]) == (2, 1, 1)
            assert (await far.get("/api/campaigns")).body["campaigns"] == []
            assert (await far.get("/api/campaigns/1")).code == "campaign.not_found"
            assert (await far.get("/api/campaigns/1/households")).code == "campaign.not_found"
            first = (await page.get("/api/campaigns/1/households?limit=1")).body
            assert (first["households"][0]["words"], first["households"][0]["by"]) == ("有煤气味", "li")
            rest = (await page.get(f"/api/campaigns/1/households?cursor={first['next']}")).body
            assert [each["household"] for each in rest["households"]] == [DOORS[1]]
            assert rest["next"] is None
            assert (await far.post("/api/campaigns/1/end", {})).code == "campaign.not_found"
            assert "结束了" in (await page.post("/api/campaigns/1/end", {})).body["said"][0]
            assert (await page.post("/api/campaigns/1/end", {})).code == "campaign.over"
            assert (await page.get("/api/campaigns/1")).body["closed_at"] is not None


async def _blur(stage: Stage) -> None:
    await stage.service.desks.write(lambda desk: desk.visits.blur(timedelta(days=30)))


async def _no(stage: Stage, fact: object, key: str) -> None:
    before = await _rows(stage)
    with pytest.raises(Refused, match=key):
        await _happen(stage, fact)
    assert await _rows(stage) == before


async def _happen(stage: Stage, fact: object) -> None:
    async def happen(desk: Desk) -> None:
        await desk.happen(fact)

    await stage.service.desks.write(happen)
    await stage._settle()


async def _rows(stage: Stage) -> list[list[Any]]:
    async def read(connection: Connection) -> list[list[Any]]:
        return [
            list(await connection.execute(select(table.__table__).order_by(table.id)))
            for table in (Campaigns, Doors, Visits)
        ]

    return await stage.service.desks.database.read(read)


async def _number(stage: Stage, who: str) -> int:
    found = await stage.service.desks.read(lambda desk: desk.people.at(stage.address(who)))
    assert found is not None
    return found[1].id
