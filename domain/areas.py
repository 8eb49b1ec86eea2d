"""The areas a district is made of, and which of them lies within which."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How large an area is, from the outside in."""

    DISTRICT = "district"
    STREET = "street"
    COMMUNITY = "community"
    VILLAGE = "village"
    GRID = "grid"


@dataclass(frozen=True, slots=True)
class Area:
    """A district, street, community or village.

    `code` has 12 digits, as published by the National Bureau of Statistics; `name` is the official one,
    typos included.
    """

    code: str
    name: str
    level: Level
    parent: str

    @property
    def short(self) -> str:
        """民乐社区居民委员会 → 民乐社区, for people to read."""
        return stem(self.name) + {"community": "社区", "village": "村"}.get(self.level, "")


# 居名委员会 is a typo in the published table (凤凰社区): match by stem, keep the name as it is.
_ENDINGS = ("社区居民委员会", "社区居名委员会", "村民委员会", "居民委员会", "社区", "村委会")


def stem(name: str) -> str:
    """The part of a community's or village's name that people say: 民乐社区居民委员会 → 民乐."""
    for ending in _ENDINGS:
        if name.endswith(ending) and len(name) > len(ending):
            return name.removesuffix(ending)
    return name


def prefix(code: str) -> str:
    """The leading digits all codes within this area share: 6 for a district, 9, 12 or 15 below it."""
    if len(code) > 12:
        return code
    for length in (6, 9):
        if code[length:].strip("0") == "":
            return code[:length]
    return code


def around(grid: str) -> tuple[str, str, str]:
    """The 12-digit codes of the community, street and district a grid lies in."""
    return grid[:12], grid[:9].ljust(12, "0"), grid[:6].ljust(12, "0")


def covers(outer: str, inner: str) -> bool:
    """Whether the area `outer` is, or contains, the area or grid `inner`."""
    return inner.startswith(prefix(outer))


@dataclass(frozen=True, slots=True)
class Roster:
    """Which roster a household stands on: that of an area, or where `estate` is named that of an estate in it."""

    area: str
    estate: str = ""


@dataclass(frozen=True, slots=True)
class Extent:
    """How far something reaches: an area and all within it, or an estate (小区), which may lie in several grids.

    `area` is the smallest that holds all of it; `grids` are those of an estate in several, `estate` is its name. Where
    people live is known by the grid alone; which estate a household is of, where its roster says so.
    """

    area: str
    grids: tuple[str, ...] = ()
    estate: str = ""

    def grounds(self) -> tuple[str, ...]:
        """The areas it is made of."""
        return self.grids or (self.area,)

    def holds(self, grid: str | None) -> bool:
        """Whether it reaches whoever lives there."""
        return grid is not None and any(covers(ground, grid) for ground in self.grounds())

    def enrols(self, roster: Roster) -> bool:
        """Whether the households on a roster are of it; what does not say of which estate it is goes by its grid."""
        if self.estate and roster.estate:
            return roster.estate == self.estate and covers(self.area, roster.area)
        return any(covers(ground, roster.area) for ground in self.grounds())

    def meets(self, other: "Extent") -> bool:
        """Whether a household could be of both."""
        if self.estate and other.estate and self.estate != other.estate:
            return False
        return any(covers(own, its) or covers(its, own) for own in self.grounds() for its in other.grounds())
