"""Statements made once are put into SQL once: how values go in and how rows come out is known from then on.

SQLAlchemy looks a statement up, checks it and wraps its rows anew each time, which costs more than most of ours take in
the database. Here a statement that comes again, being the same object, is kept as text with its conversions. What is
put together for one use goes SQLAlchemy's own way.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Dialect, Executable, Float, Numeric, TextClause
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData
from sqlalchemy.exc import MultipleResultsFound
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.selectable import SelectBase

Convert = Callable[[Any], Any]

# The value must be given: there is none to fall back on.
_NEEDED = object()


class Rows(IteratorResult[Any]):
    """SQLAlchemy's result; what is asked of it most takes no detour. Rows are made as they are looked at."""

    def __init__(self, names: SimpleResultMetaData, make: Convert, found: Iterable[Any]) -> None:
        self._found = found
        self._made = map(make, found)
        super().__init__(names, self._made)

    def __iter__(self) -> Iterator[Any]:
        return self._made

    def all(self) -> Sequence[Any]:
        return [*self._made]

    def first(self) -> Any:
        return next(iter(self.all()), None)

    def one_or_none(self) -> Any:
        rows = self.all()
        if len(rows) > 1:
            raise MultipleResultsFound("at most one row was expected")
        return rows[0] if rows else None

    def scalar(self) -> Any:
        row = self.first()
        return row[0] if row else None

    def close(self) -> None:
        if close := getattr(self._found, "close", None):
            close()


class Prepared:
    """One statement in one dialect's SQL. `returns`: there are rows to look at; `reads`: and it changes nothing."""

    def __init__(
        self, statement: Executable, compiled: SQLCompiler, takes: list[tuple[str, Any, Convert | None]]
    ) -> None:
        self.text = str(compiled)
        self._takes = takes
        columns = _columns(statement)
        self.reads = isinstance(statement, SelectBase)
        self.returns = isinstance(statement, TextClause) or bool(columns)
        names = [f"{each.key}" for each in columns]
        self._names = SimpleResultMetaData(names)
        # Of a text it is not known what its columns are.
        self._row: Callable[[Any], Any] = _row(names) if names else tuple
        converts = [(place, _out(each.type, compiled.dialect)) for place, each in enumerate(columns)]
        self._converts = [(place, convert) for place, convert in converts if convert is not None]
        self._make = self._converted if self._converts else self._row

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        """What a driver is given, in order.

        Raises:
            KeyError: a value is missing.
        """
        values = []
        for name, default, convert in self._takes:
            value = given[name] if default is _NEEDED else given.get(name, default)
            values.append(value if convert is None else convert(value))
        return values

    def rows(self, found: Iterable[Any]) -> Rows:
        """What a driver found, as the columns' types have it."""
        return Rows(self._names, self._make, found)

    def _converted(self, row: Sequence[Any]) -> Any:
        made = [*row]
        for place, convert in self._converts:
            made[place] = convert(made[place])
        return self._row(made)


class Statements:
    """The statements of one dialect that are kept. It counts values by place, in the order of the text."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._kept: WeakKeyDictionary[Executable, dict[tuple[str, ...], Prepared | None]] = WeakKeyDictionary()

    def keep(self, *statements: Executable) -> None:
        """These will come again."""
        for each in statements:
            self._kept.setdefault(each, {})

    def find(self, statement: Executable, parameters: Any) -> Prepared | None:
        """The statement as it is kept; None where SQLAlchemy is to run it."""
        kept = self._kept.get(statement)
        if kept is None:
            # Seen for the first time: nothing says yet that it will come again.
            self._kept[statement] = {}
            return None
        # What is inserted depends on what is given.
        named = tuple((parameters[0] if isinstance(parameters, list) else parameters) or ())
        try:
            return kept[named]
        except KeyError:
            kept[named] = found = self._prepared(statement, named)
            return found

    def _prepared(self, statement: Executable, named: Sequence[str]) -> Prepared | None:
        compiled = statement.compile(dialect=self._dialect, column_keys=[*named] or None)  # type: ignore[attr-defined]
        if (
            not isinstance(compiled, SQLCompiler)
            or compiled.post_compile_params
            or compiled.literal_execute_params
            or compiled.escaped_bind_names
            or any(isinstance(each.type, Numeric) and each.type.asdecimal for each in _columns(statement))
        ):
            # Its text depends on its values, or what becomes of a number on how the driver writes it.
            return None
        filled = {}
        for column in compiled.prefetch:
            default = column.default
            if default is None or not default.is_scalar:
                return None
            filled[column.key] = default.arg
        takes = []
        for name in compiled.positiontup or ():
            bind = compiled.binds[name]
            default = filled.get(name, _NEEDED if bind.required else bind.effective_value)
            takes.append((name, default, _in(bind.type, self._dialect)))
        return Prepared(statement, compiled, takes)


def _row(names: Sequence[str]) -> Callable[[Any], Any]:
    """Makes rows that answer as SQLAlchemy's do: by place, by name, and as a mapping."""
    named: Any = namedtuple("Row", [*names], rename=True)  # type: ignore[misc]
    row: Any = type("Row", (named,), {"__slots__": (), "_mapping": property(named._asdict)})
    made: Callable[[Any], Any] = row._make
    return made


def _columns(statement: Executable) -> list[Any]:
    if isinstance(statement, TextClause):
        return []
    columns: Any = getattr(statement, "selected_columns", None) or getattr(statement, "exported_columns", ())
    return [*columns]


def _in(type_: Any, dialect: Dialect) -> Convert | None:
    convert: Convert | None = type_.dialect_impl(dialect).bind_processor(dialect)
    return convert


def _out(type_: Any, dialect: Dialect) -> Convert | None:
    if isinstance(type_, Float | Numeric):
        # Both drivers give a float.
        return None
    convert: Convert | None = type_.dialect_impl(dialect).result_processor(dialect, None)
    return convert
