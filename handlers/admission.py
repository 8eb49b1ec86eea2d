"""A department asks for work that is off the list; the district decides; everybody can read what was let in."""

from datetime import date, timedelta
from typing import Any

from bot.core.errors import Unclear
from bot.core.render import Phrase
from bot.core.talk import Ask, Heard, Talk, conversation
from bot.core.words import Choice
from domain.admission import REASONED, Act, Admission, AdmissionAsked, AdmissionMoved, Said, State, check, may_read
from domain.areas import Level, covers
from domain.district import District
from domain.people import STAFF, WORKERS, Role
from domain.refusals import Refused
from domain.working_time import Term, Unit
from nlp import plain, when
from nlp.normalise import fold
from services.admissions import buttons, get, shown
from services.news import short
from storage.desk import Desk

_MOST_HOURS = 200
_TERMS = (("admission.three_days", "3"), ("admission.five_days", "5"), ("admission.ten_days", "10"))
_SPANS = (("admission.three_months", 90), ("admission.half_year", 182), ("admission.a_year", 365))


def _hours(heard: Heard, _district: District) -> int:
    """So many hours a month: 6, 6 小时."""
    digits = fold(heard.text).removesuffix("小时").removesuffix("个").strip()
    if not digits.isdecimal() or not 1 <= int(digits) <= _MOST_HOURS:
        raise Unclear("admission.hours_unclear")
    return int(digits)


def _day(heard: Heard, district: District) -> date:
    return date.fromisoformat(heard.choice) if heard.choice else district.day(when.read(heard, district))


DEPARTMENT = Ask("admission.department", plain.choice)
AREA = Ask("admission.area", plain.choice)
TITLE = Ask("admission.title_of", plain.words(least=4, most=40), free=True)
BASIS = Ask("admission.basis", plain.words(least=4, most=200), free=True)
HOURS = Ask("admission.hours", _hours, free=True)
DEADLINE = Ask("admission.deadline", plain.number_choice, choices=_TERMS)
UNTIL = Ask("admission.until", _day)
SURE = Ask("admission.sure", plain.choice, choices=(("admission.send", "yes"), ("word.no", "no")), confirms=True)


@conversation(
    "admission",
    opens_with=["准入清单", "事项准入", "/admissions"],
    roles=(*STAFF, *WORKERS, Role.DEPARTMENT),
    place=14,
)
async def admissions(talk: Talk[Desk]) -> None:
    if "admission" in talk.given:
        await _card(talk, int(talk.given["admission"]))
        return
    today = talk.district.day(talk.opening.at)
    standing = await talk.look(
        "standing", list[Admission], lambda desk: desk.admissions.standing(State.APPROVED, State.ASKED)
    )
    theirs = [each for each in standing if may_read(each, talk.person)]
    running = [each for each in theirs if each.in_force(today)]
    asked = [each for each in theirs if each.state is State.ASKED]
    found = [*asked, *running]
    offers = [
        Choice(short(each.title, 16), opens="admission", given={"admission": str(each.id)}) for each in found[:12]
    ]
    if talk.person.has(Role.DEPARTMENT, Role.COMMUNITY, Role.STREET):
        offers.append(Choice("admission_ask.title", opens="admission_ask"))
    if not found:
        talk.say("admission.none", choices=offers)
        return
    lines = [
        Phrase(
            "admission.line" if each.state is State.APPROVED else "admission.line_asked",
            {
                "title": each.title,
                "department": talk.district.department(each.department).short,
                "area": talk.district.area_name(each.area),
                "day": each.until.isoformat(),
            },
        )
        for each in found
    ]
    talk.say("admission.list", lines=tuple(lines), choices=offers)


