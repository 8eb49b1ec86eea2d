"""A host puts a question to an area: what, which answers, until when; then sees exactly what residents will see."""

import re

from bot.core.errors import Unclear
from bot.core.talk import Ask, Heard, Talk, conversation
from domain.areas import prefix
from domain.councils import HOSTS, Ballot, BallotCancelled, BallotOpened, check_opening
from domain.district import District
from nlp import plain, when
from storage.desk import Desk

_BETWEEN = re.compile(r"[\n;；/、|]+|[,，](?!\d)")


def _options(heard: Heard, _district: District) -> tuple[str, ...]:
    """Two to eight different answers, one a line or between commas."""
    if heard.choice == "yes_no":
        return ("同意", "不同意", "弃权")
    found = tuple(part.strip() for part in _BETWEEN.split(heard.text) if part.strip())
    if not 2 <= len(found) <= 8 or len(set(found)) != len(found):
        raise Unclear("ballot_open.options_unclear")
    if any(len(option) > 30 for option in found):
        raise Unclear("ballot_open.option_long")
    return found


AREA = Ask("ballot_open.area", plain.choice)
QUESTION = Ask("ballot_open.question", plain.words(least=4, most=200), free=True)
OPTIONS = Ask("ballot_open.options", _options, choices=(("ballot_open.yes_no", "yes_no"),), free=True)
UNTIL = Ask(
    "ballot_open.until",
    when.read,
    choices=(
        ("ballot_open.day", "1 天后"),
        ("ballot_open.three_days", "3 天后"),
        ("ballot_open.week", "7 天后"),
    ),
)
SURE = Ask("ballot_open.sure", plain.choice, choices=(("word.yes", "yes"), ("word.no", "no")), confirms=True)


@conversation("ballot_open", opens_with=["发起表决", "发起投票", "/ballot"], roles=HOSTS, place=11)
async def open_ballot(talk: Talk[Desk]) -> BallotOpened | None:
    areas = talk.person.areas(*HOSTS)
    area = (
        areas[0] if len(areas) == 1 else await talk.ask(AREA, [(talk.district.area_name(code), code) for code in areas])
    )
    question = talk.opening.text if len(talk.opening.text) >= 4 else await talk.ask(QUESTION)
    options = await talk.ask(OPTIONS)
    until = await talk.ask(UNTIL)
    check_opening(talk.person, area, options, talk.now, until)
    people = await talk.look("eligible", int, lambda desk: desk.people.count_residents(prefix(area)))
    sure = await talk.ask(
        SURE,
        area=talk.district.area_name(area),
        question=question,
        until=until,
        people=people,
        options="\n".join(f"{number}. {label}" for number, label in enumerate(options, 1)),
    )
    if sure == "no":
        talk.say("ballot_open.dropped")
        return None
    return BallotOpened(talk.person.id, area, question, options, until)


CANCEL_WHICH = Ask("ballot_cancel.which", plain.number_choice)
CANCEL_WHY = Ask("ballot_cancel.why", plain.words(least=2, most=200), free=True)


@conversation("ballot_cancel", opens_with=["取消表决", "撤销表决"], roles=HOSTS)
async def cancel_ballot(talk: Talk[Desk]) -> BallotCancelled | None:
    own = await talk.look("own", list[Ballot], lambda desk: desk.ballots.of_host(talk.person.id))
    if not own:
        talk.say("ballot_cancel.none")
        return None
    chosen = (
        int(talk.given["ballot"])
        if "ballot" in talk.given
        else await talk.ask(CANCEL_WHICH, [(ballot.question, str(ballot.id)) for ballot in own])
    )
    return BallotCancelled(chosen, talk.person.id, await talk.ask(CANCEL_WHY))
