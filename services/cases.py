"""A case is opened and moved along; everybody it concerns is told."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.core.render import Phrase
from bot.core.rules import when
from bot.core.words import Choice, Kind
from domain.areas import around, covers
from domain.cases import (
    RULES,
    WITH_WORKER,
    Case,
    CaseMoved,
    CheckOverdue,
    DeadlineNears,
    FollowingEnded,
    Move,
    OfficeLeft,
    ProblemReported,
    SameTroubleMet,
    Score,
    Status,
    Step,
    check,
)
from domain.people import WORKERS, Person, Role
from domain.refusals import Refused
from domain.residents import ChatLost
from nlp import private
from nlp.normalise import mask
from storage.desk import Desk

CHECK_AFTER = timedelta(days=3)
# The same words for the same place, said again so soon, are the same report.
SAME_WITHIN = timedelta(minutes=30)


@when(ProblemReported)
async def open_case(reported: ProblemReported, desk: Desk) -> None:
    if again := await desk.cases.same(reported, desk.now - SAME_WITHIN):
        await desk.tell(
            reported.by,
            "case.same_again",
            number=again.number,
            choices=[_look(again), button(again, Move.REMARK)],
        )
        return
    category = desk.district.category(reported.category)
    due_at = desk.now + timedelta(hours=category.hours)
    theirs = reported.place_known and not category.to_staff
    worker = await _worker_of(reported.grid, desk) if theirs else None
    if reported.phone:
        await desk.people.change(reported.by, phone=reported.phone)
    case = await desk.cases.open(reported, worker.id if worker else None, due_at, desk.district.timezone)
    await desk.tell(
        reported.by,
        "case.receipt" if worker else "case.receipt_staff",
        number=case.number,
        place=case.place,
        words=case.words,
        category=category.name,
        due=due_at,
        worker=(worker.name or "") if worker else "",
        choices=[_look(case), button(case, Move.REMARK), button(case, Move.WITHDRAW)],
    )
    if category.urgent:
        await desk.tell(reported.by, "case.urgent_hint")
    await _give_to_worker(case, desk)


def _shown(case: Case, desk: Desk) -> dict[str, Any]:
    """What the texts about a case show of it."""
    return {
        "number": case.number,
        "place": case.place,
        "words": case.words,
        "category": desk.district.category(case.category).name,
        "due": case.due_at,
        "when": day_of(case),
    }


def day_of(case: Case) -> Phrase | str:
    """The day it happened, where its reporter named one."""
    day = case.happened_on
    return Phrase("case.happened", {"month": day.month, "day": day.day}) if day else ""


async def _worker_of(grid: str, desk: Desk) -> Person | None:
    """The grid's worker; one with a chat before one without."""
    for reachable in (True, False):
        if workers := await desk.people.serving(grid, [Role.GRIDWORKER], reachable=reachable):
            return workers[0]
    return None


async def _give_to_worker(case: Case, desk: Desk) -> None:
    """Push the case to its worker; whoever is nearest above when the worker has no chat yet, so that it is seen."""
    await _plan(case, desk)
    photos = await desk.cases.photos(case.id)
    facts = _shown(case, desk)
    told = case.worker_id is not None and await desk.tell(
        case.worker_id,
        "case.task",
        kind=Kind.PUSH,
        once=f"case:{case.id}:{case.round}:{case.worker_id}",
        photos=photos,
        choices=[button(case, Move.ACCEPT), button(case, Move.RETURN), button(case, Move.FINISH)],
        **facts,
    )
    if not told:
        worker = await desk.people.get(case.worker_id) if case.worker_id else None
        if worker:
            facts["worker"] = worker.name or ""
        await _tell_above(
            case,
            desk,
            "case.task_unmanned" if worker else "case.task_for_staff",
            photos=photos,
            choices=[button(case, Move.DISPATCH), button(case, Move.FINISH), button(case, Move.DISMISS)]
            if case.status is Status.RETURNED
            else [button(case, Move.DISPATCH)],
            **facts,
        )


