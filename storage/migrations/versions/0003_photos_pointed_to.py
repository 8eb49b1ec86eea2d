"""What points to a photo is found without reading everything."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_PAGE = 1000


def upgrade() -> None:
    op.create_index("ix_case_photos_photo", "case_photos", ["photo"])
    for table, text in (("outbox", "body"), ("contacts", "state")):
        op.add_column(table, sa.Column("photos", sa.Text(), nullable=True))
        _fill(table, text)
        op.create_index(
            f"ix_{table}_photos",
            table,
            ["photos"],
            sqlite_where=sa.text("photos IS NOT NULL"),
            postgresql_where=sa.text("photos IS NOT NULL"),
        )


def _fill(name: str, text: str) -> None:
    rows = sa.table(name, sa.column("id", sa.BigInteger()), sa.column(text, sa.Text()), sa.column("photos", sa.Text()))
    last = 0
    while True:
        page = (
            op.get_bind()
            .execute(
                sa.select(rows.c.id, rows.c[text])
                .where(rows.c.id > last, rows.c[text].like('%"photos":["%'))
                .order_by(rows.c.id)
                .limit(_PAGE)
            )
            .all()
        )
        if not page:
            return
        last = page[-1][0]
        op.get_bind().execute(
            sa.update(rows).where(rows.c.id == sa.bindparam("row")).values(photos=sa.bindparam("found")),
            [
                {"row": number, "found": " ".join(re.findall(r"\b[0-9a-f]{64}\b", words)) or None}
                for number, words in page
            ],
        )


def downgrade() -> None:
    for table in ("contacts", "outbox"):
        op.drop_index(f"ix_{table}_photos", table)
        op.drop_column(table, "photos")
    op.drop_index("ix_case_photos_photo", "case_photos")
