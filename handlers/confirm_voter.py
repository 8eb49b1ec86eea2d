"""A resident shows which household of the roster is theirs; a gridworker who knows them helps with a code."""

from bot.core.render import Phrase
from bot.core.talk import Ask, Talk, conversation
from bot.core.words import Choice
from domain.areas import Extent, around
from domain.councils import HELPERS
from domain.rosters import Voter, VoterCodeWanted
from nlp import plain
from storage.desk import Desk


@conversation("confirm", opens_with=["我是哪户", "我是哪一户", "确认哪一户", "/household"])
async def confirm(talk: Talk[Desk]) -> None:
    own = await talk.look("own", list[Voter], lambda desk: desk.rosters.of(talk.person.id))
    if own:
        talk.say(
            "confirm.known", households=tuple(Phrase("confirm.one", {"household": each.household}) for each in own)
        )
    talk.say("confirm.how", choices=[Choice("grid.title", opens="grid")])


HOUSEHOLD = Ask("vouch.household", plain.words(least=1, most=60), free=True)
WHICH = Ask("vouch.which", plain.number_choice)


@conversation("vouch", opens_with=["住户确认码", "给住户确认码"], roles=HELPERS)
async def vouch(talk: Talk[Desk]) -> VoterCodeWanted | None:
    found = await household(talk, HOUSEHOLD, WHICH)
    return None if found is None else VoterCodeWanted(talk.person.id, found)


async def household(talk: Talk[Desk], ask: Ask[str], which: Ask[int], extent: Extent | None = None) -> int | None:
    """The number of the household a helper means, in their areas or of this; None when there is none like it."""
    words = talk.opening.text or await talk.ask(ask)
    within = (
        [extent]
        if extent
        else [
            Extent(each)
            for each in sorted({around(code)[0] if len(code) > 12 else code for code in talk.person.areas(*HELPERS)})
        ]
    )
    found = await talk.look("found", list[Voter], lambda desk: _found(desk, within, words))
    if not found:
        talk.say("vouch.none", words=words)
        return None
    if len(found) == 1 or found[0].household == words:
        return found[0].id
    return await talk.ask(which, [(f"{each.household}（{each.name}）", str(each.id)) for each in found])


async def _found(desk: Desk, extents: list[Extent], words: str) -> list[Voter]:
    return [each for extent in extents for each in await desk.rosters.search(extent, words)]
