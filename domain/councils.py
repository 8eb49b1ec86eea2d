"""A ballot (表决): a question put to everybody in an area, one vote a person, secret, and sealed until it closes."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.areas import covers
from domain.counting import Method, Paper, Tally, valid
from domain.people import STAFF, Person, Role
from domain.refusals import Refused

LONGEST = timedelta(days=60)
HOSTS = (Role.COUNCIL_HOST, *STAFF)


@dataclass(frozen=True, slots=True)
class Ballot:
    """A question with its options. Closed at `closes_at` by the clock, whatever any message says.

    `key` names the key its envelopes are sealed under, `quorum` is in percent of the eligible, `matter` the number of
    the council matter it settles.
    """

    id: int
    area: str
    question: str
    options: tuple[str, ...]
    host_id: int
    opened_at: datetime
    closes_at: datetime
    closed_at: datetime | None = None
    cancelled: str | None = None
    method: Method = Method.SINGLE
    quorum: int = 0
    key: str | None = None
    result: "Result | None" = None
    matter: int | None = None

    def open_at(self, moment: datetime) -> bool:
        return self.closed_at is None and self.cancelled is None and moment < self.closes_at


@dataclass(frozen=True, slots=True)
class Result:
    """The count of a closed ballot, and how many could have voted."""

    tally: Tally
    eligible: int

    @property
    def counts(self) -> tuple[int, ...]:
        return self.tally.counts

    @property
    def votes(self) -> int:
        return self.tally.papers

    @property
    def turnout(self) -> float:
        """Votes over eligible, from 0 to 1. People who moved in after voting opened count as eligible too."""
        return self.votes / self.eligible if self.eligible else 0.0


def check_opening(person: Person, area: str, options: tuple[str, ...], opens: datetime, closes: datetime) -> None:
    """Raise `Refused` unless this person may put a question with these options to this area until then."""
    if not person.serves(area, HOSTS):
        raise Refused("ballot.not_your_area", answer="ballot_open.area")
    if not 2 <= len(options) <= 8 or len(set(options)) != len(options):
        raise Refused("ballot.bad_options", answer="ballot_open.options")
    if closes <= opens:
        raise Refused("ballot.too_soon", answer="ballot_open.until")
    if closes - opens > LONGEST:
        raise Refused("ballot.too_long", answer="ballot_open.until", days=LONGEST.days)


def check_vote(ballot: Ballot, person: Person, paper: Paper | None, moment: datetime) -> None:
    """Raise `Refused` unless this person may cast this paper now; None stands for one still to be marked."""
    if person.grid is None or not covers(ballot.area, person.grid):
        raise Refused("ballot.not_your_ballot")
    if ballot.cancelled is not None:
        raise Refused("ballot.was_cancelled", question=ballot.question, reason=ballot.cancelled)
    if not ballot.open_at(moment):
        raise Refused("ballot.closed", question=ballot.question)
    if paper is not None and not valid(paper, ballot.method, len(ballot.options)):
        raise Refused("ballot.no_such_option")


def check_list(ballot: Ballot, person: Person) -> None:
    """Raise `Refused` unless this person may see the published list of a ballot's receipts."""
    lives_there = person.grid is not None and covers(ballot.area, person.grid)
    if not lives_there and not person.serves(ballot.area, HOSTS):
        raise Refused("ballot.not_your_ballot")
    if ballot.cancelled is not None:
        raise Refused("ballot.was_cancelled", question=ballot.question, reason=ballot.cancelled)
    if not counted(ballot):
        raise Refused("ballot.not_counted", question=ballot.question, closes=ballot.closes_at)


def counted(ballot: Ballot) -> bool:
    """Whether the count is done, so that anything of it may be seen."""
    return ballot.result is not None


@dataclass(frozen=True, slots=True)
class BallotOpened:
    """A host put a question to an area."""

    by: int
    area: str
    question: str
    options: tuple[str, ...]
    closes_at: datetime
    matter: int | None = None


@dataclass(frozen=True, slots=True)
class BallotCancelled:
    """A host called it off; the reason is told to everybody who was asked."""

    ballot: int
    by: int
    reason: str


@dataclass(frozen=True, slots=True)
class VoteCast:
    """A resident voted, or changed their vote. Never planned for later: nobody may read it anywhere."""

    ballot: int
    by: int
    paper: Paper


@dataclass(frozen=True, slots=True)
class BallotReminds:
    """Time to remind those who have not voted."""

    ballot: int


@dataclass(frozen=True, slots=True)
class BallotCloses:
    """Closing time."""

    ballot: int


@dataclass(frozen=True, slots=True)
class ResultTold:
    """What came out of a council matter's ballot has just been told; comes true once."""

    ballot: int
