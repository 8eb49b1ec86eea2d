"""The tables, as typed models. Reads and writes are Core statements over them: no unit of work, no lazy loading."""

from datetime import UTC, date, datetime

from sqlalchemy import (
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Text,
    TypeDecorator,
    false,
    text,
    true,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Moment(TypeDecorator[datetime]):
    """An aware time, UTC inside. SQLite drops the zone, so it is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value and (value if value.tzinfo else value.replace(tzinfo=UTC))


Id = BigInteger().with_variant(Integer(), "sqlite")


# SQLite would give a deleted row's number to the next one: a page or a button of somebody forgotten must lead nowhere.
_NEVER_AGAIN = {"sqlite_autoincrement": True}


def _some(name: str, *columns: str, where: str) -> Index:
    """An index of some rows only. To be used, a statement must spell the condition out, not bind it."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: Moment, str: Text, int: Id}  # noqa: RUF012 - SQLAlchemy's own form


class People(Base):
    """Everybody we know. A forgotten person leaves an empty row, so that what they did stays counted."""

    __tablename__ = "people"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    phone: Mapped[str | None]
    phone_public: Mapped[bool] = mapped_column(default=False)
    hours: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = mapped_column(default="zh")
    grid: Mapped[str | None] = mapped_column(index=True)
    contact_id: Mapped[int | None]
    key: Mapped[str | None] = mapped_column(unique=True)
    sample: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    forgotten_at: Mapped[datetime | None]
    merged_into: Mapped[int | None]
    stand_in_id: Mapped[int | None]
    __table_args__ = _NEVER_AGAIN


class Roles(Base):
    """Who holds which role for which area, and in which department, since when. Ended roles are kept.

    `leave_id`: it is lent to them while that leave is on.
    """

    __tablename__ = "roles"
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    role: Mapped[str]
    area: Mapped[str]
    department: Mapped[str | None]
    since: Mapped[datetime]
    until: Mapped[datetime | None]
    listed: Mapped[bool] = mapped_column(default=False)
    leave_id: Mapped[int | None]
    __table_args__ = (
        _some("ix_roles_area_role", "area", "role", where="until IS NULL"),
        _some("ix_roles_leave_id", "leave_id", where="leave_id IS NOT NULL"),
    )


class Leaves(Base):
    """When a gridworker is away, who was named to stand in and who does: planned, on, over, cancelled."""

    __tablename__ = "leaves"
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    stand_in_id: Mapped[int | None]
    acting_id: Mapped[int | None]
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    stage: Mapped[str]
    asked_at: Mapped[datetime]
    __table_args__ = (
        Index("ix_leaves_person_id", "person_id", "begins_at"),
        _some("ix_leaves_on", "person_id", where="stage = 'on'"),
        _some("ix_leaves_acting", "acting_id", where="stage = 'on'"),
        _NEVER_AGAIN,
    )


class Pushes(Base):
    """How many routine pushes somebody was sent on a day."""

    __tablename__ = "pushes"
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    count: Mapped[int]


class Patrols(Base):
    """A gridworker's check-ins: coarse coordinates and words for a while, grid and time for the year's count."""

    __tablename__ = "patrols"
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    grid: Mapped[str]
    at: Mapped[datetime] = mapped_column(index=True)
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    words: Mapped[str | None]
    found: Mapped[bool]
    __table_args__ = (Index("ix_patrols_person_id", "person_id", "at"),)


class Campaigns(Base):
    """What is asked at every door of an area until a day."""

    __tablename__ = "campaigns"
    id: Mapped[int] = mapped_column(primary_key=True)
    area: Mapped[str]
    title: Mapped[str]
    question: Mapped[str]
    until: Mapped[date]
    opened_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"), index=True)
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None] = mapped_column(index=True)
    __table_args__ = _NEVER_AGAIN


class Doors(Base):
    """The households of a campaign in the order to take them, and how it went at each last."""

    __tablename__ = "doors"
    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id"))
    position: Mapped[int]
    area: Mapped[str]
    household: Mapped[str]
    outcome: Mapped[str | None]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"), index=True)
    at: Mapped[datetime | None]
    words: Mapped[str | None]
    __table_args__ = (Index("ix_doors_campaign_id", "campaign_id", "position"), _NEVER_AGAIN)


class Visits(Base):
    """Every call of a gridworker at a household; words only where it was for no campaign, and for a while."""

    __tablename__ = "visits"
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    area: Mapped[str]
    household: Mapped[str]
    at: Mapped[datetime] = mapped_column(index=True)
    outcome: Mapped[str]
    words: Mapped[str | None]
    door_id: Mapped[int | None]
    __table_args__ = (Index("ix_visits_person_id", "person_id", "at"),)


