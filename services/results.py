"""What came out of a ballot is told, with its picture, to everybody it concerned."""

from typing import Any

from bot.core.words import Choice, Kind
from domain.councils import Ballot, Electorate, ResultTold, sits
from services.ballot_words import outcome, total
from storage.desk import Desk


async def tell_result(ballot: Ballot, picture: str, desk: Desk) -> None:
    """Tell the area and the host what came out, once."""
    result = ballot.result
    if result is None or not await desk.ballots.told(ballot.id):
        return
    shown: dict[str, Any] = {
        "question": ballot.question,
        "lines": (*outcome(ballot), total(ballot)),
        "choices": links(ballot),
        "photos": [picture],
    }
    await desk.tell_area(
        ballot.extent, "ballot.result", once=f"ballot:{ballot.id}:result", electorate=ballot.electorate, **shown
    )
    host = await desk.people.get(ballot.host_id)
    if host and not await _told_already(ballot, host.id, desk):
        await desk.tell(host.id, "ballot.result", kind=Kind.NOTICE, once=f"ballot:{ballot.id}:result:host", **shown)
    if ballot.matter is not None and desk.waits_for(ResultTold):
        await desk.happen(ResultTold(ballot.id))


def links(ballot: Ballot) -> list[Choice]:
    """What can be looked at once a ballot is counted."""
    given = {"ballot": str(ballot.id)}
    return [Choice("ballot.list", opens="receipts", given=given), Choice("ballot.roll", opens="roll", given=given)]


async def _told_already(ballot: Ballot, host: int, desk: Desk) -> bool:
    person = await desk.people.get(host)
    if person is None:
        return False
    if ballot.electorate is Electorate.MEMBERS:
        return sits(person, ballot.extent)
    lives_there = ballot.extent.holds(person.grid)
    return lives_there or (ballot.by_roster and await desk.rosters.voter(host, ballot.extent) is not None)
