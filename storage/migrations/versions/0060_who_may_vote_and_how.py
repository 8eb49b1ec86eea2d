"""Whose votes count and how they are cast: rosters, rules of a ballot, votes with a helper and on paper."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0052"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)
_BALLOT, _PERSON = "ballots.id", "people.id"
_RULES: dict[str, tuple[Any, Any]] = {
    "electorate": (sa.Text(), "residents"),
    "most": (_ID, "0"),
    "secret": (sa.Boolean(), sa.true()),
    "grave": (sa.Boolean(), sa.false()),
}


def upgrade() -> None:
    for name, (kind, default) in _RULES.items():
        op.add_column("ballots", sa.Column(name, kind, nullable=False, server_default=default))
    op.add_column("ballots", sa.Column("begins_at", _MOMENT, nullable=True))
    op.add_column("urn", sa.Column("voter", _ID, nullable=True))
    op.add_column("invitations", sa.Column("voter_id", _ID, nullable=True))
    op.add_column("invitations", sa.Column("by_id", _ID, nullable=True))
    op.create_table(
        "votes_by",
        sa.Column("ballot_id", _ID, sa.ForeignKey(_BALLOT), primary_key=True),
        sa.Column("voter", _ID, primary_key=True, autoincrement=False),
        sa.Column("person_id", _ID, sa.ForeignKey(_PERSON), nullable=True),
        sa.Column("slip", sa.Text(), nullable=True),
        sa.Column("envelope", sa.Text(), nullable=True),
        sa.Column("how", sa.Text(), nullable=False, server_default="chat"),
        sa.Column("helper_id", _ID, nullable=True),
        sa.Column("witness_id", _ID, nullable=True),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO votes_by (ballot_id, voter, person_id, slip, envelope) "
        "SELECT ballot_id, person_id, person_id, slip, envelope FROM roll ORDER BY ballot_id, person_id"
    )
    op.drop_table("roll")
    op.rename_table("votes_by", "roll")
    op.create_index("ix_roll_person", "roll", ["person_id", "ballot_id"])
    op.create_table(
        "readings",
        sa.Column("ballot_id", _ID, sa.ForeignKey(_BALLOT), primary_key=True),
        sa.Column("number", _ID, primary_key=True, autoincrement=False),
        sa.Column("person_id", _ID, sa.ForeignKey(_PERSON), primary_key=True),
        sa.Column("slip", sa.Text(), nullable=True),
        sa.Column("envelope", sa.Text(), nullable=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "voters",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("household", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("floor_area", _ID, nullable=True),
        sa.Column("owner_id", _ID, nullable=True),
        sa.Column("gone_at", _MOMENT, nullable=True),
        sqlite_autoincrement=True,
    )
    where = sa.text("gone_at IS NULL")
    op.create_index("ix_voters_area", "voters", ["area", "household"], sqlite_where=where, postgresql_where=where)
    op.create_table(
        "voter_phones",
        sa.Column("voter_id", _ID, sa.ForeignKey("voters.id"), primary_key=True),
        sa.Column("phone", sa.Text(), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_voter_phones_phone", "voter_phones", ["phone"])
    op.create_table(
        "confirmed",
        sa.Column("voter_id", _ID, sa.ForeignKey("voters.id"), primary_key=True),
        sa.Column("person_id", _ID, sa.ForeignKey(_PERSON), primary_key=True),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("by_id", _ID, nullable=True),
        sa.Column("at", _MOMENT, nullable=False),
    )
    op.create_index("ix_confirmed_person_id", "confirmed", ["person_id"])


def downgrade() -> None:
    # The older release knows votes of people in their chats only: others it could neither count nor list.
    op.drop_table("confirmed")
    op.drop_table("voter_phones")
    op.drop_table("voters")
    op.drop_table("readings")
    op.drop_index("ix_roll_person", "roll")
    op.create_table(
        "votes_of",
        sa.Column("ballot_id", _ID, sa.ForeignKey(_BALLOT), primary_key=True),
        sa.Column("person_id", _ID, sa.ForeignKey(_PERSON), primary_key=True),
        sa.Column("slip", sa.Text(), nullable=True),
        sa.Column("envelope", sa.Text(), nullable=True),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO votes_of (ballot_id, person_id, slip, envelope) "
        "SELECT ballot_id, person_id, slip, envelope FROM roll WHERE person_id = voter AND how = 'chat' "
        "ORDER BY ballot_id, person_id"
    )
    op.drop_table("roll")
    op.rename_table("votes_of", "roll")
    for name in ("by_id", "voter_id"):
        op.drop_column("invitations", name)
    op.drop_column("urn", "voter")
    for name in ("begins_at", *reversed(_RULES)):
        op.drop_column("ballots", name)
