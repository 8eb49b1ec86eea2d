"""Departments are called to a case, come or do not, sign what they agreed; the case shows it and absence climbs."""

from dataclasses import replace
from typing import Any

from bot.core.render import Phrase
from bot.core.rules import when
from bot.core.words import Choice, Kind, Position
from domain.areas import around
from domain.cases import ENDED, OPEN, Case, Move, Part, Step
from domain.people import STAFF, Person, Role
from domain.refusals import Refused
from domain.walking import about, metres
from domain.whistles import (
    AWAITED,
    Call,
    CallAttended,
    CallDeclined,
    CallJudged,
    CallOverdue,
    CallSigned,
    Standing,
    Whistle,
    WhistleBlown,
    WhistleClosed,
    complete,
    may_answer,
    may_blow,
    may_close,
    may_judge,
)
from services.news import News, signed
from storage.desk import Desk


@when(WhistleBlown)
async def blow(blown: WhistleBlown, desk: Desk) -> None:
    case = await desk.cases.get(blown.case, lock=True)
    person = await _person(blown.by, desk)
    may_blow(case, person)
    complete(blown, desk.district)
    called = [desk.district.department(code) for code in blown.departments]
    names = "、".join(each.short for each in called)
    due = {each.code: desk.district.calendar.due(desk.now, each.attend) for each in called}
    whistle = await desk.whistles.blow(blown, due)
    after = replace(case, called=blown.departments)
    await desk.cases.step(after, Step(desk.now, person.id, Move.WHISTLE, names, Part.STAFF, whistle.id))
    news = News(after, desk, person.id)
    await news.answer("whistle.you_blew", number=case.number, departments=names)
    for call in await desk.whistles.calls(whistle.id):
        await _call_out(call, whistle, after, person, news, desk)
    await news.tell_handlers(after, "whistle.blown_for_worker", departments=names, **_meet(whistle, after))
    await news.tell_reporter("whistle.blown_for_resident", number=case.number, departments=names)


async def _call_out(
    call: Call, whistle: Whistle, case: Case, person: Person, news: News, desk: Desk, *, again: bool = False
) -> None:
    """Let everybody of a department know that it is called, and whoever called it when nobody can be reached."""
    department = desk.district.department(call.department)
    told = [
        await news.tell(
            each.id,
            "whistle.insisted" if again else "whistle.called",
            kind=Kind.PUSH,
            department=department.short,
            who=signed(case, person, desk.district),
            why=whistle.words,
            words=case.words,
            by=call.due_at,
            photos=await desk.cases.photos(case.id),
            choices=answers(call),
            **_meet(whistle, case),
        )
        for each in await desk.people.in_department(call.department, case.grid, reachable=True)
    ]
    if not any(told):
        phone = Phrase("case.duty_phone", {"phone": department.phone}) if department.phone else ""
        await news.answer("case.unreachable_department", department=department.short, phone=phone)
    key = f"call:{call.id}:{Role.STREET}:{int(call.due_at.timestamp())}"
    await desk.plan(CallOverdue(call.id, call.due_at, Role.STREET), call.due_at, key=key)


def _meet(whistle: Whistle, case: Case) -> dict[str, Any]:
    return {"number": case.number, "place": case.place, "meet": whistle.meet}


# Buttons.


def answers(call: Call) -> list[Choice]:
    """Those by which a department answers, as it stands."""
    if call.standing is Standing.ATTENDED:
        return [] if call.signed_at else [_button("sign", call)]
    if call.standing not in AWAITED:
        return []
    return [_button("attend", call), *([_button("decline", call)] if call.standing is Standing.CALLED else [])]


def judging(call: Call) -> list[Choice]:
    """Those by which the street says whether it must come."""
    return [_button("excuse", call), _button("insist", call)]


def closing(whistle: Whistle) -> Choice:
    return Choice("whistle.button.close", opens="whistle_close", given={"whistle": str(whistle.id)})


def _button(what: str, call: Call) -> Choice:
    return Choice(f"whistle.button.{what}", opens="call", given={"call": str(call.id), "what": what})


# What a department does.


@when(CallAttended)
async def attend(came: CallAttended, desk: Desk) -> None:
    call, whistle, case, person = await _at(came.call, came.by, desk)
    may_answer(call, whistle, case, person, *AWAITED)
    if not came.photos and not came.near:
        raise Refused("whistle.show_it", answer="whistle.there")
    await desk.whistles.change(call, standing=Standing.ATTENDED, person_id=person.id, answered_at=desk.now)
    short = desk.district.department(call.department).short
    step = Step(desk.now, person.id, Move.ATTEND, f"{short}{came.near}", Part.CALLED, whistle.id)
    await desk.cases.step(case, step, came.photos, "on_site")
    news = News(case, desk, person.id)
    await news.answer(
        "whistle.you_attended", number=case.number, choices=answers(replace(call, standing=Standing.ATTENDED))
    )
    await news.tell(
        whistle.blown_by,
        "whistle.attended",
        kind=Kind.PUSH,
        who=f"{short}{person.name or ''}",
        late=Phrase("whistle.late") if desk.now > call.due_at else "",
        photos=came.photos,
        **_meet(whistle, case),
    )
    await news.tell_reporter("whistle.came", number=case.number, department=short)


