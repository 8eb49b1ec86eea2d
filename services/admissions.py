"""Work off the list is asked for; the district decides, those concerned are heard, and it ends by itself."""

from datetime import date, datetime, time, timedelta
from typing import Any

from bot.core.rules import when
from bot.core.words import Choice, Kind
from domain.admission import (
    ASKING,
    REASONED,
    WARNED,
    Act,
    Admission,
    AdmissionAsked,
    AdmissionEnds,
    AdmissionMoved,
    AdmissionNears,
    OffListSaid,
    State,
    acts,
    check,
    check_term,
)
from domain.areas import Level, around, covers
from domain.cases import WITH_WORKER, Move
from domain.catalogue import OTHER
from domain.people import Person, Role
from domain.refusals import Refused
from services.news import button
from storage.desk import Desk


def level_of(area: str, desk: Desk) -> Level:
    """On which level an area is."""
    found = desk.district.areas.get(area)
    return found.level if found else Level.COMMUNITY


def shown(admission: Admission, desk: Desk) -> dict[str, Any]:
    """What the texts about a request show of it."""
    return {
        "code": admission.id,
        "title": admission.title,
        "department": desk.district.department(admission.department).name,
        "area": desk.district.area_name(admission.area),
        "basis": admission.basis,
        "hours": admission.hours,
        "count": admission.grids,
        "total": admission.hours * admission.grids,
        "day": admission.until.isoformat(),
    }


def buttons(admission: Admission, person: Person) -> list[Choice]:
    """What somebody may do with it now."""
    return [
        Choice(f"admission.button.{act}", opens="admission_move", given={"admission": str(admission.id), "act": act})
        for act in acts(admission, person)
    ]


async def get(number: int, desk: Desk, *, lock: bool = False) -> Admission:
    """A request that there is.

    Raises:
        Refused: there is none.
    """
    found = await desk.admissions.find(number, lock=lock)
    if found is None:
        raise Refused("admission.not_found")
    return found


@when(AdmissionAsked)
async def ask(asked: AdmissionAsked, desk: Desk) -> None:
    """The district is asked; a street or community may only speak of what falls upon itself."""
    person = await desk.people.get(asked.by)
    today = desk.district.day(desk.now)
    if person is None or not _may_ask(asked, person):
        raise Refused("admission.not_yours")
    if asked.department not in desk.district.departments:
        raise Refused("admission.no_department", answer="admission.department")
    check_term(asked.until, today)
    number = await desk.admissions.open(
        {
            "asker_id": person.id,
            "department": asked.department,
            "area": asked.area,
            "title": asked.title,
            "basis": asked.basis,
            "hours": asked.hours,
            "grids": len(desk.district.grids_in(asked.area, today)),
            "until": asked.until,
        },
        asked.deadline,
    )
    await desk.admissions.step(number, person.id, Act.ASK)
    admission = await get(number, desk)
    told = False
    for each in await desk.people.serving(desk.district.code, [Role.DISTRICT], reachable=True):
        if each.id != person.id:
            facts = {**shown(admission, desk), "choices": buttons(admission, each)}
            told |= await desk.tell(each.id, "admission.to_district", kind=Kind.PUSH, who=person.name or "", **facts)
    await desk.tell(person.id, "admission.you_asked" if told else "admission.nobody_decides", **shown(admission, desk))


def _may_ask(asked: AdmissionAsked, person: Person) -> bool:
    for held in person.roles:
        if held.role is Role.DEPARTMENT and held.department == asked.department:
            return True
        if held.role in ASKING and held.area == asked.area and held.role is not Role.DEPARTMENT:
            return True
    return False


@when(AdmissionMoved)
async def move(moved: AdmissionMoved, desk: Desk) -> None:
    admission = await get(moved.admission, desk, lock=True)
    person = await desk.people.get(moved.by)
    if person is None:
        raise Refused("admission.not_found")
    check(admission, moved.act, person)
    if moved.act in REASONED and not moved.words.strip():
        raise Refused("admission.say_why", answer=f"admission.why.{moved.act}")
    today = desk.district.day(desk.now)
    changes: dict[str, object] = {}
    match moved.act:
        case Act.HEAR:
            changes = {"heard": True}
        case Act.APPROVE:
            check_term(admission.until, today)
            changes = {"state": State.APPROVED, "since": today}
        case Act.REFUSE:
            changes = {"state": State.REFUSED}
        case Act.WITHDRAW:
            changes = {"state": State.WITHDRAWN}
        case Act.ASK_MORE:
            until = moved.until or today
            check_term(until, today, after=admission.until)
            changes = {"more_until": until}
        case Act.EXTEND:
            changes = {"until": admission.more_until, "more_until": None}
        case Act.DENY:
            changes = {"more_until": None}
    if changes:
        await desk.admissions.change(admission.id, **changes)
    await desk.admissions.step(admission.id, person.id, moved.act, moved.words)
    after = await get(admission.id, desk)
    if moved.act in (Act.APPROVE, Act.EXTEND):
        await desk.catalogue.add([after.entry(level_of(after.area, desk))])
        await _plan_end(after, desk)
    await _tell(after, moved, person, desk)


