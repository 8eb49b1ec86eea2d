"""How a case looks to the one who asks: its state, its steps, and buttons for what they may do with it."""

from collections.abc import Sequence

from bot.core.render import Phrase
from bot.core.words import Choice
from domain.cases import Case, Move, Step, moves
from domain.district import District
from domain.people import Person
from services.cases import button

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
    Move.REMARK,
    Move.WITHDRAW,
)


def buttons(case: Case, person: Person) -> tuple[Choice, ...]:
    """What this person may do with this case now, as buttons."""
    possible = moves(case, person)
    return tuple(button(case, move) for move in _OFFERED if move in possible)


def shown(case: Case, steps: Sequence[Step], district: District) -> dict[str, object]:
    """What the text `case.card` needs."""
    return {
        "number": case.number,
        "category": district.categories[case.category].name,
        "place": case.place,
        "words": case.words,
        "status": Phrase(f"case.status.{case.status}"),
        "due": case.due_at,
        "grid": district.area_name(case.grid),
        "steps": tuple(
            Phrase(
                "case.step",
                {
                    "at": step.at,
                    "move": Phrase(f"case.did.{step.move}"),
                    "words": f"：{step.words}" if step.words else "",
                },
            )
            for step in steps
        ),
    }


def opener(conversation: str, case: Case) -> Choice:
    """A case in one button: number and first words."""
    return Choice(f"{case.number} {short(case.words, 12)}", opens=conversation, given={"case": str(case.id)})


def short(words: str, most: int) -> str:
    return words if len(words) <= most else words[: most - 1] + "…"
