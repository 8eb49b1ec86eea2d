"""A gridworker is away: whoever stands in has the grid meanwhile, and both read a note of what is open."""

from datetime import date, datetime, timedelta
from typing import Any

from bot.core.render import Phrase
from bot.core.rules import when
from bot.core.words import Choice, Kind
from domain import leave as rules
from domain.cases import WITH_WORKER, OfficeLeft
from domain.district import District
from domain.leave import AllTaken, Leave, LeaveAsked, LeaveBegins, LeaveCut, LeaveEnds, Stage, StandInChosen
from domain.people import WORKERS, Person, Role
from domain.refusals import Refused
from services import at_work
from services.handing_on import note, offer_all
from storage.desk import Desk


@when(LeaveAsked)
async def plan_leave(asked: LeaveAsked, desk: Desk) -> None:
    """Their grid changes hands in the morning of the first day, and again in the morning after the last."""
    person = await _worker(asked.by, desk)
    today = desk.district.day(desk.now)
    rules.check(asked.first, asked.last, today)
    begins, ends = hours(asked.first, asked.last, desk.now, desk.district)
    if other := rules.at(await desk.leaves.to_come(person.id), begins, ends):
        raise Refused("leave.overlaps", answer="leave.days", span=days(other, desk.district)["span"])
    if asked.stand_in is not None:
        await _check_stand_in(person, asked.stand_in, desk)
    number = await desk.leaves.add(person.id, asked.stand_in, begins, ends)
    leave = Leave(number, person.id, asked.stand_in, None, begins, ends, Stage.PLANNED)
    named = await desk.people.get(asked.stand_in) if asked.stand_in else None
    # Whoever is away as well is no help: the grid leader looks after it then.
    both_away = named is not None and rules.at(await desk.leaves.to_come(named.id), begins, ends) is not None
    who: Phrase | str = Phrase("leave.leader") if named is None or both_away else named.name or ""
    shown: dict[str, Any] = {"name_of": person.name or "", "stand_in": who, **days(leave, desk.district)}
    back = [Choice("leave_back.title", opens="leave_back")]
    if both_away and named is not None:
        await desk.tell(person.id, "leave.planned_leader", named=named.name or "", choices=back, **shown)
    else:
        await desk.tell(person.id, "leave.planned", choices=back, **shown)
    if named is not None and not both_away:
        await desk.tell(named.id, "leave.you_will_stand_in", kind=Kind.PUSH, **shown)
    await _tell_community(person, "leave.community", desk, **shown)
    await desk.plan(LeaveEnds(number, ends), ends, key=f"leave:{number}:ends")
    if begins > desk.now:
        await desk.plan(LeaveBegins(number, begins), begins, key=f"leave:{number}:begins")
    else:
        await desk.happen(LeaveBegins(number, begins))


async def _worker(number: int, desk: Desk) -> Person:
    person = await desk.people.get(number)
    if person is None or not person.has(*WORKERS):
        raise Refused("leave.not_yours")
    return person


async def _check_stand_in(person: Person, number: int, desk: Desk) -> None:
    other = await desk.people.get(number)
    communities = {area[:12] for area in person.areas(*WORKERS)}
    near = other is not None and any(area[:12] in communities for area in other.areas(*WORKERS))
    if not near or number == person.id:
        raise Refused("leave.no_such_stand_in", answer="leave.who")


@when(StandInChosen)
async def choose_stand_in(chosen: StandInChosen, desk: Desk) -> None:
    person = await _worker(chosen.by, desk)
    if chosen.stand_in is not None:
        await _check_stand_in(person, chosen.stand_in, desk)
    await desk.leaves.choose(person.id, chosen.stand_in)
    other = await desk.people.get(chosen.stand_in) if chosen.stand_in else None
    await desk.tell(
        person.id, "stand_in.chosen" if other else "stand_in.none", stand_in=other.name or "" if other else ""
    )
    if other is not None:
        await desk.tell(other.id, "stand_in.you_are", name_of=person.name or "")


@when(LeaveBegins)
async def begin(begins: LeaveBegins, desk: Desk) -> None:
    leave = await desk.leaves.get(begins.leave, lock=True)
    if leave is None or leave.stage is not Stage.PLANNED or leave.begins_at != begins.at:
        return
    await desk.leaves.change(leave.id, stage=Stage.ON)
    # Those they stood in for need somebody else.
    for other in await desk.leaves.acted_by(leave.person_id):
        await _arrange(other, desk)
    await _arrange(leave, desk)


async def _arrange(leave: Leave, desk: Desk) -> None:
    """Find who does their work now, give them the grids and the note; the note goes to the staff if there is nobody."""
    person = await desk.people.get(leave.person_id)
    if person is None:
        return
    await desk.leaves.take_back(leave)
    acting = await _who(leave, person, desk)
    await desk.leaves.change(leave.id, acting_id=acting.id if acting else None)
    grids = await desk.leaves.own_grids(person.id)
    if acting is not None:
        await desk.leaves.lend(leave, acting.id, [each for each in grids if not _holds(acting, each)])
        await desk.tell_menu(acting.id)
    cases, spoken = await offer_all(person, acting, desk), days(leave, desk.district)
    await note(
        person,
        acting,
        cases,
        "leave.note" if acting else "leave.note_unmanned",
        desk,
        letters=person.id,
        grids="、".join(desk.district.area_name(each) for each in grids),
        span=spoken["span"],
        last=spoken["last"],
    )


