"""Who has voted and what was voted are kept apart; what was kept together is taken apart."""

import json
import re
import secrets

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)
_PAGE = 1000
# The line of a receipt that said what had been chosen, in each script and language.
_CHOSEN = re.compile(r"^(您选了|您現在選的是|您選了|您现在选的是|You chose|Your choice is now)[：:].*\n?", re.MULTILINE)
_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"


def upgrade() -> None:
    op.add_column("ballots", sa.Column("method", sa.Text(), nullable=False, server_default="single"))
    op.add_column("ballots", sa.Column("quorum", _ID, nullable=False, server_default="0"))
    op.add_column("ballots", sa.Column("key", sa.Text(), nullable=True))
    op.add_column("ballots", sa.Column("result", sa.Text(), nullable=True))
    op.add_column("ballots", sa.Column("told_at", _MOMENT, nullable=True))
    where = sa.text("closed_at IS NOT NULL AND told_at IS NULL")
    op.create_table(
        "roll",
        sa.Column("ballot_id", _ID, sa.ForeignKey("ballots.id"), primary_key=True),
        sa.Column("person_id", _ID, sa.ForeignKey("people.id"), primary_key=True),
        sa.Column("slip", sa.Text(), nullable=True),
        sa.Column("envelope", sa.Text(), nullable=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "urn",
        sa.Column("ballot_id", _ID, sa.ForeignKey("ballots.id"), primary_key=True),
        sa.Column("receipt", sa.Text(), primary_key=True),
        sa.Column("paper", sa.Text(), nullable=False),
        sqlite_with_rowid=False,
    )
    _take_apart()
    op.create_index("ix_ballots_unfinished", "ballots", ["closed_at"], sqlite_where=where, postgresql_where=where)
    if op.get_bind().dialect.name == "sqlite":
        # What the old rows said is overwritten, not only given up.
        op.execute("PRAGMA secure_delete = ON")
        op.execute("DELETE FROM votes")
    op.drop_table("votes")
    _unsay()


def _unsay() -> None:
    """Messages kept for their ninety days say no more what somebody chose."""
    outbox = sa.table("outbox", sa.column("id", _ID), sa.column("kind", sa.Text()), sa.column("body", sa.Text()))
    last = 0
    while True:
        page = (
            op.get_bind()
            .execute(
                sa.select(outbox.c.id, outbox.c.body)
                .where(outbox.c.id > last, outbox.c.kind == "reply", outbox.c.body.like('%"opens":"vote"%'))
                .order_by(outbox.c.id)
                .limit(_PAGE)
            )
            .all()
        )
        if not page:
            return
        for number, body in page:
            reply = json.loads(body)
            unsaid = {**reply, "text": _CHOSEN.sub("", reply["text"])}
            if unsaid != reply:
                body = json.dumps(unsaid, ensure_ascii=False, separators=(",", ":"))
                op.get_bind().execute(sa.update(outbox).where(outbox.c.id == number).values(body=body))
        last = page[-1][0]


def _take_apart() -> None:
    """Closed ballots were told: into the urn. Open ones are sealed by the service when it starts, see `bot.teller`."""
    db = op.get_bind()
    ballots = sa.table(
        "ballots", *(sa.column(name, _ID) for name in ("id",)),
        *(sa.column(name, _MOMENT) for name in ("closed_at", "told_at")), sa.column("cancelled", sa.Text()),
    )  # fmt: skip
    votes = sa.table("votes", *(sa.column(name, _ID) for name in ("ballot_id", "person_id", "option")))
    roll = sa.table(
        "roll", *(sa.column(name, _ID) for name in ("ballot_id", "person_id")),
        *(sa.column(name, sa.Text()) for name in ("slip", "envelope")),
    )  # fmt: skip
    urn = sa.table("urn", sa.column("ballot_id", _ID), sa.column("receipt", sa.Text()), sa.column("paper", sa.Text()))
    for ballot, closed, cancelled in db.execute(sa.select(ballots.c.id, ballots.c.closed_at, ballots.c.cancelled)):
        cast = db.execute(sa.select(votes.c.person_id, votes.c.option).where(votes.c.ballot_id == ballot)).all()
        if cancelled is None and cast:
            still = closed is None
            db.execute(
                sa.insert(roll),
                [
                    {
                        "ballot_id": ballot,
                        "person_id": person,
                        "slip": None,
                        "envelope": f"early:{option}" if still else None,
                    }
                    for person, option in cast
                ],
            )
        if cancelled is None and cast and closed is not None:
            papers = sorted((_receipt(), json.dumps([option])) for _, option in cast)
            db.execute(
                sa.insert(urn),
                [{"ballot_id": ballot, "receipt": receipt, "paper": paper} for receipt, paper in papers],
            )
    db.execute(sa.update(ballots).where(ballots.c.closed_at.is_not(None)).values(told_at=ballots.c.closed_at))


def _receipt() -> str:
    letters = "".join(secrets.choice(_LETTERS) for _ in range(12))
    return "-".join(letters[start : start + 4] for start in range(0, 12, 4))


def downgrade() -> None:
    # Who voted what is known to nobody any more: the older release finds its open ballots without votes.
    op.create_table(
        "votes",
        sa.Column("ballot_id", _ID, sa.ForeignKey("ballots.id"), primary_key=True),
        sa.Column("person_id", _ID, sa.ForeignKey("people.id"), primary_key=True),
        sa.Column("option", _ID, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
    )
    op.drop_table("urn")
    op.drop_table("roll")
    op.drop_index("ix_ballots_unfinished", "ballots")
    with op.batch_alter_table("ballots") as ballots:
        for column in ("told_at", "result", "key", "quorum", "method"):
            ballots.drop_column(column)
