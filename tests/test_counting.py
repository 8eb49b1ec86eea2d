"""Votes are counted as the law and the textbooks count them: known results, and a slow model beside the quick one."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as some

from domain.counting import (
    BEST,
    Method,
    Owners,
    Paper,
    Tally,
    Verdict,
    Why,
    by_majority,
    by_owners,
    count,
    enough,
    lot,
    valid,
)

# Known results of instant run-off.


def test_tennessee_chooses_knoxville() -> None:
    """The example of en.wikipedia.org/wiki/Instant-runoff_voting: where shall the capital of Tennessee be?"""
    memphis, nashville, chattanooga, knoxville = range(4)
    papers: dict[Paper, int] = {
        (memphis, nashville, chattanooga, knoxville): 42,
        (nashville, chattanooga, knoxville, memphis): 26,
        (chattanooga, knoxville, nashville, memphis): 15,
        (knoxville, chattanooga, nashville, memphis): 17,
    }
    tally = count(papers, Method.RANKED, 4, range(4))
    assert [each.counts for each in tally.rounds] == [(42, 26, 15, 17), (42, 26, 0, 32), (42, 0, 0, 58)]
    assert [each.out for each in tally.rounds] == [chattanooga, nashville, None]
    assert tally.leads == (knoxville,)


def test_alaska_elects_peltola_in_the_special_election_of_2022() -> None:
    """The ballots as in Graham-Squire and McCune, arXiv:2209.04764; the last round is the official 91,266 to 86,026."""
    begich, palin, peltola = range(3)
    papers: dict[Paper, int] = {
        (begich, palin): 27053,
        (begich, peltola): 15467,
        (begich,): 11290,
        (palin, begich): 34049,
        (palin, peltola): 3652,
        (palin,): 21272,
        (peltola, begich): 47407,
        (peltola, palin): 4645,
        (peltola,): 23747,
    }
    tally = count(papers, Method.RANKED, 3, range(3))
    assert tally.leads == (peltola,)
    assert tally.rounds[0].out == begich
    assert (tally.rounds[1].counts, tally.rounds[1].spent) == ((0, 86026, 91266), 11290)


def test_of_two_with_fewest_goes_who_had_fewest_before() -> None:
    # 2 goes first; then 1 and 3 have three each, but in the first round 3 had only two.
    papers: dict[Paper, int] = {(0,): 4, (1,): 3, (3,): 2, (2, 3): 1}
    tally = count(papers, Method.RANKED, 4, range(4))
    assert [(each.out, each.why) for each in tally.rounds] == [(2, Why.FEWEST), (3, Why.EARLIER), (None, None)]
    assert tally.leads == (0,)


def test_equal_in_every_round_they_draw_lots_and_the_last_two_do_not() -> None:
    papers: dict[Paper, int] = {(0,): 2, (1,): 1, (2,): 1}
    assert count(papers, Method.RANKED, 3, (2, 1, 0)).rounds[0].out == 1
    assert count(papers, Method.RANKED, 3, (1, 2, 0)).rounds[0].out == 2
    even = count({(0,): 2, (1,): 2}, Method.RANKED, 2, (0, 1))
    assert even.leads == (0, 1)


def test_a_ballot_nobody_voted_in_chooses_nobody() -> None:
    for method in Method:
        assert count({}, method, 3, range(3)).leads == ()


# The other ways to vote.


def test_each_way_of_voting_counts_what_was_marked() -> None:
    assert count({(0,): 3, (2,): 3, (1,): 1}, Method.SINGLE, 3, ()) == Tally(7, (3, 1, 3), (0, 2))
    assert count({(0, 2): 2, (2,): 1}, Method.SEVERAL, 3, ()) == Tally(3, (2, 0, 3), (2,))
    assert count({(5, 0, 3): 2, (0, 5, 4): 1}, Method.SCORE, 3, ()) == Tally(3, (10, 5, 10), (0, 2))
    assert count({(0,): 2, (1,): 1, (2,): 1}, Method.YES_NO, 3, ()) == Tally(4, (2, 1, 1), (0,))


@pytest.mark.parametrize(
    ("paper", "method"),
    [
        ((3,), Method.SINGLE),
        ((-1,), Method.YES_NO),
        ((), Method.SEVERAL),
        ((1, 0), Method.SEVERAL),
        ((0, 0), Method.RANKED),
        ((0, 3), Method.RANKED),
        ((0, BEST + 1, 0), Method.SCORE),
        ((1, 2), Method.SCORE),
    ],
)
def test_a_paper_marked_otherwise_is_none(paper: Paper, method: Method) -> None:
    assert not valid(paper, method, 3)
    with pytest.raises(ValueError):
        count({paper: 1}, method, 3, range(3))


def test_yes_needs_more_than_half_of_those_who_voted_and_enough_of_them() -> None:
    def tally(*counts: int) -> Tally:
        return Tally(sum(counts), counts, ())

    assert by_majority(tally(6, 4, 1), 20, 50) is Verdict.PASSED
    assert by_majority(tally(5, 4, 1), 20, 50) is Verdict.NOT_AGREED
    assert by_majority(tally(9, 0, 0), 20, 50) is Verdict.TOO_FEW
    assert enough(10, 20, 50)
    assert not enough(9, 20, 50)


# The double majority. 民法典 第二百七十八条 (in force since 2021): 应当由专有部分面积占比三分之二以上的业主且人数占比
# 三分之二以上的业主参与表决; 第六项至第八项 …四分之三以上…; 其他事项 …过半数…; 第一千二百五十九条: “以上” 包括本数.

# 晶蓝湖, as announced for its vote on the fire alarm (www.mywxzj.com, 2023): 1,866 owners, 185,024.24 m².
JINGLAN = Owners(1866, 18502424)


@pytest.mark.parametrize(
    ("voted", "agreed", "grave", "verdict"),
    [
        # Two thirds of 1,866 are exactly 1,244; of the area 123,349.49…, so 123,349.50 are needed.
        (Owners(1244, 12334950), Owners(623, 6167476), False, Verdict.PASSED),
        (Owners(1243, 12334950), Owners(1243, 12334950), False, Verdict.TOO_FEW),
        (Owners(1244, 12334949), Owners(1244, 12334949), False, Verdict.TOO_FEW),
        # Exactly half is not 过半数, of either.
        (Owners(1244, 12334950), Owners(622, 12334950), False, Verdict.NOT_AGREED),
        (Owners(1244, 12334950), Owners(1244, 6167475), False, Verdict.NOT_AGREED),
        # Three quarters are enough, 四分之三以上, of both: 933 of 1,244 and 92,512.13 of 123,349.50.
        (Owners(1244, 12334950), Owners(933, 9251213), True, Verdict.PASSED),
        (Owners(1244, 12334950), Owners(932, 9251213), True, Verdict.NOT_AGREED),
        (Owners(1244, 12334950), Owners(933, 9251212), True, Verdict.NOT_AGREED),
    ],
)
def test_the_double_majority_of_owners(voted: Owners, agreed: Owners, grave: bool, verdict: Verdict) -> None:
    assert by_owners(JINGLAN, voted, agreed, grave=grave) is verdict


def test_an_owners_meeting_with_too_few_decides_nothing_whatever_its_majority() -> None:
    """950 owners, 127,378 m², 616 voted (64.8 %), as announced at www.pmceo.com/wgzd/ggzd/144368.html."""
    for area in (12737800, 8491866):
        voted = Owners(616, area)
        assert by_owners(Owners(950, 12737800), voted, voted, grave=False) is Verdict.TOO_FEW
    nobody = Owners(0, 0)
    assert by_owners(nobody, nobody, nobody, grave=False) is Verdict.TOO_FEW


# A slow model beside the quick one.


@some.composite
def ranked(draw: some.DrawFn) -> tuple[int, list[Paper], list[int]]:
    options = draw(some.integers(2, 5))
    paper = some.lists(some.integers(0, options - 1), min_size=1, max_size=options, unique=True).map(tuple)
    return options, draw(some.lists(paper, max_size=12)), draw(some.permutations(range(options)))


def slowly(before: list[dict[int, int]], papers: Sequence[Paper], standing: list[int], order: list[int]) -> set[int]:
    """The same rule, told with piles of paper: each goes to the pile of its first name that still stands."""
    piles = {
        each: sum([name for name in paper if name in standing][:1] == [each] for paper in papers) for each in standing
    }
    whole = sum(piles.values())
    for each in standing:
        if piles[each] > whole - piles[each]:
            return {each}
    if whole == 0:
        return set()
    if len(standing) == 2:
        return set(standing)
    history = [piles, *before]
    gone = sorted(standing, key=lambda each: ([old[each] for old in history], -order.index(each)))[0]
    return slowly(history, papers, [each for each in standing if each != gone], order)


@given(ranked())
def test_the_run_off_is_what_piles_of_paper_say(drawn: tuple[int, list[Paper], list[int]]) -> None:
    options, papers, order = drawn
    tally = count(Counter(papers), Method.RANKED, options, order)
    assert set(tally.leads) == slowly([], papers, list(range(options)), order)
    for each in tally.rounds:
        assert sum(each.counts) + each.spent == len(papers)


@given(
    some.sampled_from([Method.SINGLE, Method.SEVERAL, Method.SCORE, Method.YES_NO]),
    some.lists(some.lists(some.integers(0, 2), min_size=1, max_size=3), max_size=15),
)
def test_the_others_are_what_tally_marks_say(method: Method, drawn: list[list[int]]) -> None:
    papers: list[Paper] = []
    for marks in drawn:
        if method is Method.SCORE:
            papers.append((*marks, 0, 0)[:3])
        elif method is Method.SEVERAL:
            papers.append(tuple(sorted(set(marks))))
        else:
            papers.append((marks[0],))
    tally = count(Counter(papers), method, 3, ())
    for option in range(3):
        marks_for = 0
        for paper in papers:
            marks_for += paper[option] if method is Method.SCORE else paper.count(option)
        assert tally.counts[option] == marks_for
    assert tally.papers == len(papers)
    assert set(tally.leads) == {x for x in range(3) if tally.counts[x] == max(tally.counts) > 0}


@given(some.lists(some.text("ABCD", min_size=1, max_size=4), max_size=6, unique=True), some.integers(2, 8))
def test_the_lot_is_drawn_the_same_from_the_same_receipts_in_any_order(receipts: list[str], options: int) -> None:
    drawn = lot(receipts, options)
    assert sorted(drawn) == list(range(options))
    assert lot(reversed(receipts), options) == drawn
