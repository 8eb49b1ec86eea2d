"""A ballot may settle a council matter."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("ballots", sa.Column("matter_id", _ID, nullable=True))
    where = sa.text("matter_id IS NOT NULL")
    op.create_index("ix_ballots_matter", "ballots", ["matter_id"], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    op.drop_index("ix_ballots_matter", "ballots")
    op.drop_column("ballots", "matter_id")
