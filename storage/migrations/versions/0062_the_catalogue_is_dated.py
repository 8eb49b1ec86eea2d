"""The catalogue is dated: a case keeps the terms it was opened under; what is in force lies whole in the database."""

import sqlalchemy as sa
from alembic import op

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "catalogue",
        sa.Column("version", sa.Text(), primary_key=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
    )
    op.create_table(
        "editions",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("files", sa.LargeBinary(), nullable=True),
        sa.Column("at", _MOMENT, nullable=False),
        sqlite_autoincrement=True,
    )
    op.add_column("cases", sa.Column("version", sa.Text(), nullable=True))
    # What the folder says is taken in anew, its catalogue with it, however little it has changed.
    op.execute("DELETE FROM facts WHERE name = 'district'")


def downgrade() -> None:
    with op.batch_alter_table("cases") as cases:
        cases.drop_column("version")
    op.drop_table("editions")
    op.drop_table("catalogue")
