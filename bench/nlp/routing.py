"""Whether one sentence is enough to know what somebody wants: sentences written by hand, never learnt from."""

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from config import district as district_files
from config.settings import load
from domain.district import District
from nlp import linear, routing
from nlp.ear import MODELS

SENTENCES = Path(__file__).parent / "routing.tsv"


@dataclass(frozen=True, slots=True)
class Found:
    """One sentence: what is wanted, what was understood, and whether it would be acted on without asking."""

    wanted: str
    understood: str
    sure: bool


def sentences() -> list[tuple[str, str]]:
    """The sentences, as (what is wanted, words)."""
    lines = SENTENCES.read_text("utf-8").splitlines()
    pairs = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [(wanted, words) for wanted, words in pairs]


def understood(district: District) -> list[Found]:
    """Each sentence, as the router of the running service understands it."""
    model = linear.read(MODELS / "routing.model")
    read = [(wanted, routing.read(words, district, model)) for wanted, words in sentences()]
    return [Found(wanted, route.best, route.sure) for wanted, route in read]


def measure() -> list[tuple[str, float]]:
    """Accuracy of all and of each kind, how many are acted on and how many of those are right, and speed."""
    district = district_files.load(load().district)
    understood(district)
    began = time.perf_counter()
    found = understood(district)
    took = time.perf_counter() - began
    sure = [each for each in found if each.sure]
    kinds = dict.fromkeys(each.wanted for each in found)
    return [
        ("accuracy", _right(found)),
        *((f"accuracy.{kind}", _right([each for each in found if each.wanted == kind])) for kind in kinds),
        ("acted_on", len(sure) / len(found)),
        ("acted_on.right", _right(sure)),
        ("milliseconds", 1000 * took / len(found)),
    ]


def _right(found: list[Found]) -> float:
    return sum(each.wanted == each.understood for each in found) / len(found)


def confusion() -> list[str]:
    """What was taken for what, most often first."""
    found = understood(district_files.load(load().district))
    wrong = Counter((each.wanted, each.understood) for each in found if each.wanted != each.understood)
    return [f"{wanted} taken for {other}: {count}" for (wanted, other), count in wrong.most_common()]


if __name__ == "__main__":
    print(f"{len(sentences())} sentences")
    for name, value in measure():
        print(f"{name:<20} {value:.3f}")
    print(*confusion(), sep="\n")
