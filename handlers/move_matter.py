"""Somebody does something with a council matter: supports it, decides on it, objects, rates. Opened by its buttons."""

from typing import Any

from bot.core.errors import Unclear
from bot.core.talk import Ask, Heard, Talk, conversation
from domain.councils import HOSTS
from domain.district import District
from domain.matters import RULES, Kind, Leaf, Matter, MatterMoved, Move, Need, Score, State, check, moves
from domain.people import STAFF, WORKERS, Person
from domain.refusals import Refused
from handlers import matter_card, where
from handlers.propose import count
from nlp import normalise, plain, private, when
from services.matter_news import button, look, quoted
from storage.desk import Desk

# With these a photo may come.
_SHOWN = (Move.COMMENT, Move.OBJECT, Move.REPORT, Move.MINUTES)
_MOST = {Move.MINUTES: 1500}
_PARTNER = "partner"
# So many kinds of cases are offered; the others are found from the case itself.
_KINDS = 8


def _why(move: Move) -> Any:
    def read(heard: Heard, district: District) -> Heard:
        """Words; a photo may come with them where it helps."""
        plain.words(least=2, most=_MOST.get(move, 500))(heard, district)
        if heard.photos and move not in _SHOWN:
            raise Unclear("plain.words_please")
        return heard

    return read


def _or_nothing(heard: Heard, district: District) -> str:
    """Some words, or the tap that says there are none."""
    return "" if heard.choice else plain.words(most=500)(heard, district)


WHY: dict[Move, Ask[Heard]] = {
    move: Ask(f"matter.why.{move}", _why(move), free=True) for move, rule in RULES.items() if Need.REASON in rule.needs
}
HOW_MANY = Ask("matter.how_many", count)
INTO = Ask("matter.into", plain.number_choice)
WHEN = Ask("matter.when", when.read)
PLACE = Ask("matter.place", plain.words(least=2, most=60), free=True)
GRID = Ask("matter.which_grid", where.read)
CATEGORY = Ask("matter.category", plain.choice)
BY_WHOM = Ask("matter.by_whom", plain.choice)
PARTNER = Ask("matter.partner", plain.words(least=2, most=60), free=True)
SCORE = Ask(
    "matter.score",
    plain.number_choice,
    choices=(
        ("matter.good", str(int(Score.GOOD))),
        ("matter.fair", str(int(Score.FAIR))),
        ("matter.poor", str(int(Score.POOR))),
    ),
)
WHY_POOR = Ask("matter.why_poor", _or_nothing, choices=(("case.no_more", "none"),), free=True)
SURE = Ask("matter.sure", plain.choice, choices=(("word.yes", "yes"), ("word.no", "no")), confirms=True)
# What cannot be taken back is asked about once more.
_ASKED_AGAIN = (Move.WITHDRAW, Move.FINISH)


@conversation("matter_move")
async def move_matter(talk: Talk[Desk]) -> MatterMoved | None:
    move, number = Move(talk.given["move"]), int(talk.given["matter"])
    matter = await talk.look("matter", Matter | None, lambda desk: desk.matters.find(number))
    if matter is None:
        raise Refused("matter.not_found")
    about = int(talk.given["leaf"]) if "leaf" in talk.given else None
    leaf = await talk.look("leaf", Leaf | None, lambda desk: desk.filed.get(about))
    # Said before they write a reason in vain; the rule is asked again when it is done.
    check(matter, move, talk.person, talk.now, leaf)
    await _early(talk, matter, move)
    if move in _ASKED_AGAIN and await talk.ask(SURE, title=matter.title) == "no":
        talk.say("matter.let_be")
        return None
    said: Heard | None = None
    if move in WHY:
        said = await talk.ask(WHY[move], title=matter.title, words=quoted(leaf.words, 200) if leaf else "")
    more: dict[str, Any] = {}
    needs = RULES[move].needs
    if Need.COUNT in needs:
        more["count"] = await talk.ask(HOW_MANY, most=talk.district.council.on_word(matter.tier) - matter.vouched)
    if Need.MATTER in needs:
        more["into"] = await _into(talk, matter)
    if Need.PLACE in needs:
        more["place"] = await talk.ask(PLACE)
    if Need.GRID in needs:
        more["grid"] = await _grid(talk, matter)
    if move is Move.TO_CASE:
        more["category"] = await _category(talk, said.text if said else "")
    if move is Move.PLAN:
        more |= await _responsible(talk, matter)
    if Need.TIME in needs:
        more["at"] = await talk.ask(WHEN)
    words = private.without(normalise.mask(said.text)) if said else ""
    if Need.SCORE in needs:
        score = talk.given.get("score")
        more["score"] = int(score) if score else await talk.ask(SCORE, title=matter.title)
        if more["score"] == Score.POOR:
            why = await talk.ask(WHY_POOR)
            words = private.without(normalise.mask(why))
    return MatterMoved(
        matter.id, move, talk.person.id, words, said.photos if said else (), leaf=leaf.id if leaf else None, **more
    )


