"""Somebody does something with a case: takes it, gives it back, finishes it, rates it. Opened by the case's buttons."""

from datetime import datetime, timedelta
from typing import Any

from bot.core.errors import Unclear
from bot.core.render import Phrase
from bot.core.talk import Ask, Heard, Talk, conversation
from domain import responsible
from domain.areas import Level
from domain.cases import RULES, Case, CaseMoved, Move, Need, Score, check
from domain.catalogue import OTHER
from domain.district import District
from domain.people import WORKERS, Person
from domain.refusals import Refused
from domain.walking import about, metres
from domain.working_time import Term, Unit
from handlers.colleagues import workers_of
from nlp import plain, when
from services.cases import FOLLOWERS_TOO
from services.news import short
from services.sight import all_seen, seen
from storage.desk import Desk


def _done(heard: Heard, _district: District) -> Heard:
    """A photo, some words, or the word that there is nothing to add."""
    if not (heard.choice or heard.photos or heard.text):
        raise Unclear("plain.words_please")
    return heard


def _photo(heard: Heard, _district: District) -> Heard:
    if not heard.photos:
        raise Unclear("case.needs.photo_first")
    return heard


def _there(heard: Heard, district: District) -> Heard:
    """A position will do as well."""
    return heard if heard.position else _done(heard, district)


def _moment(heard: Heard, district: District) -> datetime:
    """One of the moments offered, or any other to come."""
    return datetime.fromisoformat(heard.choice) if heard.choice else when.read(heard, district)


# What is shown beside the reason, photos too, is for these to be seen.
_SHOWN = (Move.REJECT, Move.REMARK, Move.REOPEN, Move.ANSWER)
WHY: dict[Move, Ask[Any]] = {
    move: Ask(f"case.why.{move}", _done if move in _SHOWN else plain.words(least=2, most=300), free=True)
    for move, rule in RULES.items()
    if Need.REASON in rule.needs
}
RESULT = Ask("case.result", _done, choices=(("case.no_more", "plain"),), free=True)
# Asked under the same name: the answer to either says how it was done.
PHOTO = Ask("case.result_photo", _photo, free=True)
SCORE = Ask("case.score", plain.number_choice, choices=(("case.good", "3"), ("case.fair", "2"), ("case.poor", "1")))
WHY_POOR = Ask("case.why_poor", _done, choices=(("case.no_comment", "plain"),), free=True)
KIND = Ask("case.kind", plain.choice)
WORKER = Ask("case.to_whom", plain.number_choice)
# Answered under the same name.
COLLEAGUE = Ask("case.to_colleague", plain.number_choice)
PASS_ON = Ask("case.pass_on", _done, choices=(("case.nothing_to_pass_on", "plain"),), free=True)
ARRIVAL = Ask("case.arrival", _there, choices=(("case.just_here", "plain"),), free=True)
CHECKER = Ask("case.by_whom", plain.number_choice)
INTO = Ask("case.into", plain.number_choice)
DEPARTMENT = Ask("case.which_department", plain.choice)
UNTIL = Ask("case.until", _moment)
SURE = Ask("case.sure_withdraw", plain.choice, choices=(("word.yes", "yes"), ("word.no", "no")))


@conversation("case_move")
async def move_case(talk: Talk[Desk]) -> CaseMoved | None:
    move = Move(talk.given["move"])
    case = await talk.look("case", Case, lambda desk: desk.cases.get(int(talk.given["case"])))
    follows = move in FOLLOWERS_TOO and await talk.look(
        "follows", bool, lambda desk: desk.cases.follows(case.id, talk.person.id)
    )
    shown = seen(case, talk.person, talk.district, follows=follows)
    if shown is None:
        raise Refused("case.not_found")
    # Said before they write a reason in vain; the rule is asked again when it is done.
    check(case, move, talk.person, talk.now, follows=follows)
    if (
        follows
        and move is Move.APPRAISE
        and await talk.look("rated", bool, lambda desk: desk.cases.rated(case, talk.person.id))
    ):
        raise Refused("case.rated", number=case.number)
    words, photos = "", tuple[str, ...]()
    to: int | None = None
    into: int | None = None
    score: int | None = None
    category: str | None = None
    until: datetime | None = None
    department: str | None = None
    if move in WHY:
        said = await talk.ask(WHY[move], number=case.number)
        if isinstance(said, Heard):
            words, photos = said.text[:1000] or "（见照片）", said.photos
        else:
            words = said
    match move:
        case Move.FINISH:
            pictured = await talk.look("shown", bool, lambda desk: has_photos(desk, case))
            result = await talk.ask(PHOTO if pictured else RESULT, name="case.result", number=case.number)
            words, photos = "" if result.choice else result.text, result.photos
        case Move.RATE | Move.APPRAISE:
            given = talk.given.get("score")
            score = int(given) if given else await talk.ask(SCORE, number=case.number)
            if score == Score.POOR:
                why = await talk.ask(WHY_POOR, number=case.number)
                words, photos = "" if why.choice else why.text[:1000], why.photos
        case Move.WITHDRAW:
            if await talk.ask(SURE, number=case.number) == "no":
                talk.say("case.kept", number=case.number)
                return None
        case Move.DISPATCH:
            to = await talk.ask(WORKER, await _workers(talk, case), number=case.number)
        case Move.ON_SITE:
            there = await talk.ask(ARRIVAL, number=case.number)
            words, photos = "" if there.choice else (there.text[:1000] or _how_near(case, there)), there.photos
        case Move.HAND_OVER:
            people = await talk.look("colleagues", list[Person], lambda desk: workers_for(case, desk, chat=True))
            free = [each for each in people if each.id not in (talk.person.id, case.worker_id, case.offered_to)]
            if not free:
                talk.say("case.offered_before" if case.offered_to else "case.no_colleague", number=case.number)
                return None
            to = await talk.ask(COLLEAGUE, _named(talk, free), name="case.to_whom", number=case.number)
            message = await talk.ask(PASS_ON, number=case.number)
            words = "" if message.choice else message.text[:300]
        case Move.ASK_CHECK:
            others = [(name, number) for name, number in await _workers(talk, case) if int(number) not in case.doers]
            if not others:
                talk.say("case.no_checker", number=case.number)
                return None
            to = await talk.ask(CHECKER, others, number=case.number)
        case Move.MERGE:
            beside = await talk.look("beside", list[Case], lambda desk: desk.cases.beside(case))
            likely = all_seen(beside, talk.person, talk.district)
            if not likely:
                talk.say("case.nothing_beside", number=case.number)
                return None
            offers = [(f"{each.number} {each.place} {short(each.words, 10)}", str(each.id)) for each in likely]
            into = await talk.ask(INTO, offers, number=case.number, place=shown.place, words=shown.words)
        case Move.HANG | Move.ASK_TIME:
            start = case.due_at if move is Move.ASK_TIME else talk.now
            until = await talk.ask(UNTIL, _days_on(start, move), number=case.number)
        case Move.SUPERVISE:
            until = await talk.ask(UNTIL, _soon(talk), number=case.number)
        case Move.ASSIGN:
            department = await talk.ask(
                DEPARTMENT,
                departments_for(case, talk.district),
                number=case.number,
                place=case.place,
                words=short(case.words, 20),
                first=_first(case, talk.district),
            )
        case Move.RECLASSIFY:
            guessed = [each for each in talk.kinds(case.words) if each.code != OTHER]
            kinds = dict.fromkeys([*guessed, *talk.district.catalogue.on(talk.district.day(talk.opening.at))])
            category = await talk.ask(
                KIND, [(each.name, each.code) for each in kinds if each.code != case.category], number=case.number
            )
    return CaseMoved(
        case=case.id,
        move=move,
        by=talk.person.id,
        words=words,
        photos=photos,
        to=to,
        into=into,
        score=score,
        category=category,
        until=until,
        department=department,
    )


