"""A host settles the rules of a ballot: where, how one votes, who may, from when, how many must, secret or not."""

import re
from dataclasses import dataclass, replace
from datetime import datetime

from bot.core.errors import Unclear
from bot.core.talk import Ask, Heard, Talk
from domain.areas import Extent
from domain.councils import HOSTS, BallotOpened, Electorate
from domain.counting import Method
from domain.district import District
from domain.grounds import estates_in
from domain.refusals import Refused
from nlp import plain, when
from nlp.normalise import fold, number
from services.ballot_words import named
from services.councils import check_electorate
from storage.desk import Desk

YES_NO = ("同意", "不同意", "弃权")
# More estates than this are not all offered: their name is written.
MOST_OFFERED = 20
_NUMBER = re.compile(r"\d{1,3}|[一二两三四五六七八九十]{1,3}")
_HALVES = {"一半": 50, "过半": 50, "半数": 50, "三分之二": 67, "三分之一": 34, "不要求": 0, "不限": 0}


def _most(heard: Heard, _district: District) -> int:
    """At most so many; 0 for as many as one likes."""
    if heard.choice is not None:
        return int(heard.choice)
    found = _NUMBER.search(fold(heard.text))
    count = number(found[0]) if found else None
    if count is None or not 1 <= count <= 8:
        raise Unclear("ballot_open.most_unclear")
    return count


def _quorum(heard: Heard, _district: District) -> int:
    """A share in percent: 50%, 三分之二, 一半."""
    if heard.choice is not None:
        return int(heard.choice)
    text = fold(heard.text)
    for words, percent in _HALVES.items():
        if words in text:
            return percent
    found = _NUMBER.search(text)
    named = number(found[0]) if found else None
    if named is None or not 0 <= named <= 100:
        raise Unclear("ballot_open.quorum_unclear")
    return named


@dataclass(frozen=True, slots=True)
class _Place:
    """An offer by its place in the list, or an estate by its name."""

    place: int | None = None
    estate: str = ""


def _place(heard: Heard, district: District) -> _Place:
    if heard.choice is not None:
        return _Place(int(heard.choice))
    words = fold(heard.text)
    found = {each.estate for each in district.places if each.estate and fold(each.estate) in words}
    if not found:
        raise Unclear("ballot_open.where_unclear")
    # 春晖新村 and not 春晖, where both are there.
    return _Place(estate=max(found, key=len))


def _begins(heard: Heard, district: District) -> datetime | None:
    return None if heard.choice == "now" else when.read(heard, district)


RULES = tuple((f"ballot_open.change_{what}", what) for what in ("method", "who", "begins", "quorum", "secret"))
# A matter's own ballot is put to all it is about.
WHERE_TOO = (("ballot_open.change_where", "where"), *RULES)
WHAT = Ask("ballot_open.change_what", plain.choice, choices=RULES)
WHERE = Ask("ballot_open.where", _place)
SEVERAL = Ask("ballot_open.area", plain.number_choice)
METHOD = Ask(
    "ballot_open.method", plain.choice, choices=tuple((f"ballot_open.method_{each}", each.value) for each in Method)
)
MOST = Ask("ballot_open.most", _most, choices=(("ballot_open.most_any", "0"),))
WHO = Ask(
    "ballot_open.who", plain.choice, choices=tuple((f"ballot_open.who_{each}", each.value) for each in Electorate)
)
GRAVE = Ask(
    "ballot_open.grave", plain.choice, choices=(("ballot_open.grave_no", "no"), ("ballot_open.grave_yes", "yes"))
)
BEGINS = Ask("ballot_open.begins", _begins, choices=(("ballot_open.now", "now"),))
QUORUM = Ask(
    "ballot_open.quorum", _quorum, choices=(("ballot_open.quorum_none", "0"), ("ballot_open.quorum_half", "50"))
)
SECRET = Ask(
    "ballot_open.secret", plain.choice, choices=(("ballot_open.secret_yes", "yes"), ("ballot_open.secret_no", "no"))
)


