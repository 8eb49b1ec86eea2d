"""Letters (留言) about a case, between its reporter and whoever handles it; neither sees the other's number."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.cases import OPEN, Case, Part, Status
from domain.catalogue import Category
from domain.people import Person
from domain.refusals import Refused
from domain.sight import playing_in, visible

# Closed with the case, and a day to say thank you or that it is broken again.
GRACE = timedelta(days=1)
# So many from one side within the hour.
MOST, WITHIN = 6, timedelta(hours=1)


# There is nothing left to write about, or it is written about elsewhere.
_TAKEN_AWAY = (Status.WITHDRAWN, Status.MERGED, Status.MEDIATED)


class Side(StrEnum):
    """Who writes: the resident who reported it, or whoever handles it."""

    RESIDENT = "resident"
    OFFICE = "office"


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter as it was carried, numbers masked."""

    at: datetime
    side: Side
    words: str


@dataclass(frozen=True, slots=True)
class LetterWritten:
    """One side wrote to the other about a case. `own_number`: the number in it is theirs, and is to be passed on."""

    case: int
    by: int
    words: str
    photos: tuple[str, ...] = ()
    own_number: bool = False


def side(case: Case, person: Person, category: Category, now: datetime) -> Side:
    """The side on which somebody may write now.

    Raises:
        Refused: the case is none of theirs, or over; its reporter wants to be forgotten.
    """
    sight = visible(case, person, category)
    playing = playing_in(case, person, category)
    own = case.reporter_id == person.id
    if sight is None or not (own or playing & {Part.WORKER, Part.STAFF, Part.BELOW}):
        raise Refused("case.not_found")
    ended = case.status in _TAKEN_AWAY or case.closed_at is None or now > case.closed_at + GRACE
    if case.status not in OPEN and ended:
        raise Refused("letter.over", number=case.number)
    if case.reporter_id is None:
        raise Refused("letter.gone", number=case.number)
    return Side.RESIDENT if own else Side.OFFICE
