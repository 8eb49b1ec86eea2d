"""What the statistics count, by area and day, and what has not been gathered yet; pictures asked for."""

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "area_counts",
        sa.Column("area", sa.Text(), primary_key=True),
        sa.Column("span", sa.Text(), primary_key=True),
        sa.Column("counts", sa.Text(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "count_changes",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("grid", sa.Text(), nullable=False),
        sa.Column("days", sa.Text(), nullable=False),
    )
    op.create_index("ix_count_changes_grid", "count_changes", ["grid"])
    op.create_table(
        "pictures",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("person_id", _ID, nullable=False),
        sa.Column("sheet", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("pictures")
    op.drop_table("count_changes")
    op.drop_table("area_counts")
    # Counted anew when the tables are there again: what happens until then is not.
    op.execute("DELETE FROM facts WHERE name = 'statistics'")
