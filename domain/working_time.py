"""Whoever waits for something to be done: what "3 working days" means where they live, holidays and all."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

# The holidays that need no moon, for years nobody has arranged yet: 1 January, 1-2 May, 1-3 October
# (全国年节及纪念日放假办法, as revised in 2024).
FIXED = frozenset({(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)})


class Unit(StrEnum):
    """What time is counted in. A natural day is 24 hours from the minute."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WORKING_HOUR = "working_hour"
    WORKING_DAY = "working_day"


@dataclass(frozen=True, slots=True)
class Term:
    """So many of a unit: 2 hours, 3 working days."""

    amount: int
    unit: Unit

    @property
    def nonstop(self) -> bool:
        """Whether it runs day and night, holidays too."""
        return self.unit not in (Unit.WORKING_HOUR, Unit.WORKING_DAY)

    @property
    def natural(self) -> timedelta:
        """How long it is when every hour counts, and every day 24 of them."""
        match self.unit:
            case Unit.MINUTE:
                return timedelta(minutes=self.amount)
            case Unit.HOUR | Unit.WORKING_HOUR:
                return timedelta(hours=self.amount)
        return timedelta(days=self.amount)


@dataclass(frozen=True, slots=True)
class Season:
    """The hours worked on a working day, in order, from one day of every year on: `since` is (month, day)."""

    since: tuple[int, int]
    hours: tuple[tuple[time, time], ...]

    @property
    def length(self) -> timedelta:
        """How long a working day is."""
        return sum((_since_midnight(end) - _since_midnight(start) for start, end in self.hours), timedelta())


def _since_midnight(clock: time) -> timedelta:
    return timedelta(hours=clock.hour, minutes=clock.minute)


@dataclass(frozen=True, slots=True)
class Pause:
    """A clock stood still from one moment to another; `until` None: it does so still."""

    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Table:
    """A year's working hours: when each stretch opens and closes, and how much was worked before it."""

    opens: list[datetime]
    closes: list[datetime]
    before: list[timedelta]
    total: timedelta