class Held(Base):
    """Of which cases somebody is to be told in the next list, for they have been pushed enough today."""

    __tablename__ = "held"
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    at: Mapped[datetime]


class LastWords(Base):
    """What was said last between a resident and a gridworker, numbers masked, for a month."""

    __tablename__ = "last_words"
    resident_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    worker_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True, index=True)
    words: Mapped[str]
    answered: Mapped[bool]
    at: Mapped[datetime] = mapped_column(index=True)


class Contacts(Base):
    """A chat on a platform, whose it is, and what is open in it. Its row is the conversation's lock.

    `credit`: how many messages the platform still lets us send there, until `credit_until`; NULL: as many as we like.
    `photos` are the digests `state` points to, so that a sweep need not read them all.
    """

    __tablename__ = "contacts"
    id: Mapped[int] = mapped_column(primary_key=True)
    platform: Mapped[str]
    account: Mapped[str]
    chat: Mapped[str]
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    state: Mapped[str] = mapped_column(default="")
    photos: Mapped[str | None]
    heard_at: Mapped[datetime]
    blocked_at: Mapped[datetime | None]
    credit: Mapped[int | None]
    credit_until: Mapped[datetime | None]
    __table_args__ = (
        Index("uq_contacts_address", "platform", "account", "chat", unique=True),
        _some("ix_contacts_photos", "photos", where="photos IS NOT NULL"),
        _NEVER_AGAIN,
    )


class HeardMessages(Base):
    """The platform's id of every message taken, so that a repeat is known. `held` keeps what a flood said.

    What a page wrote has an `answer`, to be given again when it is repeated.
    """

    __tablename__ = "heard"
    platform: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(primary_key=True)
    message: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    contact_id: Mapped[int | None]
    held: Mapped[str | None]
    answer: Mapped[str | None]
    __table_args__ = (_some("ix_heard_held", "contact_id", where="held IS NOT NULL"),)


class Outbox(Base):
    """Every message on its way out, and what became of it: pending, sending, sent, unknown, dead, folded.

    `lane` is the platform and our account there. `topic` is what it is news of. `unknown_at`: when we last could not
    know whether it had arrived, whether it was then repeated or let be. `photos` are the digests `body` points to, so
    that a sweep need not read them all.
    """

    __tablename__ = "outbox"
    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    lane: Mapped[str]
    kind: Mapped[str]
    topic: Mapped[str | None]
    priority: Mapped[int]
    body: Mapped[str]
    photos: Mapped[str | None]
    state: Mapped[str] = mapped_column(default="pending")
    once: Mapped[str | None] = mapped_column(unique=True)
    queued_at: Mapped[datetime]
    due_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime | None]
    unknown_at: Mapped[datetime | None]
    delivered: Mapped[int | None]
    __table_args__ = (
        _some("ix_outbox_pending", "lane", "priority", "due_at", "id", where="state = 'pending'"),
        _some("ix_outbox_waiting", "contact_id", where="state = 'pending'"),
        _some("ix_outbox_sending", "lane", where="state = 'sending'"),
        _some("ix_outbox_mailbox", "contact_id", "delivered", where="delivered IS NOT NULL"),
        Index("ix_outbox_contact", "contact_id", "id"),
        Index("ix_outbox_queued", "queued_at"),
        _some("ix_outbox_photos", "photos", where="photos IS NOT NULL"),
        _NEVER_AGAIN,
    )


class Dues(Base):
    """What must happen at a time: a fact and when it comes true. A row is done in the transaction that acts on it."""

    __tablename__ = "dues"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    fact: Mapped[str]
    body: Mapped[str]
    due_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    __table_args__ = (_some("ix_dues_due", "due_at", where="done_at IS NULL"),)


