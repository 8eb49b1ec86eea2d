"""Who talks to us, from which chats, and what they may do where."""

import hashlib
import secrets
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Result, Select, and_, bindparam, delete, func, literal_column, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from bot.core.words import Address
from domain.areas import Extent, Roster, around
from domain.cases import Part
from domain.councils import Electorate
from domain.district import District
from domain.people import STAFF, WORKERS, Held, Person, Role
from storage.audience import told
from storage.ballots import BallotStore
from storage.budget import BudgetStore
from storage.database import Asked, Connection
from storage.demands import DemandStore
from storage.files import pointed
from storage.handovers import HandoverStore
from storage.heard import HeardStore
from storage.last_words import LastWordsStore
from storage.leaves import ON, LeaveStore
from storage.letters import LetterStore
from storage.matter_leaves import LeafStore
from storage.matters import MatterStore
from storage.mediation import MediationStore
from storage.patrols import PatrolStore
from storage.questions import QuestionStore
from storage.rosters import RosterStore
from storage.sessions import LETTERS, SessionStore
from storage.statistics import StatisticsStore
from storage.tables import (
    Ballots,
    CaseLog,
    Cases,
    Confirmed,
    Contacts,
    Followers,
    HeardMessages,
    Invitations,
    Leaves,
    Outbox,
    Parked,
    People,
    Ratings,
    Roles,
    Voters,
)
from storage.visits import VisitStore
from storage.voices import VoiceStore
from storage.whistles import WhistleStore

INVITATION_DAYS = 7


