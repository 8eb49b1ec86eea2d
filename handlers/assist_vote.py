"""A helper takes down the vote of somebody beside them before a witness."""

import re
from typing import Any

from bot.core.errors import Unclear
from bot.core.talk import Ask, Heard, Talk, conversation
from domain.councils import HELPERS, Ballot, Electorate
from domain.counting import Paper
from domain.people import Person, Role
from domain.refusals import Refused
from domain.rosters import helps_with
from domain.voting import DoorNamed, VoteAssisted, WitnessDenied
from handlers import where
from handlers.confirm_voter import household
from nlp import paper, plain
from nlp.normalise import fold
from services.ballot_words import numbered
from services.voting import whose
from storage.desk import Desk

BALLOT = Ask("assist.ballot", plain.number_choice)
HOUSEHOLD = Ask("assist.household", plain.words(least=1, most=60), free=True)
WHICH = Ask("assist.which", plain.number_choice)
MEMBER = Ask("assist.member", plain.number_choice)
WHERE = Ask("assist.where", where.read)
NAME = Ask("assist.name", plain.words(least=2, most=20), free=True)
WITNESS = Ask("assist.witness", plain.number_choice)


@conversation("assist", opens_with=["代投", "帮人投票"], roles=HELPERS, private=True)
async def assist(talk: Talk[Desk]) -> VoteAssisted | DoorNamed | None:
    ballot = await ballot_of(talk)
    if ballot is None:
        return None
    voter = await voter_of(talk, ballot, "assist")
    if not isinstance(voter, int):
        return voter
    others = await talk.look("others", list[Person], lambda desk: _others(desk, ballot, talk.person.id))
    if not others:
        raise Refused("assist.no_witness")
    witness = await talk.ask(WITNESS, [(each.name or "", str(each.id)) for each in others])
    # Marked in one message, which is kept nowhere: no draft of it lies in the chat.
    marks = await talk.ask(
        Ask("assist.marks", lambda heard, _district: marks_of(heard, ballot)),
        question=ballot.question,
        lines=numbered(ballot.options),
    )
    return VoteAssisted(ballot.id, talk.person.id, voter, witness, marks)


@conversation("deny")
async def deny(talk: Talk[Desk]) -> WitnessDenied | None:
    if not {"ballot", "voter"} <= talk.given.keys():
        return None
    return WitnessDenied(int(talk.given["ballot"]), talk.person.id, int(talk.given["voter"]))


def marks_of(heard: Heard, ballot: Ballot) -> Paper:
    """A paper as one types it: by numbers, or by the words of one option."""
    words = fold(heard.text)
    for place, option in enumerate(ballot.options):
        if words == fold(option) and ballot.one_tap:
            return (place,)
    if not re.search(r"\d", words):
        raise Unclear("assist.marks_unclear")
    found = paper.read(words, ballot.method, len(ballot.options))
    if any(mark < 0 or mark > 9 for mark in found):
        raise Unclear("assist.marks_unclear")
    return found


async def ballot_of(talk: Talk[Desk]) -> Ballot | None:
    """The ballot open now that the helper means; None when there is none."""
    found = await talk.look("ballots", list[Ballot], lambda desk: _open_here(desk, talk.person.id))
    if "ballot" in talk.given:
        found = [each for each in found if each.id == int(talk.given["ballot"])]
    if not found:
        talk.say("vote.none")
        return None
    if len(found) == 1:
        return found[0]
    number = await talk.ask(BALLOT, [(each.question, str(each.id)) for each in found])
    return next(each for each in found if each.id == number)


async def _open_here(desk: Desk, number: int) -> list[Ballot]:
    helper = await desk.people.get(number)
    if helper is None:
        return []
    found = await desk.ballots.open_for(*helper.areas(*HELPERS))
    return [each for each in found if helps_with(helper, each.extent, HELPERS)]


async def voter_of(talk: Talk[Desk], ballot: Ballot, then: str) -> int | DoorNamed | None:
    """Whose vote it is, by the number it has on the roll; or first somebody new at a door is noted."""
    if "voter" in talk.given:
        return int(talk.given["voter"])
    if ballot.by_roster:
        found = await household(talk, HOUSEHOLD, WHICH, ballot.extent)
        if found is None:
            return None
        return await talk.look("owner", int, lambda desk: _owner(desk, ballot, found))
    if ballot.electorate is Electorate.MEMBERS:
        members = await talk.look("members", list[tuple[int, str]], lambda desk: _members(desk, ballot))
        return await talk.ask(MEMBER, [(name, str(number)) for number, name in members])
    spot = await where.ask(talk, WHERE)
    name = await talk.ask(NAME)
    return DoorNamed(talk.person.id, ballot.id, spot.grid, spot.words, name, then)


async def _owner(desk: Desk, ballot: Ballot, number: int) -> int:
    entry = await desk.rosters.get(number)
    return whose(ballot, number, entry.owner if entry else number)


async def _members(desk: Desk, ballot: Ballot) -> list[tuple[int, str]]:
    seats = [await desk.people.serving(ground, [Role.COUNCIL_MEMBER]) for ground in ballot.extent.grounds()]
    found = dict.fromkeys(each for sitting in seats for each in sitting)
    return [(each.id, each.name or f"{place}") for place, each in enumerate(found, 1)]


async def _others(desk: Desk, ballot: Ballot, helper: int) -> list[Person]:
    """Who may be the witness: others who serve there and can be told."""
    person = await desk.people.get(helper)
    areas = {*ballot.extent.grounds(), *(person.areas(*HELPERS) if person else ())}
    found: dict[int, Any] = {}
    for area in sorted({each for code in areas for each in ((code, code[:12]) if len(code) > 12 else (code,))}):
        for each in await desk.people.serving(area, HELPERS, reachable=True):
            if each.id != helper and each.name and helps_with(each, ballot.extent, HELPERS):
                found[each.id] = each
    return [*found.values()][:8]
