"""A ballot is opened, voted in, closed on its second; everybody it concerns is told."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from bot.core.render import Phrase, Withheld
from bot.core.rules import when
from bot.core.words import Choice, Kind
from domain.areas import covers
from domain.councils import (
    Ballot,
    BallotCancelled,
    BallotCloses,
    BallotOpened,
    BallotReminds,
    ResultTold,
    VoteCast,
    check_opening,
    check_vote,
)
from domain.counting import Paper
from domain.refusals import Refused
from storage.desk import Desk
from storage.keys import new_slip

# The reminder comes when a fifth of the time is left, a day before the end at the earliest.
REMIND_SHARE, REMIND_AT_MOST = 5, timedelta(days=1)


@when(BallotOpened)
async def open_ballot(opened: BallotOpened, desk: Desk) -> None:
    host = await desk.people.get(opened.by)
    if host is None:
        raise Refused("ballot.not_your_area")
    check_opening(host, opened.area, opened.options, desk.now, opened.closes_at)
    # Before the ballot: a key too many opens nothing, a ballot without one could not be voted in.
    key = await asyncio.to_thread(desk.keys.make)
    ballot = await desk.ballots.open(opened, key)
    told = await desk.tell_area(
        ballot.area,
        "ballot.opened",
        once=f"ballot:{ballot.id}:opened",
        area=desk.district.area_name(ballot.area),
        question=ballot.question,
        closes=ballot.closes_at,
        until=ballot.closes_at,
        choices=options(ballot),
    )
    await desk.tell(
        opened.by,
        "ballot.you_opened",
        question=ballot.question,
        told=told,
        closes=ballot.closes_at,
        choices=[Choice("ballot.cancel", opens="ballot_cancel", given={"ballot": str(ballot.id)})],
    )
    lead = min(REMIND_AT_MOST, (ballot.closes_at - desk.now) / REMIND_SHARE)
    await desk.plan(BallotReminds(ballot.id), ballot.closes_at - lead, key=f"ballot:{ballot.id}:remind")
    await desk.plan(BallotCloses(ballot.id), ballot.closes_at, key=f"ballot:{ballot.id}:close")


@when(VoteCast)
async def cast_vote(cast: VoteCast, desk: Desk) -> None:
    # Held until this vote is in: closing waits for it, and a vote after closing sees the close.
    ballot = await desk.ballots.get(cast.ballot, share=True)
    person = await desk.people.get(cast.by)
    if person is None:
        raise Refused("ballot.not_your_ballot")
    check_vote(ballot, person, cast.paper, desk.now)
    key = ballot.key or ""
    seal, slip = desk.keys.seal(key), new_slip()
    changed = not await desk.ballots.cast(ballot.id, person.id, slip, seal.shut(slip, cast.paper))
    if changed:
        # One row, one vote: what is in the envelope changes, the receipt stays.
        slip = await desk.ballots.slip(ballot.id, person.id) or slip
        await desk.ballots.change(ballot.id, person.id, seal.shut(slip, cast.paper))
    marked, room = words_of(cast.paper, [desk.label(option) for option in ballot.options])
    gone = Phrase("ballot.shown_once")
    await desk.tell(
        person.id,
        "ballot.you_changed" if changed else "ballot.you_voted",
        question=ballot.question,
        # Not as words in a message that is kept: they would say who voted what.
        option=Withheld(key, seal.hide(marked, room), gone),
        receipt=Withheld(key, seal.hide(seal.receipt(slip), room), gone),
        closes=ballot.closes_at,
        choices=[Choice("ballot.change", opens="vote", given={"ballot": str(ballot.id)})],
    )


@when(BallotCancelled)
async def cancel_ballot(cancelled: BallotCancelled, desk: Desk) -> None:
    ballot = await desk.ballots.get(cancelled.ballot, lock=True)
    if ballot.host_id != cancelled.by:
        raise Refused("ballot.not_your_area")
    if ballot.closed_at is not None:
        raise Refused("ballot.closed", question=ballot.question)
    await desk.ballots.close(ballot.id, cancelled.reason)
    await desk.tell_area(
        ballot.area,
        "ballot.was_cancelled",
        once=f"ballot:{ballot.id}:cancelled",
        question=ballot.question,
        reason=cancelled.reason,
    )
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
            ballot.area,
            "ballot.reminder",
            once=f"ballot:{ballot.id}:reminder",
            question=ballot.question,
            closes=ballot.closes_at,
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


async def tell_result(ballot: Ballot, picture: str, desk: Desk) -> None:
    """Tell the area and the host what came out, once."""
    result = ballot.result
    if result is None or not await desk.ballots.told(ballot.id):
        return
    shown: dict[str, Any] = {
        "question": ballot.question,
        "votes": result.votes,
        "eligible": result.eligible,
        "turnout": f"{result.turnout:.0%}",
        "counts": counts(ballot),
        "choices": [Choice("ballot.list", opens="receipts", given={"ballot": str(ballot.id)})],
        "photos": [picture],
    }
    await desk.tell_area(ballot.area, "ballot.result", once=f"ballot:{ballot.id}:result", **shown)
    host = await desk.people.get(ballot.host_id)
    if host and (host.grid is None or not covers(ballot.area, host.grid)):
        await desk.tell(host.id, "ballot.result", kind=Kind.NOTICE, once=f"ballot:{ballot.id}:result:host", **shown)
    if ballot.matter is not None and desk.waits_for(ResultTold):
        await desk.happen(ResultTold(ballot.id))


def counts(ballot: Ballot) -> tuple[Phrase, ...]:
    """A line for each option of a counted ballot."""
    votes = ballot.result.counts if ballot.result else ()
    return tuple(
        Phrase("ballot.count", {"option": option, "votes": each})
        for option, each in zip(ballot.options, votes, strict=True)
    )


def words_of(paper: Paper, labels: Sequence[str]) -> tuple[str, int]:
    """What is marked on a paper, and how many bytes the longest that could be marked would take, or a receipt."""
    longest = sum(len(f"{label}、".encode()) for label in labels)
    return "、".join(labels[mark] for mark in paper), max(longest, 16)


def options(ballot: Ballot) -> list[Choice]:
    """A button for each answer; one tap is a vote."""
    return [
        Choice(option, opens="vote", given={"ballot": str(ballot.id), "option": str(place)})
        for place, option in enumerate(ballot.options)
    ]
