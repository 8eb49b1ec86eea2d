"""A resident votes on what is put to them, and may change their mind until it closes."""

from bot.core.talk import Talk, conversation
from bot.core.words import Choice
from domain.councils import BY_ROSTER, Ballot, check_open, check_vote, concerns
from domain.counting import Paper
from domain.people import Role
from domain.refusals import Refused
from domain.rosters import Voter
from domain.voting import PaperDrafted, PaperMarked, VoteCast
from nlp import paper
from services.ballot_words import asked_again, options
from storage.desk import Desk

_CONFIRM = (Choice("confirm.title", opens="confirm"),)


@conversation("vote", opens_with=["表决", "投票", "我要投票", "议事会", "/vote"], link="v", place=5, private=True)
async def vote(talk: Talk[Desk]) -> VoteCast | PaperDrafted | PaperMarked | None:
    marks = talk.given.get("marks", "")
    # Numbers alone belong to what they were asked last.
    asked_last = await talk.look("asked", str, _last_asked) if marks else talk.opening.text
    ballot = await _which(talk, talk.given.get("ballot") or asked_last, marks)
    if ballot is None:
        return None
    by, given = talk.person.id, talk.given
    if marks:
        return PaperMarked(ballot.id, by, paper.read(marks, ballot.method, len(ballot.options)))
    if "option" in given:
        chosen = (int(given["option"]),)
        return VoteCast(ballot.id, by, chosen) if ballot.one_tap else PaperMarked(ballot.id, by, chosen)
    if "step" in given:
        return PaperDrafted(ballot.id, by, ())
    if token := given.get("draft") or given.get("paper"):
        # Before its key is asked for: it may be gone.
        check_open(ballot, talk.now)
        carried = await talk.look("carried", Paper, lambda desk: _carried(desk, ballot, token))
        return VoteCast(ballot.id, by, carried) if "paper" in given else PaperDrafted(ballot.id, by, carried)
    await _show(talk, ballot)
    return None


async def _carried(desk: Desk, ballot: Ballot, token: str) -> Paper:
    return desk.keys.seal(ballot.key or "").drafted(token)


async def _which(talk: Talk[Desk], chosen: str, marks: str) -> Ballot | None:
    """The ballot meant, or None when they were told which there are."""
    if not (chosen.isdecimal() and len(chosen) < 10):
        ballots = await talk.look("open", list[Ballot], lambda desk: open_to(desk, talk.person.id))
        if marks:
            ballots = [each for each in ballots if not each.one_tap]
        if not ballots and talk.person.grid is None:
            talk.say("vote.where_first", choices=[Choice("settle.title", opens="settle")])
            return None
        if not ballots:
            talk.say("vote.none", choices=[Choice("my_votes.title", opens="my_votes")])
            return None
        if len(ballots) > 1:
            talk.say(
                "vote.which",
                choices=[Choice(each.question, opens="vote", given={"ballot": str(each.id)}) for each in ballots],
            )
            return None
        return ballots[0]
    number = int(chosen)
    ballot = await talk.look("ballot", Ballot | None, lambda desk: desk.ballots.find(number))
    if ballot is None:
        raise Refused("ballot.not_your_ballot")
    return ballot


async def _last_asked(desk: Desk) -> str:
    return await desk.last_given("ballot") or ""


async def open_to(desk: Desk, number: int) -> list[Ballot]:
    """The ballots somebody may vote in now."""
    return await concern(desk, number, begun=True)


async def concern(desk: Desk, number: int, *, begun: bool) -> list[Ballot]:
    """The ballots to come that concern somebody: where they live, where they own, in whose council they sit."""
    person = await desk.people.get(number)
    if person is None:
        return []
    homes = {roster.area for roster in person.rosters}
    seats = set(person.areas(Role.COUNCIL_MEMBER))
    lives = [person.grid] if person.grid else []
    look = desk.ballots.open_for if begun else desk.ballots.coming_for
    found = await look(*lives, *homes, *seats)
    return [each for each in found if concerns(each, person)]


async def _show(talk: Talk[Desk], ballot: Ballot) -> None:
    voter: Voter | None = None
    if ballot.electorate in BY_ROSTER:
        voter = await talk.look("voter", Voter | None, lambda desk: desk.rosters.voter(talk.person.id, ballot.extent))
    try:
        check_vote(ballot, talk.person, None, talk.now, voter)
    except Refused as refused:
        if not refused.key.startswith("ballot.not_on_roster"):
            raise
        talk.say(f"ballot.not_on_roster_{ballot.electorate}", choices=_CONFIRM, question=ballot.question)
        return
    talk.say("vote.option", question=ballot.question, lines=asked_again(ballot), choices=options(ballot))
