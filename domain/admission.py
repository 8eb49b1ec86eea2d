"""Work pushed down off the list (事项准入): asked for with reasons, let in by the district for a term."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from domain.areas import Level, covers
from domain.catalogue import Category, Nature
from domain.people import Person, Role
from domain.refusals import Refused
from domain.working_time import Term, Unit

# Whoever relies on it is told so long before it ends.
WARNED = timedelta(days=14)
# Nothing is let in for longer: what is needed for ever belongs into the catalogue.
LONGEST = timedelta(days=366)
# Who may ask: a department for itself, a street or community for what was pushed onto it.
ASKING = (Role.DEPARTMENT, Role.COMMUNITY, Role.STREET)


class State(StrEnum):
    """How far a request has come."""

    ASKED = "asked"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class Act(StrEnum):
    """What is done with one. HEAR: the communities concerned are asked for their word before it is decided."""

    ASK = "ask"
    HEAR = "hear"
    COMMENT = "comment"
    APPROVE = "approve"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    ASK_MORE = "ask_more"
    EXTEND = "extend"
    DENY = "deny"
    EXPIRE = "expire"


# From which states; the district's alone are those that decide.
_FROM: Mapping[Act, tuple[State, ...]] = {
    Act.HEAR: (State.ASKED,),
    Act.COMMENT: (State.ASKED,),
    Act.APPROVE: (State.ASKED,),
    Act.REFUSE: (State.ASKED,),
    Act.WITHDRAW: (State.ASKED, State.APPROVED),
    Act.ASK_MORE: (State.APPROVED,),
    Act.EXTEND: (State.APPROVED,),
    Act.DENY: (State.APPROVED,),
}
_DECIDING = (Act.HEAR, Act.APPROVE, Act.REFUSE, Act.EXTEND, Act.DENY)
# What cannot be done without saying why.
REASONED = (Act.COMMENT, Act.REFUSE, Act.WITHDRAW, Act.ASK_MORE, Act.DENY)


@dataclass(frozen=True, slots=True)
class Admission:
    """One request. `department` pushes the work onto the grids of `area`; `asker_id` says so.

    `hours` is what one grid spends on it a month, `grids` how many do. `until` is the last day. `heard`: the
    communities were asked. `more_until`: the last day asked for when it is to go on.
    """

    id: int
    asker_id: int
    department: str
    area: str
    title: str
    basis: str
    hours: int
    grids: int
    deadline: Term
    until: date
    state: State
    since: date | None = None
    heard: bool = False
    more_until: date | None = None

    def in_force(self, day: date) -> bool:
        """Whether it holds that day, whether or not the bell has rung since its last."""
        return self.state is State.APPROVED and (self.since or day) <= day <= self.until

    def entry(self, level: Level) -> Category:
        """What it is in the catalogue while it lasts."""
        return Category(
            code=f"admitted-{self.id}",
            name=self.title,
            level=level,
            role=Role.GRIDWORKER,
            department=self.department,
            deadline=self.deadline,
            warn=Term(1, Unit.WORKING_DAY),
            nature=Nature.EVENT,
            basis=self.basis,
            since=self.since,
            until=self.until,
            admitted=self.id,
        )


@dataclass(frozen=True, slots=True)
class Said:
    """One line of what happened with a request: when, who, what, why."""

    day: date
    person_id: int | None
    act: Act
    words: str = ""


@dataclass(frozen=True, slots=True)
class AdmissionAsked:
    """Somebody asks that work be let in."""

    by: int
    department: str
    area: str
    title: str
    basis: str
    hours: int
    deadline: Term
    until: date


@dataclass(frozen=True, slots=True)
class AdmissionMoved:
    """Somebody did something with a request. `until`: the last day asked for."""

    admission: int
    act: Act
    by: int
    words: str = ""
    until: date | None = None


@dataclass(frozen=True, slots=True)
class AdmissionNears:
    """An admission ends in two weeks; void when it ends on another day by now, or is over."""

    admission: int
    until: date


@dataclass(frozen=True, slots=True)
class AdmissionEnds:
    """An admission's last day is over; void when it goes on."""

    admission: int
    until: date


@dataclass(frozen=True, slots=True)
class OffListSaid:
    """A gridworker says that a task they were given is not on the list."""

    case: int
    by: int


def asks(admission: Admission, person: Person) -> bool:
    """Whether it is theirs: they asked for it, or work where it was asked for."""
    same = any(
        held.role is Role.DEPARTMENT and held.department == admission.department and covers(held.area, admission.area)
        for held in person.roles
    )
    return person.id == admission.asker_id or same


def concerns(admission: Admission, person: Person) -> bool:
    """Whether they are of a community or street that it would fall upon."""
    areas = person.areas(Role.COMMUNITY, Role.STREET)
    return any(covers(admission.area, area) or covers(area, admission.area) for area in areas)


def may_read(admission: Admission, person: Person) -> bool:
    """What is in force everybody may read; the rest those who ask, those it concerns and the district."""
    inside = asks(admission, person) or concerns(admission, person) or person.has(Role.DISTRICT)
    return admission.state is State.APPROVED or inside


def check(admission: Admission, act: Act, person: Person) -> None:
    """Raise `Refused` unless this person may do this with it now. Who asks never decides."""
    if act not in _FROM or not may_read(admission, person):
        raise Refused("admission.not_found")
    if admission.state not in _FROM[act]:
        raise Refused(f"admission.already.{admission.state}")
    if act in _DECIDING:
        if not person.has(Role.DISTRICT):
            raise Refused("admission.not_yours")
        if asks(admission, person):
            raise Refused("admission.own_work")
    if act is Act.COMMENT and not (concerns(admission, person) and admission.heard):
        raise Refused("admission.not_yours")
    if act is Act.WITHDRAW and not (asks(admission, person) or person.has(Role.DISTRICT)):
        raise Refused("admission.not_yours")
    if act is Act.ASK_MORE and not asks(admission, person):
        raise Refused("admission.not_yours")
    if act is Act.HEAR and admission.heard:
        raise Refused("admission.heard_before")
    if act is Act.ASK_MORE and admission.more_until:
        raise Refused("admission.asked_before")
    if act in (Act.EXTEND, Act.DENY) and admission.more_until is None:
        raise Refused("admission.nothing_asked")


def acts(admission: Admission, person: Person) -> list[Act]:
    """What they may do with it now."""
    possible = []
    for act in _FROM:
        try:
            check(admission, act, person)
        except Refused:
            continue
        possible.append(act)
    return possible


def check_term(until: date, today: date, *, after: date | None = None) -> None:
    """Raise `Refused` unless it may last until then: later than now, and not for ever."""
    if until <= max(today, after or today) or until > today + LONGEST:
        raise Refused("admission.bad_term", answer="admission.until")
