"""The departments (部门) that are called when a case is more than a community can do."""

from dataclasses import dataclass

from domain.areas import Level
from domain.working_time import Term


@dataclass(frozen=True, slots=True)
class Department:
    """One line of the district's list. `short` is what people call it, and stands on buttons.

    `level`: for areas of which level it works; every street has its own of a department of streets. `phone` is its
    duty desk. `attend`: within how long it comes when it is whistled for.
    """

    code: str
    name: str
    short: str
    level: Level
    attend: Term
    phone: str = ""
    sample: bool = False
