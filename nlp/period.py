"""Reads which stretch of time somebody wants to know about: 上月, 2026 年三季度, 10 月 1 日到 20 日."""

import re
from datetime import date, timedelta

from bot.core.errors import Unclear
from bot.core.talk import Heard
from domain.district import District
from domain.statistics import Every, Period, period
from nlp.normalise import fold, number

_DAY = r"(?:(\d{4})\s*[-/年.]\s*)?(\d{1,2})\s*[-/月.]\s*(\d{1,2})\s*[日号]?"
_FROM_TO = re.compile(_DAY + r"\s*(?:到|至|~|—|–|-|to)+\s*(?:" + _DAY + r"|(\d{1,2})\s*[日号]?)")
_ONE_DAY = re.compile(_DAY)
_LAST_DAYS = re.compile(r"(?:最近|近|过去|last)\s*(\d{1,4}|[一二两三四五六七八九十]{1,3})\s*(?:天|日|days?)")
_QUARTER = re.compile(r"(?:(\d{4})\s*年?\s*)?(?:第\s*)?([1-4一二三四])\s*季度?|(?:(\d{4})\s*)?q([1-4])")
_MONTH = re.compile(
    r"(?:(\d{4})\s*[-/年.]\s*)?(\d{1,2}|[一二三四五六七八九十]{1,2})\s*月(?:份)?|(\d{4})\s*[-/.]\s*(\d{1,2})(?!\d)"
)
_YEAR = re.compile(r"(?<!\d)(\d{4})\s*年?(?!\d)")
# The longer ones first: 上上周 holds 上周.
_NAMED: tuple[tuple[str, Every, int], ...] = (
    *((name, Every.WEEK, 1) for name in ("上个星期", "上星期", "上个礼拜", "上礼拜", "上一周", "上周", "last week")),
    *((name, Every.WEEK, 0) for name in ("这个星期", "本星期", "这星期", "这礼拜", "这周", "本周", "this week")),
    *((name, Every.MONTH, 1) for name in ("上个月", "上一月", "上月", "last month")),
    *((name, Every.MONTH, 0) for name in ("这个月", "本月", "这月", "当月", "this month")),
    *((name, Every.QUARTER, 1) for name in ("上个季度", "上一季度", "上季度", "上季", "last quarter")),
    *((name, Every.QUARTER, 0) for name in ("这个季度", "本季度", "这季度", "本季", "this quarter")),
    *((name, Every.YEAR, 1) for name in ("去年", "上一年", "last year")),
    *((name, Every.YEAR, 0) for name in ("今年", "本年", "全年", "this year")),
)  # fmt: skip


def read(heard: Heard, district: District) -> Period:
    """A stretch of time, read against the day it was asked for.

    Raises:
        Unclear: none is named.
    """
    day = district.day(heard.at)
    if heard.choice:
        every, _, back = heard.choice.partition(":")
        return period(Every(every), day, int(back))
    found = find(heard.text, day)
    if found is None:
        raise Unclear("stats.when_unclear")
    return found


def find(text: str, day: date) -> Period | None:
    """The stretch of time named in a text, a date without its year being the last one there was; None for none."""
    said = fold(text)
    if named := next(((every, back) for name, every, back in _NAMED if name in said), None):
        return period(named[0], day, named[1])
    try:
        return _dates(said, day)
    except (ValueError, OverflowError):
        # The 31st of a month that has 30 days, the 13th month.
        return None


def _dates(said: str, day: date) -> Period | None:
    if match := _FROM_TO.search(said):
        year, month, first, to_year, to_month, last, only_day = match.groups()
        begins = _date(day, year, month, first)
        if only_day:
            return Period(begins, begins.replace(day=int(only_day)))
        ends = date(int(to_year or begins.year), int(to_month), int(last))
        return Period(begins, ends.replace(year=ends.year + 1) if ends < begins and not to_year else ends)
    if match := _LAST_DAYS.search(said):
        days = number(match[1])
        return Period(day - timedelta(days=days - 1), day) if days else None
    if match := _ONE_DAY.search(said):
        one = _date(day, *match.groups())
        return Period(one, one)
    if match := _QUARTER.search(said):
        place = number(match[2] or match[4]) or 0
        named = match[1] or match[3]
        first = date(int(named or day.year), 3 * place - 2, 1)
        return period(Every.QUARTER, first if named or first <= day else first.replace(year=day.year - 1))
    if match := _MONTH.search(said):
        first = _date(day, match[1] or match[3], str(number(match[2] or match[4])), "1")
        return period(Every.MONTH, first)
    if match := _YEAR.search(said):
        return period(Every.YEAR, date(int(match[1]), 1, 1))
    return None


def _date(today: date, year: str | None, month: str, day_of_month: str) -> date:
    found = date(int(year or today.year), int(month), int(day_of_month))
    return found if year or found <= today else found.replace(year=today.year - 1)
