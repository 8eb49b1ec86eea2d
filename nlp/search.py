"""Ranks the entries of an FAQ by how near their phrasings, and more lightly their answers, are to a question."""

import re
from collections.abc import Callable, Sequence
from datetime import date
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from domain.district import Entry
from domain.faq import in_force
from nlp.certainty import evidence
from nlp.gist import Gist
from nlp.grams import Integers, Reader, kinds
from nlp.index import Asked, Floats, Index, Truths
from nlp.sounds import Sounds

# An answer repeats what was asked, among much else: it is a weaker witness than a phrasing.
_ANSWER = 0.4
# Several near phrasings of one entry say more than one; the nearest still says most.
_NEIGHBOURS, _POWER = 30, 3
# How much it counts that they fit together, too.
_GIST = 0.4
# What is added while running is indexed this many entries together: a few milliseconds each time.
_SHELF = 256
_score = itemgetter(0)


_NOT_SAID = re.compile(r"\W+")


def _said(text: str) -> str:
    """The letters of a text that was read: how it is punctuated does not matter."""
    return _NOT_SAID.sub("", text)


class Question(NamedTuple):
    """A question as it is read, as the phrasings are asked it, and as the answers are."""

    text: str
    plain: Asked
    about: Asked | None


class Hit(NamedTuple):
    """An entry, how near it is, where its nearest phrasing stands, and whether that is the question word for word."""

    entry: Entry
    score: float
    shelf: "Shelf"
    row: int
    exact: bool = False


class Shelf:
    """Some of the entries, with an index over their phrasings and one over their answers."""

    def __init__(
        self, entries: Sequence[Entry], reader: Reader, together: Callable[[Entry], str], like: "Shelf | None" = None
    ) -> None:
        self.entries = entries
        self.names: dict[str, int] = {}
        named = [self.names.setdefault(together(each), len(self.names)) for each in entries]
        called = list(self.names)
        phrasings = [(number, text) for number, each in enumerate(entries) for text in (each.question, *each.alts)]
        # Which entry each row, that is each phrasing, belongs to; the first of an entry's rows is its question.
        self.owners: Integers = np.array([number for number, _ in phrasings], dtype=np.int64)
        # What each row's entry stands for.
        self.stands_for = [called[named[number]] for number, _ in phrasings]
        texts = [reader.read(text) for _, text in phrasings]
        # Of the same words in several entries, the first.
        self.rows = {_said(text): len(texts) - 1 - row for row, text in enumerate(reversed(texts))}
        grams = reader.grams(texts)
        self.index: Index = Index(grams, len(phrasings), like.index if like else None)
        # A name with one phrasing says no more than that.
        several = len(phrasings) > len(self.names)
        self.gist = Gist(grams, np.array(named, dtype=np.int64)[self.owners], len(self.names)) if several else None
        self.answers: Index | None = None
        if any(each.answer for each in entries) and (like is None or like.answers):
            answers = [reader.read(each.answer) for each in entries]
            self.answers = Index(reader.grams(answers), len(answers), like.answers if like else None)
        self._dated = [number for number, each in enumerate(entries) if each.valid_from or each.valid_until]

    def in_force(self, rows: Integers, day: date) -> Truths:
        """Which of these rows hold on a day."""
        over = [number for number in self._dated if not in_force(self.entries[number], day)]
        return ~np.isin(self.owners[rows], over) if over else np.ones(len(rows), dtype=bool)

    def near(self, question: Question) -> tuple[Integers, Floats]:
        """The nearest rows and their scores, in no order."""
        rows, scores = self.index.best(question.plain)
        if self.answers is None or question.about is None:
            return rows, scores
        numbers, more = self.answers.best(question.about)
        said, answered = np.zeros(len(self.owners)), np.zeros(len(self.entries))
        said[rows], answered[numbers] = scores, more
        said += _ANSWER * answered[self.owners]
        rows = np.flatnonzero(said)
        return rows, said[rows]


class Search:
    """All entries; `together` names what an entry stands for: entries of one name are found as one."""

    def __init__(self, entries: Sequence[Entry], reader: Reader, together: Callable[[Entry], str]) -> None:
        self._reader = reader
        self.together = together
        self.shelves = [Shelf(entries, reader, together)]
        self._sounds = Sounds(*self.shelves[0].index.pairs())

    def add(self, entry: Entry) -> None:
        """Find this entry too, from now on; how rare its words are is weighed at the next start."""
        last = self.shelves[-1]
        whole = self.shelves[0]
        if last is whole or len(last.entries) >= _SHELF:
            self.shelves.append(Shelf([entry], self._reader, self.together, whole))
        else:
            self.shelves[-1] = Shelf([*last.entries, entry], self._reader, self.together, whole)

    def read(self, text: str, *, answers: bool = True) -> Question:
        """A question, weighed."""
        whole = self.shelves[0]
        words = self._sounds.mend(self._reader.read(text), whole.index, self._reader)
        keys = self._reader.grams([words]).keys
        about = whole.answers.asked(keys[kinds(keys) > 0]) if answers and whole.answers else None
        return Question(words, whole.index.asked(keys), about)

    def nearest(
        self, question: Question, allowed: Callable[[Shelf, Integers], Truths] | None = None, most: int = 3
    ) -> list[Hit]:
        """The nearest entries among the rows allowed, best first, each name once."""
        found: list[tuple[float, int, Shelf]] = []
        for shelf in self.shelves:
            near, scores = shelf.near(question)
            if allowed is not None:
                kept = allowed(shelf, near)
                near, scores = near[kept], scores[kept]
            if len(near) > _NEIGHBOURS:
                nearest = np.argpartition(-scores, _NEIGHBOURS)[:_NEIGHBOURS]
                near, scores = near[nearest], scores[nearest]
            found += [(score, row, shelf) for score, row in zip(scores.tolist(), near.tolist(), strict=True)]
        found.sort(key=_score, reverse=True)
        pooled: dict[str, float] = {}
        first: dict[str, tuple[Shelf, int]] = {}
        for score, row, shelf in found[:_NEIGHBOURS]:
            name = shelf.stands_for[row]
            pooled[name] = pooled.get(name, 0.0) + score**_POWER
            if name not in first:
                first[name] = shelf, row
        ranked = {name: total ** (1 / _POWER) for name, total in pooled.items()}
        for shelf in self.shelves:
            if shelf.gist:
                gists = shelf.gist.scores(question.plain)
                for name in shelf.names.keys() & ranked.keys():
                    ranked[name] += _GIST * gists[shelf.names[name]]
        word_for_word = self._word_for_word(question, found)
        if word_for_word:
            # Whatever several others say together.
            name = word_for_word[0].stands_for[word_for_word[1]]
            first[name] = word_for_word
            ranked[name] = ranked.get(name, 0.0) + max(ranked.values())
        names = sorted(ranked, key=lambda name: -ranked[name])[:most]
        return [
            Hit(shelf.entries[shelf.owners[row]], float(ranked[name]), shelf, row, (shelf, row) == word_for_word)
            for name, (shelf, row) in ((name, first[name]) for name in names)
        ]

    def _word_for_word(self, question: Question, found: list[tuple[float, int, Shelf]]) -> tuple[Shelf, int] | None:
        """The phrasing that is the question itself, if it is among those found."""
        for shelf in self.shelves:
            row = shelf.rows.get(_said(question.text))
            if row is not None and any(each[1] == row and each[2] is shelf for each in found):
                return shelf, row
        return None

    def evidence(self, question: Question, hit: Hit) -> float:
        """What speaks for a hit, comparable from question to question."""
        return evidence(question.plain, hit.shelf.index.row(hit.row))
