"""A case is opened and moved along; what a step does to it, and whom it concerns, stands here step by step."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from bot.core.render import Phrase
from bot.core.rules import when
from bot.core.turn import MOST_PHOTOS
from bot.core.words import Choice, Kind
from domain import promise
from domain.cases import (
    ENDED,
    REOPENED,
    RULES,
    UNDONE,
    WITH_WORKER,
    Case,
    CaseMoved,
    CheckOverdue,
    DeadlineNears,
    FollowingEnded,
    LookAgain,
    Move,
    OfficeLeft,
    Part,
    ProblemReported,
    SameTroubleMet,
    Score,
    Status,
    Step,
    asks_over,
    check,
    complete,
)
from domain.catalogue import Category
from domain.climb import still_owed
from domain.mediation import MediationAsked, rooms_for
from domain.people import STAFF, WORKERS, Person, Role
from domain.refusals import Refused
from domain.residents import ChatLost
from domain.sight import hidden
from nlp import private
from nlp.normalise import mask
from services import at_work, deadlines, dispatch, succession, whistles
from services.letters import line
from services.news import News, button, date_of, handler, look, scores, shown, signed, unfollow
from services.sight import sight_of
from storage.desk import Desk

CHECK_AFTER = timedelta(days=3)
# The same words for the same place, said again so soon, are the same report.
SAME_WITHIN = timedelta(minutes=30)
_LEADERS_UP = 1
# What somebody does who follows a case, and has no other part in it.
FOLLOWERS_TOO = (Move.APPRAISE, Move.URGE)
# What the photos show that come with a move.
_STAGES = {Move.FINISH: "done", Move.ON_SITE: "on_site"}


@when(ProblemReported)
async def open_case(reported: ProblemReported, desk: Desk) -> None:
    if again := await desk.cases.same(reported, desk.now - SAME_WITHIN):
        await desk.tell(
            reported.by,
            "case.same_again",
            number=again.number,
            choices=[look(again), button(again, Move.REMARK)],
        )
        return
    # It may have left the catalogue while it was being reported.
    category = desk.district.category(reported.category, desk.district.day(desk.now))
    reported = replace(reported, category=category.code)
    due_at = promise.first(desk.now, category.deadline, desk.district.calendar)
    theirs = reported.place_known and not category.to_staff
    worker = await _worker_of(reported.grid, desk) if theirs else None
    if reported.phone and not reported.anonymous:
        await desk.people.change(reported.by, phone=reported.phone)
    case = await desk.cases.open(
        reported, worker.id if worker else None, due_at, desk.district.timezone, category.version
    )
    await desk.tell(
        reported.by,
        "case.receipt" if worker else "case.receipt_staff",
        number=case.number,
        place=case.place,
        words=case.words,
        category=category.name,
        due=due_at,
        worker=(worker.name or "") if worker else "",
        unnamed=_unnamed(case, category),
        choices=[
            look(case),
            button(case, Move.REMARK),
            button(case, Move.WITHDRAW),
            *([button(case, Move.HIDE)] if category.private and not case.anonymous else []),
        ],
    )
    if category.urgent:
        await desk.tell(reported.by, "case.urgent_hint")
    await _give_to_worker(case, News(case, desk), desk, reported.photos)


def _unnamed(case: Case, category: Category) -> Phrase | str:
    """What is kept back of it, so that they need not ask."""
    if case.anonymous:
        return Phrase("case.unnamed")
    return Phrase("case.door_kept") if category.private else ""


async def _worker_of(grid: str, desk: Desk) -> Person | None:
    """The grid's worker; one with a chat before one without."""
    workers = await desk.people.serving(grid, [Role.GRIDWORKER])
    if len(workers) > 1:
        workers = await desk.people.serving(grid, [Role.GRIDWORKER], reachable=True) or workers
    return workers[0] if workers else None


async def _give_to_worker(case: Case, news: News, desk: Desk, photos: Sequence[str] | None = None) -> bool:
    """Push the case to its worker; whoever is nearest above when the worker has no chat yet, so that it is seen.

    `photos`: of what was reported, where they are at hand. True when its worker is to hear of it.
    """
    await deadlines.plan(case, desk)
    if photos is None:
        photos = await desk.cases.photos(case.id)
    facts = shown(case, desk)
    told = await news.tell_worker(
        "case.task",
        # Given again it is news again, whatever the clock says.
        once=f"case:{case.id}:{desk.cases.taken(case)}:{case.worker_id}",
        photos=photos,
        choices=[button(case, Move.ACCEPT), button(case, Move.RETURN), button(case, Move.FINISH)],
        **facts,
    )
    if not told:
        worker = await desk.people.get(case.worker_id) if case.worker_id else None
        if worker:
            facts["worker"] = worker.name or ""
        await news.tell_above(
            "case.task_unmanned" if worker else "case.task_for_staff",
            photos=photos,
            choices=_to_arrange(case) if case.status is Status.RETURNED else [button(case, Move.DISPATCH)],
            **facts,
        )
    return told


