"""A question nobody could answer is kept, and its asker is offered the nearest ones."""

from bot.core.rules import when
from bot.core.words import Choice
from domain.faq import QuestionAsked
from nlp.normalise import mask
from storage.desk import Desk


@when(QuestionAsked)
async def keep_question(asked: QuestionAsked, desk: Desk) -> None:
    person = await desk.people.get(asked.by)
    if person is None:
        return
    await desk.heard.keep_question(mask(asked.words), person.id, person.grid, asked.near[0] if asked.near else None)
    near = [entry for each in asked.near for entry in desk.district.entries if entry.id == each]
    offers = [Choice(entry.question, opens="faq", given={"entry": entry.id}) for entry in near]
    carry = Choice("faq.report_it", opens="report", given={"words": asked.words[:500]})
    await desk.tell(
        asked.by,
        "faq.did_you_mean" if near else "faq.unanswered",
        hotline=desk.district.hotline,
        choices=[*offers, carry, Choice("faq.write", opens="grid")],
    )
