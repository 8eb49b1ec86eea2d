"""Somebody says what we cannot place: we ask once, offering what it may be, and then find them a person."""

from bot.core.talk import Talk, conversation
from bot.core.words import Choice
from storage.desk import Desk

_LONGEST = 500


@conversation("unsure")
async def unsure(talk: Talk[Desk]) -> None:
    words = talk.opening.text[:_LONGEST]
    offered = [
        Choice(f"{name}.title", opens=name, given={"words": words, "guessed": "yes"})
        for name in talk.given.get("wanted", "").split()
    ]
    if talk.given.get("why") == "number":
        talk.say("unsure.number")
    elif "again" in talk.given:
        carry = Choice("faq.report_it", opens="report", given={"words": words, "guessed": "yes"})
        choices = [*offered, *([] if any(each.opens == "report" for each in offered) else [carry])]
        person = Choice("faq.person", opens="handover", given={"words": words})
        talk.say("unsure.person", hotline=talk.district.hotline, choices=[*choices, person])
    elif offered:
        talk.say("unsure.which", choices=offered)
    else:
        talk.say("unsure.rephrase")
