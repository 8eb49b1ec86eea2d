"""Finds, among many phrasings, those that carry most of a question's weight: BM25, worked out beforehand.

What each gram adds to each phrasing is kept in three long arrays, gram after gram, so that a question is a few slices
and one sum. A question's most common grams are looked up only in the phrasings its rarer ones have found.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nlp.grams import KINDS, SHARES, Grams, Integers, Kinds, Rows, kinds

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]

# BM25's usual constants (Robertson & Zaragoza 2009, §3.4: k1 between 1.2 and 2, b about .75).
_K1, _B = 1.2, 0.75
# How many places in phrasings one question looks at, about half a millisecond's work, and what is done beyond them.
_BUDGET, _COMMON, _CANDIDATES = 60_000, 16, 200


class Asked(NamedTuple):
    """A question's grams, each once, and what each weighs in it; by kind, how rare all are, and the unknown of them."""

    keys: Integers
    kinds: Kinds
    weights: Floats
    said: Floats
    unknown: Floats


class Row(NamedTuple):
    """A phrasing's grams, each once: its kind and how rare it is, and what a gram nobody ever met would be."""

    keys: Integers
    kinds: Kinds
    rarity: Floats
    unknown: float


class _Part(NamedTuple):
    vocabulary: Integers
    rarity: Floats
    frequencies: Integers
    held: Rows
    adds: NDArray[np.float32]


