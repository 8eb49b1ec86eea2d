"""Gridworkers call at households (走访): door by door for a campaign with one question, or as a day brings it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from domain.areas import covers
from domain.people import STAFF, WORKERS, Person
from domain.refusals import Refused

MOST_DOORS, LONGEST_DAYS = 2000, 90


class Outcome(StrEnum):
    """How it went at a door."""

    DONE = "done"
    NOBODY = "nobody"
    DECLINED = "declined"
    TROUBLE = "trouble"


# Where nobody was at home somebody calls again.
SETTLED = (Outcome.DONE, Outcome.DECLINED, Outcome.TROUBLE)


@dataclass(frozen=True, slots=True)
class Campaign:
    """What is asked at every door of an area until a day, that day included."""

    id: int
    area: str
    title: str
    question: str
    until: date
    opened_by: int | None
    opened_at: datetime
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Door:
    """A household of a campaign. `area`: its grid, or the area of the campaign where the grid is not known."""

    id: int
    campaign_id: int
    area: str
    household: str
    outcome: Outcome | None = None
    by_id: int | None = None
    at: datetime | None = None
    words: str = ""

    @property
    def settled(self) -> bool:
        return self.outcome in SETTLED


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a campaign is in one area: how many doors, and how many of them by outcome."""

    area: str
    doors: int
    done: int = 0
    nobody: int = 0
    declined: int = 0
    trouble: int = 0

    @property
    def left(self) -> int:
        return self.doors - self.done - self.declined - self.trouble


@dataclass(frozen=True, slots=True)
class Visit:
    """One call, as whoever made it reads it."""

    household: str
    at: datetime
    outcome: Outcome
    words: str


@dataclass(frozen=True, slots=True)
class CampaignOpened:
    """Staff want something asked at every household of an area; none named: those of its rosters."""

    by: int
    area: str
    title: str
    question: str
    until: date
    households: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CampaignEnded:
    """Staff end it before its last day."""

    by: int
    campaign: int


@dataclass(frozen=True, slots=True)
class CampaignOver:
    """The morning after its last day; void when it was ended before."""

    campaign: int


@dataclass(frozen=True, slots=True)
class HouseholdVisited:
    """A gridworker called at a household: a `door` of a campaign, or any other in a grid of theirs."""

    by: int
    outcome: Outcome
    words: str = ""
    door: int | None = None
    grid: str = ""
    household: str = ""


def calls_at(person: Person, area: str) -> bool:
    """Whether the doors of an area are theirs to call at: all of it, or of the part that is theirs."""
    return any(held.role in WORKERS and (covers(held.area, area) or covers(area, held.area)) for held in person.roles)


def reads(person: Person, area: str) -> bool:
    """Whether they may see how far a campaign of this area is, in the part that is theirs."""
    return any(held.role in STAFF and (covers(held.area, area) or covers(area, held.area)) for held in person.roles)


def check_opening(person: Person, opened: CampaignOpened, today: date) -> None:
    """Raise `Refused` unless they may open this campaign, and it has all it takes."""
    if not person.serves(opened.area, STAFF):
        raise Refused("campaign.not_yours")
    if not 0 <= (opened.until - today).days <= LONGEST_DAYS:
        raise Refused("campaign.bad_day", answer="campaign.until", days=LONGEST_DAYS)
    if len(opened.title.strip()) < 2 or len(opened.question.strip()) < 2:
        raise Refused("campaign.incomplete", answer="campaign.question")


def check_visit(person: Person, door: Door, campaign: Campaign, today: date) -> None:
    """Raise `Refused` unless they may note a call at this door now. Their own note they may put right."""
    if not calls_at(person, door.area):
        raise Refused("visit.not_yours")
    if campaign.closed_at is not None or today > campaign.until:
        raise Refused("visit.over", campaign=campaign.title)
    if door.settled and door.by_id != person.id:
        raise Refused("visit.done_before", household=door.household)


def in_order(households: Sequence[str]) -> list[str]:
    """Households each once, as one walks by them: 2 栋 before 10 栋."""
    return sorted(dict.fromkeys(households), key=_walked)


def _walked(household: str) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", household)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]
