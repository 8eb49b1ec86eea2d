"""The roster (名册): the households of an area with their owners, and who in the chat has shown to be one of them."""

from dataclasses import dataclass
from enum import StrEnum

from domain.areas import Extent, Roster, covers
from domain.people import Person, Role


class Shown(StrEnum):
    """How somebody showed which household is theirs: by their phone, a code in the letterbox, a gridworker's code."""

    PHONE = "phone"
    CODE = "code"
    GRIDWORKER = "gridworker"


@dataclass(frozen=True, slots=True)
class Voter:
    """A household of a roster. `owner` is the number of the first household of the same owner.

    `floor_area` is in hundredths of a square metre, None where the roster does not say.
    """

    id: int
    area: str
    household: str
    name: str
    floor_area: int | None
    owner: int
    estate: str = ""

    @property
    def roster(self) -> Roster:
        return Roster(self.area, self.estate)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a roster as it is imported; `phones` as digits, kept only as keyed digests."""

    household: str
    name: str
    floor_area: int | None = None
    phones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RosterImported:
    """The roster of this area, or of an estate in it, is now this. Never planned for later: it has phone numbers."""

    by: int | None
    area: str
    rows: tuple[Row, ...]
    estate: str = ""


@dataclass(frozen=True, slots=True)
class VoterCodeWanted:
    """A helper who knows them wants a code to hand to somebody of a household."""

    by: int
    voter: int


def helps_there(person: Person, area: str, roles: tuple[Role, ...]) -> bool:
    """Whether one of these roles is theirs for an area around this one or within it."""
    return any(held.role in roles and (covers(held.area, area) or covers(area, held.area)) for held in person.roles)


def helps_with(person: Person, extent: Extent, roles: tuple[Role, ...]) -> bool:
    """The same of all that something reaches: whoever serves one grid of an estate helps there."""
    return any(helps_there(person, ground, roles) for ground in extent.grounds())
