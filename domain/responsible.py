"""Staff who do not know whose something is read whom to ask first, and why.

部件先属主后属地、事件先属地后属主: a thing goes to its owner and, where that leads nowhere, to the area it stands in;
what happens somewhere goes to the area and then to the owner.
"""

from dataclasses import dataclass
from enum import StrEnum

from domain.areas import Level
from domain.catalogue import Category, Nature
from domain.departments import Department


class Tie(StrEnum):
    """What makes somebody responsible: that it is theirs (属主), or that it is where they are (属地)."""

    OWNER = "owner"
    AREA = "area"


@dataclass(frozen=True, slots=True)
class Responsible:
    """One who is asked, by the name people know them by; `department` is their code, where they are on the list."""

    tie: Tie
    name: str
    department: str | None = None


def owner(category: Category, department: Department, manager: str) -> Responsible | None:
    """Whose it is, as far as is known: `manager` is the property company of the estate it is in, empty for none.

    A department of communities is the area itself, and no owner besides.
    """
    if category.in_estate and manager:
        return Responsible(Tie.OWNER, manager)
    if department.level is Level.COMMUNITY:
        return None
    return Responsible(Tie.OWNER, department.name, department.code)


def in_order(nature: Nature, owner: Responsible | None, area: str) -> tuple[Responsible, ...]:
    """Who is asked, one after the other; with no owner known the area finds out whose it is."""
    here = Responsible(Tie.AREA, area)
    if owner is None:
        return (here,)
    return (owner, here) if nature is Nature.COMPONENT else (here, owner)
