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