async def _tell_reporter(case: Case, desk: Desk, key: str, **shown: Any) -> bool:
    """Tell whoever reported it, and whoever follows it, how far it has come; True when its reporter was told.

    What has to wait gives way to newer news.
    """
    await _tell_followers(case, desk, key, whose=Phrase("case.followed"), **shown)
    return await desk.tell(case.reporter_id, key, topic=f"case:{case.id}", whose=Phrase("case.yours"), **shown)


async def _tell_followers(case: Case, desk: Desk, key: str, **shown: Any) -> None:
    """Tell those who met with the same; each may end it."""
    shown.setdefault("choices", [_unfollow(case)])
    for number in await desk.cases.followers(case.id):
        await desk.tell(number, key, topic=f"case:{case.id}", **shown)


async def _tell_above(
    case: Case,
    desk: Desk,
    key: str,
    *,
    choices: list[Choice],
    photos: tuple[str, ...] = (),
    unless: int | None = None,
    **shown: Any,
) -> bool:
    """Tell the first level above the worker where somebody but `unless` can be reached; True when somebody was."""
    community, street, district = around(case.grid)
    for area, role in ((community, Role.COMMUNITY), (street, Role.STREET), (district, Role.DISTRICT)):
        found = await desk.people.serving(area, [role], reachable=True)
        people = [person for person in found if person.id != unless]
        for person in people:
            await desk.tell(person.id, key, kind=Kind.PUSH, choices=choices, photos=photos, **shown)
        if people:
            return True
    return False


async def _plan(case: Case, desk: Desk) -> None:
    warn = timedelta(hours=desk.district.category(case.category).warn)
    if case.due_at - warn > desk.now:
        await desk.plan(
            DeadlineNears(case.id, case.round),
            case.due_at - warn,
            key=f"deadline:{case.id}:{case.round}:{case.worker_id}",
        )


@when(CaseMoved)
async def move_case(moved: CaseMoved, desk: Desk) -> None:
    case = await desk.cases.get(moved.case, lock=True)
    person = await desk.people.get(moved.by)
    if person is None:
        raise Refused("case.not_found")
    part = check(case, moved.move, person)
    after = replace(case, status=RULES[moved.move].end or case.status)
    words = moved.words
    match moved.move:
        case Move.ACCEPT:
            after = replace(after, worker_id=person.id)
        case Move.FINISH:
            after = replace(after, worker_id=person.id, done_at=desk.now)
        case Move.DISPATCH:
            after = replace(after, worker_id=moved.to, round=case.round + 1)
        case Move.REJECT:
            after = replace(after, round=case.round + 1, done_at=None)
        case Move.RECLASSIFY:
            after = await _put_right(case, moved.category or "", desk)
            words = f"{desk.district.category(case.category).name} → {desk.district.category(after.category).name}"
        case Move.RATE:
            after = replace(after, rating=moved.score)
    if after.status in (Status.CLOSED, Status.WITHDRAWN, Status.DISMISSED):
        after = replace(after, closed_at=desk.now)
    await desk.cases.step(
        after,
        Step(desk.now, person.id, moved.move, words, part, moved.to),
        moved.photos,
        "done" if moved.move is Move.FINISH else "reported",
    )
    if case.worker_id not in (None, after.worker_id, person.id) and after.worker_id is None:
        await desk.tell(case.worker_id, "case.taken_back", kind=Kind.PUSH, number=case.number, place=case.place)
    await _TELL[moved.move](moved, after, person, desk)


async def _put_right(case: Case, code: str, desk: Desk) -> Case:
    """The case under another category: the deadline counts anew, and a complaint leaves the one it is about."""
    category = desk.district.categories.get(code)
    if category is None or code == case.category:
        raise Refused("case.same_kind", answer="case.kind")
    await desk.corrections.keep(private.without(mask(case.words)), code, case.category)
    after = replace(case, category=code, due_at=desk.now + timedelta(hours=category.hours), round=case.round + 1)
    if not category.to_staff:
        return after
    # A complaint is between its reporter and staff.
    await desk.cases.unfollow(case.id)
    return replace(after, worker_id=None, status=Status.RETURNED)


