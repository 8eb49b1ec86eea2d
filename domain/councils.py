"""A ballot (表决): a question put to everybody in an area, one vote a person, sealed until it closes."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.areas import covers
from domain.people import STAFF, Person, Role
from domain.refusals import Refused

LONGEST = timedelta(days=60)
HOSTS = (Role.COUNCIL_HOST, *STAFF)


@dataclass(frozen=True, slots=True)
class Ballot:
    """A question with its options. Closed at `closes_at` by the clock, whatever any message says."""

    id: int
    area: str
    question: str
    options: tuple[str, ...]
    host_id: int
    opened_at: datetime
    closes_at: datetime
    closed_at: datetime | None = None
    cancelled: str | None = None

    def open_at(self, moment: datetime) -> bool:
        return self.closed_at is None and self.cancelled is None and moment < self.closes_at


@dataclass(frozen=True, slots=True)
class Result:
    """The count of a closed ballot, option by option, and how many could have voted."""

    counts: tuple[int, ...]
    eligible: int

    @property
    def votes(self) -> int:
        return sum(self.counts)

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


def check_vote(ballot: Ballot, person: Person, option: int, moment: datetime) -> None:
    """Raise `Refused` unless this person may cast this vote now."""
    if person.grid is None or not covers(ballot.area, person.grid):
        raise Refused("ballot.not_your_ballot")
    if ballot.cancelled is not None:
        raise Refused("ballot.was_cancelled", question=ballot.question, reason=ballot.cancelled)
    if not ballot.open_at(moment):
        raise Refused("ballot.closed", question=ballot.question)
    if not 0 <= option < len(ballot.options):
        raise Refused("ballot.no_such_option")


@dataclass(frozen=True, slots=True)
class BallotOpened:
    """A host put a question to an area."""

    by: int
    area: str
    question: str
    options: tuple[str, ...]
    closes_at: datetime


@dataclass(frozen=True, slots=True)
class BallotCancelled:
    """A host called it off; the reason is told to everybody who was asked."""

    ballot: int
    by: int
    reason: str


@dataclass(frozen=True, slots=True)
class VoteCast:
    """A resident voted, or changed their vote. `option` counts from 0."""

    ballot: int
    by: int
    option: int


@dataclass(frozen=True, slots=True)
class BallotReminds:
    """Time to remind those who have not voted."""

    ballot: int


@dataclass(frozen=True, slots=True)
class BallotCloses:
    """Closing time."""

    ballot: int
