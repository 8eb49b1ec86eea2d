"""How many cases wait in each queue, for a chat and for a page alike."""

from domain.people import Person
from domain.queues import SHOWN, STATES, Queue, desks
from storage.cases import theirs
from storage.desk import Desk


async def counts_of(person: Person, desk: Desk) -> dict[Queue, int]:
    """How many cases stand in each queue of somebody's levels and departments."""
    held = desks(person)
    lying = await desk.cases.lying_with(held) if held else {}
    counts = {each: sum(lying.get(status, 0) for status in STATES[each]) for each in SHOWN}
    return counts | {Queue.OVERDUE: await desk.cases.late(theirs(person))}