async def _reclassified(moved: CaseMoved, case: Case, person: Person, desk: Desk) -> None:
    category = desk.district.category(case.category)
    facts: dict[str, Any] = {"number": case.number, "category": category.name, "due": case.due_at}
    arrange = [button(case, Move.DISPATCH)] if case.worker_id is None else []
    await desk.tell(person.id, "case.you_reclassified", choices=arrange, department=category.department, **facts)
    if case.reporter_id != person.id:
        await _tell_reporter(case, desk, "case.was_reclassified", **facts)
    await _plan(case, desk)
    if case.worker_id != person.id:
        await desk.tell(
            case.worker_id,
            "case.reclassified_task",
            kind=Kind.PUSH,
            place=case.place,
            choices=[button(case, Move.FINISH), button(case, Move.RETURN)],
            **facts,
        )


async def _accepted(moved: CaseMoved, case: Case, person: Person, desk: Desk) -> None:
    await desk.tell(
        person.id,
        "case.you_accepted",
        number=case.number,
        place=case.place,
        due=case.due_at,
        choices=[button(case, Move.FINISH), button(case, Move.RETURN), button(case, Move.REMARK)],
    )
    await _tell_reporter(case, desk, "case.was_accepted", number=case.number, worker=person.name or "", due=case.due_at)


async def _returned(moved: CaseMoved, case: Case, person: Person, desk: Desk) -> None:
    await desk.tell(person.id, "case.you_returned", number=case.number)
    await _tell_reporter(case, desk, "case.was_returned", number=case.number)
    await _tell_above(
        case,
        desk,
        "case.returned_to_staff",
        number=case.number,
        worker=person.name,
        why=moved.words,
        place=case.place,
        words=case.words,
        choices=[button(case, Move.DISPATCH), button(case, Move.FINISH), button(case, Move.DISMISS)],
    )


async def _dispatched(moved: CaseMoved, case: Case, person: Person, desk: Desk) -> None:
    worker = await desk.people.get(case.worker_id) if case.worker_id else None
    about_them = desk.district.category(case.category).to_staff and worker and worker.serves(case.grid, WORKERS)
    if worker is None or about_them or not any(area.startswith(case.grid[:12]) for area in worker.areas(*WORKERS)):
        raise Refused("case.no_such_worker", answer="case.to_whom")
    await desk.tell(person.id, "case.you_dispatched", number=case.number, worker=worker.name or "")
    await _tell_reporter(case, desk, "case.was_dispatched", number=case.number, worker=worker.name or "")
    await _give_to_worker(case, desk)


async def _finished(moved: CaseMoved, case: Case, person: Person, desk: Desk) -> None:
    await desk.tell(person.id, "case.you_finished", number=case.number)
    said = Phrase("case.they_said", {"words": moved.words}) if moved.words else ""
    # Who reported it and did it too is not asked: that would be no check.
    who = _signed(case, person)
    await _tell_followers(
        case, desk, "case.finished_followed", number=case.number, who=who, said=said, photos=moved.photos
    )
    told = case.reporter_id != person.id and await desk.tell(
        case.reporter_id,
        "case.was_finished",
        topic=f"case:{case.id}",
        number=case.number,
        who=who,
        said=said,
        photos=moved.photos,
        choices=[
            *(
                Choice(
                    f"case.{score.name.lower()}",
                    opens="case_move",
                    given={"case": str(case.id), "move": Move.RATE, "score": str(int(score))},
                )
                for score in (Score.GOOD, Score.FAIR)
            ),
            button(case, Move.REJECT),
        ],
    )
    # Nobody to ask, or nobody answers: staff check instead, never the one who did the work.
    await desk.plan(
        CheckOverdue(case.id, case.round),
        desk.now + (CHECK_AFTER if told else timedelta(0)),
        key=f"check:{case.id}:{case.round}",
    )


