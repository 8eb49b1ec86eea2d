"""What must happen at a time. A row is acted on and marked done in one transaction, so each comes true once."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from storage.database import Connection
from storage.tables import Dues


@dataclass(frozen=True, slots=True)
class Due:
    """A fact that comes true now: `fact` its class's name, `body` it as JSON."""

    id: int
    fact: str
    body: str
    due_at: datetime
    attempts: int


# Made once: to put a statement together anew costs ten times what running it does.
_PLAN = (
    insert(Dues)
    .values(
        key=bindparam("key"),
        fact=bindparam("fact"),
        body=bindparam("body"),
        due_at=bindparam("due_at"),
        attempts=literal_column("0"),
    )
    .on_conflict_do_nothing(index_elements=["key"])
)
_TAKE = (
    select(Dues.id, Dues.fact, Dues.body, Dues.due_at, Dues.attempts)
    .where(Dues.done_at.is_(None), Dues.due_at <= bindparam("now"))
    .order_by(Dues.due_at, Dues.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_DONE = update(Dues).where(Dues.id == bindparam("due")).values(done_at=bindparam("now"))
_NEXT = select(Dues.due_at).where(Dues.done_at.is_(None)).order_by(Dues.due_at).limit(1)


class DueStore:
    """Reads and writes about what is due."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._db = connection
        self._now = now

    async def plan(self, key: str, fact: str, body: str, due_at: datetime) -> None:
        """Let a fact come true at a time; a key planned before keeps its first time."""
        await self._db.execute(_PLAN, {"key": key, "fact": fact, "body": body, "due_at": due_at})

    async def take(self) -> Due | None:
        """The first thing due, locked: nobody else takes it while this transaction lives."""
        row = (await self._db.execute(_TAKE, {"now": self._now})).one_or_none()
        return Due(*row) if row else None

    async def done(self, due_id: int) -> None:
        await self._db.execute(_DONE, {"due": due_id, "now": self._now})

    async def later(self, due_id: int, due_at: datetime) -> None:
        """It failed: try again at a later time."""
        await self._db.execute(update(Dues).where(Dues.id == due_id).values(due_at=due_at, attempts=Dues.attempts + 1))

    async def next_at(self) -> datetime | None:
        """When the next thing is due."""
        found: datetime | None = await self._db.scalar(_NEXT)
        return found

    async def failing(self, attempts: int) -> list[tuple[int, str]]:
        """What has failed at least so often and is still to come true, as (id, fact)."""
        rows = await self._db.execute(
            select(Dues.id, Dues.fact)
            .where(Dues.done_at.is_(None), Dues.attempts >= attempts)
            .order_by(Dues.due_at, Dues.id)
        )
        return [(row.id, row.fact) for row in rows]

    async def prune(self, older_than: timedelta) -> None:
        await self._db.execute(delete(Dues).where(Dues.done_at < self._now - older_than))