class Invitations(Base):
    """One-time codes, as hashes: a role, a next chat, a side of a mediation, a household, a matter for a group.

    `by_id` gave it.
    """

    __tablename__ = "invitations"
    code_hash: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str | None]
    area: Mapped[str | None]
    department: Mapped[str | None]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    mediation_id: Mapped[int | None]
    side: Mapped[str | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    used_by: Mapped[int | None]
    voter_id: Mapped[int | None]
    by_id: Mapped[int | None]
    matter_id: Mapped[int | None]


class Cases(Base):
    """A reported problem and how far it has come. `steps` counts its journal, `head` is the last step's digest.

    `doers` are the numbers of all who had a hand in the work, each between spaces. `level` is whose staff hold it,
    `called` the codes of the departments an open whistle calls. `version` is the entry of the catalogue it was opened
    under; NULL in what an earlier release opened.
    """

    __tablename__ = "cases"
    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)
    reporter_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"), index=True)
    grid: Mapped[str]
    category: Mapped[str]
    place: Mapped[str]
    words: Mapped[str]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    status: Mapped[str]
    worker_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    rating: Mapped[int | None]
    round: Mapped[int] = mapped_column(default=1)
    happened_on: Mapped[date | None]
    doers: Mapped[str] = mapped_column(default="", server_default="")
    checker_id: Mapped[int | None]
    hung_at: Mapped[datetime | None]
    look_at: Mapped[datetime | None]
    asked_until: Mapped[datetime | None]
    asked_by: Mapped[int | None]
    asked_rank: Mapped[int | None]
    reopen_until: Mapped[datetime | None]
    merged_into: Mapped[int | None]
    level: Mapped[str] = mapped_column(default="community", server_default="community")
    department: Mapped[str | None]
    answer_by: Mapped[datetime | None]
    called: Mapped[str] = mapped_column(default="", server_default="")
    offered_to: Mapped[int | None]
    anonymous: Mapped[bool] = mapped_column(default=False, server_default=false())
    version: Mapped[str | None]
    steps: Mapped[int] = mapped_column(default=0, server_default="0")
    head: Mapped[bytes] = mapped_column(default=b"", server_default="")
    __table_args__ = (
        Index("ix_cases_grid_status", "grid", "status"),
        Index("ix_cases_worker_status", "worker_id", "status"),
        _some("ix_cases_near", "grid", "category", "id", where="status IN ('dispatched', 'handling', 'returned')"),
        _some("ix_cases_open_due", "due_at", "id", where="closed_at IS NULL"),
        _some("ix_cases_open_grid", "grid", "status", where="closed_at IS NULL"),
        _some("ix_cases_department", "department", "due_at", where="department IS NOT NULL AND closed_at IS NULL"),
        _some("ix_cases_offered_to", "offered_to", where="offered_to IS NOT NULL"),
        _NEVER_AGAIN,
    )


class Demands(Base):
    """Somebody asked how a case stands: a resident who urged, or a level above that supervises; until it is answered.

    `rank` is theirs over the case's grid, 0 for a resident.
    """

    __tablename__ = "demands"
    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    move: Mapped[str]
    asked_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"), index=True)
    rank: Mapped[int]
    asked_at: Mapped[datetime]
    answer_by: Mapped[datetime]
    over_at: Mapped[datetime | None]
    __table_args__ = (Index("ix_demands_case", "case_id", "id"),)


class Whistles(Base):
    """A community or a street called departments to a case: why, and where and when to meet; what came of it."""

    __tablename__ = "whistles"
    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    blown_by: Mapped[int] = mapped_column(ForeignKey("people.id"))
    words: Mapped[str]
    meet: Mapped[str]
    blown_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    outcome: Mapped[str | None]


