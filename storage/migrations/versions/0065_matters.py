"""Council matters: proposed, supported, raised, met about, objected to, carried out, rated."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0065"
down_revision = "0063"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def _text(name: str) -> "sa.Column[str]":
    return sa.Column(name, sa.Text(), nullable=False, server_default="")


def _number(name: str, default: str) -> "sa.Column[int]":
    return sa.Column(name, _ID, nullable=False, server_default=default)


def _of(name: str, whole: str, *, key: bool = False, nullable: bool = False) -> "sa.Column[int]":
    return sa.Column(name, _ID, sa.ForeignKey(f"{whole}.id"), primary_key=key, nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "matters",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        _text("grids"),
        sa.Column("place", sa.Text(), nullable=False),
        _of("proposer_id", "people", nullable=True),
        _of("host_id", "people", nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("door", sa.Boolean(), nullable=False, server_default=sa.false()),
        _number("vouched", "0"),
        sa.Column("status", sa.Text(), nullable=False),
        _number("round", "1"),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("question", "raised_to", "answer", "decision")),
        *(sa.Column(name, _MOMENT, nullable=False) for name in ("opened_at", "since")),
        *(sa.Column(name, _MOMENT, nullable=True) for name in ("notice_until", "rate_until", "told_at")),
        sa.Column("merged_into", _ID, nullable=True),
        _number("steps", "0"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "matter_log",
        _of("matter_id", "matters", key=True),
        sa.Column("number", _ID, primary_key=True, autoincrement=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("person_id", _ID, nullable=True),
        sa.Column("part", sa.Text(), nullable=True),
        sa.Column("move", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        _text("words"),
        sa.Column("leaf_id", _ID, nullable=True),
    )
    op.create_table(
        "matter_leaves",
        sa.Column("id", _ID, primary_key=True),
        _of("matter_id", "matters"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        _of("person_id", "people", nullable=True),
        _number("round", "1"),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("due_at", _MOMENT, nullable=True),
        _text("place"),
        _text("answer"),
        sa.Column("answered_at", _MOMENT, nullable=True),
        sa.Column("rank", _ID, nullable=True),
        _text("ruling"),
        _text("code"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "matter_photos",
        sa.Column("id", _ID, primary_key=True),
        _of("matter_id", "matters"),
        sa.Column("leaf_id", _ID, nullable=True),
        sa.Column("photo", sa.Text(), nullable=False),
    )
    op.create_table(
        "matter_pieces",
        sa.Column("piece", sa.Text(), primary_key=True),
        _of("matter_id", "matters", key=True),
    )
    _of_people("backers", sa.Column("at", _MOMENT, nullable=False))
    _of_people(
        "matter_followers",
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("muted", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    _of_people("flags", sa.Column("words", sa.Text(), nullable=False), sa.Column("at", _MOMENT, nullable=False))
    _of_people(
        "matter_ratings",
        sa.Column("score", _ID, nullable=False),
        _text("words"),
        sa.Column("at", _MOMENT, nullable=False),
    )
    op.create_table(
        "attendance",
        _of("leaf_id", "matter_leaves", key=True),
        _of("person_id", "people", key=True),
        sa.Column("coming", sa.Boolean(), nullable=False),
        sa.Column("signed_at", _MOMENT, nullable=True),
    )
    for name, table, columns, where in _INDEXES:
        some = sa.text(where) if where else None
        unique = name.startswith("uq_")
        op.create_index(name, table, columns, unique=unique, sqlite_where=some, postgresql_where=some)


def _of_people(name: str, *columns: "sa.Column[Any]") -> None:
    """A table with a row for each person of a matter."""
    op.create_table(name, _of("matter_id", "matters", key=True), _of("person_id", "people", key=True), *columns)


_INDEXES = (
    ("ix_matters_area", "matters", ["area", "status", "id"], ""),
    ("ix_matters_raised_to", "matters", ["raised_to"], "raised_to IS NOT NULL"),
    ("ix_matters_untold", "matters", ["id"], "told_at IS NULL AND status = 'collect'"),
    ("ix_matters_proposer_id", "matters", ["proposer_id"], ""),
    ("ix_matter_log_person_id", "matter_log", ["person_id"], ""),
    ("ix_matter_leaves_person_id", "matter_leaves", ["person_id"], ""),
    ("ix_matter_leaves_file", "matter_leaves", ["matter_id", "kind", "id"], ""),
    ("uq_matter_leaves_objection", "matter_leaves", ["matter_id", "round", "person_id"], "kind = 'objection'"),
    ("ix_matter_leaves_meetings", "matter_leaves", ["due_at"], "kind = 'meeting' AND state = 'called'"),
    ("ix_matter_photos_matter_id", "matter_photos", ["matter_id"], ""),
    ("ix_matter_photos_photo", "matter_photos", ["photo"], ""),
    ("ix_matter_pieces_matter_id", "matter_pieces", ["matter_id"], ""),
    ("ix_backers_person_id", "backers", ["person_id"], ""),
    ("ix_matter_followers_person_id", "matter_followers", ["person_id"], ""),
    ("ix_flags_person_id", "flags", ["person_id"], ""),
    ("ix_matter_ratings_person_id", "matter_ratings", ["person_id"], ""),
    ("ix_attendance_person_id", "attendance", ["person_id"], ""),
)
_TABLES = (
    *("attendance", "matter_ratings", "flags", "matter_followers", "backers", "matter_pieces", "matter_photos"),
    *("matter_leaves", "matter_log", "matters"),
)


def downgrade() -> None:
    for table in _TABLES:
        op.drop_table(table)
