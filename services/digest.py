"""Every morning a gridworker sees in one message what waits for them."""

from datetime import date, datetime, timedelta

from bot.core.render import Phrase
from bot.core.rules import when
from bot.core.words import Choice, Kind
from domain.cases import WITH_WORKER, DigestDue, HeldDue, Status
from domain.district import District
from domain.people import STAFF, WORKERS, Person, Role
from domain.visits import Campaign
from services.budget import line
from services.leave import days
from services.news import on_day
from services.sight import all_seen
from services.visits import running_for
from storage.desk import Desk

_SHOWN = 8
# "Good morning" is not said at noon.
_LATEST = timedelta(hours=2)


@when(DigestDue)
async def send_digests(digest: DigestDue, desk: Desk) -> None:
    """Tell everybody with something waiting; plan tomorrow's. A day the service was down is not made up for."""
    today = desk.district.day(desk.now)
    await plan_next(desk)
    if digest.day != today.isoformat():
        return
    if desk.now > _morning(today, desk.district) + _LATEST:
        # What was held for this list is told of all the same.
        await desk.happen(HeldDue(digest.day))
        return
    after = 0
    while people := await desk.people.with_role([*WORKERS, *STAFF], after=after):
        for number in people:
            await _send(number, digest.day, desk)
        after = people[-1]


async def _send(number: int, day: str, desk: Desk) -> None:
    person = await desk.people.get(number)
    if person is None or await desk.leaves.of(number):
        return
    waiting = await desk.cases.of_worker(number, WITH_WORKER)
    for area in person.areas(*STAFF):
        waiting += await desk.cases.in_area(area, [Status.RETURNED, Status.DONE])
    waiting = all_seen(waiting, person, desk.district)
    visits = await running_for(person, desk)
    more = [*map(_doors, visits), *await _beside(person, desk)]
    held = set(await desk.budget.release(number)) & {case.id for case in waiting}
    if not waiting and not more:
        return
    late = sum(case.due_at < desk.now for case in waiting)
    today = sum(case.due_at >= desk.now and desk.district.day(case.due_at).isoformat() == day for case in waiting)
    await desk.tell(
        number,
        "digest.morning" if waiting else "digest.quiet",
        kind=Kind.NOTICE,
        once=f"digest:{day}:{number}",
        count=len(waiting),
        late=Phrase("digest.late", {"count": late}) if late else "",
        today=Phrase("digest.today", {"count": today}) if today else "",
        held=Phrase("digest.held_over", {"count": len(held)}) if held else "",
        lines=(*(line(case) for case in waiting[:_SHOWN]), *more),
        choices=[
            *([Choice("tasks.title", opens="tasks")] if waiting else []),
            *([Choice("visit.go", opens="visit")] if visits else []),
        ],
    )


def _doors(running: tuple[Campaign, int]) -> Phrase:
    """How many doors of a campaign are left for somebody."""
    campaign, left = running
    return Phrase("digest.visits", {"campaign": campaign.title, "left": left, "day": on_day(campaign.until)})


async def _beside(person: Person, desk: Desk) -> list[Phrase]:
    """What else a day brings: whom they stand in for, who of theirs is away."""
    lines = []
    for leave in await desk.leaves.acted_by(person.id):
        away = await desk.people.get(leave.person_id)
        last = days(leave, desk.district)["last"]
        lines.append(Phrase("digest.stands_in", {"name_of": away.name or "" if away else "", "last": last}))
    for area in person.areas(Role.GRID_LEADER, Role.COMMUNITY):
        for name, acting in await desk.leaves.away_in(area):
            stand_in = acting or Phrase("digest.nobody")
            lines.append(Phrase("digest.away", {"name_of": name, "stand_in": stand_in}))
    return lines


async def plan_next(desk: Desk) -> None:
    """See to it that the next morning's digest is planned, once."""
    local = desk.now.astimezone(desk.district.timezone)
    day = local.date() if local.time() < desk.district.digest_at else local.date() + timedelta(days=1)
    await desk.plan(DigestDue(day.isoformat()), _morning(day, desk.district), key=f"digest:{day.isoformat()}")


def _morning(day: date, district: District) -> datetime:
    return datetime.combine(day, district.digest_at, district.timezone)
