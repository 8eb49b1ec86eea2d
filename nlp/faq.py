"""Finds the FAQ entry a resident means, and says how sure it is: an answer, the nearest three, or an honest no.

Both sides are read alike (`nlp/grams.py`), the nearest entries found (`nlp/search.py`, `nlp/index.py`), and what speaks
for the first of them becomes a probability (`nlp/certainty.py`) that the FAQ itself has taught us (`nlp/rehearsal.py`).
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from operator import attrgetter
from typing import NamedTuple

from domain.district import Entry
from domain.faq import Match
from nlp.grams import LONGEST, Reader
from nlp.normalise import bare, fold
from nlp.rehearsal import rehearse
from nlp.search import Search

# What an answer and what a "did you mean" take. Even odds tell what the FAQ knows from what it does not; an answer
# takes more, since a wrong one is worse than three to choose from, and no second entry as near.
SURE, NEAR, _MARGIN = 0.75, 0.4, 0.03
# Said in so few letters it is a subject, 医保, and no question yet.
_SUBJECT = 4
_ASKING = (
    "?",
    "吗",
    "么",
    "呢",
    "怎么",
    "咋",
    "如何",
    "哪",
    "什么",
    "啥",
    "多少",
    "几点",
    "几天",
    "几号",
    "多久",
    "能不能",
    "可不可以",
    "可以不",
    "能报不",
    "是不是",
    "要不要",
    "需要",
    "为什么",
    "谁",
    "何时",
    "条件",
    "流程",
    "材料",
    "电话",
)


class Found(NamedTuple):
    """An entry near a question: how near, how likely it is the one meant, and whether one may ask it just so."""

    entry: Entry
    score: float
    certainty: float
    exact: bool = False


class Faq:
    """Every entry of an FAQ, ready to be asked."""

    def __init__(
        self, entries: Sequence[Entry], reader: Reader, together: Callable[[Entry], str] = attrgetter("id")
    ) -> None:
        """`together` names what an entry stands for: itself, or the department it leads to."""
        self._search = Search(entries, reader, together)
        self._certainty = rehearse(self._search, reader)

    def match(self, text: str, day: date) -> Match:
        """The entry these words mean, if one is clearly meant; else the nearest ones in force on this day."""
        found = self.find(text, day)
        if not found:
            return Match(question=asks(text))
        first, second = found[0], found[1] if len(found) > 1 else None
        near = tuple(each.entry for each in found if each.certainty >= NEAR)
        clear = second is None or second.score <= first.score * (1 - _MARGIN)
        # A subject with several entries to it is for the resident to choose from.
        several = len(near) > 1 and not first.exact and len(bare(text[:LONGEST])) <= _SUBJECT and not asks(text)
        return Match(
            sure=first.entry if first.certainty >= SURE and clear and not several else None,
            near=near,
            question=asks(text),
            certainty=first.certainty,
        )

    def find(self, text: str, day: date | None = None, most: int = 3) -> list[Found]:
        """The entries nearest to a text, best first; with a day, those in force on it."""
        question = self._search.read(text)
        hits = self._search.nearest(
            question, None if day is None else lambda shelf, rows: shelf.in_force(rows, day), most
        )
        return [
            Found(hit.entry, hit.score, self._certainty.of(self._search.evidence(question, hit)), hit.exact)
            for hit in hits
        ]

    def add(self, entry: Entry) -> None:
        """Take in an entry while running."""
        self._search.add(entry)


def asks(text: str) -> bool:
    """Whether words sound like a question, which spoken ones do without a mark."""
    folded = fold(text[:LONGEST])
    return any(word in folded for word in _ASKING)


def words_of(entries: Iterable[Entry]) -> list[str]:
    """Departments, as words of the district."""
    return sorted({entry.department for entry in entries})
