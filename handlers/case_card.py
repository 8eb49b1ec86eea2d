"""How a case looks to the one who asks: its state, its steps, and buttons for what they may do with it."""

from bot.core.render import Phrase
from bot.core.talk import Talk
from bot.core.words import Choice
from domain.cases import Case, Move, Part, Step, moves, parts
from domain.people import Person
from services.cases import button, day_of
from storage.desk import Desk

# The buttons a card offers, in the order they are wanted.
_OFFERED = (
    Move.ACCEPT,
    Move.FINISH,
    Move.RATE,
    Move.VERIFY,
    Move.REJECT,
    Move.DISPATCH,
    Move.RETURN,
    Move.DISMISS,
    Move.RECLASSIFY,
    Move.REMARK,
    Move.WITHDRAW,
)


def buttons(case: Case, person: Person) -> tuple[Choice, ...]:
    """What this person may do with this case now, as buttons."""
    possible = moves(case, person)
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
        choices=buttons(case, talk.person),
        photos=photos,
        number=case.number,
        category=talk.district.category(case.category).name,
        place=case.place,
        words=case.words,
        status=Phrase(f"case.status.{case.status}"),
        due=case.due_at,
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
    """What was said at a step; why a worker gave it back is said among colleagues."""
    if step.move is Move.CLIMB:
        return Phrase(f"role.{step.words}")
    return f"：{step.words}" if step.words and (inside or step.move is not Move.RETURN) else ""


async def _phone(desk: Desk, person_id: int | None) -> str | None:
    person = await desk.people.get(person_id) if person_id else None
    return person.phone if person else None


def opener(conversation: str, case: Case) -> Choice:
    """A case in one button: number and first words."""
    return Choice(f"{case.number} {short(case.words, 12)}", opens=conversation, given={"case": str(case.id)})


def short(words: str, most: int) -> str:
    return words if len(words) <= most else words[: most - 1] + "…"
