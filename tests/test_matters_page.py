"""Staff at a page see and move the matters of their areas by the same rules as in the chat; nobody else sees any."""

from collections.abc import AsyncIterator

import pytest

from bot.app import Knowledge
from bot.core.words import Address
from config.settings import Settings
from domain.areas import Roster
from domain.cases import Status as CaseStatus
from domain.matters import MatterMoved, MatterProposed, Move, Part, Status, Tier, parts
from domain.people import Role
from domain.refusals import Refused
from domain.rosters import Row, Shown
from storage.desk import Desk
from tests.office import COMMUNITY, ELSEWHERE, GRID, Office


@pytest.fixture
async def office(settings: Settings, knowledge: Knowledge) -> AsyncIterator[Office]:
    office = Office(settings, knowledge)
    async with office.service.running():
        wang = await office.meet("wang", grid=GRID)
        for who, role, area in (
            ("zhou", Role.COMMUNITY, COMMUNITY),
            ("far", Role.COMMUNITY, ELSEWHERE),
            ("qian", Role.STREET, "230203002000"),
            ("li", Role.GRIDWORKER, GRID),
        ):
            await office.meet(who, role, area)
        proposed = MatterProposed(wang, Tier.COMMUNITY, COMMUNITY, "民乐社区", "社区门口修一条坡道，轮椅好进出")
        await office.service.desks.write(lambda desk: desk.happen(proposed))
        yield office


async def test_a_matter_is_seen_and_moved_by_its_hosts_alone(office: Office) -> None:
    async with office.at_desk("far") as page:
        assert (await page.get("/api/matters")).body == {"matters": [], "next": None}
        assert (await page.get("/api/matters/1")).code == "matter.not_found"
        assert (await page.get(f"/api/matters?area={COMMUNITY}")).code == "page.not_your_area"
        assert (await page.post("/api/matters/1/moves", {"move": "forward"})).code == "matter.not_found"
    async with office.at_desk("li") as page:
        assert (await page.get("/api/matters")).code == "page.not_for_you"
    async with office.at_desk("zhou") as page:
        [line] = (await page.get("/api/matters")).body["matters"]
        assert (line["title"], line["status_name"]) == ("社区门口修一条坡道，轮椅好进出", "征集支持")
        whole = (await page.get("/api/matters/1")).body
        assert (whole["support"], whole["needed"]) == (1, 20)
        assert "forward" in whole["moves"]
        # What a rule forbids, what lacks its reason, what is no move of a host's: nothing is changed.
        assert (await page.post("/api/matters/1/moves", {"move": "adopt"})).code == "matter.already.collect"
        assert (await page.post("/api/matters/1/moves", {"move": "decline"})).code == "matter.needs.reason"
        assert (await page.post("/api/matters/1/moves", {"move": "support"})).code == "page.unreadable"
        past = {"move": "meet", "words": "坡道", "place": "大厅", "at": "2020-01-01T00:00:00Z"}
        said = await page.post("/api/matters/1/moves", {"move": "forward"}, key="once-and-again")
        again = await page.post("/api/matters/1/moves", {"move": "forward"}, key="once-and-again")
        assert said.body == again.body
        assert (await page.post("/api/matters/1/moves", past)).code == "matter.needs.time"
        assert (await page.post("/api/matters/1/moves", {"move": "raise", "words": "要动市政的路"})).status == 200
    async with office.at_desk("qian") as page:
        answer = {"move": "answer", "words": "街道来修，下月开工"}
        assert (await page.post("/api/matters/1/moves", answer)).status == 200
        assert "下月开工" in (await page.get("/api/matters/1")).body["answer"]

    async def look(desk: Desk) -> tuple[Status, list[Move]]:
        matter = await desk.matters.get(1)
        return matter.status, [each.move for each in await desk.matters.journal(1)]

    assert await office.service.desks.read(look) == (
        Status.AGENDA,
        [Move.PROPOSE, Move.FORWARD, Move.RAISE, Move.ANSWER],
    )


