"""Staff read the statistics of their areas as numbers, and take them along as a table."""

import asyncio
import csv
import io
import logging
import tempfile
from collections.abc import AsyncIterator, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from domain.cases import Status
from domain.people import STAFF, Person, Role
from domain.refusals import Refused
from domain.statistics import AGES, Every, Figures, Period, Rate, period
from domain.tally import TIMED
from services.statistics import below, by_category, counted, figures_of
from storage.desk import Desk
from web.gate import Gate, Problem, Route, asked

log = logging.getLogger("xiaomazha.statistics")

_VIEWERS = (*STAFF, Role.GRID_LEADER)
# Read in one go, then others have their turn.
_AT_ONCE = 25
_CHUNK = 64 * 1024
# What a table program would take for a formula when a cell begins with it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_TYPES = {"csv": "text/csv", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


class StatisticsWanted(msgspec.Struct, forbid_unknown_fields=True):
    """要哪个片区、哪段时间的统计。"""

    area: Annotated[str, Meta(min_length=12, max_length=15, description="区划代码或网格码，要在自己的范围里")]
    every: Annotated[
        Every, Meta(description="`week` 一周，`month` 一月，`quarter` 一季，`year` 一年；写了 `first` 就不看它")
    ] = Every.MONTH
    day: Annotated[date | None, Meta(description="那一周、月、季、年里的随便哪一天；不写就是今天")] = None
    first: Annotated[date | None, Meta(description="从哪天，和 `last` 一起写，最长三年")] = None
    last: Annotated[date | None, Meta(description="到哪天，当天也算")] = None


class Share(msgspec.Struct):
    """多少个里有多少个。"""

    part: Annotated[int, Meta(description="分子")]
    of: Annotated[int, Meta(description="分母")]
    share: Annotated[float | None, Meta(description="0 到 1；分母不到 10 是 `null`")]


class Counted(msgspec.Struct):
    """其中一种有几件。"""

    code: Annotated[str, Meta(description="代号")]
    name: Annotated[str, Meta(description="名称")]
    count: Annotated[int, Meta(description="几件")]


class PhaseTook(msgspec.Struct):
    """一个阶段的用时。"""

    phase: Annotated[str, Meta(description="`dispatch` 派遣，`handle` 处理，`check` 核查，`rate` 评价，`whole` 全程")]
    median_hours: Annotated[float, Meta(description="中位数，小时，误差最多 4.5 %")]
    cases: Annotated[int, Meta(description="几件")]


class Statistics(msgspec.Struct):
    """一个片区、一段时间的统计，算法见 docs/statistics.md。"""

    area: Annotated[str, Meta(description="区划代码或网格码")]
    name: Annotated[str, Meta(description="片区的名称")]
    first: Annotated[date, Meta(description="从哪天")]
    last: Annotated[date, Meta(description="到哪天")]
    opened: Annotated[int, Meta(description="上报")]
    closed: Annotated[int, Meta(description="已办结")]
    status: Annotated[list[Counted], Meta(description="按现在的状态")]
    category: Annotated[list[Counted], Meta(description="按现在的类别，多的在前；不公开的合在「其他」里")]
    answered: Annotated[Share, Meta(description="响应率")]
    solved: Annotated[Share, Meta(description="解决率")]
    content: Annotated[Share, Meta(description="满意率")]
    on_time: Annotated[Share, Meta(description="按时办结")]
    council: Annotated[Share, Meta(description="议事满意率：这段时间办结的议题，有资格的邻居评的")]
    reopened: Annotated[int, Meta(description="重办")]
    merged: Annotated[int, Meta(description="并案")]
    took: Annotated[list[PhaseTook], Meta(description="各阶段用时")]
    open_by_age: Annotated[list[int], Meta(description="没办结的：1 天以内、3 天、7 天、30 天以内、更久")]