async def _early(talk: Talk[Desk], matter: Matter, move: Move) -> None:
    """What a look at the rows tells before they write in vain."""
    if move is Move.RATE and await talk.look("rated", bool, lambda d: d.voices.rated(matter.id, talk.person.id)):
        raise Refused("matter.rated_before", title=matter.title)
    if move is Move.OBJECT:
        before = await talk.look("before", Leaf | None, lambda d: d.filed.objected(matter, talk.person.id))
        if before is not None:
            raise Refused("matter.objected_before", title=matter.title)
    if move is Move.FINISH:
        left = await talk.look("left", list[Leaf], lambda d: d.filed.of(matter, Kind.STEP, [State.PLANNED], limit=1))
        if left:
            raise Refused("matter.steps_left", title=matter.title)


async def _grid(talk: Talk[Desk], matter: Matter) -> str:
    """The grid it is about, asked for where there are several."""
    grounds = matter.grounds()
    if len(grounds) == 1 and grounds[0] in talk.district.grids:
        return grounds[0]
    found = (await where.ask(talk, GRID, sure=True)).grid
    if not matter.holds(found):
        raise Refused("matter.needs.grid", answer=GRID.name)
    return found


async def _category(talk: Talk[Desk], words: str) -> str:
    """What kind of case it becomes: the likeliest first, and never one that only some may see."""
    today = talk.district.day(talk.now)
    kinds = (*talk.kinds(words), *talk.district.catalogue.on(today))
    offered = {each.code: each.name for each in kinds if not (each.private or each.to_staff)}
    return await talk.ask(CATEGORY, [(name, code) for code, name in [*offered.items()][:_KINDS]])


@conversation("matter_pass_on", roles=HOSTS)
async def pass_on(talk: Talk[Desk]) -> None:
    """What needs no vote: it is done as a case, and whistled for from there, or two sides are mediated."""
    matter = await matter_card.found(talk, talk.given["matter"])
    possible = moves(matter, talk.person, talk.now)
    ways = [each for each in (Move.TO_CASE, Move.TO_MEDIATION) if each in possible]
    if not ways:
        raise Refused("matter.not_yours", title=matter.title)
    talk.say("matter.ways", title=matter.title, choices=[*(button(matter, each) for each in ways), look(matter)])


async def _into(talk: Talk[Desk], matter: Matter) -> int:
    async def others(desk: Desk) -> list[tuple[str, str]]:
        found = await desk.matters.beside(matter)
        return [(quoted(each.title, 24), str(each.id)) for each in found]

    offered = await talk.look("others", list[tuple[str, str]], others)
    if not offered:
        raise Refused("matter.nothing_beside", title=matter.title)
    return await talk.ask(INTO, offered, title=matter.title)


async def _responsible(talk: Talk[Desk], matter: Matter) -> dict[str, Any]:
    people = await talk.look("people", list[tuple[str, str]], lambda desk: _people(desk, talk, matter))
    picked = await talk.ask(BY_WHOM, [*people, ("matter.a_partner", _PARTNER)])
    return {"place": await talk.ask(PARTNER)} if picked == _PARTNER else {"to": int(picked)}


async def _people(desk: Desk, talk: Talk[Desk], matter: Matter) -> list[tuple[str, str]]:
    """Who may answer for a step: whoever plans it, and those with an office there and a chat."""
    areas = dict.fromkeys((matter.area, *matter.grids, matter.area[:12]))
    found: dict[int, Person] = {talk.person.id: talk.person}
    for area in areas:
        for person in await desk.people.serving(area, (*STAFF, *WORKERS, *HOSTS), reachable=True):
            found.setdefault(person.id, person)
    return [
        (f"{person.name or person.id} · {desk.district.area_name(person.roles[0].area)}", str(person.id))
        for person in found.values()
        if person.roles
    ][:8]
