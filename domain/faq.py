"""What comes of matching a resident's words against the district's FAQ."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from domain.district import Entry


@dataclass(frozen=True, slots=True)
class Match:
    """The entry we are sure of, if one; the nearest ones, best first; whether the words sound like a question.

    `certainty` is the chance, from 0 to 1, that the nearest entry is the one meant.
    """

    sure: Entry | None = None
    near: tuple[Entry, ...] = ()
    question: bool = False
    certainty: float = 0.0


@dataclass(frozen=True, slots=True)
class QuestionAsked:
    """Nobody could answer this; `near` are the entries it might have meant, best first."""

    by: int
    words: str
    near: tuple[str, ...]


def in_force(entry: Entry, day: date) -> bool:
    """Whether an answer holds on a day."""
    return (entry.valid_from is None or entry.valid_from <= day) and (
        entry.valid_until is None or day <= entry.valid_until
    )


def stale(entries: Iterable[Entry], day: date, days: int) -> list[Entry]:
    """The entries whose answer nobody has checked for so many days, or is no longer in force."""
    return [
        entry
        for entry in entries
        if entry.checked < day - timedelta(days) or (entry.valid_until is not None and entry.valid_until < day)
    ]
