"""A gridworker checks in on their round of the grid, and sees where they were this week."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from bot.core.errors import Unclear
from bot.core.render import Phrase
from bot.core.talk import Ask, Heard, Talk, conversation
from bot.core.words import Position
from domain.district import District
from domain.grids import Grid
from domain.patrols import Patrol, PatrolMade
from domain.people import WORKERS, Role
from handlers import where
from storage.desk import Desk

_SHOWN, _LONGEST = 20, 200


@dataclass(frozen=True, slots=True)
class _There:
    """Where somebody is: a position, or the code on the wall."""

    grid: str | None = None
    position: Position | None = None


def _there(heard: Heard, district: District) -> _There:
    if heard.position is not None:
        return _There(position=heard.position)
    found = where.coded(heard, district)
    if found is None:
        raise Unclear("patrol.unclear")
    return _There(found.grids[0])


def _noted(heard: Heard, _district: District) -> Heard:
    if not (heard.choice or heard.text):
        raise Unclear("plain.words_please")
    return heard


WHERE = Ask("patrol.where", _there)
GRID = Ask("patrol.which", where.GRID.read)
NOTED = Ask("patrol.noted", _noted, choices=(("patrol.all_well", "well"), ("patrol.trouble", "found")), free=True)


@conversation("patrol", opens_with=["巡查", "打卡", "巡查打卡", "/patrol"], link="p", roles=WORKERS, place=14)
async def patrol(talk: Talk[Desk]) -> PatrolMade:
    at_once = _said_at_once(talk)
    there = at_once if at_once is not None else await talk.ask(WHERE)
    grid = there.grid
    if grid is None:
        # A grid leader goes round all grids of the community.
        areas = talk.person.areas(*WORKERS)
        own = [*talk.person.areas(Role.GRIDWORKER)] or [each.code for area in areas for each in _grids(talk, area)]
        if len(own) == 1:
            grid = own[0]
        else:
            grid = await talk.ask(GRID, [(talk.district.area_name(code), code) for code in own])
    noted = await talk.ask(NOTED, grid=talk.district.area_name(grid))
    at = there.position
    return PatrolMade(
        by=talk.person.id,
        grid=grid,
        latitude=at.latitude if at else None,
        longitude=at.longitude if at else None,
        words="" if noted.choice else noted.text[:_LONGEST],
        found=noted.choice == "found",
    )


def _said_at_once(talk: Talk[Desk]) -> _There | None:
    """The code behind the word or in the link, or the position sent along; None when there was none."""
    try:
        return _there(talk.opening, talk.district)
    except Unclear:
        return None


def _grids(talk: Talk[Desk], area: str) -> list[Grid]:
    return talk.district.grids_in(area, talk.district.day(talk.now))


@conversation("patrols", opens_with=["我的巡查", "本周巡查", "/patrols"], roles=WORKERS)
async def patrols(talk: Talk[Desk]) -> None:
    local = talk.opening.at.astimezone(talk.district.timezone)
    monday = datetime.combine(local.date() - timedelta(days=local.weekday()), time.min, talk.district.timezone)
    found = await talk.look("patrols", list[Patrol], lambda desk: desk.patrols.of(talk.person.id, monday))
    if not found:
        talk.say("patrols.none")
        return
    talk.say(
        "patrols.week",
        count=len(found),
        lines=tuple(
            Phrase(
                "patrols.line",
                {
                    "at": each.at,
                    "grid": talk.district.area_name(each.grid),
                    "words": f"：{each.words}" if each.words else "",
                },
            )
            for each in found[:_SHOWN]
        ),
        days=talk.district.patrol_days,
    )
