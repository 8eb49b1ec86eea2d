"""A case may be offered to a colleague; a gridworker's leave, who stands in, and the last words with residents."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)
_OFFERED = sa.text("offered_to IS NOT NULL")


def upgrade() -> None:
    op.add_column("cases", sa.Column("offered_to", _ID, nullable=True))
    op.create_index("ix_cases_offered_to", "cases", ["offered_to"], sqlite_where=_OFFERED, postgresql_where=_OFFERED)


def downgrade() -> None:
    op.drop_index("ix_cases_offered_to", "cases")
    with op.batch_alter_table("cases") as cases:
        cases.drop_column("offered_to")
