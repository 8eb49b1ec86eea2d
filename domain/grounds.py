"""Whose business a matter can be: the estate, the community or the street somebody lives in."""

from dataclasses import dataclass
from datetime import date

from domain.areas import Extent, around, covers
from domain.district import District
from domain.matters import Tier


@dataclass(frozen=True, slots=True)
class Ground:
    """What a matter is about, see `Matter`. Residents are known by their grid: two estates in one hear of both's."""

    tier: Tier
    area: str
    place: str
    grids: tuple[str, ...] = ()

    @property
    def extent(self) -> Extent:
        return Extent(self.area, self.grids, self.place if self.tier is Tier.ESTATE else "")


def grounds_of(grid: str, district: District, day: date) -> list[Ground]:
    """What somebody who lives in a grid may propose something to: its estates, its community, its street."""
    community, street, _district = around(grid)
    names = dict.fromkeys(place.estate for place in district.places if place.grid == grid and place.estate)
    found = [_estate(name, community, district, day) for name in names]
    return [
        *found,
        Ground(Tier.COMMUNITY, community, district.area_name(community)),
        Ground(Tier.STREET, street, district.area_name(street)),
    ]


def estates_in(area: str, district: District, day: date) -> list[Ground]:
    """The estates within an area, each with the grids it lies in today, in the order of those."""
    named: dict[tuple[str, str], None] = {}
    for place in district.places:
        if place.estate:
            for heir in district.heirs(place.grid, day):
                named[place.estate, heir.code[:12]] = None
    found = [_estate(name, community, district, day) for name, community in named]
    return sorted(
        (each for each in found if covers(area, each.area)), key=lambda each: (each.extent.grounds(), each.place)
    )


def beside(extent: Extent, district: District, day: date) -> dict[str, tuple[str, ...]]:
    """Other estates in the grids of an estate, by grid: where somebody lives does not tell them apart from it."""
    found: dict[str, dict[str, None]] = {}
    for place in district.places:
        for heir in district.heirs(place.grid, day) if place.estate not in (None, "", extent.estate) else ():
            if extent.estate and heir.code in extent.grounds():
                found.setdefault(heir.code, {})[place.estate or ""] = None
    return {grid: tuple(names) for grid, names in sorted(found.items())}


def _estate(name: str, community: str, district: District, day: date) -> Ground:
    codes = dict.fromkeys(place.grid for place in district.places if place.estate == name)
    heirs = dict.fromkeys(heir.code for code in codes for heir in district.heirs(code, day))
    here = tuple(code for code in heirs if code.startswith(community))
    return Ground(Tier.ESTATE, here[0], name) if len(here) == 1 else Ground(Tier.ESTATE, community, name, here)
