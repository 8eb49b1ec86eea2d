"""The time a resident is promised: the only place where the clock of a case is set."""

from datetime import datetime

from domain.cases import Case, Move
from domain.working_time import Calendar, Term


def first(now: datetime, term: Term, calendar: Calendar) -> datetime:
    """When what begins now is to be done; `term`: what its category promises."""
    return calendar.due(now, term)


def due(case: Case, move: Move, now: datetime, term: Term, calendar: Calendar) -> datetime:
    """When a case is to be done once this move is made; `term`: what its category promises.

    It begins anew with another category and when it is opened again; it stood still while the case hung, unless it
    had run out before; it moves to what was asked for. Anything else lets it run on: what was sent back because it
    was not solved is not late later.
    """
    if move in (Move.RECLASSIFY, Move.REOPEN):
        return first(now, term, calendar)
    if move is Move.RESUME and case.hung_at is not None:
        return calendar.resumed(case.hung_at, now, case.due_at, term)
    if move is Move.GIVE_TIME and case.asked_until is not None:
        return case.asked_until
    return case.due_at
