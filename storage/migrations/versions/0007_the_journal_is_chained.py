"""The journal of cases is chained and cannot be changed; a case hangs, is merged, checked and opened again."""

import secrets
from collections.abc import Iterator
from datetime import UTC
from typing import Any

import sqlalchemy as sa
from alembic import op

from domain import journal

revision = "0007"
down_revision = "0005"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)
_PAGE = 500
# How a case stood after a step that was put down before this release; others left it where it was.
_ENDS = {
    "accept": "handling",
    "return": "returned",
    "dispatch": "dispatched",
    "finish": "done",
    "rate": "closed",
    "verify": "closed",
    "reject": "handling",
    "withdraw": "withdrawn",
    "dismiss": "dismissed",
}


_CASES: dict[str, Any] = {
    "checker_id": _ID,
    "hung_at": _MOMENT,
    "look_at": _MOMENT,
    "asked_until": _MOMENT,
    "asked_by": _ID,
    "asked_rank": _ID,
    "reopen_until": _MOMENT,
    "merged_into": _ID,
}


def upgrade() -> None:
    op.add_column("cases", sa.Column("steps", _ID, nullable=False, server_default="0"))
    op.add_column("cases", sa.Column("head", sa.LargeBinary(), nullable=False, server_default=""))
    op.add_column("cases", sa.Column("doers", sa.Text(), nullable=False, server_default=""))
    for name, kind in _CASES.items():
        op.add_column("cases", sa.Column(name, kind, nullable=True))
    op.add_column("followers", sa.Column("own_case", _ID, nullable=True))
    op.create_table(
        "ratings",
        sa.Column("case_id", _ID, sa.ForeignKey("cases.id"), primary_key=True),
        sa.Column("person_id", _ID, sa.ForeignKey("people.id"), primary_key=True),
        sa.Column("round", _ID, primary_key=True),
        sa.Column("score", _ID, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
    )
    op.add_column("case_photos", sa.Column("step", _ID, nullable=False, server_default="1"))
    op.drop_index("ix_case_log_case_id", "case_log")
    with op.batch_alter_table("case_log") as log:
        for column in (
            sa.Column("number", _ID, nullable=True),
            sa.Column("part", sa.Text(), nullable=True),
            sa.Column("target", _ID, nullable=True),
            sa.Column("status", sa.Text(), nullable=True),
            sa.Column("round", _ID, nullable=True),
            sa.Column("due_at", _MOMENT, nullable=True),
            sa.Column("salt", sa.LargeBinary(), nullable=True),
            sa.Column("said", sa.LargeBinary(), nullable=True),
            sa.Column("digest", sa.LargeBinary(), nullable=True),
        ):
            log.add_column(column)
        log.alter_column("words", existing_type=sa.Text(), nullable=True)
    _chain()
    with op.batch_alter_table("case_log") as log:
        for name, kind in (
            ("number", _ID),
            ("part", sa.Text()),
            ("status", sa.Text()),
            ("round", _ID),
            ("due_at", _MOMENT),
            ("digest", sa.LargeBinary()),
        ):
            log.alter_column(name, existing_type=kind, nullable=False)
    op.create_index("uq_case_log_step", "case_log", ["case_id", "number"], unique=True)
    some = sa.text("words IS NOT NULL")
    op.create_index("ix_case_log_words", "case_log", ["person_id"], sqlite_where=some, postgresql_where=some)
    op.create_table(
        "seals",
        sa.Column("number", _ID, primary_key=True, autoincrement=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("through", _ID, nullable=False),
        sa.Column("count", _ID, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
    )
    for statement in _GUARDS[op.get_bind().dialect.name]:
        op.execute(statement)


# Words and their salt may be taken away together; nothing else may change, and no row may go.
_KEPT = "id, case_id, number, at, person_id, part, move, target, status, round, due_at, said, digest"
_SAID = "NEW.words IS NOT NULL OR NEW.salt IS NOT NULL"
_NO = "BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END"
_ON_POSTGRES = """
CREATE FUNCTION only_added_to() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'case_log' THEN
        IF to_jsonb(NEW) ->> 'words' IS NULL AND to_jsonb(NEW) ->> 'salt' IS NULL
            AND to_jsonb(NEW) - 'words' - 'salt' = to_jsonb(OLD) - 'words' - 'salt'
        THEN RETURN NEW; END IF;
    END IF;
    RAISE EXCEPTION 'the journal is only added to';
END $$
"""
_EACH = "FOR EACH ROW EXECUTE FUNCTION only_added_to()"
_GUARDS = {
    "sqlite": (
        f"CREATE TRIGGER case_log_stays BEFORE UPDATE OF {_KEPT} ON case_log {_NO}",
        f"CREATE TRIGGER case_log_words BEFORE UPDATE OF words, salt ON case_log WHEN {_SAID} {_NO}",
        f"CREATE TRIGGER case_log_remains BEFORE DELETE ON case_log {_NO}",
        f"CREATE TRIGGER seals_stay BEFORE UPDATE ON seals {_NO}",
        f"CREATE TRIGGER seals_remain BEFORE DELETE ON seals {_NO}",
    ),
    "postgresql": (
        _ON_POSTGRES,
        f"CREATE TRIGGER case_log_stays BEFORE UPDATE OR DELETE ON case_log {_EACH}",
        "CREATE TRIGGER case_log_remains BEFORE TRUNCATE ON case_log EXECUTE FUNCTION only_added_to()",
        f"CREATE TRIGGER seals_stay BEFORE UPDATE OR DELETE ON seals {_EACH}",
        "CREATE TRIGGER seals_remain BEFORE TRUNCATE ON seals EXECUTE FUNCTION only_added_to()",
    ),
}


def _chain() -> None:
    """Chain what is there, as it is today: what was changed before this release nobody can show any more."""
    db = op.get_bind()
    names = ("id", "case_id", "person_id", "move", "words", *_NEW)
    log = sa.table("case_log", *(sa.column(name) for name in names), sa.column("at", _MOMENT))
    photos = sa.table("case_photos", *(sa.column(name) for name in ("id", "case_id", "photo", "stage", "step")))
    cases = sa.table(
        "cases", *(sa.column(name) for name in ("id", "steps", "doers")), sa.column("head", sa.LargeBinary())
    )
    ratings = sa.table(
        "ratings", *(sa.column(name) for name in ("case_id", "person_id", "round", "score")), sa.column("at", _MOMENT)
    )
    fill = (
        sa.update(log)
        .where(log.c.id == sa.bindparam("row"))
        .values({name: sa.bindparam(f"new_{name}", type_=_NEW[name]) for name in _NEW})
    )
    for case in _cases(db):
        rows = db.execute(
            sa.select(log.c.id, log.c.at, log.c.person_id, log.c.move, log.c.words)
            .where(log.c.case_id == case.id)
            .order_by(log.c.id)
        ).all()
        pictures = db.execute(
            sa.select(photos.c.id, photos.c.photo, photos.c.stage)
            .where(photos.c.case_id == case.id)
            .order_by(photos.c.id)
        ).all()
        finished = max((place for place, row in enumerate(rows, 1) if row.move == "finish"), default=1)
        head, status = b"", "dispatched"
        for number, row in enumerate(rows, 1):
            last = number == len(rows)
            status = case.status if last else _ENDS.get(row.move, status)
            salt = secrets.token_bytes(16) if row.words or row.move == "open" else None
            told = (case.grid, case.place, case.words) if row.move == "open" else (row.words,)
            said = journal.said(salt, *told) if salt else None
            here = tuple(each.photo for each in pictures if (finished if each.stage == "done" else 1) == number)
            part = "reporter" if row.person_id is not None and row.person_id == case.reporter_id else ""
            moment = row.at if row.at.tzinfo else row.at.replace(tzinfo=UTC)
            due = case.due_at if case.due_at.tzinfo else case.due_at.replace(tzinfo=UTC)
            entry = journal.Entry(
                case.id, number, moment, row.person_id, part, row.move, status, case.round, due, None, said, here
            )
            head = journal.digest(head, entry)
            db.execute(
                fill,
                {
                    "row": row.id,
                    "new_number": number,
                    "new_part": part,
                    "new_status": status,
                    "new_round": case.round,
                    "new_due_at": due,
                    "new_salt": salt,
                    "new_said": said,
                    "new_digest": head,
                },
            )
        doers = {row.person_id for row in rows if row.move in ("accept", "finish") and row.person_id is not None}
        db.execute(
            sa.update(cases)
            .where(cases.c.id == case.id)
            .values(steps=len(rows), head=head, doers="".join(f" {number} " for number in sorted(doers)))
        )
        if case.rating is not None and case.reporter_id is not None and rows:
            rated = {"person_id": case.reporter_id, "round": case.round, "score": case.rating, "at": moment}
            db.execute(sa.insert(ratings).values(case_id=case.id, **rated))
        done = [each.id for each in pictures if each.stage == "done"]
        if done:
            db.execute(sa.update(photos).where(photos.c.id.in_(done)).values(step=finished))
    db.execute(sa.update(log).where(log.c.words == "").values(words=None))


_NEW: dict[str, Any] = {
    "number": _ID,
    "part": sa.Text(),
    "status": sa.Text(),
    "round": _ID,
    "due_at": _MOMENT,
    "salt": sa.LargeBinary(),
    "said": sa.LargeBinary(),
    "digest": sa.LargeBinary(),
}


def _cases(db: sa.Connection) -> Iterator[Any]:
    names = ("id", "grid", "place", "words", "status", "round", "reporter_id", "rating")
    cases = sa.table("cases", *(sa.column(name) for name in names), sa.column("due_at", _MOMENT))
    last = 0
    while page := db.execute(sa.select(cases).where(cases.c.id > last).order_by(cases.c.id).limit(_PAGE)).all():
        yield from page
        last = page[-1].id


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER case_log_stays ON case_log")
        op.execute("DROP TRIGGER case_log_remains ON case_log")
    else:
        for name in ("case_log_stays", "case_log_words", "case_log_remains"):
            op.execute(f"DROP TRIGGER {name}")
    op.drop_table("seals")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION only_added_to()")
    op.drop_index("uq_case_log_step", "case_log")
    op.drop_index("ix_case_log_words", "case_log")
    log = sa.table("case_log", sa.column("words"))
    op.execute(sa.update(log).where(log.c.words.is_(None)).values(words=""))
    with op.batch_alter_table("case_log") as rows:
        rows.alter_column("words", existing_type=sa.Text(), nullable=False)
        for column in ("number", "part", "target", "status", "round", "due_at", "salt", "said", "digest"):
            rows.drop_column(column)
    op.create_index("ix_case_log_case_id", "case_log", ["case_id"])
    op.drop_column("case_photos", "step")
    op.drop_table("ratings")
    op.drop_column("followers", "own_case")
    for name in ("doers", *_CASES):
        op.drop_column("cases", name)
    op.drop_column("cases", "head")
    op.drop_column("cases", "steps")
