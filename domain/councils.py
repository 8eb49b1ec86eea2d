"""A ballot (表决): a question put to those it concerns, one vote each, sealed until it closes, and secret or open."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.areas import Extent, covers
from domain.counting import Method, Owners, Paper, Tally, Verdict, by_majority, by_owners, enough, valid
from domain.people import STAFF, WORKERS, Person, Role
from domain.refusals import Refused
from domain.rosters import Voter

LONGEST, FURTHEST = timedelta(days=60), timedelta(days=90)
HOSTS = (Role.COUNCIL_HOST, *STAFF)
# Who takes down the votes of those who do not vote in a chat.
HELPERS = (*WORKERS, *HOSTS)
# Of fewer than this the result itself would tell who voted what: the roll is not shown.
HANDFUL = 5


class Electorate(StrEnum):
    """Whose votes count: everybody who lives there, households, owners, or the council's members."""

    RESIDENTS = "residents"
    HOUSEHOLDS = "households"
    OWNERS = "owners"
    MEMBERS = "members"


BY_ROSTER = (Electorate.HOUSEHOLDS, Electorate.OWNERS)


class How(StrEnum):
    """How a vote came: in a chat, taken down by a helper before a witness, or on paper."""

    CHAT = "chat"
    ASSISTED = "assisted"
    PAPER = "paper"


@dataclass(frozen=True, slots=True)
class Ballot:
    """A question with its options. Closed at `closes_at` by the clock, whatever any message says.

    `key` names the key its envelopes are sealed under, `quorum` is in percent of the eligible, `matter` the number of
    the council matter it settles. `most`: so many of several options may be chosen, 0 for all. `secret`: after the
    close nobody learns who voted what. `grave`: owners decide by three quarters. `begins_at`: None is from the start.
    `grids` and `estate` as in `Extent`: put down when it was opened, they stand while people vote.
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
    electorate: Electorate = Electorate.RESIDENTS
    most: int = 0
    begins_at: datetime | None = None
    secret: bool = True
    grave: bool = False
    grids: tuple[str, ...] = ()
    estate: str = ""

    @property
    def extent(self) -> Extent:
        return Extent(self.area, self.grids, self.estate)

    def open_at(self, moment: datetime) -> bool:
        begun = self.begins_at is None or self.begins_at <= moment
        return begun and self.closed_at is None and self.cancelled is None and moment < self.closes_at

    @property
    def by_roster(self) -> bool:
        return self.electorate in BY_ROSTER

    @property
    def one_tap(self) -> bool:
        """Whether one tap on an option is a whole vote."""
        return self.method in (Method.SINGLE, Method.YES_NO)


@dataclass(frozen=True, slots=True)
class Result:
    """The count of a closed ballot, and how many could have voted.

    `owners`: everybody, then those who voted for each option, by count and floor area. `unsettled`: papers on which
    no two who entered them agreed, so that they do not count. `voided`: papers lost and made void.
    """

    tally: Tally
    eligible: int
    verdict: Verdict | None = None
    owners: tuple[Owners, ...] = ()
    unsettled: int = 0
    voided: int = 0

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


def result_of(
    ballot: Ballot,
    tally: Tally,
    eligible: int,
    owners: tuple[Owners, ...] = (),
    unsettled: int = 0,
    voided: int = 0,
) -> Result:
    """What a count means by the ballot's own rules; `owners` as in `Result`, where owners voted."""
    verdict: Verdict | None = None
    if ballot.electorate is Electorate.OWNERS:
        everybody, *each = owners
        voted = Owners(sum(one.people for one in each), sum(one.area for one in each))
        verdict = by_owners(everybody, voted, each[0], grave=ballot.grave)
    elif ballot.method is Method.YES_NO:
        verdict = by_majority(tally, eligible, ballot.quorum)
    elif not enough(tally.papers, eligible, ballot.quorum):
        verdict = Verdict.TOO_FEW
    return Result(tally, eligible, verdict, owners, unsettled, voided)


def check_opening(person: Person, opened: "BallotOpened", now: datetime) -> None:
    """Raise `Refused` unless this person may put this question to this area until then."""
    if not person.serves(opened.area, HOSTS):
        raise Refused("ballot.not_your_area", answer="ballot_open.area")
    if opened.grids and not (opened.estate and all(covers(opened.area, each) for each in opened.grids)):
        raise Refused("ballot.bad_rules")
    options = opened.options
    if not 2 <= len(options) <= 8 or len(set(options)) != len(options):
        raise Refused("ballot.bad_options", answer="ballot_open.options")
    begins = max(opened.begins_at or now, now)
    if begins - now > FURTHEST:
        raise Refused("ballot.too_far", answer="ballot_open.begins", days=FURTHEST.days)
    if opened.closes_at <= begins:
        raise Refused("ballot.too_soon", answer="ballot_open.until")
    if opened.closes_at - begins > LONGEST:
        raise Refused("ballot.too_long", answer="ballot_open.until", days=LONGEST.days)
    if not 0 <= opened.quorum <= 100 or not 0 <= opened.most <= len(options):
        raise Refused("ballot.bad_rules")
    if opened.method is Method.YES_NO and len(options) != 3:
        raise Refused("ballot.bad_rules")
    if opened.electorate is Electorate.OWNERS and (opened.method is not Method.YES_NO or opened.secret):
        # A floor area on a paper is a name, and the law counts floor areas.
        raise Refused("ballot.owners_openly")


