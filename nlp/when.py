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


_TO = re.compile(r"\s*(?:到|至|[—–~～-]+)\s*")
_LASTING = re.compile(
    r"^(.*?)(?:起|开始)?[\s,，]*(?:请|休|共|一共)?\s*(\d{1,3}|[一二两三四五六七八九十]{1,3})\s*(?:个)?(天|周|星期)(?:假)?$"
)
_DAY_ALONE = re.compile(r"^(\d{1,2})\s*[日号]$")


def days(heard: Heard, district: District) -> tuple[date, date]:
    """From which day to which, both included: 明天到周五, 11 月 25 日到 28 日, 明天起 3 天, 后天.

    Raises:
        Unclear: no days.
    """
    said = heard.at.astimezone(district.timezone)
    text = fold(heard.choice or heard.text).strip(" 。.,，").removeprefix("从")
    # A dash may stand within a date: the first that has a day on either side is meant.
    for between in _TO.finditer(text):
        begins = _day(text[: between.start()], said)
        ends = begins and _last_day(text[between.end() :], said, begins)
        if begins and ends:
            return begins.date(), ends.date()
    count = 1
    if match := _LASTING.match(text):
        text, count = match[1].strip() or "今天", (number(match[2]) or 0) * (1 if match[3] == "天" else 7)
    begins = _day(text, said)
    if begins is None or count == 0:
        raise Unclear("leave.unclear")
    return begins.date(), (begins + timedelta(days=count - 1)).date()


def _last_day(text: str, said: datetime, begins: datetime) -> datetime | None:
    """下周一到周三: a weekday or a day of the month may be said from the first day on."""
    ends = _day(text, said)
    if (ends is None or ends < begins) and (_WEEK.match(text) or _DAY_ALONE.match(text)):
        return _day(text, begins)
    return ends


def _day(text: str, said: datetime) -> datetime | None:
    if match := _DAY_ALONE.match(text):
        try:
            day = said.replace(day=int(match[1]))
        except ValueError:
            return None
        return day if day.date() >= said.date() else None
    # 三天 is how long, not when.
    return None if _AFTER.match(text) else _moment(text, said)


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