async def test_what_somebody_said_goes_with_them_and_what_neighbours_support_stays(office: Office) -> None:
    wang = office.people["wang"]

    async def forget(desk: Desk) -> None:
        await desk.happen(MatterMoved(1, Move.FORWARD, office.people["zhou"]))
        await desk.happen(MatterMoved(1, Move.COMMENT, wang, "我家在三号楼 501"))
        await desk.people.erase(wang)

    await office.service.desks.write(forget)
    async with office.at_desk("zhou") as page:
        whole = (await page.get("/api/matters/1")).body
        assert [leaf["words"] for leaf in whole["file"]] == [""]
        assert whole["words"] == "社区门口修一条坡道，轮椅好进出"
    assert (await office.service.desks.read(lambda desk: desk.matters.get(1))).proposer_id is None


async def test_an_owner_who_lives_elsewhere_hears_of_a_notice_and_may_object(office: Office) -> None:
    sun = await office.meet("sun", grid=f"{ELSEWHERE}001")
    guo = await office.meet("guo", grid=f"{ELSEWHERE}001")
    zhou = office.people["zhou"]

    async def enrol(desk: Desk) -> tuple[Roster, ...]:
        await desk.rosters.take_in(Roster(COMMUNITY), [(Row("幸福里 3 栋 501", "孙梅（示例）"), ())])
        [household] = await desk.rosters.all(Roster(COMMUNITY))
        await desk.rosters.confirm(household.id, sun, Shown.CODE)
        owner, neighbour = await desk.people.get(sun), await desk.people.get(guo)
        assert neighbour is not None
        assert neighbour.rosters == ()
        return owner.rosters if owner else ()

    assert await office.service.desks.write(enrol) == (Roster(COMMUNITY),)

    async def happen(desk: Desk) -> None:
        await desk.happen(MatterMoved(1, Move.FORWARD, zhou))
        await desk.happen(MatterMoved(1, Move.RAISE, zhou, "要动市政的路"))
        await desk.happen(MatterMoved(1, Move.ANSWER, office.people["qian"], "街道来修，下月开工"))
        await desk.happen(MatterMoved(1, Move.ADOPT, zhou))

    await office.service.desks.write(happen)

    async def look(desk: Desk) -> list[set[Part]]:
        matter = await desk.matters.get(1)
        assert matter.status is Status.NOTICE
        people = [await desk.people.get(each) for each in (sun, guo)]
        return [parts(matter, each) for each in people if each]

    assert await office.service.desks.read(look) == [{Part.NEIGHBOUR}, set()]
    objection = MatterMoved(1, Move.OBJECT, sun, "坡道会挡住 3 栋的门")
    await office.service.desks.write(lambda desk: desk.happen(objection))
    with pytest.raises(Refused, match=r"matter\.not_found"):
        await office.service.desks.write(lambda desk: desk.happen(MatterMoved(1, Move.OBJECT, guo, "我也反对")))
    assert "公示" in "".join(await office.told("sun"))
    assert await office.told("guo") == []


async def test_where_exactly_is_for_all_the_pin_for_staff_and_goes_with_the_case_and_not_with_who_is_forgotten(
    office: Office,
) -> None:
    wang, zhou = office.people["wang"], office.people["zhou"]
    proposed = MatterProposed(
        wang,
        Tier.COMMUNITY,
        COMMUNITY,
        "民乐社区",
        "社区东边修一条小路",
        spot="幸福里 3 栋东边",
        latitude=47.36,
        longitude=123.95,
    )

    async def happen(desk: Desk) -> None:
        await desk.happen(proposed)
        await desk.happen(MatterMoved(2, Move.FORWARD, zhou))
        await desk.happen(MatterMoved(2, Move.TO_CASE, zhou, "请街道铺砖", grid=GRID, category="road"))

    await office.service.desks.write(happen)
    async with office.at_desk("zhou") as page:
        whole = (await page.get("/api/matters/2")).body
        assert (whole["spot"], whole["latitude"], whole["longitude"]) == ("幸福里 3 栋东边", 47.36, 123.95)
        assert (await page.get("/api/matters/1")).body["latitude"] is None

    async def look(desk: Desk) -> None:
        [case] = await desk.cases.in_area(COMMUNITY, list(CaseStatus))
        assert (case.place, case.latitude, case.longitude) == ("幸福里 3 栋东边", 47.36, 123.95)
        await desk.people.erase(wang)
        matter = await desk.matters.get(2)
        assert (matter.spot, matter.latitude, matter.longitude) == ("幸福里 3 栋东边", None, None)

    await office.service.desks.write(look)


