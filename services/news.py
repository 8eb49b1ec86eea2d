"""Everybody a step of a case concerns is told of it, once, whatever parts they play in it."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from bot.core.render import Phrase
from bot.core.words import Choice, Kind
from domain.areas import around, covers
from domain.cases import RANKS, UNDONE, Case, Move, Score, Status
from domain.district import District
from domain.letters import Side
from domain.people import Person, Role
from domain.sight import hidden
from services import budget, sight
from storage.desk import Desk


class News:
    """What is told of one step. Whoever made it is answered, and not told as well."""

    def __init__(self, case: Case, desk: Desk, by: int | None = None) -> None:
        self.case = case
        self._desk = desk
        self._by = by
        self._told: set[int] = set() if by is None else {by}

    async def answer(self, key: str, /, **said: Any) -> None:
        """Answer whoever made the step."""
        if self._by is not None:
            await self._tell(self._by, key, **said)

    async def _tell(self, person_id: int, key: str, /, **said: Any) -> bool:
        """Whoever it is reads no more of the case than is theirs to see."""
        case, desk = self.case, self._desk
        if hidden(case, desk.district.category_of(case)) and (person := await desk.people.get(person_id)):
            said = sight.as_seen(said, case, person, desk.district)
        return await desk.tell(person_id, key, **said)

    async def tell(self, person_id: int | None, key: str, /, **said: Any) -> bool:
        """Tell somebody who has not been told; True when they are to hear of it."""
        on_duty = await self._on_duty(person_id, said.get("kind"))
        if on_duty is None or on_duty in self._told:
            return False
        to_worker = said.get("kind") is Kind.PUSH and person_id == self.case.worker_id
        if to_worker and await budget.waits(self.case, on_duty, key, self._desk):
            self._told.add(on_duty)
            return True
        told = await self._tell(on_duty, key, **said)
        if told:
            self._told.add(on_duty)
        return told

    async def _on_duty(self, person_id: int | None, kind: Kind | None) -> int | None:
        """Who is told: whoever stands in, of what is a worker's to act on; nobody, of what they may read once back.

        What concerns them as its reporter they hear themselves.
        """
        working = kind is Kind.PUSH or person_id == self.case.worker_id
        if person_id is None or person_id == self.case.reporter_id or not working:
            return person_id
        on_duty = await self._desk.leaves.on_duty(person_id)
        return on_duty if kind is Kind.PUSH or on_duty == person_id else None

    async def tell_handlers(self, case: Case, key: str, /, **said: Any) -> bool:
        """Push to the one a case lies with, or to all of its department while none of them has taken it."""
        if case.worker_id or not case.department:
            return await self.tell(case.worker_id, key, kind=Kind.PUSH, **said)
        people = await self._desk.people.in_department(case.department, case.grid, reachable=True)
        return any([await self.tell(person.id, key, kind=Kind.PUSH, **said) for person in people])

    async def tell_worker(self, key: str, /, *, choices: Sequence[Choice] = (), **said: Any) -> bool:
        """Push to the one it lies with, who may be the very one who gave it to them; they must act on it.

        To all of its department while none of them has taken it.
        """
        if self.case.worker_id is None and self.case.department:
            return await self._tell_department(self.case.department, key, choices=choices, **said)
        worker = await self._desk.leaves.on_duty(self.case.worker_id) if self.case.worker_id else None
        if worker is None or (worker in self._told and worker != self._by):
            return False
        if await budget.waits(self.case, worker, key, self._desk):
            told = True
        else:
            told = await self._tell(worker, key, kind=Kind.PUSH, choices=choices, **said)
        if told:
            self._told.add(worker)
        return told

    async def _tell_department(self, code: str, key: str, /, *, once: str | None = None, **said: Any) -> bool:
        people = await self._desk.people.in_department(code, self.case.grid, reachable=True)
        return any(
            [
                await self.tell(person.id, key, kind=Kind.PUSH, once=f"{once}:{person.id}" if once else None, **said)
                for person in people
            ]
        )

    async def tell_reporter(
        self, key: str, /, *, choices: Sequence[Choice] = (), others: Sequence[Choice] | None = None, **said: Any
    ) -> None:
        """Tell whoever reported it, and whoever follows it, how far it has come; `others`: the followers' buttons.

        What has to wait gives way to newer news.
        """
        topic = f"case:{self.case.id}"
        await self.tell(self.case.reporter_id, key, topic=topic, whose=Phrase("case.yours"), choices=choices, **said)
        await self.tell_followers(key, whose=Phrase("case.followed"), choices=others, **said)

    async def tell_followers(self, key: str, /, *, choices: Sequence[Choice] | None = None, **said: Any) -> None:
        """Tell those who met with the same; each may end it."""
        offered = [unfollow(self.case)] if choices is None else choices
        for number in await self._desk.cases.followers(self.case.id):
            await self.tell(number, key, topic=f"case:{self.case.id}", choices=offered, **said)

    async def tell_above(
        self,
        key: str,
        /,
        *,
        choices: Sequence[Choice],
        photos: Sequence[str] = (),
        over: int | None = None,
        unless: Collection[int] = (),
        **said: Any,
    ) -> bool:
        """Push to the first level above rank `over` where somebody but `unless` can be reached; True when one was.

        Unless said otherwise, from the level that holds the case.
        """
        over = RANKS[self.case.level] - 1 if over is None else over
        levels = [(area, role) for rank, area, role in _levels(self.case.grid) if rank > over]
        areas, roles = dict.fromkeys(area for area, _ in levels), [role for _, role in levels]
        serving = await self._desk.people.serving_any(areas, roles, reachable=True)
        for area, role in levels:
            people = [person for person in serving if area in person.areas(role) and person.id not in unless]
            for person in people:
                await self.tell(person.id, key, kind=Kind.PUSH, choices=choices, photos=photos, **said)
            if people:
                return True
        return False


def _levels(grid: str) -> list[tuple[int, str, Role]]:
    """Who stands over a grid, from the nearest up: rank, area, role."""
    community, street, district = around(grid)
    return [
        (RANKS[role], area, role)
        for area, role in (
            (grid, Role.GRID_LEADER),
            (community, Role.GRID_LEADER),
            (community, Role.COMMUNITY),
            (street, Role.STREET),
            (district, Role.DISTRICT),
        )
    ]


def shown(case: Case, desk: Desk) -> dict[str, Any]:
    """What the texts about a case show of it."""
    return {
        "number": case.number,
        "place": case.place,
        "words": case.words,
        "category": desk.district.category_of(case).name,
        "due": case.due_at,
        "when": day_of(case),
    }


def promised(case: Case, now: datetime, district: District) -> Phrase:
    """The promised time in words of the day, and honestly how late it is."""
    days = (district.day(case.due_at) - district.day(now)).days
    local = case.due_at.astimezone(district.timezone)
    when: Phrase | datetime = case.due_at
    if days in _DAYS:
        when = Phrase(f"promise.{_DAYS[days]}", {"time": f"{local:%H:%M}"})
    late: Phrase | str = ""
    if case.status in UNDONE and now > case.due_at:
        late = Phrase("promise.late", {"by": _span(now - case.due_at)})
    elif case.status in (Status.DONE, Status.CLOSED) and case.done_at and case.done_at > case.due_at:
        late = Phrase("promise.was_late", {"by": _span(case.done_at - case.due_at)})
    return Phrase("promise.line", {"when": when, "late": late})


_DAYS = {-1: "yesterday", 0: "today", 1: "tomorrow", 2: "day_after"}


def _span(late: timedelta) -> Phrase:
    if late < timedelta(hours=1):
        return Phrase("promise.minutes", {"count": max(1, late // timedelta(minutes=1))})
    if late < timedelta(days=1):
        return Phrase("promise.hours", {"count": late // timedelta(hours=1)})
    return Phrase("promise.days", {"count": late // timedelta(days=1)})


def day_of(case: Case) -> Phrase | str:
    """The day it happened, where its reporter named one."""
    day = case.happened_on
    return Phrase("case.happened", {"month": day.month, "day": day.day}) if day else ""


def signed(case: Case, person: Person, district: District) -> Phrase:
    """Somebody's name with the role in which they acted here."""
    if case.department and person.of_department(case.department, case.grid):
        return Phrase("case.who", {"role": district.department(case.department).short, "name": person.name or ""})
    role = next((held.role for held in person.roles if covers(held.area, case.grid)), Role.GRIDWORKER)
    return Phrase("case.who", {"role": Phrase(f"role.{role}"), "name": person.name or ""})


