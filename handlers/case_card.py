"""How a case looks to the one who asks: its state, its steps, and buttons for what they may do with it."""

from bot.core.render import Phrase
from bot.core.talk import Talk
from bot.core.words import Choice
from domain.cases import OPEN, RANKS, REOPENED, Case, Move, Phase, Status, Step, moves, phase
from domain.district import District
from domain.letters import Side, side
from domain.people import STAFF, Role
from domain.refusals import Refused
from domain.sight import Sight
from domain.whistles import JUDGES, Call, Standing, Whistle, may_blow
from nlp import place
from services.news import button, date_of, day_of, letter, promised
from services.sight import seen, sight_of
from services.whistles import answers, closing, judging
from storage.desk import Desk

# The buttons a card offers, in the order they are wanted.
_OFFERED = (
    Move.TAKE_OVER,
    Move.DECLINE,
    Move.ACCEPT,
    Move.ON_SITE,
    Move.FINISH,
    Move.RATE,
    Move.APPRAISE,
    Move.VERIFY,
    Move.REJECT,
    Move.ASK_CHECK,
    Move.GIVE_TIME,
    Move.DENY_TIME,
    Move.RESUME,
    Move.ANSWER,
    Move.ASSIGN,
    Move.DISPATCH,
    Move.RAISE,
    Move.LOWER,
    Move.RETURN,
    Move.SUPERVISE,
    Move.HAND_OVER,
    Move.ASK_TIME,
    Move.MERGE,
    Move.HANG,
    Move.DISOWN,
    Move.DISMISS,
    Move.MEDIATE,
    Move.RECLASSIFY,
    Move.REOPEN,
    Move.REMARK,
    Move.URGE,
    Move.WITHDRAW,
    Move.HIDE,
    Move.READ,
)
# Where there is somebody on the other side.
_MEDIATED = ("neighbours", "noise", "leak", "property", "dogs", "parking")
# Said among colleagues, or to be read only by who has asked for it.
_INSIDE = (Move.RETURN, Move.DENY_TIME, Move.READ, Move.SUPERVISE, Move.RAISE, Move.LOWER, Move.STAY_AWAY)
# Among colleagues altogether.
AMONG_US = (Move.HAND_OVER, Move.DECLINE)


def buttons(talk: Talk[Desk], case: Case) -> tuple[Choice, ...]:
    """What this person may do with this case now, as buttons."""
    possible = moves(case, talk.person, talk.now)
    sight = sight_of(case, talk.person, talk.district)
    unasked = set[Move]()
    if not talk.district.category_of(case).private:
        unasked.add(Move.HIDE)
    if sight is None or sight.door:
        unasked.add(Move.READ)
    if case.category not in _MEDIATED or not talk.district.rooms:
        unasked.add(Move.MEDIATE)
    return tuple(button(case, move) for move in _OFFERED if move in possible and move not in unasked)


async def show(talk: Talk[Desk], case: Case) -> None:
    """All of a case that is theirs to see in one message, with its photos and buttons."""
    sight, shown = sight_of(case, talk.person, talk.district), seen(case, talk.person, talk.district)
    if sight is None or shown is None:
        raise Refused("case.not_found")
    choices = [*buttons(talk, case), *await _whistles(talk, case)]
    case = shown
    letters = await talk.look("letters", int, lambda desk: desk.letters.count(case.id))
    if writes := _writes_as(talk, case):
        choices.append(letter(case, writes))
    steps = await talk.look("steps", list[Step], lambda desk: desk.cases.steps(case.id))
    photos = await talk.look("photos", tuple[str, ...], lambda desk: _photos(desk, case, sight))
    # Only those who deal with it read how to reach its reporter.
    inside = sight.inside
    reporter = case.reporter_id if sight.phone else None
    phone = await talk.look("phone", str | None, lambda desk: _phone(desk, reporter))
    others = len(await talk.look("followers", list[int], lambda desk: desk.cases.followers(case.id))) if inside else 0
    talk.say(
        "case.card",
        choices=choices,
        photos=photos,
        number=case.number,
        category=talk.district.category_of(case).name,
        place=case.place,
        words=case.words,
        status=Phrase(f"case.status.{case.status}"),
        progress=progress(case),
        promised=promised(case, talk.now, talk.district),
        further=Phrase("case.further", {"held": _held(talk, case), "further": _further(talk, case)}),
        when=day_of(case),
        phone=Phrase("case.phone", {"phone": phone}) if phone else "",
        others=Phrase("case.others", {"count": others}) if others else "",
        unnamed=Phrase("case.anonymous") if inside and case.anonymous else "",
        letters=Phrase("letter.count", {"count": letters}) if letters else "",
        grid=talk.district.area_name(case.grid),
        steps=tuple(
            Phrase(
                "case.step",
                {
                    "at": step.at,
                    "move": Phrase(f"case.did.{step.move}"),
                    "words": _why(step, talk.district, inside=inside, door=sight.door),
                },
            )
            for step in steps
            if inside or step.move not in AMONG_US
        ),
    )


