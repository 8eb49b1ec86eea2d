"""Staff and grid leaders see how the cases of their area fare; a resident reads their community's line of the month."""

from dataclasses import dataclass

from bot.core.errors import Unclear
from bot.core.render import Phrase
from bot.core.talk import Ask, Heard, Talk, conversation
from bot.core.words import Choice
from domain.district import District
from domain.people import WORKERS
from domain.statistics import Every, Figures, Period, StatisticsAsked, period, viewed
from nlp import area as areas
from nlp import period as periods
from services.statistics import percent, period_name
from storage.desk import Desk


def _read_area(heard: Heard, district: District) -> str:
    if heard.choice:
        return heard.choice
    found, _ = areas.named(heard.text, district)
    if not found:
        raise Unclear("stats.where_unclear")
    # A name two areas share is said with what tells them apart.
    if len(found) > 1:
        raise Unclear("stats.where_which")
    return found[0]


WHERE = Ask("stats.where", _read_area)
WHEN = Ask(
    "stats.when",
    periods.read,
    choices=(
        ("stats.this_week", "week:0"),
        ("stats.this_month", "month:0"),
        ("stats.last_month", "month:1"),
        ("stats.this_quarter", "quarter:0"),
        ("stats.this_year", "year:0"),
    ),
)


@conversation("stats", opens_with=["统计", "/stats"], place=8, looks=True)
async def show_statistics(talk: Talk[Desk]) -> StatisticsAsked | None:
    own = viewed(talk.person)
    if not own:
        await _our_month(talk)
        return None
    found, rest = areas.named(talk.opening.text, talk.district)
    area = talk.given.get("area") or await _which(talk, found or own)
    when = _given(talk) or periods.find(rest, talk.district.day(talk.opening.at))
    if when is None:
        when = await talk.ask(WHEN, area=talk.district.area_name(area))
    return StatisticsAsked(talk.person.id, area, when.first, when.last, when.every)


async def _which(talk: Talk[Desk], codes: tuple[str, ...]) -> str:
    if len(codes) == 1:
        return codes[0]
    return await talk.ask(WHERE, [(talk.district.area_name(code), code) for code in codes])


def _given(talk: Talk[Desk]) -> Period | None:
    """What a button under other statistics stands for."""
    if "every" not in talk.given:
        return None
    every, _, back = talk.given["every"].partition(":")
    return period(Every(every), talk.district.day(talk.opening.at), int(back))


@dataclass(frozen=True, slots=True)
class _Months:
    ready: bool
    last: Figures
    this: Figures


async def _our_month(talk: Talk[Desk]) -> None:
    home = talk.person.grid or next(iter(talk.person.areas(*WORKERS)), None)
    if home is None:
        talk.say("stats.settle_first", choices=[Choice("settle.title", opens="settle")])
        return
    community, today = home[:12], talk.district.day(talk.opening.at)
    last, this = period(Every.MONTH, today, 1), period(Every.MONTH, today)
    found = await talk.look("months", _Months, lambda desk: _months(desk, community, last, this))
    if not found.ready:
        talk.say("stats.counting")
        return
    talk.say(
        "stats.public",
        area=talk.district.area_name(community),
        lines=tuple(
            Phrase(
                "stats.public_line",
                {
                    "period": period_name(each),
                    "opened": figures.opened,
                    "closed": figures.closed,
                    "rates": _rates(figures),
                },
            )
            for each, figures in ((last, found.last), (this, found.this))
        ),
        choices=[Choice("report.title", opens="report")],
    )


def _rates(figures: Figures) -> Phrase:
    rates = {"answered": figures.answered, "solved": figures.solved, "content": figures.content}
    if all(rate.share is None for rate in rates.values()):
        return Phrase("stats.public_few")
    return Phrase("stats.public_rates", {name: percent(rate) for name, rate in rates.items()})


async def _months(desk: Desk, community: str, last: Period, this: Period) -> _Months:
    today = desk.district.day(desk.now)
    return _Months(
        await desk.statistics.ready(),
        await desk.statistics.figures(community, last, today),
        await desk.statistics.figures(community, this, today),
    )
