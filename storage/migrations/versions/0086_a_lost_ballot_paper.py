"""A ballot paper that was handed out and lost is made void; a matter says where exactly it is about."""

import sqlalchemy as sa
from alembic import op

revision = "0086"
down_revision = "0085"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("roll", sa.Column("back", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "voided_papers",
        sa.Column("ballot_id", _ID, sa.ForeignKey("ballots.id"), primary_key=True),
        sa.Column("voter", _ID, primary_key=True, autoincrement=False),
        sa.Column("copy", _ID, primary_key=True, autoincrement=False),
        sa.Column("by_id", _ID, nullable=False),
        sa.Column("helper_id", _ID, nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.add_column("matters", sa.Column("spot", sa.Text(), nullable=False, server_default=""))
    for name in ("latitude", "longitude"):
        op.add_column("matters", sa.Column(name, sa.Double(), nullable=True))


def downgrade() -> None:
    for name in ("longitude", "latitude", "spot"):
        op.drop_column("matters", name)
    op.drop_table("voided_papers")
    op.drop_column("roll", "back")
