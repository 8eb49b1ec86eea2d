"""Gridworkers call at households, door by door for a campaign."""

import sqlalchemy as sa
from alembic import op

revision = "0083"
down_revision = "0081"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "campaigns",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("opened_by", _ID, sa.ForeignKey("people.id"), nullable=True),
        sa.Column("opened_at", _MOMENT, nullable=False),
        sa.Column("closed_at", _MOMENT, nullable=True),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_campaigns_opened_by", "campaigns", ["opened_by"])
    op.create_index("ix_campaigns_closed_at", "campaigns", ["closed_at"])
    op.create_table(
        "doors",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("campaign_id", _ID, sa.ForeignKey("campaigns.id"), nullable=False),
        sa.Column("position", _ID, nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("household", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("by_id", _ID, sa.ForeignKey("people.id"), nullable=True),
        sa.Column("at", _MOMENT, nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_doors_campaign_id", "doors", ["campaign_id", "position"])
    op.create_index("ix_doors_by_id", "doors", ["by_id"])
    op.create_table(
        "visits",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("person_id", _ID, sa.ForeignKey("people.id"), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("household", sa.Text(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("door_id", _ID, nullable=True),
    )
    op.create_index("ix_visits_person_id", "visits", ["person_id", "at"])
    op.create_index("ix_visits_at", "visits", ["at"])


def downgrade() -> None:
    op.drop_table("visits")
    op.drop_table("doors")
    op.drop_table("campaigns")
