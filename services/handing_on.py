"""A gridworker's open cases go to another, who reads in one note what is open, by when, and what was said last."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.core.render import Phrase
from bot.core.words import Choice, Kind
from domain.areas import around
from domain.cases import WITH_WORKER, Case, Move, Part, Step
from domain.handovers import Handover
from domain.people import Person, Role
from domain.sight import hidden
from nlp.normalise import mask
from services.news import News, button, opener, shown
from services.sight import all_seen
from storage.desk import Desk

_SHOWN, _LETTERS, _BUTTONS = 12, 4, 6
_LETTERS_SINCE = timedelta(days=14)
_LAST_WORDS = 40
# What was said to or by its reporter.
_SAID = (Move.REMARK, Move.ON_SITE, Move.REJECT)


async def offer_all(person: Person, to: Person | None, desk: Desk, *, grids: Sequence[str] | None = None) -> list[Case]:
    """Offer what lies with somebody to another, in these grids or all; returns it, the nearest deadline first.

    What is private, or about a gridworker, is offered to nobody: those above are asked to arrange for it.
    """
    found = []
    for each in await desk.cases.of_worker(person.id, WITH_WORKER):
        case = await desk.cases.get(each.id, lock=True)
        if (
            case.worker_id != person.id
            or case.status not in WITH_WORKER
            or (grids is not None and case.grid not in grids)
        ):
            continue
        category = desk.district.category_of(case)
        if category.to_staff or category.private:
            if grids is None:
                await News(case, desk).tell_above(
                    "leave.private_left",
                    worker=person.name or "",
                    choices=[button(case, Move.DISPATCH)],
                    number=case.number,
                    place=case.place,
                )
            continue
        if to is not None and to.id != person.id:
            case = replace(case, offered_to=to.id)
            await desk.cases.step(case, Step(desk.now, person.id, Move.HAND_OVER, "", Part.WORKER, to.id))
        found.append(case)
    return found


async def note(
    person: Person,
    to: Person | None,
    cases: Sequence[Case],
    key: str,
    desk: Desk,
    *,
    head: Phrase | None = None,
    letters: int | None = None,
    talks: Sequence[Handover] = (),
    **said: Any,
) -> None:
    """One message with all that is open of somebody's; to the staff of the community when there is nobody to take it.

    `head` stands above the cases; `letters`: with the last words between residents and
    that gridworker; `talks`: threads that
    are taken over along with the cases.
    """
    since = desk.now - _LETTERS_SINCE
    written = await desk.last_words.of_worker(letters, since, _LETTERS) if letters else []
    cases = all_seen(cases, to, desk.district) if to else cases
    first = Phrase("leave.open", {"count": len(cases)}) if cases else Phrase("leave.nothing_open")
    lines = [head or first]
    lines += [await _line(case, desk) for case in cases[:_SHOWN]]
    if len(cases) > _SHOWN:
        lines.append(Phrase("leave.more", {"count": len(cases) - _SHOWN}))
    if written:
        lines.append(Phrase("leave.letters"))
    lines += [
        Phrase("leave.letter" if each.answered else "leave.letter_unanswered", {
            "name_of": each.name or Phrase("role.resident"), "at": each.at, "words": each.words,
        })
        for each in written
    ]  # fmt: skip
    if talks:
        lines.append(Phrase("succession.talks"))
    lines += [Phrase("succession.talk", {"words": each.words}) for each in talks]
    facts: dict[str, Any] = {"name_of": person.name or Phrase("role.gridworker"), "lines": tuple(lines), **said}
    if to is not None:
        choices = (
            [Choice("take_all.title", opens="take_all")] if sum(case.offered_to == to.id for case in cases) > 1 else []
        )
        choices += [opener("tasks", case) for case in cases[:_BUTTONS]] or [Choice("tasks.title", opens="tasks")]
        choices += [
            Choice("write.answer", opens="write", given={"to": str(each.resident_id)})
            for each in written
            if not each.answered
        ][:1]
        choices += [
            Choice("handover.write", opens="handover_write", given={"handover": str(each.id)}) for each in talks[:1]
        ]
        await desk.tell(to.id, key, kind=Kind.PUSH, choices=choices, **facts)
        return
    for community in dict.fromkeys(around(area)[0] for area in person.areas(Role.GRIDWORKER, Role.GRID_LEADER)):
        for staff in await desk.people.serving(community, [Role.COMMUNITY], reachable=True):
            await desk.tell(
                staff.id, key, kind=Kind.PUSH, choices=[opener("tasks", case) for case in cases[:_BUTTONS]], **facts
            )


async def _line(case: Case, desk: Desk) -> Phrase:
    """A case in a line, with the last words between its worker and its reporter, unless they may name the door."""
    said = ""
    if not hidden(case, desk.district.category_of(case)):
        spoken = [(each.at, each.words) for each in await desk.letters.last(case.id)]
        steps = await desk.cases.steps(case.id)
        spoken += [(step.at, step.words) for step in steps if step.words and step.move in _SAID]
        said = max(spoken)[1] if spoken else ""
    last = Phrase("leave.last_words", {"words": mask(said)[:_LAST_WORDS]}) if said else ""
    facts = {**shown(case, desk), "last": last}
    return Phrase("leave.line", {name: facts[name] for name in ("number", "place", "words", "due", "last")})
