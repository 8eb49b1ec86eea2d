"""Before anybody asks, the FAQ is asked itself, so that its certainty fits what it is about.

Nobody has to label a question: one phrasing is held back and asked of the others, a question loses some of its words
and gets strange ones, a passage of an answer is asked; what is meant is known. The same questions with their entry
taken away, and sentences of everyday words, are what nobody has answered.
"""

import random

import numpy as np

from nlp.certainty import Certainty, fit
from nlp.grams import Reader
from nlp.index import Truths
from nlp.search import Question, Search

_ENTRIES = 150
# Up to so much of a question is lost, and so often something strange comes instead.
_LOST, _STRANGE = 0.7, 0.7
_PASSAGE = (20, 300)


def rehearse(search: Search, reader: Reader) -> Certainty:
    """How certain this FAQ may be, from at most a hundred and fifty of its entries; the same every time."""
    chance = random.Random(1)  # noqa: S311 - no secret
    shelf = search.shelves[0]
    names = [search.together(entry) for entry in shelf.entries]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    groups = np.array([numbers[name] for name in names], dtype=np.int64)[shelf.owners]
    meant: list[float] = []
    not_meant: list[float] = []

    def ask(question: Question, allowed: Truths | None, into: list[float]) -> None:
        hits = search.nearest(question, None if allowed is None else lambda _, rows: allowed[rows], most=1)
        into.append(search.evidence(question, hits[0]) if hits else 0.0)

    sample = chance.sample(range(len(shelf.entries)), min(_ENTRIES, len(shelf.entries)))
    words = {number: reader.words(reader.read(shelf.entries[number].question)) for number in sample}
    local = [word for each in words.values() for word in each]
    for number in sample:
        entry = shelf.entries[number]
        own = np.flatnonzero(shelf.owners == number)
        others = groups != groups[own[0]]
        asked = search.read(entry.question)
        ask(asked, others, not_meant)
        ask(search.read(_changed(words[number], local, reader.everyday, chance)), None, meant)
        # Its other phrasings, or the other entries of its name, must do without this one.
        held_back = np.ones(len(groups), dtype=bool)
        held_back[own if (~others).sum() > len(own) else own[:1]] = False
        if (held_back & ~others).any():
            ask(asked, held_back, meant)
        if entry.answer:
            start = chance.randrange(max(1, len(entry.answer) - 100))
            passage = search.read(entry.answer[start : start + chance.randrange(*_PASSAGE)], answers=False)
            ask(passage, None, meant)
            ask(passage, others, not_meant)
    for number in sample:
        ask(search.read("".join(chance.choices(reader.everyday, k=max(2, len(words[number]))))), None, not_meant)
    return fit(meant, not_meant)


def _changed(words: list[str], local: list[str], everyday: tuple[str, ...], chance: random.Random) -> str:
    """The question as somebody else might put it: some of its words gone, others come."""
    loss = chance.uniform(0, _LOST)
    kept: list[str] = []
    for word in words:
        if chance.random() >= loss:
            kept.append(word)
        elif chance.random() < _STRANGE:
            kept.append(chance.choice(everyday if chance.random() < 0.5 else local))
    return "".join(kept)
