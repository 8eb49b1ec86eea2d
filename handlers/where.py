"""Asks somebody which grid they mean: by code, by estate and block, by road, or step by step with buttons."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from bot.core.errors import Unclear
from bot.core.talk import Ask, Heard, Talk
from domain.areas import Level, covers
from domain.district import District
from domain.grids import Grid
from nlp import grid_code, place, plain
from storage.desk import Desk

HOME, PICK, UNSURE = "home", "pick", "unsure"


@dataclass(frozen=True, slots=True)
class Where:
    """The place as it will be written, and its grid; `known` is False when the exact grid is for staff to find."""

    words: str
    grid: str
    known: bool = True


@dataclass(frozen=True, slots=True)
class _Heard:
    found: place.Found | None = None
    choice: str | None = None


def read(heard: Heard, district: District) -> _Heard:
    """A choice, a code, or a named place. Raises Unclear."""
    if heard.choice in (HOME, PICK):
        return _Heard(choice=heard.choice)
    digits = grid_code.read(heard.text)
    if digits and len(digits) in (9, 15):
        heirs = district.heirs(grid_code.whole(digits, district), heard.at.astimezone(district.timezone).date())
        if not heirs:
            raise Unclear("place.no_such_code", code=digits)
        return _Heard(place.Found(heirs[0].name, tuple(grid.code for grid in heirs), 0, 0))
    return _Heard(place.read(heard, district))


STREET = Ask("where.street", plain.choice)
COMMUNITY = Ask("where.community", plain.choice)
GRID = Ask("where.grid", plain.choice)


async def ask(
    talk: Talk[Desk],
    question: Ask[_Heard],
    found: place.Found | None = None,
    *,
    sure: bool = False,
    **shown: Any,
) -> Where:
    """Where somebody means; `found` is what they have named already, `sure` insists on one grid."""
    if found is None:
        offers = [] if talk.person.grid is None or sure else [("where.home", HOME)]
        heard = await talk.ask(question, [*offers, ("where.pick", PICK)], **shown)
        if heard.choice == HOME and talk.person.grid:
            return Where(talk.district.area_name(talk.person.grid), talk.person.grid)
        found = heard.found
    if found is None:
        grids = talk.district.grids_in(await _community(talk), _today(talk))
        return await _which(talk, "", grids, sure=sure)
    grids = [talk.district.grids[code] for code in found.grids if talk.district.grids[code].in_force(_today(talk))]
    return await _which(talk, found.words, grids, sure=sure)


async def _community(talk: Talk[Desk]) -> str:
    areas = talk.district.areas.values()
    street = await talk.ask(STREET, [(area.name, area.code) for area in areas if area.level is Level.STREET])
    return await talk.ask(
        COMMUNITY,
        [(area.short, area.code) for area in talk.district.communities() if covers(street, area.code)],
    )


async def _which(talk: Talk[Desk], words: str, grids: list[Grid], *, sure: bool) -> Where:
    if len(grids) == 1:
        return Where(words or grids[0].name, grids[0].code)
    offers = [(_label(grid, talk.district), grid.code) for grid in grids]
    code = await talk.ask(GRID, offers if sure else [*offers, ("where.unsure", UNSURE)])
    if code == UNSURE:
        return Where(words or talk.district.area_name(grids[0].community), grids[0].code, known=False)
    return Where(words or talk.district.area_name(code), code)


def _label(grid: Grid, district: District) -> str:
    estates = [place.estate for place in district.places if place.grid == grid.code and place.estate][:2]
    return f"{grid.name}（{'、'.join(estates)}）" if estates else grid.name


def _today(talk: Talk[Desk]) -> date:
    return talk.now.astimezone(talk.district.timezone).date()
