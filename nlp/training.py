"""Learns the two models from sentences: `python -m nlp.training` makes those the project ships, the same every time.

Only this file needs numpy, and the running service never imports it.
"""

import random
import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from config import district as district_files
from config.settings import HOME
from domain.district import District
from nlp.category import learnt
from nlp.linear import Model, bucket, pieces
from nlp.routing import REPORT, counted, form

SENTENCES = Path(__file__).parent / "sentences"
MODELS = Path(__file__).parent / "models"

# Some 9,000 different pieces are met: in 32,768 places few share one.
BUCKETS = 1 << 15
# Thousands of long messages hold a million.
MANY_BUCKETS = 1 << 20
# As in LinearSVC: how much a mistake costs beside large weights. The rounds end when no step is worth taking.
_COST, _ROUNDS, _WORTH = 1.0, 100, 0.05
# Of a sentence with many wordings so many are taken, so that no one pattern outweighs the others.
_WORDINGS = 24
# Of what is wrong, so much is enough to tell a report from the rest.
_SHARE = 0.2
# How often a sentence put right by staff is counted.
_WEIGHT_OF_STAFF = 3


def fit(rows: Sequence[Counter[str]], labels: Sequence[str], buckets: int = BUCKETS, least: int = 1) -> Model:
    """The linear model that separates each label from the others with the widest margin.

    Dual coordinate descent for the squared hinge (Hsieh et al., ICML 2008), all labels at once: what LinearSVC does.
    Pieces met in fewer than `least` rows do not count.
    """
    names = sorted(set(labels))
    counted = [_counted(row, buckets) for row in rows]
    met = np.zeros(buckets)
    for places, _ in counted:
        met[places] += 1
    rarity = np.where(met >= least, np.log((1 + len(rows)) / (1 + met)) + 1, 0).astype(np.float32)
    # One more place, always there, holds the bias.
    examples = []
    for places, values in counted:
        values = values * rarity[places]
        places, values = places[values > 0], values[values > 0]
        values = values / (np.sqrt(values @ values) or 1.0)
        examples.append((np.append(places, buckets), np.append(values, 1.0)))
    wanted = np.where(np.array(labels)[:, None] == np.array(names), 1.0, -1.0)
    weights = np.zeros((buckets + 1, len(names)))
    dual = np.zeros_like(wanted)
    slack = 1 / (2 * _COST)
    order = np.random.default_rng(1)
    for _ in range(_ROUNDS):
        worst = 0.0
        for number in order.permutation(len(examples)):
            places, values = examples[number]
            slope = wanted[number] * (values @ weights[places]) - 1 + slack * dual[number]
            moved = np.maximum(dual[number] - slope / (values @ values + slack), 0) - dual[number]
            dual[number] += moved
            weights[places] += values[:, None] * (moved * wanted[number])
            worst = max(worst, float(np.abs(moved).max()))
        if worst < _WORTH:
            break
    bias = tuple(round(float(each), 6) for each in weights[buckets])
    weights = weights[:buckets]
    unit = float(np.float32(np.abs(weights).max() / 32767)) or 1.0
    steps = np.clip(np.rint(weights / unit), -32767, 32767).astype(np.int16)
    return Model(tuple(names), array("f", rarity.tobytes()), array("h", steps.tobytes()), unit, bias)


def _counted(row: Mapping[str, int], buckets: int) -> tuple[np.ndarray, np.ndarray]:
    counts: Counter[int] = Counter()
    for piece, count in row.items():
        counts[bucket(piece, buckets)] += count
    return np.array(list(counts), dtype=np.int64), np.array(list(counts.values()), dtype=float)


def sentences(path: Path) -> Iterator[tuple[str, str]]:
    """The sentences of a file, as (label, sentence): patterns such as (灯|路灯)坏了 in some of their wordings."""
    label = ""
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("["):
            label = line.strip("[]")
        elif line.strip() and not line.startswith("#"):
            for wording in wordings(line.strip()):
                yield label, wording


def wordings(pattern: str, most: int = _WORDINGS) -> list[str]:
    """Some of the sentences a pattern stands for, spread over all of them, the same ones every time."""
    parts = [part.split("|") for part in re.split(r"[()]", pattern)]
    chance = random.Random(pattern)  # noqa: S311 - a choice of examples, no secret
    found = dict.fromkeys("".join(chance.choice(part) for part in parts) for _ in range(3 * most))
    return list(found)[:most]


# Where people say it is, before they say what is wrong; the sentences of categories.txt say only what.
_PLACES = (
    "",
    "",
    "",
    "某地0栋",
    "某地",
    "0号楼",
    "我家",
    "我们小区",
    "某地0号",
    "0栋0单元",
    "俺们这旮沓",
    "楼下",
    "某地门口",
)


def routing_rows() -> list[tuple[str, str]]:
    """What the router learns from, as (what is wanted, plain words)."""
    rows = [(label, form(said)) for label, said in sentences(SENTENCES / "routing.txt")]
    chance = random.Random(1)  # noqa: S311 - a choice of examples, no secret
    for _, said in sentences(SENTENCES / "categories.txt"):
        if chance.random() < _SHARE:
            rows.append((REPORT, form(chance.choice(_PLACES) + said)))
    return list(dict.fromkeys(rows))


def category_rows(district: District, more: Iterable[tuple[str, str]] = ()) -> list[tuple[str, str]]:
    """What the categories of a district are learnt from, as (category, plain words).

    Sentences of the project for the categories it shares with us, the district's own words, and `more`: what its staff
    have put right, each counted as much as a whole pattern of ours.
    """
    known = learnt(district)
    rows = [(code, form(said)) for code, said in sentences(SENTENCES / "categories.txt") if code in known]
    rows += [(code, form(word)) for code in sorted(known) for word in district.categories[code].words]
    rows = list(dict.fromkeys(rows))
    return rows + [(code, form(said)) for code, said in more if code in known for _ in range(_WEIGHT_OF_STAFF)]


def learn_routing() -> Model:
    """The router, from the project's sentences."""
    rows = routing_rows()
    return fit([counted(plain) for _, plain in rows], [label for label, _ in rows])


def learn_categories(rows: Sequence[tuple[str, str]]) -> Model:
    """The categories, from rows of (category, plain words)."""
    return fit([pieces(plain) for _, plain in rows], [label for label, _ in rows])


def main() -> None:
    """Make the two models of the project anew."""
    learn_routing().write(MODELS / "routing.model")
    learn_categories(category_rows(district_files.load(HOME / "districts" / "jianhua"))).write(
        MODELS / "categories.model"
    )


if __name__ == "__main__":
    main()
