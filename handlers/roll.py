"""After a vote those it concerned see who voted, never what: by name, or by household where one votes by roster."""

from collections import Counter

from bot.core.render import Phrase
from bot.core.talk import Talk, conversation
from bot.core.words import Choice
from domain.councils import Ballot, How, check_roll
from domain.refusals import Refused
from domain.rosters import Voter
from storage.desk import Desk

PAGE = 30


@conversation("roll", opens_with=["投票名单", "谁投了票"])
async def read_the_roll(talk: Talk[Desk]) -> None:
    number = talk.given.get("ballot") or talk.opening.text
    if not (number.isdecimal() and len(number) < 10):
        talk.say("roll.none", choices=[Choice("vote.title", opens="vote")])
        return
    ballot = await talk.look("ballot", Ballot | None, lambda desk: desk.ballots.find(int(number)))
    if ballot is None:
        raise Refused("ballot.not_your_ballot")
    voter = await talk.look("voter", Voter | None, lambda desk: desk.rosters.voter(talk.person.id, ballot.extent))
    check_roll(ballot, talk.person, voter)
    await _show(talk, ballot, int(talk.given.get("page", "0")))


async def _show(talk: Talk[Desk], ballot: Ballot, page: int) -> None:
    votes = ballot.result.votes if ballot.result else 0
    last = max(votes - 1, 0) // PAGE
    page = min(max(page, 0), last)
    listed = await talk.look(
        "listed", list[tuple[int, How]], lambda desk: desk.ballots.rolled(ballot, page * PAGE, PAGE)
    )
    names = await talk.look("names", dict[int, str], lambda desk: names_of(desk, ballot, [each for each, _ in listed]))
    called = Counter(names.get(number) or "" for number, _ in listed)
    nameless = called.pop("", 0)
    lines = [Phrase("roll.line", {"name": name}) for name in called.elements()]
    if nameless:
        lines.append(Phrase("roll.times", {"name": Phrase("roll.nameless"), "times": nameless}))
    talk.say(
        "roll.page",
        question=ballot.question,
        votes=votes,
        page=page + 1,
        pages=last + 1,
        lines=tuple(lines),
        choices=turning("roll", ballot, page, last),
    )


def turning(conversation: str, ballot: Ballot, page: int, last: int) -> list[Choice]:
    """To the page before and the one after."""
    given = {"ballot": str(ballot.id)}
    return [
        *([Choice("receipts.back", opens=conversation, given={**given, "page": str(page - 1)})] if page > 0 else []),
        *([Choice("receipts.on", opens=conversation, given={**given, "page": str(page + 1)})] if page < last else []),
    ]


async def names_of(desk: Desk, ballot: Ballot, voters: list[int]) -> dict[int, str]:
    """What those on a roll are called there."""
    if not ballot.by_roster:
        return await desk.people.names(voters)
    return {number: f"{each.household} {each.name}" for number, each in (await desk.rosters.named(voters)).items()}
