"""How the database finds what the paths of a case read and write, as text that is the same wherever it is asked."""

import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Dialect, Engine, Executable, Result, event, text

from storage import database as databases
from storage.desk import Desk, Desks

T = TypeVar("T")

FOLDER = Path(__file__).parent / "plans"
Path_ = Callable[[Desk], Awaitable[object]]

# An index that holds what is open or waits, and nothing of years ago: to walk along it is no full scan.
_SMALL = ("ix_cases_open_due", "ix_cases_open_grid", "ix_cases_near", "ix_cases_offered_to")
# What grows with the years. To look through a small table is no harm.
_LARGE = r"(cases|case_log|case_photos|people|contacts|ratings|followers|outbox|area_counts|heard)"
_FULL = (
    re.compile(rf"^SCAN {_LARGE}\b(?!.* USING (?:COVERING )?INDEX (?:{'|'.join(_SMALL)})\b)"),
    re.compile(rf"Seq Scan on {_LARGE}\b"),
)
_ABOUT = re.compile(r"\b(cases|case_log|ratings|area_counts|count_changes)\b")
# What a plan says besides how: values, casts, how often, the names of subqueries.
_NOISE = (
    (re.compile(r"'(?:[^']|'')*'(?:::[a-z ]+(?:\[\])?)?"), "?"),
    (re.compile(r"(?:\$\d+|%\(\w+\)s)(?:::(?:TIMESTAMP WITH TIME ZONE|[A-Za-z]+))?"), "?"),
    (re.compile(r"(?<![\w.])\d+(?![\w.])(?:::[a-z]+)?"), "?"),
    (re.compile(r"\(\?(?:, \?)*\)"), "(?)"),
)


def full_scans(plan: str) -> list[str]:
    """The lines of a plan that read through a table that grows with the years."""
    return [line for line in plan.splitlines() if any(each.search(line.strip()) for each in _FULL)]


@contextmanager
def explained() -> Iterator[list[tuple[str, list[str]]]]:
    """What is asked of the database in the block, each statement once, with its plan."""
    found: dict[str, list[str]] = {}

    def before(
        connection: Connection, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool
    ) -> None:
        verb = statement.lstrip().split(maxsplit=1)[0].upper()
        if many or verb not in ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH") or statement in found:
            return
        sqlite = connection.dialect.name == "sqlite"
        how = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN (COSTS OFF) "
        rows = connection.exec_driver_sql(how + statement, parameters).all()
        found[statement] = [_plain(str(row[-1] if sqlite else row[0])) for row in rows]

    event.listen(Engine, "before_cursor_execute", before)
    gathered: list[tuple[str, list[str]]] = []
    try:
        yield gathered
    finally:
        event.remove(Engine, "before_cursor_execute", before)
        gathered += found.items()


class _InFull(databases.Connection):
    """A connection on which every statement goes SQLAlchemy's own way, where its events are told of it."""

    def __init__(self, inner: databases.Connection) -> None:
        self._inner = inner

    @property
    def dialect(self) -> Dialect:
        return self._inner.dialect

    async def run_sync(self, work: Callable[..., T], /, *given: Any) -> T:
        return await self._inner.run_sync(work, *given)

    def begin_nested(self) -> AbstractAsyncContextManager[Any]:
        return self._inner.begin_nested()

    async def execute(self, statement: Executable, parameters: Any = None, /) -> Result[*tuple[Any, ...]]:
        # A copy is not known from before.
        return await self._inner.execute(statement.execution_options(), parameters)


def _plain(line: str) -> str:
    for noise, instead in _NOISE:
        line = noise.sub(instead, line)
    return line.rstrip()


async def plans(desks: Desks, paths: dict[str, Path_]) -> tuple[str, list[str]]:
    """The plans of these paths about cases, as kept in `bench/plans`, and the full scans in all there are.

    Nothing the paths write is kept.

    PostgreSQL is told that reading a table through is dear: it then does so only where there is no other way, and a
    small table shows what a large one would.
    """
    lines, scans = [], []
    for name, path in paths.items():
        lines.append(f"== {name}")
        for statement, plan in await _of_path(desks, path):
            scans += full_scans("\n".join(plan))
            if plan and _ABOUT.search(statement) and not statement.startswith("INSERT"):
                lines += [f"-- {_title(statement)}", *plan, ""]
    return "\n".join(lines), scans


class _Undone(Exception):
    """Raised so that what was written for the plan's sake is not kept."""


async def _of_path(desks: Desks, path: Path_) -> list[tuple[str, list[str]]]:
    async def look(connection: databases.Connection) -> None:
        if connection.dialect.name == "postgresql":
            await connection.execute(text("SET LOCAL enable_seqscan = off"))
        with explained() as found:
            await path(desks.at(_InFull(connection)))
        gathered.extend(found)
        raise _Undone

    gathered: list[tuple[str, list[str]]] = []
    with suppress(_Undone):
        await desks.database.write(look)
    return gathered


def _title(statement: str) -> str:
    """A statement in a few words: SELECT … FROM cases WHERE …, without its columns and values."""
    said = " ".join(statement.split())
    said = re.sub(r"^SELECT .*? FROM ", "SELECT … FROM ", said)
    said = re.sub(r"^(INSERT INTO \w+) .*", r"\1", said)
    said = re.sub(r"^(UPDATE \w+) SET .*? WHERE ", r"\1 SET … WHERE ", said)
    for noise, instead in _NOISE:
        said = noise.sub(instead, said)
    return said if len(said) <= 160 else said[:159] + "…"
