"""A role may be held in a department, and an invitation be to one."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("roles", sa.Column("department", sa.Text(), nullable=True))
    op.add_column("invitations", sa.Column("department", sa.Text(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("invitations") as invitations:
        invitations.drop_column("department")
    with op.batch_alter_table("roles") as roles:
        roles.drop_column("department")
