"""Asks somebody which grid they mean: by code, by estate and block, by road, or step by step with buttons."""

import re
from dataclasses import dataclass, replace
from datetime import date
from itertools import count
from typing import Any

from bot.core.errors import Unclear
from bot.core.talk import Ask, Heard, Talk
from bot.core.words import Position
from domain.areas import Level, covers
from domain.district import District
from domain.grids import Grid
from nlp import grid_code, place, plain
from storage.desk import Desk

_NOT_SO = re.compile(r"^(?:不对|不是|[说写]?错了|地[方点址]|位置|应该|改[成为]|是|在|[\s,，。、:：])+")
_BESIDE = re.compile(
    r"大?门口|大门|[东西南北][门侧边头]|院里|院子里?|楼[下上道顶后前]|花坛|车棚|广场|地下室|车库|门洞|单元门口?"
)

HOME, PICK, UNSURE = "home", "pick", "unsure"


@dataclass(frozen=True, slots=True)
class Where:
    """The place as it will be written, and its grid; `known` is False when the exact grid is for staff to find."""

    words: str
    grid: str
    known: bool = True
    photos: tuple[str, ...] = ()
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class _Heard:
    found: place.Found | None = None
    choice: str | None = None
    photos: tuple[str, ...] = ()
    position: Position | None = None


def read(heard: Heard, district: District) -> _Heard:
    """A choice, a code or a named place; a photo or a position is kept and the name asked for. Raises Unclear."""
    if heard.choice in (HOME, PICK):
        return _Heard(choice=heard.choice)
    digits = grid_code.read(heard.text)
    if digits and len(digits) in (9, 15):
        found = coded(heard, district)
        if found is None:
            raise Unclear("place.no_such_code", code=digits)
        return _Heard(found)
    found = place.find(heard.text, district)
    if found is None and not heard.photos and heard.position is None:
        raise Unclear("place.unclear")
    return _Heard(found, photos=heard.photos, position=heard.position)


def coded(heard: Heard, district: District) -> place.Found | None:
    """The grid whose code is given, an old one's heirs; None when there is no such code."""
    digits = grid_code.read(heard.text)
    if not digits or len(digits) not in (9, 15):
        return None
    heirs = district.heirs(grid_code.whole(digits, district), district.day(heard.at))
    return place.Found(heirs[0].name, tuple(grid.code for grid in heirs), 0, 0, exact=True) if heirs else None


def corrected(heard: Heard, district: District) -> place.Found | None:
    """A place and not a word more, as what is read back is put right: 不对，是幸福里 4 号楼, or 4 号楼 alone."""
    text = _NOT_SO.sub("", heard.text.strip())
    found = place.find(text, district) or place.part(text)
    if found is None or (beside := place.rest(text, found)) == text:
        return None
    if beside and not _BESIDE.fullmatch(beside):
        return None
    return replace(found, words=f"{found.words} {beside}".strip())


MORE = Ask("where.more", read)
STREET = Ask("where.street", plain.choice)
COMMUNITY = Ask("where.community", plain.choice)
GRID = Ask("where.grid", plain.choice)


async def ask(
    talk: Talk[Desk],
    question: Ask[_Heard],
    found: place.Found | None = None,
    *,
    part: place.Found | None = None,
    sure: bool = False,
    **shown: Any,
) -> Where:
    """Where somebody means; `found` is what they have named already, `sure` insists on one grid.

    `part`: the block they have named without its estate, which is then all that is asked for.
    """
    photos: tuple[str, ...] = ()
    position: Position | None = None
    picked: str | None = None
    home = current(talk, talk.person.grid)
    for again in count():
        if found is not None or picked is not None:
            break
        offers = [] if home is None or sure else [("where.home", HOME)]
        heard = await talk.ask(
            MORE if again else question,
            [*offers, ("where.pick", PICK)],
            name=f"{question.name}.{again}" if again else question.name,
            **shown,
        )
        found, picked = heard.found, heard.choice
        if found is not None and part is not None:
            found = place.joined(found, part, talk.district)
        photos, position = photos + heard.photos, heard.position or position
    spot = at_home(talk, home, part) if home and picked == HOME else await _spot(talk, found, sure=sure)
    if part is not None and picked == PICK:
        spot = replace(spot, words=f"{spot.words} {part.words}")
    return replace(spot, photos=photos, position=position)


def moved(talk: Talk[Desk], spot: Where, found: place.Found) -> Where:
    """The place as `corrected`; of several grids it is their own, or staff find out which."""
    if not found.grids:
        estate = place.find(place.estate(spot.words, talk.district) or "", talk.district)
        if estate is None:
            return replace(spot, words=at_home(talk, spot.grid, found).words)
        found = place.joined(estate, found, talk.district)
    grids = [heir.code for code in found.grids for heir in talk.district.heirs(code, _today(talk))]
    home = current(talk, talk.person.grid)
    grid = home if home in grids else grids[0]
    return replace(spot, words=found.words, grid=grid, known=grid == home or len(set(grids)) == 1)


def at_home(talk: Talk[Desk], home: str, part: place.Found | None = None) -> Where:
    """In somebody's own grid; a block named without its estate is of the one estate there that has it."""
    if part is None:
        return Where(talk.district.area_name(home), home)
    estates = place.estates_of(home, part, talk.district)
    words = estates[0].words if len(estates) == 1 else f"{talk.district.area_name(home)} {part.words}"
    return Where(words, home)


async def _spot(talk: Talk[Desk], found: place.Found | None, *, sure: bool) -> Where:
    if found is None:
        return await _which(talk, "", talk.district.grids_in(await _community(talk), _today(talk)), sure=sure)
    heirs = [heir for code in found.grids for heir in talk.district.heirs(code, _today(talk))]
    return await _which(talk, found.words, list(dict.fromkeys(heirs)), sure=sure)


def current(talk: Talk[Desk], grid: str | None) -> str | None:
    """The grid that code leads to today; None for none, or for one that has gone altogether."""
    heirs = talk.district.heirs(grid, _today(talk)) if grid else []
    return heirs[0].code if heirs else None


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
    return talk.district.day(talk.now)
