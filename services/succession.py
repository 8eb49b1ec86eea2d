"""A gridworker is replaced: whoever comes after has the open cases and talks, and the residents know who it is."""

from dataclasses import replace
from datetime import timedelta

from bot.core.rules import when
from domain.cases import RULES, UNDONE, WITH_WORKER, Case, Move, OfficeTaken, Status, Step
from domain.people import Person, Role
from services import deadlines
from services.handing_on import note
from services.news import News
from storage.desk import Desk

# What nobody has arranged for after so long is for staff to find, not for whoever happens to come.
_INHERITED_WITHIN = timedelta(days=60)

Heirs = dict[int, tuple[Person, list[Case]]]
"""Who inherits what, by their number."""


@when(OfficeTaken)
async def inherit(taken: OfficeTaken, desk: Desk) -> None:
    """What lay with those before, or waits since they left, is theirs; void for who cannot be reached yet."""
    person = await desk.people.get(taken.person)
    if person is None or not await _in_office(person, taken.area, desk):
        return
    waiting = await _waiting(taken.area, desk)
    for before in await desk.people.before(taken.person, taken.area):
        theirs = [case for case in await desk.cases.of_worker(before, WITH_WORKER) if case.grid == taken.area]
        theirs += [case for case, left in waiting if left == before]
        cases = [case for each in theirs if (case := await pass_on(each.id, person, desk)) is not None]
        talks = await desk.handovers.pass_on(before, person.id, taken.area)
        for each in talks:
            await desk.tell(each.person_id, "succession.asker", worker=person.name or "")
        written = await desk.last_words.pass_on(before, person.id)
        if cases or talks or written:
            left_by = await desk.people.get(before) or Person(before)
            await note(
                left_by,
                person,
                cases,
                "succession.note",
                desk,
                letters=person.id,
                talks=talks,
                grids=desk.district.area_name(taken.area),
            )


async def _in_office(person: Person, grid: str, desk: Desk) -> bool:
    serving = await desk.people.serving(grid, [Role.GRIDWORKER], reachable=True)
    return person.id in {each.id for each in serving}


async def _waiting(grid: str, desk: Desk) -> list[tuple[Case, int]]:
    """What nobody has arranged for since its worker left, and who that was."""
    found = []
    for case in await desk.cases.in_area(grid, [Status.RETURNED], limit=500):
        last = (await desk.cases.steps(case.id))[-1]
        if last.move is Move.LEAVE and last.person_id and desk.now - last.at < _INHERITED_WITHIN:
            found.append((case, last.person_id))
    return found


async def pass_on(number: int, person: Person, desk: Desk) -> Case | None:
    """A case is somebody's whose grid it is now; None when it is private, or has moved on meanwhile."""
    case = await desk.cases.get(number, lock=True)
    category = desk.district.category(case.category)
    if case.status not in UNDONE or category.to_staff or category.private or case.worker_id == person.id:
        return None
    status = RULES[Move.INHERIT].end or case.status
    after = replace(case, status=status, worker_id=person.id, department=None, offered_to=None, round=case.round + 1)
    await desk.cases.step(after, Step(desk.now, case.worker_id, Move.INHERIT, target=person.id))
    await deadlines.plan(after, desk)
    news = News(after, desk, person.id)
    await news.tell_reporter("case.was_taken_over", number=case.number, worker=person.name or "", due=case.due_at)
    return after


async def successor(case: Case, desk: Desk, *, unless: int) -> Person | None:
    """Whoever else looks after the grid of a case now; not who only stands in for a while."""
    for person in await desk.people.serving(case.grid, [Role.GRIDWORKER], reachable=True):
        if person.id != unless and case.grid in await desk.leaves.own_grids(person.id):
            return person
    return None


async def tell(left: int, heirs: Heirs, desk: Desk) -> None:
    """Each of those who inherit reads in one note what is theirs now."""
    person = await desk.people.get(left) or Person(left)
    for heir, cases in heirs.values():
        await note(person, heir, cases, "succession.note", desk, grids=desk.district.area_name(cases[0].grid))
