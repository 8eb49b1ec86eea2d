"""A case lies with a level or with a department; who asked how it stands is owed an answer."""

import sqlalchemy as sa
from alembic import op

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)
_LYING = sa.text("department IS NOT NULL AND closed_at IS NULL")


def upgrade() -> None:
    op.add_column("cases", sa.Column("level", sa.Text(), nullable=False, server_default="community"))
    op.add_column("cases", sa.Column("department", sa.Text(), nullable=True))
    op.add_column("cases", sa.Column("answer_by", _MOMENT, nullable=True))
    op.create_index(
        "ix_cases_department", "cases", ["department", "due_at"], sqlite_where=_LYING, postgresql_where=_LYING
    )
    op.create_table(
        "demands",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("case_id", _ID, sa.ForeignKey("cases.id"), nullable=False),
        sa.Column("move", sa.Text(), nullable=False),
        sa.Column("asked_by", _ID, sa.ForeignKey("people.id"), nullable=True),
        sa.Column("rank", _ID, nullable=False),
        sa.Column("asked_at", _MOMENT, nullable=False),
        sa.Column("answer_by", _MOMENT, nullable=False),
        sa.Column("over_at", _MOMENT, nullable=True),
    )
    op.create_index("ix_demands_case", "demands", ["case_id", "id"])
    op.create_index("ix_demands_asked_by", "demands", ["asked_by"])


def downgrade() -> None:
    op.drop_table("demands")
    op.drop_index("ix_cases_department", "cases")
    with op.batch_alter_table("cases") as cases:
        cases.drop_column("answer_by")
        cases.drop_column("department")
        cases.drop_column("level")
