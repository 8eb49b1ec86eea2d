"""A ballot is opened, begins, is reminded of, closes on its second or is called off; everybody it concerns is told."""

import asyncio
from datetime import timedelta
from typing import Any

from bot.core.rules import when
from bot.core.words import Choice, Kind
from domain.areas import Extent
from domain.councils import (
    Ballot,
    BallotBegins,
    BallotCancelled,
    BallotCloses,
    BallotOpened,
    BallotReminds,
    Electorate,
    check_opening,
)
from domain.district import District
from domain.refusals import Refused
from services.ballot_words import asked, named, options, reminded
from services.matter_groups import tell_of_vote
from storage.desk import Desk

# The reminder comes when a fifth of the time is left, a day before the end at the earliest.
REMIND_SHARE, REMIND_AT_MOST = 5, timedelta(days=1)


@when(BallotOpened)
async def open_ballot(opened: BallotOpened, desk: Desk) -> None:
    host = await desk.people.get(opened.by)
    if host is None:
        raise Refused("ballot.not_your_area")
    check_opening(host, opened, desk.now)
    await check_electorate(opened.electorate, opened.extent, desk)
    # Before the ballot: a key too many opens nothing, a ballot without one could not be voted in.
    key = await asyncio.to_thread(desk.keys.make)
    ballot = await desk.ballots.open(opened, key)
    later = ballot.begins_at is not None and ballot.begins_at > desk.now
    told = sum((await desk.people.reachable(ballot.electorate, ballot.extent)).values())
    if not later:
        await _ask_everybody(ballot, desk)
    await desk.tell(
        opened.by,
        "ballot.you_planned" if later else "ballot.you_opened",
        question=ballot.question,
        told=told,
        begins=ballot.begins_at or desk.now,
        closes=ballot.closes_at,
        choices=[Choice("ballot.cancel", opens="ballot_cancel", given={"ballot": str(ballot.id)})],
    )
    begins = max(ballot.begins_at or desk.now, desk.now)
    lead = min(REMIND_AT_MOST, (ballot.closes_at - begins) / REMIND_SHARE)
    if later:
        await desk.plan(BallotBegins(ballot.id), begins, key=f"ballot:{ballot.id}:begin")
    await desk.plan(BallotReminds(ballot.id), ballot.closes_at - lead, key=f"ballot:{ballot.id}:remind")
    await desk.plan(BallotCloses(ballot.id), ballot.closes_at, key=f"ballot:{ballot.id}:close")


async def check_electorate(electorate: Electorate, extent: Extent, desk: Desk) -> None:
    """Raise `Refused` where nobody could vote, or the floor areas the law asks for are not on the roster."""
    if electorate in (Electorate.HOUSEHOLDS, Electorate.OWNERS):
        households, without = await desk.rosters.count(extent)
        if not households:
            raise Refused("ballot.no_roster", area=named(extent, desk.district))
        if electorate is Electorate.OWNERS and without:
            raise Refused("ballot.no_floor_area", households=without)
    elif electorate is Electorate.MEMBERS and not await desk.people.reachable(electorate, extent):
        raise Refused("ballot.no_members", area=named(extent, desk.district))


@when(BallotBegins)
async def begin(begins: BallotBegins, desk: Desk) -> None:
    ballot = await desk.ballots.get(begins.ballot)
    if ballot.open_at(desk.now):
        await _ask_everybody(ballot, desk)


async def _ask_everybody(ballot: Ballot, desk: Desk) -> None:
    await desk.tell_area(
        ballot.extent,
        "ballot.opened",
        once=f"ballot:{ballot.id}:opened",
        electorate=ballot.electorate,
        **announced(ballot, desk.district),
        until=ballot.closes_at,
        choices=options(ballot),
    )
    await tell_of_vote(ballot, desk, "matter.group.ballot", "vote", closes=ballot.closes_at)


def announced(ballot: Ballot, district: District) -> dict[str, Any]:
    """What `ballot.opened` shows: to those who are asked, and before that to the host."""
    return {"area": named(ballot.extent, district), "question": ballot.question, "lines": asked(ballot)}


@when(BallotCancelled)
async def cancel_ballot(cancelled: BallotCancelled, desk: Desk) -> None:
    ballot = await desk.ballots.get(cancelled.ballot, lock=True)
    if ballot.host_id != cancelled.by:
        raise Refused("ballot.not_your_area")
    if ballot.closed_at is not None:
        raise Refused("ballot.closed", question=ballot.question)
    await desk.ballots.close(ballot.id, cancelled.reason)
    if ballot.begins_at is None or ballot.begins_at <= desk.now:
        await desk.tell_area(
            ballot.extent,
            "ballot.was_cancelled",
            once=f"ballot:{ballot.id}:cancelled",
            electorate=ballot.electorate,
            question=ballot.question,
            reason=cancelled.reason,
        )
        await tell_of_vote(ballot, desk, "matter.group.cancelled", "cancelled", reason=cancelled.reason)
    await desk.tell(cancelled.by, "ballot.you_cancelled", question=ballot.question)


@when(BallotReminds)
async def remind(reminds: BallotReminds, desk: Desk) -> None:
    ballot = await desk.ballots.get(reminds.ballot)
    awake = desk.awake(Kind.REMINDER)
    if desk.now < awake < ballot.closes_at:
        # Asked again in the morning, who has voted meanwhile is left in peace.
        await desk.plan(reminds, awake, key=f"ballot:{ballot.id}:remind:awake")
    elif ballot.open_at(desk.now):
        await desk.tell_area(
            ballot.extent,
            "ballot.reminder",
            once=f"ballot:{ballot.id}:reminder",
            electorate=ballot.electorate,
            question=ballot.question,
            lines=reminded(ballot),
            until=ballot.closes_at,
            not_voted_in=ballot.id,
            choices=options(ballot),
        )


@when(BallotCloses)
async def close_ballot(closes: BallotCloses, desk: Desk) -> None:
    """Waits for the votes being cast, and none is cast after it. Counting is `bot.teller`'s, who need not hurry."""
    ballot = await desk.ballots.get(closes.ballot, lock=True)
    if ballot.closed_at is None:
        await desk.ballots.close(ballot.id)
