"""The operator says where mediations are held, when, and by whom; a district without that file has none."""

import re
from collections.abc import Container, Iterator
from datetime import time
from typing import TYPE_CHECKING

from domain.mediation import Mediator, Office, Room

if TYPE_CHECKING:
    from config.district import _Row, _Rows

_WEEKDAYS = "一二三四五六日"
_STRETCH = re.compile(r"(?:周|星期)([一二三四五六日]) ?(([01][0-9]|2[0-3]):[0-5][0-9])-(([01][0-9]|2[0-3]):[0-5][0-9])")


def rooms(rows: "_Rows", areas: Container[str]) -> Iterator[Room]:
    """The rooms, in the order they are offered."""
    rows.once("code")
    for row in rows:
        code = row.text("code")
        # It stands where an area's digits stand for other roles, and must never be taken for one.
        if not re.fullmatch(r"|[a-z][a-z0-9]*(-[a-z0-9]+)*", code):
            row.wrong("code 用小写字母开头，只用小写字母、数字和“-”", "code")
        for area in (found := row.texts("areas")):
            if area not in areas:
                row.wrong(f"areas 里的 {area} 不是区划代码（见 areas.csv）", "areas")
        minutes = row.number("minutes", least=10, blank=60)
        yield Room(
            code,
            row.text("name"),
            row.choice("office", tuple(Office)),
            found,
            row.text("place"),
            dict(_hours(row, minutes)),
            minutes,
            sample=row.flag("sample", blank=False),
        )


def _hours(row: "_Row", minutes: int) -> Iterator[tuple[int, tuple[tuple[time, time], ...]]]:
    """By weekday, when talks are held there."""
    found: dict[int, list[tuple[time, time]]] = {}
    for words in row.texts("hours"):
        match = _STRETCH.fullmatch(words)
        if match is None:
            row.wrong(f"hours {words} 看不懂，例如：周二 14:00-17:00", "hours")
            continue
        day, opens, closes = _WEEKDAYS.index(match[1]) + 1, time.fromisoformat(match[2]), time.fromisoformat(match[4])
        if (closes.hour - opens.hour) * 60 + closes.minute - opens.minute < minutes:
            row.wrong(f"hours {words} 还不够谈一场（{minutes} 分钟）", "hours")
            continue
        if any(opens < other_closes and other_opens < closes for other_opens, other_closes in found.get(day, [])):
            row.wrong(f"hours {words} 和同一天的另一段重叠", "hours")
            continue
        found.setdefault(day, []).append((opens, closes))
    for day, stretches in found.items():
        yield day, tuple(sorted(stretches))


def mediators(rows: "_Rows", rooms: Container[str], workers: "_Rows") -> Iterator[Mediator]:
    """The mediators, each with the rooms they sit in."""
    listed = workers.column("key")
    rows.once("key")
    for row in rows:
        key = row.text("key")
        if workers.whole and key in listed:
            row.wrong(f"key {key} 在 gridworkers.csv 里已经有了", "key")
        for room in (sits := row.texts("rooms")):
            if room not in rooms:
                row.wrong(f"rooms 里的 {room} 不是调解室的 code", "rooms")
        for relative in (related := row.texts("relatives", optional=True)):
            if relative not in listed:
                row.wrong(f"relatives 里的 {relative} 不是名单上的 key（见 gridworkers.csv）", "relatives")
        yield Mediator(key, row.text("name"), sits, related, sample=row.flag("sample", blank=False))
