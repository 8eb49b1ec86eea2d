"""Reads where something is: an estate and a block, a road and a number, a community."""

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from bot.core.errors import Unclear
from bot.core.talk import Heard
from domain.areas import stem
from domain.district import District
from domain.grids import Place
from nlp.normalise import fold, number

_NUMERAL = r"(\d{1,4}|[一二两三四五六七八九]?十[一二三四五六七八九]?|[一二两三四五六七八九])"
_BLOCK = re.compile(_NUMERAL + r"\s*(?:栋|幢|号楼|楼(?!上|下|道|层|梯)|座)")
_DOOR = re.compile(_NUMERAL + r"\s*(单元|门|室|层|楼)")
# 3 号楼 2 单元 301: what stands bare after block or entrance is a door, unless it counts something.
_BARE_DOOR = re.compile(r"(\d{3,4})(?![\d.年月块元天平度个号户家点分路])")
# Without its estate only what can be nothing else: 三楼 alone is a floor as often as a block.
_LONE_BLOCK = re.compile(_NUMERAL + r"\s*(?:栋|幢|号楼|座(?!椅|谈|机))")
# What is beside the road, up to the word that says how: 槐安路 小学门口. Not across a verb or a pause.
_LANDMARK = re.compile(
    r"\s*(?:的|上)?([^\s,，。.!！?？;；、0-9有的在把被让是没不]{0,8}?"
    r"(?:门口|对面|对过|旁边|路口|交叉口|交口|附近|拐角|北侧|南侧|东侧|西侧|桥下|站点))"
)
_ANY_DOOR = re.compile(
    r"[\d０-９一二两三四五六七八九十]+\s*(?:栋|幢|号楼|单元|门(?!口)|室|号(?!线)|层|楼(?!道))|(?<![\d.])\d{3,4}(?!\d|\.\d|\s*[年块元天])"
)
_TO_BLOCK = re.compile(r".*?\d+ 栋")
_NUMBER = re.compile(_NUMERAL + r"\s*号(?!楼)")


# What may stand before a place that is said on its own and not in a sentence, and what may follow it.
_LEAD_INS = ("", "在", "就在", "我在", "我们")
_PAUSES = " ,，。.、:：;；"


@dataclass(frozen=True, slots=True)
class Found:
    """A place in somebody's words: the grids it may lie in, and how to write it. `exact`: an estate or a number."""

    words: str
    grids: tuple[str, ...]
    start: int
    end: int
    exact: bool = False


@dataclass(frozen=True)
class _Index:
    estates: dict[str, list[Place]]
    roads: dict[str, list[Place]]
    communities: dict[str, str]


@lru_cache(maxsize=4)
def _index(district: District) -> _Index:
    estates: dict[str, list[Place]] = {}
    roads: dict[str, list[Place]] = {}
    for place in district.places:
        if place.estate:
            estates.setdefault(fold(place.estate), []).append(place)
        if place.road:
            roads.setdefault(fold(place.road), []).append(place)
    communities = {fold(stem(area.name)): area.code for area in district.communities()}
    return _Index(estates, roads, communities)


def names(district: District) -> list[str]:
    """Every place name of the district, as words for the segmenter."""
    index = _index(district)
    return [*index.estates, *index.roads, *(name + "社区" for name in index.communities)]


# Looked for again at every answer that follows.
@lru_cache(maxsize=4096)
def find(text: str, district: District) -> Found | None:
    """The place named in a text; the longest name wins. None when none of the district's places is named."""
    folded = fold(text)
    index = _index(district)
    for name in sorted((name for name in index.estates if name in folded), key=len, reverse=True):
        return _with_block(folded, name, index.estates[name])
    for name in sorted((name for name in index.roads if name in folded), key=len, reverse=True):
        return _on_road(folded, name, index.roads[name])
    for name, code in index.communities.items():
        for said in (name + "社区", name + "村"):
            if said in folded:
                start = folded.index(said)
                grids = tuple(grid for grid in district.grids if grid.startswith(code))
                return Found(said, grids, start, start + len(said))
    return None


def _with_block(folded: str, name: str, places: list[Place]) -> Found:
    start = folded.index(name)
    end = start + len(name)
    block = None
    words = places[0].estate
    if match := _BLOCK.match(folded, _skip(folded, end)):
        block = number(match[1])
        words = f"{words} {block} 栋"
        words, end = _doors(folded, words, match.end())
    fitting = [place for place in places if place.has_block(block)]
    return Found(words, tuple(dict.fromkeys(place.grid for place in fitting or places)), start, end, exact=True)


