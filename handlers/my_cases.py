"""A resident looks how far what they reported has come."""

import re

from bot.core.talk import Talk, conversation
from domain.cases import Case, Step
from handlers import case_card
from storage.desk import Desk


@conversation("mine", opens_with=["我的报事", "进度", "查进度", "我的案卷", "/mine"], place=2)
async def my_cases(talk: Talk[Desk]) -> None:
    own = await talk.look("cases", list[Case], lambda desk: desk.cases.of_reporter(talk.person.id))
    if not own:
        talk.say("mine.none")
        return
    wanted = talk.given.get("case") or re.sub(r"\D", "", talk.opening.text)
    if not wanted and len(own) > 1:
        talk.say("mine.which", choices=[case_card.opener("mine", case) for case in own])
        return
    # Among their own only: whether somebody else's number exists is not told.
    case = own[0] if not wanted else next((each for each in own if wanted in _names(each)), None)
    if case is None:
        talk.say("mine.not_found", number=wanted)
        return
    steps = await talk.look("steps", list[Step], lambda desk: desk.cases.steps(case.id))
    photos = await talk.look("photos", tuple[str, ...], lambda desk: desk.cases.photos(case.id))
    talk.say(
        "case.card",
        choices=case_card.buttons(case, talk.person),
        photos=photos,
        **case_card.shown(case, steps, talk.district),
    )


def _names(case: Case) -> tuple[str, ...]:
    return str(case.id), re.sub(r"\D", "", case.number), case.number