async def has_photos(desk: Desk, case: Case) -> bool:
    """Whether it was reported with any: then how it was done is shown as well."""
    return bool(await desk.cases.photos(case.id))


def _days_on(start: datetime, move: Move) -> list[tuple[str, str]]:
    """Moments in one tap: so long after the promised time, or from now."""
    offered = (("case.day_more", 1), ("case.three_days_more", 3), ("case.week_more", 7))
    if move is Move.HANG:
        offered = (("case.in_week", 7), ("case.in_month", 30), ("case.in_quarter", 90))
    return [(label, (start + timedelta(days=days)).isoformat()) for label, days in offered]


def _soon(talk: Talk[Desk]) -> list[tuple[str, str]]:
    """Moments by which an answer can be asked for, in one tap."""
    calendar, day = talk.district.calendar, Unit.WORKING_DAY
    offered = (
        ("case.in_half_day", Term(4, Unit.WORKING_HOUR)),
        ("case.in_working_day", Term(1, day)),
        ("case.in_three_working_days", Term(3, day)),
    )
    return [(label, calendar.due(talk.now, term).isoformat()) for label, term in offered]


def _first(case: Case, district: District) -> Phrase:
    """Whom to ask first, and why: 部件先属主后属地、事件先属地后属主."""
    category = district.category_of(case)
    owner = responsible.owner(category, district.department(category.department), district.manager(case))
    order = responsible.in_order(category.nature, owner, district.area_name(case.grid[:12]))
    names = {"first": order[0].name, "then": order[-1].name}
    return Phrase(f"case.first.{category.nature}", names) if owner else Phrase("case.first_unknown", names)


def departments_for(case: Case, district: District) -> list[tuple[str, str]]:
    """The departments the district may give a case to, the one its category names first."""
    named = district.category_of(case).department
    found = [each for each in district.departments.values() if each.level is not Level.COMMUNITY]
    return [
        (each.short, each.code)
        for each in sorted(found, key=lambda each: each.code != named)
        if each.code != case.department
    ]


async def _workers(talk: Talk[Desk], case: Case) -> list[tuple[str, str]]:
    return _named(talk, await talk.look("workers", list[Person], lambda desk: workers_for(case, desk)))


def _named(talk: Talk[Desk], people: list[Person]) -> list[tuple[str, str]]:
    return [(f"{person.name} · {talk.district.area_name(person.roles[0].area)}", str(person.id)) for person in people]


def _how_near(case: Case, there: Heard) -> str:
    """How far from what was reported somebody is; where they are is nobody's business and not kept."""
    if there.position is None:
        return "（见照片）"
    if case.latitude is None or case.longitude is None:
        return "（发了定位）"
    here = (there.position.latitude, there.position.longitude)
    return f"（离报的地方约 {about(metres(here, (case.latitude, case.longitude)))}）"


async def workers_for(case: Case, desk: Desk, *, chat: bool = False) -> list[Person]:
    """Who a case may be given to: its community's workers with a chat, its own grid's first; all, if none has one.

    `chat`: only those who have one.
    """
    for reachable in (True,) if chat else (True, False):
        if found := await workers_of(case.grid[:12], desk, reachable=reachable):
            break
    if desk.district.category_of(case).to_staff:
        found = [person for person in found if not person.serves(case.grid, WORKERS)]
    return sorted(found, key=lambda person: (not person.serves(case.grid, WORKERS), person.id))
