"""Somebody looks for what was settled, or is being settled, by its words."""

from bot.core.render import Phrase
from bot.core.talk import Ask, Talk, conversation
from bot.core.words import Choice
from domain.councils import HOSTS
from domain.matters import Matter
from handlers import where
from handlers.matters import opener
from nlp import plain
from storage.desk import Desk

WORDS = Ask("archive.words", plain.words(least=2, most=60), free=True)
_SHOWN = 8


@conversation("archive", opens_with=["议题档案", "查议题", "/archive"], looks=True)
async def look_for(talk: Talk[Desk]) -> None:
    named: str = talk.given.get("words") or talk.opening.text
    words = named or await talk.ask(WORDS)
    before = int(talk.given["before"]) if "before" in talk.given else None
    home, areas = where.current(talk, talk.person.grid), talk.person.areas(*HOSTS)
    found = await talk.look(
        "found",
        list[Matter],
        lambda desk: desk.matters.search(words, home, areas, before=before, limit=_SHOWN + 1),
    )
    if not found:
        again = Choice("archive.again", opens="archive")
        talk.say("archive.no_more" if before else "archive.none", words=words, choices=[again])
        return
    shown = found[:_SHOWN]
    more = {"words": words, "before": str(shown[-1].id)}
    talk.say(
        "archive.found",
        words=words,
        lines=tuple(
            Phrase(
                "archive.line",
                {
                    "words": each.title,
                    "place": each.place,
                    "status": Phrase(f"matter.status.{each.status}"),
                    "at": each.since,
                },
            )
            for each in shown
        ),
        choices=[
            *map(opener, shown),
            *([Choice("archive.more", opens="archive", given=more)] if len(found) > _SHOWN else []),
        ],
    )