async def _who(leave: Leave, person: Person, desk: Desk) -> Person | None:
    """Whoever was named, while they are in office, at work and can be reached; else the grid leader."""
    if leave.stand_in_id is not None and await desk.leaves.of(leave.stand_in_id) is None:
        named = await desk.people.get(leave.stand_in_id)
        if named and named.has(*WORKERS) and await desk.people.chat_of(named.id) is not None:
            return named
    for area in person.areas(Role.GRIDWORKER):
        for place in (area, area[:12]):
            for leader in await desk.people.serving(place, [Role.GRID_LEADER], reachable=True):
                if leader.id != person.id:
                    return leader
    return None


def _holds(person: Person, grid: str) -> bool:
    return any(held.role is Role.GRIDWORKER and held.area == grid for held in person.roles)


@when(LeaveEnds)
async def end(ends: LeaveEnds, desk: Desk) -> None:
    leave = await desk.leaves.get(ends.leave, lock=True)
    if leave is not None and leave.stage is Stage.ON and leave.ends_at == ends.at:
        await _end(leave, desk)


@when(LeaveCut)
async def cut_short(cut: LeaveCut, desk: Desk) -> None:
    leave = await desk.leaves.get(cut.leave, lock=True)
    if leave is None or leave.person_id != cut.by or leave.stage not in (Stage.PLANNED, Stage.ON):
        raise Refused("leave_back.none")
    person = await _worker(cut.by, desk)
    shown: dict[str, Any] = {"name_of": person.name or "", **days(leave, desk.district)}
    if leave.stage is Stage.ON:
        await desk.leaves.change(leave.id, ends_at=desk.now)
        await _end(leave, desk)
        await _tell_community(person, "leave.community_back", desk, **shown)
        return
    await desk.leaves.change(leave.id, stage=Stage.CANCELLED)
    await desk.tell(person.id, "leave_back.cancelled", **shown)
    if leave.stand_in_id is not None:
        await desk.tell(leave.stand_in_id, "leave.not_needed", kind=Kind.PUSH, **shown)
    await _tell_community(person, "leave.community_cancelled", desk, **shown)


async def _end(leave: Leave, desk: Desk) -> None:
    """The grid is theirs again; what whoever stood in has in hand is offered back to them."""
    await desk.leaves.change(leave.id, stage=Stage.OVER)
    await desk.leaves.take_back(leave)
    person = await desk.people.get(leave.person_id)
    if person is None:
        return
    acting = await desk.people.get(leave.acting_id) if leave.acting_id else None
    grids = await desk.leaves.own_grids(person.id)
    came, closed = 0, 0
    for grid in grids:
        some, others = await desk.cases.since(grid, leave.begins_at)
        came, closed = came + some, closed + others
    cases = []
    if acting is not None:
        await desk.cases.unoffer(person.id, acting.id)
        cases = await offer_all(acting, person, desk, grids=grids)
        shown: dict[str, Any] = {"name_of": person.name or "", "count": len(cases)}
        await desk.tell(acting.id, "leave.relieved_of" if cases else "leave.relieved", **shown)
        await desk.tell_menu(acting.id)
    facts: dict[str, Any] = {"came": came, "closed": closed, "stand_in": acting.name or "" if acting else ""}
    left = Phrase("leave.with_stand_in", {"count": len(cases), **facts}) if cases else Phrase("leave.all_ended")
    await note(
        acting or person,
        person,
        cases,
        "leave.back" if acting else "leave.back_alone",
        desk,
        head=left if acting else None,
        **facts,
    )


@when(AllTaken)
async def take_all(taken: AllTaken, desk: Desk) -> None:
    person = await _worker(taken.by, desk)
    count = 0
    for each in await desk.cases.offered_to(person.id):
        case = await desk.cases.get(each.id, lock=True)
        if case.offered_to == person.id and case.status in WITH_WORKER:
            await at_work.take_over(case, person, desk)
            count += 1
    await desk.tell(
        person.id,
        "take_all.done" if count else "take_all.none",
        count=count,
        choices=[Choice("tasks.title", opens="tasks")] if count else [],
    )


@when(OfficeLeft)
async def end_all(left: OfficeLeft, desk: Desk) -> None:
    """Whoever holds no office any more is not on leave, and stands in for nobody."""
    for leave in await desk.leaves.to_come(left.person):
        await desk.leaves.take_back(leave)
        await desk.leaves.change(leave.id, stage=Stage.OVER if leave.stage is Stage.ON else Stage.CANCELLED)
    for leave in await desk.leaves.acted_by(left.person):
        await _arrange(leave, desk)


async def _tell_community(person: Person, key: str, desk: Desk, **shown: Any) -> None:
    for community in dict.fromkeys(area[:12] for area in person.areas(*WORKERS)):
        for staff in await desk.people.serving(community, [Role.COMMUNITY], reachable=True):
            await desk.tell(staff.id, key, **shown)


def span(first: date, last: date) -> Phrase:
    """Some days in a row, as people read them."""
    return Phrase("leave.one_day" if first == last else "leave.span", {"first": on_day(first), "last": on_day(last)})


def days(leave: Leave, district: District) -> dict[str, Phrase]:
    """The days of a leave, and its last, as people read them."""
    first, last = district.day(leave.begins_at), district.day(leave.ends_at - timedelta(days=1))
    return {"span": span(first, max(first, last)), "last": on_day(last)}


def hours(first: date, last: date, now: datetime, district: District) -> tuple[datetime, datetime]:
    """When somebody else has the grid: from the morning of the first day, today from now on, to that after the last."""
    begins = now if first == district.day(now) else _morning(first, district)
    return begins, _morning(last + timedelta(days=1), district)


def on_day(day: date) -> Phrase:
    return Phrase("format.day", {"month": day.month, "day": day.day})


def _morning(day: date, district: District) -> datetime:
    return datetime.combine(day, district.quiet_until, district.timezone)