def _to_arrange(case: Case) -> list[Choice]:
    return dispatch.arrange(case)


@when(CaseMoved)
async def move_case(moved: CaseMoved, desk: Desk) -> None:
    # Two in the order of their numbers: two people who merge each into the other must not wait for each other.
    locked = {each: await desk.cases.get(each, lock=True) for each in sorted({moved.case, moved.into or moved.case})}
    case = locked[moved.case]
    person = await desk.people.get(moved.by)
    if person is None:
        raise Refused("case.not_found")
    follows = moved.move in FOLLOWERS_TOO and await desk.cases.follows(case.id, person.id)
    if sight_of(case, person, desk.district, follows=follows) is None:
        raise Refused("case.not_found")
    part = check(case, moved.move, person, desk.now, follows=follows)
    bare = moved.move is Move.FINISH and not moved.photos
    complete(case, moved, desk.now, shown=bare and bool(await desk.cases.photos(case.id)))
    after = await _after(case, moved, person, desk)
    after = await whistles.call_off(await dispatch.end_demands(after, desk), desk)
    words = moved.words
    if moved.move is Move.RECLASSIFY:
        words = f"{desk.district.category_of(case).name} → {desk.district.category_of(after).name}"
    target = moved.to or moved.into
    if moved.move in dispatch.MOVES:
        words, target = dispatch.noted(after, moved)
    step = Step(desk.now, person.id, moved.move, words, part, target)
    await desk.cases.step(after, step, moved.photos, _STAGES.get(moved.move, "reported"))
    made = Made(moved, case, after, person, News(after, desk, person.id), locked.get(moved.into or 0))
    await _TELL[moved.move](made, desk)
    await at_work.offer_over(made)


@dataclass(frozen=True, slots=True)
class Made:
    """A move that was made: the case before and after it, by whom, and who is yet to be told; `kept`: merged into."""

    moved: CaseMoved
    before: Case
    case: Case
    person: Person
    news: News
    kept: Case | None

    @property
    def where(self) -> dict[str, Any]:
        return {"number": self.case.number, "place": self.case.place}


async def _after(case: Case, moved: CaseMoved, person: Person, desk: Desk) -> Case:
    """The case once the move is made.

    Raises:
        Refused: who or what it is aimed at does not do.
    """
    rule, now = RULES[moved.move], desk.now
    of = _put_right(case, moved, desk) if moved.move is Move.RECLASSIFY else desk.district.category_of(case)
    due_at = promise.due(case, moved.move, now, of.deadline, desk.district.calendar)
    after = replace(case, status=rule.end or case.status, due_at=due_at)
    if rule.end is not None:
        # What was asked of the state it leaves is asked no more.
        after = replace(_unasked(after), checker_id=None, hung_at=None, look_at=None, offered_to=None)
    if rule.manned is not None:
        if await _in_office(case, desk):
            after = replace(after, status=rule.manned)
        else:
            after = replace(after, worker_id=None, department=None)
    if after.status in REOPENED:
        after = replace(after, reopen_until=now + timedelta(days=desk.district.reopen_within))
    if after.status in ENDED:
        after = replace(after, closed_at=case.closed_at or now)
    match moved.move:
        case Move.ACCEPT:
            return replace(after, worker_id=person.id, doers=_with(case, person))
        case Move.FINISH:
            return replace(after, worker_id=person.id, doers=_with(case, person), done_at=now)
        case Move.ON_SITE:
            await at_work.check_arrival(case, person, desk)
            return replace(after, doers=_with(case, person))
        case Move.HAND_OVER:
            await _check_worker(case, moved.to, desk)
            await at_work.check_colleague(case, moved.to, person, desk)
            return replace(after, offered_to=moved.to)
        case Move.TAKE_OVER:
            return at_work.taken(case, person)
        case Move.DECLINE:
            return replace(after, offered_to=None)
        case Move.RETURN:
            return replace(after, worker_id=None, department=None)
        case Move.DISPATCH:
            await _check_worker(case, moved.to, desk)
            return replace(after, worker_id=moved.to, department=None, round=case.round + 1)
        case Move.ASK_CHECK:
            await _check_checker(case, moved, desk)
            return replace(after, checker_id=moved.to)
        case Move.REJECT:
            return replace(after, round=case.round + 1, done_at=None)
        case Move.RATE | Move.APPRAISE:
            return await _rating(after, moved, person, desk)
        case Move.RECLASSIFY:
            return await _under(case, after, of, desk)
        case Move.HANG:
            return replace(after, hung_at=case.hung_at or now, look_at=moved.until)
        case Move.RESUME:
            # Given out anew: what was planned for it before it hung is void, whatever became of it meanwhile.
            return replace(after, round=case.round + 1)
        case Move.ASK_TIME:
            return replace(after, asked_until=moved.until, asked_by=person.id, asked_rank=asks_over(case, person))
        case Move.GIVE_TIME | Move.DENY_TIME:
            return _unasked(after)
        case Move.REOPEN:
            return replace(after, round=case.round + 1, done_at=None, closed_at=None, rating=None, reopen_until=None)
        case Move.MERGE:
            await _check_kept(case, moved.into or 0, person, desk)
            return replace(after, merged_into=moved.into)
        case Move.WITHDRAW:
            return await _withdrawing(case, after, desk)
        case Move.HIDE:
            return replace(after, anonymous=True)
    return await dispatch.after(case, after, moved, person, desk) if moved.move in dispatch.MOVES else after


