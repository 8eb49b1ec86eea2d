"""Staff sign in to the pages with a code from their chat; who somebody is, never what they may do."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.people import STAFF, WORKERS, Role

# Who finds anything behind the door.
INSIDE = (*STAFF, *WORKERS, Role.DEPARTMENT)
CODE_LASTS = timedelta(minutes=5)
IDLE = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody signed in on a device, such as iPhone; `device` is empty when it did not say."""

    id: int
    person_id: int
    device: str
    begun_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class SignInWanted:
    """Somebody wants to sign in to the pages."""

    by: int


@dataclass(frozen=True, slots=True)
class SessionsEnded:
    """Somebody signs out of one session, or of all of theirs."""

    by: int
    session: int | None = None
