"""Who does not vote in a chat votes beside a helper and a witness, or on paper read by two people who must agree."""

import asyncio
from typing import Any

from bot.core.render import Phrase, Withheld
from bot.core.rules import when
from bot.core.words import Choice, Kind
from domain.councils import HELPERS, Ballot, Electorate, How, check_open, sits
from domain.counting import valid
from domain.people import Person
from domain.refusals import Refused
from domain.rosters import helps_there, helps_with
from domain.voting import DoorNamed, VoteAssisted, WitnessDenied
from services.ballot_words import room
from services.voting import put_on_roll
from storage.ballots import Mark
from storage.desk import Desk
from storage.keys import new_slip


@when(VoteAssisted)
async def take_down(assisted: VoteAssisted, desk: Desk) -> None:
    ballot = await desk.ballots.get(assisted.ballot, share=True)
    helper = await helper_of(ballot, assisted.by, desk)
    witness = await desk.people.get(assisted.witness)
    if witness is None or witness.id == helper.id or not helps_with(witness, ballot.extent, HELPERS):
        raise Refused("assist.no_witness")
    if not valid(assisted.paper, ballot.method, len(ballot.options), ballot.most):
        raise Refused("ballot.no_such_option")
    who = await name_of(ballot, assisted.voter, desk)
    person = None if ballot.by_roster else assisted.voter
    mark = Mark(assisted.voter, person, new_slip(), How.ASSISTED, helper.id, witness.id)
    seal = desk.keys.seal(ballot.key or "")
    changed, slip = await put_on_roll(ballot, mark, assisted.paper, seal, desk)
    gone = Phrase("ballot.shown_once")
    shown: dict[str, Any] = {"question": ballot.question, "who": who}
    await desk.tell(
        helper.id,
        "assist.done_again" if changed else "assist.done",
        witness=witness.name or "",
        receipt=Withheld(ballot.key or "", seal.hide(seal.receipt(slip), room(ballot.options)), gone),
        **shown,
    )
    await desk.tell(
        witness.id,
        "assist.witnessed",
        kind=Kind.PUSH,
        helper=helper.name or "",
        choices=[Choice("assist.deny", opens="deny", given={"ballot": str(ballot.id), "voter": str(assisted.voter)})],
        **shown,
    )
    if person is not None:
        await desk.tell(person, "assist.for_you", helper=helper.name or "", witness=witness.name or "", **shown)


@when(DoorNamed)
async def note_at_the_door(named: DoorNamed, desk: Desk) -> None:
    """Somebody without a chat gets a number of their own, found again by where they live and what they are called."""
    ballot = await desk.ballots.get(named.ballot)
    helper = await helper_of(ballot, named.by, desk)
    if not ballot.extent.holds(named.grid) or not helps_there(helper, named.grid, HELPERS):
        raise Refused("vouch.none_here")
    digest = await asyncio.to_thread(desk.keys.phone, f"{named.grid} {named.door} {named.name}")
    key = f"door:{digest}"
    number = await desk.people.by_key(key)
    if number is None:
        number = await desk.people.add(name=named.name, key=key, grid=named.grid)
    await desk.tell(
        helper.id,
        "assist.at_the_door",
        door=named.door,
        name=named.name,
        choices=[
            Choice("assist.go_on", opens=named.then, given={"ballot": str(ballot.id), "voter": str(number)}),
        ],
    )


@when(WitnessDenied)
async def deny(denied: WitnessDenied, desk: Desk) -> None:
    ballot = await desk.ballots.get(denied.ballot, share=True)
    check_open(ballot, desk.now)
    mark = await desk.ballots.mark(ballot.id, denied.voter)
    if mark is None or mark.how is not How.ASSISTED or mark.witness != denied.by:
        raise Refused("assist.nothing_to_deny")
    await desk.ballots.strike(ballot.id, denied.voter)
    who = await name_of(ballot, denied.voter, desk)
    await desk.tell(denied.by, "assist.denied", question=ballot.question, who=who)
    for other in {mark.helper, ballot.host_id} - {None, denied.by}:
        await desk.tell(other, "assist.struck", kind=Kind.PUSH, question=ballot.question, who=who)


async def helper_of(ballot: Ballot, number: int, desk: Desk) -> Person:
    """Who helps there while votes are taken; refused for anybody else."""
    check_open(ballot, desk.now)
    helper = await desk.people.get(number)
    if helper is None or not helps_with(helper, ballot.extent, HELPERS):
        raise Refused("ballot.not_your_area")
    return helper


async def name_of(ballot: Ballot, voter: int, desk: Desk) -> str:
    """What a voter is called on the roll; refused unless this ballot is theirs to vote in."""
    if ballot.by_roster:
        entry = await desk.rosters.get(voter)
        theirs = entry is not None and ballot.extent.enrols(entry.roster) and await desk.rosters.stands(voter)
        if entry is None or not theirs or (ballot.electorate is Electorate.OWNERS and entry.owner != voter):
            raise Refused("vouch.none_here")
        return f"{entry.household} {entry.name}"
    person = await desk.people.get(voter)
    if person is None or not (
        sits(person, ballot.extent) if ballot.electorate is Electorate.MEMBERS else ballot.extent.holds(person.grid)
    ):
        raise Refused("vouch.none_here")
    return person.name or ""
