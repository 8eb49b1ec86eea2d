"""A resident looks how far what they reported has come."""

import re

from bot.core.talk import Talk, conversation
from domain.cases import Case
from handlers import case_card
from nlp.normalise import fold
from storage.desk import Desk

_NUMBER = re.compile(r"(?<!\d)(\d{6})[\s-]*(\d{4,9})(?!\d)")


@conversation("mine", opens_with=["我的报事", "进度", "查进度", "我的案卷", "/mine"], place=2)
async def my_cases(talk: Talk[Desk]) -> None:
    own = await talk.look("cases", list[Case], lambda desk: desk.cases.of_reporter(talk.person.id))
    if not own:
        talk.say("mine.none")
        return
    numbered = _NUMBER.search(fold(talk.opening.text))
    wanted = talk.given.get("case") or (numbered[1] + numbered[2] if numbered else "")
    if not wanted and len(own) > 1:
        talk.say("mine.which", choices=[case_card.opener("mine", case) for case in own])
        return
    # Among their own only: whether somebody else's number exists is not told.
    case = await talk.look("case", Case | None, lambda desk: _own(desk, talk, wanted)) if wanted else own[0]
    if case is None:
        talk.say("mine.not_found", number=talk.opening.text or wanted)
        return
    await case_card.show(talk, case)


async def _own(desk: Desk, talk: Talk[Desk], wanted: str) -> Case | None:
    if "case" in talk.given:
        found = await desk.cases.find(int(wanted))
    else:
        found = await desk.cases.by_number(f"{wanted[:6]}-{wanted[6:]}")
    return found if found and found.reporter_id == talk.person.id else None
