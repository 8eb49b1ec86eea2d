"""A case may be offered to a colleague; a gridworker's leave, who stands in, and the last words with residents."""

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)
_OFFERED = sa.text("offered_to IS NOT NULL")
_ON, _LENT = sa.text("stage = 'on'"), sa.text("leave_id IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "leaves",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("person_id", _ID, sa.ForeignKey("people.id"), nullable=False),
        sa.Column("stand_in_id", _ID, nullable=True),
        sa.Column("acting_id", _ID, nullable=True),
        sa.Column("begins_at", _MOMENT, nullable=False),
        sa.Column("ends_at", _MOMENT, nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("asked_at", _MOMENT, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_leaves_person_id", "leaves", ["person_id", "begins_at"])
    op.create_index("ix_leaves_on", "leaves", ["person_id"], sqlite_where=_ON, postgresql_where=_ON)
    op.create_index("ix_leaves_acting", "leaves", ["acting_id"], sqlite_where=_ON, postgresql_where=_ON)
    op.create_table(
        "last_words",
        sa.Column("resident_id", _ID, sa.ForeignKey("people.id"), primary_key=True),
        sa.Column("worker_id", _ID, sa.ForeignKey("people.id"), primary_key=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("answered", sa.Boolean(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
    )
    op.create_index("ix_last_words_worker_id", "last_words", ["worker_id"])
    op.create_index("ix_last_words_at", "last_words", ["at"])
    op.add_column("people", sa.Column("stand_in_id", _ID, nullable=True))
    op.add_column("roles", sa.Column("leave_id", _ID, nullable=True))
    op.create_index("ix_roles_leave_id", "roles", ["leave_id"], sqlite_where=_LENT, postgresql_where=_LENT)
    op.add_column("cases", sa.Column("offered_to", _ID, nullable=True))
    op.create_index("ix_cases_offered_to", "cases", ["offered_to"], sqlite_where=_OFFERED, postgresql_where=_OFFERED)


def downgrade() -> None:
    op.drop_index("ix_cases_offered_to", "cases")
    op.drop_column("cases", "offered_to")
    # The older release knows of no leave: who stood in would hold the grid for ever.
    op.execute("UPDATE roles SET until = CURRENT_TIMESTAMP WHERE leave_id IS NOT NULL AND until IS NULL")
    op.drop_index("ix_roles_leave_id", "roles")
    op.drop_column("roles", "leave_id")
    op.drop_column("people", "stand_in_id")
    op.drop_table("last_words")
    op.drop_table("leaves")
