"""A gridworker is on site, or asks a colleague to take a case over; reporter and colleagues hear of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.core.render import Phrase
from bot.core.words import Choice, Kind
from domain.cases import Case, Move, Status, Step, check
from domain.people import Person
from domain.refusals import Refused
from services.news import News, button, shown, signed
from storage.desk import Desk

if TYPE_CHECKING:
    from services.cases import Made


async def check_arrival(case: Case, person: Person, desk: Desk) -> None:
    """Once a day is enough to know that somebody was there.

    Raises:
        Refused: they have said so today.
    """
    today = desk.district.day(desk.now)
    for step in await desk.cases.steps(case.id):
        if step.move is Move.ON_SITE and step.person_id == person.id and desk.district.day(step.at) == today:
            raise Refused("case.on_site_before", number=case.number)


async def check_colleague(case: Case, number: int | None, person: Person, desk: Desk) -> None:
    """Somebody else than it lies with, who can be reached: an offer nobody sees would lie for ever.

    Raises:
        Refused: they do not do.
    """
    if number == case.offered_to:
        raise Refused("case.offered_before", answer="case.to_whom", number=case.number)
    if number is None or number in (person.id, case.worker_id) or await desk.leaves.on_duty(number) != number:
        raise Refused("case.no_such_worker", answer="case.to_whom")
    if await desk.people.chat_of(number) is None:
        raise Refused("case.no_such_worker", answer="case.to_whom")


async def arrived(made: Made, desk: Desk) -> None:
    case, person = made.case, made.person
    moves = (Move.FINISH,) if case.department else (Move.FINISH, Move.HAND_OVER)
    await made.news.answer("case.you_arrived", choices=[button(case, move) for move in moves], **made.where)
    await made.news.tell_reporter("case.was_on_site", number=case.number, who=signed(case, person, desk.district))


async def offered(made: Made, desk: Desk) -> None:
    case = made.case
    colleague = await desk.people.get(case.offered_to or 0)
    await made.news.tell(
        case.offered_to,
        "case.offered",
        kind=Kind.PUSH,
        who=signed(case, made.person, desk.district),
        said=Phrase("case.passed_on", {"words": made.moved.words}) if made.moved.words else "",
        photos=await desk.cases.photos(case.id),
        choices=answers(case),
        **shown(case, desk),
    )
    await made.news.answer("case.you_offered", worker=colleague.name or "" if colleague else "", **made.where)


def taken(case: Case, person: Person) -> Case:
    """The case once somebody has taken it over; more time asked for is for the matter, whoever does it."""
    doers = tuple(dict.fromkeys((*case.doers, person.id)))
    return replace(case, status=Status.HANDLING, worker_id=person.id, offered_to=None, doers=doers)


async def take_over(case: Case, person: Person, desk: Desk) -> None:
    """One of several taken over at once; whoever takes them is answered for all together."""
    part = check(case, Move.TAKE_OVER, person, desk.now)
    after = taken(case, person)
    await desk.cases.step(after, Step(desk.now, person.id, Move.TAKE_OVER, part=part))
    await _tell_taken(case, after, person, News(after, desk, person.id), desk)


async def taken_over(made: Made, desk: Desk) -> None:
    case = made.case
    moves = (Move.ON_SITE, Move.FINISH, Move.RETURN)
    choices = [button(case, move) for move in moves]
    await made.news.answer("case.you_accepted", due=case.due_at, choices=choices, **made.where)
    await _tell_taken(made.before, case, made.person, made.news, desk)


async def _tell_taken(before: Case, case: Case, person: Person, news: News, desk: Desk) -> None:
    who = signed(case, person, desk.district)
    await news.tell(before.worker_id, "case.taken_over", kind=Kind.PUSH, who=who, number=case.number, place=case.place)
    await news.tell_reporter("case.was_taken_over", number=case.number, worker=person.name or "", due=case.due_at)


async def declined(made: Made, desk: Desk) -> None:
    case = made.case
    worker = await desk.people.get(case.worker_id or 0)
    await made.news.answer("case.you_declined", number=case.number, worker=worker.name or "" if worker else "")
    await made.news.tell(
        case.worker_id,
        "case.was_declined",
        kind=Kind.PUSH,
        who=signed(case, made.person, desk.district),
        choices=[button(case, Move.FINISH), button(case, Move.HAND_OVER)],
        **made.where,
    )


async def offer_over(made: Made) -> None:
    """Whoever was asked to take it need not answer any more."""
    if made.before.offered_to != made.case.offered_to and made.moved.move not in (Move.TAKE_OVER, Move.DECLINE):
        await made.news.tell(made.before.offered_to, "case.offer_over", kind=Kind.PUSH, **made.where)


def answers(case: Case) -> list[Choice]:
    return [button(case, Move.TAKE_OVER), button(case, Move.DECLINE)]
