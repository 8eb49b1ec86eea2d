"""Who is signed in to the pages: one-time codes, sessions, and how often somebody guessed. Only digests are kept."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.sessions import CODE_LASTS, IDLE, Session
from storage import facts
from storage.database import Connection
from storage.tables import Guesses, Sessions, SignInCodes

# No 0/O, 1/I/L: a code is read aloud and typed on a phone.
LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
# 31^8 codes, 200 guesses in ten minutes, a code that lives five: one chance in ten thousand million for whoever tries.
_CODE = 8
_WINDOW, _MOST_HERE, _MOST_EVERYWHERE = timedelta(minutes=10), 10, 200
_CHAT = "chat:"
# A session is marked as used this often at most: reading a page is no reason to write.
_MARK = timedelta(minutes=5)


class TooManyGuesses(Exception):
    """So many wrong codes came lately, from there or from everywhere, that none is looked at for now."""


class SessionStore:
    """Reads and writes about codes and sessions."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._db = connection
        self._now = now

    async def give_code(self, person_id: int) -> str:
        """A new code, good once and for five minutes; the one they had before is good no more."""
        code = "".join(secrets.choice(LETTERS) for _ in range(_CODE))
        row = insert(SignInCodes).values(person_id=person_id, code=_digest(code), expires_at=self._now + CODE_LASTS)
        await self._db.execute(
            row.on_conflict_do_update(
                index_elements=["person_id"], set_={"code": row.excluded.code, "expires_at": row.excluded.expires_at}
            )
        )
        return code

    async def begin(self, code: str, device: str, address: str) -> tuple[str, int] | None:
        """Use a code up for a session, as (token, person); None when it is wrong, used or too old. `address`: whence.

        Raises:
            TooManyGuesses: whether the code is good is not even looked at.
        """
        if await self.too_many(address):
            raise TooManyGuesses
        given = _digest(code.strip().replace("-", "").replace(" ", "").upper())
        live = await self._db.execute(
            select(SignInCodes.person_id, SignInCodes.code).where(SignInCodes.expires_at > self._now)
        )
        # All of them, each in constant time: how long it takes tells nothing of how near a guess was.
        found = [row.person_id for row in live if hmac.compare_digest(row.code, given)]
        if not found:
            await self.guessed(address)
            return None
        await self._db.execute(delete(SignInCodes).where(SignInCodes.person_id == found[0]))
        token = secrets.token_urlsafe(32)
        await self._db.execute(
            insert(Sessions).values(
                person_id=found[0], token=_digest(token), device=device, begun_at=self._now, seen_at=self._now
            )
        )
        return token, found[0]

    async def too_many(self, address: str) -> bool:
        """Whether so many wrong codes came from there, or from everywhere, that none is looked at for now."""
        # One after the other: many guesses at once are counted as many.
        await facts.locked(self._db, "guesses", "")
        await self._db.execute(delete(Guesses).where(Guesses.at <= self._now - _WINDOW))
        counted = select(func.count()).select_from(Guesses)
        # Anybody can open chats: whoever guesses in them does not keep others from signing in.
        pages = counted.where(Guesses.address.not_like(f"{_CHAT}%"))
        everywhere = 0 if address.startswith(_CHAT) else await self._db.scalar(pages) or 0
        here = await self._db.scalar(counted.where(Guesses.address == _whence(address))) or 0
        return everywhere >= _MOST_EVERYWHERE or here >= _MOST_HERE

    async def guessed(self, address: str) -> None:
        """Count a wrong code; kept only if the transaction is."""
        await self._db.execute(insert(Guesses).values(address=_whence(address), at=self._now))

    async def of_token(self, token: str) -> Session | None:
        """The session of a token, unless it was left idle too long."""
        # Found by its digest: what the time of that tells is of the digest, and 256 bits are not guessed.
        rows = await self._db.execute(select(*_SESSION).where(Sessions.token == _digest(token), self._live()))
        row = rows.one_or_none()
        return Session(*row) if row else None

    def wants_mark(self, session: Session) -> bool:
        """Whether its last use was noted long enough ago to be noted anew."""
        return session.seen_at <= self._now - _MARK

    async def mark(self, session_id: int) -> None:
        await self._db.execute(update(Sessions).where(Sessions.id == session_id).values(seen_at=self._now))

    async def of(self, person_id: int) -> list[Session]:
        """Where somebody is signed in, the newest first."""
        rows = await self._db.execute(
            select(*_SESSION).where(Sessions.person_id == person_id, self._live()).order_by(Sessions.id.desc())
        )
        return [Session(*row) for row in rows]

    async def end(self, person_id: int, session_id: int | None = None) -> None:
        """End one session of somebody's, or all and the code they may still have."""
        one = [] if session_id is None else [Sessions.id == session_id]
        await self._db.execute(delete(Sessions).where(Sessions.person_id == person_id, *one))
        if session_id is None:
            await self._db.execute(delete(SignInCodes).where(SignInCodes.person_id == person_id))

    async def prune(self) -> None:
        """Take away what is over."""
        await self._db.execute(delete(Sessions).where(Sessions.seen_at <= self._now - IDLE))
        await self._db.execute(delete(SignInCodes).where(SignInCodes.expires_at <= self._now))
        await self._db.execute(delete(Guesses).where(Guesses.at <= self._now - _WINDOW))

    def _live(self) -> ColumnElement[bool]:
        return Sessions.seen_at > self._now - IDLE


_SESSION = (Sessions.id, Sessions.person_id, Sessions.device, Sessions.begun_at, Sessions.seen_at)


def guesser(person_id: int) -> str:
    """The address of somebody who tries codes in a chat."""
    return f"{_CHAT}{person_id}"


def _whence(address: str) -> str:
    return address if address.startswith(_CHAT) else _digest(address)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
