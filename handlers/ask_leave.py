"""A gridworker goes on leave, comes back early, or says who stands in for them as a rule."""

from datetime import date
from itertools import count

from bot.core.errors import Unclear
from bot.core.render import Phrase
from bot.core.talk import Ask, Talk, conversation
from domain import leave as rules
from domain.cases import WITH_WORKER
from domain.leave import AllTaken, Leave, LeaveAsked, LeaveCut, Stage, StandInChosen
from domain.people import WORKERS, Person, Role
from domain.refusals import Refused
from handlers.colleagues import workers_of
from nlp import plain, when
from services.leave import days, hours, span
from storage.desk import Desk

_NOBODY = "0"
DAYS = Ask("leave.days", when.days)
WHO = Ask("leave.who", plain.number_choice)
SURE = Ask("leave.sure", plain.choice, confirms=True)


@conversation("leave", opens_with=["请假", "我要请假", "休假", "/leave"], roles=WORKERS, place=12)
async def ask_leave(talk: Talk[Desk]) -> LeaveAsked | None:
    at_once = _said_at_once(talk)
    first, last = at_once if at_once else await talk.ask(DAYS)
    # Said before they choose anybody in vain; the rule is asked again when it is done.
    rules.check(first, last, talk.district.day(talk.now))
    to_come = await talk.look("to_come", list[Leave], lambda desk: desk.leaves.to_come(talk.person.id))
    if other := rules.at(to_come, *hours(first, last, talk.now, talk.district)):
        raise Refused("leave.overlaps", answer="leave.days", span=days(other, talk.district)["span"])
    # For a grid leader those above look after the community.
    leads = not talk.person.has(Role.GRIDWORKER)
    stand_in = None if leads else await talk.look("standing", Person | None, lambda desk: _standing(desk, talk.person))
    open_cases = await talk.look("open", int, lambda desk: _open(desk, talk.person))
    for again in count():
        if not leads and (again or stand_in is None):
            stand_in = await _choose(talk, f"leave.who.{again}" if again else "leave.who")
        answer = await talk.ask(
            SURE,
            [("word.yes", "yes"), *([] if leads else [("leave.other", "other")]), ("word.no", "no")],
            name=f"leave.sure.{again}" if again else "leave.sure",
            span=span(first, last),
            days=(last - first).days + 1,
            stand_in=(stand_in.name or "") if stand_in else Phrase("leave.leader"),
            open=Phrase("leave.will_be_offered", {"count": open_cases}) if open_cases else "",
        )
        if answer != "other":
            break
    if answer == "no":
        talk.say("leave.kept")
        return None
    return LeaveAsked(talk.person.id, first, last, stand_in.id if stand_in else None)


def _said_at_once(talk: Talk[Desk]) -> tuple[date, date] | None:
    """The days said behind 请假; None when none were."""
    try:
        return when.days(talk.opening, talk.district) if talk.opening.text else None
    except Unclear:
        return None


async def _choose(talk: Talk[Desk], name: str) -> Person | None:
    offered = await talk.look("colleagues", list[Person], lambda desk: _colleagues(desk, talk.person))
    labels = [(each.name or "", str(each.id)) for each in offered]
    chosen = await talk.ask(WHO, [*labels, ("leave.nobody", _NOBODY)], name=name)
    return next((each for each in offered if each.id == chosen), None)


async def _colleagues(desk: Desk, person: Person) -> list[Person]:
    """Whom they may name: those of their community who can be reached."""
    communities = dict.fromkeys(area[:12] for area in person.areas(*WORKERS))
    found = [each for area in communities for each in await workers_of(area, desk, reachable=True)]
    return [each for each in found if each.id != person.id]


async def _standing(desk: Desk, person: Person) -> Person | None:
    """Who stands in as a rule: whom they chose, else whom the district's list names; nobody who cannot be reached."""
    key, chosen = await desk.leaves.stand_in(person.id)
    listed = next((worker.stand_in for worker in desk.district.workers if worker.key == key), "")
    number = chosen or (await desk.people.by_key(listed) if listed else None)
    return next((each for each in await _colleagues(desk, person) if each.id == number), None)


async def _open(desk: Desk, person: Person) -> int:
    return len(await desk.cases.of_worker(person.id, WITH_WORKER))


BACK = Ask("leave_back.sure", plain.choice, choices=(("word.yes", "yes"), ("word.no", "no")), confirms=True)
DROP = Ask("leave_back.drop", plain.choice, choices=(("word.yes", "yes"), ("word.no", "no")), confirms=True)


@conversation("leave_back", opens_with=["销假", "提前回来", "/back_early"], roles=WORKERS)
async def come_back(talk: Talk[Desk]) -> LeaveCut | None:
    to_come = await talk.look("leaves", list[Leave], lambda desk: desk.leaves.to_come(talk.person.id))
    if not to_come:
        talk.say("leave_back.none")
        return None
    leave = to_come[0]
    question = BACK if leave.stage is Stage.ON else DROP
    if await talk.ask(question, span=days(leave, talk.district)["span"]) == "no":
        talk.say("leave_back.kept")
        return None
    return LeaveCut(talk.person.id, leave.id)


RULE = Ask("stand_in.who", plain.number_choice)


@conversation("stand_in", opens_with=["代班人", "AB角", "AB 角", "设置代班人", "/standin"], roles=(Role.GRIDWORKER,))
async def choose_stand_in(talk: Talk[Desk]) -> StandInChosen:
    standing = await talk.look("standing", Person | None, lambda desk: _standing(desk, talk.person))
    offered = await talk.look("colleagues", list[Person], lambda desk: _colleagues(desk, talk.person))
    labels = [(each.name or "", str(each.id)) for each in offered]
    chosen = await talk.ask(
        RULE,
        [*labels, ("leave.nobody", _NOBODY)],
        now=Phrase("stand_in.now", {"stand_in": standing.name or ""}) if standing else "",
    )
    return StandInChosen(talk.person.id, chosen or None)


@conversation("take_all", roles=WORKERS)
async def take_all(talk: Talk[Desk]) -> AllTaken:
    return AllTaken(talk.person.id)
