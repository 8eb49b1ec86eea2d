"""Work off the list is asked for, let in for a term, and over by itself."""

import sqlalchemy as sa
from alembic import op

revision = "0066"
down_revision = "0065"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "admissions",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("asker_id", _ID, nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("hours", _ID, nullable=False),
        sa.Column("grids", _ID, nullable=False),
        sa.Column("amount", _ID, nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("heard", sa.Boolean(), nullable=False),
        sa.Column("more_until", sa.Date(), nullable=True),
        sa.Column("at", _MOMENT, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_admissions_state", "admissions", ["state", "until"])
    op.create_table(
        "admission_steps",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("admission_id", _ID, sa.ForeignKey("admissions.id"), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("person_id", _ID, nullable=True),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
    )
    op.create_index("ix_admission_steps_admission_id", "admission_steps", ["admission_id"])


def downgrade() -> None:
    op.drop_table("admission_steps")
    op.drop_table("admissions")
