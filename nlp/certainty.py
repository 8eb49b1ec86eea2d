"""How likely it is that the entry found is the one that was meant, whatever the FAQ is about and however long it is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nlp.grams import KINDS, Integers
from nlp.index import Asked, Floats, Row

# The four signs, by what they are worth: how much of the question the entry carries, how much of the entry the
# question covers, how rare is what they share (in units of what one unknown gram weighs), and how much of the question
# no entry has ever heard of. Round numbers, about the same for every set that was looked at (bench/README.md).
_WORTH = np.array([1.0, 1.0, 0.15, -0.3])
# What an FAQ of a few entries cannot say for itself: where such sums lie for what is meant, and for what is not.
_MEANT, _NOT_MEANT, _BELIEF, _SLOPE = 1.6, 0.5, 10.0, 3.0


def evidence(asked: Asked, row: Row) -> float:
    """What speaks for a phrasing: the signs' sum, comparable from question to question."""
    at = np.minimum(np.searchsorted(asked.keys, row.keys), len(asked.keys) - 1)
    common = _by_kind(row.kinds, row.rarity * (asked.keys[at] == row.keys))
    said, unknown = _by_kind(asked.kinds, asked.rarity), _by_kind(asked.kinds, asked.rarity * ~asked.known)
    signs = (common / said, common / _by_kind(row.kinds, row.rarity), common / row.unknown, unknown / said)
    return float(_WORTH @ np.array(signs).sum(axis=1)) / KINDS


def _by_kind(kind: Integers, weights: Floats) -> Floats:
    return np.maximum(np.bincount(kind, weights, KINDS), 1e-9)


@dataclass(frozen=True, slots=True)
class Certainty:
    """Evidence into a probability: even odds at `even`, `slope` in log odds."""

    slope: float
    even: float

    def of(self, evidence: float) -> float:
        return 1 / (1 + math.exp(-self.slope * (evidence - self.even)))


def fit(meant: Sequence[float], not_meant: Sequence[float]) -> Certainty:
    """The probability that tells these two best apart, both counting for the same (Platt 1999, by Newton's steps)."""
    values = np.concatenate((meant, not_meant, [_MEANT, _NOT_MEANT]))
    true = np.concatenate((np.ones(len(meant)), np.zeros(len(not_meant)), [1, 0]))
    sizes = (len(meant), len(not_meant))
    half = sum(sizes) / 2
    weights = np.concatenate([np.full(size, half / max(size, 1)) for size in sizes] + [[_BELIEF, _BELIEF]])
    design = np.stack((values, np.ones(len(values))))
    found = np.array([_SLOPE, -_SLOPE])
    for _ in range(25):
        likely = 1 / (1 + np.exp(-np.clip(found @ design, -30, 30)))
        bend = design * (weights * np.maximum(likely * (1 - likely), 1e-6)) @ design.T
        found = found + np.linalg.solve(bend, design @ (weights * (true - likely)))
    slope, bias = found.tolist()
    if slope >= _SLOPE / 10:
        return Certainty(slope, -bias / slope)
    # What is meant cannot be told from what is not: near the middle of both nothing is certain.
    return Certainty(_SLOPE / 10, float(np.median(meant) + np.median(not_meant)) / 2)
