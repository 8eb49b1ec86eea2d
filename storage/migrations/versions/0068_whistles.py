"""A community or a street whistles for departments; each has its own time to come."""

import sqlalchemy as sa
from alembic import op

revision = "0068"
down_revision = "0067"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)
_WAITING = sa.text("over_at IS NULL")


def upgrade() -> None:
    op.add_column("cases", sa.Column("called", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "whistles",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("case_id", _ID, sa.ForeignKey("cases.id"), nullable=False),
        sa.Column("blown_by", _ID, sa.ForeignKey("people.id"), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("meet", sa.Text(), nullable=False),
        sa.Column("blown_at", _MOMENT, nullable=False),
        sa.Column("closed_at", _MOMENT, nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
    )
    op.create_index("ix_whistles_case_id", "whistles", ["case_id"])
    op.create_table(
        "whistle_calls",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("whistle_id", _ID, sa.ForeignKey("whistles.id"), nullable=False),
        sa.Column("case_id", _ID, sa.ForeignKey("cases.id"), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("standing", sa.Text(), nullable=False),
        sa.Column("due_at", _MOMENT, nullable=False),
        sa.Column("person_id", _ID, nullable=True),
        sa.Column("answered_at", _MOMENT, nullable=True),
        sa.Column("signed_at", _MOMENT, nullable=True),
        sa.Column("agreed", sa.Text(), nullable=False),
        sa.Column("over_at", _MOMENT, nullable=True),
    )
    op.create_index("uq_whistle_calls_department", "whistle_calls", ["whistle_id", "department"], unique=True)
    op.create_index(
        "ix_whistle_calls_waiting",
        "whistle_calls",
        ["department", "id"],
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    )


def downgrade() -> None:
    op.drop_table("whistle_calls")
    op.drop_table("whistles")
    with op.batch_alter_table("cases") as cases:
        cases.drop_column("called")
