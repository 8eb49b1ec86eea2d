"""A ballot may be put to one estate in several grids, and an estate may have a roster of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0085"
down_revision = "0084"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_BALLOTS = sa.table(
    "ballots",
    *(sa.column(name) for name in ("id", "matter_id", "grids", "cancelled")),
    *(sa.column(name, _MOMENT) for name in ("opened_at", "closed_at", "told_at")),
)
_MATTERS = sa.table("matters", sa.column("id"), sa.column("status"))
_VOTERS = sa.table("voters", sa.column("estate"), sa.column("gone_at", _MOMENT))


def upgrade() -> None:
    for name in ("grids", "estate"):
        op.add_column("ballots", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.add_column("voters", sa.Column("estate", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    # The older release would put a ballot of some grids to all of its community, and an estate's roster to the whole:
    # what runs is called off and can be held again, the matter is on the agenda; such a roster is no more.
    running = (_BALLOTS.c.grids != "", _BALLOTS.c.closed_at.is_(None))
    for name in ("roll", "readings"):
        table = sa.table(name, sa.column("ballot_id"))
        op.execute(sa.delete(table).where(table.c.ballot_id.in_(sa.select(_BALLOTS.c.id).where(*running))))
    theirs = sa.select(_BALLOTS.c.matter_id).where(*running, _BALLOTS.c.matter_id.is_not(None))
    op.execute(
        sa.update(_MATTERS).where(_MATTERS.c.id.in_(theirs), _MATTERS.c.status == "ballot").values(status="agenda")
    )
    off = {"closed_at": _BALLOTS.c.opened_at, "told_at": _BALLOTS.c.opened_at, "cancelled": ""}
    op.execute(sa.update(_BALLOTS).where(*running).values(off))
    op.execute(sa.update(_VOTERS).where(_VOTERS.c.estate != "").values(gone_at=sa.func.current_timestamp()))
    op.drop_column("voters", "estate")
    for name in ("estate", "grids"):
        op.drop_column("ballots", name)