class Index:
    """Phrasings by their grams. A small one is `like` a large one: it takes over how rare each gram is."""

    def __init__(self, grams: Grams, rows: int, like: "Index | None" = None) -> None:
        self.rows, self._like = rows, like
        # A gram nobody ever met tells the most.
        self.unknown: float = like.unknown if like else float(np.log(1 + (rows + 0.5) / 0.5))
        self.means: list[float] = []
        # Kind by kind, which is in the order of the keys: sorting a third at a time takes a third of the memory.
        kind = kinds(grams.keys)
        parts = [self._part(grams.keys[kind == each], grams.rows[kind == each]) for each in range(KINDS)]
        self._vocabulary = np.concatenate([part.vocabulary for part in parts])
        self._kinds = kinds(self._vocabulary)
        self._rarity = np.concatenate([part.rarity for part in parts])
        self._held = np.concatenate([part.held for part in parts])
        self._adds = np.concatenate([part.adds for part in parts])
        frequencies = np.concatenate([part.frequencies for part in parts])
        del parts
        self._starts = np.concatenate(([0], np.cumsum(frequencies)))
        ids = np.repeat(np.arange(len(frequencies), dtype=np.int32), frequencies)
        self._by_row = ids[np.argsort(self._held, kind="stable")]
        self._row_starts = np.concatenate(([0], np.cumsum(np.bincount(self._held, minlength=rows))))

    def _part(self, keys: Integers, rows: Rows) -> "_Part":
        """The grams of one kind."""
        size = max(self.rows, 1)
        # The rows come in order: sorted by gram, and within a gram still by row.
        order = np.argsort(keys, kind="stable")
        keys, held = keys[order], rows[order]
        new_key = np.append(True, keys[1:] != keys[:-1])[: len(keys)]
        firsts = np.flatnonzero(np.append(True, held[1:] != held[:-1])[: len(keys)] | new_key)
        counts = np.diff(np.append(firsts, len(keys)))
        held, ids = held[firsts], np.cumsum(new_key)[firsts] - 1
        vocabulary = keys[new_key]
        frequencies = np.bincount(ids, minlength=len(vocabulary))
        if self._like:
            rarity = self._like.rarity(vocabulary)[0]
            mean = self._like.means[len(self.means)]
        else:
            rarity = np.log(1 + (self.rows - frequencies + 0.5) / (frequencies + 0.5))
            mean = max(len(keys) / size, 1e-9)
        self.means.append(mean)
        norm = _K1 * (1 - _B + _B * np.bincount(rows, minlength=size) / mean)
        adds = (rarity[ids] * counts * (_K1 + 1) / (counts + norm[held])).astype(np.float32)
        return _Part(vocabulary, rarity, frequencies, held, adds)

    def pairs(self) -> tuple[Integers, Integers]:
        """The pairs of letters known, in order, and in how many rows each occurs."""
        chosen = self._kinds == 1
        return self._vocabulary[chosen], np.diff(self._starts)[chosen]

    def knows(self, key: int) -> bool:
        """Whether any row has this gram."""
        at = int(np.searchsorted(self._vocabulary, key))
        return at < len(self._vocabulary) and bool(self._vocabulary[at] == key)

    def row(self, row: int) -> Row:
        """A row's grams, each once."""
        ids = self._by_row[self._row_starts[row] : self._row_starts[row + 1]]
        return Row(self._vocabulary[ids], self._kinds[ids], self._rarity[ids], self.unknown)

    def rarity(self, keys: Integers) -> tuple[Floats, Truths]:
        """How much each gram tells, and whether it is known at all."""
        if self._like is not None:
            return self._like.rarity(keys)
        ids, known = self._look_up(keys)
        found = np.full(len(keys), self.unknown)
        found[known] = self._rarity[ids[known]]
        return found, known

    def _look_up(self, keys: Integers) -> tuple[Integers, Truths]:
        ids = np.searchsorted(self._vocabulary, keys)
        known = ids < len(self._vocabulary)
        known[known] = self._vocabulary[ids[known]] == keys[known]
        return ids, known

    def asked(self, keys: Integers) -> Asked:
        """A question's grams, weighed so that the weights of a kind, times how rare each is, come to its share."""
        keys, counts = _once(keys)
        rarity, known = self.rarity(keys)
        kind = kinds(keys)
        # What is said twice counts for more, but not for twice as much.
        said = 2 * counts / (counts + 1)
        most = np.bincount(kind, said * rarity, KINDS)
        weights = said * (SHARES / np.maximum(most, 1e-9))[kind]
        return Asked(keys, kind, weights, by_kind(kind, rarity), by_kind(kind, rarity * ~known))

    def best(self, asked: Asked) -> tuple[Integers, Floats]:
        """The rows that score highest, in no order, and their scores."""
        ids, known = self._look_up(asked.keys)
        ids, weights = ids[known], asked.weights[known]
        if not len(ids):
            return np.empty(0, dtype=np.int64), np.empty(0)
        starts, ends = self._starts[ids], self._starts[ids + 1]
        rare_first = np.argsort(ends - starts, kind="stable")
        within = max(1, int(np.searchsorted(np.cumsum((ends - starts)[rare_first]), _BUDGET, side="right")))
        rare, common = rare_first[:within], rare_first[within : within + _COMMON]
        places, sizes = stretches(starts[rare], ends[rare])
        added = self._adds[places] * np.repeat(weights[rare], sizes)
        sums: Floats = np.asarray(np.bincount(self._held[places], added, self.rows), dtype=np.float64)
        rows: NDArray[np.intp] = np.flatnonzero(sums > sums.max() * 0.3)
        if len(rows) > _CANDIDATES:
            rows = rows[np.argpartition(sums[rows], -_CANDIDATES)[-_CANDIDATES:]]
        scores: Floats = sums[rows]
        for each in common:
            holders = self._held[starts[each] : ends[each]]
            at = np.minimum(np.searchsorted(holders, rows), len(holders) - 1)
            scores = scores + np.where(holders[at] == rows, self._adds[starts[each] + at], 0) * weights[each]
        return rows, scores


def _once(keys: Integers) -> tuple[Integers, Integers]:
    """Each number once, in order, and how often it occurs."""
    # np.unique does the same in three times the time, which counts when there are fifty of them.
    keys = np.sort(keys)
    new = np.ones(len(keys), dtype=bool)
    np.not_equal(keys[1:], keys[:-1], out=new[1:])
    firsts = np.flatnonzero(new)
    counts = np.full(len(firsts), len(keys))
    counts[:-1] = firsts[1:]
    return keys[firsts], counts - firsts


def by_kind(kind: Kinds, rarity: Floats) -> Floats:
    """How rare the grams of each kind are together; never quite nothing."""
    found: Floats = np.asarray(np.bincount(kind, rarity, KINDS), dtype=np.float64)
    return np.maximum(found, 1e-9, out=found)


def stretches(starts: Integers, ends: Integers) -> tuple[Integers, Integers]:
    """The places of many slices one after the other, and the size of each."""
    sizes = ends - starts
    return np.arange(sizes.sum()) + np.repeat(starts - np.cumsum(sizes) + sizes, sizes), sizes