@dataclass(frozen=True, slots=True)
class Contact:
    """A chat of a person's."""

    id: int
    person: Person
    address: Address
    state: str


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a one-time code stands for: a role for an area, whose next chat, a side, a household, a matter."""

    role: Role | None
    area: str | None
    person_id: int | None
    department: str | None = None
    mediation: int | None = None
    side: str | None = None
    voter_id: int | None = None
    by_id: int | None = None
    matter: int | None = None


class Appointed(NamedTuple):
    """What a list of people has changed: who looks after which grid from now on, who holds no role any more."""

    taken: list[tuple[int, str]]
    left: list[int]


# Further back there is nothing left to inherit.
_PREDECESSORS = 5
_PERSON = (
    People.id,
    People.name,
    People.phone,
    People.phone_public,
    People.language,
    People.grid,
    People.sample,
)


# Made once: to put a statement together anew costs ten times what running it does.
_ADDRESS = (
    Contacts.platform == bindparam("platform"),
    Contacts.account == bindparam("account"),
    Contacts.chat == bindparam("chat"),
)
# A person comes with what they hold, a row for each role, in the order they got them.
_held = aliased(Roles)
_ROSTERS = (
    # Spelled out, as below: the function writes its separator into the statement anew each time.
    select(func.aggregate_strings(Voters.area + ":" + Voters.estate, literal_column("'\n'")))  # type: ignore[arg-type]
    .join(Confirmed, Confirmed.voter_id == Voters.id)
    .where(Confirmed.person_id == People.id, Voters.gone_at.is_(None))
    .correlate(People)
    .scalar_subquery()
)
_HOLDING = (*_PERSON, _held.role, _held.area, _held.department, _ROSTERS.label("rosters"))
_NOW_HELD = and_(_held.person_id == People.id, _held.until.is_(None))
_MEET = (
    select(Contacts.id, Contacts.state, Contacts.blocked_at, People.contact_id, People.id)
    .join(People, People.id == Contacts.person_id)
    .where(*_ADDRESS)
    # Not stronger than it must be: whoever writes to this chat only needs the row to stay.
    .with_for_update(of=Contacts, key_share=True)
)
_KEEP = (
    update(Contacts)
    .where(Contacts.id == bindparam("contact"))
    .values(state=bindparam("kept"), photos=bindparam("pointers"), heard_at=bindparam("now"))
)
_ADD = insert(People).returning(People.id)
_ADD_CONTACT = insert(Contacts).on_conflict_do_nothing().returning(Contacts.id)
_REACH = update(People).where(People.id == bindparam("person")).values(contact_id=bindparam("contact"))
_HEAR_AGAIN = update(Contacts).where(Contacts.id == bindparam("contact")).values(blocked_at=None)
_FIND = select(Contacts.id).where(*_ADDRESS)
_AT = (
    select(Contacts.id, *_HOLDING)
    .join(People, People.id == Contacts.person_id)
    .outerjoin(_held, _NOW_HELD)
    .where(*_ADDRESS)
    .order_by(_held.id)
)
_GET = select(*_HOLDING).outerjoin(_held, _NOW_HELD).where(People.id == bindparam("person")).order_by(_held.id)
_CHAT_OF = (
    select(Contacts.id, People.language, Contacts.platform)
    .join(People, People.contact_id == Contacts.id)
    .where(People.id == bindparam("person"), Contacts.blocked_at.is_(None))
)


@cache
def _serving(roles: tuple[Role, ...], areas: int, *, reachable: bool) -> Select[*tuple[Any, ...]]:
    # Spelled out: a bound list is written into the statement anew each time.
    theirs = Roles.role.in_([literal_column(f"'{role}'") for role in roles])
    found = (
        select(*_HOLDING)
        .join(Roles, Roles.person_id == People.id)
        .outerjoin(_held, _NOW_HELD)
        .where(Roles.area.in_([bindparam(f"area{each}") for each in range(areas)]), theirs, Roles.until.is_(None))
        .order_by(People.id, _held.id)
    )
    # Whoever is on leave is not in office.
    found = found.where(~select(Leaves.id).where(Leaves.person_id == People.id, ON).exists())
    with_chat = found.join(Contacts, Contacts.id == People.contact_id).where(Contacts.blocked_at.is_(None))
    return with_chat if reachable else found


def _in_department(*, reachable: bool) -> Select[*tuple[Any, ...]]:
    found = (
        select(*_HOLDING)
        .join(Roles, Roles.person_id == People.id)
        .outerjoin(_held, _NOW_HELD)
        .where(
            Roles.area.in_([bindparam(level) for level in ("community", "street", "district")]),
            Roles.role == literal_column(f"'{Role.DEPARTMENT}'"),
            Roles.department == bindparam("department"),
            Roles.until.is_(None),
        )
        .order_by(People.id, _held.id)
    )
    with_chat = found.join(Contacts, Contacts.id == People.contact_id).where(Contacts.blocked_at.is_(None))
    return with_chat if reachable else found


_IN_DEPARTMENT = {reachable: _in_department(reachable=reachable) for reachable in (False, True)}


class PeopleStore:
    """Reads and writes about people, roles and their chats; `zone`: whose days are counted when two become one."""

    def __init__(self, connection: Connection, now: datetime, zone: tzinfo = UTC) -> None:
        self._db = connection
        self._now = now
        self._zone = zone

    def whose(self, address: Address) -> tuple[Asked, Asked]:
        """What there is to ask to meet whoever is behind an address."""
        # Who it is is asked last: while we wait for the chat, that and what they hold may change.
        return (_MEET, _named(address)), (_AT, _named(address))

    async def meet(self, address: Address) -> Contact:
        """Whoever is behind this address, locked until the transaction ends; a stranger becomes a resident."""
        return await self.met(address, await self._db.together(*self.whose(address)))

    async def met(self, address: Address, answers: Sequence[Result[*tuple[Any, ...]]]) -> Contact:
        """Whoever the answers to `whose` say it is, as `meet` has them."""
        found = await self._known(address, answers)
        if found is None:
            # Two first messages at once: whoever comes second finds the row after all.
            person_id = await self.add()
            added = await self._add_contact(address, person_id)
            if added is None:
                await self._db.execute(delete(People).where(People.id == person_id))
            found = await self._at(address)
        if found is None:
            raise LookupError(f"no contact on {address.platform} after adding it")
        return found

    async def _at(self, address: Address) -> Contact | None:
        return await self._known(address, await self._db.together(*self.whose(address)))

    async def _known(self, address: Address, answers: Sequence[Result[*tuple[Any, ...]]]) -> Contact | None:
        chat, owner = answers
        row, people = chat.one_or_none(), _people(row[1:] for row in owner)
        if row is None:
            return None
        contact_id, state, blocked, preferred, person_id = row
        if blocked is not None or preferred != contact_id:
            # They write from here now: this is where we reach them.
            await self._db.execute(_HEAR_AGAIN, {"contact": contact_id})
            await self._db.execute(_REACH, {"person": person_id, "contact": contact_id})
        return Contact(contact_id, people[0], address, state) if people else None

    async def _add_contact(self, address: Address, person_id: int) -> int | None:
        added: int | None = await self._db.scalar(
            _ADD_CONTACT, {**_named(address), "person_id": person_id, "state": "", "heard_at": self._now}
        )
        return added

    async def allow(self, contact_id: int, messages: int, until: datetime) -> None:
        """So many messages may go to a chat until then; a longer allowance still running is not cut short."""
        await self._db.execute(
            update(Contacts)
            .where(
                Contacts.id == contact_id,
                or_(Contacts.credit.is_(None), Contacts.credit <= 0, Contacts.credit_until <= until),
            )
            .values(credit=messages, credit_until=until)
        )

    async def keep(self, contact_id: int, state: str) -> None:
        """Put down what is open in a chat."""
        photos = " ".join(sorted(pointed(state))) or None
        await self._db.execute(_KEEP, {"contact": contact_id, "kept": state, "pointers": photos, "now": self._now})

    async def at(self, address: Address) -> tuple[int, Person] | None:
        """Who is behind an address, without anything changing by looking."""
        rows = (await self._db.execute(_AT, _named(address))).all()
        return (rows[0][0], _people(row[1:] for row in rows)[0]) if rows else None

    async def find(self, address: Address) -> int | None:
        """The chat at an address, if anybody ever wrote from it."""
        found: int | None = await self._db.scalar(_FIND, _named(address))
        return found

    async def address(self, contact_id: int) -> Address | None:
        row = (
            await self._db.execute(
                select(Contacts.platform, Contacts.account, Contacts.chat).where(Contacts.id == contact_id)
            )
        ).one_or_none()
        return Address(*row) if row else None

    async def of_contact(self, contact_id: int) -> Person | None:
        """Whose chat it is."""
        owner = await self._db.scalar(select(Contacts.person_id).where(Contacts.id == contact_id))
        return await self.get(owner) if owner else None

    async def contacts(self, person_id: int) -> list[int]:
        """All chats of a person."""
        return list(await self._db.scalars(select(Contacts.id).where(Contacts.person_id == person_id)))

    async def get(self, person_id: int) -> Person | None:
        return next(iter(_people(await self._db.execute(_GET, {"person": person_id}))), None)

    async def add(
        self,
        *,
        name: str | None = None,
        key: str | None = None,
        phone: str | None = None,
        phone_public: bool = False,
        hours: str = "",
        grid: str | None = None,
        sample: bool = False,
    ) -> int:
        """Somebody new; returns their number."""
        added: int | None = await self._db.scalar(
            _ADD,
            {
                "name": name,
                "key": key,
                "phone": phone,
                "phone_public": phone_public,
                "hours": hours,
                "grid": grid,
                "sample": sample,
                "language": "zh",
                "created_at": self._now,
            },
        )
        if added is None:
            raise LookupError("the database gave no number for a new person")
        return added

    async def change(self, person_id: int, **values: object) -> None:
        """Set fields of a person: name, phone, language, grid."""
        await self._db.execute(update(People).where(People.id == person_id).values(**values))

    async def hours(self, person_id: int) -> str:
        """When a gridworker is on duty, in their words."""
        return await self._db.scalar(select(People.hours).where(People.id == person_id)) or ""

    async def serving(self, code: str, roles: Iterable[Role], *, reachable: bool = False) -> list[Person]:
        """Who holds one of these roles for exactly this area or grid; `reachable`: only those with a live chat."""
        return await self.serving_any([code], roles, reachable=reachable)

    async def serving_any(
        self, codes: Collection[str], roles: Iterable[Role], *, reachable: bool = False
    ) -> list[Person]:
        """Who holds one of these roles for one of these areas or grids, as `serving` has them."""
        found = _serving((*dict.fromkeys(roles),), len(codes), reachable=reachable)
        return _people(await self._db.execute(found, {f"area{each}": code for each, code in enumerate(codes)}))

    async def in_department(self, code: str, grid: str, *, reachable: bool = False) -> list[Person]:
        """Who works in a department for an area around this grid; `reachable`: only those with a live chat."""
        community, street, district = around(grid)
        asked = {"department": code, "community": community, "street": street, "district": district}
        return _people(await self._db.execute(_IN_DEPARTMENT[reachable], asked))

    async def chat_of(self, person_id: int) -> tuple[int, str, str] | None:
        """Where a message to this person goes, as (contact, language, platform); None when nowhere."""
        row = (await self._db.execute(_CHAT_OF, {"person": person_id})).one_or_none()
        return (row[0], row[1], row[2]) if row else None

    async def names(self, people: Collection[int]) -> dict[int, str]:
        """What these people are called; who has no name is called nothing."""
        rows = await self._db.execute(select(People.id, People.name).where(People.id.in_([*people])))
        return {number: name or "" for number, name in rows}

    async def reachable(self, electorate: Electorate, extent: Extent) -> dict[str, int]:
        """How many of those a ballot concerns can be told something, by the platform they are told on."""
        rows = await self._db.execute(
            select(Contacts.platform, func.count())
            .select_from(People)
            .join(Contacts, Contacts.id == People.contact_id)
            .where(told(electorate, extent), Contacts.blocked_at.is_(None))
            .group_by(Contacts.platform)
        )
        return {platform: number for platform, number in rows}  # noqa: C416 - rows, not pairs

    async def languages(self, electorate: Electorate, extent: Extent) -> set[str]:
        """Which languages they read."""
        rows = await self._db.scalars(
            select(People.language)
            .join(Contacts, Contacts.id == People.contact_id)
            .where(told(electorate, extent), Contacts.blocked_at.is_(None))
            .distinct()
        )
        return set(rows)

    async def with_role(self, roles: Iterable[Role], *, after: int = 0, limit: int = 500) -> list[int]:
        """Numbers of reachable people with one of these roles, page by page."""
        return list(
            await self._db.scalars(
                select(People.id)
                .join(Contacts, Contacts.id == People.contact_id)
                .where(
                    People.id > after,
                    Contacts.blocked_at.is_(None),
                    People.id.in_(select(Roles.person_id).where(Roles.role.in_([*roles]), Roles.until.is_(None))),
                )
                .order_by(People.id)
                .limit(limit)
            )
        )

    async def grant(self, person_id: int, role: Role, area: str, department: str | None = None) -> bool:
        """Give a role for an area, and in a department; False when they hold it already."""
        theirs = _same_role(person_id, Held(role, area, department))
        if await self._db.scalar(select(Roles.id).where(*theirs, Roles.until.is_(None))):
            return False
        await self._db.execute(
            insert(Roles).values(person_id=person_id, role=role, area=area, department=department, since=self._now)
        )
        return True

    async def end_roles(self, person_id: int) -> None:
        """They hold no role any more. What lies with them is another matter: see `OfficeLeft`."""
        await self._db.execute(
            update(Roles).where(Roles.person_id == person_id, Roles.until.is_(None)).values(until=self._now)
        )

    async def unsay(self, person_id: int) -> None:
        """Erase what somebody said as a resident about any case; the journals keep its digest, and stay whole."""
        theirs = select(People.id).where(or_(People.id == person_id, People.merged_into == person_id))
        await self._db.execute(
            update(CaseLog)
            .where(
                CaseLog.person_id.in_(theirs),
                CaseLog.words.is_not(None),
                CaseLog.part.in_([Part.REPORTER, Part.FOLLOWER]),
            )
            .values(words=None, salt=None)
        )

    async def _forget_words(self, chat: int) -> None:
        address = await self.address(chat)
        await self._db.execute(
            update(HeardMessages).where(HeardMessages.contact_id == chat).values(held=None, contact_id=None)
        )
        if address is not None:
            await self._db.execute(
                delete(Parked).where(Parked.what.contains(f'"chat":"{address.chat}"', autoescape=True))
            )

    async def invite(
        self,
        *,
        role: Role | None = None,
        area: str | None = None,
        department: str | None = None,
        person_id: int | None = None,
        mediation: int | None = None,
        side: str | None = None,
        voter_id: int | None = None,
        by_id: int | None = None,
        matter: int | None = None,
    ) -> str:
        """A new one-time code, good for a week; only its hash is kept."""
        # A digit always: that is how a code typed by itself is told from a word.
        code = "".join(secrets.choice(LETTERS) for _ in range(9)) + secrets.choice(LETTERS[-8:])
        await self._db.execute(
            insert(Invitations).values(
                code_hash=_hash(code),
                role=role,
                area=area,
                department=department,
                person_id=person_id,
                mediation_id=mediation,
                side=side,
                voter_id=voter_id,
                by_id=by_id,
                matter_id=matter,
                created_at=self._now,
                expires_at=self._now + timedelta(days=INVITATION_DAYS),
            )
        )
        return code

    async def redeem(self, code: str, person_id: int) -> Invitation | None:
        """Use a code up; None when it is unknown, used or too old. Two at once: one gets it."""
        row = (
            await self._db.execute(
                update(Invitations)
                .where(
                    Invitations.code_hash == _hash(code),
                    Invitations.used_at.is_(None),
                    Invitations.expires_at > self._now,
                )
                .values(used_at=self._now, used_by=person_id)
                .returning(
                    Invitations.role,
                    Invitations.area,
                    Invitations.person_id,
                    Invitations.department,
                    Invitations.mediation_id,
                    Invitations.side,
                    Invitations.voter_id,
                    Invitations.by_id,
                    Invitations.matter_id,
                )
            )
        ).one_or_none()
        return Invitation(Role(row[0]) if row[0] else None, *row[1:]) if row else None

    async def merge(self, old: int, into: int, *, chat: int | None = None) -> None:
        """Two numbers turn out to be one person: chats, cases, roles and votes move; where both voted, `into` stays.

        The journal of a case keeps the number of that day: `merged_into` says whose it is now.
        """
        for table, column in (
            (Contacts, Contacts.person_id),
            (Cases, Cases.reporter_id),
            (Roles, Roles.person_id),
            (Cases, Cases.worker_id),
            (Cases, Cases.checker_id),
            (Cases, Cases.asked_by),
            (Cases, Cases.offered_to),
            (Ballots, Ballots.host_id),
        ):
            await self._db.execute(update(table).where(column == old).values({column.key: into}))
        await BallotStore(self._db, self._now).merge(old, into)
        followed = select(Followers.case_id).where(Followers.person_id == into)
        await self._db.execute(delete(Followers).where(Followers.person_id == old, Followers.case_id.in_(followed)))
        await self._db.execute(update(Followers).where(Followers.person_id == old).values(person_id=into))
        await self._merge_doers(old, into)
        await RosterStore(self._db, self._now).merge(old, into)
        await self._merge_ratings(old, into)
        await QuestionStore(self._db, self._now).merge(old, into)
        await DemandStore(self._db, self._now).merge(old, into)
        await WhistleStore(self._db, self._now).merge(old, into)
        await HandoverStore(self._db, self._now).merge(old, into)
        for store in (MatterStore, LeafStore, VoiceStore):
            await store(self._db, self._now).merge(old, into)
        await LeaveStore(self._db, self._now).merge(old, into)
        await PatrolStore(self._db, self._now).merge(old, into)
        await VisitStore(self._db, self._now).merge(old, into)
        await LastWordsStore(self._db, self._now).merge(old, into)
        await LetterStore(self._db, self._now).merge(old, into)
        await MediationStore(self._db, self._now).merge(old, into)
        known = (await self._db.execute(select(*_PERSON).where(People.id == old))).one()
        kept = (await self._db.execute(select(*_PERSON).where(People.id == into))).one()
        # What only the other one had told us is theirs as well.
        await self.change(
            into,
            name=kept.name or known.name,
            phone=kept.phone or known.phone,
            grid=kept.grid or known.grid,
            language=kept.language if kept.language != "zh" else known.language,
        )
        await self.erase(old)
        await self._db.execute(
            update(People).where(or_(People.id == old, People.merged_into == old)).values(merged_into=into)
        )
        if chat is not None:
            await self.change(into, contact_id=chat)

    async def _merge_ratings(self, old: int, into: int) -> None:
        """One voice a case: where both said what they make of a result, what `into` said stays and counts."""
        rated = select(Ratings.case_id).where(Ratings.person_id == into)
        twice = (Ratings.person_id == old, Ratings.case_id.in_(rated))
        statistics = StatisticsStore(self._db, self._now, self._zone)
        cases = set(await self._db.scalars(select(Ratings.case_id).where(*twice)))
        # Held, so that nobody takes a step with one of them meanwhile and counts what goes here as well.
        await self._db.execute(select(Cases.id).where(Cases.id.in_(cases)).order_by(Cases.id).with_for_update())
        before = [(case, await statistics.life(case)) for case in sorted(cases)]
        await self._db.execute(delete(Ratings).where(*twice))
        for case, life in before:
            await statistics.changed(life, await statistics.life(case))
        await self._db.execute(update(Ratings).where(Ratings.person_id == old).values(person_id=into))

    async def _merge_doers(self, old: int, into: int) -> None:
        """Who did the work under another number may not check it under this one."""
        # Only those who ever held a role had a hand in any.
        if await self._db.scalar(select(Roles.id).where(Roles.person_id.in_((old, into))).limit(1)):
            await self._db.execute(
                update(Cases)
                .where(Cases.doers.contains(f" {old} "))
                .values(doers=func.replace(Cases.doers, f" {old} ", f" {into} "))
            )

    async def now(self, person_id: int) -> Person | None:
        """Whoever that number is today, after any merging of two into one."""
        for _ in range(8):
            further = await self._db.scalar(select(People.merged_into).where(People.id == person_id))
            if further is None:
                break
            person_id = further
        return await self.get(person_id)

    async def erase(self, person_id: int, *, chat: int | None = None) -> None:
        """Leave an empty row of a person: no name, no chat, no words of ours to them or theirs to us.

        `chat` is the one they asked from: it goes on as a stranger's, so that it can be told.
        """
        if chat is not None:
            stranger = await self.add()
            await self._forget_words(chat)
            await self._db.execute(delete(Outbox).where(Outbox.contact_id == chat))
            await self._db.execute(update(Contacts).where(Contacts.id == chat).values(person_id=stranger, state=""))
            await self.change(stranger, contact_id=chat)
        own = select(Contacts.id).where(Contacts.person_id == person_id).scalar_subquery()
        await self._db.execute(update(People).where(People.id == person_id).values(contact_id=None))
        await self._db.execute(delete(Outbox).where(Outbox.contact_id.in_(own)))
        await self._db.execute(
            update(HeardMessages).where(HeardMessages.contact_id.in_(own)).values(held=None, contact_id=None)
        )
        await self._db.execute(delete(Contacts).where(Contacts.person_id == person_id))
        await RosterStore(self._db, self._now).forget(person_id)
        await QuestionStore(self._db, self._now).forget(person_id)
        await DemandStore(self._db, self._now).forget(person_id)
        await HandoverStore(self._db, self._now).forget(person_id)
        for store in (MatterStore, LeafStore, VoiceStore):
            await store(self._db, self._now).forget(person_id)
        await LeaveStore(self._db, self._now).forget(person_id)
        await BudgetStore(self._db, self._now).forget([person_id])
        await PatrolStore(self._db, self._now).forget(person_id)
        await VisitStore(self._db, self._now).forget(person_id)
        await LastWordsStore(self._db, self._now).forget(person_id)
        await LetterStore(self._db, self._now).forget(person_id)
        await self._db.execute(delete(Followers).where(Followers.person_id == person_id))
        await self._db.execute(update(Cases).where(Cases.reporter_id == person_id).values(reporter_id=None))
        await self._db.execute(delete(Invitations).where(Invitations.person_id == person_id))
        await SessionStore(self._db, self._now).end(person_id)
        await HeardStore(self._db, self._now).forget_written(person_id)
        await self.end_roles(person_id)
        await self.change(
            person_id,
            name=None,
            phone=None,
            phone_public=False,
            grid=None,
            hours="",
            language="zh",
            key=None,
            forgotten_at=self._now,
        )

    async def block(self, contact_id: int) -> None:
        """They will not hear us here any more, until they write again."""
        await self._db.execute(update(Contacts).where(Contacts.id == contact_id).values(blocked_at=self._now))

    async def move_chat(self, contact_id: int, chat: str) -> None:
        """The platform gave the chat another id."""
        await self._db.execute(update(Contacts).where(Contacts.id == contact_id).values(chat=chat))

    async def before(self, person_id: int, grid: str) -> list[int]:
        """Who looked after a grid before somebody and does not any more, the last of them first."""
        still = select(Roles.person_id).where(Roles.area == grid, Roles.until.is_(None))
        rows = await self._db.scalars(
            select(Roles.person_id)
            .where(
                Roles.area == grid, Roles.role == Role.GRIDWORKER, Roles.until.is_not(None), Roles.leave_id.is_(None)
            )
            .where(Roles.person_id != person_id, Roles.person_id.not_in(still))
            .order_by(Roles.until.desc())
            .limit(_PREDECESSORS)
        )
        return list(dict.fromkeys(rows))

    async def in_place_of(self, person_id: int) -> Person | None:
        """Whoever that number is today; of a gridworker who left, whoever looks after their grid now."""
        person = await self.now(person_id)
        if person is None or person.has(*WORKERS, *STAFF):
            return person
        grid = await self._db.scalar(
            select(Roles.area)
            .where(Roles.person_id == person.id, Roles.role == Role.GRIDWORKER, Roles.leave_id.is_(None))
            .order_by(Roles.until.desc())
            .limit(1)
        )
        heirs = await self.serving(grid, [Role.GRIDWORKER], reachable=True) if grid else []
        return heirs[0] if heirs else person

    async def take_in(self, district: District) -> Appointed:
        """Make the district's list of people true here: new ones come, missing ones lose their role."""
        known = {
            key: number
            for number, key in await self._db.execute(select(People.id, People.key).where(People.key.is_not(None)))
        }
        current = {
            (number, Held(Role(role), area, department))
            for number, role, area, department in await self._db.execute(
                select(Roles.person_id, Roles.role, Roles.area, Roles.department)
                .join(People, People.id == Roles.person_id)
                .where(Roles.until.is_(None), Roles.listed)
            )
        }
        wanted = set()
        for key, fields, roles in _listed(district):
            if key in known:
                await self.change(known[key], **fields)
            else:
                known[key] = await self.add(key=key, **fields)
            wanted |= {(known[key], held) for held in roles}
        for number, held in current - wanted:
            await self._db.execute(update(Roles).where(*_same_role(number, held)).values(until=self._now))
        for number, held in sorted(wanted - current, key=repr):
            await self._db.execute(
                insert(Roles).values(
                    person_id=number,
                    role=held.role,
                    area=held.area,
                    department=held.department,
                    since=self._now,
                    listed=True,
                )
            )
        staying = {number for number, _ in wanted}
        return Appointed(
            sorted((number, held.area) for number, held in wanted - current if held.role is Role.GRIDWORKER),
            sorted({number for number, *_ in current - wanted} - staying),
        )

    async def by_key(self, key: str) -> int | None:
        """The number of somebody on the district's list."""
        found: int | None = await self._db.scalar(select(People.id).where(People.key == key))
        return found

    async def bind(self, address: Address, person_id: int) -> None:
        """Make this chat that person's, from now on."""
        if await self._at(address) is None:
            await self._add_contact(address, person_id)
        await self._db.execute(update(Contacts).where(*_chat_at(address)).values(person_id=person_id))
        await self.change(person_id, contact_id=await self.find(address))


