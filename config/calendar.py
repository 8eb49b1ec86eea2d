"""The operator says when the district works: its hours, the year's holidays and swapped workdays, who acts by when."""

import re
from collections.abc import Iterator
from datetime import date, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from domain.climb import LEVELS, Rung
from domain.working_time import Calendar, Season, Term, Unit

if TYPE_CHECKING:
    from config.district import _Row, _Rows

UNITS = {
    "分钟": Unit.MINUTE,
    "小时": Unit.HOUR,
    "天": Unit.DAY,
    "工作时": Unit.WORKING_HOUR,
    "工作日": Unit.WORKING_DAY,
}
_WEEKDAYS = "一二三四五六日"
# Longer than any holiday: a slip in the year.
_LONGEST = timedelta(days=31)


def national() -> tuple[dict[date, bool], frozenset[int]]:
    """The days the State Council has arranged, worked or not, and the years they cover.

    From `chinesecalendar`, which has each year's notice from 2004 on and says nothing of a year not announced:
    2026 is 国办发明电〔2025〕7号.
    """
    # Imported where it is used: only whoever loads a district needs it.
    from chinese_calendar.constants import holidays, workdays

    days = {**dict.fromkeys(holidays, False), **dict.fromkeys(workdays, True)}
    return days, frozenset(day.year for day in days)


def calendar(zone: ZoneInfo, weekdays: tuple[int, ...], hours: "_Rows", years: "_Rows", own: "_Row") -> Calendar:
    """The nation's arrangement, under what the district's folder says of a year, under the district's own days."""
    days, announced = national()
    years.once("year")
    for row in years:
        year = row.number("year", least=2000)
        arranged = _days(row, weekdays)
        for day in arranged:
            # The first of January may be worked for in the last days of December.
            if day.year != year and (day.year, day.month) != (year - 1, 12):
                row.wrong(f"{day} 不在 {year} 年", "off" if not arranged[day] else "on")
        if row.text("source", optional=True):
            days = {day: works for day, works in days.items() if day.year != year}
            announced |= {year}
        elif year in announced:
            # Written before it was announced; the library has learnt of it since.
            continue
        days |= arranged
    days |= _days(own, ())
    return Calendar(zone, tuple(_seasons(hours)), weekdays, days, announced)


def _days(row: "_Row", weekdays: tuple[int, ...]) -> dict[date, bool]:
    """The days under `off` and `on`; a day worked must not be a working day anyway."""
    days: dict[date, bool] = {}
    for key in ("off", "on"):
        for words in row.texts(key, optional=True):
            first, _, last = (part.strip() for part in words.partition("至"))
            day, until = _day(first), _day(last or first)
            if day is None or until is None or not timedelta() <= until - day < _LONGEST:
                row.wrong(f"{key} {words} 不是日期，例如：2026-10-01、2026-10-01 至 2026-10-07", key)
                continue
            while day <= until:
                if day in days:
                    row.wrong(f"{day} 写了两遍", key)
                if key == "on" and day.isoweekday() in weekdays:
                    row.wrong(f"{day} 是星期{_WEEKDAYS[day.weekday()]}，本来就上班", key)
                days[day] = key == "on"
                day += timedelta(days=1)
    return days


def _day(words: str) -> date | None:
    try:
        return date.fromisoformat(words)
    except ValueError:
        return None


def _seasons(rows: "_Rows") -> Iterator[Season]:
    rows.once("since")
    if rows.whole and not rows.rows:
        rows.wrong('至少写一段 [[hours]]，例如：since = "01-01"，work = ["08:00-12:00", "13:00-17:00"]')
    sound = False
    for row in rows:
        since, hours = row.text("since"), tuple(_stretches(row))
        start = _day(f"2024-{since}")
        if since and start is None:
            row.wrong(f"since {since} 不是几月几日，例如：05-01", "since")
        if start and hours:
            sound = True
            yield Season((start.month, start.day), hours)
    if not sound:
        yield Season((1, 1), ((time(0), time(1)),))


def _stretches(row: "_Row") -> Iterator[tuple[time, time]]:
    last = None
    for words in row.texts("work"):
        if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]", words):
            row.wrong(f"work {words} 不是一段时间，例如：08:00-12:00", "work")
            continue
        start, end = (time.fromisoformat(part) for part in words.split("-"))
        if start >= end or (last is not None and start < last):
            row.wrong(f"work {words} 应从早到晚，各段不重叠", "work")
            continue
        last = end
        yield start, end


def climb(rows: "_Rows") -> tuple[Rung, ...]:
    """The levels of the climb with their time to act, the nearest first."""
    rows.once("to")
    rungs = [Rung(row.choice("to", LEVELS), term(row, "within"), term(row, "nonstop")) for row in rows]
    return tuple(sorted(rungs, key=lambda rung: LEVELS.index(rung.to)))


def term(row: "_Row", key: str, *, blank: Term | None = None) -> Term:
    """A term as people write it: 3 工作日."""
    words = row.text(key, optional=blank is not None)
    if blank is not None and not words:
        return blank
    found = re.fullmatch(r"([1-9][0-9]{0,3}) ?(分钟|小时|天|工作时|工作日)", words)
    if found:
        return Term(int(found[1]), UNITS[found[2]])
    if words:
        row.wrong(f"{key} {words} 不是时限，例如：2 小时、24 工作时、3 工作日", key)
    return Term(1, Unit.HOUR)


def shorter(warn: Term, deadline: Term, seasons: tuple[Season, ...]) -> bool:
    """Whether somebody warned so long before a deadline is warned after its beginning, in the shortest days too."""
    day = min(season.length for season in seasons)
    early, late = (day * each.amount if each.unit is Unit.WORKING_DAY else each.natural for each in (warn, deadline))
    return early < late or (warn.unit is deadline.unit and warn.amount < deadline.amount)


def unannounced(calendar: Calendar, today: date) -> list[int]:
    """The years that a case of the next three months reaches into, and whose holidays nobody has announced to us."""
    return sorted({today.year, (today + timedelta(days=92)).year} - calendar.announced)
