"""Somebody asks how an area's cases fare: three lines at once, the picture as soon as it is drawn."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from bot.core.render import Phrase, words
from bot.core.rules import when
from bot.core.words import Choice
from domain.areas import Level
from domain.cases import OPEN
from domain.district import District
from domain.matters import Score
from domain.refusals import Refused
from domain.sheets import Bar, Block, Sheet
from domain.statistics import (
    AGES,
    Every,
    Figures,
    Period,
    Rate,
    StatisticsAsked,
    check_period,
    check_viewer,
)
from domain.tally import TIMED, WHOLE
from storage.desk import Desk

# The commonest categories; all others, and those nobody is to read of by themselves, are one bar.
_CATEGORIES = 6
_BELOW = 12


@when(StatisticsAsked)
async def tell_statistics(asked: StatisticsAsked, desk: Desk) -> None:
    wanted = Period(asked.first, asked.last, asked.every)
    found = await counted(asked.by, asked.area, wanted, desk)
    person = await desk.people.get(asked.by)
    language = person.language if person else "zh"
    await desk.tell(
        asked.by,
        "stats.told",
        area=desk.district.area_name(asked.area),
        period=period_name(wanted),
        opened=found.opened,
        closed=found.closed,
        still_open=sum(found.ages),
        old=found.ages[-1],
        answered=said(found.answered),
        solved=said(found.solved),
        content=said(found.content),
        on_time=said(found.on_time),
        council=Phrase("stats.council_line", {"rate": said(found.council)}) if found.council.of else "",
        whole=Phrase("stats.half", {"time": lasted(found.took[WHOLE].median)}) if WHOLE in found.took else "",
        reopened=found.reopened,
        merged=found.merged,
        choices=[*_further(asked), *_below(asked, desk.district, desk.district.day(desk.now))],
    )
    await desk.pictures.ask(asked.by, _Writer(desk, language).sheet(asked.area, wanted, found))


async def counted(by: int, area: str, wanted: Period, desk: Desk) -> Figures:
    """An area's figures for whoever may see them.

    Raises:
        Refused: they may not, there is nothing to tell of these days, or all is still being counted.
    """
    person = await desk.people.get(by)
    if person is None or not (area in desk.district.areas or area in desk.district.grids):
        raise Refused("stats.not_your_area")
    check_viewer(person, area)
    today = desk.district.day(desk.now)
    check_period(wanted, today)
    if not await desk.statistics.ready():
        raise Refused("stats.counting")
    return await figures_of(area, wanted, today, desk)


async def figures_of(area: str, wanted: Period, today: date, desk: Desk) -> Figures:
    """An area's figures, with what neighbours made of the council matters that ended there."""
    zone = desk.district.timezone
    start = datetime.combine(wanted.first, time(), zone)
    end = datetime.combine(wanted.last + timedelta(days=1), time(), zone)
    judged = await desk.voices.ratings_in(area, start, end)
    found = await desk.statistics.figures(area, wanted, today)
    return replace(found, council=Rate(judged[Score.GOOD], judged.total()))


def _further(asked: StatisticsAsked) -> list[Choice]:
    return [
        Choice(label, opens="stats", given={"area": asked.area, "every": f"{every}:{back}"})
        for label, every, back in (
            ("stats.this_month", Every.MONTH, 0),
            ("stats.last_month", Every.MONTH, 1),
            ("stats.this_year", Every.YEAR, 0),
        )
        if asked.every is not every or back
    ]


def _below(asked: StatisticsAsked, district: District, day: date) -> list[Choice]:
    """The areas of the next level down, each in a button."""
    return [
        Choice(district.area_name(code), opens="stats", given={"area": code})
        for code in below(asked.area, district, day)[:_BELOW]
    ]


def below(area: str, district: District, day: date) -> list[str]:
    """The areas directly within an area, grids in force that day."""
    if area in district.grids:
        return []
    within = [each.code for each in district.areas.values() if each.parent == area and each.level is not Level.DISTRICT]
    return within or [grid.code for grid in district.grids_in(area, day)]


def percent(rate: Rate) -> object:
    """A rate for residents: of a few nothing is said, or one could tell who said what."""
    return Phrase("stats.too_few") if rate.share is None else f"{rate.share:.0%}"


def said(rate: Rate) -> object:
    """A rate for staff: a percentage with what it is made of; of a few, only that."""
    if not rate.of:
        return Phrase("stats.none_yet")
    if rate.share is None:
        return Phrase("stats.few", {"part": rate.part, "all": rate.of})
    return Phrase("stats.rate", {"share": f"{rate.share:.0%}", "part": rate.part, "all": rate.of})