async def test_groups_and_ways_out_are_listed_for_those_who_host_and_for_nobody_else(office: Office) -> None:
    zhou = office.people["zhou"]

    async def happen(desk: Desk) -> list[int]:
        groups = [(await desk.people.meet(Address("telegram", "1", f"-{number}"))).person.id for number in (1, 2, 3)]
        second = MatterProposed(office.people["wang"], Tier.COMMUNITY, COMMUNITY, "民乐社区", "社区东边修一条小路")
        await desk.happen(second)
        for matter, group in ((1, groups[0]), (2, groups[0]), (2, groups[1]), (2, groups[2])):
            await desk.voices.let_group_follow(matter, group)
        await desk.voices.hush(groups[2])
        for matter in (1, 2):
            await desk.happen(MatterMoved(matter, Move.FORWARD, zhou))
        await desk.happen(MatterMoved(2, Move.TO_CASE, zhou, "请街道铺砖", grid=GRID, category="road"))
        await desk.happen(MatterMoved(1, Move.TO_MEDIATION, zhou, "两家为坡道吵起来了", grid=GRID))
        return groups

    groups = await office.service.desks.write(happen)
    for who in ("zhou", "qian"):
        async with office.at_desk(who) as page:
            first = (await page.get("/api/matter-groups?limit=2")).body
            rest = (await page.get(f"/api/matter-groups?limit=2&cursor={first['next']}")).body
            found = [(each["matter"], each["group"]) for each in (*first["groups"], *rest["groups"])]
            assert found == [(2, groups[1]), (2, groups[0]), (1, groups[0])]
            assert rest["next"] is None
            mediated, case = (await page.get("/api/matter-ways")).body["ways"]
            assert (mediated["matter"], mediated["case"], mediated["back"]) == (1, "", False)
            assert (case["matter"], case["words"], case["case"] != "") == (2, "请街道铺砖", True)
            one = (await page.get("/api/matter-ways?limit=1")).body
            assert (await page.get(f"/api/matter-ways?cursor={one['next']}")).body["ways"] == [case]
    back = MatterMoved(1, Move.BACK, zhou, "两家谈好了", leaf=mediated["id"])
    await office.service.desks.write(lambda desk: desk.happen(back))
    async with office.at_desk("zhou") as page:
        assert [each["matter"] for each in (await page.get("/api/matter-ways?out=true")).body["ways"]] == [2]
        assert (await page.get("/api/matter-ways")).body["ways"][0]["answer"] == "两家谈好了"
        assert (await page.get(f"/api/matter-groups?area={ELSEWHERE}")).code == "page.not_your_area"
        assert (await page.get("/api/matter-ways?cursor=nonsense")).code == "page.unreadable"
    async with office.at_desk("far") as page:
        assert (await page.get("/api/matter-groups")).body == {"groups": [], "next": None}
        assert (await page.get("/api/matter-ways")).body == {"ways": [], "next": None}
        assert (await page.get(f"/api/matter-ways?area={COMMUNITY}")).code == "page.not_your_area"
    async with office.at_desk("li") as page:
        for path in ("/api/matter-groups", "/api/matter-ways"):
            assert (await page.get(path)).code == "page.not_for_you"
