"""Messages on their way out: queued inside the turn that caused them, sent by the sender, never forgotten."""

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    bindparam,
    delete,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from bot.core.outbox import POLICIES
from bot.core.render import filled
from bot.core.words import Choice, Kind, Lying, Outgoing, Reply
from domain.areas import Extent
from domain.councils import Electorate
from storage import facts
from storage.audience import beyond
from storage.database import Connection
from storage.tables import Contacts, Outbox, People

# So many of an area's residents are put in line in one transaction: a fraction of a second, then others have theirs.
_AT_ONCE = 2000
PRIORITIES = sorted({policy.priority for policy in POLICIES.values()})


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message the sender has taken, and the contact it goes to."""

    outgoing: Outgoing
    contact_id: int
    language: str
    routine: bool
    """It may share a message with others that wait for the same person; not when it may have arrived already."""
    topic: str | None
    due_at: datetime


@dataclass(frozen=True, slots=True)
class TellOn:
    """A message to an area's residents, by language; from the person after (grid, number) on in the order of grids.

    `electorate`: whom it concerns, where that is not everybody; `beyond`: now come those who do not live there.
    `without`: somebody who knows it, for it is theirs. `grids` and `estate` as in `Extent`.
    """

    area_prefix: str
    kind: Kind
    replies: dict[str, Reply]
    once: str
    due_at: datetime
    until: datetime | None
    not_voted_in: int | None
    after: tuple[str, int] = ("", 0)
    without: int | None = None
    electorate: Electorate = Electorate.RESIDENTS
    area: str = ""
    beyond: bool = False
    grids: tuple[str, ...] = ()
    estate: str = ""

    @property
    def extent(self) -> Extent:
        return Extent(self.area or self.area_prefix, self.grids, self.estate)


def lane(platform: str, account: str) -> str:
    """The way out of one of our accounts on a platform, as rows name it."""
    return f"{platform}:{account}"


# Statements are made once: to put one together anew costs ten times what running it does.
# A condition spelled out, not bound, lets the databases use the index made for it.
_PENDING = Outbox.state == literal_column("'pending'")
_SENDING = Outbox.state == literal_column("'sending'")

_QUEUE = insert(Outbox).values(
    contact_id=bindparam("contact"),
    lane=select(Contacts.platform + ":" + Contacts.account)
    .where(Contacts.id == bindparam("contact"))
    .scalar_subquery(),
    **{
        name: bindparam(name)
        for name in ("kind", "topic", "priority", "body", "once", "queued_at", "due_at", "expires_at")
    },
    state=literal_column("'pending'"),
    attempts=literal_column("0"),
)
_QUEUE_ONCE = _QUEUE.on_conflict_do_nothing(index_elements=["once"]).returning(Outbox.id)

_OUTGOING = (Outbox.id, Outbox.kind, Contacts.chat, Outbox.body, Outbox.queued_at, Outbox.attempts)
_older = aliased(Outbox)

_CHOICES = select(Outbox.body).where(Outbox.id == bindparam("message"), Outbox.contact_id == bindparam("contact"))
_LAST = (
    select(Outbox.body)
    .where(
        # What still waits they have not seen, and cannot mean.
        Outbox.contact_id == bindparam("contact"),
        Outbox.kind != literal_column("'menu'"),
        Outbox.state.not_in((literal_column("'pending'"), literal_column("'dead'"), literal_column("'folded'"))),
    )
    .order_by(Outbox.id.desc())
    .limit(3)
)
_DUE = (
    select(*_OUTGOING, Outbox.contact_id, Outbox.expires_at, Outbox.due_at, Outbox.topic, Outbox.unknown_at)
    .join(Contacts, Contacts.id == Outbox.contact_id)
    .where(
        _PENDING,
        Outbox.lane == bindparam("lane"),
        Outbox.due_at <= bindparam("now"),
        Contacts.blocked_at.is_(None),
    )
    .order_by(Outbox.due_at, Outbox.id)
    .limit(bindparam("limit"))
    # Two processes never take the same message.
    .with_for_update(of=Outbox, skip_locked=True)
)


def _by_priority(due: Select[Any]) -> CompoundSelect[Any]:
    """One question in place of one for each priority; each is a short walk along the index, whatever waits behind."""
    return union_all(
        *(
            select(
                due.add_columns(literal_column(str(each)).label("priority"))
                .where(Outbox.priority == literal_column(str(each)))
                .subquery()
            )
            for each in PRIORITIES
        )
    )


_TO_POST = _by_priority(
    _DUE.add_columns(
        select(func.coalesce(func.max(_older.delivered), 0))
        .where(_older.contact_id == Outbox.contact_id, _older.delivered.is_not(None))
        .scalar_subquery()
        .label("before")
    )
)
_SENDABLE = (
    _DUE.add_columns(Contacts.credit, People.language)
    .join(People, People.id == Contacts.person_id)
    .where(or_(Contacts.credit.is_(None), and_(Contacts.credit > 0, Contacts.credit_until > bindparam("now"))))
)
_TO_SEND = _by_priority(_SENDABLE)
_TO_SEND_TO_OTHERS = _SENDABLE.where(
    Outbox.priority == bindparam("priority"), Outbox.contact_id.not_in(bindparam("busy", expanding=True))
)
_reply = msgspec.json.Decoder(Reply).decode
_POSTED = (
    update(Outbox)
    .where(Outbox.id == bindparam("row"))
    .values(state="sent", sent_at=bindparam("at"), delivered=bindparam("number"))
)
_CLAIMED = update(Outbox).where(Outbox.id == bindparam("row")).values(state="sending", attempts=Outbox.attempts + 1)
_SENT = update(Outbox).where(Outbox.id == bindparam("row")).values(state="sent", sent_at=bindparam("at"))
_DEAD = update(Outbox).where(Outbox.id == bindparam("row")).values(state="dead")
_SPENT = update(Contacts).where(Contacts.id == bindparam("row")).values(credit=Contacts.credit - 1)
_LYING = (
    select(Outbox.delivered, *_OUTGOING)
    .join(Contacts, Contacts.id == Outbox.contact_id)
    .where(Outbox.contact_id == bindparam("contact"), Outbox.delivered > bindparam("after"))
    .order_by(Outbox.delivered)
    .limit(bindparam("limit"))
)


class OutboxStore:
    """Reads and writes about outgoing messages."""

    def __init__(
        self, connection: Connection, now: datetime, show: Callable[[str, str], str | None] = lambda _key, _token: None
    ) -> None:
        """`show` tells what is withheld in a reply, put in where it leaves us and nowhere before."""
        self._db = connection
        self._now = now
        self._show = show

    def _outgoing(self, row: Any) -> Outgoing:
        return Outgoing(row.id, Kind(row.kind), row.chat, _reply(row.body), row.queued_at, row.attempts)

    def opened(self, outgoing: Outgoing) -> Outgoing:
        """A message with what was withheld in it, as it leaves; kept like this it may never be."""
        text = filled(outgoing.reply.text, self._show)
        return outgoing if text is outgoing.reply.text else replace(outgoing, reply=replace(outgoing.reply, text=text))

    async def queue(
        self,
        contact_id: int,
        kind: Kind,
        reply: Reply,
        *,
        once: str | None = None,
        topic: str | None = None,
        due_at: datetime | None = None,
    ) -> bool:
        """Put a message in line; False when one with the same `once` is there already."""
        values = {**self._row(kind, reply, due_at), "contact": contact_id, "once": once, "topic": topic}
        if once is None:
            await self._db.execute(_QUEUE, values)
            return True
        return await self._db.scalar(_QUEUE_ONCE, values) is not None

    async def queue_for_residents(
        self, told: TellOn, *, unless: ColumnElement[bool] | None = None
    ) -> tuple[str, int] | None:
        """Put a message in line for the next few thousand of an area's residents; whom to go on after, None at the end.

        `unless` leaves out those it is true of.
        """
        last: tuple[str, int] | None
        if told.beyond:
            elsewhere = beyond(told.electorate, told.extent)
            theirs = and_(People.id > told.after[1], literal(False) if elsewhere is None else elsewhere)
            by_number = select(People.id).where(theirs).order_by(People.id)
            number = await self._db.scalar(by_number.limit(1).offset(_AT_ONCE - 1))
            last = None if number is None else ("", number)
            if last is not None:
                theirs = and_(theirs, People.id <= last[1])
        else:
            theirs = and_(_from(told), _comes_after(told.after))
            in_order = select(People.grid, People.id).where(theirs).order_by(People.grid, People.id)
            at = (await self._db.execute(in_order.limit(1).offset(_AT_ONCE - 1))).first()
            last = None if at is None else (at.grid, at.id)
            if last is not None:
                theirs = and_(theirs, People.grid <= last[0], not_(_comes_after(last)))
        others = [language for language in told.replies if language != "zh"]
        for language, reply in told.replies.items():
            # Whoever has just turned to a language nobody there read before is told in ours.
            reads = People.language == language if language in others else People.language.not_in(others)
            row = {**self._row(told.kind, reply, told.due_at), "state": "pending", "attempts": 0}
            if told.until is not None:
                row["expires_at"] = told.until
            who = (
                select(
                    Contacts.id,
                    Contacts.platform + ":" + Contacts.account,
                    literal(told.once + ":") + func.cast(Contacts.id, Outbox.once.type),
                    *(literal(row[name], getattr(Outbox, name).type) for name in row),
                )
                .join(People, People.contact_id == Contacts.id)
                .where(
                    theirs,
                    reads,
                    Contacts.blocked_at.is_(None),
                    *([] if unless is None else [~unless]),
                    *([] if told.without is None else [People.id != told.without]),
                )
            )
            await self._db.execute(
                insert(Outbox)
                .from_select(["contact_id", "lane", "once", *row], who)
                .on_conflict_do_nothing(index_elements=["once"])
            )
        return last

    def _row(self, kind: Kind, reply: Reply, due_at: datetime | None) -> dict[str, object]:
        policy = POLICIES[kind]
        return {
            "kind": kind.value,
            "priority": policy.priority,
            "body": msgspec.json.encode(reply).decode(),
            "photos": _pointers(reply),
            "queued_at": self._now,
            "due_at": due_at or self._now,
            "expires_at": (due_at or self._now) + policy.expires if policy.expires else None,
        }

    async def choices(self, contact_id: int, message_id: int) -> tuple[Choice, ...]:
        """The buttons that hung under a message of this chat's; empty when there is no such message here."""
        body = await self._db.scalar(_CHOICES, {"message": message_id, "contact": contact_id})
        return _reply(body).choices if body else ()

    async def last_choices(self, contact_id: int) -> tuple[Choice, ...]:
        """The buttons of the latest of the last few messages to a chat; empty when none had any."""
        bodies = await self._db.scalars(_LAST, {"contact": contact_id})
        return next(
            (reply.choices for reply in (_reply(body) for body in bodies) if reply.choices),
            (),
        )

    # Mailboxes: where stored is sent.

    async def post(self, lanes: Sequence[str], limit: int = 500) -> list[Lying]:
        """Number what is due for platforms that are mailboxes, and return it.

        The numbers grow in the order they are given out, so a reader can ask for "after 57".
        """
        # Counted on for ever, whatever is pruned or erased: a number given out never comes again. Locked before
        # looking, so that two processes give out theirs one after the other.
        last = int(await facts.locked(self._db, "delivered", "0"))
        posted: list[Lying] = []
        late: list[int] = []
        before: dict[int, int] = {}
        for row in [row for way in lanes for row in await self._due(way, limit)]:
            if row.expires_at is not None and row.expires_at <= self._now:
                late.append(row.id)
                continue
            last += 1
            posted.append(
                Lying(row.contact_id, before.get(row.contact_id, row.before), last, self.opened(self._outgoing(row)))
            )
            before[row.contact_id] = last
        await self.dead(late)
        if posted:
            await self._db.execute(
                _POSTED, [{"row": each.outgoing.id, "at": self._now, "number": each.number} for each in posted]
            )
            await facts.put(self._db, "delivered", str(last))
        return posted

    async def lying(self, contact_id: int, after: int, limit: int = 200) -> list[tuple[int, Outgoing]]:
        """What lies in a mailbox after a number, in order, as (number, message)."""
        rows = await self._db.execute(_LYING, {"contact": contact_id, "after": after, "limit": limit})
        return [(row.delivered, self.opened(self._outgoing(row))) for row in rows]

    async def _due(self, way: str, limit: int) -> Sequence[Any]:
        return (await self._db.execute(_TO_POST, {"lane": way, "now": self._now, "limit": limit})).all()

    # Posts: what the sender takes, sends and notes.

    async def claim(self, way: str, limit: int, busy: Iterable[int]) -> list[Claimed]:
        """Take what is due, at most one message a contact so that their order stays; `busy` contacts are left alone."""
        claimed: dict[int, Claimed] = {}
        late: list[int] = []
        away = set(busy)
        spent: list[dict[str, int]] = []
        asked: dict[str, Any] = {"lane": way, "now": self._now, "limit": 2 * limit + len(away)}
        rows = (await self._db.execute(_TO_SEND, asked)).all()
        for priority, due in groupby(rows, attrgetter("priority")):
            if len(claimed) >= limit:
                break
            for row in await self._free(list(due), {**asked, "priority": priority}, limit, away | claimed.keys()):
                if row.expires_at is not None and row.expires_at <= self._now:
                    late.append(row.id)
                elif row.contact_id not in claimed and len(claimed) < limit:
                    outgoing = replace(self._outgoing(row), attempts=row.attempts + 1)
                    claimed[row.contact_id] = Claimed(
                        outgoing,
                        row.contact_id,
                        row.language,
                        POLICIES[outgoing.kind].routine and row.unknown_at is None,
                        row.topic,
                        row.due_at,
                    )
                    if row.credit is not None:
                        spent.append({"row": row.contact_id})
        await self.dead(late)
        if claimed:
            await self._db.execute(_CLAIMED, [{"row": each.outgoing.id} for each in claimed.values()])
        if spent:
            await self._db.execute(_SPENT, spent)
        return list(claimed.values())

    async def _free(self, due: list[Any], asked: dict[str, Any], limit: int, busy: Set[int]) -> list[Any]:
        """Of what is due, what is for those who are not busy."""
        free = [row for row in due if row.contact_id not in busy]
        if len(free) < limit and len(due) == asked["limit"]:
            # So much waits for the busy that it hides the others: only now are they told apart by the database.
            free = list((await self._db.execute(_TO_SEND_TO_OTHERS, {**asked, "busy": [*busy]})).all())
        return free

    async def waiting_with(self, claimed: Claimed) -> list[Claimed]:
        """Other routine messages due for the same contact, oldest first."""
        rows = await self._db.execute(
            select(*_OUTGOING, Outbox.due_at, Outbox.topic)
            .join(Contacts, Contacts.id == Outbox.contact_id)
            .where(
                _PENDING,
                Outbox.contact_id == claimed.contact_id,
                Outbox.due_at <= self._now,
                # What may have arrived already is repeated in the same words.
                Outbox.unknown_at.is_(None),
                or_(Outbox.expires_at.is_(None), Outbox.expires_at > self._now),
                Outbox.kind.in_([kind.value for kind, policy in POLICIES.items() if policy.routine]),
            )
            .order_by(Outbox.due_at, Outbox.id)
            .limit(50)
        )
        return [
            Claimed(self._outgoing(row), claimed.contact_id, claimed.language, True, row.topic, row.due_at)
            for row in rows
        ]

    async def fold(self, into: int, reply: Reply, others: Iterable[int]) -> None:
        """One message says what several would have."""
        await self._db.execute(
            update(Outbox)
            .where(Outbox.id == into)
            .values(body=msgspec.json.encode(reply).decode(), photos=_pointers(reply))
        )
        await self._db.execute(update(Outbox).where(Outbox.id.in_([*others])).values(state="folded"))

    async def sent(self, ids: Iterable[int]) -> None:
        if rows := [{"row": number, "at": self._now} for number in ids]:
            await self._db.execute(_SENT, rows)

    async def again(self, message_id: int, due_at: datetime, *, unsure: bool = False) -> None:
        """Try once more at a later time; `unsure`: it may have arrived already."""
        doubt: dict[str, Any] = {"unknown_at": self._now} if unsure else {}
        await self._db.execute(
            update(Outbox).where(Outbox.id == message_id).values(state="pending", due_at=due_at, **doubt)
        )

    async def dead(self, ids: Iterable[int]) -> None:
        """These will never be sent: refused for good, or too old to matter."""
        if rows := [{"row": number} for number in ids]:
            await self._db.execute(_DEAD, rows)

    async def unknown(self, message_id: int) -> None:
        """We do not know whether it arrived, and its kind is better missed than doubled."""
        await self._db.execute(
            update(Outbox).where(Outbox.id == message_id).values(state="unknown", unknown_at=self._now)
        )

    async def recover(self, way: str) -> None:
        """After a crash: what was in flight is repeated or left unknown, as its kind's policy says."""
        repeated = [kind.value for kind, policy in POLICIES.items() if policy.repeat]
        flying = and_(_SENDING, Outbox.lane == way)
        await self._db.execute(
            update(Outbox).where(flying, Outbox.kind.in_(repeated)).values(state="pending", unknown_at=self._now)
        )
        await self._db.execute(update(Outbox).where(flying).values(state="unknown", unknown_at=self._now))

    async def adopt(self) -> None:
        """Show the way to what a release before lanes has queued while this one was starting beside it."""
        await self._db.execute(
            update(Outbox)
            .where(_PENDING, Outbox.lane == literal_column("''"))
            .values(
                lane=select(Contacts.platform + ":" + Contacts.account)
                .where(Contacts.id == Outbox.contact_id)
                .scalar_subquery()
            )
        )

    async def give_up_on(self, contact_id: int) -> None:
        """A blocked chat: nothing waits for it any more."""
        await self._db.execute(update(Outbox).where(Outbox.contact_id == contact_id, _PENDING).values(state="dead"))

    async def waiting(self, way: str) -> int:
        """How many messages are still on their way out of an account."""
        return (
            await self._db.scalar(
                select(func.count()).select_from(Outbox).where(Outbox.lane == way, or_(_PENDING, _SENDING))
            )
            or 0
        )

    async def prune(self, older_than: timedelta) -> None:
        """Forget what was sent long ago."""
        await self._db.execute(
            delete(Outbox).where(Outbox.queued_at < self._now - older_than, Outbox.state.not_in(("pending", "sending")))
        )


def _from(told: TellOn) -> ColumnElement[bool]:
    """Those who live there, from the grid of whoever was told last on: so that an index begins there."""
    if told.grids:
        return People.grid.in_([each for each in told.grids if each >= told.after[0]])
    return and_(People.grid >= max(told.area_prefix, told.after[0]), People.grid < told.area_prefix + ":")


def _comes_after(person: tuple[str, int]) -> ColumnElement[bool]:
    grid, number = person
    return or_(People.grid > grid, and_(People.grid == grid, People.id > number))


def _pointers(reply: Reply) -> str | None:
    return " ".join(reply.photos) or None
