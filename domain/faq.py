"""What comes of matching a resident's words against the district's FAQ."""

from dataclasses import dataclass

from domain.district import Entry


@dataclass(frozen=True, slots=True)
class Match:
    """The entry we are sure of, if one; the nearest others, best first; whether the words sound like a question."""

    sure: Entry | None = None
    near: tuple[Entry, ...] = ()
    question: bool = False


@dataclass(frozen=True, slots=True)
class QuestionAsked:
    """Nobody could answer this; `near` are the entries it might have meant, best first."""

    by: int
    words: str
    near: tuple[str, ...]
