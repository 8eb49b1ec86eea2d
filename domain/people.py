"""The people who talk to the bot, and what each of them may do where."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.areas import Roster, covers


class Role(StrEnum):
    """What a person does in an area. Everybody is a resident; that role is never stored."""

    RESIDENT = "resident"
    GRIDWORKER = "gridworker"
    GRID_LEADER = "grid_leader"
    COMMUNITY = "community"
    STREET = "street"
    DISTRICT = "district"
    DEPARTMENT = "department"
    COUNCIL_HOST = "council_host"
    MEDIATOR = "mediator"
    COUNCIL_MEMBER = "council_member"


WORKERS = (Role.GRIDWORKER, Role.GRID_LEADER)
STAFF = (Role.COMMUNITY, Role.STREET, Role.DISTRICT)


@dataclass(frozen=True, slots=True)
class Held:
    """A role held for an area: `area` is a 12-digit area code or a 15-digit grid code.

    A mediator holds theirs for a room: `area` is its code. `department` is the code of the one somebody works in, for
    the role of that name alone.
    """

    role: Role
    area: str
    department: str | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody we know; `grid` is the 15-digit code of where they live, once they have told us.

    `rosters`: on which they stand; owners may well live elsewhere.
    """

    id: int
    name: str | None = None
    phone: str | None = None
    phone_public: bool = False
    language: str = "zh"
    grid: str | None = None
    roles: tuple[Held, ...] = ()
    sample: bool = False
    rosters: tuple[Roster, ...] = ()

    def has(self, *roles: Role) -> bool:
        """Whether they hold any of these roles anywhere."""
        return any(held.role in roles for held in self.roles)

    def serves(self, area: str, roles: Sequence[Role]) -> bool:
        """Whether one of these roles is theirs for an area that contains `area`."""
        return any(held.role in roles and covers(held.area, area) for held in self.roles)

    def areas(self, *roles: Role) -> tuple[str, ...]:
        """The areas for which they hold any of these roles."""
        return tuple(dict.fromkeys(held.area for held in self.roles if held.role in roles))

    def of_department(self, code: str | None, area: str) -> bool:
        """Whether they work in this department for an area that contains `area`."""
        return any(
            held.role is Role.DEPARTMENT and held.department == code and covers(held.area, area) for held in self.roles
        )

    def departments(self) -> tuple[str, ...]:
        """The codes of the departments they work in."""
        return tuple(dict.fromkeys(held.department for held in self.roles if held.department))
