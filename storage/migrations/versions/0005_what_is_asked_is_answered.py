"""Questions are gathered and answered, people are handed over to, and a case is followed by whoever met with it too."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "clusters",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("asks", sa.Text(), nullable=False),
        sa.Column("size", _ID, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "cluster_pieces",
        sa.Column("piece", sa.Text(), primary_key=True),
        sa.Column("cluster_id", _ID, sa.ForeignKey("clusters.id"), primary_key=True),
    )
    op.create_index("ix_cluster_pieces_cluster_id", "cluster_pieces", ["cluster_id"])
    op.create_table(
        "answers",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("cluster_id", _ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("areas", sa.Text(), nullable=False),
        sa.Column("by_id", _ID, sa.ForeignKey("people.id"), nullable=False),
        sa.Column("entry", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("phrasings", sa.Text(), nullable=False),
        sa.Column("checked", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("withdrawn_at", _MOMENT, nullable=True),
        sa.Column("withdrawn_by", _ID, nullable=True),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("questions") as questions:
        questions.add_column(sa.Column("cluster_id", _ID, nullable=True))
        questions.add_column(sa.Column("shown", sa.Text(), nullable=False, server_default=""))
        questions.add_column(sa.Column("unhelpful", sa.Boolean(), nullable=False, server_default=sa.false()))
        questions.add_column(sa.Column("answer_id", _ID, nullable=True))
        questions.add_column(sa.Column("told_at", _MOMENT, nullable=True))
    _gather()
    for name, columns, some in (
        ("ix_questions_open", ["cluster_id", "grid"], "answer_id IS NULL"),
        ("ix_questions_answer_id", ["answer_id"], None),
        ("ix_questions_person_id", ["person_id"], None),
    ):
        where = sa.text(some) if some else None
        op.create_index(name, "questions", columns, sqlite_where=where, postgresql_where=where)
    op.create_table(
        "thumbs",
        sa.Column("entry", sa.Text(), primary_key=True),
        sa.Column("person_id", _ID, sa.ForeignKey("people.id"), primary_key=True),
        sa.Column("useful", sa.Boolean(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
    )
    op.create_table(
        "handovers",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("person_id", _ID, sa.ForeignKey("people.id"), nullable=False),
        sa.Column("staff_id", _ID, sa.ForeignKey("people.id"), nullable=True),
        sa.Column("grid", sa.Text(), nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("tried", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("said", _ID, nullable=False),
        sa.Column("opened_at", _MOMENT, nullable=False),
        sa.Column("last_at", _MOMENT, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_handovers_person_id", "handovers", ["person_id"])
    op.create_table(
        "followers",
        sa.Column("case_id", _ID, sa.ForeignKey("cases.id"), primary_key=True),
        sa.Column("person_id", _ID, sa.ForeignKey("people.id"), primary_key=True),
        sa.Column("at", _MOMENT, nullable=False),
    )
    op.create_index("ix_followers_person_id", "followers", ["person_id"])
    # Where a report of the same kind is looked for.
    still = sa.text("status IN ('dispatched', 'handling', 'returned')")
    columns = ["grid", "category", "id"]
    op.create_index("ix_cases_near", "cases", columns, sqlite_where=still, postgresql_where=still)


def _gather() -> None:
    """What was kept before is gathered by its very words; what is asked from now on finds its like by its pieces."""
    questions = sa.table("questions", sa.column("words", sa.Text()), sa.column("cluster_id", _ID))
    clusters = sa.table(
        "clusters", sa.column("id", _ID), sa.column("asks", sa.Text()), sa.column("size", _ID), sa.column("at", _MOMENT)
    )
    kept = sa.table("questions", sa.column("words", sa.Text()), sa.column("at", _MOMENT))
    earliest = sa.select(kept.c.words, sa.func.min(kept.c.at, type_=_MOMENT)).group_by(kept.c.words)
    db = op.get_bind()
    for number, (words, at) in enumerate(sorted(db.execute(earliest).all(), key=lambda row: row[1]), 1):
        db.execute(sa.insert(clusters).values(asks="", size=0, at=at))
        newest = db.scalar(sa.select(sa.func.max(clusters.c.id))) or number
        db.execute(sa.update(questions).where(questions.c.words == words).values(cluster_id=newest))


def downgrade() -> None:
    op.drop_index("ix_cases_near", "cases")
    op.drop_table("followers")
    op.drop_table("handovers")
    op.drop_table("thumbs")
    for name in ("ix_questions_open", "ix_questions_answer_id", "ix_questions_person_id"):
        op.drop_index(name, "questions")
    with op.batch_alter_table("questions") as questions:
        for column in ("told_at", "answer_id", "unhelpful", "shown", "cluster_id"):
            questions.drop_column(column)
    op.drop_table("answers")
    op.drop_table("cluster_pieces")
    op.drop_table("clusters")
