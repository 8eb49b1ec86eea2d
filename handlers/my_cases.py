"""A resident looks how far what they reported has come, and what they follow because they met with it too."""

import re

from bot.core.render import Phrase
from bot.core.talk import Talk, conversation
from bot.core.words import Choice
from domain.cases import Case, Move, Score, Step, moves
from handlers import case_card
from nlp.normalise import fold
from services.news import opener, promised, scores, unfollow
from storage.desk import Desk

_SHOWN = 10
_NUMBER = re.compile(r"(?<!\d)(\d{6})[\s-]*(\d{4,9})(?!\d)")


@conversation("mine", opens_with=["我的报事", "进度", "查进度", "我的案卷", "/mine"], place=2, looks=True)
async def my_cases(talk: Talk[Desk]) -> None:
    own = await talk.look("cases", list[Case], lambda desk: desk.cases.of_reporter(talk.person.id))
    followed = await talk.look("followed", list[Case], lambda desk: desk.cases.followed_by(talk.person.id))
    both = sorted({case.id: case for case in (*followed, *own)}.values(), key=lambda case: -case.id)[:_SHOWN]
    if not both:
        talk.say("mine.none")
        return
    numbered = _NUMBER.search(fold(talk.opening.text))
    wanted = talk.given.get("case") or (numbered[1] + numbered[2] if numbered else "")
    if not wanted and len(both) > 1:
        mark = await talk.look("mark", str, _mark)
        talk.say("mine.which_both" if followed else "mine.which", choices=[_opener(talk, case, mark) for case in both])
        return
    # Among their own only: whether somebody else's number exists is not told.
    case = await talk.look("case", Case | None, lambda desk: _own(desk, talk, wanted)) if wanted else both[0]
    if case is None:
        talk.say("mine.not_found", number=talk.opening.text or wanted)
    elif case.reporter_id == talk.person.id:
        await case_card.show(talk, case)
    else:
        await _show_followed(talk, case)


async def _mark(desk: Desk) -> str:
    return desk.label("mine.mark")


def _opener(talk: Talk[Desk], case: Case, mark: str) -> Choice:
    """A case in one button; of one they follow, marked, not the words of whoever reported it."""
    if case.reporter_id == talk.person.id:
        return opener("mine", case)
    kind = talk.district.category_of(case).name
    return Choice(f"{mark} · {case.number} {kind}", opens="mine", given={"case": str(case.id)})


async def _show_followed(talk: Talk[Desk], case: Case) -> None:
    """What a neighbour may know of a case: neither whose it is, nor their words, their door or their photos."""
    steps = await talk.look("steps", list[Step], lambda desk: desk.cases.steps(case.id))
    rated = await talk.look("rated", bool, lambda desk: desk.cases.rated(case, talk.person.id))
    may_rate = Move.APPRAISE in moves(case, talk.person, talk.now, follows=True) and not rated
    scores_left = scores(case, Move.APPRAISE, Score.GOOD, Score.FAIR, Score.POOR) if may_rate else []
    talk.say(
        "mine.followed",
        number=case.number,
        status=Phrase(f"case.status.{case.status}"),
        category=talk.district.category_of(case).name,
        promised=promised(case, talk.now, talk.district),
        progress=case_card.progress(case),
        now=Phrase(f"case.now.{case.status}"),
        steps=tuple(
            Phrase("case.step", {"at": step.at, "move": Phrase(f"case.did.{step.move}"), "words": ""})
            for step in steps
            if step.move not in case_card.AMONG_US
        ),
        choices=[*scores_left, unfollow(case)],
    )


async def _own(desk: Desk, talk: Talk[Desk], wanted: str) -> Case | None:
    if "case" in talk.given:
        found = await desk.cases.find(int(wanted))
    else:
        found = await desk.cases.by_number(f"{wanted[:6]}-{wanted[6:]}")
    if found is None:
        return None
    theirs = found.reporter_id == talk.person.id or talk.person.id in await desk.cases.followers(found.id)
    return found if theirs else None
