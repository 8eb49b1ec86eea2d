"""A resident asks about a policy; the FAQ answers with its source, or says honestly that it cannot."""

from bot.core.talk import Ask, Talk, conversation
from domain.district import Entry, answer_for
from domain.faq import AnswerHelped, QuestionAsked, in_force
from nlp import plain
from services.questions import caution, kept, thumbs
from storage.desk import Desk

WHAT = Ask("faq.what", plain.words(least=2, most=500), free=True)


@conversation("faq", opens_with=["问政策", "政策", "咨询", "问问", "/faq"], place=4, looks=True)
async def ask_policy(talk: Talk[Desk]) -> QuestionAsked | None:
    words = talk.opening.text or talk.given.get("words", "")
    if (wanted := talk.given.get("entry")) and (entry := await _found(talk, wanted)):
        _answer(talk, entry, words or entry.question)
        return None
    words = words or await talk.ask(WHAT)
    match = talk.faq(words)
    # Taken back a moment ago, it may still be in somebody's ear.
    if match.sure and (entry := await _found(talk, match.sure.id)):
        _answer(talk, entry, words)
        return None
    return QuestionAsked(talk.person.id, words, tuple(entry.id for entry in match.near))


async def _found(talk: Talk[Desk], entry_id: str) -> Entry | None:
    """An entry that may be given today: one past its day never is, whatever button led to it."""
    entry = await talk.look(f"entry.{entry_id}", Entry | None, lambda desk: desk.entry(entry_id))
    return entry if entry and in_force(entry, talk.district.day(talk.now)) else None


def _answer(talk: Talk[Desk], entry: Entry, words: str) -> None:
    talk.say(
        "faq.answer",
        answer=answer_for(entry, talk.person.grid).strip(),
        source=entry.source,
        department=entry.department,
        checked=entry.checked.isoformat(),
        caution=caution(entry, talk.district, talk.now),
        choices=thumbs(entry.id, kept(words)),
    )


@conversation("faq_useful")
async def useful(talk: Talk[Desk]) -> AnswerHelped:
    return AnswerHelped(talk.person.id, talk.given["entry"])


@conversation("faq_unhelpful")
async def unhelpful(talk: Talk[Desk]) -> QuestionAsked:
    entry, words = talk.given["entry"], talk.given["words"]
    near = tuple(each.id for each in talk.faq(words).near if each.id != entry)
    return QuestionAsked(talk.person.id, words, near, unhelpful=entry)
