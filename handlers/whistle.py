"""Staff whistle for departments from a case; a department sees what it is called to, comes, declines or signs."""

from bot.core.errors import Unclear
from bot.core.render import Phrase
from bot.core.talk import Ask, Heard, Talk, conversation
from bot.core.words import Choice
from domain.cases import Case
from domain.district import District
from domain.people import STAFF, Role
from domain.refusals import Refused
from domain.whistles import (
    AWAITED,
    BLOWERS,
    Call,
    CallAttended,
    CallDeclined,
    CallJudged,
    CallSigned,
    Standing,
    Whistle,
    WhistleBlown,
    WhistleClosed,
    callable_departments,
    may_answer,
    may_blow,
)
from nlp import plain
from services.news import short
from services.sight import seen
from services.whistles import answers, near
from storage.desk import Desk

_DONE = "done"
# From where a department answers so.
_FROM = {"attend": AWAITED, "decline": (Standing.CALLED,), "sign": (Standing.ATTENDED,)}
_PAGE = 8
WHOM = Ask("whistle.pick", plain.choice)
WHY = Ask("whistle.why", plain.words(least=2, most=300), free=True)
MEET = Ask("whistle.meet", plain.words(least=2, most=200), free=True)


@conversation("whistle", roles=BLOWERS)
async def blow(talk: Talk[Desk]) -> WhistleBlown:
    case = await talk.look("case", Case, lambda desk: desk.cases.get(int(talk.given["case"])))
    # Said before they choose in vain; the rule is asked again when it is blown.
    may_blow(case, talk.person)
    chosen: list[str] = []
    known = callable_departments(talk.district)
    named = talk.district.category(case.category).department
    while len(chosen) < len(known):
        left = sorted((code for code in known if code not in chosen), key=lambda code: code != named)
        offered = [(talk.district.department(code).short, code) for code in left]
        if chosen:
            offered.insert(0, ("whistle.enough", _DONE))
        so_far = Phrase("whistle.chosen", {"departments": _names(chosen, talk.district)}) if chosen else ""
        name = f"whistle.pick.{len(chosen) + 1}"
        picked = await talk.ask(WHOM, offered, name=name, number=case.number, chosen=so_far)
        if picked not in left:
            break
        chosen.append(picked)
    why = await talk.ask(WHY, number=case.number, departments=_names(chosen, talk.district))
    meet = await talk.ask(MEET, number=case.number)
    return WhistleBlown(case.id, talk.person.id, tuple(chosen), why, meet)


def _names(codes: list[str], district: District) -> str:
    return "、".join(district.department(code).short for code in codes)


@conversation("calls", opens_with=["我的报到", "报到", "/calls"], roles=(Role.DEPARTMENT,), place=10)
async def calls(talk: Talk[Desk]) -> None:
    """What a department is called to and has not come to, or not signed."""
    after = int(talk.given.get("after", "0"))
    ours = tuple(held for held in talk.person.roles if held.role is Role.DEPARTMENT)
    found = await talk.look(
        "calls",
        list[tuple[Call, Whistle, Case]],
        lambda desk: desk.whistles.waiting_for(ours, after=after, limit=_PAGE + 1),
    )
    if not found:
        talk.say("calls.none")
    for call, whistle, case in found[:_PAGE]:
        if shown := seen(case, talk.person, talk.district):
            talk.say(
                "calls.line",
                number=case.number,
                place=shown.place,
                words=short(shown.words, 30),
                meet=whistle.meet,
                by=call.due_at,
                standing=Phrase(f"whistle.standing.{call.standing}"),
                choices=[*answers(call), Choice("case.button.open", opens="tasks", given={"case": str(case.id)})],
            )
    if len(found) > _PAGE:
        last = str(found[_PAGE - 1][0].id)
        talk.say("calls.rest", choices=[Choice("queue.more", opens="calls", given={"after": last})])


def _there(heard: Heard, _district: District) -> Heard:
    """A photo or a position: that they are there is seen, not said."""
    if not heard.photos and heard.position is None:
        raise Unclear("whistle.show_it")
    return heard


THERE = Ask("whistle.there", _there, free=True)
WHY_NOT = Ask("whistle.why_not", plain.words(least=2, most=300), free=True)
AGREED = Ask("whistle.agreed", plain.words(least=2, most=300), free=True)
OUTCOME = Ask("whistle.outcome", plain.words(least=2, most=300), free=True)


@conversation("call", roles=(*STAFF, Role.DEPARTMENT))
async def answer(talk: Talk[Desk]) -> CallAttended | CallDeclined | CallJudged | CallSigned:
    number, by, what = int(talk.given["call"]), talk.person.id, talk.given["what"]
    call = await talk.look("call", Call | None, lambda desk: desk.whistles.call(number))
    if call is None:
        raise Refused("whistle.not_called")
    case = await talk.look("case", Case, lambda desk: desk.cases.get(call.case_id))
    if what in ("excuse", "insist"):
        return CallJudged(number, by, what == "excuse")
    # Said before they go on in vain; the rule is asked again when it is done.
    whistle = await talk.look("whistle", Whistle, lambda desk: desk.whistles.get(call.whistle_id))
    may_answer(call, whistle, case, talk.person, *_FROM[what])
    if what == "decline":
        return CallDeclined(number, by, await talk.ask(WHY_NOT, number=case.number))
    if what == "sign":
        return CallSigned(number, by, await talk.ask(AGREED, number=case.number))
    heard = await talk.ask(THERE, number=case.number)
    return CallAttended(number, by, heard.photos, near(case, heard.position))


@conversation("whistle_close", roles=STAFF)
async def close(talk: Talk[Desk]) -> WhistleClosed:
    return WhistleClosed(int(talk.given["whistle"]), talk.person.id, await talk.ask(OUTCOME))
