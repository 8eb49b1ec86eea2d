"""Whatever somebody does with a council matter passes the one table of rules, then the room of its step."""

from collections.abc import Awaitable, Callable, Mapping

from bot.core.rules import when
from domain.matters import MatterMoved, Move, check, complete
from domain.refusals import Refused
from services import agenda, carry_out, collect, discuss, meetings, public_notice, ways_out
from services.matter_news import Doing
from storage.desk import Desk

_ACTS: Mapping[Move, Callable[[Doing], Awaitable[None]]] = {
    **collect.ACTS,
    **agenda.ACTS,
    **discuss.ACTS,
    **meetings.ACTS,
    **public_notice.ACTS,
    **carry_out.ACTS,
    **ways_out.ACTS,
}


@when(MatterMoved)
async def move(moved: MatterMoved, desk: Desk) -> None:
    """Two at once: the second waits, and meets the matter as the first has left it."""
    matter, person = await desk.matters.find(moved.matter, lock=True), await desk.people.get(moved.by)
    if matter is None or person is None:
        raise Refused("matter.not_found")
    leaf = await desk.filed.get(moved.leaf, lock=True) if moved.leaf else None
    part = check(matter, moved.move, person, desk.now, leaf)
    complete(matter, moved, desk.now)
    await _ACTS[moved.move](Doing(matter, moved, person, part, leaf, desk))
