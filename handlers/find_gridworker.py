"""A resident finds out who their gridworker is, by code, by address or by the QR sheet on the wall."""

from dataclasses import dataclass

from bot.core.render import Phrase
from bot.core.talk import Ask, Talk, conversation
from bot.core.words import Choice
from domain.people import WORKERS, Person
from handlers import where
from nlp import grid_code, place
from storage.desk import Desk

WHICH = Ask("grid.which", where.read)


@dataclass(frozen=True, slots=True)
class _Worker:
    person: Person
    hours: str


@conversation(
    "grid",
    opens_with=["查网格员", "网格员", "找网格员", "我的网格员", "查网格", "/grid"],
    link="g",
    place=3,
    looks=True,
)
async def find_gridworker(talk: Talk[Desk]) -> None:
    text = talk.given.get("grid") or talk.opening.text or talk.given.get("words", "")
    today = talk.district.day(talk.now)
    digits = grid_code.read(text)
    found = None
    if digits and len(digits) != 12:
        code = grid_code.whole(digits, talk.district)
        heirs = talk.district.heirs(code, today)
        if not heirs:
            _did_you_mean(talk, digits)
            return
        if [grid.code for grid in heirs] != [code]:
            talk.say("grid.succeeded", code=code, heirs="、".join(grid.name for grid in heirs))
        found = place.Found(heirs[0].name, tuple(grid.code for grid in heirs), 0, 0)
    elif digits:
        grids = talk.district.grids_in(digits, today) if digits in talk.district.areas else []
        if not grids:
            _did_you_mean(talk, digits)
            return
        found = place.Found("", tuple(grid.code for grid in grids), 0, 0)
    elif named := place.find(text, talk.district):
        found = named
    # 谁管我们这片 names nothing: theirs is meant. After 查网格员 a place was named that we do not know.
    elif (not text or "guessed" in talk.given) and (home := where.current(talk, talk.person.grid)):
        found = place.Found("", (home,), 0, 0)
    spot = await where.ask(talk, WHICH, found, sure=True)
    await _card(talk, spot.grid)


def _did_you_mean(talk: Talk[Desk], digits: str) -> None:
    today = talk.district.day(talk.now)
    in_force = [grid.code for grid in talk.district.grids.values() if grid.in_force(today)]
    shorts = {code[6:]: code for code in in_force} if len(digits) <= 10 else {}
    codes = [shorts.get(code, code) for code in grid_code.meant(digits, shorts or in_force)]
    talk.say(
        "grid.did_you_mean" if codes else "grid.no_such_code",
        code=digits,
        choices=[
            Choice(f"{code} {talk.district.area_name(code)}", opens="grid", given={"grid": code}) for code in codes
        ],
    )


async def _card(talk: Talk[Desk], code: str) -> None:
    async def of_grid(desk: Desk) -> list[_Worker]:
        people = await desk.people.serving(code, WORKERS) or await desk.people.serving(code[:12], WORKERS)
        return [_Worker(person, await desk.people.hours(person.id)) for person in people]

    async def away_from(desk: Desk) -> list[tuple[str, str | None]]:
        return await desk.leaves.away_from(code)

    workers = await talk.look("workers", list[_Worker], of_grid)
    away = await talk.look("away", list[tuple[str, str | None]], away_from)
    stand_ins = "、".join(acting for _, acting in away if acting)
    # Whose grid it is they go on being; the others are there for today.
    names = [name for name, _ in away] or [each.person.name or "" for each in workers]
    grid = talk.district.grids[code]
    choices = [Choice("grid.write", opens="write", given={"to": str(each.person.id)}) for each in workers[:1]]
    if talk.person.grid != code:
        choices.append(Choice("grid.live_here", opens="settle", given={"grid": code}))
    choices.append(Choice("grid.report", opens="report"))
    # Never shown unless the worker allows it: the bot carries messages both ways.
    phone = next((each.person.phone for each in workers if each.person.phone and each.person.phone_public), None)
    talk.say(
        "grid.card" if workers else "grid.card_empty",
        choices=choices,
        grid=grid.name,
        code=grid.code,
        kind=talk.district.kinds[grid.kind],
        sample=Phrase("grid.sample") if grid.sample else "",
        names="、".join(names),
        today=Phrase("grid.today", {"stand_in": stand_ins}) if stand_ins else "",
        hours=next((each.hours for each in workers if each.hours), ""),
        phone=Phrase("grid.phone", {"phone": phone}) if phone else "",
        duties=tuple(f"· {duty}" for duty in talk.district.duties.get(grid.kind, ())),
    )
