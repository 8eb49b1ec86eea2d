"""A vote of one estate in several grids: theirs in each of its grids, nobody's elsewhere; or by its own roster."""

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select

from bot.app import Knowledge
from bot.core.words import Address, Kind
from config.settings import Settings
from domain.areas import Extent, Roster
from domain.councils import BallotOpened, Electorate, check_list, check_vote, concerns
from domain.counting import Method
from domain.grounds import beside, estates_in
from domain.matters import Matter, Part, Status, Tier, parts
from domain.people import Person, Role
from domain.refusals import Refused
from domain.rosters import RosterImported, Row, Shown
from domain.voting import DoorNamed, PaperTaken
from storage import outbox
from storage.desk import Desk
from storage.tables import Contacts, Outbox, People
from tests.play import START, Stage

COMMUNITY = "230203002001"
FIRST, SECOND, THIRD, FOURTH = (f"{COMMUNITY}00{number}" for number in range(1, 5))
ESTATE = Extent(COMMUNITY, (FIRST, SECOND), "幸福里")
CLOSES = START + timedelta(days=1)
YES_NO = ("同意", "不同意", "弃权")


@pytest.fixture
async def stage(settings: Settings, knowledge: Knowledge) -> AsyncIterator[Stage]:
    stage = Stage(settings, knowledge, restart=False)
    for who, grid in (("wang", FIRST), ("chen", SECOND), ("sun", THIRD)):
        await stage.introduce(who, "居民", grid)
    await stage.introduce("zhou", "社区", COMMUNITY)
    yield stage
    await stage.close()


async def somebody(desk: Desk, stage: Stage, who: str) -> Person:
    person = await desk.people.get((await desk.people.meet(stage.address(who))).person.id)
    assert person is not None
    return person


async def opened(stage: Stage, extent: Extent = ESTATE, **rules: object) -> int:
    async def happen(desk: Desk) -> int:
        zhou = await somebody(desk, stage, "zhou")
        fact = BallotOpened(
            zhou.id,
            extent.area,
            "大门几点关",
            YES_NO,
            CLOSES,
            grids=extent.grids,
            estate=extent.estate,
            **rules,  # type: ignore[arg-type]
        )
        await desk.happen(fact)
        return (await desk.ballots.of_host(zhou.id))[-1].id

    return await stage.service.desks.write(happen)


async def _happen(fact: object, desk: Desk) -> None:
    await desk.happen(fact)


def test_an_extent_is_its_grids_and_a_roster_that_names_its_estate_is_that_estates() -> None:
    assert [ESTATE.holds(each) for each in (FIRST, SECOND, THIRD, None)] == [True, True, False, False]
    assert ESTATE.enrols(Roster(COMMUNITY, "幸福里"))
    assert ESTATE.enrols(Roster(FIRST))
    assert not ESTATE.enrols(Roster(COMMUNITY))
    assert not ESTATE.enrols(Roster(FIRST, "槐荫家园"))
    # All of the community is all its estates.
    assert Extent(COMMUNITY).enrols(Roster(COMMUNITY, "幸福里"))
    shared = Extent(FOURTH, (), "和顺苑")
    assert shared.meets(Extent(FOURTH))
    assert not shared.meets(Extent(FOURTH, (), "柳岸小区"))
    assert not shared.meets(ESTATE)
    assert ESTATE.meets(Extent(SECOND))
    assert not ESTATE.meets(Extent(THIRD))


def test_an_estate_lies_where_its_places_do_and_who_shares_its_grid_is_named(knowledge: Knowledge) -> None:
    day = START.date()
    found = {each.place: each.extent for each in estates_in(COMMUNITY, knowledge.district, day)}
    assert found["幸福里"] == ESTATE
    assert found["和顺苑"] == Extent(FOURTH, (), "和顺苑")
    assert "白桦家园" not in found
    assert beside(ESTATE, knowledge.district, day) == {}
    assert beside(found["和顺苑"], knowledge.district, day) == {FOURTH: ("柳岸小区",)}
    # Whoever serves one of its grids alone does not have the estate whole.
    assert "幸福里" not in {each.place for each in estates_in(FIRST, knowledge.district, day)}


