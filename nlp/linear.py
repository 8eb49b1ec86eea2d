"""Says which of a few things words are about: a linear model small enough for every process to hold.

Words are counted as pieces of one to three characters. A piece is known by a checksum alone, so a model learnt from
what residents said holds none of it, and needs no dictionary.
"""

from __future__ import annotations

import json
import math
import sys
import zlib
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T", int, float)

# What the weights are counted in: a number of 16 bits holds plus and minus 32,767 of these.
_STEPS = 32767
# Raised when pieces are cut or counted otherwise: an older model would then only guess.
_VERSION = 1


class BadModel(ValueError):
    """The file is no model, or one of another release."""


def pieces(text: str, shortest: int = 1, longest: int = 3) -> Counter[str]:
    """Every run of one to three characters, with how often it occurs."""
    return Counter(
        text[place : place + length]
        for length in range(shortest, longest + 1)
        for place in range(len(text) - length + 1)
    )


def bucket(piece: str, buckets: int) -> int:
    """Where a piece is counted; `buckets` is a power of two. Now and then two pieces share one."""
    return zlib.crc32(piece.encode()) & (buckets - 1)


@dataclass(frozen=True, eq=False)
class Model:
    """`weights` lie label by label within each bucket; `rarity` is the weight of a bucket, 0 for what was never met."""

    labels: tuple[str, ...]
    rarity: array[float]
    weights: array[int]
    unit: float
    bias: tuple[float, ...]

    def scores(self, found: Counter[str]) -> dict[str, float]:
        """How well each label fits, best first; above 0 it fits, the distance to the next says how sure that is."""
        counts: dict[int, float] = {}
        for piece, count in found.items():
            place = bucket(piece, len(self.rarity))
            counts[place] = counts.get(place, 0) + count
        known = {place: count * self.rarity[place] for place, count in counts.items() if self.rarity[place]}
        length = math.sqrt(sum(value * value for value in known.values())) or 1.0
        width = len(self.labels)
        sums = [0.0] * width
        for place, value in known.items():
            for number, weight in enumerate(self.weights[place * width : (place + 1) * width]):
                sums[number] += value * weight
        fitting = [total * self.unit / length + bias for total, bias in zip(sums, self.bias, strict=True)]
        return dict(sorted(zip(self.labels, fitting, strict=True), key=lambda pair: -pair[1]))

    def best(self, found: Counter[str]) -> str:
        """The label that fits best."""
        return next(iter(self.scores(found)))

    def knows(self, found: Iterable[str]) -> float:
        """The part of these pieces, those of two characters, that was met in training; from 0 to 1."""
        met = [self.rarity[bucket(piece, len(self.rarity))] > 0 for piece in found if len(piece) == 2]
        return sum(met) / len(met) if met else 0.0

    def write(self, path: Path) -> None:
        """One line of JSON, then the numbers, packed; the same model makes the same bytes."""
        head = {
            "version": _VERSION,
            "labels": self.labels,
            "buckets": len(self.rarity),
            "unit": self.unit,
            "bias": self.bias,
        }
        body = zlib.compress(_native(self.rarity[:]).tobytes() + _native(self.weights[:]).tobytes(), 9)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Beside it first: a process that starts just now reads the old model or the new one, never half of one.
        beside = path.with_suffix(".new")
        beside.write_bytes(json.dumps(head, ensure_ascii=False).encode() + b"\n" + body)
        beside.replace(path)


def read(path: Path) -> Model:
    """A model from its file.

    Raises:
        BadModel: it is no model, or was made by a release that counted otherwise.
    """
    try:
        line, _, body = path.read_bytes().partition(b"\n")
        head = json.loads(line)
        numbers = zlib.decompress(body)
        labels, buckets = tuple(head["labels"]), int(head["buckets"])
        if head["version"] != _VERSION or len(numbers) != buckets * (4 + 2 * len(labels)):
            raise BadModel(f"{path}：这个模型不是这一版做的")
        rarity, weights = array("f"), array("h")
        rarity.frombytes(numbers[: 4 * buckets])
        weights.frombytes(numbers[4 * buckets :])
        return Model(labels, _native(rarity), _native(weights), float(head["unit"]), tuple(head["bias"]))
    except (OSError, KeyError, TypeError, zlib.error, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BadModel(f"{path}：读不出模型（{type(error).__name__}）") from error


def _native(numbers: array[T]) -> array[T]:
    """Numbers as this machine counts them, from the way the file keeps them, and back."""
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
