"""Whose business a matter can be: the estate, the community or the street somebody lives in."""

from dataclasses import dataclass
from datetime import date

from domain.areas import around
from domain.district import District
from domain.matters import Tier


@dataclass(frozen=True, slots=True)
class Ground:
    """What a matter is about, see `Matter`. Residents are known by their grid: two estates in one hear of both's."""

    tier: Tier
    area: str
    place: str
    grids: tuple[str, ...] = ()


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


def _estate(name: str, community: str, district: District, day: date) -> Ground:
    codes = dict.fromkeys(place.grid for place in district.places if place.estate == name)
    heirs = dict.fromkeys(heir.code for code in codes for heir in district.heirs(code, day))
    here = tuple(code for code in heirs if code.startswith(community))
    return Ground(Tier.ESTATE, here[0], name) if len(here) == 1 else Ground(Tier.ESTATE, community, name, here)
