"""A case (案卷): a problem somebody reported, and who may do what with it, from where."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum, StrEnum

from domain.people import STAFF, WORKERS, Person
from domain.refusals import Refused


class Status(StrEnum):
    """How far a case has come. The phases of the closed loop that need a decision of somebody."""

    DISPATCHED = "dispatched"
    HANDLING = "handling"
    RETURNED = "returned"
    DONE = "done"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"
    DISMISSED = "dismissed"


OPEN = (Status.DISPATCHED, Status.HANDLING, Status.RETURNED, Status.DONE)
WITH_WORKER = (Status.DISPATCHED, Status.HANDLING)


class Part(StrEnum):
    """The part somebody plays in one case."""

    REPORTER = "reporter"
    WORKER = "worker"
    STAFF = "staff"


class Move(StrEnum):
    """What can be done with a case."""

    OPEN = "open"
    ACCEPT = "accept"
    RETURN = "return"
    DISPATCH = "dispatch"
    FINISH = "finish"
    RATE = "rate"
    VERIFY = "verify"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    DISMISS = "dismiss"
    REMARK = "remark"
    RECLASSIFY = "reclassify"
    LEAVE = "leave"


class Score(IntEnum):
    """What the reporter makes of the result."""

    POOR = 1
    FAIR = 2
    GOOD = 3


@dataclass(frozen=True, slots=True)
class Rule:
    """From which states a move starts, where it leads (None: it stays), and whose it is."""

    start: tuple[Status, ...]
    end: Status | None
    parts: tuple[Part, ...]


# The district's closed loop as one table: whoever did the work is never the one who closes the case.
RULES = {
    Move.ACCEPT: Rule((Status.DISPATCHED,), Status.HANDLING, (Part.WORKER,)),
    Move.RETURN: Rule(WITH_WORKER, Status.RETURNED, (Part.WORKER,)),
    Move.DISPATCH: Rule((*WITH_WORKER, Status.RETURNED), Status.DISPATCHED, (Part.STAFF,)),
    Move.FINISH: Rule((*WITH_WORKER, Status.RETURNED), Status.DONE, (Part.WORKER, Part.STAFF)),
    Move.RATE: Rule((Status.DONE,), Status.CLOSED, (Part.REPORTER,)),
    Move.VERIFY: Rule((Status.DONE,), Status.CLOSED, (Part.STAFF,)),
    Move.REJECT: Rule((Status.DONE,), Status.HANDLING, (Part.REPORTER, Part.STAFF)),
    Move.WITHDRAW: Rule((*WITH_WORKER, Status.RETURNED), Status.WITHDRAWN, (Part.REPORTER,)),
    Move.DISMISS: Rule((Status.RETURNED,), Status.DISMISSED, (Part.STAFF,)),
    Move.REMARK: Rule(OPEN, None, (Part.REPORTER, Part.WORKER, Part.STAFF)),
    Move.RECLASSIFY: Rule((*WITH_WORKER, Status.RETURNED), None, (Part.STAFF,)),
}


@dataclass(frozen=True, slots=True)
class Case:
    """A reported problem as it stands. `round` counts how often it went back to be done again, from 1."""

    id: int
    number: str
    reporter_id: int | None
    grid: str
    category: str
    place: str
    words: str
    status: Status
    worker_id: int | None
    opened_at: datetime
    due_at: datetime
    done_at: datetime | None = None
    closed_at: datetime | None = None
    latitude: float | None = None
    longitude: float | None = None
    rating: int | None = None
    round: int = 1
    happened_on: date | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a case's journal: who did what, as what, and why. `target`: the person or case it was aimed at."""

    at: datetime
    person_id: int | None
    move: Move
    words: str = ""
    part: Part | None = None
    target: int | None = None


def parts(case: Case, person: Person) -> set[Part]:
    """The parts a person plays in a case. A grid's worker may act on what is still with another worker of the grid."""
    played = set()
    if case.reporter_id == person.id:
        played.add(Part.REPORTER)
    # The one it was given to, while they are in office; or another worker of the grid.
    given = case.worker_id == person.id and person.has(*WORKERS, *STAFF)
    if given or person.serves(case.grid, WORKERS):
        played.add(Part.WORKER)
    if person.serves(case.grid, STAFF):
        played.add(Part.STAFF)
    return played


def check(case: Case, move: Move, person: Person) -> Part:
    """The part in which this person may make this move now; `Refused` when they may not."""
    rule = RULES[move]
    playing = parts(case, person)
    if not playing:
        # Somebody else's case: not even its state is told.
        raise Refused("case.not_found")
    part = next((each for each in rule.parts if each in playing), None)
    if part is None:
        raise Refused("case.not_yours", number=case.number)
    if case.status not in rule.start:
        raise Refused(f"case.already.{case.status}", number=case.number)
    if move in (Move.VERIFY, Move.RATE) and case.worker_id == person.id:
        raise Refused("case.own_work", number=case.number)
    return part


def moves(case: Case, person: Person) -> list[Move]:
    """What this person may do with this case now."""
    possible = []
    for move in RULES:
        try:
            check(case, move, person)
        except Refused:
            continue
        possible.append(move)
    return possible


@dataclass(frozen=True, slots=True)
class ProblemReported:
    """A resident said what is wrong and where; perhaps on which day, and a number to call them at."""

    by: int
    grid: str
    category: str
    place: str
    words: str
    photos: tuple[str, ...] = ()
    latitude: float | None = None
    longitude: float | None = None
    place_known: bool = True
    happened_on: date | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class CaseMoved:
    """Somebody did something with a case.

    `to`: the worker it is dispatched to; `score`: the reporter's rating; `category`: what it is now said to be.
    """

    case: int
    move: Move
    by: int
    words: str = ""
    photos: tuple[str, ...] = field(default=())
    to: int | None = None
    score: int | None = None
    category: str | None = None


@dataclass(frozen=True, slots=True)
class SameTroubleMet:
    """Somebody has met with what an open case is about, and follows it instead of reporting it again."""

    by: int
    case: int


@dataclass(frozen=True, slots=True)
class FollowingEnded:
    """Somebody does not want to hear of a case any more."""

    by: int
    case: int


@dataclass(frozen=True, slots=True)
class OfficeLeft:
    """Somebody looks after no grid any more: what lay with them waits for somebody else."""

    person: int


@dataclass(frozen=True, slots=True)
class DeadlineNears:
    """A case's promised time is close; void when the case has moved on to another round or state."""

    case: int
    round: int


@dataclass(frozen=True, slots=True)
class CheckOverdue:
    """Nobody has rated a finished case for days; staff are asked to check it."""

    case: int
    round: int


@dataclass(frozen=True, slots=True)
class DigestDue:
    """The morning's summary for gridworkers; `day` as YYYY-MM-DD in the district's zone."""

    day: str