def _unasked(case: Case) -> Case:
    return replace(case, asked_until=None, asked_by=None, asked_rank=None)


def _with(case: Case, person: Person) -> tuple[int, ...]:
    return tuple(dict.fromkeys((*case.doers, person.id)))


async def _in_office(case: Case, desk: Desk) -> bool:
    """Whether the one it lies with may still work there."""
    worker = await desk.people.get(case.worker_id) if case.worker_id else None
    if worker is None:
        return False
    theirs = worker.of_department(case.department, case.grid) if case.department else _works_near(worker, case)
    return theirs or worker.serves(case.grid, STAFF)


def _works_near(person: Person, case: Case) -> bool:
    return any(area.startswith(case.grid[:12]) for area in person.areas(*WORKERS))


async def _check_worker(case: Case, number: int | None, desk: Desk) -> None:
    worker = await desk.people.get(number) if number else None
    about_them = desk.district.category_of(case).to_staff and worker and worker.serves(case.grid, WORKERS)
    if worker is None or about_them or not _works_near(worker, case):
        raise Refused("case.no_such_worker", answer="case.to_whom")


async def _check_checker(case: Case, moved: CaseMoved, desk: Desk) -> None:
    checker = await desk.people.get(moved.to) if moved.to else None
    if checker is None or checker.id in (*case.doers, moved.by) or not _works_near(checker, case):
        raise Refused("case.no_such_checker", answer="case.by_whom")


async def _check_kept(case: Case, number: int, person: Person, desk: Desk) -> None:
    kept = await desk.cases.get(number)
    private_ones = any(desk.district.category_of(each).to_staff for each in (case, kept))
    if private_ones or kept.status not in UNDONE or not person.serves(kept.grid, STAFF):
        raise Refused("case.not_mergeable", answer="case.into")


async def _rating(after: Case, moved: CaseMoved, person: Person, desk: Desk) -> Case:
    if not await desk.cases.rate(after, person.id, moved.score or 0):
        raise Refused("case.rated", number=after.number)
    return replace(after, rating=moved.score) if after.reporter_id == person.id else after


async def _withdrawing(case: Case, after: Case, desk: Desk) -> Case:
    """A case that others have reported too goes on, as the report of the one who came next."""
    others = await desk.cases.merged(case.id)
    if not others:
        return after
    if hidden(case, desk.district.category_of(case)):
        # Its words and its door are nobody's to inherit: those who joined go on as followers.
        return replace(case, reporter_id=None)
    await desk.cases.unfollow(case.id, others[0])
    return replace(case, reporter_id=others[0])


def _put_right(case: Case, moved: CaseMoved, desk: Desk) -> Category:
    """What staff say it is, as the catalogue has it today."""
    category = desk.district.catalogue.holding(moved.category or "", desk.district.day(desk.now))
    if category is None or category.code == case.category:
        raise Refused("case.same_kind", answer="case.kind")
    return category


