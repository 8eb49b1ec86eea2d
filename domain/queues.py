"""Each level and each department sees what waits for it: to be given out, to be done, to be checked; what is late."""

from enum import StrEnum

from domain.cases import OPEN, UNDONE, WITH_WORKER, Status
from domain.people import STAFF, Held, Person, Role


class Queue(StrEnum):
    """Which open cases: all, those past their deadline (of the levels below, too), to be verified, given out, done."""

    OPEN = "open"
    OVERDUE = "overdue"
    VERIFY = "verify"
    DISPATCH = "dispatch"
    HANDLE = "handle"


STATES = {
    Queue.OPEN: OPEN,
    Queue.OVERDUE: UNDONE,
    Queue.VERIFY: (Status.DONE,),
    Queue.DISPATCH: (Status.RETURNED,),
    Queue.HANDLE: (*WITH_WORKER, Status.HUNG),
}
# As they stand in a chat: what waits for this level itself, and what is late.
SHOWN = (Queue.DISPATCH, Queue.HANDLE, Queue.VERIFY, Queue.OVERDUE)


def desks(person: Person) -> tuple[Held, ...]:
    """The roles for which cases lie with somebody: a level of staff, or a department."""
    return tuple(held for held in person.roles if held.role in (*STAFF, Role.DEPARTMENT))
