"""Messages on their way out: queued inside the turn that caused them, sent by the sender, never forgotten."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.outbox import POLICIES
from bot.core.words import Choice, Kind, Outgoing, Reply
from storage import conflict, facts
from storage.tables import Contacts, Outbox, People


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message the sender has taken, and the contact it goes to."""

    outgoing: Outgoing
    contact_id: int


class OutboxStore:
    """Reads and writes about outgoing messages."""

    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        self._db = connection
        self._now = now

    async def queue(
        self,
        contact_id: int,
        kind: Kind,
        reply: Reply,
        *,
        once: str | None = None,
        due_at: datetime | None = None,
    ) -> bool:
        """Put a message in line; False when one with the same `once` is there already."""
        values = {**self._row(kind, reply, due_at), "contact_id": contact_id, "once": once}
        if once is None:
            await self._db.execute(insert(Outbox).values(**values))
            return True
        return (
            await self._db.scalar(
                conflict.insert(self._db, Outbox)
                .values(**values)
                .on_conflict_do_nothing(index_elements=["once"])
                .returning(Outbox.id)
            )
            is not None
        )

    async def queue_for_residents(
        self,
        language: str,
        area_prefix: str,
        kind: Kind,
        reply: Reply,
        *,
        once: str,
        due_at: datetime | None,
        unless: ColumnElement[bool] | None = None,
        until: datetime | None = None,
    ) -> int:
        """Put one message in line for everybody who lives in an area and reads this language, in one statement."""
        row = self._row(kind, reply, due_at)
        if until is not None:
            row["expires_at"] = until
        columns = list(row)
        who = (
            select(
                Contacts.id,
                literal(once + ":") + func.cast(Contacts.id, Outbox.once.type),
                *(literal(row[name], getattr(Outbox, name).type) for name in columns),
            )
            .join(People, People.contact_id == Contacts.id)
            .where(
                People.grid >= area_prefix,
                People.grid < area_prefix + ":",
                People.language == language,
                Contacts.blocked_at.is_(None),
                *([] if unless is None else [~unless]),
            )
        )
        result = await self._db.execute(
            conflict.insert(self._db, Outbox)
            .from_select(["contact_id", "once", *columns], who)
            .on_conflict_do_nothing(index_elements=["once"])
        )
        return int(result.rowcount)

    def _row(self, kind: Kind, reply: Reply, due_at: datetime | None) -> dict[str, object]:
        policy = POLICIES[kind]
        return {
            "kind": kind.value,
            "priority": policy.priority,
            "body": msgspec.json.encode(reply).decode(),
            "photos": " ".join(reply.photos) or None,
            "state": "pending",
            "queued_at": self._now,
            "due_at": due_at or self._now,
            "attempts": 0,
            "expires_at": (due_at or self._now) + policy.expires if policy.expires else None,
        }

    async def choices(self, contact_id: int, message_id: int) -> tuple[Choice, ...]:
        """The buttons that hung under a message of this chat's; empty when there is no such message here."""
        body = await self._db.scalar(
            select(Outbox.body).where(Outbox.id == message_id, Outbox.contact_id == contact_id)
        )
        return msgspec.json.decode(body, type=Reply).choices if body else ()

    async def last_choices(self, contact_id: int) -> tuple[Choice, ...]:
        """The buttons of the latest of the last few messages to a chat; empty when none had any."""
        bodies = await self._db.scalars(
            select(Outbox.body)
            .where(
                # What still waits they have not seen, and cannot mean.
                Outbox.contact_id == contact_id,
                Outbox.kind != Kind.MENU,
                Outbox.state.not_in(("pending", "dead")),
            )
            .order_by(Outbox.id.desc())
            .limit(3)
        )
        return next(
            (reply.choices for reply in (msgspec.json.decode(body, type=Reply) for body in bodies) if reply.choices),
            (),
        )

    async def post(self, platforms: Sequence[tuple[str, str]], limit: int = 500) -> list[int]:
        """Number what is due for platforms that are mailboxes, where stored is sent; the contacts it lies ready for.

        The numbers grow in the order they are given out by the one sender, so a reader can ask for "after 57".
        """
        # Counted on for ever, whatever is pruned or erased: a number given out never comes again. Locked before
        # looking, so that two processes give out theirs one after the other.
        last = int(await facts.locked(self._db, "delivered", "0"))
        rows = (await self._db.execute(self._due(platforms, limit, frozenset()))).all()
        if not rows:
            return []
        alive = [row for row in rows if row.expires_at is None or row.expires_at > self._now]
        await self.dead([row.id for row in rows if row not in alive])
        if alive:
            await self._db.execute(
                update(Outbox)
                .where(Outbox.id == bindparam("row"))
                .values(state="sent", sent_at=self._now, delivered=bindparam("number")),
                [{"row": row.id, "number": last + place} for place, row in enumerate(alive, 1)],
            )
            await facts.put(self._db, "delivered", str(last + len(alive)))
        return list(dict.fromkeys(row.contact_id for row in alive))

    async def claim(self, platform: tuple[str, str], limit: int, busy: frozenset[int]) -> list[Claimed]:
        """Take what is due, at most one message a contact so that their order stays; `busy` contacts are left alone."""
        rows = (await self._db.execute(self._due([platform], limit * 4, busy))).all()
        taken: list[Row[Any]] = []
        seen: set[int] = set()
        late: list[int] = []
        for row in rows:
            if row.expires_at is not None and row.expires_at <= self._now:
                late.append(row.id)
            elif row.contact_id not in seen and len(taken) < limit:
                seen.add(row.contact_id)
                taken.append(row)
        await self.dead(late)
        if taken:
            await self._db.execute(
                update(Outbox)
                .where(Outbox.id.in_([row.id for row in taken]))
                .values(state="sending", attempts=Outbox.attempts + 1)
            )
        return [
            Claimed(
                Outgoing(
                    row.id,
                    Kind(row.kind),
                    row.chat,
                    msgspec.json.decode(row.body, type=Reply),
                    row.queued_at,
                    row.attempts + 1,
                ),
                row.contact_id,
            )
            for row in taken
        ]

    def _due(self, platforms: Sequence[tuple[str, str]], limit: int, busy: frozenset[int]) -> Select[*tuple[Any, ...]]:
        where = [and_(Contacts.platform == platform, Contacts.account == account) for platform, account in platforms]
        return (
            select(
                Outbox.id,
                Outbox.contact_id,
                Outbox.kind,
                Outbox.body,
                Outbox.queued_at,
                Outbox.expires_at,
                Outbox.attempts,
                Contacts.chat,
            )
            .join(Contacts, Contacts.id == Outbox.contact_id)
            .where(
                Outbox.state == "pending",
                Outbox.due_at <= self._now,
                or_(*where),
                Contacts.blocked_at.is_(None),
                Outbox.contact_id.not_in(busy),
            )
            .order_by(Outbox.priority, Outbox.id)
            .limit(limit)
            # Two senders never take the same message.
            .with_for_update(of=Outbox, skip_locked=True)
        )

    async def sent(self, ids: Sequence[int]) -> None:
        await self._db.execute(update(Outbox).where(Outbox.id.in_(ids)).values(state="sent", sent_at=self._now))

    async def again(self, message_id: int, due_at: datetime) -> None:
        """The platform did not take it: try once more at a later time."""
        await self._db.execute(update(Outbox).where(Outbox.id == message_id).values(state="pending", due_at=due_at))

    async def dead(self, ids: Iterable[int]) -> None:
        """These will never be sent: refused for good, or too old to matter."""
        if numbers := list(ids):
            await self._db.execute(update(Outbox).where(Outbox.id.in_(numbers)).values(state="dead"))

    async def unknown(self, message_id: int) -> None:
        """We do not know whether it arrived, and its kind is better missed than doubled."""
        await self._db.execute(update(Outbox).where(Outbox.id == message_id).values(state="unknown"))

    async def recover(self) -> None:
        """After a crash: what was in flight is repeated or left unknown, as its kind's policy says."""
        repeated = [kind.value for kind, policy in POLICIES.items() if policy.repeat]
        flying = Outbox.state == "sending"
        await self._db.execute(update(Outbox).where(flying, Outbox.kind.in_(repeated)).values(state="pending"))
        await self._db.execute(update(Outbox).where(flying).values(state="unknown"))

    async def give_up_on(self, contact_id: int) -> None:
        """A blocked chat: nothing waits for it any more."""
        await self._db.execute(
            update(Outbox).where(Outbox.contact_id == contact_id, Outbox.state == "pending").values(state="dead")
        )

    async def lying(self, contact_id: int, after: int, limit: int = 200) -> list[tuple[int, Outgoing]]:
        """What lies in a mailbox after a number, in order, as (number, message)."""
        rows = await self._db.execute(
            select(Outbox.delivered, Outbox.id, Outbox.kind, Outbox.body, Outbox.queued_at, Contacts.chat)
            .join(Contacts, Contacts.id == Outbox.contact_id)
            .where(Outbox.contact_id == contact_id, Outbox.delivered > after)
            .order_by(Outbox.delivered)
            .limit(limit)
        )
        return [
            (number, Outgoing(row_id, Kind(kind), chat, msgspec.json.decode(body, type=Reply), at))
            for number, row_id, kind, body, at, chat in rows
            if number is not None
        ]

    async def waiting(self, platform: str) -> int:
        """How many messages are still on their way to a platform."""
        return (
            await self._db.scalar(
                select(func.count())
                .select_from(Outbox)
                .join(Contacts, Contacts.id == Outbox.contact_id)
                .where(Contacts.platform == platform, Outbox.state.in_(("pending", "sending")))
            )
            or 0
        )

    async def prune(self, older_than: timedelta) -> None:
        """Forget what was sent long ago."""
        await self._db.execute(
            delete(Outbox).where(
                Outbox.queued_at < self._now - older_than, Outbox.state.in_(("sent", "dead", "unknown"))
            )
        )