class WhistleCalls(Base):
    """One department's part in a whistle, and its own time to come; `over_at`: the whistle is closed."""

    __tablename__ = "whistle_calls"
    id: Mapped[int] = mapped_column(primary_key=True)
    whistle_id: Mapped[int] = mapped_column(ForeignKey("whistles.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    department: Mapped[str]
    standing: Mapped[str]
    due_at: Mapped[datetime]
    person_id: Mapped[int | None]
    answered_at: Mapped[datetime | None]
    signed_at: Mapped[datetime | None]
    agreed: Mapped[str]
    over_at: Mapped[datetime | None]
    __table_args__ = (
        Index("uq_whistle_calls_department", "whistle_id", "department", unique=True),
        _some("ix_whistle_calls_waiting", "department", "id", where="over_at IS NULL"),
    )


class CasePhotos(Base):
    """Photos of a case, in the order they came; `stage` is reported or done, `step` is its number in the journal."""

    __tablename__ = "case_photos"
    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    photo: Mapped[str] = mapped_column(index=True)
    stage: Mapped[str]
    step: Mapped[int] = mapped_column(default=1, server_default="1")


class CaseLog(Base):
    """The journal: every step of a case, who, as what, when, what, why, and how the case stood after it.

    Rows are only ever added, which triggers see to; each is chained to the one before by `digest`
    (`domain/journal.py`). Only `words` and their `salt` may be set to NULL, when somebody wants to be forgotten;
    `said`, their digest, stays. `person_id` is whoever it was that day: after two are merged, still the old number.
    On SQLite, to alter this table in batch mode loses its triggers: the migration must make them anew.
    """

    __tablename__ = "case_log"
    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    number: Mapped[int]
    at: Mapped[datetime]
    person_id: Mapped[int | None]
    part: Mapped[str]
    move: Mapped[str]
    target: Mapped[int | None]
    status: Mapped[str]
    round: Mapped[int]
    due_at: Mapped[datetime]
    words: Mapped[str | None]
    salt: Mapped[bytes | None]
    said: Mapped[bytes | None]
    digest: Mapped[bytes]
    __table_args__ = (
        Index("uq_case_log_step", "case_id", "number", unique=True),
        _some("ix_case_log_words", "person_id", where="words IS NOT NULL"),
    )


class Seals(Base):
    """Every few minutes, one digest over all steps that came since the last, chained to it. Rows are only ever added.

    It covers the rows of `case_log` up to `through`. Noted elsewhere, its digest proves that nothing was taken away.
    """

    __tablename__ = "seals"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    through: Mapped[int]
    count: Mapped[int]
    digest: Mapped[bytes]


class Corrections(Base):
    """What staff said a case really was: words without numbers, and nobody's name beside them, to learn from."""

    __tablename__ = "corrections"
    id: Mapped[int] = mapped_column(primary_key=True)
    words: Mapped[str]
    category: Mapped[str]
    was: Mapped[str]
    at: Mapped[datetime]


class Ballots(Base):
    """A question put to an area, open until `closes_at`; then counted (`result`, as JSON) and told (`told_at`).

    Its rules are as in `domain.councils.Ballot`. `key` is the name of the key its envelopes are sealed under, which
    is not in the database.
    """

    __tablename__ = "ballots"
    id: Mapped[int] = mapped_column(primary_key=True)
    area: Mapped[str]
    question: Mapped[str]
    options: Mapped[str]
    method: Mapped[str] = mapped_column(default="single", server_default="single")
    quorum: Mapped[int] = mapped_column(default=0, server_default="0")
    host_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    key: Mapped[str | None]
    opened_at: Mapped[datetime]
    closes_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    cancelled: Mapped[str | None]
    result: Mapped[str | None]
    told_at: Mapped[datetime | None]
    matter_id: Mapped[int | None]
    electorate: Mapped[str] = mapped_column(default="residents", server_default="residents")
    most: Mapped[int] = mapped_column(default=0, server_default="0")
    begins_at: Mapped[datetime | None]
    secret: Mapped[bool] = mapped_column(default=True, server_default=true())
    grave: Mapped[bool] = mapped_column(default=False, server_default=false())
    grids: Mapped[str] = mapped_column(default="", server_default="")
    estate: Mapped[str] = mapped_column(default="", server_default="")
    __table_args__ = (
        _some("ix_ballots_open", "closes_at", where="closed_at IS NULL"),
        _some("ix_ballots_unfinished", "closed_at", where="closed_at IS NOT NULL AND told_at IS NULL"),
        _some("ix_ballots_matter", "matter_id", where="matter_id IS NOT NULL"),
        _NEVER_AGAIN,
    )


# Rows lie in the order of their key, not of their coming.
_NO_ORDER = {"sqlite_with_rowid": False}


class Roll(Base):
    """Who has voted in a ballot: one row, one vote, however many chats; nothing says when.

    `voter` is whose vote it is: a person, or by roster a household or an owner (the number of their first household).
    `person_id` cast it, nobody where it is on paper. Until the count `envelope` holds the sealed paper, changed until
    the close, and `slip` what its receipt is made from; then both are emptied. `back`: the sleeve of their paper has
    come back, shut.
    """

    __tablename__ = "roll"
    ballot_id: Mapped[int] = mapped_column(ForeignKey("ballots.id"), primary_key=True)
    voter: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    slip: Mapped[str | None]
    envelope: Mapped[str | None]
    how: Mapped[str] = mapped_column(default="chat", server_default="chat")
    helper_id: Mapped[int | None]
    witness_id: Mapped[int | None]
    back: Mapped[bool] = mapped_column(default=False, server_default=false())
    __table_args__ = (Index("ix_roll_person", "person_id", "ballot_id"), _NO_ORDER)


class Urn(Base):
    """What was voted, by receipt: filled after the close, in the order of the receipts.

    Nothing leads to the roll, but where the ballot was an open one: there `voter` says whose it is.
    """

    __tablename__ = "urn"
    ballot_id: Mapped[int] = mapped_column(ForeignKey("ballots.id"), primary_key=True)
    receipt: Mapped[str] = mapped_column(primary_key=True)
    paper: Mapped[str]
    voter: Mapped[int | None]
    __table_args__ = _NO_ORDER


class Readings(Base):
    """What each who entered ballot papers read on them, sealed like a vote until the count, and then emptied.

    `number` is written on the paper; in an open ballot it is the voter. `slip` is the same for all who read it.
    """

    __tablename__ = "readings"
    ballot_id: Mapped[int] = mapped_column(ForeignKey("ballots.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    slip: Mapped[str | None]
    envelope: Mapped[str | None]
    __table_args__ = _NO_ORDER


class VoidedPapers(Base):
    """Ballot papers that were handed out, lost and made void; `copy` counts those of one voter from 1."""

    __tablename__ = "voided_papers"
    ballot_id: Mapped[int] = mapped_column(ForeignKey("ballots.id"), primary_key=True)
    voter: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    copy: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    by_id: Mapped[int]
    helper_id: Mapped[int | None]
    reason: Mapped[str]
    at: Mapped[datetime]


class Voters(Base):
    """The rosters: a household a row, as it stands since its roster was last imported; `gone_at`: no more on it.

    `owner_id` is the first household of the same owner. `floor_area` is in hundredths of a square metre. `estate`: on
    whose roster it stands, where it is an estate's and not the area's.
    """

    __tablename__ = "voters"
    id: Mapped[int] = mapped_column(primary_key=True)
    area: Mapped[str]
    household: Mapped[str]
    name: Mapped[str]
    floor_area: Mapped[int | None]
    owner_id: Mapped[int | None]
    gone_at: Mapped[datetime | None]
    estate: Mapped[str] = mapped_column(default="", server_default="")
    __table_args__ = (_some("ix_voters_area", "area", "household", where="gone_at IS NULL"), _NEVER_AGAIN)


class VoterPhones(Base):
    """The phones of a household, as digests under a key that is not in the database."""

    __tablename__ = "voter_phones"
    voter_id: Mapped[int] = mapped_column(ForeignKey("voters.id"), primary_key=True)
    phone: Mapped[str] = mapped_column(primary_key=True, index=True)
    __table_args__ = _NO_ORDER


class Confirmed(Base):
    """Who of those who write to us is of which household of a roster, and how they showed it."""

    __tablename__ = "confirmed"
    voter_id: Mapped[int] = mapped_column(ForeignKey("voters.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True, index=True)
    how: Mapped[str]
    by_id: Mapped[int | None]
    at: Mapped[datetime]


class Clusters(Base):
    """Questions that ask the same: what is asked, and how many pieces its first question has."""

    __tablename__ = "clusters"
    id: Mapped[int] = mapped_column(primary_key=True)
    asks: Mapped[str]
    size: Mapped[int]
    at: Mapped[datetime]
    __table_args__ = _NEVER_AGAIN


class ClusterPieces(Base):
    """The pieces of a cluster's first question, so that the next one finds it without reading them all."""

    __tablename__ = "cluster_pieces"
    piece: Mapped[str] = mapped_column(primary_key=True)
    cluster_id: Mapped[int] = mapped_column(ForeignKey("clusters.id"), primary_key=True, index=True)


class Questions(Base):
    """What residents asked and we could not answer, or not to their liking; numbers masked.

    `shown` are the entries they were shown. Open while it has no `answer_id`; `told_at` is when its asker was told.
    """

    __tablename__ = "questions"
    id: Mapped[int] = mapped_column(primary_key=True)
    words: Mapped[str]
    person_id: Mapped[int | None] = mapped_column(index=True)
    grid: Mapped[str | None]
    at: Mapped[datetime] = mapped_column(index=True)
    best: Mapped[str | None]
    cluster_id: Mapped[int | None]
    shown: Mapped[str] = mapped_column(default="", server_default="")
    unhelpful: Mapped[bool] = mapped_column(default=False, server_default=false())
    answer_id: Mapped[int | None] = mapped_column(index=True)
    told_at: Mapped[datetime | None]
    __table_args__ = (_some("ix_questions_open", "cluster_id", "grid", where="answer_id IS NULL"),)


class Answers(Base):
    """What staff made of a cluster: an entry of its own, a phrasing of one that was there, or the end of the matter.

    `areas` are the author's: its askers there are answered, and an entry holds there. `phrasings` are the askers'
    words, a line each.
    """

    __tablename__ = "answers"
    id: Mapped[int] = mapped_column(primary_key=True)
    cluster_id: Mapped[int]
    kind: Mapped[str]
    areas: Mapped[str]
    by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    entry: Mapped[str]
    question: Mapped[str]
    answer: Mapped[str]
    source: Mapped[str]
    department: Mapped[str]
    phrasings: Mapped[str]
    checked: Mapped[date]
    valid_until: Mapped[date | None]
    at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[int | None]
    __table_args__ = _NEVER_AGAIN


class Thumbs(Base):
    """Whether an entry's answer helped somebody, as they last said."""

    __tablename__ = "thumbs"
    entry: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    useful: Mapped[bool]
    at: Mapped[datetime]


class Handovers(Base):
    """Somebody is handed over to a person: their last words, what was tried, how far it is, how often was written."""

    __tablename__ = "handovers"
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    grid: Mapped[str | None]
    words: Mapped[str]
    tried: Mapped[str]
    status: Mapped[str]
    said: Mapped[int]
    opened_at: Mapped[datetime]
    last_at: Mapped[datetime]
    __table_args__ = _NEVER_AGAIN


class Followers(Base):
    """Who met with the same trouble and is told of a case as its reporter is; `own_case` is theirs that was merged."""

    __tablename__ = "followers"
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True, index=True)
    at: Mapped[datetime]
    own_case: Mapped[int | None]


class Letters(Base):
    """What a case's reporter and whoever handles it wrote to each other, numbers masked; `side` is who of the two."""

    __tablename__ = "letters"
    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    writer_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    side: Mapped[str]
    words: Mapped[str]
    at: Mapped[datetime]
    __table_args__ = (Index("ix_letters_case", "case_id", "at"), _NEVER_AGAIN)


class Mediations(Base):
    """A mediation between two sides; no case, and nobody's but theirs and their mediator's.

    `words`, `named` and `record` are hidden under `key`, which is not in the database. `barred` are the numbers of
    those who cannot mediate it.
    """

    __tablename__ = "mediations"
    id: Mapped[int] = mapped_column(primary_key=True)
    room: Mapped[str]
    stage: Mapped[str]
    key: Mapped[str]
    first_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"), index=True)
    other_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"), index=True)
    mediator_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"), index=True)
    barred: Mapped[str]
    first_yes: Mapped[datetime | None]
    other_yes: Mapped[datetime | None]
    words: Mapped[str | None]
    named: Mapped[str | None]
    record: Mapped[str | None]
    version: Mapped[int]
    first_signed: Mapped[int | None]
    other_signed: Mapped[int | None]
    first_absent: Mapped[int]
    other_absent: Mapped[int]
    slot_at: Mapped[datetime | None]
    moves: Mapped[int]
    opened_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    __table_args__ = (
        _some("ix_mediations_waiting", "room", "id", where="mediator_id IS NULL AND stage = 'asked'"),
        _NEVER_AGAIN,
    )


class MediationSlots(Base):
    """Who holds which time in which room: a room is held once, and so is a mediator."""

    __tablename__ = "mediation_slots"
    room: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    mediation_id: Mapped[int] = mapped_column(ForeignKey("mediations.id"), unique=True)
    mediator_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    __table_args__ = (Index("uq_mediation_slots_mediator", "mediator_id", "at", unique=True),)


class MediationLog(Base):
    """What was done in a mediation, by whom and when, without a word of it; `version` is the record signed."""

    __tablename__ = "mediation_log"
    id: Mapped[int] = mapped_column(primary_key=True)
    mediation_id: Mapped[int] = mapped_column(ForeignKey("mediations.id"), index=True)
    at: Mapped[datetime]
    person_id: Mapped[int | None]
    what: Mapped[str]
    version: Mapped[int | None]


class MediationHolds(Base):
    """Whether an agreement holds, as each side says so many days after; `words` hidden under the mediation's key."""

    __tablename__ = "mediation_holds"
    mediation_id: Mapped[int] = mapped_column(ForeignKey("mediations.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True, index=True)
    days: Mapped[int] = mapped_column(primary_key=True)
    holds: Mapped[bool]
    words: Mapped[str | None]
    at: Mapped[datetime]


class Ratings(Base):
    """What its reporter and each who followed it make of a case's result, once a round; why is in the journal."""

    __tablename__ = "ratings"
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    round: Mapped[int] = mapped_column(primary_key=True)
    score: Mapped[int]
    at: Mapped[datetime]


class Matters(Base):
    """A council matter and how far it has come; `steps` counts its journal.

    `grids` are those of an estate that lies in several, between spaces. `told_at`: when neighbours were told of it.
    """

    __tablename__ = "matters"
    id: Mapped[int] = mapped_column(primary_key=True)
    tier: Mapped[str]
    area: Mapped[str]
    grids: Mapped[str] = mapped_column(default="", server_default="")
    place: Mapped[str]
    proposer_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"), index=True)
    host_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    words: Mapped[str]
    door: Mapped[bool] = mapped_column(default=False, server_default=false())
    vouched: Mapped[int] = mapped_column(default=0, server_default="0")
    status: Mapped[str]
    round: Mapped[int] = mapped_column(default=1, server_default="1")
    question: Mapped[str | None]
    raised_to: Mapped[str | None]
    answer: Mapped[str | None]
    decision: Mapped[str | None]
    opened_at: Mapped[datetime]
    since: Mapped[datetime]
    notice_until: Mapped[datetime | None]
    rate_until: Mapped[datetime | None]
    merged_into: Mapped[int | None]
    spot: Mapped[str] = mapped_column(default="", server_default="")
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    told_at: Mapped[datetime | None]
    steps: Mapped[int] = mapped_column(default=0, server_default="0")
    __table_args__ = (
        Index("ix_matters_area", "area", "status", "id"),
        _some("ix_matters_raised_to", "raised_to", where="raised_to IS NOT NULL"),
        _some("ix_matters_untold", "id", where="told_at IS NULL AND status = 'collect'"),
        _NEVER_AGAIN,
    )


class MatterLog(Base):
    """The journal of matters: every step, who, as what, when, what, why, and how the matter stood after it."""

    __tablename__ = "matter_log"
    matter_id: Mapped[int] = mapped_column(ForeignKey("matters.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    person_id: Mapped[int | None] = mapped_column(index=True)
    part: Mapped[str | None]
    move: Mapped[str]
    status: Mapped[str]
    words: Mapped[str] = mapped_column(default="", server_default="")
    leaf_id: Mapped[int | None]


class MatterLeaves(Base):
    """The leaves of a matter's file: comments, objections, meetings, steps of carrying it out, ways out."""

    __tablename__ = "matter_leaves"
    id: Mapped[int] = mapped_column(primary_key=True)
    matter_id: Mapped[int] = mapped_column(ForeignKey("matters.id"))
    kind: Mapped[str]
    state: Mapped[str]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"), index=True)
    round: Mapped[int] = mapped_column(default=1, server_default="1")
    words: Mapped[str]
    at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    place: Mapped[str] = mapped_column(default="", server_default="")
    answer: Mapped[str] = mapped_column(default="", server_default="")
    answered_at: Mapped[datetime | None]
    rank: Mapped[int | None]
    ruling: Mapped[str] = mapped_column(default="", server_default="")
    code: Mapped[str] = mapped_column(default="", server_default="")
    __table_args__ = (
        Index("ix_matter_leaves_file", "matter_id", "kind", "id"),
        # Nobody objects twice to one notice.
        Index(
            "uq_matter_leaves_objection",
            "matter_id",
            "round",
            "person_id",
            unique=True,
            sqlite_where=text("kind = 'objection'"),
            postgresql_where=text("kind = 'objection'"),
        ),
        _some("ix_matter_leaves_meetings", "due_at", where="kind = 'meeting' AND state = 'called'"),
        _some("ix_matter_leaves_ways", "code", where="kind = 'way' AND state = 'planned'"),
        _NEVER_AGAIN,
    )


class MatterPhotos(Base):
    """Photos of a matter, or of one leaf of its file, in the order they came."""

    __tablename__ = "matter_photos"
    id: Mapped[int] = mapped_column(primary_key=True)
    matter_id: Mapped[int] = mapped_column(ForeignKey("matters.id"), index=True)
    leaf_id: Mapped[int | None]
    photo: Mapped[str] = mapped_column(index=True)


class MatterPieces(Base):
    """The pieces of a matter's words, so that it is found by them without reading them all."""

    __tablename__ = "matter_pieces"
    piece: Mapped[str] = mapped_column(primary_key=True)
    matter_id: Mapped[int] = mapped_column(ForeignKey("matters.id"), primary_key=True, index=True)


class Backers(Base):
    """Who supports a proposal: one row, one supporter."""

    __tablename__ = "backers"
    matter_id: Mapped[int] = mapped_column(ForeignKey("matters.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True, index=True)
    at: Mapped[datetime]


class MatterFollowers(Base):
    """Who hears of a matter; `muted`: who wants to no more, whatever they do with it; `grouped`: a group chat."""

    __tablename__ = "matter_followers"
    matter_id: Mapped[int] = mapped_column(ForeignKey("matters.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True, index=True)
    at: Mapped[datetime]
    muted: Mapped[bool] = mapped_column(default=False, server_default=false())
    grouped: Mapped[bool] = mapped_column(default=False, server_default=false())


class Flags(Base):
    """Who finds a proposal improper, and why; for its hosts to read."""

    __tablename__ = "flags"
    matter_id: Mapped[int] = mapped_column(ForeignKey("matters.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True, index=True)
    words: Mapped[str]
    at: Mapped[datetime]


class Attendance(Base):
    """Who says they come to a meeting, and who signed in at its door."""

    __tablename__ = "attendance"
    leaf_id: Mapped[int] = mapped_column(ForeignKey("matter_leaves.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True, index=True)
    coming: Mapped[bool]
    signed_at: Mapped[datetime | None]


class MatterRatings(Base):
    """What those who were eligible make of what came of a matter, once each."""

    __tablename__ = "matter_ratings"
    matter_id: Mapped[int] = mapped_column(ForeignKey("matters.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True, index=True)
    score: Mapped[int]
    words: Mapped[str] = mapped_column(default="", server_default="")
    at: Mapped[datetime]


class AreaCounts(Base):
    """The statistics of an area: what was counted of which day (`2026-11-23`), month (`2026-11`), of all time (empty).

    `counts` is JSON, as `domain/tally.py` names things. `storage/statistics.py` makes all of it again from the journal.
    """

    __tablename__ = "area_counts"
    area: Mapped[str] = mapped_column(primary_key=True)
    span: Mapped[str] = mapped_column(primary_key=True)
    counts: Mapped[str]
    __table_args__ = _NO_ORDER


class CountChanges(Base):
    """What the steps of the last minute changed in a grid's statistics, by day, until it is gathered into AreaCounts.

    Only added to with a step, so that two steps never wait for each other.
    """

    __tablename__ = "count_changes"
    id: Mapped[int] = mapped_column(primary_key=True)
    grid: Mapped[str] = mapped_column(index=True)
    days: Mapped[str]


class Pictures(Base):
    """A sheet of numbers somebody asked to see, until it is drawn and sent to them."""

    __tablename__ = "pictures"
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int]
    sheet: Mapped[str]
    at: Mapped[datetime]
    __table_args__ = _NEVER_AGAIN


class SignInCodes(Base):
    """The one code somebody may sign in to the pages with just now, as a digest."""

    __tablename__ = "sign_in_codes"
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    code: Mapped[str]
    expires_at: Mapped[datetime]


class Sessions(Base):
    """Who is signed in to the pages, by the digest of a token; `device` is a word such as iPhone."""

    __tablename__ = "sessions"
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    token: Mapped[str] = mapped_column(unique=True)
    device: Mapped[str]
    begun_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    __table_args__ = _NEVER_AGAIN


class Guesses(Base):
    """Wrong codes of the last minutes, by the digest of the address they came from."""

    __tablename__ = "guesses"
    id: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[str]
    at: Mapped[datetime] = mapped_column(index=True)


class CatalogueEntries(Base):
    """Every entry the catalogue ever had, by what names its terms: a case follows its own for ever. Only ever added."""

    __tablename__ = "catalogue"
    version: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str]
    body: Mapped[str]
    at: Mapped[datetime]


class Admissions(Base):
    """Work off the list that a department wants done by the grids of an area, and until which day it was let in.

    `amount` and `unit` are the term within which one such task is to be done.
    """

    __tablename__ = "admissions"
    id: Mapped[int] = mapped_column(primary_key=True)
    asker_id: Mapped[int]
    department: Mapped[str]
    area: Mapped[str]
    title: Mapped[str]
    basis: Mapped[str]
    hours: Mapped[int]
    grids: Mapped[int]
    amount: Mapped[int]
    unit: Mapped[str]
    until: Mapped[date]
    since: Mapped[date | None]
    state: Mapped[str]
    heard: Mapped[bool]
    more_until: Mapped[date | None]
    at: Mapped[datetime]
    __table_args__ = (Index("ix_admissions_state", "state", "until"), _NEVER_AGAIN)


class AdmissionSteps(Base):
    """What was done with a request, by whom, and why. Rows are only ever added."""

    __tablename__ = "admission_steps"
    id: Mapped[int] = mapped_column(primary_key=True)
    admission_id: Mapped[int] = mapped_column(ForeignKey("admissions.id"), index=True)
    at: Mapped[datetime]
    person_id: Mapped[int | None]
    act: Mapped[str]
    words: Mapped[str]


class Editions(Base):
    """The district's data as it was put in force, the whole folder as one; only the newest keeps its `files`."""

    __tablename__ = "editions"
    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str]
    files: Mapped[bytes | None]
    at: Mapped[datetime]
    __table_args__ = _NEVER_AGAIN


class Parked(Base):
    """A turn or a due fact that failed every time, kept with its trouble id for staff to see and replay."""

    __tablename__ = "parked"
    trouble: Mapped[str] = mapped_column(primary_key=True)
    what: Mapped[str]
    at: Mapped[datetime]
    replayed_at: Mapped[datetime | None]


class Files(Base):
    """Photos kept outside the database, by the digest of their bytes; `at` is when somebody last asked for one."""

    __tablename__ = "files"
    digest: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int]
    at: Mapped[datetime]


class Facts(Base):
    """Small things the service knows of itself, such as which district data it has taken in."""

    __tablename__ = "facts"
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
