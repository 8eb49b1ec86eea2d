"""What one case adds to the statistics: worked out from its journal alone, so that it can be worked out again."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from itertools import pairwise

from domain.areas import around
from domain.cases import UNDONE, Move, Part, Phase, Status

# What is counted, and how: another number, and everything is counted again at the next start.
FORM = "1"

# By then somebody should have taken it up: of the four terms common on the hotlines, the one for ordinary matters.
ANSWER_WITHIN = timedelta(hours=24)
# Somebody in charge has taken it up, or said what becomes of it; to pass it on is no answer.
_ANSWERS = (Move.ACCEPT, Move.FINISH, Move.HANG, Move.DISMISS, Move.DISOWN, Move.MERGE)

# A time is kept as one of eight stretches to each doubling, from a minute on: read back it is off by 4.5 % at most.
_STEPS, _SHORTEST = 8, 60.0
# While it hangs the clock stands still; to be put on file and to be told take no time here.
_STAYS = {
    Status.DISPATCHED: Phase.DISPATCH,
    Status.RETURNED: Phase.DISPATCH,
    Status.HANDLING: Phase.HANDLE,
    Status.DONE: Phase.CHECK,
}
WHOLE = "whole"
TIMED = (Phase.DISPATCH, Phase.HANDLE, Phase.CHECK, Phase.RATE, WHOLE)


@dataclass(frozen=True, slots=True)
class Mark:
    """What of a step counts: when, which, and how the case stood after it."""

    at: datetime
    move: Move
    part: Part | None
    status: Status
    due_at: datetime


# Of each day how much of what, as in {"2026-11-23": {"is.closed": 1, "of.street-lamp": 1}}.
Days = dict[str, Counter[str]]


def share(category: str, marks: Sequence[Mark], scores: Sequence[int], zone: tzinfo) -> Days:
    """What a case adds to which day.

    To the day it was opened: its state, its category, how soon it was taken up, what those asked make of the present
    result (`scores`), whether it was ever opened again, and once it is closed how long each phase took. To the day it
    is due: whether it was done in time. Nothing of it changes by the mere passing of time.
    """
    if not marks:
        return {}
    first, last = marks[0], marks[-1]
    opened = Counter([f"is.{last.status}", f"of.{category}", *(f"said.{score}" for score in scores)])
    if answer := _answer(marks):
        opened[f"answer.{answer}"] += 1
    if any(mark.move is Move.REOPEN for mark in marks):
        opened["reopened"] += 1
    if last.status is Status.CLOSED:
        opened.update(f"took.{phase}.{bucket(taken)}" for phase, taken in _taken(marks).items())
    days = {_day(first.at, zone): opened}
    if promise := _promise(marks):
        days.setdefault(_day(last.due_at, zone), Counter())[f"due.{promise}"] += 1
    return days


def _day(moment: datetime, zone: tzinfo) -> str:
    return moment.astimezone(zone).date().isoformat()


def _answer(marks: Sequence[Mark]) -> str | None:
    """None: the reporter took it back before anybody had to."""
    opened = marks[0].at
    for mark in marks[1:]:
        if mark.move in _ANSWERS:
            return "in_time" if mark.at - opened <= ANSWER_WITHIN else "late"
    return None if marks[-1].status is Status.WITHDRAWN else "none"


def _promise(marks: Sequence[Mark]) -> str | None:
    """None: it hangs, or has ended without being done, so that no promise is left to keep."""
    last = marks[-1]
    if last.status in UNDONE:
        return "open"
    if last.status not in (Status.DONE, Status.CLOSED):
        return None
    done = [now for before, now in pairwise(marks) if _became(Status.DONE, before, now)]
    return "kept" if done and done[-1].at <= last.due_at else "missed"


def _became(status: Status, before: Mark, now: Mark) -> bool:
    return now.status is status and before.status is not status


def _taken(marks: Sequence[Mark]) -> dict[str, timedelta]:
    """How long a closed case was in each phase, all its stays there together; rated as it closed: no wait."""
    taken: dict[str, timedelta] = {}
    closed: datetime | None = None
    for before, now in pairwise(marks):
        if phase := _STAYS.get(before.status):
            taken[phase] = taken.get(phase, timedelta()) + (now.at - before.at)
        if _became(Status.CLOSED, before, now):
            closed = None if now.move is Move.RATE else now.at
        elif now.move is Move.APPRAISE and now.part is Part.REPORTER and closed is not None:
            taken[Phase.RATE], closed = now.at - closed, None
    taken[WHOLE] = sum((time for phase, time in taken.items() if phase is not Phase.RATE), timedelta())
    return taken


def bucket(taken: timedelta) -> int:
    """Which stretch of time a time falls into; all up to a minute into the first."""
    return math.floor(math.log2(max(taken.total_seconds(), _SHORTEST) / _SHORTEST) * _STEPS)


def middle(number: int) -> timedelta:
    """The time a stretch stands for, its middle on a logarithmic scale: off by 2 ** (1/16), 4.5 %, at most."""
    return timedelta(seconds=_SHORTEST * 2 ** ((number + 0.5) / _STEPS))


def median(counts: Mapping[int, int]) -> timedelta | None:
    """The time half of them were done within; None of none."""
    wanted, seen = (sum(counts.values()) + 1) // 2, 0
    for number in sorted(counts):
        seen += counts[number]
        if seen >= wanted > 0:
            return middle(number)
    return None


def minus(after: Days, before: Days) -> Days:
    """What makes the one of the other."""
    changed: Days = {}
    for day in after.keys() | before.keys():
        counts = Counter(after.get(day, {}))
        counts.subtract(before.get(day, {}))
        if kept := {name: count for name, count in counts.items() if count}:
            changed[day] = Counter(kept)
    return changed


def spans(day: str) -> tuple[str, str, str]:
    """The rows a day's numbers are kept in: its own, its month's, that of all time."""
    return day, day[:7], ""


def levels(grid: str) -> tuple[str, str, str, str]:
    """The areas a grid's numbers are kept for: the grid, its community, street and district."""
    return grid, *around(grid)


def covering(first: date, last: date) -> list[str]:
    """The fewest rows that make up these days, both included: whole months and the days beside them."""
    found: list[str] = []
    day = first
    while day <= last:
        following = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        if day.day == 1 and following <= last + timedelta(days=1):
            found.append(day.isoformat()[:7])
            day = following
        else:
            found.append(day.isoformat())
            day += timedelta(days=1)
    return found