async def _card(talk: Talk[Desk], number: int) -> None:
    admission = await talk.look("admission", Admission | None, lambda desk: desk.admissions.find(number))
    if admission is None or not may_read(admission, talk.person):
        raise Refused("admission.not_found")
    facts: dict[str, Any] = await talk.look("facts", dict[str, str | int], lambda desk: _facts(admission, desk))
    steps = await talk.look("steps", list[Said], lambda desk: desk.admissions.steps(number, talk.district.day))
    names = await talk.look("names", dict[int, str], lambda desk: _names(steps, desk))
    talk.say(
        "admission.card",
        choices=buttons(admission, talk.person),
        state=Phrase(f"admission.state.{admission.state}"),
        steps=tuple(
            Phrase(
                "admission.step",
                {
                    "day": step.day.isoformat(),
                    "act": Phrase(f"admission.act.{step.act}"),
                    "who": names.get(step.person_id or 0, ""),
                    "words": f"：{step.words}" if step.words else "",
                },
            )
            for step in steps
        ),
        **facts,
    )


async def _facts(admission: Admission, desk: Desk) -> dict[str, str | int]:
    return shown(admission, desk)


async def _names(steps: list[Said], desk: Desk) -> dict[int, str]:
    return await desk.people.names({step.person_id for step in steps if step.person_id})


@conversation(
    "admission_ask",
    opens_with=["申请准入", "/admit"],
    roles=(Role.DEPARTMENT, Role.COMMUNITY, Role.STREET),
)
async def ask_admission(talk: Talk[Desk]) -> AdmissionAsked | None:
    mine = next((held for held in talk.person.roles if held.role is Role.DEPARTMENT and held.department), None)
    today = talk.district.day(talk.opening.at)
    if mine and mine.department:
        department = mine.department
        within = [each for each in talk.district.areas.values() if covers(mine.area, each.code)]
        wide = [each for each in within if each.level in (Level.DISTRICT, Level.STREET)] or within
        area = await talk.ask(AREA, [(each.short, each.code) for each in wide])
    else:
        area = talk.person.areas(Role.COMMUNITY, Role.STREET)[0]
        known = talk.district.departments.values()
        department = await talk.ask(DEPARTMENT, [(each.short, each.code) for each in known])
    title = await talk.ask(TITLE)
    basis = await talk.ask(BASIS, what=title)
    grids = len(talk.district.grids_in(area, today))
    hours = await talk.ask(HOURS, count=grids)
    days = await talk.ask(DEADLINE)
    until = await talk.ask(UNTIL, [(label, (today + timedelta(days=span)).isoformat()) for label, span in _SPANS])
    sure = await talk.ask(
        SURE,
        what=title,
        department=talk.district.department(department).name,
        area=talk.district.area_name(area),
        basis=basis,
        hours=hours,
        count=grids,
        total=hours * grids,
        day=until.isoformat(),
    )
    if sure == "no":
        talk.say("admission.dropped")
        return None
    deadline = Term(days, Unit.WORKING_DAY)
    return AdmissionAsked(talk.person.id, department, area, title, basis, hours, deadline, until)


WHY: dict[Act, Ask[str]] = {
    act: Ask(f"admission.why.{act}", plain.words(least=2, most=300), free=True) for act in REASONED
}


@conversation("admission_move", roles=(*STAFF, Role.DEPARTMENT))
async def move_admission(talk: Talk[Desk]) -> AdmissionMoved:
    act, number = Act(talk.given["act"]), int(talk.given["admission"])
    admission = await talk.look("admission", Admission, lambda desk: get(number, desk))
    # Said before they write a reason in vain; the rule is asked again when it is done.
    check(admission, act, talk.person)
    words = await talk.ask(WHY[act], what=admission.title) if act in WHY else ""
    until: date | None = None
    if act is Act.ASK_MORE:
        last = admission.until
        spans = [(label, (last + timedelta(days=span)).isoformat()) for label, span in _SPANS[:2]]
        until = await talk.ask(UNTIL, spans)
    return AdmissionMoved(number, act, talk.person.id, words, until)