async def _under(case: Case, after: Case, category: Category, desk: Desk) -> Case:
    """The case under another category: the deadline counts anew, and a complaint leaves the one it is about."""
    await desk.corrections.keep(private.without(mask(case.words)), category.code, case.category)
    after = replace(_unasked(after), category=category.code, version=category.version, round=case.round + 1)
    if not category.to_staff:
        return after
    # A complaint is between its reporter and staff.
    await desk.cases.unfollow(case.id)
    return replace(after, worker_id=None, department=None, status=Status.RETURNED)


# Who is told of what.


async def _accepted(made: Made, desk: Desk) -> None:
    case, person = made.case, made.person
    await made.news.answer(
        "case.you_accepted",
        due=case.due_at,
        choices=[button(case, move) for move in (Move.ON_SITE, Move.FINISH, Move.RETURN, Move.REMARK)],
        **made.where,
    )
    await _relieve(made, signed(case, person, desk.district))
    if case.department:
        await made.news.tell_reporter(
            "case.was_taken", number=case.number, who=signed(case, person, desk.district), due=case.due_at
        )
        return
    await made.news.tell_reporter("case.was_accepted", number=case.number, worker=person.name or "", due=case.due_at)


async def _relieve(made: Made, who: Phrase) -> None:
    """Let the one it lay with know that somebody else has it now."""
    before, case = made.before, made.case
    # Among the people of one department it goes without saying.
    if before.worker_id != case.worker_id and (before.worker_id or before.department != case.department):
        await made.news.tell_handlers(before, "case.taken_over", who=who, **made.where)


async def _returned(made: Made, desk: Desk) -> None:
    case = made.case
    level = Phrase(f"level.{case.level}")
    await made.news.answer("case.you_returned", number=case.number, level=level)
    await made.news.tell_reporter(
        "case.was_returned", number=case.number, who=handler(made.before, desk.district), level=level
    )
    await made.news.tell_above(
        "case.returned_to_staff",
        worker=made.person.name,
        why=made.moved.words,
        words=case.words,
        choices=_to_arrange(case),
        **made.where,
    )
    others = Phrase("case.others_now", {"level": level})
    await made.news.tell_handlers(made.before, "case.taken_over", who=others, **made.where)


async def _dispatched(made: Made, desk: Desk) -> None:
    case = made.case
    worker = await desk.people.get(case.worker_id or 0)
    name = worker.name or "" if worker else ""
    await made.news.answer("case.you_dispatched", number=case.number, worker=name)
    if not await _give_to_worker(case, made.news, desk):
        await made.news.answer("case.unreachable", worker=name, choices=[button(case, Move.DISPATCH)])
    if worker:
        await _relieve(made, signed(case, worker, desk.district))
    await made.news.tell_reporter("case.was_dispatched", number=case.number, worker=name)


async def _finished(made: Made, desk: Desk) -> None:
    case, news = made.case, made.news
    said = Phrase("case.they_said", {"words": made.moved.words}) if made.moved.words else ""
    who = signed(case, made.person, desk.district)
    await news.answer("case.you_finished", number=case.number)
    # Who reported it and had a hand in it is not asked: that would be no check.
    may_rate = case.reporter_id not in case.doers
    told = await news.tell(
        case.reporter_id,
        "case.was_finished",
        topic=f"case:{case.id}",
        number=case.number,
        who=who,
        said=said,
        photos=made.moved.photos,
        choices=[*(scores(case, Move.RATE, Score.GOOD, Score.FAIR) if may_rate else ()), button(case, Move.REJECT)],
    )
    await news.tell_followers(
        "case.finished_followed", number=case.number, who=who, said=said, photos=made.moved.photos
    )
    await _relieve(made, who)
    # Nobody to ask, or nobody answers: somebody else checks instead, never the one who did the work.
    await desk.plan(
        CheckOverdue(case.id, case.round),
        desk.now + (CHECK_AFTER if told and may_rate else timedelta(0)),
        key=f"check:{case.id}:{case.round}",
    )


async def _rated(made: Made, desk: Desk) -> None:
    case = made.case
    await _thank(made, desk)
    score = Phrase(f"case.{Score(made.moved.score or 2).name.lower()}")
    await made.news.tell(case.worker_id, "case.was_rated", score=score, **made.where)
    await _closed_for_followers(made)
    await _check_no_more(made)


