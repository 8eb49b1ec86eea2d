"""Somebody votes in a chat: what they marked is read back where it is long, sealed, and put on the roll once."""

from collections.abc import Sequence
from typing import Any

from bot.core.render import Phrase, Withheld
from bot.core.rules import when
from bot.core.words import Choice
from domain.councils import Ballot, How, check_open, check_vote
from domain.counting import Method, Paper, marks_of, paper_of, valid
from domain.people import Person
from domain.refusals import Refused
from domain.voting import PaperDrafted, PaperMarked, VoteCast
from services.ballot_words import marked, room
from storage.ballots import Mark
from storage.desk import Desk
from storage.keys import Seal, new_slip


@when(VoteCast)
async def cast_vote(cast: VoteCast, desk: Desk) -> None:
    # Held until this vote is in: closing waits for it, and a vote after closing sees the close.
    ballot = await desk.ballots.get(cast.ballot, share=True)
    person, voter = await _voter(ballot, cast.by, cast.paper, desk)
    key = ballot.key or ""
    seal = desk.keys.seal(key)
    changed, slip = await put_on_roll(ballot, Mark(voter, person.id, new_slip()), cast.paper, seal, desk)
    await desk.tell(
        person.id,
        "ballot.you_changed" if changed else "ballot.you_voted",
        question=ballot.question,
        option=_withheld(ballot, cast.paper, seal, desk),
        receipt=Withheld(key, seal.hide(seal.receipt(slip), room(ballot.options)), Phrase("ballot.shown_once")),
        closes=ballot.closes_at,
        choices=[Choice("ballot.change", opens="vote", given={"ballot": str(ballot.id)})],
    )


async def put_on_roll(ballot: Ballot, mark: Mark, paper: Paper, seal: Seal, desk: Desk) -> tuple[bool, str]:
    """One row, one vote: somebody new with their envelope, or another paper in their envelope and the receipt stays.

    Returns whether it was changed, and what the receipt is made from.
    """
    slip = mark.slip or new_slip()
    if await desk.ballots.cast(ballot.id, mark, seal.shut(slip, paper)):
        return False, slip
    before = await desk.ballots.mark(ballot.id, mark.voter)
    if before is None or before.slip is None or before.how is How.PAPER:
        raise Refused("ballot.has_paper", question=ballot.question)
    if before.how is How.CHAT and mark.how is How.ASSISTED:
        raise Refused("ballot.voted_themselves", question=ballot.question)
    if mark.how is How.CHAT and before.person != mark.person:
        # Whoever of a household voted first speaks for it: their receipt is nobody else's.
        raise Refused("ballot.household_voted", question=ballot.question)
    await desk.ballots.change(ballot.id, mark, seal.shut(before.slip, paper))
    return True, before.slip


@when(PaperMarked)
async def read_back(read: PaperMarked, desk: Desk) -> None:
    """Nothing is kept of it but what its own buttons carry, sealed."""
    ballot = await desk.ballots.get(read.ballot)
    person, _ = await _voter(ballot, read.by, None, desk)
    if not valid(read.paper, ballot.method, len(ballot.options), ballot.most):
        await desk.tell(person.id, f"vote.unclear_{ballot.method}", **_told(ballot), choices=[_again(ballot)])
        return
    seal = desk.keys.seal(ballot.key or "")
    await desk.tell(
        person.id,
        "vote.read_back",
        question=ballot.question,
        option=_withheld(ballot, read.paper, seal, desk),
        choices=[
            Choice("vote.agreed", opens="vote", given={"ballot": str(ballot.id), "paper": seal.draft(read.paper)}),
            _again(ballot),
        ],
    )


@when(PaperDrafted)
async def ask_of_the_next(drafted: PaperDrafted, desk: Desk) -> None:
    """One option after the other, as many taps whatever is marked: how many there were tells nothing."""
    ballot = await desk.ballots.get(drafted.ballot)
    person, _ = await _voter(ballot, drafted.by, None, desk)
    check_open(ballot, desk.now)
    place = len(drafted.marks)
    if place >= len(ballot.options):
        paper = paper_of(drafted.marks, ballot.method)
        if paper is None:
            await desk.tell(person.id, "vote.same_rank", **_told(ballot), choices=[_again(ballot)])
        else:
            await desk.happen(PaperMarked(ballot.id, drafted.by, paper))
        return
    seal = desk.keys.seal(ballot.key or "")
    await desk.tell(
        person.id,
        f"vote.next_{ballot.method}",
        number=place + 1,
        count=len(ballot.options),
        option=ballot.options[place],
        choices=[_with_draft(ballot, seal, (*drafted.marks, mark)) for mark in _in_order(ballot)],
    )


async def _voter(ballot: Ballot, number: int, paper: Paper | None, desk: Desk) -> tuple[Person, int]:
    """Who votes and whose vote it is; refused unless it is theirs to vote now."""
    person = await desk.people.get(number)
    if person is None:
        raise Refused("ballot.not_your_ballot")
    entry = await desk.rosters.voter(person.id, ballot.extent) if ballot.by_roster else None
    check_vote(ballot, person, paper, desk.now, entry)
    if entry is None:
        return person, person.id
    return person, whose(ballot, entry.id, entry.owner)


def whose(ballot: Ballot, household: int, owner: int) -> int:
    """The number a household's vote has on the roll: its own, or its owner's where owners vote."""
    return owner if ballot.electorate == "owners" else household


def _withheld(ballot: Ballot, paper: Paper, seal: Seal, desk: Desk) -> Withheld:
    # Not as words in a message that is kept: they would say who voted what.
    labels = [desk.label(option) for option in ballot.options]
    hidden = seal.hide(marked(paper, ballot.method, labels), room(labels))
    return Withheld(ballot.key or "", hidden, Phrase("ballot.shown_once"))


def _told(ballot: Ballot) -> dict[str, Any]:
    return {"most": ballot.most or len(ballot.options), "count": len(ballot.options)}


def _again(ballot: Ballot) -> Choice:
    return Choice("vote.again", opens="vote", given={"ballot": str(ballot.id)})


def _in_order(ballot: Ballot) -> Sequence[int]:
    """What may be said of an option: a button's place is what a number typed instead means."""
    marks = marks_of(ballot.method, len(ballot.options))
    return [*marks[1:], 0]


def _with_draft(ballot: Ballot, seal: Seal, marks: tuple[int, ...]) -> Choice:
    given = {"ballot": str(ballot.id), "draft": seal.draft(marks)}
    mark = marks[-1]
    if ballot.method is Method.SEVERAL:
        return Choice("vote.mark_chosen" if mark else "vote.mark_not_chosen", opens="vote", given=given)
    if ballot.method is Method.RANKED and not mark:
        return Choice("vote.mark_not_ranked", opens="vote", given=given)
    return Choice(f"第 {mark}" if ballot.method is Method.RANKED else str(mark), opens="vote", given=given)
