"""A gridworker's leave (请假): from which day to which, and who stands in (AB 角)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from domain.refusals import Refused

# Longer, or further ahead, is for the community to settle: the list of gridworkers is then another one.
LONGEST, AHEAD = timedelta(days=60), timedelta(days=90)


class Stage(StrEnum):
    """How far a leave is. CANCELLED: taken back before it began."""

    PLANNED = "planned"
    ON = "on"
    OVER = "over"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Leave:
    """One leave. `stand_in_id` is who was named, `acting_id` who really does the work while it is on."""

    id: int
    person_id: int
    stand_in_id: int | None
    acting_id: int | None
    begins_at: datetime
    ends_at: datetime
    stage: Stage


@dataclass(frozen=True, slots=True)
class LeaveAsked:
    """A gridworker is away from one day to another, both included."""

    by: int
    first: date
    last: date
    stand_in: int | None = None


@dataclass(frozen=True, slots=True)
class LeaveBegins:
    """The time of a leave has come; void when it is not planned for then any more."""

    leave: int
    at: datetime


@dataclass(frozen=True, slots=True)
class LeaveEnds:
    """The time of a leave is over; void when it ended before."""

    leave: int
    at: datetime


@dataclass(frozen=True, slots=True)
class LeaveCut:
    """A gridworker is back early (销假), or does not go at all."""

    by: int
    leave: int


@dataclass(frozen=True, slots=True)
class StandInChosen:
    """A gridworker says who stands in for them as a rule; None: nobody in particular."""

    by: int
    stand_in: int | None


@dataclass(frozen=True, slots=True)
class AllTaken:
    """Somebody takes over all they were asked to."""

    by: int


def check(first: date, last: date, today: date) -> None:
    """Raise `Refused` for days nobody can take off."""
    if first < today:
        raise Refused("leave.past", answer="leave.days")
    if last < first:
        raise Refused("leave.backwards", answer="leave.days")
    if last - first >= LONGEST:
        raise Refused("leave.too_long", answer="leave.days", days=LONGEST.days)
    if first - today > AHEAD:
        raise Refused("leave.too_early", answer="leave.days", days=AHEAD.days)


def at(leaves: Iterable[Leave], begins: datetime, ends: datetime) -> Leave | None:
    """The first of these leaves that shares some time with that span."""
    return next((each for each in leaves if each.begins_at < ends and begins < each.ends_at), None)
