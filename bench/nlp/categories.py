"""Whether the category of a complaint is found, beside LinearSVC on the TF-IDF of jieba's words, in the same run.

Most messages of the shared test file are in its training file as well. So a second line leaves out of the training
every row that shares most of its character pairs with a message asked about.
"""

import json
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

import jieba
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import accuracy_score, f1_score
from sklearn.svm import LinearSVC

from bot.category import Measured, evaluate

DATA = Path(__file__).parents[3] / "shared" / "data" / "faq" / "dev"
TRAIN, TEST = DATA / "complaints_tok.jsonl", DATA / "complaints_raw.jsonl"
# A row is the same message when so much of it, by its pairs of characters, is in the other.
_SAME = 0.6


def measure(train: Path = TRAIN, test: Path = TEST) -> list[tuple[str, float, float]]:
    """(what, ours, the peer's), on the rows as they are and without those asked about."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        unseen = Path(folder) / "unseen.jsonl"
        unseen.write_text("".join(_unseen(train, test)), "utf-8")
        for name, rows in (("", train), ("unseen.", unseen)):
            began = time.perf_counter()
            ours = evaluate(rows, test)
            between = time.perf_counter()
            theirs = peer(rows, test)
            found += [
                (f"{name}accuracy", ours.accuracy, theirs.accuracy),
                (f"{name}macro_f1", ours.macro_f1, theirs.macro_f1),
                (f"{name}seconds", between - began, time.perf_counter() - between),
            ]
    return found


def peer(train: Path, test: Path) -> Measured:
    """What most would do: jieba's words, TF-IDF, LinearSVC, all as they come."""
    taught, asked = _rows(train), _rows(test)
    words = TfidfVectorizer(analyzer=lambda row: _cut(row))
    model = LinearSVC().fit(words.fit_transform(taught), [row["label"] for row in taught])
    guessed = model.predict(words.transform(asked))
    wanted = [row["label"] for row in asked]
    return Measured(float(accuracy_score(wanted, guessed)), float(f1_score(wanted, guessed, average="macro")))


def _cut(row: dict[str, str]) -> list[str]:
    if "tokens" in row:
        return row["tokens"].split()
    return [word for word in jieba.cut(f"{row.get('title', '')} {row['text']}") if word.strip()]


def _rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def _unseen(train: Path, test: Path) -> list[str]:
    """The lines of the training file that are none of the messages asked about."""
    lines = train.read_text("utf-8").splitlines(keepends=True)
    pairs = [_pairs(json.loads(line)) for line in lines]
    holding: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(pairs):
        for pair in row:
            holding[pair].append(number)
    seen: set[int] = set()
    for asked in _rows(test):
        shared = Counter(number for pair in _pairs(asked) for number in holding[pair])
        seen |= {number for number, count in shared.items() if count > _SAME * len(pairs[number])}
    return [line for number, line in enumerate(lines) if number not in seen]


def _pairs(row: dict[str, str]) -> set[str]:
    said = row.get("tokens") or row.get("title", "") + row["text"]
    text = "".join(each for each in said if each.isalnum())
    return {text[place : place + 2] for place in range(len(text) - 1)}


if __name__ == "__main__":
    if not TRAIN.exists():
        sys.exit("the shared question sets are not on this machine (../shared/data)")
    for name, ours, theirs in measure():
        print(f"{name:<18} {ours:8.4f}  LinearSVC {theirs:8.4f}")
