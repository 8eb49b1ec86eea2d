"""Who may ask, who may say something, who decides, and when it is over: nobody lets their own work in."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from bot.app import Knowledge
from config.settings import Settings
from domain.admission import (
    LONGEST,
    Act,
    Admission,
    AdmissionAsked,
    AdmissionEnds,
    AdmissionMoved,
    State,
    acts,
    check,
    check_term,
    may_read,
)
from domain.people import Held, Person, Role
from domain.refusals import Refused
from domain.working_time import Term, Unit
from tests.office import COMMUNITY, DISTRICT, ELSEWHERE, GRID, Office

STREET, FAR_STREET = "230203002000", "230203004000"
TODAY = date(2026, 11, 23)
WEEK = Term(5, Unit.WORKING_DAY)
ASKER = Person(1, roles=(Held(Role.DEPARTMENT, DISTRICT, "gas-company"),))
COLLEAGUE = Person(2, roles=(Held(Role.DEPARTMENT, DISTRICT, "gas-company"), Held(Role.DISTRICT, DISTRICT)))
OTHER_DEPARTMENT = Person(3, roles=(Held(Role.DEPARTMENT, DISTRICT, "housing"),))
COMMITTEE = Person(4, roles=(Held(Role.COMMUNITY, COMMUNITY),))
FAR_COMMITTEE = Person(5, roles=(Held(Role.COMMUNITY, "230203004001"),))
BUREAU = Person(6, roles=(Held(Role.DISTRICT, DISTRICT),))
WORKER = Person(7, roles=(Held(Role.GRIDWORKER, GRID),))
RESIDENT = Person(8)
ASKED = Admission(
    1, ASKER.id, "gas-company", STREET, "软管登记", "示例文件", 6, 10, WEEK, TODAY + timedelta(days=90), State.ASKED
)
APPROVED = replace(ASKED, state=State.APPROVED, since=TODAY)


@pytest.mark.parametrize(
    ("admission", "person", "may"),
    [
        (ASKED, ASKER, {Act.WITHDRAW}),
        (ASKED, COLLEAGUE, {Act.WITHDRAW}),
        (ASKED, BUREAU, {Act.HEAR, Act.APPROVE, Act.REFUSE, Act.WITHDRAW}),
        (ASKED, COMMITTEE, set()),
        (replace(ASKED, heard=True), COMMITTEE, {Act.COMMENT}),
        (replace(ASKED, heard=True), FAR_COMMITTEE, set()),
        (ASKED, OTHER_DEPARTMENT, set()),
        (ASKED, WORKER, set()),
        (ASKED, RESIDENT, set()),
        (APPROVED, ASKER, {Act.WITHDRAW, Act.ASK_MORE}),
        (APPROVED, BUREAU, {Act.WITHDRAW}),
        (replace(APPROVED, more_until=TODAY + timedelta(days=200)), BUREAU, {Act.WITHDRAW, Act.EXTEND, Act.DENY}),
        (replace(APPROVED, more_until=TODAY + timedelta(days=200)), COLLEAGUE, {Act.WITHDRAW}),
        (APPROVED, WORKER, set()),
        *((replace(ASKED, state=state), BUREAU, set()) for state in (State.REFUSED, State.WITHDRAWN, State.EXPIRED)),
    ],
)
def test_everybody_may_do_just_what_is_theirs(admission: Admission, person: Person, may: set[Act]) -> None:
    assert set(acts(admission, person)) == may
    for act in {*Act} - may:
        with pytest.raises(Refused):
            check(admission, act, person)


def test_what_is_not_let_in_is_read_by_those_it_concerns_and_what_is_by_everybody() -> None:
    assert [may_read(ASKED, each) for each in (ASKER, COMMITTEE, BUREAU)] == [True] * 3
    assert [may_read(ASKED, each) for each in (FAR_COMMITTEE, OTHER_DEPARTMENT, WORKER, RESIDENT)] == [False] * 4
    assert may_read(APPROVED, WORKER)


def test_a_term_is_to_come_and_not_for_ever() -> None:
    check_term(TODAY + LONGEST, TODAY)
    for until in (TODAY, TODAY - timedelta(days=1), TODAY + LONGEST + timedelta(days=1)):
        with pytest.raises(Refused):
            check_term(until, TODAY)
    with pytest.raises(Refused):
        check_term(TODAY + timedelta(days=30), TODAY, after=TODAY + timedelta(days=30))


async def test_nobody_asks_for_another_and_an_old_end_is_void(settings: Settings, knowledge: Knowledge) -> None:
    office = Office(settings, knowledge)
    desks = office.service.desks
    zhou, wu = await office.meet("zhou", Role.COMMUNITY, COMMUNITY), await office.meet("wu", Role.DISTRICT, DISTRICT)
    until = TODAY + timedelta(days=60)
    asked = AdmissionAsked(zhou, "housing", COMMUNITY, "替商户贴门牌", "没有文件", 5, WEEK, until)
    for wrong in (
        replace(asked, area=ELSEWHERE),
        replace(asked, by=wu),
        replace(asked, department="no such"),
        replace(asked, until=TODAY),
    ):
        with pytest.raises(Refused):
            await desks.write(lambda desk, wrong=wrong: desk.happen(wrong))  # type: ignore[misc]
    assert await desks.read(lambda desk: desk.admissions.standing(*State)) == []
    await desks.write(lambda desk: desk.happen(asked))
    [admission] = await desks.read(lambda desk: desk.admissions.standing(*State))
    assert admission.grids == len(knowledge.district.grids_in(COMMUNITY, TODAY))
    later = until + timedelta(days=90)
    for moved in (
        AdmissionMoved(admission.id, Act.APPROVE, wu),
        AdmissionMoved(admission.id, Act.ASK_MORE, zhou, "还没贴完", until=later),
        AdmissionMoved(admission.id, Act.EXTEND, wu),
    ):
        await desks.write(lambda desk, moved=moved: desk.happen(moved))  # type: ignore[misc]
    # Twice, and for the day it was once to end on.
    with pytest.raises(Refused):
        await desks.write(lambda desk: desk.happen(AdmissionMoved(admission.id, Act.EXTEND, wu)))
    await desks.write(lambda desk: desk.happen(AdmissionEnds(admission.id, until)))
    [running] = await desks.read(lambda desk: desk.admissions.standing(State.APPROVED))
    assert running.until == later
    assert running.in_force(later)
    assert not running.in_force(later + timedelta(days=1))
    kept = await desks.read(lambda desk: desk.catalogue.versions())
    assert [each.basis for each in kept.values() if each.admitted == admission.id] == ["没有文件"]
    async with office.service.running(), office.at_desk("zhou") as page:
        answer = await page.get("/api/admissions")
        assert [(each["title"], each["state"]) for each in answer.body["admissions"]] == [("替商户贴门牌", "approved")]
