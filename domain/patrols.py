"""A gridworker goes round their grid (巡查) and checks in: where, when, and what there was to note."""

from dataclasses import dataclass
from datetime import datetime

# Three decimals of a degree are about a hundred metres: which street, not which door.
_COARSE = 3


@dataclass(frozen=True, slots=True)
class PatrolMade:
    """Somebody checked in; `found`: there is something to report."""

    by: int
    grid: str
    latitude: float | None = None
    longitude: float | None = None
    words: str = ""
    found: bool = False


@dataclass(frozen=True, slots=True)
class Patrol:
    """One check-in, as its gridworker reads it."""

    grid: str
    at: datetime
    words: str
    placed: bool


def coarse(degrees: float | None) -> float | None:
    """A coordinate to about a hundred metres."""
    return None if degrees is None else round(degrees, _COARSE)