async def _thank(made: Made, desk: Desk) -> None:
    """Thank for a rating; who is not content is told what they can do, and those above hear of it."""
    case = made.case
    if made.moved.score != Score.POOR:
        await made.news.answer("case.thanks", number=case.number)
        return
    again = case.reporter_id == made.person.id and case.reopen_until is not None
    await made.news.answer(
        "case.sorry" if again else "case.sorry_followed",
        number=case.number,
        date=date_of(case.reopen_until, desk.district) if case.reopen_until else "",
        choices=[button(case, Move.REOPEN) if again else Choice("report.title", opens="report")],
    )
    await made.news.tell_above("case.rated_poorly", why=made.moved.words or "—", choices=[], **made.where)


async def _closed_for_followers(made: Made) -> None:
    case = made.case
    offered = scores(case, Move.APPRAISE, Score.GOOD, Score.FAIR, Score.POOR)
    await made.news.tell_followers("case.closed_followed", number=case.number, choices=offered)


async def _check_no_more(made: Made) -> None:
    """Whoever was asked to check it need not any more."""
    await made.news.tell(made.before.checker_id, "case.check_over", kind=Kind.PUSH, **made.where)


async def _verified(made: Made, desk: Desk) -> None:
    case, news = made.case, made.news
    await news.answer("case.you_verified", number=case.number)
    # Whoever had a hand in it is not asked how it turned out.
    if case.reporter_id not in case.doers:
        await news.tell(
            case.reporter_id,
            "case.was_closed",
            topic=f"case:{case.id}",
            number=case.number,
            who=signed(case, made.person, desk.district),
            choices=scores(case, Move.APPRAISE, Score.GOOD, Score.FAIR, Score.POOR),
        )
    for number in (case.worker_id, case.reporter_id):
        await news.tell(number, "case.was_verified", **made.where)
    await _closed_for_followers(made)
    await _check_no_more(made)


async def _rejected(made: Made, desk: Desk) -> None:
    case, news = made.case, made.news
    await news.answer("case.you_rejected", number=case.number)
    await deadlines.plan(case, desk)
    why: dict[str, Any] = {"why": made.moved.words, "photos": made.moved.photos, **made.where}
    told = await news.tell_worker(
        "case.not_solved", choices=[button(case, Move.FINISH), button(case, Move.RETURN)], **why
    )
    if not told and case.worker_id != made.person.id:
        await news.tell_above("case.not_solved", choices=[button(case, Move.DISPATCH)], **why)
    if made.person.id != case.reporter_id:
        await news.tell_reporter("case.sent_back", number=case.number)
    else:
        await news.tell_followers("case.rejected_followed", number=case.number)
    await _check_no_more(made)


async def _check_asked(made: Made, desk: Desk) -> None:
    case = made.case
    checker = await desk.people.get(case.checker_id or 0)
    await made.news.answer("case.you_asked_check", number=case.number, worker=checker.name or "" if checker else "")
    if made.before.checker_id != case.checker_id:
        await _check_no_more(made)
    told = await made.news.tell(
        case.checker_id, "case.check_yourself", kind=Kind.PUSH, **await _to_check(case, desk), choices=_checks(case)
    )
    if not told:
        await made.news.answer("case.unreachable", worker=checker.name or "" if checker else "")


async def _to_check(case: Case, desk: Desk) -> dict[str, Any]:
    """What a checker reads and sees: the photos of before and after, these at the end."""
    after = await desk.cases.photos(case.id, "done")
    before = (await desk.cases.photos(case.id))[: max(0, MOST_PHOTOS - len(after))]
    compare = Phrase("case.before_and_after", {"before": len(before), "after": len(after)}) if after else ""
    facts = {"number": case.number, "place": case.place, "words": case.words}
    return {**facts, "compare": compare, "photos": (*before, *after)[:MOST_PHOTOS]}


def _checks(case: Case) -> list[Choice]:
    return [button(case, Move.VERIFY), button(case, Move.REJECT)]


async def _withdrawn(made: Made, desk: Desk) -> None:
    case = made.case
    if case.status is not Status.WITHDRAWN:
        await made.news.answer("case.you_withdrew_alone", number=case.number)
        return
    await made.news.answer("case.you_withdrew", number=case.number)
    again = Choice("report.title", opens="report")
    await made.news.tell_followers("case.withdrawn_followed", number=case.number, choices=[again])
    await made.news.tell_handlers(made.before, "case.was_withdrawn", **made.where)


async def _dismissed(made: Made, desk: Desk) -> None:
    await made.news.answer("case.you_dismissed", number=made.case.number)
    await _ended(made, "case.was_dismissed", desk)