def _signed(case: Case, person: Person) -> Phrase:
    """Somebody's name with the role in which they acted here."""
    role = next((held.role for held in person.roles if covers(held.area, case.grid)), Role.GRIDWORKER)
    return Phrase("case.who", {"role": Phrase(f"role.{role}"), "name": person.name or ""})


async def _rated(moved: CaseMoved, case: Case, person: Person, desk: Desk) -> None:
    await desk.tell(person.id, "case.thanks", number=case.number)
    score = Phrase(f"case.{Score(moved.score or 2).name.lower()}")
    await _tell_followers(case, desk, "case.closed_followed", number=case.number, choices=[])
    await desk.tell(case.worker_id, "case.was_rated", number=case.number, place=case.place, score=score)


async def _verified(moved: CaseMoved, case: Case, person: Person, desk: Desk) -> None:
    await desk.tell(person.id, "case.you_verified", number=case.number)
    await desk.tell(case.worker_id, "case.was_verified", number=case.number, place=case.place)
    await _tell_reporter(case, desk, "case.was_closed", number=case.number)


async def _rejected(moved: CaseMoved, case: Case, person: Person, desk: Desk) -> None:
    await desk.tell(person.id, "case.you_rejected", number=case.number)
    await _plan(case, desk)
    if person.id != case.reporter_id:
        await _tell_reporter(case, desk, "case.sent_back", number=case.number)
    else:
        await _tell_followers(case, desk, "case.rejected_followed", number=case.number)
    told = await desk.tell(
        case.worker_id,
        "case.not_solved",
        kind=Kind.PUSH,
        number=case.number,
        place=case.place,
        why=moved.words,
        photos=moved.photos,
        choices=[button(case, Move.FINISH), button(case, Move.RETURN)],
    )
    if not told:
        await _tell_above(
            case,
            desk,
            "case.not_solved",
            number=case.number,
            place=case.place,
            why=moved.words,
            photos=moved.photos,
            choices=[button(case, Move.DISPATCH)],
        )


async def _withdrawn(moved: CaseMoved, case: Case, person: Person, desk: Desk) -> None:
    await desk.tell(person.id, "case.you_withdrew", number=case.number)
    again = Choice("report.title", opens="report")
    await _tell_followers(case, desk, "case.withdrawn_followed", number=case.number, choices=[again])
    await desk.tell(case.worker_id, "case.was_withdrawn", kind=Kind.PUSH, number=case.number, place=case.place)


async def _dismissed(moved: CaseMoved, case: Case, person: Person, desk: Desk) -> None:
    await desk.tell(person.id, "case.you_dismissed", number=case.number)
    await _tell_reporter(
        case, desk, "case.was_dismissed", number=case.number, why=moved.words, hotline=desk.district.hotline
    )


async def _remarked(moved: CaseMoved, case: Case, person: Person, desk: Desk) -> None:
    await desk.tell(person.id, "case.you_remarked", number=case.number)
    for other in {case.reporter_id, case.worker_id} - {person.id, None}:
        await desk.tell(
            other,
            "case.was_remarked",
            number=case.number,
            words=moved.words,
            photos=moved.photos,
            kind=Kind.PUSH if other == case.worker_id else Kind.NOTICE,
            choices=[button(case, Move.REMARK)],
        )


_TELL = {
    Move.ACCEPT: _accepted,
    Move.RETURN: _returned,
    Move.DISPATCH: _dispatched,
    Move.FINISH: _finished,
    Move.RATE: _rated,
    Move.VERIFY: _verified,
    Move.REJECT: _rejected,
    Move.WITHDRAW: _withdrawn,
    Move.DISMISS: _dismissed,
    Move.REMARK: _remarked,
    Move.RECLASSIFY: _reclassified,
}


