"""Somebody looks what their councils have before them: meetings, votes that begin or end, notices, ratings."""

from dataclasses import dataclass
from datetime import datetime

from bot.core.render import Phrase
from bot.core.talk import Talk, conversation
from bot.core.words import Choice
from domain.councils import HOSTS, Ballot
from domain.matters import Matter, Status
from handlers import where
from handlers.matters import opener
from handlers.vote import concern
from services.matter_news import quoted
from storage.desk import Desk

_SHOWN = 8


@dataclass(frozen=True, slots=True)
class _Date:
    """One line of the calendar: when, what, and the button that leads there."""

    at: datetime
    line: Phrase
    leads: Choice


@conversation("council_calendar", opens_with=["议事日历", "/calendar"])
async def calendar(talk: Talk[Desk]) -> None:
    """What is to come, the first first."""
    home = where.current(talk, talk.person.grid)
    dates = await talk.look("dates", list[_Date], lambda desk: _dates(desk, talk, home))
    if not dates:
        talk.say("council_calendar.none", choices=[Choice("matters_near.title", opens="matters_near")])
        return
    talk.say(
        "council_calendar.list",
        lines=tuple(each.line for each in dates),
        # One matter may have several dates, and needs one button.
        choices=list({(each.leads.opens, str(each.leads.given)): each.leads for each in dates}.values()),
    )


async def _dates(desk: Desk, talk: Talk[Desk], home: str | None) -> list[_Date]:
    areas = talk.person.areas(*HOSTS)
    meetings = await desk.filed.calendar(home, areas, desk.now, limit=_SHOWN)
    ballots = await concern(desk, talk.person.id, begun=False)
    ballots += [each for each in await desk.ballots.of_host(talk.person.id) if each not in ballots]
    matters = await desk.matters.near(home, (Status.NOTICE, Status.RATE), _SHOWN) if home else []
    matters += [
        each
        for each in await desk.matters.hosted(areas, (Status.NOTICE, Status.RATE), limit=_SHOWN)
        if areas and each not in matters
    ]
    found = [
        *(
            _Date(
                leaf.due_at or leaf.at,
                Phrase("council_calendar.meeting", {"at": leaf.due_at, "where": leaf.place, "words": matter.title}),
                Choice(
                    quoted(matter.title, 20), opens="matter_file", given={"matter": str(matter.id), "kind": leaf.kind}
                ),
            )
            for leaf, matter in meetings
        ),
        *(_of_ballot(each, desk.now) for each in ballots),
        *(_of_matter(each) for each in matters),
    ]
    return sorted(found, key=lambda each: each.at)[:_SHOWN]


def _of_ballot(ballot: Ballot, now: datetime) -> _Date:
    begins = ballot.begins_at if ballot.begins_at and ballot.begins_at > now else None
    at = begins or ballot.closes_at
    return _Date(
        at,
        Phrase(f"council_calendar.{'begins' if begins else 'closes'}", {"at": at, "words": ballot.question}),
        Choice(quoted(ballot.question, 20), opens="vote", given={"ballot": str(ballot.id)}),
    )


def _of_matter(matter: Matter) -> _Date:
    until = matter.notice_until if matter.status is Status.NOTICE else matter.rate_until
    at = until or matter.since
    return _Date(at, Phrase(f"council_calendar.{matter.status}", {"at": at, "words": matter.title}), opener(matter))
