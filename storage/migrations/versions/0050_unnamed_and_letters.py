"""Whoever reported a case may stay unnamed; they and whoever handles it write to each other."""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0020"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("cases", sa.Column("anonymous", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "letters",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("case_id", _ID, sa.ForeignKey("cases.id"), nullable=False),
        sa.Column("writer_id", _ID, sa.ForeignKey("people.id"), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_letters_case", "letters", ["case_id", "at"])
    op.create_index("ix_letters_writer_id", "letters", ["writer_id"])


def downgrade() -> None:
    op.drop_table("letters")
    op.drop_column("cases", "anonymous")
