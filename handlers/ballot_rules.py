"""A host settles by which rules a ballot is held: how one votes, who may, from when, how many must, secret or not."""

import re
from dataclasses import replace
from datetime import datetime

from bot.core.errors import Unclear
from bot.core.talk import Ask, Heard, Talk
from domain.councils import BallotOpened, Electorate
from domain.counting import Method
from domain.district import District
from domain.refusals import Refused
from nlp import plain, when
from nlp.normalise import fold, number
from services.councils import check_electorate
from storage.desk import Desk

YES_NO = ("同意", "不同意", "弃权")
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


def _begins(heard: Heard, district: District) -> datetime | None:
    return None if heard.choice == "now" else when.read(heard, district)


WHAT = Ask(
    "ballot_open.change_what",
    plain.choice,
    choices=tuple((f"ballot_open.change_{what}", what) for what in ("method", "who", "begins", "quorum", "secret")),
)
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

    what = await talk.ask(WHAT, name=f"{WHAT.name}.{turn}")
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
    missing = await talk.look(f"missing.{turn}", str, lambda desk: _missing(desk, electorate, opened.area))
    if missing:
        talk.say(missing, area=talk.district.area_name(opened.area))
        return opened
    if electorate is not Electorate.OWNERS:
        return replace(opened, electorate=electorate, grave=False, secret=opened.secret)
    grave = await talk.ask(GRAVE, name=f"{GRAVE.name}.{turn}") == "yes"
    # The law asks owners for yes or no, and counts floor areas, which are as good as names.
    return replace(
        opened, electorate=electorate, grave=grave, secret=False, quorum=0, method=Method.YES_NO, most=0, options=YES_NO
    )


async def _missing(desk: Desk, electorate: Electorate, area: str) -> str:
    try:
        await check_electorate(electorate, area, desk)
    except Refused as refused:
        return refused.key
    return ""
