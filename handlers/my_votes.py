"""Somebody looks what they may still vote on, what they have voted on, and what came of it."""

from dataclasses import dataclass

from bot.core.render import Phrase
from bot.core.talk import Talk, conversation
from bot.core.words import Choice
from domain.councils import Ballot
from handlers.vote import open_to
from services.matter_news import quoted
from storage.desk import Desk

_SHOWN, _LABEL = 8, 20


@dataclass(frozen=True, slots=True)
class _Votes:
    """What is open to somebody and what they took part in; `cast`: the numbers of those with a vote of theirs."""

    open: list[Ballot]
    before: list[Ballot]
    cast: list[int]


@conversation("my_votes", opens_with=["我的投票", "我投过的票", "我投过的", "/votes"])
async def my_votes(talk: Talk[Desk]) -> None:
    """That they voted is shown to themselves alone; what they voted, to nobody: that is what the receipt is for."""
    votes = await talk.look("votes", _Votes, lambda desk: _votes(desk, talk.person.id))
    if not votes.open and not votes.before:
        talk.say("my_votes.none", choices=[Choice("matters_near.title", opens="matters_near")])
        return
    talk.say(
        "my_votes.list",
        lines=(
            *(_line("cast" if each.id in votes.cast else "open", each) for each in votes.open),
            *(_line("before" if each.result else "counting", each) for each in votes.before),
        ),
        choices=[
            *(
                Choice(quoted(each.question, _LABEL), opens="vote", given={"ballot": str(each.id)})
                for each in votes.open
            ),
            *(
                Choice(quoted(each.question, _LABEL), opens="receipts", given={"ballot": str(each.id)})
                for each in votes.before
                if each.result
            ),
        ],
    )


async def _votes(desk: Desk, person: int) -> _Votes:
    cast = await desk.ballots.voted_in(person, _SHOWN)
    open_now = await open_to(desk, person)
    closed = [each for each in cast if not each.open_at(desk.now)]
    return _Votes(open_now[:_SHOWN], closed[: max(_SHOWN - len(open_now), 0)], [each.id for each in cast])


def _line(how: str, ballot: Ballot) -> Phrase:
    return Phrase(f"my_votes.{how}", {"question": ballot.question, "closes": ballot.closes_at})