async def change(talk: Talk[Desk], opened: BallotOpened, turn: int) -> BallotOpened:
    """Ask which rule is to be another, and which it is to be."""

    what = await talk.ask(WHAT, RULES if opened.matter else WHERE_TOO, name=f"{WHAT.name}.{turn}")
    if what == "where":
        return await _where(talk, opened, turn)
    if what == "method":
        return await _method(talk, opened, turn)
    if what == "who":
        return await _who(talk, opened, turn)
    if what == "begins":
        begins = await talk.ask(BEGINS, name=f"{BEGINS.name}.{turn}")
        return replace(opened, begins_at=begins)
    if what == "quorum":
        return replace(opened, quorum=await talk.ask(QUORUM, name=f"{QUORUM.name}.{turn}"))
    secret = await talk.ask(SECRET, name=f"{SECRET.name}.{turn}") == "yes"
    if secret and opened.electorate is Electorate.OWNERS:
        talk.say("ballot.owners_openly")
        return opened
    return replace(opened, secret=secret)


async def _where(talk: Talk[Desk], opened: BallotOpened, turn: int) -> BallotOpened:
    """All of an area the host serves, or one estate in it, however many grids that lies in."""
    today = talk.district.day(talk.now)
    areas = [Extent(each) for each in talk.person.areas(*HOSTS)]
    estates = [each.extent for area in areas for each in estates_in(area.area, talk.district, today)]
    offered = [*areas, *(estates if len(estates) <= MOST_OFFERED else ())]
    asked = [(named(each, talk.district), str(place)) for place, each in enumerate(offered)]
    chosen = await talk.ask(WHERE, asked, name=f"{WHERE.name}.{turn}")
    if chosen.place is not None and chosen.place < len(offered):
        found = [offered[chosen.place]]
    else:
        found = [each for each in estates if each.estate == chosen.estate]
    if not found:
        partly = any(
            each.holds(place.grid) for each in areas for place in talk.district.places if place.estate == chosen.estate
        )
        talk.say("ballot_open.where_partly_yours" if partly else "ballot_open.where_not_yours", estate=chosen.estate)
        return opened
    if len(found) > 1:
        which = [
            (f"{each.estate}（{talk.district.area_name(each.area[:12])}）", str(place))
            for place, each in enumerate(found)
        ]
        picked = await talk.ask(SEVERAL, which, name=f"{SEVERAL.name}.{turn}")
        found = [found[picked]]
    [extent] = found
    missing = await talk.look(f"missing.where.{turn}", str, lambda desk: _missing(desk, opened.electorate, extent))
    if missing:
        talk.say(missing, area=named(extent, talk.district))
        return opened
    return replace(opened, area=extent.area, grids=extent.grids, estate=extent.estate)


async def _method(talk: Talk[Desk], opened: BallotOpened, turn: int) -> BallotOpened:
    method = Method(await talk.ask(METHOD, name=f"{METHOD.name}.{turn}"))
    if opened.electorate is Electorate.OWNERS and method is not Method.YES_NO:
        talk.say("ballot.owners_openly")
        return opened
    most = await talk.ask(MOST, name=f"{MOST.name}.{turn}") if method is Method.SEVERAL else 0
    options = YES_NO if method is Method.YES_NO else opened.options
    return replace(opened, method=method, most=min(most, len(options)), options=options)


async def _who(talk: Talk[Desk], opened: BallotOpened, turn: int) -> BallotOpened:
    electorate = Electorate(await talk.ask(WHO, name=f"{WHO.name}.{turn}"))
    missing = await talk.look(f"missing.{turn}", str, lambda desk: _missing(desk, electorate, opened.extent))
    if missing:
        talk.say(missing, area=named(opened.extent, talk.district))
        return opened
    if electorate is not Electorate.OWNERS:
        return replace(opened, electorate=electorate, grave=False, secret=opened.secret)
    grave = await talk.ask(GRAVE, name=f"{GRAVE.name}.{turn}") == "yes"
    # The law asks owners for yes or no, and counts floor areas, which are as good as names.
    return replace(
        opened, electorate=electorate, grave=grave, secret=False, quorum=0, method=Method.YES_NO, most=0, options=YES_NO
    )


async def _missing(desk: Desk, electorate: Electorate, extent: Extent) -> str:
    try:
        await check_electorate(electorate, extent, desk)
    except Refused as refused:
        return refused.key
    return ""