async def _disowned(made: Made, desk: Desk) -> None:
    await made.news.answer("case.you_disowned", number=made.case.number)
    await _ended(made, "case.was_disowned", desk)


async def _ended(made: Made, key: str, desk: Desk) -> None:
    case = made.case
    await made.news.tell_reporter(
        key,
        number=case.number,
        why=made.moved.words,
        hotline=desk.district.hotline,
        choices=[button(case, Move.REOPEN)],
        others=[],
    )
    await _stand_down(made)


async def _stand_down(made: Made) -> None:
    """Let the one it lay with know that there is nothing to do about it now."""
    status = Phrase(f"case.status.{made.case.status}")
    await made.news.tell_handlers(made.before, "case.stand_down", status=status, **made.where)


async def _merged(made: Made, desk: Desk) -> None:
    case, kept = made.case, made.kept
    if kept is None:
        raise LookupError(f"case {case.id} was merged into none")
    await desk.cases.step(kept, Step(desk.now, made.person.id, Move.JOIN, part=Part.STAFF, target=case.id))
    await made.news.answer("case.you_merged", number=case.number, into=kept.number)
    await made.news.tell_reporter(
        "case.was_merged", number=case.number, into=kept.number, due=kept.due_at, others=[unfollow(kept)]
    )
    await desk.cases.join(case, kept)
    others = await desk.cases.followers(kept.id)
    await made.news.tell_handlers(
        kept,
        "case.joined",
        number=kept.number,
        other=case.number,
        count=len(others) + 1,
        choices=[button(kept, Move.ACCEPT if kept.status is Status.DISPATCHED else Move.FINISH)],
    )
    await _stand_down(made)


async def _hung(made: Made, desk: Desk) -> None:
    case = made.case
    if case.look_at is None:
        raise LookupError(f"case {case.id} hangs for ever")
    await desk.plan(
        LookAgain(case.id, case.look_at), case.look_at, key=f"look:{case.id}:{case.look_at.timestamp():.0f}"
    )
    facts: dict[str, Any] = {"number": case.number, "date": date_of(case.look_at, desk.district)}
    await made.news.answer("case.you_hung", **facts)
    await made.news.tell_reporter("case.was_hung", why=made.moved.words, **facts)
    await _stand_down(made)


async def _resumed(made: Made, desk: Desk) -> None:
    case = made.case
    arrange = [] if case.worker_id else _to_arrange(case)
    await made.news.answer("case.you_resumed", number=case.number, due=case.due_at, choices=arrange)
    await _give_to_worker(case, made.news, desk)
    await made.news.tell_reporter("case.was_resumed", number=case.number, due=case.due_at)


async def _time_asked(made: Made, desk: Desk) -> None:
    case = made.case
    facts: dict[str, Any] = {"number": case.number, "until": case.asked_until}
    told = await made.news.tell_above(
        "case.time_asked",
        over=case.asked_rank or 1,
        who=signed(case, made.person, desk.district),
        place=case.place,
        due=case.due_at,
        why=made.moved.words,
        choices=[button(case, Move.GIVE_TIME), button(case, Move.DENY_TIME)],
        **facts,
    )
    await made.news.answer("case.you_asked_time" if told else "case.nobody_above", **facts)


async def _time_given(made: Made, desk: Desk) -> None:
    case = made.case
    await deadlines.plan(case, desk)
    facts: dict[str, Any] = {"number": case.number, "due": case.due_at}
    await made.news.answer("case.you_gave_time", **facts)
    await made.news.tell(made.before.asked_by, "case.time_given", kind=Kind.PUSH, place=case.place, **facts)
    await made.news.tell_handlers(case, "case.time_given", place=case.place, **facts)
    steps = await desk.cases.steps(case.id)
    why = next((step.words for step in reversed(steps) if step.move is Move.ASK_TIME), "")
    await made.news.tell_reporter("case.was_extended", why=why, **facts)


async def _time_denied(made: Made, desk: Desk) -> None:
    case = made.case
    facts: dict[str, Any] = {"number": case.number, "due": case.due_at}
    await made.news.answer("case.you_denied_time", **facts)
    said: dict[str, Any] = {"place": case.place, "why": made.moved.words, **facts}
    await made.news.tell(made.before.asked_by, "case.time_denied", kind=Kind.PUSH, **said)
    await made.news.tell_handlers(case, "case.time_denied", **said)