@dataclass(frozen=True, eq=False)
class Calendar:
    """When a district works. `weekdays` count from Monday, 1.

    `days` are those that are otherwise than their weekday says, holidays and swapped workdays (调休): whether they are
    worked. `announced`: the years whose arrangement is known.
    """

    zone: ZoneInfo
    seasons: tuple[Season, ...]
    weekdays: tuple[int, ...] = (1, 2, 3, 4, 5)
    days: Mapping[date, bool] = field(default_factory=dict)
    announced: frozenset[int] = frozenset()
    _tables: dict[int, _Table] = field(default_factory=dict, init=False, repr=False)

    def works(self, day: date) -> bool:
        """Whether it is a working day."""
        if day in self.days:
            return self.days[day]
        return day.isoweekday() in self.weekdays and (day.month, day.day) not in FIXED

    def hours(self, day: date) -> tuple[tuple[time, time], ...]:
        """The hours of a working day at that time of the year; before the first season's day the last one holds."""
        begun = [season for season in self.seasons if season.since <= (day.month, day.day)]
        return max(begun or self.seasons, key=lambda season: season.since).hours

    def due(self, start: datetime, term: Term) -> datetime:
        """By when something promised within a term is to be done.

        Working hours (工作时) count from the minute, or from the next opening; what is full exactly when the office
        closes is due then, not the next morning. Working days (工作日) count as 民法典 第二百零一条 and 第二百零三条
        have it: the day it begins is not counted, and the last one ends when business closes.
        """
        if term.nonstop:
            return start + term.natural
        if term.unit is Unit.WORKING_HOUR:
            return self.after(start, term.natural)
        day = start.astimezone(self.zone).date()
        for _ in range(term.amount):
            day = self._beside(day, 1)
        return self._moment(day, self.hours(day)[-1][1])

    def early(self, due: datetime, term: Term) -> datetime:
        """When so much is still left of a deadline; working days from their opening, the last one included."""
        if term.nonstop:
            return due - term.natural
        if term.unit is Unit.WORKING_HOUR:
            return self.before(due, term.natural)
        # A deadline moved into a day off still has the working day before it.
        day = due.astimezone(self.zone).date()
        for _ in range(term.amount - self.works(day)):
            day = self._beside(day, -1)
        return min(due, self._moment(day, self.hours(day)[0][0]))

    def between(self, start: datetime, end: datetime) -> timedelta:
        """How much working time lies between two moments; none when the second is not later."""
        if end <= start:
            return timedelta()
        first, last = self._year(start), self._year(end)
        whole = sum((self._table(year).total for year in range(first, last)), timedelta())
        return whole + self._worked(end) - self._worked(start)

    def after(self, moment: datetime, amount: timedelta) -> datetime:
        """The first moment by which so much more was worked."""
        if amount <= timedelta():
            return moment
        year = self._year(moment)
        left = self._worked(moment) + amount
        while left > self._table(year).total:
            left -= self._table(year).total
            year += 1
        table = self._table(year)
        stretch = bisect_left(table.before, left) - 1
        return table.opens[stretch] + (left - table.before[stretch])

    def before(self, moment: datetime, amount: timedelta) -> datetime:
        """The last moment from which so much was worked until this one."""
        if amount <= timedelta():
            return moment
        year = self._year(moment)
        left = self._worked(moment) - amount
        while left < timedelta():
            year -= 1
            left += self._table(year).total
        table = self._table(year)
        stretch = bisect_right(table.before, left) - 1
        return table.opens[stretch] + (left - table.before[stretch])

    def left(self, now: datetime, due: datetime, term: Term) -> timedelta:
        """What is left on a clock that stops now: working time, or for a term that runs nonstop every minute."""
        return max(due - now, timedelta()) if term.nonstop else self.between(now, due)

    def resumed(self, stopped: datetime, now: datetime, due: datetime, term: Term) -> datetime:
        """When something is due whose clock stood still from `stopped` on and runs again now.

        With no less time than was left; working days end when business closes, as ever. What was late when it stopped
        is as late, and a pause in which nobody would have worked moves nothing.
        """
        if stopped >= due:
            return due
        if term.nonstop:
            return due + (now - stopped)
        if not self.between(stopped, now):
            return due
        left = self.between(stopped, due)
        if not left:
            # Due before anybody was at work again: due at once.
            return max(due, now)
        after = self.after(now, left)
        if term.unit is not Unit.WORKING_DAY:
            return after
        day = after.astimezone(self.zone).date()
        return self._moment(day, self.hours(day)[-1][1])

    def due_through(self, start: datetime, term: Term, pauses: Iterable[Pause]) -> datetime | None:
        """The deadline of a term through its pauses, in order and apart; None while its clock stands still."""
        due = self.due(start, term)
        for pause in pauses:
            if pause.since >= due:
                break
            if pause.until is None:
                return None
            due = self.resumed(pause.since, pause.until, due, term)
        return due

    def _year(self, moment: datetime) -> int:
        return moment.astimezone(self.zone).year

    def _moment(self, day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, self.zone).astimezone(UTC)

    def _beside(self, day: date, step: int) -> date:
        """The next working day, or with -1 the one before."""
        day += timedelta(days=step)
        while not self.works(day):
            day += timedelta(days=step)
        return day

    def _worked(self, moment: datetime) -> timedelta:
        """How much was worked in the moment's year until then."""
        table = self._table(self._year(moment))
        stretch = bisect_right(table.opens, moment) - 1
        if stretch < 0:
            return timedelta()
        return table.before[stretch] + min(moment, table.closes[stretch]) - table.opens[stretch]

    def _table(self, year: int) -> _Table:
        if year not in self._tables:
            self._tables[year] = self._drawn_up(year)
        return self._tables[year]

    def _drawn_up(self, year: int) -> _Table:
        opens, closes, before, total = list[datetime](), list[datetime](), list[timedelta](), timedelta()
        day = date(year, 1, 1)
        while day.year == year:
            for start, end in self.hours(day) if self.works(day) else ():
                opens.append(self._moment(day, start))
                closes.append(self._moment(day, end))
                before.append(total)
                total += closes[-1] - opens[-1]
            day += timedelta(days=1)
        return _Table(opens, closes, before, total)