@when(SameTroubleMet)
async def follow(met: SameTroubleMet, desk: Desk) -> None:
    """They are told at each step as its reporter is; whose report it was they are not told."""
    case = await desk.cases.get(met.case, lock=True)
    category = desk.district.category(case.category)
    if category.to_staff or case.status not in (*WITH_WORKER, Status.RETURNED):
        again = Choice("report.title", opens="report")
        await desk.tell(met.by, "case.same_over", number=case.number, choices=[again])
        return
    await desk.cases.follow(case.id, met.by)
    await desk.tell(
        met.by,
        "case.you_follow",
        number=case.number,
        category=category.name,
        due=case.due_at,
        choices=[_unfollow(case)],
    )


@when(FollowingEnded)
async def unfollow(ended: FollowingEnded, desk: Desk) -> None:
    case = await desk.cases.get(ended.case)
    await desk.cases.unfollow(case.id, ended.by)
    await desk.tell(ended.by, "case.you_unfollowed", number=case.number)


@when(DeadlineNears)
async def warn_of_deadline(nears: DeadlineNears, desk: Desk) -> None:
    case = await desk.cases.get(nears.case)
    if case.round != nears.round or case.status not in (*WITH_WORKER, Status.RETURNED):
        return
    move = Move.ACCEPT if case.status is Status.DISPATCHED else Move.FINISH
    told = case.status is not Status.RETURNED and await desk.tell(
        case.worker_id,
        "case.deadline_near",
        kind=Kind.PUSH,
        once=f"deadline:{case.id}:{case.round}",
        choices=[button(case, move)],
        **_shown(case, desk),
    )
    if not told:
        await _tell_above(case, desk, "case.deadline_near", choices=[button(case, Move.DISPATCH)], **_shown(case, desk))


@when(CheckOverdue)
async def ask_staff_to_check(overdue: CheckOverdue, desk: Desk) -> None:
    case = await desk.cases.get(overdue.case)
    if case.round == overdue.round and case.status is Status.DONE:
        await _tell_above(
            case,
            desk,
            "case.check_please",
            unless=case.worker_id,
            number=case.number,
            place=case.place,
            words=case.words,
            photos=await desk.cases.photos(case.id, "done"),
            choices=[button(case, Move.VERIFY), button(case, Move.REJECT)],
        )


@when(OfficeLeft)
async def take_back(left: OfficeLeft, desk: Desk) -> None:
    """What lay with somebody who holds no office any more waits for those above, and they are told."""
    for found in await desk.cases.of_worker(left.person, WITH_WORKER):
        case = replace(await desk.cases.get(found.id, lock=True), status=Status.RETURNED, worker_id=None)
        await desk.cases.step(case, Step(desk.now, left.person, Move.LEAVE))
        await _tell_above(
            case,
            desk,
            "case.task_for_staff",
            unless=left.person,
            choices=[button(case, Move.DISPATCH), button(case, Move.FINISH), button(case, Move.DISMISS)],
            **_shown(case, desk),
        )


@when(ChatLost)
async def find_somebody_else(lost: ChatLost, desk: Desk) -> None:
    """A gridworker cannot be reached any more: what lies with them is told to those above."""
    owner = await desk.people.of_contact(lost.contact)
    if owner is None or await desk.people.chat_of(owner.id) is not None:
        return
    for case in await desk.cases.of_worker(owner.id, (Status.DISPATCHED, Status.HANDLING)):
        await _tell_above(
            case,
            desk,
            "case.task_unmanned",
            unless=owner.id,
            worker=owner.name or "",
            choices=[button(case, Move.DISPATCH)],
            **_shown(case, desk),
        )


def button(case: Case, move: Move) -> Choice:
    """The button that makes a move with a case."""
    return Choice(f"case.button.{move}", opens="case_move", given={"case": str(case.id), "move": move})


def _unfollow(case: Case) -> Choice:
    return Choice("case.unfollow", opens="unfollow", given={"case": str(case.id)})


def _look(case: Case) -> Choice:
    return Choice("case.button.look", opens="mine", given={"case": str(case.id)})
