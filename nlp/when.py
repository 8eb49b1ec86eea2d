"""Reads times against the moment they were said: until when something shall run, on which day something happened."""

import re
from datetime import date, datetime, timedelta

from bot.core.errors import Unclear
from bot.core.talk import Heard
from domain.district import District
from nlp.normalise import fold, number

_AFTER = re.compile(
    r"^(\d{1,4}|[一二两三四五六七八九十]{1,3})\s*(?:个)?(分钟|小时|钟头|天|日|周|星期|礼拜|月)(?:后|以后|之后)?$"
)
_DATE = re.compile(r"^(?:(\d{4})\s*[-/年.]\s*)?(\d{1,2})\s*[-/月.]\s*(\d{1,2})\s*[日号]?(.*)$")
_NAMED = {"今天": 0, "今晚": 0, "明天": 1, "明晚": 1, "后天": 2, "大后天": 3}
_CLOCK = re.compile(r"^\s*(上午|早上|中午|下午|晚上|晚)?\s*(\d{1,2})\s*(?:[:点时](\d{1,2})?(半)?分?)?\s*$")
_WEEK = re.compile(r"^(下)?(?:周|星期|礼拜)([一二三四五六日天])(.*)$")
_UNITS = {
    "分钟": timedelta(minutes=1),
    "小时": timedelta(hours=1),
    "钟头": timedelta(hours=1),
    "天": timedelta(days=1),
    "日": timedelta(days=1),
    "周": timedelta(weeks=1),
    "星期": timedelta(weeks=1),
    "礼拜": timedelta(weeks=1),
    "月": timedelta(days=30),
}
_EVENING = 20
# The longer first: 大前天 holds 前天.
_AGO = {"大前天": 3, "前天": 2, "前晚": 2, "前儿": 2, "昨": 1, "今天": 0, "今早": 0, "今晚": 0, "今儿": 0, "今晨": 0}
_LAST_WEEK = re.compile(r"上(?:个)?(?:周|星期|礼拜)([一二三四五六日天])")
_MONTH_AND_DAY = re.compile(r"(?<!\d)(\d{1,2})\s*月\s*(\d{1,2})\s*[日号]")


def read(heard: Heard, district: District) -> datetime:
    """A moment to come: 3 天, 明晚 8 点, 11 月 30 日 18:00, 下周五. Without a clock time, 20:00.

    Raises:
        Unclear: not a time, or one that was over when it was said.
    """
    said = heard.at.astimezone(district.timezone)
    moment = _moment(fold(heard.choice or heard.text).removesuffix("截止").removesuffix("结束").strip(), said)
    if moment is None:
        raise Unclear("when.unclear")
    if moment <= said:
        raise Unclear("when.past")
    return moment


def happened(heard: Heard, district: District) -> date | None:
    """The day a report speaks of: 昨晚, 上周三, 11 月 20 日. None when it names none, or only days to come."""
    text, day = fold(heard.text), district.day(heard.at)
    if match := _MONTH_AND_DAY.search(text):
        for year in (day.year, day.year - 1):
            try:
                named = date(year, int(match[1]), int(match[2]))
            except ValueError:
                continue
            if named <= day:
                return named
        return None
    if match := _LAST_WEEK.search(text):
        return day - timedelta(days=day.weekday() + 7 - "一二三四五六日".index(match[1].replace("天", "日")))
    return next((day - timedelta(days=ago) for word, ago in _AGO.items() if word in text), None)


def _moment(text: str, said: datetime) -> datetime | None:
    if match := _AFTER.match(text):
        count = number(match[1])
        return said + count * _UNITS[match[2]] if count else None
    for name, days in sorted(_NAMED.items(), key=lambda pair: -len(pair[0])):
        if text.startswith(name):
            rest = text.removeprefix(name)
            return _at(said + timedelta(days=days), ("晚" if "晚" in name else "") + rest)
    if match := _WEEK.match(text):
        day = "一二三四五六日".index(match[2].replace("天", "日"))
        ahead = day - said.weekday() + (7 if match[1] else 0)
        return _at(said + timedelta(days=ahead if ahead >= 0 else ahead + 7), match[3])
    if match := _DATE.match(text):
        try:
            day_said = said.replace(year=int(match[1] or said.year), month=int(match[2]), day=int(match[3]))
            if match[1] is None and day_said.date() < said.date():
                day_said = day_said.replace(year=said.year + 1)
        except ValueError:
            return None
        return _at(day_said, match[4])
    return None


def _at(day: datetime, clock: str) -> datetime | None:
    hour, minute = _EVENING, 0
    if clock.strip():
        match = _CLOCK.match(clock)
        if not match:
            return None
        hour, minute = int(match[2]), 30 if match[4] else int(match[3] or 0)
        if match[1] in ("下午", "晚上", "晚") and hour < 12:
            hour += 12
        if match[1] == "中午" and hour < 3:
            hour += 12
    if hour > 23 or minute > 59:
        return None
    return day.replace(hour=hour, minute=minute, second=0, microsecond=0)