def near(case: Case, position: Position | None) -> str:
    """How far from what was reported somebody is; where they are is nobody's business and not kept."""
    if position is None:
        return "（见照片）"
    if case.latitude is None or case.longitude is None:
        return "（发了定位）"
    return f"（离报的地方约 {about(metres((position.latitude, position.longitude), (case.latitude, case.longitude)))}）"


@when(CallDeclined)
async def decline(declined: CallDeclined, desk: Desk) -> None:
    call, whistle, case, person = await _at(declined.call, declined.by, desk)
    may_answer(call, whistle, case, person, Standing.CALLED)
    if len(declined.words.strip()) < 2:
        raise Refused("whistle.incomplete", answer="whistle.why_not")
    await desk.whistles.change(call, standing=Standing.DECLINED, person_id=person.id, answered_at=desk.now)
    short = desk.district.department(call.department).short
    words = f"{short}：{declined.words}"
    await desk.cases.step(case, Step(desk.now, person.id, Move.STAY_AWAY, words, Part.CALLED, whistle.id))
    news = News(case, desk, person.id)
    await news.answer("whistle.you_declined", number=case.number)
    said: dict[str, Any] = {"department": short, "why": declined.words, **_meet(whistle, case)}
    for each in await _level(Role.STREET, case, desk) or await _level(Role.DISTRICT, case, desk):
        await news.tell(each.id, "whistle.declined_judge", kind=Kind.PUSH, choices=judging(call), **said)
    await news.tell(whistle.blown_by, "whistle.declined", kind=Kind.PUSH, **said)


@when(CallSigned)
async def sign(signing: CallSigned, desk: Desk) -> None:
    call, whistle, case, person = await _at(signing.call, signing.by, desk)
    may_answer(call, whistle, case, person, Standing.ATTENDED)
    if call.signed_at is not None:
        raise Refused("whistle.signed_before", number=case.number)
    if len(signing.words.strip()) < 2:
        raise Refused("whistle.incomplete", answer="whistle.agreed")
    await desk.whistles.change(call, signed_at=desk.now, agreed=signing.words)
    short = desk.district.department(call.department).short
    words = f"{short}：{signing.words}"
    await desk.cases.step(case, Step(desk.now, person.id, Move.SIGN, words, Part.CALLED, whistle.id))
    news = News(case, desk, person.id)
    await news.answer("whistle.you_signed", number=case.number)
    awaited = [each for each in await desk.whistles.calls(whistle.id) if each.pending]
    await news.tell(
        whistle.blown_by,
        "whistle.signed",
        kind=Kind.PUSH,
        department=short,
        agreed=signing.words,
        choices=[] if awaited else [closing(whistle)],
        **_meet(whistle, case),
    )


# What staff do.


@when(CallJudged)
async def judge(judged: CallJudged, desk: Desk) -> None:
    call, whistle, case, person = await _at(judged.call, judged.by, desk)
    may_judge(call, whistle, case, person)
    short = desk.district.department(call.department).short
    news = News(case, desk, person.id)
    move = Move.EXCUSE if judged.excused else Move.INSIST
    await desk.cases.step(case, Step(desk.now, person.id, move, short, Part.STAFF, whistle.id))
    if judged.excused:
        await desk.whistles.change(call, standing=Standing.EXCUSED)
        await news.answer("whistle.you_excused", number=case.number, department=short)
        for each in await desk.people.in_department(call.department, case.grid, reachable=True):
            await news.tell(each.id, "whistle.excused", kind=Kind.PUSH, **_meet(whistle, case))
    else:
        due_at = desk.district.calendar.due(desk.now, desk.district.department(call.department).attend)
        await desk.whistles.change(call, standing=Standing.CALLED, due_at=due_at)
        await news.answer("whistle.you_insisted", number=case.number, department=short, by=due_at)
        again = replace(call, standing=Standing.CALLED, due_at=due_at)
        await _call_out(again, whistle, case, person, news, desk, again=True)
    await news.tell(
        whistle.blown_by,
        "whistle.excused_blower" if judged.excused else "whistle.insisted_blower",
        number=case.number,
        department=short,
    )