def check_vote(
    ballot: Ballot, person: Person, paper: Paper | None, moment: datetime, voter: Voter | None = None
) -> None:
    """Raise `Refused` unless this person may cast this paper now; None stands for one still to be marked.

    `voter`: whom they are on the roster, where it is by roster.
    """
    check_eligible(ballot, person, voter)
    check_open(ballot, moment)
    if paper is not None and not valid(paper, ballot.method, len(ballot.options), ballot.most):
        raise Refused("ballot.no_such_option")


def check_open(ballot: Ballot, moment: datetime) -> None:
    """Raise `Refused` unless votes are taken now."""
    if ballot.cancelled is not None:
        raise Refused("ballot.was_cancelled", question=ballot.question, reason=ballot.cancelled)
    if ballot.begins_at is not None and moment < ballot.begins_at:
        raise Refused("ballot.not_yet", question=ballot.question, begins=ballot.begins_at)
    if not ballot.open_at(moment):
        raise Refused("ballot.closed", question=ballot.question)


def check_eligible(ballot: Ballot, person: Person, voter: Voter | None) -> None:
    """Raise `Refused`, saying why and what to do, unless the ballot is theirs to vote in."""
    if ballot.by_roster:
        if voter is None and person.rosters and not any(map(ballot.extent.enrols, person.rosters)):
            raise Refused("ballot.other_roster", question=ballot.question)
        if voter is None or not ballot.extent.enrols(voter.roster):
            raise Refused(f"ballot.not_on_roster_{ballot.electorate}", question=ballot.question)
    elif ballot.electorate is Electorate.MEMBERS:
        if not sits(person, ballot.extent):
            raise Refused("ballot.members_only", question=ballot.question)
    elif not ballot.extent.holds(person.grid):
        if ballot.estate:
            raise Refused("ballot.not_your_estate", question=ballot.question, estate=ballot.estate)
        raise Refused("ballot.not_your_ballot")


def sits(person: Person, extent: Extent) -> bool:
    """Whether somebody is a member of the council it is put to: of the area's own, or of one of the estate's grids."""
    return any(held.role is Role.COUNCIL_MEMBER and held.area in extent.grounds() for held in person.roles)


def concerns(ballot: Ballot, person: Person) -> bool:
    """Whether a ballot is put to where somebody lives, owns, or sits in the council."""
    if ballot.electorate is Electorate.MEMBERS:
        return sits(person, ballot.extent)
    return ballot.extent.holds(person.grid) or any(map(ballot.extent.enrols, person.rosters))


def check_list(ballot: Ballot, person: Person, voter: Voter | None = None) -> None:
    """Raise `Refused` unless this person may see what is published of a counted ballot."""
    if not ballot.extent.holds(person.grid) and not person.serves(ballot.area, HOSTS):
        check_eligible(ballot, person, voter)
    if ballot.cancelled is not None:
        raise Refused("ballot.was_cancelled", question=ballot.question, reason=ballot.cancelled)
    if not counted(ballot):
        raise Refused("ballot.not_counted", question=ballot.question, closes=ballot.closes_at)


def check_roll(ballot: Ballot, person: Person, voter: Voter | None = None) -> None:
    """Raise `Refused` unless this person may see who has voted: after the count, above the quorum, not of a handful."""
    check_list(ballot, person, voter)
    result = ballot.result
    if result is None or not enough(result.votes, result.eligible, ballot.quorum):
        raise Refused("ballot.roll_too_few", question=ballot.question, quorum=ballot.quorum)
    if ballot.secret and result.votes < HANDFUL:
        raise Refused("ballot.roll_handful", question=ballot.question, handful=HANDFUL)


def counted(ballot: Ballot) -> bool:
    """Whether the count is done, so that anything of it may be seen."""
    return ballot.result is not None


@dataclass(frozen=True, slots=True)
class BallotOpened:
    """A host put a question to an area; its rules as in `Ballot`."""

    by: int
    area: str
    question: str
    options: tuple[str, ...]
    closes_at: datetime
    matter: int | None = None
    method: Method = Method.SINGLE
    most: int = 0
    electorate: Electorate = Electorate.RESIDENTS
    begins_at: datetime | None = None
    secret: bool = True
    quorum: int = 0
    grave: bool = False
    grids: tuple[str, ...] = ()
    estate: str = ""

    @property
    def extent(self) -> Extent:
        return Extent(self.area, self.grids, self.estate)


@dataclass(frozen=True, slots=True)
class BallotBegins:
    """Time to ask those whose votes count."""

    ballot: int


@dataclass(frozen=True, slots=True)
class BallotCancelled:
    """A host called it off; the reason is told to everybody who was asked."""

    ballot: int
    by: int
    reason: str


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
