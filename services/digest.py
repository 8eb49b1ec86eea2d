"""Every morning a gridworker sees in one message what waits for them."""

from datetime import date, datetime, timedelta

from bot.core.render import Phrase
from bot.core.rules import when
from bot.core.words import Choice, Kind
from domain.cases import WITH_WORKER, DigestDue, Status
from domain.district import District
from domain.people import STAFF, WORKERS
from services.sight import all_seen
from storage.desk import Desk

_SHOWN = 8
# "Good morning" is not said at noon.
_LATEST = timedelta(hours=2)


@when(DigestDue)
async def send_digests(digest: DigestDue, desk: Desk) -> None:
    """Tell everybody with something waiting; plan tomorrow's. A day the service was down is not made up for."""
    today = desk.district.day(desk.now)
    await plan_next(desk)
    if digest.day != today.isoformat() or desk.now > _morning(today, desk.district) + _LATEST:
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
    if not waiting:
        return
    late = sum(case.due_at < desk.now for case in waiting)
    await desk.tell(
        number,
        "digest.morning",
        kind=Kind.NOTICE,
        once=f"digest:{day}:{number}",
        count=len(waiting),
        late=Phrase("digest.late", {"count": late}) if late else "",
        lines=tuple(
            Phrase(
                "digest.line",
                {"number": case.number, "place": case.place, "due": case.due_at, "words": case.words[:20]},
            )
            for case in waiting[:_SHOWN]
        ),
        choices=[Choice("tasks.title", opens="tasks")],
    )


async def plan_next(desk: Desk) -> None:
    """See to it that the next morning's digest is planned, once."""
    local = desk.now.astimezone(desk.district.timezone)
    day = local.date() if local.time() < desk.district.digest_at else local.date() + timedelta(days=1)
    await desk.plan(DigestDue(day.isoformat()), _morning(day, desk.district), key=f"digest:{day.isoformat()}")


def _morning(day: date, district: District) -> datetime:
    return datetime.combine(day, district.digest_at, district.timezone)
