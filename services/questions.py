"""A question nobody could answer is kept; answered once by staff, it is answered for everybody who asked."""

import re
from datetime import datetime
from typing import Any

from bot.core.render import Phrase
from bot.core.rules import when
from bot.core.words import Choice, Kind
from domain.areas import covers
from domain.district import District, Entry, answer_for
from domain.faq import (
    AnswerHelped,
    AnswerWithdrawn,
    AskersTold,
    QuestionAsked,
    QuestionsSettled,
    Settled,
    Settling,
    in_force,
    old,
)
from domain.people import STAFF
from domain.refusals import Refused
from nlp import private
from nlp.alike import form
from nlp.normalise import mask
from storage.desk import Desk

_LONGEST, _QUOTED = 300, 60
# WeChat cuts a message at some 680 characters, and the source needs room too.
LONGEST_ANSWER = 600
# Told in one transaction; the others in the next, so that nobody waits for them all.
_AT_ONCE = 200
# Staff read it in a list: nothing there shall be pressed by mistake.
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)


def kept(words: str) -> str:
    """Somebody's question as it may be kept and shown to staff: one line, no numbers of theirs, no web addresses."""
    return _ADDRESS.sub("（网址）", private.without(mask(" ".join(words.split()))))[:_LONGEST]


def thumbs(entry_id: str, words: str) -> list[Choice]:
    """The two buttons under an answer: it helped, or it was none to these words."""
    return [
        Choice("faq.useful", opens="faq_useful", given={"entry": entry_id}),
        Choice("faq.unhelpful", opens="faq_unhelpful", given={"entry": entry_id, "words": words}),
    ]


def as_read(entry: Entry, answer: str, desk: Desk) -> dict[str, Any]:
    """What a text that gives an answer shows of its entry."""
    return {
        "answer": answer.strip(),
        "source": entry.source,
        "department": entry.department,
        "checked": entry.checked.isoformat(),
        "caution": caution(entry, desk.district, desk.now),
    }


def caution(entry: Entry, district: District, now: datetime) -> Phrase | str:
    """What is added to an answer nobody has checked for long."""
    stale = old(entry, district.day(now), district.stale_days)
    return Phrase("faq.caution", {"hotline": district.hotline}) if stale else ""


@when(QuestionAsked)
async def keep_question(asked: QuestionAsked, desk: Desk) -> None:
    person = await desk.people.get(asked.by)
    if person is None:
        return
    words = kept(asked.words)
    shown = ((asked.unhelpful,) if asked.unhelpful else ()) + asked.near
    asks = form(words)
    # Nothing but pictures asks nothing.
    if asks.pieces:
        await desk.questions.keep(words, asks, person.id, person.grid, shown, unhelpful=asked.unhelpful is not None)
    if asked.unhelpful:
        await desk.questions.thumb(asked.unhelpful, person.id, useful=False)
    near = [entry for each in asked.near if (entry := await desk.entry(each))]
    offers = [Choice(entry.question, opens="faq", given={"entry": entry.id, "words": words}) for entry in near]
    carry = Choice("faq.report_it", opens="report", given={"words": asked.words[:500]})
    ask = Choice("faq.person", opens="handover", given={"words": words, "tried": " ".join(shown)})
    await desk.tell(
        asked.by,
        "faq.unanswered" if not near else "faq.unhelpful_near" if asked.unhelpful else "faq.did_you_mean",
        hotline=desk.district.hotline,
        choices=[*offers, carry, ask],
    )


@when(AnswerHelped)
async def note_thanks(helped: AnswerHelped, desk: Desk) -> None:
    await desk.questions.thumb(helped.entry, helped.by, useful=True)
    await desk.questions.helped(helped.entry, helped.by)
    await desk.tell(helped.by, "faq.glad")


@when(QuestionsSettled)
async def settle(settled: QuestionsSettled, desk: Desk) -> None:
    person = await desk.people.get(settled.by)
    areas = person.areas(*STAFF) if person else ()
    if not areas:
        raise Refused("questions.not_yours")
    if not await _complete(settled, desk):
        raise Refused("answer.incomplete")
    number = await desk.questions.settle(settled, areas, desk.district.day(desk.now))
    if number is None:
        raise Refused("questions.settled")
    if settled.kind is Settling.CLOSED:
        await desk.tell(settled.by, "answer.closed", choices=[_withdraw(number)])
        return
    # Planned with the answer, in one transaction: whatever happens next, they are told. Not in the night.
    await desk.plan(AskersTold(number), desk.awake(Kind.REMINDER), key=f"answer:{number}:told")
    await desk.tell(settled.by, "answer.sent", choices=[_withdraw(number)])


async def _complete(settled: QuestionsSettled, desk: Desk) -> bool:
    """Whether it can be given for an answer, wherever it was written: in a chat, or on a page."""
    if settled.kind is Settling.PHRASING:
        entry = await desk.entry(settled.entry)
        return entry is not None and in_force(entry, desk.district.day(desk.now))
    if settled.kind is Settling.CLOSED:
        return bool(settled.answer.strip())
    whole = all(each.strip() for each in (settled.question, settled.answer, settled.source, settled.department))
    over = settled.valid_until is not None and settled.valid_until < desk.district.day(desk.now)
    return whole and not over and len(settled.answer) <= LONGEST_ANSWER


def _withdraw(number: int) -> Choice:
    return Choice("answer_withdraw.title", opens="answer_withdraw", given={"answer": str(number)})


@when(AskersTold)
async def tell_askers(told: AskersTold, desk: Desk) -> None:
    """Everybody who asked reads the answer once, with their own words, and nobody else's."""
    settled = await desk.questions.answer(told.answer, share=True)
    if settled is None or settled.withdrawn:
        return
    entry = await _entry_of(settled, desk)
    if entry is None:
        return
    if not in_force(entry, desk.district.day(desk.now)):
        # Its last day was over before the morning came.
        await desk.questions.reopen(settled.id)
        return
    asked = await desk.questions.untold(settled.id, told.after, _AT_ONCE)
    for number, question, words in asked:
        person = await desk.people.get(number)
        shown = as_read(entry, answer_for(entry, person.grid if person else None), desk)
        choices = thumbs(entry.id, words)
        quoted = words if len(words) <= _QUOTED else words[: _QUOTED - 1] + "…"
        await desk.tell(number, "faq.answered", once=f"question:{question}", choices=choices, words=quoted, **shown)
    await desk.questions.told(settled.id, [number for number, _, _ in asked])
    if len(asked) == _AT_ONCE:
        rest = AskersTold(settled.id, asked[-1][0])
        await desk.plan(rest, desk.now, key=f"answer:{settled.id}:told:{rest.after}")


async def _entry_of(settled: Settled, desk: Desk) -> Entry | None:
    return settled.as_entry() if settled.kind is Settling.ENTRY else await desk.entry(settled.entry)


@when(AnswerWithdrawn)
async def withdraw(withdrawn: AnswerWithdrawn, desk: Desk) -> None:
    person = await desk.people.get(withdrawn.by)
    settled = await desk.questions.answer(withdrawn.answer)
    if person is None or settled is None:
        raise Refused("questions.not_yours")
    theirs = all(any(covers(own, area) for own in person.areas(*STAFF)) for area in settled.areas)
    if not person.has(*STAFF) or not (theirs or settled.by == person.id):
        raise Refused("questions.not_yours")
    done = await desk.questions.withdraw(settled.id, person.id)
    await desk.tell(person.id, "answer.withdrawn" if done else "answer.withdrawn_before")
