"""The time a resident is promised: the only place where the clock of a case is set."""

from datetime import datetime, timedelta

from domain.cases import Case, Move


def first(now: datetime, hours: int) -> datetime:
    """When what begins now is to be done; `hours`: what its category promises."""
    return now + timedelta(hours=hours)


def due(case: Case, move: Move, now: datetime, hours: int) -> datetime:
    """When a case is to be done once this move is made; `hours`: what its category promises.

    It begins anew with another category and when it is opened again; it stood still while the case hung; it moves to
    what was asked for. Anything else lets it run on: what was sent back because it was not solved is not late later.
    """
    if move in (Move.RECLASSIFY, Move.REOPEN):
        return first(now, hours)
    if move is Move.RESUME and case.hung_at is not None:
        return case.due_at + (now - case.hung_at)
    if move is Move.GIVE_TIME and case.asked_until is not None:
        return case.asked_until
    return case.due_at
