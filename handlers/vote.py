"""A resident votes on what is put to their area, and may change their mind until it closes."""

from bot.core.talk import Ask, Talk, conversation
from domain.councils import Ballot, VoteCast
from nlp import plain
from storage.desk import Desk

WHICH = Ask("vote.which", plain.number_choice)
OPTION = Ask("vote.option", plain.number_choice)


@conversation("vote", opens_with=["表决", "投票", "我要投票", "议事会", "/vote"], link="v", place=5)
async def vote(talk: Talk[Desk]) -> VoteCast | None:
    chosen = talk.given.get("ballot") or talk.opening.text
    if not chosen.isdecimal():
        grid = talk.person.grid
        if grid is None:
            talk.say("vote.where_first")
            return None
        ballots = await talk.look("open", list[Ballot], lambda desk: desk.ballots.open_for(grid))
        if not ballots:
            talk.say("vote.none")
            return None
        chosen = str(ballots[0].id if len(ballots) == 1 else await talk.ask(
            WHICH, [(each.question, str(each.id)) for each in ballots]))
    number = int(chosen)
    # Not kept between turns: options never change once open, but the close must be seen.
    ballot = await talk.look(f"ballot.{number}", Ballot, lambda desk: desk.ballots.get(number))
    option = int(talk.given["option"]) if "option" in talk.given else await talk.ask(
        OPTION, [(label, str(place)) for place, label in enumerate(ballot.options)],
        question=ballot.question, closes=ballot.closes_at)
    return VoteCast(ballot.id, talk.person.id, option)
