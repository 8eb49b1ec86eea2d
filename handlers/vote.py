"""A resident votes on what is put to their area, and may change their mind until it closes."""

from bot.core.talk import Talk, conversation
from bot.core.words import Choice
from domain.councils import Ballot, VoteCast, check_vote
from domain.refusals import Refused
from services.councils import options
from storage.desk import Desk


@conversation("vote", opens_with=["表决", "投票", "我要投票", "议事会", "/vote"], link="v", place=5, private=True)
async def vote(talk: Talk[Desk]) -> VoteCast | None:
    chosen = talk.given.get("ballot") or talk.opening.text
    if not (chosen.isdecimal() and len(chosen) < 10):
        grid = talk.person.grid
        if grid is None:
            talk.say("vote.where_first", choices=[Choice("settle.title", opens="settle")])
            return None
        ballots = await talk.look("open", list[Ballot], lambda desk: desk.ballots.open_for(grid))
        if not ballots:
            talk.say("vote.none")
            return None
        if len(ballots) > 1:
            talk.say(
                "vote.which",
                choices=[Choice(each.question, opens="vote", given={"ballot": str(each.id)}) for each in ballots],
            )
            return None
        chosen = str(ballots[0].id)
    number = int(chosen)
    ballot = await talk.look("ballot", Ballot | None, lambda desk: desk.ballots.find(number))
    if ballot is None:
        raise Refused("ballot.not_your_ballot")
    if "option" in talk.given:
        return VoteCast(ballot.id, talk.person.id, (int(talk.given["option"]),))
    check_vote(ballot, talk.person, None, talk.now)
    talk.say("vote.option", question=ballot.question, closes=ballot.closes_at, choices=options(ballot))
    return None
