"""Gridworkers check in on their rounds."""

import sqlalchemy as sa
from alembic import op

revision = "0067"
down_revision = "0066"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "patrols",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("person_id", _ID, sa.ForeignKey("people.id"), nullable=False),
        sa.Column("grid", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("found", sa.Boolean(), nullable=False),
    )
    op.create_index("ix_patrols_person_id", "patrols", ["person_id", "at"])
    op.create_index("ix_patrols_at", "patrols", ["at"])


def downgrade() -> None:
    op.drop_table("patrols")
