"""What somebody would put together in an afternoon: a BM25 library over jieba's words, or over characters."""

import logging
from collections.abc import Callable, Sequence

import bm25s
import jieba
import numpy as np
from rank_bm25 import BM25Okapi

jieba.setLogLevel(logging.WARNING)
logging.getLogger("bm25s").setLevel(logging.WARNING)

Cut = Callable[[str], list[str]]
# A search for the nearest rows: their numbers and scores, best first.
Search = Callable[[str], tuple[list[int], list[float]]]
_DEEP = 5


def words(text: str) -> list[str]:
    return [word for word in jieba.cut(text) if any(each.isalnum() for each in word)]


def characters(text: str) -> list[str]:
    """Single ones and pairs, without punctuation."""
    bare = "".join(each for each in text if each.isalnum())
    return [*bare, *(bare[at : at + 2] for at in range(len(bare) - 1))]


def okapi(cut: Cut, texts: Sequence[str]) -> Search:
    index = BM25Okapi([cut(text) for text in texts])

    def search(text: str) -> tuple[list[int], list[float]]:
        scores = index.get_scores(cut(text))
        best = np.argsort(-scores, kind="stable")[:_DEEP]
        return best.tolist(), scores[best].tolist()

    return search


def sparse(cut: Cut, texts: Sequence[str]) -> Search:
    index = bm25s.BM25()
    index.index([cut(text) for text in texts], show_progress=False)
    deep = min(_DEEP, len(texts))

    def search(text: str) -> tuple[list[int], list[float]]:
        rows, scores = index.retrieve([cut(text)], k=deep, show_progress=False, n_threads=0)
        return rows[0].tolist(), scores[0].tolist()

    return search


PEERS: dict[str, Callable[[Sequence[str]], Search]] = {
    "jieba+rank_bm25": lambda texts: okapi(words, texts),
    "jieba+bm25s": lambda texts: sparse(words, texts),
    "char bm25s": lambda texts: sparse(characters, texts),
}
