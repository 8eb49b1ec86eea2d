"""A resident proposes something to their neighbours; a grid leader carries in what was said at the door."""

from dataclasses import dataclass, replace
from itertools import count as rounds

from bot.core.errors import Unclear
from bot.core.render import Phrase
from bot.core.talk import Ask, Heard, Talk, conversation
from bot.core.turn import MOST_PHOTOS
from bot.core.words import Choice, Position
from domain.district import District
from domain.grounds import Ground, grounds_of
from domain.matters import MatterMoved, MatterProposed, Move, Tier
from domain.people import WORKERS
from domain.refusals import Refused
from handlers import where
from nlp import normalise, place, plain, private
from storage.desk import Desk

_LEAST, _MOST, _SPOT = 6, 500, 60


@dataclass(frozen=True, slots=True)
class Like:
    """What is told of an open proposal to somebody who is about to make the same."""

    matter: int
    title: str
    count: int


@dataclass(frozen=True, slots=True)
class _Said:
    """What somebody proposes, in words, with photos; where exactly, in words or on the map."""

    text: str
    photos: tuple[str, ...] = ()
    position: Position | None = None
    spot: str = ""


def _what(heard: Heard, district: District) -> Heard:
    """Words that say it; a photo or a position may come with them, or before them."""
    if not heard.photos and heard.position is None:
        plain.words(least=_LEAST, most=_MOST)(heard, district)
    return heard


def _whose(heard: Heard, district: District) -> Heard:
    """One of those offered; or a position, a photo or a place on the way, which is kept."""
    named = heard.choice or heard.photos or heard.position
    if not named and place.find(heard.text, district) is None and place.part(heard.text) is None:
        raise Unclear("plain.choose")
    return heard


def count(heard: Heard, _district: District) -> int:
    """How many, as people write it: 3, 三, 三户."""
    found = normalise.number((heard.choice or heard.text).strip().rstrip("户家位个人 "))
    if found is None or not 0 < found < 10_000:
        raise Unclear("propose.count_unclear")
    return found


def _sure(heard: Heard, _district: District) -> Heard:
    """Yes or no; or one more photo, or a position, on the way."""
    if heard.choice is None and not heard.photos and heard.position is None:
        raise Unclear("report.sure_unclear")
    return heard


WHAT = Ask("propose.what", _what, free=True)
SAID = Ask("propose.said", _what, free=True)
WHERE = Ask("propose.where", where.read)
WHAT_NOTED = Ask("propose.what_noted", _what, free=True)
TO_WHOM = Ask("propose.to_whom", _whose)
TO_WHOM_NOTED = Ask("propose.to_whom_noted", _whose)
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
    said = await _said(talk)
    ground, said = await _ground(talk, home, said)
    proposed = _proposed(talk, said, ground)
    like = await talk.look("like", Like | None, lambda desk: _like(desk, proposed))
    if like and await talk.ask(SAME, title=like.title, count=like.count) == "same":
        return MatterMoved(like.matter, Move.SUPPORT, talk.person.id)
    return await _confirmed(talk, proposed)


@conversation("carry_in", opens_with=["代邻居提议", "代提议", "/carry"], roles=WORKERS, place=14)
async def carry_in(talk: Talk[Desk]) -> MatterProposed | MatterMoved | None:
    heard = talk.opening if len(talk.opening.text) >= _LEAST else await talk.ask(SAID)
    spot = await where.ask(talk, WHERE, sure=True)
    ground, said = await _ground(talk, spot.grid, _with(_Said(heard.text), heard))
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


async def _said(talk: Talk[Desk]) -> _Said:
    said = _with(_Said(talk.opening.text or talk.given.get("words", "")), talk.opening)
    for again in rounds():
        if len(said.text) >= _LEAST:
            break
        heard = await talk.ask(
            WHAT_NOTED if said.photos or said.position else WHAT,
            name=f"{WHAT.name}.{again}" if again else WHAT.name,
        )
        said = _with(replace(said, text=heard.text), heard)
    return said


def _with(said: _Said, heard: Heard) -> _Said:
    """With the photos and the position that came along."""
    return replace(said, photos=(*said.photos, *heard.photos), position=heard.position or said.position)


async def _ground(talk: Talk[Desk], grid: str, said: _Said) -> tuple[Ground, _Said]:
    """Whose business it is, and what was sent along or said of the place meanwhile."""
    offered = {
        f"{each.tier}:{each.place}": each for each in grounds_of(grid, talk.district, talk.district.day(talk.now))
    }
    picked: str | None = None
    for again in rounds():
        if picked is not None:
            break
        heard = await talk.ask(
            TO_WHOM_NOTED if again else TO_WHOM,
            [(each.place, name) for name, each in offered.items()],
            name=f"{TO_WHOM.name}.{again}" if again else TO_WHOM.name,
        )
        said, picked = _with(said, heard), heard.choice
        if picked is None and heard.text and not heard.photos:
            said = replace(said, spot=private.without(normalise.mask(heard.text[:_SPOT])))
            estate = f"{Tier.ESTATE}:{place.estate(heard.text, talk.district)}"
            picked = estate if estate in offered else None
    if picked not in offered:
        # The district's folder has changed meanwhile.
        raise Refused("propose.not_there")
    return offered[picked], said


def _proposed(talk: Talk[Desk], said: _Said, ground: Ground, vouched: int = 0) -> MatterProposed:
    # Neighbours read it: numbers of theirs are nobody's business.
    words = private.without(normalise.mask(said.text[:_MOST]))
    return MatterProposed(
        talk.person.id,
        ground.tier,
        ground.area,
        ground.place,
        words,
        ground.grids,
        said.photos,
        vouched,
        said.spot,
        said.position.latitude if said.position else None,
        said.position.longitude if said.position else None,
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
            spot=Phrase("propose.with_spot", {"where": proposed.spot}) if proposed.spot else "",
            pin=Phrase("propose.with_pin") if proposed.latitude is not None else "",
            photos=Phrase("report.with_photos", {"count": len(photos)}) if photos else "",
        )
        if answer.choice == "no":
            talk.say("propose.dropped")
            return None
        if answer.choice == "yes":
            break
        photos += answer.photos
        if answer.position:
            at = answer.position
            proposed = replace(proposed, latitude=at.latitude, longitude=at.longitude)
    return replace(proposed, photos=tuple(photos[:MOST_PHOTOS]))