async def _whistles(talk: Talk[Desk], case: Case) -> list[Choice]:
    """The button to whistle, or those by which somebody answers the whistle that was blown."""
    if not case.called:
        try:
            may_blow(case, talk.person)
        except Refused:
            return []
        return [Choice("whistle.button.blow", opens="whistle", given={"case": str(case.id)})]
    whistle = await talk.look("whistle", Whistle | None, lambda desk: desk.whistles.of_case(case.id))
    if whistle is None:
        return []
    called = await talk.look("called", list[Call], lambda desk: desk.whistles.calls(whistle.id))
    choices = list[Choice]()
    for each in called:
        if talk.person.of_department(each.department, case.grid):
            choices += answers(each)
        if each.standing is Standing.DECLINED and talk.person.serves(case.grid, JUDGES):
            choices += judging(each)
    if talk.person.serves(case.grid, STAFF):
        choices.append(closing(whistle))
    return choices


def _writes_as(talk: Talk[Desk], case: Case) -> Side | None:
    """As whom this person may write to the other side of a case."""
    try:
        return side(case, talk.person, talk.district.category_of(case), talk.now)
    except Refused:
        return None


async def _photos(desk: Desk, case: Case, sight: Sight) -> tuple[str, ...]:
    return await desk.cases.photos(case.id) if sight.photos else ()


def _why(step: Step, district: District, *, inside: bool, door: bool) -> Phrase | str:
    """What was said at a step; some of it, as why a worker gave it back, among colleagues only."""
    if step.move is Move.CLIMB:
        return Phrase(f"role.{step.words}")
    if step.move is Move.ASSIGN:
        return Phrase("case.to_department", {"department": district.department(step.words).short})
    why = ""
    if step.words and (inside or step.move not in _INSIDE):
        why = f"：{step.words if door else place.doorless(step.words)}"
    if step.move in (Move.RAISE, Move.LOWER):
        level = next(role for role in STAFF if RANKS[role] == step.target)
        return Phrase("case.to_level", {"level": Phrase(f"level.{level}"), "why": why})
    return why


def progress(case: Case) -> Phrase | str:
    """All phases in one line: those over, the one it is in, those to come. None for what left the loop."""
    here = phase(case)
    if here is None and case.status is not Status.CLOSED:
        return ""
    order = [*Phase]
    place = order.index(here) if here else len(order)
    marks = {
        each.value: Phrase(
            "case.phase.over" if number < place else "case.phase.here" if number == place else "case.phase.to_come"
        )
        for number, each in enumerate(order)
    }
    return Phrase("case.progress", marks)


def _held(talk: Talk[Desk], case: Case) -> Phrase | str:
    """Where it lies, when that is not the community; and until when somebody waits for an answer."""
    held: Phrase | str = ""
    if case.status in OPEN and case.department:
        held = Phrase("case.with_department", {"department": talk.district.department(case.department).short})
    elif case.status in OPEN and case.level is not Role.COMMUNITY:
        held = Phrase("case.with_level", {"level": Phrase(f"level.{case.level}")})
    owed = Phrase("case.answer_by", {"by": case.answer_by}) if case.answer_by else ""
    return Phrase("case.further", {"held": held, "further": owed})


def _further(talk: Talk[Desk], case: Case) -> Phrase | str:
    """What is to be known besides the promised time."""
    if case.status is Status.HUNG and case.look_at:
        return Phrase("case.hangs_until", {"date": date_of(case.look_at, talk.district)})
    if case.asked_until:
        return Phrase("case.asked_until", {"until": case.asked_until})
    if case.status in REOPENED and case.reopen_until and talk.now <= case.reopen_until:
        return Phrase("case.may_reopen", {"date": date_of(case.reopen_until, talk.district)})
    return ""


async def _phone(desk: Desk, person_id: int | None) -> str | None:
    person = await desk.people.get(person_id) if person_id else None
    return person.phone if person else None