def routes(gate: Gate) -> list[Route]:
    async def read(request: web.Request) -> web.Response:
        wanted = asked(request, StatisticsWanted)

        async def look(desk: Desk, person: Person) -> Statistics:
            when = _period(wanted, desk, person)
            return _told(wanted.area, when, await _figures(person, wanted.area, when, desk), desk, person)

        return await gate.read(request, look, _VIEWERS)

    def table(kind: str) -> object:
        async def export(request: web.Request) -> web.StreamResponse:
            wanted = asked(request, StatisticsWanted)

            async def begin(desk: Desk) -> tuple[Person, Period, list[str]]:
                _, person = await gate.whose(request, desk, _VIEWERS)
                when = _period(wanted, desk, person)
                await _figures(person, wanted.area, when, desk)
                return person, when, _all_below(wanted.area, desk)

            person, when, areas = await gate.desks.read(begin)
            log.info(
                "statistics of %s from %s to %s taken as %s: person %d", wanted.area, *_days(when), kind, person.id
            )
            response = web.StreamResponse(
                headers={
                    "Content-Type": f"{_TYPES[kind]}; charset=utf-8" if kind == "csv" else _TYPES[kind],
                    "Content-Disposition": f'attachment; filename="statistics-{wanted.area}-{when.first}.{kind}"',
                    "Cache-Control": "no-store",
                    "X-Content-Type-Options": "nosniff",
                }
            )
            await response.prepare(request)
            lines = _lines(gate, person, areas, when)
            async for part in _as_csv(lines) if kind == "csv" else _as_workbook(lines):
                await response.write(part)
            await response.write_eof()
            return response

        return export

    says = "同一组数做成表：这个片区和它里面的每一级片区，一个一行"
    return [
        Route(
            "GET",
            "/api/statistics",
            "一个片区、一段时间的统计",
            read,
            Statistics,
            asks=StatisticsWanted,
            roles=_VIEWERS,
        ),
        *(
            Route(
                "GET",
                f"/api/statistics.{kind}",
                f"{says}，{what}",
                table(kind),  # type: ignore[arg-type]
                None,
                asks=StatisticsWanted,
                roles=_VIEWERS,
            )
            for kind, what in (("csv", "CSV（UTF-8，Excel 能直接打开）"), ("xlsx", "Excel 工作簿"))
        ),
    ]


def _days(when: Period) -> tuple[date, date]:
    return when.first, when.last


def _period(wanted: StatisticsWanted, desk: Desk, person: Person) -> Period:
    if (wanted.first is None) != (wanted.last is None):
        raise Problem("page.unreadable", 400, language=person.language, place="last" if wanted.first else "first")
    if wanted.first and wanted.last:
        return Period(wanted.first, wanted.last)
    try:
        return period(wanted.every, wanted.day or desk.district.day(desk.now))
    except (ValueError, OverflowError):
        # The first and the last years there are have no whole weeks.
        raise Problem("page.unreadable", 400, language=person.language, place="day") from None


async def _figures(person: Person, area: str, when: Period, desk: Desk) -> Figures:
    try:
        return await counted(person.id, area, when, desk)
    except Refused as refused:
        status = {"stats.not_your_area": 403, "stats.counting": 503}.get(refused.key, 400)
        heads = {"Retry-After": "60"} if status == 503 else None
        raise Problem(refused.key, status, heads, person.language, **refused.shown) from None


def _told(area: str, when: Period, found: Figures, desk: Desk, person: Person) -> Statistics:
    def state(status: Status) -> str:
        return desk.texts.say(f"case.status.{status}", person.language)

    return Statistics(
        area=area,
        name=desk.district.area_name(area),
        first=when.first,
        last=when.last,
        opened=found.opened,
        closed=found.closed,
        status=[Counted(status, state(status), count) for status, count in found.status.items()],
        category=[
            Counted(code, desk.district.category(code).name, count) for code, count in _categories(found, desk).items()
        ],
        answered=_share(found.answered),
        solved=_share(found.solved),
        content=_share(found.content),
        on_time=_share(found.on_time),
        council=_share(found.council),
        reopened=found.reopened,
        merged=found.merged,
        took=[
            PhaseTook(phase, round(took.median.total_seconds() / 3600, 2), took.cases)
            for phase, took in found.took.items()
        ],
        open_by_age=[*found.ages],
    )


def _share(rate: Rate) -> Share:
    return Share(rate.part, rate.of, None if rate.share is None else round(rate.share, 4))


def _categories(found: Figures, desk: Desk) -> dict[str, int]:
    """By code, those nobody is to read of by themselves under `other`."""
    named, rest = by_category(found.category, desk.district)
    return dict(named) | ({"other": rest} if rest else {})


def _all_below(area: str, desk: Desk) -> list[str]:
    """The area, and level by level all within it."""
    found, day = [area], desk.district.day(desk.now)
    for each in found:
        found += below(each, desk.district, day)
    return found


# The table.

_Cell = str | int | float | None


