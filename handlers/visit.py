"""A gridworker goes from door to door and notes each call; the next door is one tap away."""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.core.errors import Unclear
from bot.core.render import Phrase
from bot.core.talk import Ask, Heard, Talk, conversation
from domain.district import District
from domain.people import WORKERS, Role
from domain.refusals import Refused
from domain.visits import Campaign, Door, HouseholdVisited, Outcome, Visit, check_visit
from handlers import where
from nlp import place, plain
from nlp.normalise import fold
from services.news import on_day
from services.visits import running_for
from storage.desk import Desk

_OFFERED, _SHOWN, _LONGEST, _DAYS = 6, 20, 300, 30
# Doors to pick from by their words: more than a grid has.
_KNOWN = 500
_OTHER = "other"
_FINE = (("visit.button.fine", "done"), ("visit.button.nobody", "nobody"), ("visit.button.trouble", "trouble"))
_OUTCOMES = tuple((f"visit.button.{each}", str(each)) for each in Outcome)


def _went(heard: Heard, _district: District) -> Heard:
    if not (heard.choice or heard.text):
        raise Unclear("plain.words_please")
    return heard


WHICH = Ask("visit.which", plain.choice)
DOOR = Ask("visit.door", plain.number_choice)
ANSWER = Ask("visit.answer", _went, choices=_OUTCOMES, free=True)
HOUSEHOLD = Ask("visit.household", plain.words(least=2, most=60), free=True)
WENT = Ask("visit.went", _went, choices=_FINE, free=True)
TROUBLE = Ask("visit.trouble", plain.words(least=2, most=_LONGEST), free=True)
GRID = Ask("visit.grid", where.GRID.read)


@conversation("visit", opens_with=["入户", "走访", "入户走访", "/visit"], roles=WORKERS, place=13)
async def visit(talk: Talk[Desk]) -> HouseholdVisited | None:
    if "door" in talk.given:
        return await _at(int(talk.given["door"]), talk)
    if talk.opening.text:
        return await _elsewhere(talk, talk.opening.text[:60])
    running = await talk.look("running", list[tuple[Campaign, int]], lambda desk: running_for(talk.person, desk))
    chosen = talk.given.get("campaign", "")
    if not chosen and running:
        labels = [(each.title, str(each.id)) for each, _ in running[:_OFFERED]]
        lines = tuple(_line(each, left) for each, left in running)
        chosen = await talk.ask(WHICH, [*labels, ("visit.elsewhere", _OTHER)], lines=lines)
    if not chosen or chosen == _OTHER:
        return await _elsewhere(talk)
    areas, number = talk.person.areas(*WORKERS), int(chosen)
    left = await talk.look("left", list[Door], lambda desk: desk.visits.left(number, areas, _KNOWN))
    count = await talk.look("count", int, lambda desk: _left(number, areas, desk))
    campaign = await talk.look("campaign", Campaign | None, lambda desk: desk.visits.campaign(number))
    if campaign is None or not left:
        talk.say("visit.nothing_left")
        return None
    door = await talk.ask(
        replace(DOOR, read=lambda heard, _district: _among(heard, left)),
        [(each.household, str(each.id)) for each in left[:_OFFERED]],
        left=count,
        campaign=campaign.title,
    )
    return await _at(door, talk)


async def _left(number: int, areas: tuple[str, ...], desk: Desk) -> int:
    return sum(each.left for each in await desk.visits.progress(number, areas))


def _line(campaign: Campaign, left: int) -> Phrase:
    return Phrase("visit.line", {"campaign": campaign.title, "left": left, "day": on_day(campaign.until)})


def _among(heard: Heard, doors: list[Door]) -> int:
    """The door they tapped, or the only one their words fit: 501, 3 栋 501."""
    if heard.choice is not None:
        return int(heard.choice)
    said = fold(heard.text).replace(" ", "")
    found = [each for each in doors if said and fold(each.household).replace(" ", "").endswith(said)]
    if len(found) != 1:
        raise Unclear("visit.several" if found else "visit.no_such_door")
    return found[0].id


async def _at(number: int, talk: Talk[Desk]) -> HouseholdVisited:
    door = await talk.look("door", Door | None, lambda desk: desk.visits.door(number))
    campaign = await talk.look(
        "of", Campaign | None, lambda desk: desk.visits.campaign(door.campaign_id if door else 0)
    )
    if door is None or campaign is None:
        raise Refused("visit.not_found")
    # Said before they write in vain; the rule is asked again when it is done.
    check_visit(talk.person, door, campaign, talk.district.day(talk.opening.at))
    heard = await talk.ask(ANSWER, household=door.household, question=campaign.question)
    outcome, words = await _read(heard, door.household, talk)
    return HouseholdVisited(talk.person.id, outcome, words, number)


async def _read(heard: Heard, household: str, talk: Talk[Desk]) -> tuple[Outcome, str]:
    """Words are the answer to what was asked; what is wrong there is said in a line."""
    if heard.choice is None:
        return Outcome.DONE, heard.text[:_LONGEST]
    outcome = Outcome(heard.choice)
    return outcome, await talk.ask(TROUBLE, household=household) if outcome is Outcome.TROUBLE else ""


async def _elsewhere(talk: Talk[Desk], household: str = "") -> HouseholdVisited:
    """A call at a household that no campaign is about."""
    household = household or await talk.ask(HOUSEHOLD)
    found = place.find(household, talk.district)
    if found is not None and len(found.grids) == 1:
        grid = found.grids[0]
    else:
        own = talk.person.areas(Role.GRIDWORKER)
        today = talk.district.day(talk.opening.at)
        own = own or tuple(
            each.code for area in talk.person.areas(*WORKERS) for each in talk.district.grids_in(area, today)
        )
        grid = (
            own[0] if len(own) == 1 else await talk.ask(GRID, [(talk.district.area_name(each), each) for each in own])
        )
    outcome, words = await _read(await talk.ask(WENT, household=household), household, talk)
    return HouseholdVisited(talk.person.id, outcome, words, None, grid, household)


@conversation("visits", opens_with=["我的走访", "走访记录", "/visits"], roles=WORKERS)
async def visits(talk: Talk[Desk]) -> None:
    since: datetime = talk.opening.at - timedelta(days=_DAYS)
    found = await talk.look("visits", list[Visit], lambda desk: desk.visits.of(talk.person.id, since))
    if not found:
        talk.say("visits.none")
        return
    talk.say(
        "visits.list",
        count=len(found),
        lines=tuple(
            Phrase(
                "visits.line",
                {
                    "at": each.at,
                    "household": each.household,
                    "outcome": Phrase(f"visit.outcome.{each.outcome}"),
                    "words": f"：{each.words}" if each.words else "",
                },
            )
            for each in found[:_SHOWN]
        ),
        days=talk.district.patrol_days,
    )
