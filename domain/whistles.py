"""A whistle (吹哨报到): a community or a street calls departments to a case; each comes within its own time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.areas import Level
from domain.cases import Case
from domain.demands import OWING
from domain.district import District
from domain.people import STAFF, Person, Role
from domain.refusals import Refused

# Who blows one: the district has its own way of sending departments.
BLOWERS = (Role.COMMUNITY, Role.STREET)
# Who says whether a department need not come.
JUDGES = (Role.STREET, Role.DISTRICT)


class Standing(StrEnum):
    """How a called department stands: its time runs, it came, it says it cannot, it need not, its time is over."""

    CALLED = "called"
    ATTENDED = "attended"
    DECLINED = "declined"
    EXCUSED = "excused"
    ABSENT = "absent"


# May still come.
AWAITED = (Standing.CALLED, Standing.DECLINED, Standing.ABSENT)


@dataclass(frozen=True, slots=True)
class Whistle:
    """One whistle: why, and where and when to meet, as its blower said it."""

    id: int
    case_id: int
    blown_by: int
    words: str
    meet: str
    blown_at: datetime
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One department's part in a whistle. `person_id`: who answered for it; `agreed`: what it signed."""

    id: int
    whistle_id: int
    case_id: int
    department: str
    standing: Standing
    due_at: datetime
    person_id: int | None = None
    answered_at: datetime | None = None
    signed_at: datetime | None = None
    agreed: str = ""

    @property
    def pending(self) -> bool:
        """Whether the whistle cannot be closed yet: its time runs, or it came and has not signed."""
        if self.standing is Standing.ATTENDED:
            return self.signed_at is None
        return self.standing in (Standing.CALLED, Standing.DECLINED)


@dataclass(frozen=True, slots=True)
class WhistleBlown:
    """Somebody calls departments to a case."""

    case: int
    by: int
    departments: tuple[str, ...]
    words: str
    meet: str


@dataclass(frozen=True, slots=True)
class CallAttended:
    """Somebody of a called department is there, and shows it by a photo or by where they are."""

    call: int
    by: int
    photos: tuple[str, ...] = ()
    near: str = ""


@dataclass(frozen=True, slots=True)
class CallDeclined:
    """A called department says why it cannot come."""

    call: int
    by: int
    words: str


@dataclass(frozen=True, slots=True)
class CallJudged:
    """The street says whether a department that declined need not come."""

    call: int
    by: int
    excused: bool


@dataclass(frozen=True, slots=True)
class CallSigned:
    """A department that came signs what it agreed to do."""

    call: int
    by: int
    words: str


@dataclass(frozen=True, slots=True)
class WhistleClosed:
    """Whoever blew it says what came of it."""

    whistle: int
    by: int
    words: str


@dataclass(frozen=True, slots=True)
class CallOverdue:
    """A department's time is over, or the time of the level told before; void when it came or need not."""

    call: int
    due_at: datetime
    to: Role


def may_blow(case: Case, person: Person) -> None:
    """Raise `Refused` unless this person may call departments to this case now."""
    if not person.serves(case.grid, STAFF):
        raise Refused("case.not_found")
    if not person.serves(case.grid, BLOWERS):
        raise Refused("whistle.not_yours", number=case.number)
    if case.status not in OWING:
        raise Refused(f"case.already.{case.status}", number=case.number)
    if case.called:
        raise Refused("whistle.blown_before", number=case.number)


def callable_departments(district: District) -> list[str]:
    """The departments that can be called: a community need not whistle for its own."""
    return [each.code for each in district.departments.values() if each.level is not Level.COMMUNITY]


def complete(blown: WhistleBlown, district: District) -> None:
    """Raise `Refused` unless a whistle says whom it calls, why and where."""
    known = callable_departments(district)
    codes = blown.departments
    if not codes or len(set(codes)) != len(codes) or not all(code in known for code in codes):
        raise Refused("whistle.whom")
    if len(blown.words.strip()) < 2 or len(blown.meet.strip()) < 2:
        raise Refused("whistle.incomplete")


def may_answer(call: Call, whistle: Whistle, case: Case, person: Person, *standings: Standing) -> None:
    """Raise `Refused` unless this person may answer for the called department as it stands."""
    if not person.of_department(call.department, case.grid):
        raise Refused("whistle.not_called")
    if whistle.closed_at is not None:
        raise Refused("whistle.over", number=case.number)
    if call.standing not in standings:
        raise Refused(f"whistle.already.{call.standing}", number=case.number)


def may_judge(call: Call, whistle: Whistle, case: Case, person: Person) -> None:
    """Raise `Refused` unless this person decides whether the department must come."""
    if not person.serves(case.grid, JUDGES):
        raise Refused(
            "whistle.not_yours" if person.serves(case.grid, STAFF) else "whistle.not_called", number=case.number
        )
    if whistle.closed_at is not None:
        raise Refused("whistle.over", number=case.number)
    if call.standing is not Standing.DECLINED:
        raise Refused(f"whistle.already.{call.standing}", number=case.number)


def may_close(whistle: Whistle, calls: Sequence[Call], case: Case, person: Person) -> None:
    """Raise `Refused` unless this person may close the whistle: its blower's level or above, nobody awaited."""
    if not person.serves(case.grid, STAFF):
        raise Refused("whistle.not_called")
    if whistle.closed_at is not None:
        raise Refused("whistle.over", number=case.number)
    if any(call.pending for call in calls):
        raise Refused("whistle.still_awaited", number=case.number)
