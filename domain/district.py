"""One district, whole: what config/districts/<name>/ says, checked and ready to be asked."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from domain.areas import Area, Level, covers, prefix
from domain.cases import Case
from domain.catalogue import OTHER, Catalogue, Category
from domain.climb import Rung
from domain.departments import Department
from domain.grids import Grid, Place
from domain.matters import Terms
from domain.mediation import Mediator, Room
from domain.people import Held, Role
from domain.working_time import Calendar, Term, Unit

ANSWER_WITHIN = Term(8, Unit.WORKING_HOUR)


@dataclass(frozen=True, slots=True)
class LocalAnswer:
    """What is so in some areas or grids instead of an entry's common answer."""

    areas: tuple[str, ...]
    answer: str


@dataclass(frozen=True, slots=True)
class Entry:
    """An FAQ entry: what residents ask, what is so, and what it rests on.

    `checked` is the day somebody last looked; not `confirmed` while its source was compared with no published page.
    `areas`: it holds there only, as what a community's own staff wrote; empty means everywhere.
    """

    id: str
    question: str
    answer: str
    department: str
    source: str
    checked: date
    alts: tuple[str, ...] = ()
    valid_from: date | None = None
    valid_until: date | None = None
    confirmed: bool = True
    local: tuple[LocalAnswer, ...] = ()
    areas: tuple[str, ...] = ()


def holds_in(entry: Entry, grid: str | None) -> bool:
    """Whether an entry is for somebody who lives there."""
    return not entry.areas or any(covers(area, grid or "") for area in entry.areas)


def answer_for(entry: Entry, grid: str | None) -> str:
    """What is so where a person lives: the answer of the smallest area around their grid, else the common one."""
    around = [
        (len(prefix(area)), each.answer) for each in entry.local for area in each.areas if covers(area, grid or "")
    ]
    return max(around, default=(0, entry.answer))[1]


@dataclass(frozen=True, slots=True)
class Worker:
    """A gridworker or grid leader as the district's list has them; `area` is a grid, or a community for a leader.

    `stand_in` is the key of whoever stands in for them as a rule.
    """

    key: str
    name: str
    role: Role
    area: str
    phone: str = ""
    phone_public: bool = False
    hours: str = ""
    sample: bool = False
    stand_in: str = ""


@dataclass(frozen=True, slots=True)
class Phone:
    """One of the three phones on the demonstration page: who holds it, and which roles they hold."""

    key: str
    title: str
    name: str
    grid: str | None = None
    holds: tuple[Held, ...] = ()
    worker: str | None = None


@dataclass(frozen=True, eq=False)
class District:
    """The district the service runs for. Immutable: an edited folder makes a new one.

    `patrol_minutes` lie between two check-ins at least; where they were is kept for `patrol_days`.
    `push_budget`: so many routine pushes a day to a gridworker, 0: as many as come; what is more is listed in the
    afternoon, at `digest_again_at`, or the next morning.
    `versions` are all terms a case was ever opened under, by name: more are learnt while it serves, none is changed.
    `same_within`: for so many days a report near an open one may be about the same; 0: nobody is asked.
    `reopen_within`: for so many days its reporter may have a case opened again. `answer_within`: so soon who urges has
    an answer.
    """

    name: str
    city: str
    code: str
    timezone: ZoneInfo
    areas: dict[str, Area]
    grids: dict[str, Grid]
    kinds: dict[str, str]
    duties: dict[str, tuple[str, ...]]
    places: tuple[Place, ...]
    catalogue: Catalogue
    departments: dict[str, Department]
    entries: tuple[Entry, ...]
    workers: tuple[Worker, ...]
    calendar: Calendar
    climb: tuple[Rung, ...]
    phones: tuple[Phone, ...] = ()
    rooms: dict[str, Room] = field(default_factory=dict)
    mediators: tuple[Mediator, ...] = ()
    quiet_from: time = time(21, 30)
    quiet_until: time = time(7, 30)
    digest_at: time = time(8, 0)
    office_from: time = time(8, 30)
    office_until: time = time(17, 0)
    digest_again_at: time = time(15, 0)
    push_budget: int = 0
    patrol_minutes: int = 10
    patrol_days: int = 30
    same_within: int = 7
    reopen_within: int = 15
    hotline: str = "12345"
    council: Terms = field(default_factory=Terms)
    answer_within: Term = ANSWER_WITHIN
    synonyms: tuple[tuple[str, ...], ...] = ()
    stale_days: int = 365
    sample: bool = False
    digest: str = field(default="", repr=False)
    versions: dict[str, Category] = field(default_factory=dict, repr=False)

    def day(self, moment: datetime) -> date:
        """The date it is in the district at that moment."""
        return moment.astimezone(self.timezone).date()

    def office_opens(self, moment: datetime) -> datetime:
        """That moment, if somebody is in the office; else when it opens next."""
        local = moment.astimezone(self.timezone)
        if self.calendar.works(local.date()) and self.office_from <= local.time() < self.office_until:
            return moment
        day = local.date() if local.time() < self.office_from else local.date() + timedelta(days=1)
        while not self.calendar.works(day):
            day += timedelta(days=1)
        return datetime.combine(day, self.office_from, self.timezone)

    @property
    def categories(self) -> dict[str, Category]:
        """The newest entry of each category by its code, whether or not it is in force."""
        return self.catalogue.newest

    def category(self, code: str, day: date | None = None) -> Category:
        """A category as it is that day, or as it was last said to be; 其他 for one the catalogue does not have then."""
        if day is None:
            return self.categories.get(code) or self.categories[OTHER]
        return self.catalogue.holding(code, day) or self.catalogue.holding(OTHER, day) or self.categories[OTHER]

    def category_of(self, case: Case) -> Category:
        """The terms a case was opened under, or last reclassified to: they stay whatever the catalogue says since."""
        known = self.versions.get(case.version or "") or self.category(case.category, self.day(case.opened_at))
        # Whose reports have become private since: theirs too.
        newest = self.categories.get(known.code)
        return replace(known, private=True) if newest and newest.private and not known.private else known

    def manager(self, case: Case) -> str:
        """The property company of the estate a case is in; empty when none is known."""
        theirs = (each for each in self.places if each.manager and each.grid == case.grid and each.estate)
        return next((each.manager for each in theirs if each.estate in case.place), "")

    def department(self, code: str) -> Department:
        """A department by its code; one the list no longer has is called by that."""
        return self.departments.get(code) or Department(code, code, code, Level.DISTRICT, Term(1, Unit.WORKING_DAY))

    def heirs(self, code: str, day: date) -> list[Grid]:
        """The grids in force that an old or present code leads to; empty for a code that never was."""
        found: list[Grid] = []
        seen: set[str] = set()
        queue = [code]
        while queue:
            current = self.grids.get(queue.pop(0))
            if current is None or current.code in seen:
                continue
            seen.add(current.code)
            if current.in_force(day):
                found.append(current)
            queue += current.successors
        return found

    def communities(self) -> Iterator[Area]:
        """Communities and villages, in code order."""
        return (area for area in self.areas.values() if area.level in (Level.COMMUNITY, Level.VILLAGE))

    def grids_in(self, area: str, day: date) -> list[Grid]:
        """The grids in force within an area, in code order."""
        return [grid for grid in self.grids.values() if covers(area, grid.code) and grid.in_force(day)]

    def area_name(self, code: str) -> str:
        """A short name for any area or grid code: 民乐社区第三网格."""
        if grid := self.grids.get(code):
            return grid.name
        if room := self.rooms.get(code):
            return room.name
        area = self.areas.get(code)
        return area.short if area else code
