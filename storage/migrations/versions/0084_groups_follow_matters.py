"""A group chat follows a council matter, let in by a code a host gave."""

import sqlalchemy as sa
from alembic import op

revision = "0084"
down_revision = "0083"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("invitations", sa.Column("matter_id", _ID, nullable=True))
    op.add_column("matter_followers", sa.Column("grouped", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column("matter_followers", "grouped")
    op.drop_column("invitations", "matter_id")