async def test_it_is_theirs_in_each_of_its_grids_and_nobodys_in_a_third(stage: Stage) -> None:
    number = await opened(stage)

    async def look(desk: Desk) -> None:
        ballot = await desk.ballots.get(number)
        assert ballot.extent == ESTATE
        for who in ("wang", "chen"):
            check_vote(ballot, await somebody(desk, stage, who), (0,), START)
        sun = await somebody(desk, stage, "sun")
        with pytest.raises(Refused, match=r"ballot\.not_your_estate") as refused:
            check_vote(ballot, sun, (0,), START)
        assert refused.value.shown["estate"] == "幸福里"
        with pytest.raises(Refused, match=r"ballot\.not_your_estate"):
            check_list(ballot, sun)
        assert not concerns(ballot, sun)
        there = select(People.id).where(People.grid.in_([FIRST, SECOND]))
        assert await desk.ballots.eligible(ballot) == len(list(await desk._db.scalars(there)))
        assert sum((await desk.people.reachable(Electorate.RESIDENTS, ESTATE)).values()) == 2

    await stage.service.desks.read(look)


async def test_all_of_several_grids_are_told_once_each_in_parts(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "_AT_ONCE", 7)

    async def move_in(desk: Desk) -> None:
        for number in range(30):
            person = (await desk.people.meet(Address("telegram", "1", f"r{number}"))).person
            await desk.people.change(person.id, grid=(FIRST, SECOND, THIRD)[number % 3])

    async def tell(desk: Desk) -> int:
        return await desk.tell_area(ESTATE, "turn.empty", once="t", kind=Kind.NOTICE)

    async def told(desk: Desk) -> list[str | None]:
        query = (
            select(People.grid)
            .join(Contacts, Contacts.id == People.contact_id)
            .join(Outbox, Outbox.contact_id == Contacts.id)
        )
        return list(await desk._db.scalars(query))

    await stage.service.desks.write(move_in)
    assert await stage.service.desks.write(tell) == 22
    assert 0 < len(await stage.service.desks.read(told)) <= 7
    await stage.service.bell.ring()
    found = await stage.service.desks.read(told)
    assert sorted(found, key=str) == [FIRST] * 11 + [SECOND] * 11


async def test_a_helper_of_one_of_its_grids_helps_and_one_of_another_does_not(stage: Stage) -> None:
    await stage.introduce("li", "网格员", SECOND)
    await stage.introduce("he", "网格员", THIRD)
    number = await opened(stage)

    async def happen(desk: Desk) -> None:
        li, he, chen, sun = [await somebody(desk, stage, who) for who in ("li", "he", "chen", "sun")]
        await desk.happen(DoorNamed(li.id, number, SECOND, "幸福里 9 栋 101", "张桂兰（示例）", "assist"))
        await desk.happen(PaperTaken(number, li.id, chen.id))
        for wrong in (
            DoorNamed(li.id, number, THIRD, "槐荫家园 1 栋", "何平（示例）", "assist"),
            PaperTaken(number, li.id, sun.id),
            PaperTaken(number, he.id, chen.id),
        ):
            with pytest.raises(Refused):
                await desk.happen(wrong)

    await stage.service.desks.write(happen)


async def test_only_a_host_of_all_of_it_opens_it_and_only_within_their_area(stage: Stage) -> None:
    await stage.introduce("one", "主持人", FIRST)

    async def happen(desk: Desk) -> None:
        one, zhou = await somebody(desk, stage, "one"), await somebody(desk, stage, "zhou")
        fact = BallotOpened(one.id, COMMUNITY, "大门几点关", YES_NO, CLOSES, grids=ESTATE.grids, estate="幸福里")
        with pytest.raises(Refused, match=r"ballot\.not_your_area"):
            await desk.happen(fact)
        elsewhere = BallotOpened(
            zhou.id, COMMUNITY, "大门几点关", YES_NO, CLOSES, grids=(FIRST, "230203002003001"), estate="幸福里"
        )
        with pytest.raises(Refused, match=r"ballot\.bad_rules"):
            await desk.happen(elsewhere)

    await stage.service.desks.write(happen)


