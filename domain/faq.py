"""What comes of matching a resident's words against the district's FAQ."""

from dataclasses import dataclass

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
