"""A case as somebody sees it: every chat, page, push and list shows this and not the case itself."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from bot.core.render import Phrase
from domain.cases import Case
from domain.district import District
from domain.people import Person
from domain.sight import Sight, visible
from nlp import place

# What of a message may say more than somebody is to see.
_SAID = ("words", "why", "said", "letter")


def sight_of(case: Case, person: Person, district: District, *, follows: bool = False) -> Sight | None:
    """What this person may see of a case; None: not even that there is one."""
    return visible(case, person, district.category_of(case), follows=follows)


def seen(case: Case, person: Person, district: District, *, follows: bool = False) -> Case | None:
    """The case with only what this person may see in it; None when it is none of theirs."""
    sight = sight_of(case, person, district, follows=follows)
    if sight is None:
        return None
    if sight.door:
        return case
    words = place.doorless(case.words) if sight.words else ""
    return replace(case, place=estate(case, district), words=words, latitude=None, longitude=None)


def all_seen(cases: Iterable[Case], person: Person, district: District) -> list[Case]:
    """Those that are theirs to see, as they see them."""
    return [shown for case in cases if (shown := seen(case, person, district)) is not None]


def estate(case: Case, district: District) -> str:
    """Where it is, as anybody may read it: the estate or the road, else the grid."""
    return place.estate(case.place, district) or district.area_name(case.grid)


def as_seen(said: dict[str, Any], case: Case, person: Person, district: District) -> dict[str, Any]:
    """What a message says of a case that is kept from most, as this person may read it."""
    sight = sight_of(case, person, district)
    if sight is not None and sight.door:
        return said
    said = {**said, "photos": ()} if said.get("photos") else {**said}
    if "place" in said:
        said["place"] = estate(case, district)
    for name in _SAID:
        if name in said:
            said[name] = _doorless(said[name])
    if sight is None and "words" in said:
        said["words"] = ""
    return said


def _doorless(words: Any) -> Any:
    if isinstance(words, Phrase):
        return Phrase(words.key, {name: _doorless(value) for name, value in words.shown.items()})
    return place.doorless(words) if isinstance(words, str) else words
