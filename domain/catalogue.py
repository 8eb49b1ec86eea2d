"""The catalogue (权责清单): which kind of problem is whose, and by when; dated, so that it may change from a day on."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from functools import cached_property, lru_cache
from hashlib import blake2b
from itertools import pairwise

import msgspec

from domain.people import Role
from domain.working_time import Term

OTHER = "other"


class Nature(StrEnum):
    """A thing that somebody owns (部件), or what happens somewhere (事件), as GB/T 30428.2-2013 tells them apart."""

    COMPONENT = "component"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class Category:
    """One entry of the catalogue: a kind of problem, as it is dealt with from one day to another.

    `department` is the code of the one that answers for it. `deadline` is the promised time from report to done,
    `warn` how long before it we remind. `basis` is what it rests on. `since` and `until` are its first and last day;
    None: always. `words` are what residents say when they mean it; the guess counts them. `to_staff` goes past the
    grid's worker: a complaint about them is not theirs to handle. `in_estate`: within an estate it belongs to whoever
    manages that. `private`: its reporter is offered to stay unnamed, and the door is for those who handle it.
    `admitted`: the number of the admission by which it was let in for a term; nobody reports it.
    """

    code: str
    name: str
    level: str
    role: Role
    department: str
    deadline: Term
    warn: Term
    words: tuple[str, ...] = ()
    urgent: bool = False
    to_staff: bool = False
    private: bool = False
    nature: Nature = Nature.EVENT
    basis: str = ""
    in_estate: bool = False
    since: date | None = None
    until: date | None = None
    admitted: int | None = None

    def holds(self, day: date) -> bool:
        """Whether it is in force that day."""
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)

    @property
    def version(self) -> str:
        """What names these terms, whenever they hold and whatever residents call it: the same terms, the same name."""
        terms = replace(self, words=(), since=None, until=None)
        return blake2b(msgspec.json.encode(terms), digest_size=8).hexdigest()


@dataclass(frozen=True, eq=False)
class Catalogue:
    """All entries of a district. Those of one category follow each other day by day."""

    entries: tuple[Category, ...]

    @cached_property
    def _by_code(self) -> dict[str, list[Category]]:
        found: dict[str, list[Category]] = {}
        for entry in self.entries:
            found.setdefault(entry.code, []).append(entry)
        return {code: in_line(each) for code, each in found.items()}

    def holding(self, code: str, day: date) -> Category | None:
        """The entry of a category that is in force that day; None when there is none, then or ever."""
        return next((entry for entry in self._by_code.get(code, ()) if entry.holds(day)), None)

    def on(self, day: date) -> list[Category]:
        """What is in force that day, in the order it is written in."""
        return self._on(day)

    @cached_property
    def _on(self) -> Callable[[date], list[Category]]:
        # Asked at every answer of a report, on the few days on which open ones were begun.
        return lru_cache(maxsize=32)(
            lambda day: [entry for code in self._by_code if (entry := self.holding(code, day))]
        )

    @cached_property
    def newest(self) -> dict[str, Category]:
        """The last entry of each category, whether or not it is in force."""
        return {code: each[-1] for code, each in self._by_code.items()}


def in_line(entries: Iterable[Category]) -> list[Category]:
    """The entries of one category, from its first day on."""
    return sorted(entries, key=lambda entry: entry.since or date.min)


def out_of_line(entries: Sequence[Category]) -> Iterator[tuple[Category, Category, timedelta]]:
    """Of the entries of one category, in line, each that does not begin on the day after the one before it ends.

    Yields both and by how much: days nobody has said anything of, or less than none when both are in force.
    """
    for before, after in pairwise(entries):
        last, first = before.until or date.max, after.since or date.min
        gap = timedelta(days=first.toordinal() - last.toordinal() - 1)
        if gap:
            yield before, after, gap
