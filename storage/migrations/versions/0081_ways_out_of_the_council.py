"""From a case back to the council matter it comes from."""

import sqlalchemy as sa
from alembic import op

revision = "0081"
down_revision = "0070"
branch_labels = None
depends_on = None

_OUT = sa.text("kind = 'way' AND state = 'planned'")


def upgrade() -> None:
    op.create_index("ix_matter_leaves_ways", "matter_leaves", ["code"], sqlite_where=_OUT, postgresql_where=_OUT)


def downgrade() -> None:
    op.drop_index("ix_matter_leaves_ways", "matter_leaves")
