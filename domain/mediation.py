"""A mediation (调解) between two sides, in one of the rooms of 四所一庭一中心; theirs and their mediator's alone.

It is no case: nothing that lists, counts or shows cases can come upon one. The articles are those of 人民调解法 (2010).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum

from domain.areas import covers
from domain.people import Person, Role
from domain.refusals import Refused
from domain.working_time import Calendar

# How far ahead a time can be booked, and how long before.
AHEAD, AT_LEAST = timedelta(days=14), timedelta(hours=2)
REMIND = timedelta(days=1)
# So often may a side move the time; after that it is the mediator's to settle.
MOST_MOVES = 3
# Who stays away so often does not want it (第二十三条: to take part is each side's own choice).
MOST_ABSENCES = 2
# Without the other side's word it is asked after, and ends by itself.
ASK_AGAIN, GIVE_UP = timedelta(days=7), timedelta(days=30)
# 第三十一条: the promise kept is looked after.
FOLLOW_UPS = (7, 30)
# 第三十三条: within so many days both may have a court confirm the agreement.
CONFIRM_WITHIN = 30
# What was said lies under its key for so long after the end; then nobody can read it any more.
KEPT = timedelta(days=365)


class Office(StrEnum):
    """四所一庭一中心: who runs a room."""

    JUSTICE = "justice"
    POLICE = "police"
    LAWYERS = "lawyers"
    LEGAL_SERVICE = "legal_service"
    COURT = "court"
    CENTRE = "centre"


@dataclass(frozen=True, slots=True)
class Room:
    """A room: where, for which areas, and on which weekdays (1 is Monday) from when to when; `minutes` a talk."""

    code: str
    name: str
    office: Office
    areas: tuple[str, ...]
    place: str
    hours: Mapping[int, tuple[tuple[time, time], ...]]
    minutes: int = 60
    sample: bool = False


@dataclass(frozen=True, slots=True)
class Mediator:
    """A mediator as the district's list has them; `relatives` are keys of people on the district's lists."""

    key: str
    name: str
    rooms: tuple[str, ...]
    relatives: tuple[str, ...] = ()
    sample: bool = False


class Stage(StrEnum):
    """How far a mediation is. Until it is booked, either side's consent or a mediator may still be missing."""

    ASKED = "asked"
    READY = "ready"
    BOOKED = "booked"
    SIGNING = "signing"
    AGREED = "agreed"
    FAILED = "failed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


LIVE = (Stage.ASKED, Stage.READY, Stage.BOOKED, Stage.SIGNING)
# Times are settled in these.
_BOOKABLE = (Stage.READY, Stage.BOOKED)


class Side(StrEnum):
    """Whoever asked, and whom they have it with."""

    FIRST = "first"
    OTHER = "other"

    @property
    def opposite(self) -> "Side":
        return Side.OTHER if self is Side.FIRST else Side.FIRST


@dataclass(frozen=True, slots=True)
class Mediation:
    """One mediation. `words`, `named` and `record` are hidden under `key`; `version` counts the records written.

    `consents`, `signed` and `absent` are by side: when they agreed to it, which version they signed, how often they
    stayed away. `barred` are those who cannot be its mediator any more, or never could.
    """

    id: int
    room: str
    stage: Stage
    key: str
    opened_at: datetime
    sides: Mapping[Side, int | None]
    consents: Mapping[Side, datetime | None]
    signed: Mapping[Side, int | None] = field(default_factory=dict)
    absent: Mapping[Side, int] = field(default_factory=dict)
    mediator: int | None = None
    barred: tuple[int, ...] = ()
    words: str | None = None
    named: str | None = None
    record: str | None = None
    version: int = 0
    slot_at: datetime | None = None
    moves: int = 0
    ended_at: datetime | None = None

    def side(self, person_id: int) -> Side | None:
        """The side somebody is on."""
        return next((side for side, number in self.sides.items() if number == person_id), None)

    @property
    def people(self) -> list[int]:
        """Both sides and the mediator, as far as there are any."""
        return [number for number in (*self.sides.values(), self.mediator) if number is not None]


def theirs(mediation: Mediation, person: Person) -> bool:
    """Whether this is one of the two sides or the mediator: nobody else reads anything of it, whatever they are."""
    return mediation.side(person.id) is not None or mediates(mediation, person)


