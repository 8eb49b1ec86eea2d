"""Finds the FAQ entry a resident means, and says how sure it is.

Words and character pairs are each scored by BM25 against the most the question could have scored, so the
number means the same for short and long questions; pairs nobody ever asked count against a match.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

from domain.district import Entry
from domain.faq import Match
from nlp.normalise import bare, fold
from nlp.segment import Segmenter

# BM25's usual constants (Robertson & Zaragoza 2009, §3.4: k1 between 1.2 and 2, b about .75); b lower, since
# questions are all about as long.
_K1, _B = 1.2, 0.4
SURE, NEAR = 0.52, 0.24
_MARGIN = 0.04
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


class Faq:
    """An index over every phrasing of every entry."""

    def __init__(self, entries: Sequence[Entry], segmenter: Segmenter) -> None:
        self._entries = entries
        self._segmenter = segmenter
        self._owner: list[int] = []
        self._lengths: list[int] = []
        postings: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for number, entry in enumerate(entries):
            for phrasing in (entry.question, *entry.alts):
                grams = Counter(self._grams(phrasing))
                row = len(self._owner)
                self._owner.append(number)
                self._lengths.append(sum(grams.values()))
                for gram, count in grams.items():
                    postings[gram].append((row, count))
        self._mean = sum(self._lengths) / max(1, len(self._lengths))
        rows = len(self._owner)
        self._weights = {
            gram: math.log(1 + (rows - len(held) + 0.5) / (len(held) + 0.5)) for gram, held in postings.items()
        }
        self._unknown = math.log(1 + rows + 0.5) if rows else 1.0
        self._postings = postings

    def _grams(self, text: str) -> list[str]:
        plain = bare(text)
        pairs = [plain[place : place + 2] for place in range(len(plain) - 1)] or [plain]
        return [f"w:{word}" for word in self._segmenter.cut(fold(text))] + pairs

    def scores(self, text: str) -> list[tuple[float, Entry]]:
        """Entries by how much of the question they answer, from 0 to 1, best first."""
        asked = Counter(self._grams(text))
        most = (
            sum(count * self._weights.get(gram, self._unknown) for gram, count in asked.items())
            * (_K1 + 1)
            / (_K1 * (1 - _B) + 1)
        )
        if not most:
            return []
        sums: dict[int, float] = defaultdict(float)
        for gram, count in asked.items():
            weight = count * self._weights.get(gram, 0.0)
            for row, held in self._postings.get(gram, ()):
                norm = _K1 * (1 - _B + _B * self._lengths[row] / self._mean)
                sums[row] += weight * held * (_K1 + 1) / (held + norm)
        best: dict[int, float] = defaultdict(float)
        for row, score in sums.items():
            owner = self._owner[row]
            best[owner] = max(best[owner], score / most)
        return sorted(((score, self._entries[owner]) for owner, score in best.items()), key=lambda pair: -pair[0])

    def match(self, text: str, day: date) -> Match:
        """The entry these words mean, if one is clearly meant; else the nearest ones in force on this day."""
        found = [(score, entry) for score, entry in self.scores(text)[:8] if in_force(entry, day)][:4]
        near = tuple(entry for score, entry in found if score >= NEAR)[:3]
        sure = None
        if found and found[0][0] >= SURE and (len(found) == 1 or found[0][0] - found[1][0] >= _MARGIN):
            sure = found[0][1]
        return Match(sure, near, asks(text))


def in_force(entry: Entry, day: date) -> bool:
    """Whether an answer holds on a day."""
    return (entry.valid_from is None or entry.valid_from <= day) and (
        entry.valid_until is None or day <= entry.valid_until
    )


def asks(text: str) -> bool:
    """Whether words sound like a question, which spoken ones do without a mark."""
    folded = fold(text)
    return any(word in folded for word in _ASKING)


def words_of(entries: Iterable[Entry]) -> list[str]:
    """Departments, as words of the district."""
    return sorted({entry.department for entry in entries})
