"""A promise to a resident is broken: who hears of it level by level (逐级上报), and how long each has to act."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.cases import RANKS, UNDONE, WITH_WORKER, Case
from domain.people import Role
from domain.working_time import Term

# From the nearest up; the gridworker's own time to act is the deadline itself.
LEVELS = (Role.GRID_LEADER, Role.COMMUNITY, Role.STREET, Role.DISTRICT)


@dataclass(frozen=True, slots=True)
class Rung:
    """One level of the climb, and its time to act; `nonstop` where the category's own deadline runs day and night."""

    to: Role
    within: Term
    nonstop: Term


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    """A case's promised time, or the time of the level below, has passed: now it is told to `to`.

    Void when the case has moved on to another round, state or deadline.
    """

    case: int
    round: int
    due_at: datetime
    to: Role


def still_owed(case: Case, of_round: int, due_at: datetime | None) -> bool:
    """Whether that promise is still to be kept, and its clock runs; `due_at` None: the round is all that is known"""
    return case.round == of_round and case.due_at == (due_at or case.due_at) and case.status in UNDONE


def ladder(rungs: Sequence[Rung], case: Case, *, to_staff: bool) -> list[Rung]:
    """The levels a case climbs, from the one that holds it.

    A grid leader only where it lies with a gridworker of the community's, and is not about one.
    """
    with_worker = case.status in WITH_WORKER and not to_staff and case.level is Role.COMMUNITY
    lowest = RANKS[Role.GRID_LEADER] if with_worker else RANKS[case.level]
    return [rung for rung in rungs if RANKS[rung.to] >= lowest]
