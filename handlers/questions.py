"""Staff see what residents asked and nobody could answer."""

from bot.core.render import Phrase
from bot.core.talk import Talk, conversation
from domain.people import STAFF
from storage.desk import Desk


@conversation("questions", opens_with=["未答问题", "/questions"], roles=STAFF, place=12)
async def questions(talk: Talk[Desk]) -> None:
    asked = await talk.look("asked", list[tuple[str, int]], lambda desk: desk.heard.questions())
    if not asked:
        talk.say("questions.none")
        return
    talk.say(
        "questions.list",
        lines=tuple(Phrase("questions.line", {"words": words, "count": count}) for words, count in asked),
    )