def _people(rows: Iterable[Sequence[Any]]) -> list[Person]:
    """People from rows of `_HOLDING`, each one's together."""
    known: dict[int, Sequence[Any]] = {}
    held: dict[int, dict[Held, None]] = {}
    for *person, role, area, department, rosters in rows:
        known[person[0]] = (*person, _rosters(rosters or ""))
        roles = held.setdefault(person[0], {})
        if role is not None:
            roles[Held(Role(role), area, department)] = None
    return [
        Person(number, name, phone, public, language, grid, tuple(held[number]), sample, rosters)
        for number, name, phone, public, language, grid, sample, rosters in known.values()
    ]


def _rosters(joined: str) -> tuple[Roster, ...]:
    return tuple(Roster(*each.split(":", 1)) for each in dict.fromkeys(joined.splitlines()))


def _listed(district: District) -> Iterator[tuple[str, dict[str, Any], Sequence[Held]]]:
    for worker in district.workers:
        yield (
            worker.key,
            {
                "name": worker.name,
                "phone": worker.phone or None,
                "phone_public": worker.phone_public,
                "hours": worker.hours,
                "sample": worker.sample,
            },
            [Held(worker.role, worker.area)],
        )
    for mediator in district.mediators:
        held = [Held(Role.MEDIATOR, room) for room in mediator.rooms]
        yield mediator.key, {"name": mediator.name, "sample": mediator.sample}, held
    for phone in district.phones:
        if phone.worker is None:
            yield phone_key(phone.key), {"name": phone.name, "grid": phone.grid, "sample": True}, phone.holds


def _same_role(person_id: int, held: Held) -> tuple[ColumnElement[bool], ...]:
    return (
        Roles.person_id == person_id,
        Roles.role == held.role,
        Roles.area == held.area,
        Roles.department.is_not_distinct_from(held.department),
    )


def _named(address: Address) -> dict[str, object]:
    return {"platform": address.platform, "account": address.account, "chat": address.chat}


def _chat_at(address: Address) -> tuple[ColumnElement[bool], ...]:
    return (
        Contacts.platform == address.platform,
        Contacts.account == address.account,
        Contacts.chat == address.chat,
    )


def phone_key(key: str) -> str:
    """The key of the sample person behind a demonstration phone."""
    return f"phone:{key}"


def _hash(code: str) -> str:
    return hashlib.sha256(code.strip().upper().encode()).hexdigest()