async def _reopened(made: Made, desk: Desk) -> None:
    case, news = made.case, made.news
    await deadlines.plan(case, desk)
    await news.answer("case.you_reopened", number=case.number, due=case.due_at)
    facts: dict[str, Any] = {"why": made.moved.words, "photos": made.moved.photos, "due": case.due_at, **made.where}
    await news.tell_worker(
        "case.reopened_task", choices=[button(case, Move.ACCEPT), button(case, Move.RETURN)], **facts
    )
    await news.tell_above("case.reopened_to_staff", choices=[button(case, Move.DISPATCH)], **facts)
    await news.tell_followers("case.reopened_followed", number=case.number, due=case.due_at)


async def _appraised(made: Made, desk: Desk) -> None:
    await _thank(made, desk)


async def _remarked(made: Made, desk: Desk) -> None:
    case = made.case
    await made.news.answer("case.you_remarked", number=case.number)
    said: dict[str, Any] = {
        "number": case.number,
        "words": made.moved.words,
        "photos": made.moved.photos,
        "choices": [button(case, Move.REMARK)],
    }
    await made.news.tell_handlers(case, "case.was_remarked", **said)
    await made.news.tell(case.reporter_id, "case.was_remarked", **said)


async def _reclassified(made: Made, desk: Desk) -> None:
    case, news = made.case, made.news
    category = desk.district.category_of(case)
    facts: dict[str, Any] = {"number": case.number, "category": category.name, "due": case.due_at}
    arrange = [] if case.worker_id or case.department else [button(case, Move.DISPATCH)]
    department = desk.district.department(category.department).name
    await news.answer("case.you_reclassified", choices=arrange, department=department, **facts)
    await deadlines.plan(case, desk)
    await news.tell_worker(
        "case.reclassified_task",
        place=case.place,
        choices=[button(case, Move.FINISH), button(case, Move.RETURN)],
        **facts,
    )
    if not (case.worker_id or case.department):
        await news.tell_handlers(made.before, "case.taken_back", **made.where)
    await news.tell_reporter("case.was_reclassified", **facts)


async def _mediated(made: Made, desk: Desk) -> None:
    """The other side is whoever the code is given to; those who had a hand in the case do not mediate it."""
    case = made.case
    await made.news.answer("case.you_mediated", number=case.number)
    await made.news.tell_reporter("case.was_mediated", number=case.number, others=[])
    await _stand_down(made)
    rooms = rooms_for(desk.district.rooms, case.grid)
    if not rooms:
        raise Refused("mediate.none", hotline=desk.district.hotline)
    barred = dict.fromkeys((*case.doers, case.worker_id or 0, made.person.id))
    await desk.happen(MediationAsked(made.person.id, rooms[0].code, case.words, "", case.reporter_id, tuple(barred)))


async def _hidden(made: Made, desk: Desk) -> None:
    await made.news.answer("case.you_hid", number=made.case.number)


async def _read(made: Made, desk: Desk) -> None:
    """All that lies in the file, once, to whoever has said why."""
    case = made.case
    category = desk.district.category_of(case)
    reporter = await desk.people.get(case.reporter_id) if case.reporter_id and not case.anonymous else None
    letters = await desk.letters.last(case.id, limit=30)
    # Not by way of the news, which would keep back just what was asked for.
    await desk.tell(
        made.person.id,
        "case.file",
        number=case.number,
        place=case.place,
        words=case.words,
        category=category.name,
        reporter=Phrase("case.phone", {"phone": reporter.phone}) if reporter and reporter.phone else "",
        letters=tuple(line(each) for each in letters) or Phrase("letter.none"),
        photos=await desk.cases.photos(case.id),
    )


_TELL = {
    Move.ACCEPT: _accepted,
    Move.RETURN: _returned,
    Move.DISPATCH: _dispatched,
    Move.FINISH: _finished,
    Move.ON_SITE: at_work.arrived,
    Move.HAND_OVER: at_work.offered,
    Move.TAKE_OVER: at_work.taken_over,
    Move.DECLINE: at_work.declined,
    Move.RATE: _rated,
    Move.VERIFY: _verified,
    Move.REJECT: _rejected,
    Move.ASK_CHECK: _check_asked,
    Move.WITHDRAW: _withdrawn,
    Move.DISMISS: _dismissed,
    Move.DISOWN: _disowned,
    Move.MERGE: _merged,
    Move.HANG: _hung,
    Move.RESUME: _resumed,
    Move.ASK_TIME: _time_asked,
    Move.GIVE_TIME: _time_given,
    Move.DENY_TIME: _time_denied,
    Move.REOPEN: _reopened,
    Move.APPRAISE: _appraised,
    Move.REMARK: _remarked,
    Move.RECLASSIFY: _reclassified,
    Move.MEDIATE: _mediated,
    Move.HIDE: _hidden,
    Move.READ: _read,
    **dispatch.TELL,
}