async def _plan_end(admission: Admission, desk: Desk) -> None:
    key = f"{admission.id}:{admission.until.isoformat()}"
    near = _morning(admission.until - WARNED, desk)
    if near > desk.now:
        await desk.plan(AdmissionNears(admission.id, admission.until), near, key=f"admission:near:{key}")
    over = _morning(admission.until + timedelta(days=1), desk, time())
    await desk.plan(AdmissionEnds(admission.id, admission.until), over, key=f"admission:end:{key}")


def _morning(day: date, desk: Desk, at: time | None = None) -> datetime:
    return datetime.combine(day, desk.district.digest_at if at is None else at, desk.district.timezone)


async def _concerned(admission: Admission, desk: Desk) -> list[Person]:
    """The staff of the communities it falls upon who can be reached."""
    people = {}
    for area in desk.district.communities():
        if covers(admission.area, area.code):
            for person in await desk.people.serving(area.code, [Role.COMMUNITY], reachable=True):
                people[person.id] = person
    return [*people.values()]


async def _tell(admission: Admission, moved: AdmissionMoved, person: Person, desk: Desk) -> None:
    """Whoever did it is answered; who asked, who decides and who must live with it are told."""
    facts = shown(admission, desk)
    await desk.tell(person.id, f"admission.did.{moved.act}", **facts)
    told = {person.id}
    district = await desk.people.serving(desk.district.code, [Role.DISTRICT], reachable=True)
    asker = await desk.people.get(admission.asker_id)
    groups: dict[Act, list[Person]] = {
        Act.HEAR: await _concerned(admission, desk) if moved.act is Act.HEAR else [],
        Act.COMMENT: [*district, *([asker] if asker else [])],
        Act.ASK_MORE: district,
        Act.WITHDRAW: [*district, *([asker] if asker else [])],
    }
    decided = moved.act in (Act.APPROVE, Act.REFUSE, Act.EXTEND, Act.DENY)
    people = groups.get(moved.act, [asker] if asker else [])
    if decided and admission.heard:
        people += await _concerned(admission, desk)
    for each in people:
        if each.id not in told:
            told.add(each.id)
            await desk.tell(
                each.id,
                f"admission.told.{moved.act}",
                kind=Kind.PUSH,
                who=person.name or "",
                why=moved.words,
                more=admission.more_until.isoformat() if admission.more_until else "",
                choices=buttons(admission, each),
                **facts,
            )


@when(AdmissionNears)
async def warn(nears: AdmissionNears, desk: Desk) -> None:
    admission = await desk.admissions.find(nears.admission)
    if admission is None or admission.state is not State.APPROVED or admission.until != nears.until:
        return
    asker = await desk.people.get(admission.asker_id)
    if asker:
        once = f"admission:near:{admission.id}:{admission.until.isoformat()}"
        offered = buttons(admission, asker)
        await desk.tell(
            asker.id, "admission.near", kind=Kind.PUSH, once=once, choices=offered, **shown(admission, desk)
        )


@when(AdmissionEnds)
async def expire(ends: AdmissionEnds, desk: Desk) -> None:
    """It is over by itself; who asked and who was heard know that nobody needs to do it any more."""
    admission = await desk.admissions.find(ends.admission, lock=True)
    if admission is None or admission.state is not State.APPROVED or admission.until != ends.until:
        return
    await desk.admissions.change(admission.id, state=State.EXPIRED, more_until=None)
    await desk.admissions.step(admission.id, None, Act.EXPIRE)
    asker = await desk.people.get(admission.asker_id)
    people = {each.id for each in ([asker] if asker else [])}
    if admission.heard:
        people |= {each.id for each in await _concerned(admission, desk)}
    for number in sorted(people):
        once = f"admission:end:{admission.id}:{number}"
        await desk.tell(number, "admission.over", once=once, **shown(admission, desk))


@when(OffListSaid)
async def question(said: OffListSaid, desk: Desk) -> None:
    """What is on the list is shown with what it rests on; what is not goes to the community as a question, once."""
    case = await desk.cases.get(said.case)
    person = await desk.people.get(said.by)
    if person is None or case.worker_id != person.id or case.status not in WITH_WORKER:
        raise Refused("off_list.not_yours")
    category = desk.district.category_of(case)
    if category.role is Role.GRIDWORKER and category.code != OTHER:
        await desk.tell(person.id, "off_list.on_list", number=case.number, category=category.name, basis=category.basis)
        return
    community, street, _ = around(case.grid)
    told = False
    for area, role in ((community, Role.COMMUNITY), (street, Role.STREET), (desk.district.code, Role.DISTRICT)):
        people = await desk.people.serving(area, [role], reachable=True)
        for each in people:
            told |= await desk.tell(
                each.id,
                "off_list.asked",
                kind=Kind.PUSH,
                once=f"off-list:{case.id}:{each.id}",
                number=case.number,
                place=case.place,
                words=case.words,
                worker=person.name or "",
                choices=[button(case, Move.RECLASSIFY), button(case, Move.DISOWN), button(case, Move.FINISH)],
            )
        if people:
            break
    await desk.tell(person.id, "off_list.you_asked" if told else "off_list.asked_before", number=case.number)
