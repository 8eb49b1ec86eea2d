"""Two sides are brought together in a room, and whoever is invited to it has a code."""

import sqlalchemy as sa
from alembic import op

revision = "0070"
down_revision = "0069"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)
_WAITS = sa.text("mediator_id IS NULL AND stage = 'asked'")


def upgrade() -> None:
    op.create_table(
        "mediations",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("room", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        *(sa.Column(f"{who}_id", _ID, sa.ForeignKey("people.id"), nullable=True) for who in _WHO),
        sa.Column("barred", sa.Text(), nullable=False),
        sa.Column("first_yes", _MOMENT, nullable=True),
        sa.Column("other_yes", _MOMENT, nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("named", sa.Text(), nullable=True),
        sa.Column("record", sa.Text(), nullable=True),
        sa.Column("version", _ID, nullable=False),
        sa.Column("first_signed", _ID, nullable=True),
        sa.Column("other_signed", _ID, nullable=True),
        sa.Column("first_absent", _ID, nullable=False),
        sa.Column("other_absent", _ID, nullable=False),
        sa.Column("slot_at", _MOMENT, nullable=True),
        sa.Column("moves", _ID, nullable=False),
        sa.Column("opened_at", _MOMENT, nullable=False),
        sa.Column("ended_at", _MOMENT, nullable=True),
        sqlite_autoincrement=True,
    )
    for who in _WHO:
        op.create_index(f"ix_mediations_{who}_id", "mediations", [f"{who}_id"])
    op.create_index("ix_mediations_waiting", "mediations", ["room", "id"], sqlite_where=_WAITS, postgresql_where=_WAITS)
    op.create_table(
        "mediation_slots",
        sa.Column("room", sa.Text(), primary_key=True),
        sa.Column("at", _MOMENT, primary_key=True),
        sa.Column("mediation_id", _ID, sa.ForeignKey("mediations.id"), nullable=False),
        sa.Column("mediator_id", _ID, sa.ForeignKey("people.id"), nullable=False),
        sa.UniqueConstraint("mediation_id", name="uq_mediation_slots_mediation_id"),
    )
    op.create_index("uq_mediation_slots_mediator", "mediation_slots", ["mediator_id", "at"], unique=True)
    op.create_table(
        "mediation_log",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("mediation_id", _ID, sa.ForeignKey("mediations.id"), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("person_id", _ID, nullable=True),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("version", _ID, nullable=True),
    )
    op.create_index("ix_mediation_log_mediation_id", "mediation_log", ["mediation_id"])
    op.create_table(
        "mediation_holds",
        sa.Column("mediation_id", _ID, sa.ForeignKey("mediations.id"), primary_key=True),
        sa.Column("person_id", _ID, sa.ForeignKey("people.id"), primary_key=True),
        sa.Column("days", _ID, primary_key=True),
        sa.Column("holds", sa.Boolean(), nullable=False),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("at", _MOMENT, nullable=False),
    )
    op.create_index("ix_mediation_holds_person_id", "mediation_holds", ["person_id"])
    op.add_column("invitations", sa.Column("mediation_id", _ID, nullable=True))
    op.add_column("invitations", sa.Column("side", sa.Text(), nullable=True))


_WHO = ("first", "other", "mediator")


def downgrade() -> None:
    for column in ("side", "mediation_id"):
        op.drop_column("invitations", column)
    for table in ("mediation_holds", "mediation_log", "mediation_slots", "mediations"):
        op.drop_table(table)
