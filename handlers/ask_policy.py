"""A resident asks about a policy; the FAQ answers with its source, or says honestly that it cannot."""

from bot.core.talk import Ask, Talk, conversation
from domain.district import Entry, answer_for
from domain.faq import QuestionAsked
from nlp import plain
from storage.desk import Desk

WHAT = Ask("faq.what", plain.words(least=2, most=500), free=True)


@conversation("faq", opens_with=["问政策", "政策", "咨询", "问问", "/faq"], place=4)
async def ask_policy(talk: Talk[Desk]) -> QuestionAsked | None:
    if entry := next((each for each in talk.district.entries if each.id == talk.given.get("entry")), None):
        _answer(talk, entry)
        return None
    words = talk.opening.text or talk.given.get("words", "") or await talk.ask(WHAT)
    match = talk.faq(words)
    if match.sure:
        _answer(talk, match.sure)
        return None
    return QuestionAsked(talk.person.id, words, tuple(entry.id for entry in match.near))


def _answer(talk: Talk[Desk], entry: Entry) -> None:
    talk.say(
        "faq.answer",
        answer=answer_for(entry, talk.person.grid).strip(),
        source=entry.source,
        department=entry.department,
        checked=entry.checked.isoformat(),
    )
