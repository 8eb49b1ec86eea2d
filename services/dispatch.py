"""A case goes up, down, or to a department; who asks how it stands is answered: whom each concerns is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bot.core.render import Phrase
from bot.core.rules import when
from bot.core.words import Choice, Kind
from domain.areas import Level
from domain.cases import RANKS, Case, CaseMoved, Move, lowered_to, raised_to, rank
from domain.demands import OWING, AnswerOverdue, Demand, still_owed
from domain.people import Person, Role
from domain.refusals import Refused
from services import deadlines
from services.news import News, button, signed
from storage.desk import Desk

if TYPE_CHECKING:
    from services.cases import Made

MOVES = (Move.RAISE, Move.LOWER, Move.ASSIGN, Move.SUPERVISE, Move.URGE, Move.ANSWER)


def noted(after: Case, moved: CaseMoved) -> tuple[str, int | None]:
    """What the journal keeps of such a move: the reason, or where it went."""
    if moved.move is Move.ASSIGN:
        return after.department or "", None
    return moved.words, RANKS[after.level] if moved.move in (Move.RAISE, Move.LOWER) else None


async def after(case: Case, after: Case, moved: CaseMoved, person: Person, desk: Desk) -> Case:
    """The case once such a move is made.

    Raises:
        Refused: there is no such department, or it was asked before.
    """
    match moved.move:
        case Move.RAISE | Move.LOWER:
            level = raised_to(case, person) if moved.move is Move.RAISE else lowered_to(case)
            return replace(after, level=level or case.level, worker_id=None, department=None)
        case Move.ASSIGN:
            department = desk.district.departments.get(moved.department or "")
            if department is None or department.level is Level.COMMUNITY or department.code == case.department:
                raise Refused("case.no_such_department", answer="case.which_department")
            return replace(after, level=Role.DISTRICT, department=department.code, worker_id=None, round=case.round + 1)
        case Move.SUPERVISE:
            return await _supervised(case, after, moved, person, desk)
        case Move.URGE:
            return await _urged(case, after, person, desk)
        case Move.ANSWER:
            theirs, others = await _answering(case, person, desk)
            if not theirs:
                raise Refused("case.nothing_to_answer", number=case.number)
            return replace(after, answer_by=min((each.answer_by for each in others), default=None))
    return after


async def _supervised(case: Case, after: Case, moved: CaseMoved, person: Person, desk: Desk) -> Case:
    """One account at a time for each level."""
    mine = rank(person, case.grid)
    for each in await desk.demands.open(case.id):
        if each.move is Move.SUPERVISE and each.rank == mine:
            raise Refused("case.supervised_before", number=case.number, by=each.answer_by)
    return await _owe(case, after, Move.SUPERVISE, person, mine, moved.until or desk.now, desk)


async def _urged(case: Case, after: Case, person: Person, desk: Desk) -> Case:
    """Once a day is enough to be heard."""
    last = await desk.demands.last(case.id, person.id, Move.URGE)
    if last is not None and desk.district.day(last) == desk.district.day(desk.now):
        raise Refused("case.urged_before", number=case.number)
    by = desk.district.calendar.due(desk.now, desk.district.answer_within)
    return await _owe(case, after, Move.URGE, person, 0, by, desk)


async def _owe(case: Case, after: Case, move: Move, person: Person, mine: int, by: datetime, desk: Desk) -> Case:
    demand = await desk.demands.ask(case, move, person.id, mine, by)
    await desk.plan(AnswerOverdue(case.id, demand), by, key=f"answer:{demand}")
    return replace(after, answer_by=min(case.answer_by or by, by))


async def _answering(case: Case, person: Person, desk: Desk) -> tuple[list[Demand], list[Demand]]:
    """Whom somebody may answer: all who asked but themselves; and the rest."""
    found = await desk.demands.open(case.id)
    return [each for each in found if each.asked_by != person.id], [
        each for each in found if each.asked_by == person.id
    ]


async def end_demands(case: Case, desk: Desk) -> Case:
    """The case as nobody asks about it any more: it is said to be done, or it is over."""
    if case.answer_by is None or case.status in OWING:
        return case
    await desk.demands.over([each.id for each in await desk.demands.open(case.id)])
    return replace(case, answer_by=None)


# Who is told of what.


def arrange(case: Case) -> list[Choice]:
    """What the level that holds a case may do with it once nobody else has it."""
    moves = [Move.DISPATCH, Move.LOWER] if case.level is not Role.COMMUNITY else [Move.DISPATCH]
    if case.level is Role.DISTRICT:
        moves.insert(0, Move.ASSIGN)
    elif case.level is Role.STREET:
        moves.append(Move.RAISE)
    else:
        moves += [Move.FINISH, Move.DISMISS]
    return [button(case, move) for move in moves]


async def went(made: Made, desk: Desk) -> None:
    """It lies with another level now, whose staff arrange for it."""
    case, news, up = made.case, made.news, made.moved.move is Move.RAISE
    level = Phrase(f"level.{case.level}")
    await news.answer("case.you_raised" if up else "case.you_lowered", number=case.number, level=level)
    await news.tell_above(
        "case.raised_to_you" if up else "case.lowered_to_you",
        who=signed(case, made.person, desk.district),
        why=made.moved.words,
        words=case.words,
        due=case.due_at,
        photos=await desk.cases.photos(case.id),
        choices=arrange(case),
        **made.where,
    )
    others = Phrase("case.others_now", {"level": level})
    await news.tell_handlers(made.before, "case.taken_over", who=others, **made.where)
    await news.tell_reporter(
        "case.was_raised" if up else "case.was_lowered", number=case.number, level=level, due=case.due_at
    )


async def assigned(made: Made, desk: Desk) -> None:
    case, news = made.case, made.news
    department = desk.district.department(case.department or "")
    await deadlines.plan(case, desk)
    await news.answer("case.you_assigned", number=case.number, department=department.short)
    told = await news.tell_worker(
        "case.assigned_to_you",
        once=f"case:{case.id}:{desk.cases.taken(case)}:{department.code}",
        department=department.short,
        category=desk.district.category_of(case).name,
        words=case.words,
        due=case.due_at,
        photos=await desk.cases.photos(case.id),
        choices=[button(case, Move.ACCEPT), button(case, Move.RETURN), button(case, Move.FINISH)],
        **made.where,
    )
    if not told:
        phone = Phrase("case.duty_phone", {"phone": department.phone}) if department.phone else ""
        await news.answer("case.unreachable_department", department=department.short, phone=phone)
    await news.tell_handlers(made.before, "case.taken_over", who=department.short, **made.where)
    await news.tell_reporter("case.was_assigned", number=case.number, department=department.name, due=case.due_at)


async def supervised(made: Made, desk: Desk) -> None:
    case, news, until = made.case, made.news, made.moved.until
    who: dict[str, Any] = {"number": case.number, "by": until}
    await news.answer("case.you_supervised", **who)
    asked: dict[str, Any] = {
        "who": signed(case, made.person, desk.district),
        "why": made.moved.words,
        "choices": [button(case, Move.ANSWER)],
        "place": case.place,
        **who,
    }
    if not await news.tell_handlers(case, "case.answer_them", **asked):
        await news.tell_above("case.answer_them", **asked)
    level = Phrase(f"level.{_office(rank(made.person, case.grid))}")
    await news.tell_reporter("case.was_supervised", level=level, **who)


def _office(rank: int) -> Role:
    return next(role for role, each in RANKS.items() if each == rank)


async def urged(made: Made, desk: Desk) -> None:
    case, news = made.case, made.news
    by = desk.district.calendar.due(desk.now, desk.district.answer_within)
    await news.answer("case.you_urged", number=case.number, by=by)
    asked: dict[str, Any] = {
        "words": case.words,
        "due": case.due_at,
        "by": by,
        "choices": [button(case, Move.ANSWER), *([button(case, Move.FINISH)] if case.worker_id else [])],
        **made.where,
    }
    if not await news.tell_handlers(case, "case.urged_you", **asked):
        await news.tell_above("case.urged_you", **asked)


async def answered(made: Made, desk: Desk) -> None:
    case, news = made.case, made.news
    theirs, _ = await _answering(case, made.person, desk)
    await desk.demands.over([each.id for each in theirs])
    said: dict[str, Any] = {
        "number": case.number,
        "who": signed(case, made.person, desk.district),
        "words": made.moved.words,
        "photos": made.moved.photos,
    }
    await news.answer("case.you_answered", number=case.number)
    for each in theirs:
        kind = Kind.PUSH if each.move is Move.SUPERVISE else Kind.NOTICE
        await news.tell(each.asked_by, "case.was_answered", kind=kind, place=case.place, **said)
    if any(each.move is Move.SUPERVISE for each in theirs):
        await news.tell_reporter("case.accounted_for", **said)


TELL = {
    Move.RAISE: went,
    Move.LOWER: went,
    Move.ASSIGN: assigned,
    Move.SUPERVISE: supervised,
    Move.URGE: urged,
    Move.ANSWER: answered,
}


@when(AnswerOverdue)
async def remind_of_answer(overdue: AnswerOverdue, desk: Desk) -> None:
    """Nobody has answered: whoever asked from above hears of it, or the holders of what a resident urged; once."""
    case = await desk.cases.get(overdue.case, lock=True)
    demand = await desk.demands.find_open(overdue.demand)
    if demand is None or not still_owed(case, demand):
        return
    morning = deadlines.waits_until(case, desk)
    if morning > desk.now:
        await desk.plan(overdue, morning, key=f"answer:{demand.id}:{morning.isoformat()}")
        return
    news = News(case, desk)
    said: dict[str, Any] = {"number": case.number, "place": case.place, "by": demand.answer_by}
    await news.tell_handlers(case, "case.answer_late", choices=[button(case, Move.ANSWER)], **said)
    opened = [Choice("case.button.open", opens="tasks", given={"case": str(case.id)})]
    if demand.move is Move.SUPERVISE:
        await news.tell(demand.asked_by, "case.no_answer", kind=Kind.PUSH, choices=opened, **said)
    else:
        await news.tell_above("case.no_answer_to_resident", choices=[button(case, Move.ANSWER), *opened], **said)