async def test_owners_of_an_estate_are_counted_over_all_its_grids_and_nobody_elses_are(stage: Stage) -> None:
    await stage.introduce("far", "居民", "230203002003001")
    await stage.introduce("other", "居民", "230203002003001")
    desks = stage.service.desks
    ours = (
        Row("幸福里 1 栋 101", "王建国（示例）", 8000, ("13800000001",)),
        Row("幸福里 9 栋 101", "王建国（示例）", 5000, ("13800000001",)),
        Row("幸福里 9 栋 102", "何平（示例）", 6000),
    )
    # Named by the community or the wrong way: an estate is put down with the smallest area around it.
    await desks.write(lambda desk: desk.happen(RosterImported(None, "230203002000", ours, "幸福里")))
    theirs = (Row("和顺苑 1 栋 101", "孙梅（示例）", 7000),)
    await desks.write(lambda desk: desk.happen(RosterImported(None, COMMUNITY, theirs, "和顺苑")))
    for area, estate, why in (
        (FIRST, "", "beside"),
        (COMMUNITY, "", "beside"),
        (COMMUNITY, "没有的小区", "no_estate"),
        ("230203002003", "幸福里", "no_estate"),
    ):
        fact = RosterImported(None, area, ours, estate)
        with pytest.raises(Refused, match=rf"roster\.{why}"):
            await desks.write(partial(_happen, fact))
    number = await opened(stage, electorate=Electorate.OWNERS, method=Method.YES_NO, secret=False)

    async def look(desk: Desk) -> None:
        ballot = await desk.ballots.get(number)
        assert await desk.ballots.eligible(ballot) == 2
        assert sorted(each.area for each in (await desk.rosters.owners(ballot.extent)).values()) == [6000, 13000]
        [first, *_] = await desk.rosters.all(Roster(COMMUNITY, "幸福里"))
        [foreign] = await desk.rosters.all(Roster(FOURTH, "和顺苑"))
        far, other = await somebody(desk, stage, "far"), await somebody(desk, stage, "other")
        await desk.rosters.confirm(first.id, far.id, Shown.CODE)
        await desk.rosters.confirm(foreign.id, other.id, Shown.CODE)
        far, other = await somebody(desk, stage, "far"), await somebody(desk, stage, "other")
        voter = await desk.rosters.voter(far.id, ballot.extent)
        check_vote(ballot, far, (0,), START, voter)
        assert concerns(ballot, far)
        assert not concerns(ballot, other)
        with pytest.raises(Refused, match=r"ballot\.other_roster"):
            check_vote(ballot, other, (0,), START, await desk.rosters.voter(other.id, ballot.extent))
        # Who owns there hears, objects and rates, wherever they live.
        matter = Matter(1, Tier.ESTATE, COMMUNITY, ESTATE.grids, "幸福里", None, "大门", Status.NOTICE, START, START)
        assert parts(matter, far) == {Part.NEIGHBOUR}
        assert parts(matter, other) == set()
        assert sum((await desk.people.reachable(Electorate.OWNERS, ESTATE)).values()) == 3

    await desks.write(look)
    # Who may vote does not change while they vote; another estate's roster is nobody's of these.
    with pytest.raises(Refused, match=r"roster\.under_way"):
        await desks.write(lambda desk: desk.happen(RosterImported(None, COMMUNITY, ours[:1], "幸福里")))
    await desks.write(lambda desk: desk.happen(RosterImported(None, COMMUNITY, theirs, "和顺苑")))


async def test_members_of_an_estates_council_sit_for_its_grids(stage: Stage) -> None:
    async def seat(desk: Desk) -> None:
        for who, area in (("wang", FIRST), ("chen", SECOND), ("sun", THIRD)):
            await desk.people.grant((await somebody(desk, stage, who)).id, Role.COUNCIL_MEMBER, area, None)

    await stage.service.desks.write(seat)
    number = await opened(stage, electorate=Electorate.MEMBERS)

    async def look(desk: Desk) -> None:
        ballot = await desk.ballots.get(number)
        assert await desk.ballots.eligible(ballot) == 2
        assert [concerns(ballot, await somebody(desk, stage, who)) for who in ("wang", "chen", "sun")] == [
            True,
            True,
            False,
        ]

    await stage.service.desks.read(look)