@when(WhistleClosed)
async def close(closed: WhistleClosed, desk: Desk) -> None:
    case = await desk.cases.get((await desk.whistles.get(closed.whistle)).case_id, lock=True)
    whistle, person = await desk.whistles.get(closed.whistle), await _person(closed.by, desk)
    calls = await desk.whistles.calls(whistle.id)
    may_close(whistle, calls, case, person)
    if len(closed.words.strip()) < 2:
        raise Refused("whistle.incomplete", answer="whistle.outcome")
    await desk.whistles.close(whistle, closed.words)
    after = replace(case, called=())
    await desk.cases.step(after, Step(desk.now, person.id, Move.CALL_OFF, closed.words, Part.STAFF, whistle.id))
    # As the case was: those it calls no more may read what came of it.
    news = News(case, desk, person.id)
    said: dict[str, Any] = {"outcome": closed.words, "number": case.number, "place": case.place}
    await news.answer("whistle.you_closed", number=case.number)
    for call in calls:
        for each in await desk.people.in_department(call.department, case.grid, reachable=True):
            await news.tell(each.id, "whistle.closed", kind=Kind.PUSH, **said)
    await news.tell(whistle.blown_by, "whistle.closed", kind=Kind.PUSH, **said)
    await news.tell_handlers(case, "whistle.closed", **said)
    await news.tell_reporter("whistle.closed_for_resident", number=case.number, outcome=closed.words)


async def call_off(case: Case, desk: Desk) -> Case:
    """The case as nobody is called to it any more: it is over, and those who were still awaited need not come."""
    if not case.called or case.status not in ENDED:
        return case
    whistle = await desk.whistles.of_case(case.id)
    if whistle is not None and whistle.closed_at is None:
        await desk.whistles.close(whistle, "")
        for call in await desk.whistles.calls(whistle.id):
            for each in await desk.people.in_department(call.department, case.grid, reachable=True):
                if call.pending:
                    over = Phrase(f"case.status.{case.status}")
                    await desk.tell(each.id, "whistle.called_off", kind=Kind.PUSH, number=case.number, status=over)
    return replace(case, called=())


# What time does.


@when(CallOverdue)
async def absent(overdue: CallOverdue, desk: Desk) -> None:
    """A department has not come: the case shows it, the street hears, then the district; each once."""
    found = await desk.whistles.call(overdue.call)
    if found is None:
        return
    case = await desk.cases.get(found.case_id, lock=True)
    call, whistle = await desk.whistles.call(overdue.call), await desk.whistles.get(found.whistle_id)
    if call is None or whistle.closed_at is not None or call.due_at != overdue.due_at or case.status not in OPEN:
        return
    if call.standing not in (Standing.CALLED, Standing.ABSENT):
        return
    short, news = desk.district.department(call.department).short, News(case, desk)
    said: dict[str, Any] = {"department": short, "by": call.due_at, **_meet(whistle, case)}
    if call.standing is Standing.CALLED:
        await desk.whistles.change(call, standing=Standing.ABSENT)
        await desk.cases.step(case, Step(desk.now, None, Move.ABSENT, short, None, whistle.id))
        late = answers(replace(call, standing=Standing.ABSENT))
        for each in await desk.people.in_department(call.department, case.grid, reachable=True):
            await news.tell(each.id, "whistle.you_are_late", kind=Kind.PUSH, choices=late, **said)
        await news.tell(whistle.blown_by, "whistle.absent", kind=Kind.PUSH, **said)
    opened = [Choice("case.button.open", opens="tasks", given={"case": str(case.id)})]
    for level in (Role.STREET, Role.DISTRICT) if overdue.to is Role.STREET else (Role.DISTRICT,):
        if people := await _level(level, case, desk):
            for each in people:
                await news.tell(each.id, "whistle.absent", kind=Kind.PUSH, choices=opened, **said)
            if level is Role.STREET:
                await _climb(overdue, desk)
            return


async def _climb(overdue: CallOverdue, desk: Desk) -> None:
    """The street has its own time to get the department there before the district hears."""
    within = next((rung.within for rung in desk.district.climb if rung.to is Role.STREET), None)
    if within is not None:
        at = desk.district.calendar.due(desk.now, within)
        key = f"call:{overdue.call}:{Role.DISTRICT}:{int(overdue.due_at.timestamp())}"
        await desk.plan(CallOverdue(overdue.call, overdue.due_at, Role.DISTRICT), at, key=key)


async def _level(level: Role, case: Case, desk: Desk) -> list[Person]:
    area = dict(zip(STAFF, around(case.grid), strict=True))[level]
    return await desk.people.serving(area, [level], reachable=True)


async def _person(number: int, desk: Desk) -> Person:
    person = await desk.people.get(number)
    if person is None:
        raise Refused("case.not_found")
    return person


async def _at(number: int, by: int, desk: Desk) -> tuple[Call, Whistle, Case, Person]:
    """A call as it stands, its case locked: what two do at once, one of them does."""
    found = await desk.whistles.call(number)
    if found is None:
        raise Refused("whistle.not_called")
    case = await desk.cases.get(found.case_id, lock=True)
    call = await desk.whistles.call(number) or found
    return call, await desk.whistles.get(call.whistle_id), case, await _person(by, desk)
