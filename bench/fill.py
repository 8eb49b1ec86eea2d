"""A district after years of use: its database, filled with people, cases and messages that were sent.

A few residents really talk to the service; their rows are then multiplied by SQLite itself, changing only what must
differ. So the rows are as the service writes them, whatever its tables look like.
"""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bench import contestants
from bench.bot_api import BotApi
from bench.people import STEPS, Town, newcomers

# Numbers begin here, far from those the service gives out itself.
FIRST = 10_000_001
_CHAT, _WORKERS_CHAT = 1_000_000_000, 2_000_000_000
_MODELS = 25


@dataclass(frozen=True)
class Size:
    """How many of each. Everybody has a chat with the bot and lives in a grid of `area`, by turns.

    `open_cases`: of how many cases one still lies with the worker of its grid. `workers`: whether the district's own
    people have chats too.
    """

    people: int
    cases: int = 0
    messages: int = 0
    area: str = ""
    open_cases: int = 100
    workers: bool = False

    def chats(self, count: int) -> list[int]:
        """The chats of so many of the people, from all over the table."""
        return [_CHAT + FIRST + place * self.people // count for place in range(count)]


async def filled(api: BotApi, database: Path, token: str, size: Size) -> None:
    """Make a database of this size for the bot with this token, at a path where there is none yet."""
    draft = database.with_suffix(".draft")
    for leftover in database.parent.glob(f"{draft.name}*"):
        leftover.unlink()
    service = await contestants.service(api, database.parent, f"sqlite:///{draft}", token=token, name="draft")
    try:
        town = Town(service.account, newcomers(_MODELS))
        for _ in range(STEPS):
            await town.once_each()
        await town.all_answered()
        town.close()
    finally:
        await service.stop()
    _multiplied(draft, token.partition(":")[0], size)
    draft.rename(database)


def _multiplied(path: Path, account: str, size: Size) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "foreign_keys=OFF", "cache_size=-2000000"):
            database.execute(f"PRAGMA {pragma}")
        database.execute(
            "CREATE TEMP TABLE lives AS SELECT row_number() OVER (ORDER BY area) - 1 AS turn, area AS grid, "
            "min(person_id) AS worker FROM roles WHERE role = 'gridworker' AND area LIKE ? || '%' GROUP BY area",
            (size.area,),
        )
        grids = database.execute("SELECT count(*) FROM lives").fetchone()[0]
        # Scattered over everybody, as conversations are, not one person's all in a row.
        anybody = f"{FIRST} + (seq.n * 7919) % {size.people}"
        status = f"CASE WHEN seq.n % {size.open_cases} THEN 'closed' ELSE 'dispatched' END"
        _multiply(
            database, "people", "key IS NULL AND id NOT IN (SELECT person_id FROM roles)", size.people, grids,
            {"contact_id": "seq.n", "grid": "lives.grid"},
        )  # fmt: skip
        _multiply(
            database, "contacts", f"account = '{account}'", size.people, grids,
            {"chat": f"{_CHAT} + seq.n", "person_id": "seq.n", "state": "''"},
        )  # fmt: skip
        _multiply(
            database, "cases", "1", size.cases, grids,
            {"number": "'old-' || seq.n", "reporter_id": anybody, "grid": "lives.grid", "worker_id": "lives.worker",
             "status": status, "closed_at": f"CASE WHEN seq.n % {size.open_cases} THEN model.opened_at END"},
        )  # fmt: skip
        _multiply(
            database, "outbox", "state = 'sent'", size.messages, grids,
            {"contact_id": anybody, "once": "'old:' || seq.n"},
        )  # fmt: skip
        if size.workers:
            _let_workers_be_reached(database, account)
        database.execute("PRAGMA journal_mode=WAL")


def _let_workers_be_reached(database: sqlite3.Connection, account: str) -> None:
    columns = [row[1] for row in database.execute("PRAGMA table_info(contacts)")]
    own = "SELECT DISTINCT person_id AS id FROM roles"
    changed = {"id": f"{_WORKERS_CHAT} + own.id", "chat": f"{_WORKERS_CHAT} + own.id", "person_id": "own.id"}
    values = ", ".join(changed.get(column, f"model.{column}") for column in columns)
    database.execute(
        f"INSERT INTO contacts ({', '.join(columns)}) SELECT {values} FROM ({own}) AS own, "
        f"(SELECT * FROM contacts WHERE account = '{account}' AND id >= {FIRST} LIMIT 1) AS model"
    )
    database.execute(f"UPDATE people SET contact_id = {_WORKERS_CHAT} + id WHERE id IN ({own})")


def _multiply(
    database: sqlite3.Connection, table: str, models: str, count: int, grids: int, changed: Mapping[str, str]
) -> None:
    columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    values = {**{column: f"model.{column}" for column in columns}, "id": "seq.n", **changed}
    database.execute("BEGIN")
    database.execute(f"CREATE TEMP TABLE model AS SELECT * FROM {table} WHERE {models}")
    found = database.execute("SELECT count(*) FROM model").fetchone()[0]
    database.execute(
        f"WITH RECURSIVE seq(n) AS (VALUES({FIRST}) UNION ALL SELECT n + 1 FROM seq WHERE n < {FIRST + count - 1}) "
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values[column] for column in columns)} "
        f"FROM seq CROSS JOIN model ON model.rowid = 1 + seq.n % {found} "
        f"CROSS JOIN lives ON lives.turn = seq.n % {grids} WHERE {count} > 0"
    )
    database.execute("DROP TABLE model")
    database.execute("COMMIT")