def mediates(mediation: Mediation, person: Person) -> bool:
    """Whether they are its mediator, and still in office in its room."""
    return mediation.mediator == person.id and person.serves(mediation.room, (Role.MEDIATOR,))


def may_take(mediation: Mediation, person: Person) -> bool:
    """Whether they sit in its room and it waits for a mediator."""
    waits = mediation.stage is Stage.ASKED and mediation.mediator is None
    return waits and person.serves(mediation.room, (Role.MEDIATOR,))


def conflict(mediation: Mediation, person: Person, relatives: Collection[int]) -> bool:
    """Whether somebody may not mediate: on a side, related to one, barred, or with a hand in what it is about."""
    related = any(number in (person.id, *relatives) for number in mediation.sides.values())
    return related or person.id in mediation.barred


def readable(mediation: Mediation, person: Person) -> bool:
    """Whether what it is about is theirs to read: the other side's not before whoever asks has agreed to it."""
    asked = mediation.sides[Side.FIRST] is None or mediation.consents[Side.FIRST] is not None
    return theirs(mediation, person) and (asked or mediation.side(person.id) is not Side.OTHER)


def ready(mediation: Mediation) -> bool:
    """Whether a time can be settled: both have agreed to it (第十七条), and somebody mediates."""
    return all(mediation.consents.get(side) for side in Side) and mediation.mediator is not None


def slots(room: Room, calendar: Calendar, now: datetime) -> list[datetime]:
    """When talks can begin in a room within the next days, on working days only, in order."""
    found = []
    day = now.astimezone(calendar.zone).date()
    last = (now + AHEAD).astimezone(calendar.zone).date()
    while day <= last:
        for opens, closes in room.hours.get(day.isoweekday(), ()) if calendar.works(day) else ():
            start = datetime.combine(day, opens, calendar.zone)
            while start + timedelta(minutes=room.minutes) <= datetime.combine(day, closes, calendar.zone):
                if start >= now + AT_LEAST:
                    found.append(start)
                start += timedelta(minutes=room.minutes)
        day += timedelta(days=1)
    return found


def rooms_for(rooms: Mapping[str, Room], grid: str) -> list[Room]:
    """The rooms that somebody who lives in a grid may go to, the nearest first."""
    near = [
        (max(len(area.rstrip("0")) for area in room.areas if covers(area, grid)), room)
        for room in rooms.values()
        if any(covers(area, grid) for area in room.areas)
    ]
    return [room for _, room in sorted(near, key=lambda pair: -pair[0])]


class Do(StrEnum):
    """What somebody may do with a mediation, each a button."""

    CONSENT = "consent"
    REFUSE = "refuse"
    TAKE = "take"
    BOOK = "book"
    OTHER_MEDIATOR = "other_mediator"
    RECUSE = "recuse"
    CODE = "code"
    RECORD = "record"
    SIGN = "sign"
    QUESTION = "question"
    ABSENT = "absent"
    FAIL = "fail"
    LEAVE = "leave"


def check(mediation: Mediation | None, person: Person, do: Do, now: datetime) -> Mediation:
    """The mediation, if this person may do that with it now.

    Raises:
        Refused: it is none of theirs (as if it did not exist), or not to be done as things stand.
    """
    if mediation is None or not (theirs(mediation, person) or (do is Do.TAKE and may_take(mediation, person))):
        raise Refused("mediation.not_found")
    side, in_chair = mediation.side(person.id), mediates(mediation, person)
    if do in _OF_MEDIATOR and not in_chair and do is not Do.TAKE:
        raise Refused("mediation.for_mediator")
    if do in _OF_SIDES and side is None:
        raise Refused("mediation.for_sides")
    if mediation.stage not in LIVE:
        raise Refused(f"mediation.over.{mediation.stage}")
    if not _fits(mediation, side, do, now):
        raise Refused("mediation.not_now")
    if do is Do.BOOK and not in_chair and mediation.moves >= MOST_MOVES:
        raise Refused("mediation.moved_enough")
    return mediation


_OF_MEDIATOR = (Do.TAKE, Do.RECUSE, Do.RECORD, Do.ABSENT, Do.FAIL)
_OF_SIDES = (Do.CONSENT, Do.REFUSE, Do.OTHER_MEDIATOR, Do.SIGN, Do.QUESTION, Do.LEAVE)


