"""A ballot paper that was lost is made void only where it cannot have been counted, and never comes back."""

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select

from bot.app import Knowledge
from config.settings import Settings
from domain.councils import BallotOpened, Electorate, How
from domain.counting import Method
from domain.people import Person
from domain.refusals import Refused
from domain.rosters import RosterImported, Row
from domain.voting import PaperEntered, PaperTaken, PaperVoided, Sleeve, SleevesBack
from storage.desk import Desk
from storage.tables import VoidedPapers
from tests.play import START, Stage

COMMUNITY, GRID = "230203002001", "230203002001001"
CLOSES = START + timedelta(days=1)
ROWS = tuple(Row(f"幸福里 3 栋 50{number}", f"第 {number} 户（示例）", 8000) for number in range(1, 5))
WHY = "夹在报纸里卖了废品"


@pytest.fixture
async def stage(settings: Settings, knowledge: Knowledge) -> AsyncIterator[Stage]:
    stage = Stage(settings, knowledge, restart=False)
    for who, role, area in (
        ("zhou", "社区", COMMUNITY),
        ("ma", "社区", COMMUNITY),
        ("li", "网格员", GRID),
        ("qian", "社区", "230203002003"),
    ):
        await stage.introduce(who, role, area)
    await stage.service.desks.write(lambda desk: desk.happen(RosterImported(None, GRID, ROWS)))
    yield stage
    await stage.close()


async def _meet(stage: Stage, who: str, desk: Desk) -> Person:
    return (await desk.people.meet(stage.address(who))).person


class Box:
    """A ballot with its papers, and what people do with them."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.number = 0

    async def open(self, *, secret: bool) -> "Box":
        self.people = {
            who: (await self._stage.service.desks.write(partial(_meet, self._stage, who))).id
            for who in ("zhou", "ma", "li", "qian")
        }
        electorate = Electorate.HOUSEHOLDS if secret else Electorate.OWNERS
        fact = BallotOpened(
            self.people["zhou"], COMMUNITY, "楼道灯换不换", ("同意", "不同意", "弃权"), CLOSES,
            method=Method.YES_NO, electorate=electorate, secret=secret,
        )  # fmt: skip
        await self.happen(fact)
        self.number = (await self._stage.service.desks.read(lambda desk: desk.ballots.of_host(fact.by)))[-1].id
        for voter in (1, 2, 3):
            await self.happen(PaperTaken(self.number, self.people["li"], voter))
        return self

    async def happen(self, fact: object) -> None:
        await self._stage.service.desks.write(lambda desk: desk.happen(fact))

    async def refused(self, fact: object, key: str) -> None:
        with pytest.raises(Refused) as refused:
            await self.happen(fact)
        assert refused.value.key == key

    def void(self, voter: int, who: str = "zhou") -> PaperVoided:
        return PaperVoided(self.number, self.people[who], voter, WHY)

    def enter(self, number: int, who: str = "li", copy: int = 1, option: int = 0) -> PaperEntered:
        return PaperEntered(self.number, self.people[who], number, (option,), copy)

    def back(self, *sleeves: Sleeve) -> SleevesBack:
        return SleevesBack(self.number, self.people["li"], sleeves)

    def take(self, voter: int) -> PaperTaken:
        return PaperTaken(self.number, self.people["li"], voter)


async def test_in_an_open_vote_the_next_paper_has_a_number_of_its_own(stage: Stage) -> None:
    box = await Box(stage).open(secret=False)
    await box.happen(box.enter(3))
    await box.refused(box.void(3), "paper.came_back")
    await box.refused(box.void(4), "paper.none_out")
    await box.happen(box.void(1))
    await box.refused(box.enter(1), "paper.is_void")
    await box.refused(box.void(1), "paper.none_out")
    await box.happen(box.take(1))
    # The old one has turned up.
    await box.refused(box.enter(1), "paper.is_void")
    await box.refused(box.enter(1, copy=3), "paper.no_such")
    for who in ("li", "ma"):
        await box.happen(box.enter(1, who, copy=2))
        await box.happen(box.enter(2, who, option=1))
    await stage.wait(2, "天")
    ballot = await stage.service.desks.read(lambda desk: desk.ballots.get(box.number))
    assert ballot.result is not None
    # The third was read by one alone.
    assert (ballot.result.counts, ballot.result.unsettled, ballot.result.voided) == ((1, 1, 0), 1, 1)
    assert [each.people for each in ballot.result.owners] == [4, 1, 1, 0]
    openly = await stage.service.desks.read(lambda desk: desk.ballots.openly(ballot, 0, 9))
    assert openly == [(1, (0,)), (2, (1,))]


async def test_of_a_secret_vote_sleeves_are_named_before_they_are_opened(stage: Stage) -> None:
    box = await Box(stage).open(secret=True)
    await box.happen(box.void(1))
    await box.refused(box.enter(1), "paper.sleeves_first")
    await box.refused(box.back(Sleeve(2), Sleeve(1)), "paper.is_void")
    await box.refused(box.back(Sleeve(2), Sleeve(4)), "paper.no_such")
    # None of them was noted.
    await box.refused(box.enter(1), "paper.sleeves_first")
    await box.happen(box.back(Sleeve(2)))
    await box.refused(box.void(2), "paper.came_back")
    await box.happen(box.enter(1))
    await box.refused(box.enter(2), "paper.sleeves_first")
    # Every paper that was entered came in a sleeve that is known: the third is still out, and may be void.
    await box.happen(box.void(3))
    await box.happen(box.take(3))
    await box.refused(box.back(Sleeve(3)), "paper.is_void")
    await box.happen(box.back(Sleeve(3, 2)))
    await box.happen(box.enter(2))
    for number in (1, 2):
        await box.happen(box.enter(number, "ma"))
    await stage.wait(2, "天")
    ballot = await stage.service.desks.read(lambda desk: desk.ballots.get(box.number))
    assert ballot.result is not None
    assert (ballot.result.votes, ballot.result.voided) == (2, 2)


async def test_once_a_secret_paper_may_lie_among_those_entered_none_is_made_void(stage: Stage) -> None:
    box = await Box(stage).open(secret=True)
    await box.happen(box.enter(1))
    await box.refused(box.void(1), "paper.box_open")


async def test_only_a_host_there_makes_void_and_only_while_votes_are_taken(stage: Stage) -> None:
    box = await Box(stage).open(secret=True)
    await box.refused(box.void(1, "li"), "ballot.not_your_area")
    await box.refused(box.void(1, "qian"), "ballot.not_your_area")
    await box.happen(box.void(1, "ma"))

    async def noted(desk: Desk) -> None:
        [row] = await desk._db.execute(
            select(
                VoidedPapers.voter, VoidedPapers.copy, VoidedPapers.by_id, VoidedPapers.helper_id, VoidedPapers.reason
            )
        )
        assert tuple(row) == (1, 1, box.people["ma"], box.people["li"], WHY)
        assert await desk.ballots.mark(box.number, 1) is None
        mark = await desk.ballots.mark(box.number, 2)
        assert mark is not None
        assert mark.how is How.PAPER

    await stage.service.desks.read(noted)
    await stage.wait(1, "秒")
    # Its host, and who handed it out.
    assert any("已作废" in line for line in stage.heard("zhou"))
    assert any("找到了也请不要录" in line for line in stage.heard("li"))
    await stage.wait(2, "天")
    await box.refused(box.void(2), "ballot.closed")
