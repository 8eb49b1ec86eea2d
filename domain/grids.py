"""Grids (网格): the few hundred households one gridworker looks after, and where they lie."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Grid:
    """One grid. `code` is the community's 12 digits and a 3-digit sequence; `kind` a class of the district's table.

    A grid that was split, merged or re-coded keeps its row: `until` is its last day and `successors`
    the codes that took over, since the sheet on the wall does not change by itself.
    """

    code: str
    name: str
    kind: str
    since: date
    until: date | None = None
    successors: tuple[str, ...] = ()
    sample: bool = False

    @property
    def community(self) -> str:
        return self.code[:12]

    @property
    def short(self) -> str:
        """The last 9 digits, enough within one district: what people read out on the phone."""
        return self.code[6:]

    def in_force(self, day: date) -> bool:
        return self.since <= day and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True)
class Place:
    """An estate or a stretch of road and the grid it belongs to; `blocks` are its building numbers (空 = all).

    `manager` is the property company that looks after it, where one does.
    """

    grid: str
    estate: str
    road: str = ""
    number: str = ""
    first_block: int = 0
    last_block: int = 0
    sample: bool = False
    manager: str = ""

    def has_block(self, block: int | None) -> bool:
        return block is None or not self.last_block or self.first_block <= block <= self.last_block


@dataclass(frozen=True, slots=True)
class Spot:
    """Where something is, as far as a person told us: their words, and what we made of them."""

    words: str
    grid: str | None = None
    estate: str | None = None
    latitude: float | None = None
    longitude: float | None = None
