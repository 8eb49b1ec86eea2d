"""How likely it is that the entry found is the one that was meant, whatever the FAQ is about and however long it is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nlp.grams import KINDS
from nlp.index import Asked, Row, by_kind

# The four signs, by what they are worth: how much of the question the entry carries, how much of the entry the
# question covers, how rare is what they share (in units of what one unknown gram weighs), and how much of the question
# no entry has ever heard of. Round numbers, about the same for every set that was looked at (bench/README.md).
_WORTH = (1.0, 1.0, 0.2, -0.3)
# The slope and the bias to believe in before an FAQ has said anything, and how many of its questions outweigh them.
_USUAL, _BELIEF = np.array([2.0, -2.4]), 3.0


def evidence(asked: Asked, row: Row) -> float:
    """What speaks for a phrasing: the signs' sum, comparable from question to question."""
    at = np.minimum(np.searchsorted(asked.keys, row.keys), len(asked.keys) - 1)
    common = by_kind(row.kinds, row.rarity * (asked.keys[at] == row.keys))
    own = by_kind(row.kinds, row.rarity)
    # Three numbers a kind: quicker one by one than as arrays.
    kinds = zip(common.tolist(), own.tolist(), asked.said.tolist(), asked.unknown.tolist(), strict=True)
    carried, covered, rare, unheard = _WORTH
    total = 0.0
    for both, whole, said, strange in kinds:
        total += carried * both / said + covered * both / whole + rare * both / row.unknown + unheard * strange / said
    return total / KINDS


@dataclass(frozen=True, slots=True)
class Certainty:
    """Evidence into a probability: even odds at `even`, `slope` in log odds."""

    slope: float
    even: float

    def of(self, evidence: float) -> float:
        return 1 / (1 + math.exp(-self.slope * (evidence - self.even)))


def fit(meant: Sequence[float], not_meant: Sequence[float]) -> Certainty:
    """The probability that tells these two best apart, both counting for the same (Platt 1999).

    A few values move it a little from what is usual, many say it for themselves.
    """
    values = np.array([*meant, *not_meant])
    true = np.repeat([1.0, 0.0], [len(meant), len(not_meant)])
    half = len(values) / 2
    weights = np.repeat([half / max(len(meant), 1), half / max(len(not_meant), 1)], [len(meant), len(not_meant)])
    design = np.stack((values, np.ones(len(values))))
    found = _USUAL
    for _ in range(50):
        likely = 1 / (1 + np.exp(-np.clip(found @ design, -30, 30)))
        slope = design @ (weights * (true - likely)) - _BELIEF * (found - _USUAL)
        bend = design * (weights * likely * (1 - likely)) @ design.T + _BELIEF * np.eye(2)
        # Newton's step, but never so far that it comes down on the other side of the hill.
        found = found + np.clip(np.linalg.solve(bend, slope), -0.5, 0.5)
    steep = max(float(found[0]), _USUAL[0] / 4)
    return Certainty(steep, float(-found[1] / steep))
