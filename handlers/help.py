"""Somebody new, or lost, sees what can be done here."""

from bot.core.render import Phrase
from bot.core.talk import Talk, conversation
from bot.core.words import Choice
from storage.desk import Desk


@conversation("help")
async def show_help(talk: Talk[Desk]) -> None:
    mine = talk.listed()
    talk.say(
        "help.all" if talk.person.grid else "help.new",
        district=talk.district.name,
        lines=tuple(
            Phrase("help.line", {"title": Phrase(f"{each.name}.title"), "help": Phrase(f"{each.name}.help")})
            for each in mine
        ),
        choices=[Choice(f"{each.name}.title", opens=each.name) for each in mine],
    )
