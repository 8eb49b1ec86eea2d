"""A host puts a question to an area: what, which answers, until when; then sees exactly what residents will see."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import count

from bot.core.errors import Unclear
from bot.core.render import Phrase
from bot.core.talk import Ask, Heard, Talk, conversation
from bot.core.words import Kind
from domain.areas import Extent
from domain.councils import BY_ROSTER, HOSTS, Ballot, BallotCancelled, BallotOpened, Electorate, check_opening
from domain.counting import Method
from domain.district import District
from domain.grounds import beside
from domain.matters import Matter, check_ballot
from handlers.ballot_rules import YES_NO, change
from nlp import plain, when
from services.ballot_words import Lines, numbered, options
from services.councils import announced
from storage.desk import Desk

_BETWEEN = re.compile(r"[\n;；/、|]+|[,，](?!\d)")
# Of so many a host wants to know how long it takes.
MANY = 500


def _options(heard: Heard, _district: District) -> tuple[str, ...]:
    """Two to eight different answers, one a line or between commas."""
    if heard.choice == "yes_no":
        return YES_NO
    found = tuple(part.strip() for part in _BETWEEN.split(heard.text) if part.strip())
    if not 2 <= len(found) <= 8 or len(set(found)) != len(found):
        raise Unclear("ballot_open.options_unclear")
    if any(len(option) > 30 for option in found):
        raise Unclear("ballot_open.option_long")
    return found


AREA = Ask("ballot_open.area", plain.choice)
QUESTION = Ask("ballot_open.question", plain.words(least=4, most=200), free=True)
OPTIONS = Ask("ballot_open.options", _options, choices=(("ballot_open.yes_no", "yes_no"),), free=True)
UNTIL = Ask(
    "ballot_open.until",
    when.read,
    choices=(
        ("ballot_open.day", "1 天后"),
        ("ballot_open.three_days", "3 天后"),
        ("ballot_open.week", "7 天后"),
    ),
)
SURE = Ask(
    "ballot_open.sure",
    plain.choice,
    choices=(("word.yes", "yes"), ("word.no", "no"), ("ballot_open.change", "change")),
    confirms=True,
)


@conversation("ballot_open", opens_with=["发起表决", "发起投票", "/ballot"], roles=HOSTS, place=11)
async def open_ballot(talk: Talk[Desk]) -> BallotOpened | None:
    matter = await _matter(talk)
    extent = matter.extent if matter else Extent(await _area(talk))
    question = talk.opening.text if len(talk.opening.text) >= 4 else await talk.ask(QUESTION)
    answers = await talk.ask(OPTIONS)
    until = await talk.ask(UNTIL)
    method = Method.YES_NO if answers == YES_NO else Method.SINGLE
    opened = BallotOpened(
        talk.person.id, extent.area, question, answers, until, matter.id if matter else None, method,
        grids=extent.grids, estate=extent.estate,
    )  # fmt: skip
    for turn in count(1):
        check_opening(talk.person, opened, talk.now)
        name = f"{SURE.name}.{turn}" if turn > 1 else SURE.name
        seen, buttons, notes = await _preview(talk, opened)
        sure = await talk.ask(SURE, name=name, seen=seen, buttons=buttons, notes=notes)
        if sure == "yes":
            return opened
        if sure == "no":
            break
        opened = await change(talk, opened, turn)
    talk.say("ballot_open.dropped")
    return None


async def _area(talk: Talk[Desk]) -> str:
    areas = talk.person.areas(*HOSTS)
    if len(areas) == 1:
        return areas[0]
    return await talk.ask(AREA, [(talk.district.area_name(code), code) for code in areas])


async def _matter(talk: Talk[Desk]) -> Matter | None:
    """The council matter it shall settle, opened from there; told before they write in vain when it cannot."""
    if "matter" not in talk.given:
        return None
    number = int(talk.given["matter"])
    matter = await talk.look("matter", Matter | None, lambda desk: desk.matters.find(number))
    check_ballot(matter, talk.person)
    return matter


async def _preview(talk: Talk[Desk], opened: BallotOpened) -> tuple[Phrase, Lines, Lines]:
    """What residents will see, word for word, and how long it takes until all of them have."""
    ballot = Ballot(
        0, opened.area, opened.question, opened.options, opened.by, talk.now, opened.closes_at,
        method=opened.method, most=opened.most, electorate=opened.electorate, begins_at=opened.begins_at,
        secret=opened.secret, quorum=opened.quorum, grave=opened.grave, grids=opened.grids, estate=opened.estate,
    )  # fmt: skip
    whom = f"{opened.electorate}:{opened.area}:{opened.estate}"
    reach = await talk.look(
        f"reach.{whom}", dict[str, int], lambda desk: desk.people.reachable(opened.electorate, opened.extent)
    )
    starts, quiet, takes = await talk.look(
        f"pace.{whom}", tuple[datetime, bool, float], lambda desk: _pace(desk, reach)
    )
    begins = opened.begins_at or starts
    people = sum(reach.values())
    notes: list[Phrase] = [] if opened.begins_at is None else [Phrase("ballot_open.begins_at", {"begins": begins})]
    if people >= MANY:
        notes.append(Phrase("ballot_open.takes", {"people": people, "takes": _long(takes)}))
        if begins + timedelta(seconds=takes) > opened.closes_at:
            notes.append(Phrase("ballot_open.too_slow"))
    if opened.begins_at is None and quiet:
        notes.append(Phrase("ballot_open.quiet", {"starts": starts}))
    seen = Phrase("ballot.opened", announced(ballot, talk.district))
    return (
        seen,
        _buttons(ballot),
        (*await _who_that_is(talk, opened, whom), *notes, Phrase("ballot_open.told", {"people": people})),
    )


async def _who_that_is(talk: Talk[Desk], opened: BallotOpened, whom: str) -> Lines:
    """What is known of who lives in an estate, which is their grid and no more, said before it is sent."""
    extent, district = opened.extent, talk.district
    if not extent.estate or opened.electorate is Electorate.MEMBERS:
        return ()
    shown = {"estate": extent.estate, "grids": "、".join(district.area_name(each) for each in extent.grounds())}
    others = beside(extent, district, district.day(talk.now))
    if not others and not extent.grids:
        # Alone in its grid: whoever lives there lives in it.
        return ()
    if others:
        shown["others"] = "、".join(dict.fromkeys(name for names in others.values() for name in names))
    if opened.electorate not in BY_ROSTER:
        return (Phrase("ballot_open.estate_by_grid_shared" if others else "ballot_open.estate_by_grid", shown),)
    known = Phrase("ballot_open.estate_by_roster_shared" if others else "ballot_open.estate_by_roster", shown)
    unnamed = await talk.look(f"unnamed.{whom}", int, lambda desk: desk.rosters.unnamed(extent))
    return (known, Phrase("ballot_open.estate_unnamed", shown)) if others and unnamed else (known,)


async def _pace(desk: Desk, reach: Mapping[str, int]) -> tuple[datetime, bool, float]:
    starts = desk.awake(Kind.REMINDER)
    return starts, starts > desk.now, desk.takes(reach)


def _long(seconds: float) -> Phrase:
    minutes = max(1, round(seconds / 60))
    shown = {"hours": minutes // 60, "minutes": minutes % 60}
    return Phrase("ballot_open.hours" if minutes >= 60 else "ballot_open.minutes", shown)


def _buttons(ballot: Ballot) -> Lines:
    """The buttons that will hang under it."""
    if ballot.one_tap:
        return numbered(ballot.options)
    return tuple(
        Phrase("ballot_open.button", {"label": Phrase(each.label) if each.label.startswith("vote.") else each.label})
        for each in options(ballot)
    )


CANCEL_WHICH = Ask("ballot_cancel.which", plain.number_choice)
CANCEL_WHY = Ask("ballot_cancel.why", plain.words(least=2, most=200), free=True)


@conversation("ballot_cancel", opens_with=["取消表决", "撤销表决"], roles=HOSTS)
async def cancel_ballot(talk: Talk[Desk]) -> BallotCancelled | None:
    own = await talk.look("own", list[Ballot], lambda desk: desk.ballots.of_host(talk.person.id))
    if not own:
        talk.say("ballot_cancel.none")
        return None
    chosen = (
        int(talk.given["ballot"])
        if "ballot" in talk.given
        else await talk.ask(CANCEL_WHICH, [(ballot.question, str(ballot.id)) for ballot in own])
    )
    return BallotCancelled(chosen, talk.person.id, await talk.ask(CANCEL_WHY))
