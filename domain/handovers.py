"""A hand-over (转人工): the bot does not know on, and a person of the community takes the thread up."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.people import STAFF, WORKERS, Person
from domain.refusals import Refused

# A thread in which nobody has written for so long is over.
SILENCE = timedelta(hours=48)


class Stage(StrEnum):
    """How far a hand-over is: waiting for the office, brought to somebody, taken up, over."""

    WAITING = "waiting"
    BROUGHT = "brought"
    TAKEN = "taken"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Handover:
    """One thread between somebody who asked and whoever took it up. `said` counts what was written in it."""

    id: int
    person_id: int
    staff_id: int | None
    grid: str | None
    words: str
    tried: str
    status: Stage
    said: int
    opened_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class PersonWanted:
    """Somebody wants to ask a person: their last words, and the entries they were shown."""

    by: int
    words: str
    tried: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OfficeOpens:
    """A hand-over that came after hours is brought to somebody."""

    handover: int


@dataclass(frozen=True, slots=True)
class ThreadWritten:
    """One side wrote to the other."""

    handover: int
    by: int
    words: str
    photos: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ThreadEnded:
    """One side ended the thread."""

    handover: int
    by: int


@dataclass(frozen=True, slots=True)
class ThreadSilent:
    """Nobody has written for days after the `said`-th words; void when somebody has."""

    handover: int
    said: int


def check(handover: Handover | None, person: Person) -> Handover:
    """The thread, if this person may write in it now.

    Raises:
        Refused: it is over, somebody else's, or does not exist.
    """
    if handover is None:
        raise Refused("handover.over")
    office = person.serves(handover.grid or "", (*STAFF, *WORKERS)) and person.id != handover.person_id
    # Whoever took it up and holds no office any more is as good as anybody else.
    if handover.status is Stage.ENDED or not (office or person.id == handover.person_id):
        raise Refused("handover.over")
    if office and handover.staff_id not in (None, person.id):
        raise Refused("handover.taken")
    return handover
