"""A resident urges (催办), a level above supervises (督办): whoever handles a case owes them an answer by a time."""

from dataclasses import dataclass
from datetime import datetime

from domain.cases import Case, Move, Status

# While there is anything to account for; who says it is done has answered.
OWING = (Status.DISPATCHED, Status.HANDLING, Status.RETURNED, Status.HUNG)


@dataclass(frozen=True, slots=True)
class Demand:
    """Somebody asks how a case stands. `move` is SUPERVISE or URGE; `asked_by` None: they had us forget them."""

    id: int
    case_id: int
    move: Move
    asked_by: int | None
    rank: int
    asked_at: datetime
    answer_by: datetime


@dataclass(frozen=True, slots=True)
class AnswerOverdue:
    """The time to answer is over; void when it was answered, or there is nothing more to account for."""

    case: int
    demand: int


def still_owed(case: Case, demand: Demand | None) -> bool:
    """Whether an answer is still to come; `demand` None: it was given."""
    return demand is not None and case.status in OWING