@when(SameTroubleMet)
async def follow(met: SameTroubleMet, desk: Desk) -> None:
    """They are told at each step as its reporter is; whose report it was they are not told."""
    case = await desk.cases.get(met.case, lock=True)
    category = desk.district.category_of(case)
    if category.to_staff or case.status not in UNDONE:
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
        choices=[unfollow(case)],
    )


@when(FollowingEnded)
async def end_following(ended: FollowingEnded, desk: Desk) -> None:
    case = await desk.cases.get(ended.case)
    await desk.cases.unfollow(case.id, ended.by)
    await desk.tell(ended.by, "case.you_unfollowed", number=case.number)


@when(DeadlineNears)
async def warn_of_deadline(nears: DeadlineNears, desk: Desk) -> None:
    case = await desk.cases.get(nears.case)
    if not still_owed(case, nears.round, nears.due_at):
        return
    morning = deadlines.waits_until(case, desk)
    if desk.now < morning < case.due_at:
        await desk.plan(nears, morning, key=f"deadline:{deadlines.promise_of(case)}:{morning.isoformat()}")
        return
    await deadlines.plan_climb(case, desk)
    if case.due_at <= desk.now:
        # We were down meanwhile: what the climb says is what is so.
        return
    news = News(case, desk)
    move = Move.ACCEPT if case.status is Status.DISPATCHED else Move.FINISH
    told = case.status is not Status.RETURNED and await news.tell_worker(
        "case.deadline_near",
        once=f"deadline:{deadlines.promise_of(case)}",
        choices=[button(case, move), button(case, Move.ASK_TIME)],
        **shown(case, desk),
    )
    if not told:
        await news.tell_above("case.deadline_near", choices=[button(case, Move.DISPATCH)], **shown(case, desk))


@when(CheckOverdue)
async def ask_for_a_check(overdue: CheckOverdue, desk: Desk) -> None:
    """The grid leader, or whoever is next above, checks in the reporter's stead, or sends another gridworker."""
    case = await desk.cases.get(overdue.case)
    if case.round == overdue.round and case.status is Status.DONE:
        await News(case, desk).tell_above(
            "case.check_please",
            over=_LEADERS_UP,
            unless=case.doers,
            **await _to_check(case, desk),
            choices=[*_checks(case), button(case, Move.ASK_CHECK)],
        )


@when(LookAgain)
async def look_again(again: LookAgain, desk: Desk) -> None:
    case = await desk.cases.get(again.case)
    if case.status is Status.HUNG and case.look_at == again.at:
        await News(case, desk).tell_above(
            "case.look_again",
            choices=[button(case, Move.RESUME), button(case, Move.HANG), button(case, Move.DISMISS)],
            **shown(case, desk),
        )


@when(OfficeLeft)
async def take_back(left: OfficeLeft, desk: Desk) -> None:
    """What lay with somebody who left is now with whoever else has that grid, or waits for those above."""
    heirs: succession.Heirs = {}
    for found in await desk.cases.of_worker(left.person, WITH_WORKER):
        heir = await succession.successor(found, desk, unless=left.person)
        if heir and (passed := await succession.pass_on(found.id, heir, desk)):
            heirs.setdefault(heir.id, (heir, []))[1].append(passed)
            continue
        before = await desk.cases.get(found.id, lock=True)
        case = replace(_unasked(before), status=Status.RETURNED, worker_id=None, department=None, offered_to=None)
        await desk.cases.step(case, Step(desk.now, left.person, Move.LEAVE))
        await News(case, desk).tell_above(
            "case.task_for_staff", unless=(left.person,), choices=_to_arrange(case), **shown(case, desk)
        )
    await succession.tell(left.person, heirs, desk)


@when(ChatLost)
async def find_somebody_else(lost: ChatLost, desk: Desk) -> None:
    """A gridworker cannot be reached any more: what lies with them is told to those above."""
    owner = await desk.people.of_contact(lost.contact)
    if owner is None or await desk.people.chat_of(owner.id) is not None:
        return
    for case in await desk.cases.of_worker(owner.id, WITH_WORKER):
        await News(case, desk).tell_above(
            "case.task_unmanned",
            unless=(owner.id,),
            worker=owner.name or "",
            choices=[button(case, Move.DISPATCH)],
            **shown(case, desk),
        )
