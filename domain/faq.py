"""What comes of matching a resident's words against the district's FAQ, and of what it could not answer."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from domain.district import Entry, holds_in


@dataclass(frozen=True, slots=True)
class Match:
    """The entry we are sure of, if one; the nearest ones, best first; whether the words sound like a question.

    `certainty` is the chance, from 0 to 1, that the nearest entry is the one meant.
    """

    sure: Entry | None = None
    near: tuple[Entry, ...] = ()
    question: bool = False
    certainty: float = 0.0

    def within(self, grid: str | None) -> "Match":
        """The same, without what does not hold where somebody lives."""
        near = tuple(entry for entry in self.near if holds_in(entry, grid))
        return replace(self, sure=self.sure if self.sure and holds_in(self.sure, grid) else None, near=near)


@dataclass(frozen=True, slots=True)
class QuestionAsked:
    """Nobody could answer this; `near` are the entries it might have meant, best first.

    `unhelpful`: the entry that was given for an answer and was none.
    """

    by: int
    words: str
    near: tuple[str, ...]
    unhelpful: str | None = None


@dataclass(frozen=True, slots=True)
class AnswerHelped:
    """Somebody was glad of an answer."""

    by: int
    entry: str


class Settling(StrEnum):
    """What staff make of a cluster: an entry of its own, a phrasing of one that is there, or nothing."""

    ENTRY = "entry"
    PHRASING = "phrasing"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Cluster:
    """Open questions that ask the same, as somebody sees them who may: how many asked, and the newest words.

    `wordings` are the newest different ways it was put; `shown` the entries its askers had been shown.
    """

    id: int
    askers: int
    words: str
    wordings: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QuestionsSettled:
    """Staff have dealt with a cluster. `entry` is the one a phrasing is of; `answer` the reason where it is closed."""

    by: int
    cluster: int
    kind: Settling
    entry: str = ""
    question: str = ""
    answer: str = ""
    source: str = ""
    department: str = ""
    valid_until: date | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What was made of a cluster, as it is kept."""

    id: int
    kind: Settling
    areas: tuple[str, ...]
    by: int
    entry: str
    question: str
    answer: str
    source: str
    department: str
    phrasings: tuple[str, ...]
    checked: date
    valid_until: date | None
    withdrawn: bool

    @property
    def entry_id(self) -> str:
        """The entry that answers now: its own, or the one it is a phrasing of."""
        return self.entry or f"answer-{self.id}"

    def as_entry(self) -> Entry:
        """The entry it is."""
        return Entry(
            self.entry_id,
            self.question,
            self.answer,
            self.department,
            self.source,
            self.checked,
            alts=self.phrasings,
            valid_until=self.valid_until,
            areas=self.areas,
        )


@dataclass(frozen=True, slots=True)
class AskersTold:
    """Those who asked hear the answer; those with a number up to `after` have."""

    answer: int
    after: int = 0


@dataclass(frozen=True, slots=True)
class AnswerWithdrawn:
    """Staff take back what they made of a cluster."""

    by: int
    answer: int


def in_force(entry: Entry, day: date) -> bool:
    """Whether an answer holds on a day."""
    return (entry.valid_from is None or entry.valid_from <= day) and (
        entry.valid_until is None or day <= entry.valid_until
    )


class Doubt(StrEnum):
    """Why an answer wants somebody to look at it: past its last day, soon to be, or long not checked."""

    OVER = "over"
    ENDING = "ending"
    OLD = "old"


@dataclass(frozen=True, slots=True)
class StaleTold:
    """The time has come to tell staff which answers want checking; `month` as YYYY-MM in the district's zone."""

    month: str


# So many days before its last one an answer is told of.
ENDING = timedelta(days=14)


def old(entry: Entry, day: date, days: int) -> bool:
    """Whether nobody has checked an answer for more than so many days."""
    return entry.checked < day - timedelta(days)


def doubt(entry: Entry, day: date, days: int) -> Doubt | None:
    """Why an answer wants checking on a day, the most pressing reason; None when it does not."""
    if entry.valid_until is not None and entry.valid_until < day:
        return Doubt.OVER
    if entry.valid_until is not None and entry.valid_until <= day + ENDING:
        return Doubt.ENDING
    return Doubt.OLD if old(entry, day, days) else None