def handler(case: Case, district: District) -> Phrase | str:
    """What kind of people it lies with."""
    return district.department(case.department).short if case.department else Phrase("role.gridworker")


def date_of(moment: datetime, district: District) -> Phrase:
    """A day without its hour, as the district counts days."""
    return on_day(district.day(moment))


def on_day(day: date) -> Phrase:
    """A day as people read it."""
    return Phrase("format.day", {"month": day.month, "day": day.day})


# Buttons.


def button(case: Case, move: Move, **given: str) -> Choice:
    """The button that makes a move with a case."""
    return Choice(f"case.button.{move}", opens="case_move", given={"case": str(case.id), "move": move, **given})


def look(case: Case) -> Choice:
    return Choice("case.button.look", opens="mine", given={"case": str(case.id)})


def opener(conversation: str, case: Case) -> Choice:
    """A case in one button: number and first words."""
    return Choice(f"{case.number} {short(case.words, 12)}", opens=conversation, given={"case": str(case.id)})


def short(words: str, most: int) -> str:
    return words if len(words) <= most else words[: most - 1] + "…"


def letter(case: Case, writes: Side | None = None) -> Choice:
    """The button that opens the letters about a case, under one or to begin with."""
    given = {"case": str(case.id)}
    if writes is None:
        return Choice("letter.answer", opens="letter", given=given)
    return Choice(f"letter.write_{writes}", opens="letter", given=given)


def unfollow(case: Case) -> Choice:
    return Choice("case.unfollow", opens="unfollow", given={"case": str(case.id)})


def scores(case: Case, move: Move, *offered: Score) -> list[Choice]:
    """Ratings in one tap."""
    return [
        Choice(
            f"case.{score.name.lower()}",
            opens="case_move",
            given={"case": str(case.id), "move": move, "score": str(int(score))},
        )
        for score in offered
    ]
