"""Somebody does something with a case: takes it, gives it back, finishes it, rates it. Opened by the case's buttons."""

from bot.core.errors import Unclear
from bot.core.talk import Ask, Heard, Talk, conversation
from domain.cases import Case, CaseMoved, Move, check
from domain.district import District
from domain.people import WORKERS, Person
from nlp import plain
from nlp.category import OTHER
from storage.desk import Desk


def _done(heard: Heard, _district: District) -> Heard:
    """A photo, some words, or the word that there is nothing to add."""
    if not (heard.choice or heard.photos or heard.text):
        raise Unclear("plain.words_please")
    return heard


REASON = {
    move: Ask(f"case.why.{move}", plain.words(least=2, most=300), free=True) for move in (Move.RETURN, Move.DISMISS)
}
SHOWN = {move: Ask(f"case.why.{move}", _done, free=True) for move in (Move.REJECT, Move.REMARK)}
RESULT = Ask("case.result", _done, choices=(("case.no_more", "plain"),), free=True)
SCORE = Ask("case.score", plain.number_choice, choices=(("case.good", "3"), ("case.fair", "2"), ("case.poor", "1")))
KIND = Ask("case.kind", plain.choice)
WORKER = Ask("case.to_whom", plain.number_choice)
SURE = Ask("case.sure_withdraw", plain.choice, choices=(("word.yes", "yes"), ("word.no", "no")))


@conversation("case_move")
async def move_case(talk: Talk[Desk]) -> CaseMoved | None:
    move = Move(talk.given["move"])
    case = await talk.look("case", Case, lambda desk: desk.cases.get(int(talk.given["case"])))
    # Said before they write a reason in vain; the rule is asked again when it is done.
    check(case, move, talk.person)
    words, photos = "", tuple[str, ...]()
    to: int | None = None
    score: int | None = None
    category: str | None = None
    if move in REASON:
        words = await talk.ask(REASON[move], number=case.number)
    elif move in SHOWN:
        said = await talk.ask(SHOWN[move], number=case.number)
        words, photos = said.text[:1000] or "（见照片）", said.photos
    elif move is Move.FINISH:
        result = await talk.ask(RESULT, number=case.number)
        words, photos = "" if result.choice else result.text, result.photos
    elif move is Move.RATE:
        given = talk.given.get("score")
        score = int(given) if given else await talk.ask(SCORE, number=case.number)
    elif move is Move.WITHDRAW:
        if await talk.ask(SURE, number=case.number) == "no":
            talk.say("case.kept", number=case.number)
            return None
    elif move is Move.DISPATCH:
        to = await talk.ask(WORKER, await _workers(talk, case), number=case.number)
    elif move is Move.RECLASSIFY:
        guessed = [each for each in talk.kinds(case.words) if each.code != OTHER]
        likely = dict.fromkeys([*guessed, *talk.district.categories.values()])
        offers = [(each.name, each.code) for each in likely if each.code != case.category]
        category = await talk.ask(KIND, offers, number=case.number)
    return CaseMoved(
        case=case.id,
        move=move,
        by=talk.person.id,
        words=words,
        photos=photos,
        to=to,
        score=score,
        category=category,
    )


async def _workers(talk: Talk[Desk], case: Case) -> list[tuple[str, str]]:
    people = await talk.look("workers", list[Person], lambda desk: workers_for(case, desk))
    return [(f"{person.name} · {talk.district.area_name(person.roles[0].area)}", str(person.id)) for person in people]


async def workers_for(case: Case, desk: Desk) -> list[Person]:
    """Who a case may be given to: its community's workers with a chat, its own grid's first; all, if none has one."""
    grids = desk.district.grids_in(case.grid[:12], desk.district.day(desk.now))
    areas = [*(grid.code for grid in grids), case.grid[:12]]
    for reachable in (True, False):
        found = [person for area in areas for person in await desk.people.serving(area, WORKERS, reachable=reachable)]
        if found:
            break
    if desk.district.category(case.category).to_staff:
        found = [person for person in found if not person.serves(case.grid, WORKERS)]
    return sorted(found, key=lambda person: (not person.serves(case.grid, WORKERS), person.id))