def lasted(time: timedelta) -> Phrase:
    """A time in the unit people would say it in."""
    hours = time.total_seconds() / 3600
    if hours < 1:
        return Phrase("stats.minutes", {"count": max(round(hours * 60), 1)})
    if hours < 48:
        return Phrase("stats.hours", {"count": f"{hours:.1f}".removesuffix(".0")})
    return Phrase("stats.days", {"count": f"{hours / 24:.1f}".removesuffix(".0")})


def period_name(period: Period) -> Phrase:
    """What a stretch of time is called."""
    first, last = period.first, period.last
    if period.every is Every.YEAR:
        return Phrase("stats.year", {"year": first.year})
    if period.every is Every.QUARTER:
        return Phrase("stats.quarter", {"year": first.year, "quarter": (first.month + 2) // 3})
    if period.every is Every.MONTH:
        return Phrase("stats.month", {"year": first.year, "month": first.month})
    return Phrase("stats.from_to", {"first": _day(first), "last": _day(last)})


def _day(day: date) -> Phrase:
    return Phrase("stats.day", {"year": day.year, "month": day.month, "day": day.day})


def by_category(category: Mapping[str, int], district: District) -> tuple[list[tuple[str, int]], int]:
    """The categories by code, the commonest first, and how many there are besides that are nobody's to read of."""
    shown = {code: count for code, count in category.items() if code in district.categories}
    open_ones = {
        code: count
        for code, count in shown.items()
        if not (district.category(code).to_staff or district.category(code).private)
    }
    named = sorted(open_ones.items(), key=lambda pair: (-pair[1], pair[0]))
    other = district.category("other").code
    hidden = sum(category.values()) - sum(open_ones.values()) + open_ones.get(other, 0)
    return [(code, count) for code, count in named if code != other], hidden


class _Writer:
    """Puts figures into words for a picture, in somebody's language."""

    def __init__(self, desk: Desk, language: str) -> None:
        self._desk = desk
        self._language = language

    def say(self, part: object) -> str:
        desk = self._desk
        if isinstance(part, Phrase):
            return words(part, desk.texts, self._language, desk.district.timezone)
        return str(part)

    def sheet(self, area: str, period: Period, found: Figures) -> Sheet:
        return Sheet(
            self._desk.district.area_name(area),
            self.say(Phrase("stats.of", {"period": period_name(period), "now": self._desk.now})),
            (
                (self.say(Phrase("stats.opened")), str(found.opened)),
                (self.say(Phrase("stats.closed")), str(found.closed)),
                (self.say(Phrase("stats.still_open")), str(sum(found.status.get(each, 0) for each in OPEN))),
            ),
            tuple(
                block
                for block in (self._rates(found), self._states(found), self._categories(found), *self._times(found))
                if block.bars
            ),
            self.say(Phrase("stats.last_line", {"reopened": found.reopened, "merged": found.merged})),
        )

    def _rates(self, found: Figures) -> Block:
        rates = (
            (Phrase("stats.answered"), found.answered),
            (Phrase("stats.solved"), found.solved),
            (Phrase("stats.content"), found.content),
            (Phrase("stats.on_time"), found.on_time),
            *([(Phrase("stats.council"), found.council)] if found.council.of else []),
        )
        return Block(
            self.say(Phrase("stats.rates")),
            tuple(Bar(self.say(label), self.say(said(rate)), rate.share) for label, rate in rates),
        )

    def _states(self, found: Figures) -> Block:
        states = sorted(found.status.items(), key=lambda pair: -pair[1])
        return Block(
            self.say(Phrase("stats.states")),
            tuple(Bar(self.say(Phrase(f"case.status.{status}")), str(count)) for status, count in states),
        )

    def _categories(self, found: Figures) -> Block:
        named, hidden = by_category(found.category, self._desk.district)
        rest = hidden + sum(count for _, count in named[_CATEGORIES:])
        other = [("other", rest)] if rest else []
        most = max([count for _, count in (*named, *other)], default=1)
        return Block(
            self.say(Phrase("stats.categories")),
            tuple(
                Bar(self._desk.district.category(code).name, str(count), count / most)
                for code, count in (*named[:_CATEGORIES], *other)
            ),
        )

    def _times(self, found: Figures) -> tuple[Block, Block]:
        took = tuple(
            Bar(self.say(Phrase(f"stats.took.{phase}")), self.say(lasted(found.took[phase].median)))
            for phase in TIMED
            if phase in found.took
        )
        most = max(found.ages)
        starts = (0, *(age + 1 for age in AGES))
        labels = [Phrase("stats.age", {"low": low, "high": high}) for low, high in zip(starts, AGES, strict=False)]
        labels.append(Phrase("stats.age_over", {"high": AGES[-1]}))
        ages = tuple(
            Bar(self.say(label), str(count), count / most)
            for label, count in zip(labels, found.ages, strict=True)
            if most
        )
        return Block(self.say(Phrase("stats.took_half")), took), Block(self.say(Phrase("stats.ages")), ages)
