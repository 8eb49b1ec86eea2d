"""A gridworker about to set out sees where to go in which order, and opens each case in one tap."""

import re
from datetime import datetime, time

from bot.core.errors import Unclear
from bot.core.render import Phrase
from bot.core.talk import Ask, Heard, Talk, conversation
from domain.cases import WITH_WORKER, Case
from domain.district import District
from domain.people import WORKERS
from domain.walking import Point, Stop, about, metres, round_of
from nlp import place
from services.news import opener, short
from services.sight import all_seen
from storage.desk import Desk

_SHOWN = 12
_BLOCK = re.compile(r"(\d+) (?:栋|号)")


def _start(heard: Heard, _district: District) -> Heard:
    """Where they are, or that they would rather not say."""
    if heard.position is None and heard.choice is None:
        raise Unclear("walk.send_position")
    return heard


START = Ask("walk.start", _start, choices=(("walk.by_blocks", "blocks"),))


@conversation("walk", opens_with=["今天怎么走", "怎么走", "路线", "/walk"], roles=WORKERS, place=13)
async def walk_today(talk: Talk[Desk]) -> None:
    found = await talk.look("cases", list[Case], lambda desk: desk.cases.of_worker(talk.person.id, WITH_WORKER))
    cases = {case.id: case for case in all_seen(found, talk.person, talk.district)}
    if not cases:
        talk.say("tasks.none")
        return
    here: Point | None = None
    # Where somebody is helps only where something is known to lie; what was sent along is as good as an answer.
    if talk.opening.position:
        here = (talk.opening.position.latitude, talk.opening.position.longitude)
    elif any(case.latitude is not None for case in cases.values()):
        started = await talk.ask(START, count=len(cases))
        here = (started.position.latitude, started.position.longitude) if started.position else None
    local = talk.opening.at.astimezone(talk.district.timezone)
    tonight = datetime.combine(local.date(), time.max, talk.district.timezone)
    stops = [_stop(case, talk.district) for case in cases.values()]
    order = round_of(stops, here, talk.opening.at, tonight)
    lines, before = [], here
    for number, stop in enumerate(order[:_SHOWN], 1):
        case = cases[stop.number]
        far = Phrase("walk.far", {"far": about(metres(before, stop.point))}) if before and stop.point else ""
        facts = {"number": number, "place": case.place, "words": short(case.words, 16), "far": far}
        if stop.due_at <= talk.opening.at:
            due = Phrase("walk.late")
        else:
            due = Phrase("walk.today" if stop.due_at <= tonight else "walk.later", {"due": stop.due_at})
        lines.append(Phrase("walk.line", {**facts, "due": due}))
        before = stop.point or before
    more = Phrase("walk.more", {"count": len(order) - _SHOWN}) if len(order) > _SHOWN else ""
    talk.say(
        "walk.round",
        choices=[opener("tasks", cases[stop.number]) for stop in order[:_SHOWN]],
        count=len(order),
        lines=tuple(lines),
        more=more,
    )


def _stop(case: Case, district: District) -> Stop:
    named = place.find(case.place, district)
    block = _BLOCK.search(named.words) if named else None
    called = (place.estate(case.place, district) or case.place, int(block[1]) if block else 0)
    known = case.latitude is not None and case.longitude is not None
    return Stop(case.id, case.due_at, called, (case.latitude or 0.0, case.longitude or 0.0) if known else None)
