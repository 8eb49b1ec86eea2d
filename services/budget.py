"""A gridworker is pushed so often a day: further routine tasks wait for the next list, urgent ones never."""

from datetime import datetime, timedelta

from bot.core.render import Phrase
from bot.core.rules import when
from bot.core.words import Choice, Kind
from domain.cases import UNDONE, WITH_WORKER, Case, HeldDue
from services.sight import all_seen
from storage.desk import Desk

# What can be read an hour later without harm. What saves a way, or nears its deadline, is told at once.
MAY_WAIT = ("case.task", "case.was_remarked", "case.joined")
_SHOWN = 12


async def waits(case: Case, person_id: int, key: str, desk: Desk) -> bool:
    """Count a push to whoever works on a case; True when it is held back for the next list instead."""
    most, category = desk.district.push_budget, desk.district.category(case.category)
    if not most or category.urgent:
        return False
    if await desk.budget.spend(person_id, desk.district.day(desk.now), most) or key not in MAY_WAIT:
        return False
    listed = _next_list(desk)
    warned = desk.district.calendar.early(case.due_at, category.warn)
    # The resident's promised time comes first; and who has no chat is somebody else's to find out.
    if warned <= listed or case.status not in UNDONE or await desk.people.chat_of(person_id) is None:
        return False
    await desk.budget.hold(person_id, case.id)
    if (afternoon := _afternoon(desk)) > desk.now:
        await desk.plan(HeldDue(f"{desk.district.day(desk.now)}"), afternoon, key=f"held:{desk.district.day(desk.now)}")
    return True


def _afternoon(desk: Desk) -> datetime:
    day = desk.district.day(desk.now)
    return datetime.combine(day, desk.district.digest_again_at, desk.district.timezone)


def _next_list(desk: Desk) -> datetime:
    """When what is held now is told of: this afternoon, or in the morning's list."""
    if (afternoon := _afternoon(desk)) > desk.now:
        return afternoon
    day = desk.district.day(desk.now) + timedelta(days=1)
    return datetime.combine(day, desk.district.digest_at, desk.district.timezone)


@when(HeldDue)
async def send_held(due: HeldDue, desk: Desk) -> None:
    """What was held is told of in one message each; safe to run twice, for what was told is held no more."""
    for number in await desk.budget.held_by():
        await _send(number, due.day, desk)


async def _send(number: int, day: str, desk: Desk) -> None:
    person = await desk.people.get(number)
    if await desk.leaves.of(number):
        return
    cases = await released(number, desk)
    if person is None or not cases:
        return
    seen = all_seen(cases, person, desk.district)
    await desk.tell(
        number,
        "digest.held",
        kind=Kind.NOTICE,
        once=f"held:{day}:{number}:{desk.now.timestamp():.0f}",
        count=len(seen),
        lines=tuple(line(case) for case in seen[:_SHOWN]),
        choices=[Choice("tasks.title", opens="tasks")],
    )


def line(case: Case) -> Phrase:
    """A case in a line of a list."""
    facts = {"number": case.number, "place": case.place, "due": case.due_at, "words": case.words[:20]}
    return Phrase("digest.line", facts)


async def released(number: int, desk: Desk) -> list[Case]:
    """What was held for somebody and is still theirs to do; held no more."""
    held = set(await desk.budget.release(number))
    return [case for case in await desk.cases.of_worker(number, WITH_WORKER) if case.id in held] if held else []
