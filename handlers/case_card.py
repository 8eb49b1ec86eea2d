"""How a case looks to the one who asks: its state, its steps, and buttons for what they may do with it."""

from bot.core.render import Phrase
from bot.core.talk import Talk
from bot.core.words import Choice
from domain.cases import REOPENED, Case, Move, Part, Phase, Status, Step, moves, parts, phase
from services.news import button, date_of, day_of
from storage.desk import Desk

# The buttons a card offers, in the order they are wanted.
_OFFERED = (
    Move.ACCEPT,
    Move.FINISH,
    Move.RATE,
    Move.APPRAISE,
    Move.VERIFY,
    Move.REJECT,
    Move.ASK_CHECK,
    Move.GIVE_TIME,
    Move.DENY_TIME,
    Move.RESUME,
    Move.DISPATCH,
    Move.RETURN,
    Move.ASK_TIME,
    Move.MERGE,
    Move.HANG,
    Move.DISOWN,
    Move.DISMISS,
    Move.RECLASSIFY,
    Move.REOPEN,
    Move.REMARK,
    Move.WITHDRAW,
)
# Said among colleagues, or to be read only by who has asked for it.
_INSIDE = (Move.RETURN, Move.DENY_TIME)


def buttons(talk: Talk[Desk], case: Case) -> tuple[Choice, ...]:
    """What this person may do with this case now, as buttons."""
    possible = moves(case, talk.person, talk.now)
    return tuple(button(case, move) for move in _OFFERED if move in possible)


async def show(talk: Talk[Desk], case: Case) -> None:
    """The whole case in one message, with its photos and buttons."""
    steps = await talk.look("steps", list[Step], lambda desk: desk.cases.steps(case.id))
    photos = await talk.look("photos", tuple[str, ...], lambda desk: desk.cases.photos(case.id))
    # Only those who deal with it read how to reach its reporter.
    inside = parts(case, talk.person) & {Part.WORKER, Part.STAFF}
    reporter = case.reporter_id if inside and case.reporter_id != talk.person.id else None
    phone = await talk.look("phone", str | None, lambda desk: _phone(desk, reporter))
    others = len(await talk.look("followers", list[int], lambda desk: desk.cases.followers(case.id))) if inside else 0
    talk.say(
        "case.card",
        choices=buttons(talk, case),
        photos=photos,
        number=case.number,
        category=talk.district.category_of(case).name,
        place=case.place,
        words=case.words,
        status=Phrase(f"case.status.{case.status}"),
        progress=_progress(case),
        due=case.due_at,
        further=_further(talk, case),
        when=day_of(case),
        phone=Phrase("case.phone", {"phone": phone}) if phone else "",
        others=Phrase("case.others", {"count": others}) if others else "",
        grid=talk.district.area_name(case.grid),
        steps=tuple(
            Phrase(
                "case.step",
                {
                    "at": step.at,
                    "move": Phrase(f"case.did.{step.move}"),
                    "words": _why(step, inside=bool(inside)),
                },
            )
            for step in steps
        ),
    )


def _why(step: Step, *, inside: bool) -> Phrase | str:
    """What was said at a step; some of it, as why a worker gave it back, among colleagues only."""
    if step.move is Move.CLIMB:
        return Phrase(f"role.{step.words}")
    return f"：{step.words}" if step.words and (inside or step.move not in _INSIDE) else ""


def _progress(case: Case) -> Phrase | str:
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


def opener(conversation: str, case: Case) -> Choice:
    """A case in one button: number and first words."""
    return Choice(f"{case.number} {short(case.words, 12)}", opens=conversation, given={"case": str(case.id)})


def short(words: str, most: int) -> str:
    return words if len(words) <= most else words[: most - 1] + "…"
