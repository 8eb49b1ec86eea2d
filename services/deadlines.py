"""A promise is kept in sight: who is warned in time, and who hears level by level once it is broken."""

from datetime import datetime

from bot.core.render import Phrase
from bot.core.rules import when
from bot.core.words import Choice, Kind
from domain.areas import around
from domain.cases import Case, DeadlineNears, Move, Step
from domain.climb import LEVELS, DeadlinePassed, Rung, ladder, still_owed
from domain.people import Person, Role
from services.sight import seen
from storage.desk import Desk


async def plan(case: Case, desk: Desk) -> None:
    """See to it that its worker is warned in time, and that it climbs when that did not help."""
    warn_at = desk.district.calendar.early(case.due_at, desk.district.category_of(case).warn)
    if warn_at > desk.now:
        await desk.plan(DeadlineNears(case.id, case.round, case.due_at), warn_at, key=f"deadline:{promise_of(case)}")
    elif case.due_at > desk.now:
        await plan_climb(case, desk)
    else:
        await _climb_on(case, desk)


async def plan_climb(case: Case, desk: Desk) -> None:
    """Let the case climb once its deadline passes."""
    if rungs := _rungs(case, desk):
        await _plan_step(case, rungs[0], case.due_at, desk)


async def _climb_on(case: Case, desk: Desk) -> None:
    """Given out anew after it was due: whoever was told last has their whole time again, nobody is told twice."""
    rungs = _rungs(case, desk)
    steps = await desk.cases.steps(case.id)
    told = {step.words for step in steps if step.move is Move.CLIMB and step.at >= case.due_at}
    known = max((place for place, rung in enumerate(rungs) if rung.to in told), default=-1)
    if known + 1 < len(rungs):
        await _plan_step(case, rungs[known + 1], _acts_by(rungs[max(known, 0)], case, desk), desk)


async def _plan_step(case: Case, rung: Rung, at: datetime, desk: Desk) -> None:
    step = DeadlinePassed(case.id, case.round, case.due_at, rung.to)
    await desk.plan(step, at, key=f"climb:{promise_of(case)}:{rung.to}:{int(at.timestamp())}")


@when(DeadlinePassed)
async def climb(passed: DeadlinePassed, desk: Desk) -> None:
    """Tell the first level, from the one whose turn it is, where somebody in office can be reached."""
    case = await desk.cases.get(passed.case, lock=True)
    if not still_owed(case, passed.round, passed.due_at):
        return
    rungs = [rung for rung in _rungs(case, desk) if LEVELS.index(rung.to) >= LEVELS.index(passed.to)]
    morning = waits_until(case, desk)
    if rungs and morning > desk.now:
        await _plan_step(case, rungs[0], morning, desk)
        return
    while rungs and not (people := await _in_office(case, rungs[0].to, desk)):
        rungs = rungs[1:]
    if not rungs:
        return
    by = _acts_by(rungs[0], case, desk)
    await desk.cases.step(case, Step(desk.now, None, Move.CLIMB, rungs[0].to))
    for person in people:
        await _tell(person, rungs[0], by, case, desk)
    if rungs[1:]:
        await _plan_step(case, rungs[1], by, desk)


async def _tell(person: Person, rung: Rung, by: datetime, case: Case, desk: Desk) -> None:
    worker = await desk.people.get(case.worker_id) if case.worker_id else None
    community, street, _ = around(case.grid)
    case = seen(case, person, desk.district) or case
    # Whoever holds it themselves is not told of another level's delay.
    own = rung.to is case.level is not Role.COMMUNITY
    await desk.tell(
        person.id,
        "case.climb.own" if own else f"case.climb.{rung.to}",
        kind=Kind.PUSH,
        once=f"climb:{promise_of(case)}:{rung.to}:{person.id}",
        number=case.number,
        place=case.place,
        words=case.words,
        category=desk.district.category_of(case).name,
        due=case.due_at,
        worker=_with(case, worker, desk),
        level=Phrase(f"level.{case.level}"),
        community=desk.district.area_name(community),
        street=desk.district.area_name(street),
        by=by,
        choices=[Choice("case.button.open", opens="tasks", given={"case": str(case.id)})],
    )


def _with(case: Case, worker: Person | None, desk: Desk) -> Phrase | str:
    """With whom it lies."""
    name = worker.name or "" if worker else ""
    if case.department:
        return Phrase(
            "case.climb_department", {"department": desk.district.department(case.department).short, "worker": name}
        )
    return Phrase("case.climb_worker", {"worker": name}) if worker else ""


async def _in_office(case: Case, level: Role, desk: Desk) -> list[Person]:
    """Those of a level who can be reached, the nearest area first; the one who works on it is not their own watch."""
    community, street, district = around(case.grid)
    areas = {
        Role.GRID_LEADER: (case.grid, community),
        Role.COMMUNITY: (community,),
        Role.STREET: (street,),
        Role.DISTRICT: (district,),
    }[level]
    for area in areas:
        people = await desk.people.serving(area, [level], reachable=True)
        if found := [person for person in people if person.id != case.worker_id]:
            return found
    return []


def waits_until(case: Case, desk: Desk) -> datetime:
    """Now, or the end of the quiet hours for what is not urgent."""
    return desk.now if desk.district.category_of(case).urgent else desk.awake(Kind.REMINDER)


def _rungs(case: Case, desk: Desk) -> list[Rung]:
    return ladder(desk.district.climb, case, to_staff=desk.district.category_of(case).to_staff)


def _acts_by(rung: Rung, case: Case, desk: Desk) -> datetime:
    """By when a level that is told now should have seen to it."""
    nonstop = desk.district.category_of(case).deadline.nonstop
    return desk.district.calendar.due(desk.now, rung.nonstop if nonstop else rung.within)


def promise_of(case: Case) -> str:
    """What names one promise: the same case, round and deadline."""
    return f"{case.id}:{case.round}:{case.due_at.isoformat()}"
