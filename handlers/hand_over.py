"""Somebody wants a person to answer them; the two write to each other, neither seeing the other's number."""

from datetime import timedelta

from bot.core.errors import Unclear
from bot.core.talk import Ask, Heard, Talk, conversation
from domain.district import District
from domain.handovers import Handover, PersonWanted, ThreadEnded, ThreadWritten, check
from nlp import plain
from storage.desk import Desk

# What was asked in vain so long ago is what they mean when they now want a person.
_JUST_NOW = timedelta(minutes=30)
_LONGEST = 1000


def _letter(heard: Heard, district: District) -> Heard:
    if not heard.photos:
        plain.words(most=_LONGEST)(heard, district)
    elif len(heard.text) > _LONGEST:
        raise Unclear("plain.too_long", most=_LONGEST)
    return heard


WHAT = Ask("handover.what", plain.words(least=2, most=500), free=True)
WORDS = Ask("handover.words", _letter, free=True)


@conversation("handover", opens_with=["转人工", "找人", "人工", "找人工", "人工服务", "找人问", "/person"])
async def hand_over(talk: Talk[Desk]) -> PersonWanted:
    words, tried = talk.given.get("words", "") or talk.opening.text, talk.given.get("tried", "")
    # Who has a thread open is told so, not asked again.
    live = await talk.look("live", bool, lambda desk: _has_one(desk, talk.person.id))
    if not words and not live:
        since = talk.now - _JUST_NOW
        last = await talk.look("last", tuple[str, str] | None, lambda desk: desk.questions.last(talk.person.id, since))
        words, tried = last or (await talk.ask(WHAT), "")
    return PersonWanted(talk.person.id, words, tuple(tried.split()))


async def _has_one(desk: Desk, person_id: int) -> bool:
    return await desk.handovers.live_of(person_id) is not None


@conversation("handover_write")
async def write(talk: Talk[Desk]) -> ThreadWritten:
    number = int(talk.given["handover"])
    # Said before they write in vain; the rule is asked again when it is sent.
    check(await talk.look("handover", Handover | None, lambda desk: desk.handovers.find(number)), talk.person)
    letter = await talk.ask(WORDS)
    return ThreadWritten(number, talk.person.id, letter.text, letter.photos)


@conversation("handover_end")
async def end(talk: Talk[Desk]) -> ThreadEnded:
    return ThreadEnded(int(talk.given["handover"]), talk.person.id)
