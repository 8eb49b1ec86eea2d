"""What staff, grid leaders and residents may know of how an area's cases fare: each number, and over what.

The three rates (响应率、解决率、满意率) are those the 12345 hotlines are judged by, Beijing's first (三率考核,
《北京市接诉即办工作条例》, 2021). Nobody has published one formula for all: ours is written out in docs/statistics.md.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from domain.areas import covers
from domain.cases import OPEN, Score, Status
from domain.people import STAFF, Person, Role
from domain.refusals import Refused
from domain.tally import TIMED, covering, median

# Of fewer than these no percentage is made: one more or less would move it by more than ten points.
FEW = 10
# Nobody reads more than that at once, and a page must not be able to ask for all time day by day.
LONGEST = timedelta(days=3 * 366)
# Open for at most so many days; the last stands for all that are older. The day of the report is day 0.
AGES = (1, 3, 7, 30)
_VIEWERS = (*STAFF, Role.GRID_LEADER)


class Every(StrEnum):
    """The lengths of time that are asked for by name."""

    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Period:
    """From which day to which, both included; `every` where it is one that has a name."""

    first: date
    last: date
    every: Every | None = None


def period(every: Every, day: date, back: int = 0) -> Period:
    """The week, month, quarter or year a day lies in, or the one so many before it."""
    if every is Every.WEEK:
        first = day - timedelta(days=day.weekday() + 7 * back)
        return Period(first, first + timedelta(days=6), every)
    months = {Every.MONTH: 1, Every.QUARTER: 3, Every.YEAR: 12}[every]
    place = (day.year * 12 + day.month - 1) // months - back
    return Period(_month(place * months), _month((place + 1) * months) - timedelta(days=1), every)


def _month(number: int) -> date:
    return date(number // 12, number % 12 + 1, 1)


def check_period(wanted: Period, today: date) -> None:
    """Raise `Refused` unless there can be something to tell of these days."""
    if wanted.last < wanted.first:
        raise Refused("stats.backwards")
    if wanted.first > today:
        raise Refused("stats.to_come")
    if wanted.last - wanted.first > LONGEST:
        raise Refused("stats.too_long")


def viewed(person: Person) -> tuple[str, ...]:
    """The areas whose statistics somebody may see, all that lies within them too, the largest first."""
    own = sorted(person.areas(*_VIEWERS), key=lambda area: (area.rstrip("0"), area))
    return tuple(area for area in own if not any(covers(other, area) for other in own if other != area))


def check_viewer(person: Person, area: str) -> None:
    """Raise `Refused` unless it is their area, or lies within one."""
    if not person.serves(area, _VIEWERS):
        raise Refused("stats.not_your_area")


@dataclass(frozen=True, slots=True)
class Rate:
    """So many of so many."""

    part: int
    of: int

    @property
    def share(self) -> float | None:
        """A number from 0 to 1; None where they are too few for one."""
        return self.part / self.of if self.of >= FEW else None


@dataclass(frozen=True, slots=True)
class Took:
    """How long a phase took in half of `cases`, within 4.5 %."""

    median: timedelta
    cases: int


@dataclass(frozen=True, slots=True)
class Figures:
    """An area's cases reported in a period, as they stand now; and of all that is open, how old it is.

    `answered`: taken up within 24 hours, of those that were or should have been. `solved`, `content`: of those who said
    what they make of the present result. `on_time`: done by the day promised, of those whose day lay in the period.
    `ages`: how many are open for at most 1, 3, 7, 30 days, and longer, whenever reported. `council`: who is content, of
    those eligible who rated what became of the council matters that ended in the period.
    """

    status: Mapping[Status, int]
    category: Mapping[str, int]
    answered: Rate
    solved: Rate
    content: Rate
    on_time: Rate
    reopened: int
    took: Mapping[str, Took] = field(default_factory=dict)
    ages: tuple[int, ...] = (0,) * (len(AGES) + 1)
    council: Rate = Rate(0, 0)

    @property
    def opened(self) -> int:
        return sum(self.status.values())

    @property
    def merged(self) -> int:
        return self.status.get(Status.MERGED, 0)

    @property
    def closed(self) -> int:
        return self.status.get(Status.CLOSED, 0)


def wanted_rows(period: Period, today: date) -> list[str]:
    """The rows `figures` needs: those that make up the period, the last month day by day, and all time."""
    recent = [(today - timedelta(days=age)).isoformat() for age in range(AGES[-1] + 1)]
    return list(dict.fromkeys([*covering(period.first, min(period.last, today)), *recent, ""]))


def figures(rows: Mapping[str, Mapping[str, int]], period: Period, today: date) -> Figures:
    """What these rows come to. What is not due until its day is over does not count against anybody before."""
    total: Counter[str] = Counter()
    for row in covering(period.first, min(period.last, today)):
        total.update(rows.get(row, {}))
    # Whoever reported it yesterday may still be within the day they are promised.
    for age in (0, 1):
        if period.first <= (day := today - timedelta(days=age)) <= period.last:
            total["answer.none"] -= rows.get(day.isoformat(), {}).get("answer.none", 0)
    if period.first <= today <= period.last:
        total["due.open"] -= rows.get(today.isoformat(), {}).get("due.open", 0)

    def named(name: str) -> dict[str, int]:
        """What is counted under one name: `is` → {"closed": 3}."""
        start = f"{name}."
        return {key[len(start) :]: count for key, count in total.items() if key.startswith(start) and count}

    said = sum(named("said").values())
    return Figures(
        status={Status(name): count for name, count in named("is").items()},
        category=named("of"),
        answered=Rate(total["answer.in_time"], sum(named("answer").values())),
        solved=Rate(said - total[f"said.{Score.POOR}"], said),
        content=Rate(total[f"said.{Score.GOOD}"], said),
        on_time=Rate(total["due.kept"], sum(named("due").values())),
        reopened=total["reopened"],
        took={phase: took for phase in TIMED if (took := _took(named(f"took.{phase}")))},
        ages=_ages(rows, today),
    )


def _took(counts: Mapping[str, int]) -> Took | None:
    found = median({int(number): count for number, count in counts.items()})
    return None if found is None else Took(found, sum(counts.values()))


def _ages(rows: Mapping[str, Mapping[str, int]], today: date) -> tuple[int, ...]:
    def still_open(row: str) -> int:
        return sum(rows.get(row, {}).get(f"is.{status}", 0) for status in OPEN)

    by_age = [still_open((today - timedelta(days=age)).isoformat()) for age in range(AGES[-1] + 1)]
    starts = (0, *(age + 1 for age in AGES[:-1]))
    counted = [sum(by_age[start : end + 1]) for start, end in zip(starts, AGES, strict=True)]
    return (*counted, still_open("") - sum(by_age))


@dataclass(frozen=True, slots=True)
class StatisticsAsked:
    """Somebody who may see them asks for an area's statistics, and for the picture of them."""

    by: int
    area: str
    first: date
    last: date
    every: Every | None = None