def _doors(folded: str, words: str, end: int) -> tuple[str, int]:
    """The entrance, the floor and the door that follow a block, and where they end."""
    while door := _DOOR.match(folded, _skip(folded, end)):
        words, end = f"{words} {number(door[1])} {door[2]}", door.end()
    if door := _BARE_DOOR.match(folded, _skip(folded, end)):
        words, end = f"{words} {door[1]} 室", door.end()
    return words, end


def part(text: str) -> Found | None:
    """A block named without its estate, as neighbours do among themselves: 3 号楼 2 单元. No grid is known by it."""
    folded = fold(text)
    match = _LONE_BLOCK.search(folded)
    if match is None or not number(match[1]):
        return None
    words, end = _doors(folded, f"{number(match[1])} 栋", match.end())
    return Found(words, (), match.start(), end, exact=True)


def joined(found: Found, part: Found, district: District) -> Found:
    """An estate said after its block: 3 号楼 and then 幸福里. A block said with the estate wins."""
    whole = find(f"{found.words} {part.words}", district)
    if whole is None or not whole.words.startswith(found.words):
        return found
    if "栋" not in whole.words:
        return replace(found, words=f"{found.words} {part.words}")
    return replace(whole, start=found.start, end=found.end)


def estates_of(grid: str, part: Found, district: District) -> list[Found]:
    """The estates of a grid that have such a block, each with it."""
    names = dict.fromkeys(place.estate for place in district.places if place.grid == grid and place.estate)
    whole = [find(f"{name} {part.words}", district) for name in names]
    return [each for each in whole if each and grid in each.grids]


def _on_road(folded: str, name: str, places: list[Place]) -> Found:
    start = folded.index(name)
    end = start + len(name)
    words = places[0].road
    fitting = places
    if match := _NUMBER.match(folded, _skip(folded, end)):
        words = f"{words} {number(match[1])} 号"
        end = match.end()
        fitting = [place for place in places if _stands(number(match[1]), place.number)] or places
    numbered = words[-1] == "号"
    if beside := _LANDMARK.match(folded, end):
        words, end = f"{words} {beside[1]}", beside.end()
    return Found(words, tuple(dict.fromkeys(place.grid for place in fitting)), start, end, exact=numbered)


def _stands(house: int | None, stretch: str) -> bool:
    """Whether a house number lies on a stretch of road, 160-198."""
    first, _, last = stretch.partition("-")
    return house is not None and first.isdecimal() and int(first) <= house <= int(last or first)


def _skip(text: str, place: int) -> int:
    while place < len(text) and text[place] in " ,，小区的第-—":
        place += 1
    return place


def building(words: str, district: District) -> str | None:
    """A place to the block, as others may read it: no entrance, no floor, no door. None for a whole road or grid."""
    found = find(words, district)
    if found is None:
        return None
    block = _TO_BLOCK.match(found.words)
    # On a road what stands beside it, 槐安路 小学门口, is as good as a number.
    return block[0] if block else found.words if found.exact or " " in found.words else None


def estate(words: str, district: District) -> str | None:
    """A place to its estate or road, as anybody may read it; None when none of the district's is named."""
    found = find(words, district)
    if found is None:
        return None
    index = _index(district)
    folded = fold(found.words)
    names = [places[0] for name, places in (*index.estates.items(), *index.roads.items()) if folded.startswith(name)]
    longest = max((place.estate or place.road for place in names), key=len, default=None)
    return longest or found.words


def doorless(words: str) -> str:
    """Words without the blocks, entrances, floors and doors named in them."""
    return _ANY_DOOR.sub("＊", words)


def near(one: str, other: str) -> bool:
    """Whether two buildings are the same place, or one lies in the estate that is all the other names."""
    return one == other or one.startswith(f"{other} ") or other.startswith(f"{one} ")


def read(heard: Heard, district: District) -> Found:
    """Where it is, as an answer to "where?". Raises Unclear, with an example, when nothing is named."""
    found = find(heard.text, district)
    if found is None:
        raise Unclear("place.unclear")
    return found


def rest(text: str, found: Found) -> str:
    """What is said besides the place: what follows it, or everything when it is named in mid-sentence."""
    folded = fold(text)
    after = folded[found.end : found.end + 1]
    if folded[: found.start].strip() not in _LEAD_INS or not (found.exact or after in _PAUSES):
        return text
    source = text if len(text) == len(folded) else folded
    return source[found.end :].lstrip(" ,，。.、:：;；的\n")
