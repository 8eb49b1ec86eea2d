"""Once a month the district's staff read which answers want checking, and by whom, before residents are led astray."""

import logging
from datetime import date, datetime, timedelta
from hashlib import sha256

from bot.core.render import Phrase
from bot.core.rules import when
from bot.core.words import Kind
from domain.district import Entry
from domain.faq import Doubt, Settling, StaleTold, doubt
from domain.people import Role
from storage.desk import Desk

log = logging.getLogger("xiaomazha.stale")

_SHOWN = 8
_PRESSING = [Doubt.OVER, Doubt.ENDING, Doubt.OLD]


@when(StaleTold)
async def tell_what_is_stale(told: StaleTold, desk: Desk) -> None:
    """Tell the district's staff, the same list once a month; plan the next. A month gone by is not made up for."""
    today = desk.district.day(desk.now)
    await plan_next(desk)
    if told.month != _month(today):
        return
    wanting = await _wanting(today, desk)
    if not wanting:
        return
    # Told again in the same month only when the list is another.
    mark = sha256(" ".join(entry.id for _, entry in wanting).encode()).hexdigest()[:16]
    lines = tuple(
        Phrase(
            f"stale.{why}",
            {
                "question": entry.question,
                "department": entry.department,
                "checked": entry.checked.isoformat(),
                "day": entry.valid_until.isoformat() if entry.valid_until else "",
            },
        )
        for why, entry in wanting[:_SHOWN]
    )
    more = len(wanting) - _SHOWN
    staff = await desk.people.serving(desk.district.code, [Role.DISTRICT], reachable=True)
    if not staff:
        log.warning("%d answers want checking, and nobody of the district's staff has a chat to be told", len(wanting))
    for person in staff:
        await desk.tell(
            person.id,
            "stale.told",
            kind=Kind.PUSH,
            once=f"stale:{told.month}:{mark}:{person.id}",
            count=len(wanting),
            lines=lines,
            more=Phrase("stale.more", {"count": more}) if more > 0 else "",
        )


async def _wanting(today: date, desk: Desk) -> list[tuple[Doubt, Entry]]:
    """The answers that want checking, the district's and those staff wrote, the most pressing first."""
    written = [each.as_entry() for each in await desk.questions.in_force() if each.kind is Settling.ENTRY]
    days = desk.district.stale_days
    found = [(why, entry) for entry in (*desk.district.entries, *written) if (why := doubt(entry, today, days))]
    return sorted(found, key=lambda pair: (_PRESSING.index(pair[0]), pair[1].valid_until or pair[1].checked))


async def plan_next(desk: Desk) -> None:
    """See to it that this month, if its first morning was missed, and the next are planned, once each."""
    today = desk.district.day(desk.now)
    for day in (today, today.replace(day=1) + timedelta(days=32)):
        first = datetime.combine(day.replace(day=1), desk.district.digest_at, desk.district.timezone)
        await desk.plan(StaleTold(_month(day)), max(first, desk.awake(Kind.REMINDER)), key=f"stale:{_month(day)}")


async def plan_now(desk: Desk) -> None:
    """The district's data has changed: what is stale in it is told as soon as people are awake."""
    month = _month(desk.district.day(desk.now))
    await desk.plan(StaleTold(month), desk.awake(Kind.REMINDER), key=f"stale:{month}:{desk.district.digest}")


def _month(day: date) -> str:
    return f"{day:%Y-%m}"