def _fits(mediation: Mediation, side: Side | None, do: Do, now: datetime) -> bool:
    """Whether it can be done as things stand."""
    stage = mediation.stage
    begun = mediation.slot_at is not None and now >= mediation.slot_at
    match do:
        case Do.CONSENT | Do.REFUSE:
            asked = side is Side.FIRST or mediation.sides[Side.FIRST] is None or mediation.consents[Side.FIRST]
            return side is not None and stage is Stage.ASKED and not mediation.consents.get(side) and bool(asked)
        case Do.TAKE:
            return mediation.mediator is None
        case Do.BOOK:
            return stage in _BOOKABLE
        case Do.OTHER_MEDIATOR | Do.RECUSE:
            return mediation.mediator is not None and stage is not Stage.SIGNING
        case Do.CODE:
            return stage is Stage.ASKED and None in mediation.sides.values()
        case Do.RECORD:
            return stage is Stage.SIGNING or (stage is Stage.BOOKED and begun)
        case Do.ABSENT:
            return stage is Stage.BOOKED and begun
        case Do.FAIL:
            return stage is not Stage.ASKED
        case Do.SIGN:
            return stage is Stage.SIGNING and side is not None and mediation.signed.get(side) != mediation.version
        case Do.QUESTION:
            return stage is Stage.SIGNING
        case Do.LEAVE:
            return True


def possible(mediation: Mediation, person: Person, now: datetime) -> list[Do]:
    """What this person may do with it now, in the order of the buttons."""
    found = []
    for do in Do:
        try:
            check(mediation, person, do, now)
        except Refused:
            continue
        found.append(do)
    return found


# What comes true.


@dataclass(frozen=True, slots=True)
class MediationAsked:
    """Somebody wants a mediation in a room. `first`: the side who asks, None when a third person brings two together.

    `named` is what the other side is called. `barred`: those who had a hand in what it is about.
    """

    by: int
    room: str
    words: str
    named: str
    first: int | None
    barred: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SideCame:
    """Whoever used an invitation code is a side of a mediation."""

    mediation: int
    by: int
    side: Side


@dataclass(frozen=True, slots=True)
class ConsentGiven:
    """A side has agreed to be mediated, or has not."""

    mediation: int
    by: int
    yes: bool


@dataclass(frozen=True, slots=True)
class MediationDone:
    """Somebody did what needs no words: took it, wants another mediator or a code, cannot mediate, left or ended it."""

    mediation: int
    by: int
    do: Do


@dataclass(frozen=True, slots=True)
class SlotChosen:
    """A time was settled, or moved."""

    mediation: int
    by: int
    at: datetime


@dataclass(frozen=True, slots=True)
class SideAbsent:
    """The mediator says who did not come."""

    mediation: int
    by: int
    side: Side


@dataclass(frozen=True, slots=True)
class RecordWritten:
    """The mediator wrote down what was agreed."""

    mediation: int
    by: int
    words: str


@dataclass(frozen=True, slots=True)
class RecordSigned:
    """A side signed the record they were shown, by its version."""

    mediation: int
    by: int
    version: int


@dataclass(frozen=True, slots=True)
class RecordQuestioned:
    """A side says what is not right in the record."""

    mediation: int
    by: int
    words: str


@dataclass(frozen=True, slots=True)
class HoldAnswered:
    """Days after, a side says whether it holds, and perhaps what not."""

    mediation: int
    by: int
    days: int
    holds: bool
    words: str = ""


@dataclass(frozen=True, slots=True)
class SideForgotten:
    """Somebody wants to be forgotten: what is open with them ends, their words go."""

    person: int


# What is due.


@dataclass(frozen=True, slots=True)
class ConsentAwaited:
    """The other side has not answered for days; void when both have. `last`: it ends by itself."""

    mediation: int
    last: bool


@dataclass(frozen=True, slots=True)
class SlotNears:
    """A day before a talk; void when it was moved."""

    mediation: int
    at: datetime


@dataclass(frozen=True, slots=True)
class SlotOver:
    """A talk should be over; its mediator says how it went. Void when it was moved, or said."""

    mediation: int
    at: datetime


@dataclass(frozen=True, slots=True)
class FollowUpDue:
    """So many days after an agreement both sides are asked whether it holds."""

    mediation: int
    days: int


@dataclass(frozen=True, slots=True)
class KeyOver:
    """What was said may be forgotten by everybody."""

    mediation: int
