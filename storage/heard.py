"""Which messages we have taken, what a flood said, and what could not be handled."""

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import ColumnElement, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from bot.core.words import Said
from storage.database import Asked, Connection
from storage.tables import HeardMessages, Parked

# Made once: to put a statement together anew costs ten times what running it does.
_REMEMBER = (
    insert(HeardMessages)
    .values(
        platform=bindparam("platform"), account=bindparam("account"), message=bindparam("message"), at=bindparam("at")
    )
    .on_conflict_do_nothing()
    .returning(HeardMessages.message)
)


# Where staff write besides their chats, as if it were one.
_PAGE = {"platform": "page", "account": "staff"}


class HeardStore:
    """Reads and writes about what came in."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._db = connection
        self._now = now

    def remember(self, said: Said) -> Asked:
        """Note the message's id; answered with nothing when it is known, so it was taken before."""
        address = said.address
        return _REMEMBER, {
            "platform": address.platform,
            "account": address.account,
            "message": said.id,
            "at": self._now,
        }

    async def hold(self, said: Said, contact_id: int) -> None:
        """Keep what somebody said too fast to be answered, until they pause."""
        await self._db.execute(
            update(HeardMessages)
            .where(
                HeardMessages.platform == said.address.platform,
                HeardMessages.account == said.address.account,
                HeardMessages.message == said.id,
            )
            .values(held=msgspec.json.encode(said).decode(), contact_id=contact_id)
        )

    async def release(self, contact_id: int) -> list[Said]:
        """What was held of a chat, oldest first; held no more."""
        rows = await self._db.execute(
            select(HeardMessages.at, HeardMessages.message, HeardMessages.held).where(
                HeardMessages.contact_id == contact_id, HeardMessages.held.is_not(None)
            )
        )
        # By when we took them; where that is the same instant, by the platform's own counting.
        ordered = sorted(rows, key=lambda row: (row.at, len(row.message), row.message))
        await self._db.execute(
            update(HeardMessages)
            .where(HeardMessages.contact_id == contact_id, HeardMessages.held.is_not(None))
            .values(held=None)
        )
        return [msgspec.json.decode(row.held or "", type=Said) for row in ordered]

    async def park(self, trouble: str, what: bytes) -> None:
        """Put aside what failed every time; staff see it and can replay it."""
        await self._db.execute(insert(Parked).values(trouble=trouble, what=what.decode(), at=self._now))

    async def parked(self) -> list[tuple[str, str]]:
        """What is put aside and not replayed yet, as (trouble, what)."""
        return [
            (trouble, what)
            for trouble, what in await self._db.execute(
                select(Parked.trouble, Parked.what).where(Parked.replayed_at.is_(None)).order_by(Parked.at)
            )
        ]

    async def replayed(self, trouble: str) -> None:
        await self._db.execute(update(Parked).where(Parked.trouble == trouble).values(replayed_at=self._now))

    # What a page wrote, by the key it made for it.

    async def begin(self, person_id: int, key: str) -> bool:
        """Note what somebody writes on a page; False when it was written before under the same key.

        Written twice at once, the second waits for what becomes of the first.
        """
        added = await self._db.execute(_REMEMBER, {**_PAGE, "message": f"{person_id}:{key}", "at": self._now})
        return added.first() is not None

    async def answered(self, person_id: int, key: str, answer: str) -> None:
        """Keep what was answered, for a repeat."""
        await self._db.execute(update(HeardMessages).where(*_written(person_id, key)).values(answer=answer))

    async def answer(self, person_id: int, key: str) -> str | None:
        """What was answered then."""
        found: str | None = await self._db.scalar(select(HeardMessages.answer).where(*_written(person_id, key)))
        return found

    async def forget_written(self, person_id: int) -> None:
        """Nothing of what somebody wrote on a page is kept for a repeat."""
        await self._db.execute(
            delete(HeardMessages).where(
                HeardMessages.platform == _PAGE["platform"],
                HeardMessages.account == _PAGE["account"],
                HeardMessages.message.startswith(f"{person_id}:", autoescape=True),
            )
        )

    async def prune(self, older_than: timedelta) -> None:
        """Forget ids no platform will repeat any more."""
        await self._db.execute(
            delete(HeardMessages).where(HeardMessages.at < self._now - older_than, HeardMessages.held.is_(None))
        )


def _written(person_id: int, key: str) -> tuple[ColumnElement[bool], ...]:
    return (
        HeardMessages.platform == _PAGE["platform"],
        HeardMessages.account == _PAGE["account"],
        HeardMessages.message == f"{person_id}:{key}",
    )
