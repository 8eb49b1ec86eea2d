"""The catalogue (权责清单): which kind of problem is whose, and by when."""

from dataclasses import dataclass

from domain.people import Role
from domain.working_time import Term


@dataclass(frozen=True, slots=True)
class Category:
    """A kind of problem. `department` is the code of the one that answers for it.

    `deadline` is the promised time from report to done, `warn` how long before it we remind. `words` are what
    residents say when they mean it; the guess counts them. `to_staff` goes past the grid's worker: a complaint about
    them is not theirs to handle. `private`: its reporter is offered to stay unnamed, and the door is for those who
    handle it.
    """

    code: str
    name: str
    level: str
    role: Role
    department: str
    deadline: Term
    warn: Term
    words: tuple[str, ...] = ()
    urgent: bool = False
    to_staff: bool = False
    private: bool = False
