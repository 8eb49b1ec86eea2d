"""A message knows its way out and what it is news of; a chat may have a budget; an unknown fate is dated."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_BEFORE = ("ix_outbox_pending", "ix_outbox_mailbox", "ix_outbox_delivered")
_INDEXES = {
    "ix_outbox_pending": (["lane", "priority", "due_at", "id"], "state = 'pending'"),
    "ix_outbox_waiting": (["contact_id"], "state = 'pending'"),
    "ix_outbox_sending": (["lane"], "state = 'sending'"),
    "ix_outbox_mailbox": (["contact_id", "delivered"], "delivered IS NOT NULL"),
    "ix_outbox_queued": (["queued_at"], None),
}


def upgrade() -> None:
    for name in _BEFORE:
        op.drop_index(name, "outbox")
    op.add_column("contacts", sa.Column("credit", _ID, nullable=True))
    op.add_column("contacts", sa.Column("credit_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("outbox", sa.Column("topic", sa.Text(), nullable=True))
    op.add_column("outbox", sa.Column("unknown_at", sa.DateTime(timezone=True), nullable=True))
    # Kept after this step: the release before it, still running while this one starts, queues without a lane.
    op.add_column("outbox", sa.Column("lane", sa.Text(), nullable=False, server_default=""))
    op.execute(
        "UPDATE outbox SET lane = (SELECT platform || ':' || account FROM contacts WHERE contacts.id = contact_id)"
    )
    for name, (columns, where) in _INDEXES.items():
        only = sa.text(where) if where else None
        op.create_index(name, "outbox", columns, sqlite_where=only, postgresql_where=only)


def downgrade() -> None:
    for name in _INDEXES:
        op.drop_index(name, "outbox")
    for table, column in (
        ("outbox", "lane"),
        ("outbox", "unknown_at"),
        ("outbox", "topic"),
        ("contacts", "credit_until"),
        ("contacts", "credit"),
    ):
        op.drop_column(table, column)
    waiting = sa.text("state IN ('pending', 'sending')")
    op.create_index("ix_outbox_pending", "outbox", ["priority", "id"], sqlite_where=waiting, postgresql_where=waiting)
    op.create_index("ix_outbox_mailbox", "outbox", ["contact_id", "delivered"])
    op.create_index("ix_outbox_delivered", "outbox", ["delivered"])