async def _lines(gate: Gate, person: Person, areas: Sequence[str], when: Period) -> AsyncIterator[list[list[_Cell]]]:
    """The heading, then a few lines at a time."""
    for start in range(0, len(areas), _AT_ONCE):
        some = areas[start : start + _AT_ONCE]

        async def look(desk: Desk, some: Sequence[str] = some, first: bool = start == 0) -> list[list[_Cell]]:
            codes = _shown(desk)
            lines: list[list[_Cell]] = [_heading(codes, desk, person)] if first else []
            today = desk.district.day(desk.now)
            for area in some:
                found = await figures_of(area, when, today, desk)
                lines.append(_line(area, when, found, codes, desk))
            return lines

        yield await gate.desks.read(look)


def _shown(desk: Desk) -> list[str]:
    """The categories that have a column of their own; others stand under 其他."""
    hidden = {code for code, each in desk.district.categories.items() if each.to_staff or each.private}
    return [code for code in desk.district.categories if code not in hidden and code != "other"]


def _heading(codes: Sequence[str], desk: Desk, person: Person) -> list[_Cell]:
    def say(key: str) -> str:
        return desk.texts.say(key, person.language)

    rates = [
        say("stats.answered"),
        say("stats.solved"),
        say("stats.content"),
        say("stats.on_time"),
        say("stats.council"),
    ]
    return [
        *(say("stats.code"), say("stats.name"), say("stats.first"), say("stats.last")),
        *(say("stats.opened"), say("stats.closed"), say("stats.reopened")),
        *(say(f"case.status.{status}") for status in Status),
        *(f"{rate} {part}" for rate in rates for part in (say("stats.part"), say("stats.whole"))),
        *(f"{say(f'stats.took.{phase}')} {say('stats.in_hours')}" for phase in TIMED),
        *(desk.texts.say("stats.age", person.language, low=low, high=high) for low, high in _age_bounds()),
        desk.texts.say("stats.age_over", person.language, high=AGES[-1]),
        *(desk.district.category(code).name for code in (*codes, "other")),
    ]


def _age_bounds() -> list[tuple[int, int]]:
    return list(zip((0, *(age + 1 for age in AGES)), AGES, strict=False))


def _line(area: str, when: Period, found: Figures, codes: Sequence[str], desk: Desk) -> list[_Cell]:
    categories = _categories(found, desk)
    shown = [categories.pop(code, 0) for code in codes]
    return [
        *(area, desk.district.area_name(area), when.first.isoformat(), when.last.isoformat()),
        *(found.opened, found.closed, found.reopened),
        *(found.status.get(status, 0) for status in Status),
        *(
            count
            for rate in (found.answered, found.solved, found.content, found.on_time, found.council)
            for count in (rate.part, rate.of)
        ),
        *(
            round(found.took[phase].median.total_seconds() / 3600, 2) if phase in found.took else None
            for phase in TIMED
        ),
        *found.ages,
        *shown,
        sum(categories.values()),
    ]


def harmless(cell: _Cell) -> _Cell:
    """A cell no table program takes for a formula.

    What begins as one gets an apostrophe before it, as OWASP's "CSV Injection" has it.
    """
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


async def _as_csv(lines: AsyncIterator[list[list[_Cell]]]) -> AsyncIterator[bytes]:
    # With a mark at its head Excel knows that it is UTF-8.
    mark = "\ufeff"
    async for some in lines:
        out = io.StringIO()
        csv.writer(out).writerows([harmless(cell) for cell in line] for line in some)
        yield (mark + out.getvalue()).encode()
        mark = ""


async def _as_workbook(lines: AsyncIterator[list[list[_Cell]]]) -> AsyncIterator[bytes]:
    rows = [line async for some in lines for line in some]
    with tempfile.TemporaryDirectory(prefix="xiaomazha-") as folder:
        path = Path(folder) / "statistics.xlsx"
        await asyncio.to_thread(_write_workbook, path, rows)
        with path.open("rb") as file:
            while part := await asyncio.to_thread(file.read, _CHUNK):
                yield part


def _write_workbook(path: Path, rows: Sequence[Sequence[_Cell]]) -> None:
    # Imported only when a workbook is asked for.
    import xlsxwriter

    # Words stay words: nothing is taken for a formula, a number or an address.
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_numbers": False,
        "strings_to_urls": False,
    }
    with xlsxwriter.Workbook(str(path), options) as book:
        sheet = book.add_worksheet()
        sheet.freeze_panes(1, 2)
        sheet.set_column(0, 3, 16)
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                if isinstance(cell, str):
                    sheet.write_string(number, column, cell)
                elif cell is not None:
                    sheet.write_number(number, column, cell)
