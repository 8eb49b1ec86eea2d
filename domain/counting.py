"""How votes are counted: the same papers give everybody who counts them the same result.

A *paper* is what one voter marked, as numbers of options from 0: one (single, yes or no), some in ascending order
(several), some or all from the best down (ranked), or a score for each (score).
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

Paper = tuple[int, ...]
# The best score an option can be given; the worst is 0.
BEST = 5
# The options of a vote by yes or no, in this order.
YES, NO, ABSTAIN = 0, 1, 2


class Method(StrEnum):
    """What a voter marks, and what that counts for."""

    SINGLE = "single"
    SEVERAL = "several"
    RANKED = "ranked"
    SCORE = "score"
    YES_NO = "yes_no"


class Why(StrEnum):
    """Why an option is out of a round: fewest votes, fewest in an earlier round, or the lot."""

    FEWEST = "fewest"
    EARLIER = "earlier"
    LOT = "lot"


@dataclass(frozen=True, slots=True)
class Round:
    """One round of an instant run-off: votes by option (0 for who is out), papers with nobody left on them."""

    counts: tuple[int, ...]
    spent: int
    out: int | None = None
    why: Why | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """What the papers come to. `counts`: votes by option, points by score, first choices where ranked.

    `leads`: the option in front; several stand equal, none was chosen by nobody.
    """

    papers: int
    counts: tuple[int, ...]
    leads: tuple[int, ...]
    rounds: tuple[Round, ...] = ()


def valid(paper: Paper, method: Method, options: int, most: int = 0) -> bool:
    """Whether a paper is marked as the method asks; `most`: so many of several may be named, 0 for all of them."""
    if method is Method.SCORE:
        return len(paper) == options and all(0 <= each <= BEST for each in paper)
    named = all(0 <= each < options for each in paper) and len(set(paper)) == len(paper)
    if method is Method.SEVERAL:
        return named and 0 < len(paper) <= (most or options) and list(paper) == sorted(paper)
    if method is Method.RANKED:
        return named and len(paper) > 0
    return named and len(paper) == 1


def paper_of(marks: Sequence[int], method: Method) -> Paper | None:
    """A paper from what was said of each option in turn: chosen or not (several), its rank or 0, its score.

    None when two options were given one rank.
    """
    if method is Method.SCORE:
        return tuple(marks)
    named = [option for option, mark in enumerate(marks) if mark]
    if method is Method.SEVERAL:
        return tuple(named)
    ranks = [marks[option] for option in named]
    return tuple(sorted(named, key=lambda option: marks[option])) if len(set(ranks)) == len(ranks) else None


def marks_of(method: Method, options: int) -> range:
    """What may be said of one option when they are gone through one after the other."""
    return range({Method.SEVERAL: 1, Method.RANKED: options, Method.SCORE: BEST}[method] + 1)


def count(papers: Mapping[Paper, int], method: Method, options: int, order: Sequence[int]) -> Tally:
    """Count papers, given as how often each was cast. `order` is the lot, needed only where an instant run-off ties.

    Raises:
        ValueError: a paper is not marked as the method asks.
    """
    if not all(valid(paper, method, options) for paper in papers):
        raise ValueError("a paper that is none")
    if method is Method.RANKED:
        return _runoff(papers, options, order)
    counted = [0] * options
    for paper, times in papers.items():
        for place, mark in enumerate(paper):
            if method is Method.SCORE:
                counted[place] += mark * times
            else:
                counted[mark] += times
    most = max(counted, default=0)
    leads = tuple(option for option, votes in enumerate(counted) if votes == most and most > 0)
    return Tally(sum(papers.values()), tuple(counted), leads)


def _runoff(papers: Mapping[Paper, int], options: int, order: Sequence[int]) -> Tally:
    """Instant run-off: the last goes, their papers go to who is next on each, until one has more than half.

    Of several with fewest votes goes who had fewest in the round before, and so on back to the first; those equal in
    every round draw lots: who comes last in `order` goes. The last two, equal, are both in front: no lot chooses.
    """
    standing = set(range(options))
    rounds: list[Round] = []
    while True:
        counted: Counter[int] = Counter()
        for paper, times in papers.items():
            counted[next((option for option in paper if option in standing), -1)] += times
        spent = counted.pop(-1, 0)
        votes = tuple(counted[option] for option in range(options))
        live, most = sum(votes), max(votes)
        if 2 * most > live or len(standing) <= 2 or live == 0:
            rounds.append(Round(votes, spent))
            leads = tuple(option for option in sorted(standing) if votes[option] == most and most > 0)
            return Tally(sum(papers.values()), rounds[0].counts, leads, tuple(rounds))
        out, why = _last(standing, [votes, *(each.counts for each in reversed(rounds))], order)
        rounds.append(Round(votes, spent, out, why))
        standing.remove(out)


def _last(standing: Iterable[int], latest_first: Sequence[Sequence[int]], order: Sequence[int]) -> tuple[int, Why]:
    tied = list(standing)
    for back, votes in enumerate(latest_first):
        fewest = min(votes[option] for option in tied)
        tied = [option for option in tied if votes[option] == fewest]
        if len(tied) == 1:
            return tied[0], Why.EARLIER if back else Why.FEWEST
    return max(tied, key=list(order).index), Why.LOT


def lot(receipts: Iterable[str], options: int) -> tuple[int, ...]:
    """An order of the options that nobody can choose beforehand, and that anybody can draw again from the receipts."""
    seed = "\n".join(sorted(receipts)).encode()
    return tuple(sorted(range(options), key=lambda option: hashlib.sha256(b"%d\n%s" % (option, seed)).digest()))


class Verdict(StrEnum):
    """What became of a question answered by yes or no."""

    PASSED = "passed"
    TOO_FEW = "too_few"
    NOT_AGREED = "not_agreed"


def by_majority(tally: Tally, eligible: int, quorum: int) -> Verdict:
    """More than half of those who voted say yes, abstentions counted among them; `quorum` percent must have voted."""
    if not enough(tally.papers, eligible, quorum):
        return Verdict.TOO_FEW
    return Verdict.PASSED if 2 * tally.counts[YES] > tally.papers else Verdict.NOT_AGREED


def enough(voted: int, eligible: int, quorum: int) -> bool:
    """Whether `quorum` percent of the eligible have voted, that share itself included."""
    return 100 * voted >= quorum * eligible


@dataclass(frozen=True, slots=True)
class Owners:
    """Owners together: how many, and their floor area in hundredths of a square metre.

    One unit is one owner; who owns several is one, with all their areas (法释〔2009〕7 号 第九条, 2020 年修正).
    """

    people: int
    area: int


def by_owners(everybody: Owners, voted: Owners, agreed: Owners, *, grave: bool) -> Verdict:
    """The double majority of 民法典 第二百七十八条.

    Two thirds of the area and two thirds of the owners take part. Of those who take part, more than half of the area
    and more than half of the owners agree; three quarters of each where it is `grave` (第六项至第八项: raising the
    repair fund, rebuilding, putting common parts to other or to commercial use). 以上 includes the number itself,
    过半数 does not (第一千二百五十九条).
    """
    shares = ((voted.people, everybody.people, agreed.people), (voted.area, everybody.area, agreed.area))
    if not all(3 * took_part >= 2 * whole and whole > 0 for took_part, whole, _ in shares):
        return Verdict.TOO_FEW
    if all((4 * yes >= 3 * took_part) if grave else (2 * yes > took_part) for took_part, _, yes in shares):
        return Verdict.PASSED
    return Verdict.NOT_AGREED
