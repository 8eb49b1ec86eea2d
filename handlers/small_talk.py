"""Somebody greets us, thanks us or just talks; they are answered, and see what can be done here."""

from bot.core.talk import Talk, conversation
from bot.core.words import Choice
from nlp.normalise import fold
from storage.desk import Desk

_THANKS = ("谢", "感恩", "辛苦", "麻烦", "点赞", "好评", "thank")


@conversation("chat")
async def small_talk(talk: Talk[Desk]) -> None:
    if any(word in fold(talk.opening.text) for word in _THANKS):
        talk.say("chat.welcome")
        return
    talk.say("chat.here", choices=[Choice(f"{name}.title", opens=name) for name in ("report", "faq", "grid")])
