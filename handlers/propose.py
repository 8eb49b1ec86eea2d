"""A resident proposes something to their neighbours; a grid leader carries in what was said at the door."""

from dataclasses import dataclass, replace

import msgspec

from bot.core.errors import Unclear
from bot.core.render import Phrase
from bot.core.talk import Ask, Heard, Talk, conversation
from bot.core.turn import MOST_PHOTOS
from bot.core.words import Choice
from domain.district import District
from domain.grounds import Ground, grounds_of
from domain.matters import MatterMoved, MatterProposed, Move
from domain.people import WORKERS
from domain.refusals import Refused
from handlers import where
from nlp import normalise, plain, private
from storage.desk import Desk

_LEAST, _MOST = 6, 500


@dataclass(frozen=True, slots=True)
class Like:
    """What is told of an open proposal to somebody who is about to make the same."""

    matter: int
    title: str
    count: int


def _what(heard: Heard, district: District) -> Heard:
    """Words that say it; photos may come with them."""
    plain.words(least=_LEAST, most=_MOST)(heard, district)
    return heard


def count(heard: Heard, _district: District) -> int:
    """How many, as people write it: 3, 三, 三户."""
    found = normalise.number((heard.choice or heard.text).strip().rstrip("户家位个人 "))
    if found is None or not 0 < found < 10_000:
        raise Unclear("propose.count_unclear")
    return found


def _sure(heard: Heard, _district: District) -> Heard:
    """Yes or no; or one more photo on the way."""
    if heard.choice is None and not heard.photos:
        raise Unclear("report.sure_unclear")
    return heard


WHAT = Ask("propose.what", _what, free=True)
SAID = Ask("propose.said", _what, free=True)
WHERE = Ask("propose.where", where.read)
TO_WHOM = Ask("propose.to_whom", plain.choice)
SAME = Ask("propose.same", plain.choice, choices=(("propose.same_one", "same"), ("propose.another", "no")))
HOW_MANY = Ask("propose.how_many", count)
SURE = Ask("propose.sure", _sure, confirms=True)


@conversation("propose", opens_with=["提议", "我要提议", "提个建议", "我有个提议", "/propose"])
async def propose(talk: Talk[Desk]) -> MatterProposed | MatterMoved | None:
    home = await talk.look("home", str | None, lambda _desk: _home(talk))
    if home is None:
        talk.say("propose.where_first", choices=[Choice("settle.title", opens="settle")])
        return None
    if await talk.look("busy", bool, lambda desk: _busy(desk, talk)):
        terms = talk.district.council
        raise Refused("propose.too_many", days=terms.within.days, most=terms.proposals)
    said = msgspec.structs.replace(talk.opening, text=talk.opening.text or talk.given.get("words", ""))
    if len(said.text) < _LEAST:
        said = await talk.ask(WHAT)
    ground = await _ground(talk, home)
    proposed = _proposed(talk, said, ground)
    like = await talk.look("like", Like | None, lambda desk: _like(desk, proposed))
    if like and await talk.ask(SAME, title=like.title, count=like.count) == "same":
        return MatterMoved(like.matter, Move.SUPPORT, talk.person.id)
    return await _confirmed(talk, proposed)


@conversation("carry_in", opens_with=["代邻居提议", "代提议", "/carry"], roles=WORKERS, place=14)
async def carry_in(talk: Talk[Desk]) -> MatterProposed | MatterMoved | None:
    said = talk.opening if len(talk.opening.text) >= _LEAST else await talk.ask(SAID)
    spot = await where.ask(talk, WHERE, sure=True)
    ground = await _ground(talk, spot.grid)
    most = talk.district.council.on_word(ground.tier)
    many = await talk.ask(HOW_MANY, most=most)
    if many > most:
        raise Refused("matter.too_many_said", answer=HOW_MANY.name, most=most)
    proposed = _proposed(talk, said, ground, many)
    like = await talk.look("like", Like | None, lambda desk: _like(desk, proposed))
    if like and await talk.ask(SAME, title=like.title, count=like.count) == "same":
        return MatterMoved(like.matter, Move.VOUCH, talk.person.id, count=many)
    return await _confirmed(talk, proposed)


async def _home(talk: Talk[Desk]) -> str | None:
    return where.current(talk, talk.person.grid)


async def _busy(desk: Desk, talk: Talk[Desk]) -> bool:
    """Told before they have written it all in vain; the rule is asked again when it is done."""
    terms = talk.district.council
    return await desk.matters.proposed_since(talk.person.id, talk.now - terms.within) >= terms.proposals


async def _ground(talk: Talk[Desk], grid: str) -> Ground:
    offered = {
        f"{each.tier}:{each.place}": each for each in grounds_of(grid, talk.district, talk.district.day(talk.now))
    }
    picked = await talk.ask(TO_WHOM, [(each.place, name) for name, each in offered.items()])
    if picked not in offered:
        # The district's folder has changed meanwhile.
        raise Refused("propose.not_there")
    return offered[picked]


def _proposed(talk: Talk[Desk], said: Heard, ground: Ground, vouched: int = 0) -> MatterProposed:
    # Neighbours read it: numbers of theirs are nobody's business.
    words = private.without(normalise.mask(said.text[:_MOST]))
    return MatterProposed(
        talk.person.id,
        ground.tier,
        ground.area,
        ground.place,
        words,
        ground.grids,
        tuple((*talk.opening.photos, *said.photos) if said is not talk.opening else said.photos),
        vouched,
    )


async def _like(desk: Desk, proposed: MatterProposed) -> Like | None:
    found = await desk.matters.like(proposed)
    return Like(found.id, found.title, await desk.voices.support(found)) if found else None


async def _confirmed(talk: Talk[Desk], proposed: MatterProposed) -> MatterProposed | None:
    photos = list(proposed.photos)
    for number in range(MOST_PHOTOS):
        answer = await talk.ask(
            SURE,
            [("word.yes", "yes"), ("word.no", "no")],
            name=f"propose.sure.{number}",
            place=proposed.place,
            words=proposed.words,
            photos=Phrase("report.with_photos", {"count": len(photos)}) if photos else "",
        )
        if answer.choice == "no":
            talk.say("propose.dropped")
            return None
        if answer.choice == "yes":
            break
        photos += answer.photos
    return replace(proposed, photos=tuple(photos[:MOST_PHOTOS]))
