"""Cuts Chinese into words as jieba does, behind this one file, with the district's own words.

jieba holds its dictionary, and every beginning of every word, in one Python dict of 65 MB. Here the same is a
trie of 3 MB (marisa). Among its words the likeliest row is chosen as jieba chooses it, and what the dictionary does not
know goes to jieba's own model: every cut is jieba's (tests/test_segment.py).
"""

import random
import re
from array import array
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.resources import files
from math import log

from marisa_trie import Trie

from nlp import unseen

_WRITTEN = re.compile(r"([\u4E00-\u9FD5a-zA-Z0-9+#&\._%\-]+)")  # jieba's re_han_default
_LATIN = re.compile(r"[a-zA-Z0-9]")
_EVERYDAY = 3000
_NEVER = float("-inf")

# Room for two letters folded into one number, the word beginnings of a dictionary filling a fifteenth of it.
_ROOM = 1 << 22
_MASK, _STRIDE = _ROOM - 1, 1021

_Span = tuple[int, int]


class Segmenter:
    """A dictionary of its own, so that one district's words never leak into another's."""

    def __init__(self, words: Iterable[str] = ()) -> None:
        # Line by line, twice: a list of all words would take more memory than all that comes of it.
        own = [word for word in dict.fromkeys(words) if len(word) > 1]
        self._trie = Trie(word for known in ((word for word, _ in _dictionary()), own) for word in known)
        # How long a word that begins with these two letters is at most; where that is 0 the trie need not be asked.
        self._begins = bytearray(_ROOM)
        self._single: dict[str, int] = {}
        for word in self._trie.iterkeys():
            if len(word) == 1:
                self._single[word] = self._trie.key_id(word)
            else:
                place = (ord(word[0]) * _STRIDE ^ ord(word[1])) & _MASK
                self._begins[place] = max(self._begins[place], min(len(word), 255))
        # By the words' numbers in the trie; 0 is a word of the district that has not got its own yet.
        self._counts = array("l", bytes(8 * len(self._trie)))
        for word, count in _dictionary():
            self._counts[self._trie.key_id(word)] = count
        self._total = sum(self._counts)
        self._weigh()
        self.everyday = self._often()
        for word in own:
            # As jieba.add_word: just likely enough to win over its parts.
            likely = 1.0
            for part in self._plain(word):
                likely *= (self._count(part) or 1) / self._total
            count = max(int(likely * self._total) + 1, self._count(word) or 1)
            self._counts[self._trie.key_id(word)] = count
            self._total += count
            self._weights[self._trie.key_id(word)] = log(count / self._total)
        self._weigh()

    def _weigh(self) -> None:
        """How likely each word is, as a logarithm, by its number in the trie."""
        total = log(self._total)
        self._unknown = -total
        self._weights = array("d", (log(count) - total if count else _NEVER for count in self._counts))
        self._letters = {
            ord(word): self._weights[number] for word, number in self._single.items() if self._counts[number]
        }

    def _count(self, word: str) -> int:
        return self._counts[self._trie.key_id(word)] if word in self._trie else 0

    def _often(self) -> tuple[str, ...]:
        """Words as often as they occur in jieba's texts."""
        chance = random.Random(1)  # noqa: S311 - no secret
        numbers = chance.choices(range(len(self._counts)), self._counts, k=_EVERYDAY)
        return tuple(self._trie.restore_key(number) for number in numbers)

    def knows(self, word: str) -> bool:
        """Whether it is a word of the dictionary, or the district's."""
        return self._count(word) > 0

    def cut(self, text: str) -> list[str]:
        """The words of a folded text, without punctuation."""
        return [word for word, _ in self._cut(text)]

    def cut_for_search(self, text: str) -> list[str]:
        """The words of a folded text, long ones also in their parts, without punctuation."""
        return [each for word, parts in self._cut(text) for each in (*parts, word)]

    def _cut(self, text: str) -> list[tuple[str, list[str]]]:
        """Each word, and the words of two and three letters within it."""
        found: list[tuple[str, list[str]]] = []
        for block in _WRITTEN.split(text):
            if not _WRITTEN.match(block):
                found += [(each, []) for each in block if each.isalnum()]
                continue
            known, ends = self._likeliest(block)
            start = 0
            for word in self._words(block, known, ends):
                parts = [] if len(word) < 3 else _parts(block, known, start, start + len(word))
                start += len(word)
                if word.isalnum() or any(each.isalnum() for each in word):
                    found.append((word, parts))
        return found

    def _likeliest(self, block: str) -> tuple[set[_Span], list[int]]:
        """Where words of two letters and more lie, and where the word at each letter ends in the likeliest row."""
        size = len(block)
        known: set[_Span] = set()
        best, ends = [0.0] * (size + 1), [*range(1, size + 1)]
        weights, prefixes = self._weights, self._trie.iter_prefixes_with_ids
        begins, alone, unknown = self._begins, self._letters, self._unknown
        after, next_code, start = 0.0, 0, size
        for code in map(ord, reversed(block)):
            start -= 1
            longest = begins[(code * _STRIDE ^ next_code) & _MASK]
            next_code = code
            if not longest:
                best[start] = after = after + alone.get(code, unknown)
                continue
            most, last = _NEVER, start + 1
            for word, number in prefixes(block[start : start + longest]):
                if (weight := weights[number]) != _NEVER:
                    end = start + len(word)
                    if end > start + 1:
                        known.add((start, end))
                    # Of equals the longer, which comes later.
                    if (together := weight + best[end]) >= most:
                        most, last = together, end
            best[start] = after = most if most != _NEVER else unknown + after
            ends[start] = last
        return known, ends

    def _words(self, block: str, known: set[_Span], ends: list[int]) -> list[str]:
        """The likeliest row; single letters in a row go to jieba's model together, as names and new words do."""
        found: list[str] = []
        start = single = 0
        while start <= len(block):
            end = ends[start] if start < len(block) else start + 2
            if end - start > 1:
                if single < start:
                    run = block[single:start]
                    found += run if (single, start) in known else _guessed(run)
                if start < len(block):
                    found.append(block[start:end])
                single = end
            start = end
        return found

    def _plain(self, text: str) -> list[str]:
        """The words without guessing at new ones."""
        found: list[str] = []
        for block in _WRITTEN.split(text):
            if not _WRITTEN.match(block):
                found += block
                continue
            _, ends = self._likeliest(block)
            start, latin = 0, False
            while start < len(block):
                word = block[start : ends[start]]
                single = len(word) == 1 and _LATIN.match(word) is not None
                if single and latin:
                    found[-1] += word
                else:
                    found.append(word)
                latin = single
                start = ends[start]
        return found


def _parts(block: str, known: set[_Span], start: int, end: int) -> list[str]:
    sizes = (2, 3) if end - start > 3 else (2,)
    return [block[at : at + size] for size in sizes for at in range(start, end - size + 1) if (at, at + size) in known]


@lru_cache(maxsize=8192)
def _guessed(run: str) -> tuple[str, ...]:
    return (run,) if len(run) == 1 else unseen.cut(run)


def _dictionary() -> Iterator[tuple[str, int]]:
    """The words of jieba's dictionary, and how often each was met."""
    with files("jieba").joinpath("dict.txt").open(encoding="utf-8") as lines:
        for line in lines:
            word, count, _ = line.split(" ")
            yield word, int(count)
