"""What a text is compared by: its words, its single letters and its pairs of letters, each as one number.

Words win on short questions, letters on long messages and on words nobody's dictionary has; so all are kept.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from nlp.normalise import fold
from nlp.segment import Segmenter
from nlp.synonyms import Synonyms

Integers = NDArray[np.int64]
Rows = NDArray[np.int32]
Kinds = NDArray[np.int8]

KINDS = 3
# How much letters, pairs and words weigh in a question: letters count for as much as both that are made of them.
SHARES = np.array([0.5, 0.25, 0.25])
# A number or a Latin word is one letter, from where Unicode has none: 123 is no part of 12345.
_RUN, _PRIVATE = re.compile(r"[a-z0-9]{2,}"), 0xF0000
_UNIT = re.compile(r"[^\W_]|[\U000F0000-\U000FFFFF]")
# A letter is its code point, a pair is two of them side by side, a word is a number above both.
_BITS = 21
_WORD = 1 << 62
_PRIME = (1 << 61) - 1
# Nobody asks longer; what comes after it only costs time.
LONGEST = 600
# So many texts at a time, for the memory's sake.
_BATCH = 4096


class Grams(NamedTuple):
    """Many texts' grams, repeated as often as they occur; `rows` says which text each belongs to."""

    keys: Integers
    rows: Rows


class Reader:
    """Reads texts into grams, alike on both sides."""

    def __init__(self, segmenter: Segmenter, synonyms: Synonyms) -> None:
        self._segmenter = segmenter
        self._synonyms = synonyms

    def read(self, text: str) -> str:
        """The text as it is compared: folded, the district's synonyms made one, cut short."""
        return self._synonyms.one(fold(text[: 2 * LONGEST])[:LONGEST])

    @property
    def everyday(self) -> tuple[str, ...]:
        """Words as often as people say them, whatever they talk about."""
        return self._segmenter.everyday

    def words(self, text: str) -> list[str]:
        """The words of a text that was `read`."""
        return self._segmenter.cut(text)

    def knows(self, word: str) -> bool:
        """Whether it is a word at all, whoever uses it."""
        return self._segmenter.knows(word)

    def grams(self, texts: Sequence[str]) -> Grams:
        """The grams of texts that were `read`."""
        parts = [self._grams(texts[start : start + _BATCH], start) for start in range(0, max(len(texts), 1), _BATCH)]
        return parts[0] if len(parts) == 1 else Grams(*map(np.concatenate, zip(*parts, strict=True)))

    def _grams(self, texts: Sequence[str], first: int) -> Grams:
        words = [[word(each) for each in self._segmenter.cut_for_search(text)] for text in texts]
        units = ["".join(_UNIT.findall(_RUN.sub(_as_letter, text))) for text in texts]
        rows = np.arange(first, first + len(texts), dtype=np.int32)
        letters = np.frombuffer("".join(units).encode("utf-32-le"), dtype=np.uint32).astype(np.int64)
        letter_rows = np.repeat(rows, [len(each) for each in units])
        within = letter_rows[:-1] == letter_rows[1:]
        pairs = ((letters[:-1] << _BITS) | letters[1:])[within]
        word_rows = np.repeat(rows, [len(each) for each in words])
        flat = np.array([number for each in words for number in each], dtype=np.int64)
        return Grams(
            np.concatenate((letters, pairs, flat)), np.concatenate((letter_rows, letter_rows[1:][within], word_rows))
        )


def kinds(keys: Integers) -> Kinds:
    """0 for letters, 1 for pairs, 2 for words."""
    return np.add(keys >> _BITS > 0, keys >= _WORD, dtype=np.int8)


def pair(letters: str) -> int:
    """Two letters as one gram."""
    return ord(letters[0]) << _BITS | ord(letters[1])


def pairs_of(keys: Integers) -> tuple[Integers, Integers]:
    """The two letters of each pair."""
    return keys >> _BITS, keys & ((1 << _BITS) - 1)


def _as_letter(run: re.Match[str]) -> str:
    return chr(_PRIVATE + crc32(run[0].encode()) % 0xFFFE)


@lru_cache(maxsize=1 << 15)
def word(letters: str) -> int:
    """A word as one gram."""
    # Not Python's hash, which differs from process to process.
    return int.from_bytes(letters.encode("utf-32-le"), "little") % _PRIME + _WORD
