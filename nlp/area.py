"""Reads which area somebody means: a street, a community, a village or a grid, by its name or its code."""

import re
from functools import lru_cache

from domain.areas import stem
from domain.district import District
from nlp.normalise import fold

_CODE = re.compile(r"(?<!\d)\d{12}(?:\d{3})?(?!\d)")


@lru_cache(maxsize=4)
def _names(district: District) -> dict[str, tuple[str, ...]]:
    """Every name there is and the codes it may mean; 溪畔 is both a street and a community."""
    found: dict[str, set[str]] = {}
    for area in district.areas.values():
        for name in {area.name, area.short, stem(area.name), stem(area.name).removesuffix("街道")}:
            found.setdefault(fold(name), set()).add(area.code)
    for grid in district.grids.values():
        found.setdefault(fold(grid.name), set()).add(grid.code)
    return {name: tuple(sorted(codes)) for name, codes in found.items() if len(name) > 1}


def named(text: str, district: District) -> tuple[tuple[str, ...], str]:
    """The areas a text may name, the longest name winning, and the text without it; none: as it was."""
    folded = fold(text)
    if match := _CODE.search(folded):
        if match[0] in district.areas or match[0] in district.grids:
            return (match[0],), folded.replace(match[0], " ")
        return (), folded
    names = _names(district)
    best = max((name for name in names if name in folded), key=len, default="")
    return (names[best], folded.replace(best, " ")) if best else ((), folded)
