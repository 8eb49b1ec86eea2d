"""Words typed by their sound come out as others: 医宝 is meant to be 医保, and nobody should have to type it again."""

import json
import unicodedata
from functools import lru_cache
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nlp.grams import Integers, Reader, pair, pairs_of, word
from nlp.index import Index

# What keyboards and tongues do not keep apart.
_ALIKE = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("ing", "in"), ("eng", "en"))
_LETTERS = 1 << 16
_SHORT = 60


class Sounds:
    """The pairs of letters an FAQ knows, by how they sound."""

    def __init__(self, known: Integers, frequencies: Integers) -> None:
        first, second = pairs_of(known)
        heard = _together(_sound(first), _sound(second))
        # Among pairs that sound alike the most frequent is meant.
        order = np.lexsort((-frequencies, heard))
        heard, pairs = heard[order], known[order]
        once = np.append(True, heard[1:] != heard[:-1])[: len(heard)] & (heard > 0)
        self._heard, self._pairs = heard[once], pairs[once]

    def mend(self, text: str, index: Index, reader: Reader) -> str:
        """The text with words nobody knows made the words of the FAQ that sound the same.

        Only two letters in a row that are neither in the FAQ nor a word at all, and only if one of them was right.
        """
        # A longer message has words enough that were typed right.
        if not 2 <= len(text) <= _SHORT or not len(self._heard):
            return text
        letters = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32).astype(np.int64)
        first, second = letters[:-1], letters[1:]
        each = _sound(letters)
        heard = _together(each[:-1], each[1:])
        at = np.minimum(np.searchsorted(self._heard, heard), len(self._heard) - 1)
        meant_first, meant_second = pairs_of(self._pairs[at])
        slips = (self._heard[at] == heard) & ((meant_first == first) != (meant_second == second))
        for place in np.flatnonzero(slips).tolist():
            said = text[place : place + 2]
            meant = chr(meant_first[place]) + chr(meant_second[place])
            # Not `said` any more where the letter before has been mended with this one.
            strange = said == chr(first[place]) + chr(second[place]) and not index.knows(pair(said))
            if strange and index.knows(word(meant)) and not reader.knows(said):
                text = text[:place] + meant + text[place + 2 :]
        return text


def _sound(letters: Integers) -> Integers:
    """A number for how each letter sounds; 0 where it has no sound."""
    sounds = _sounds()
    return sounds[np.minimum(letters, _LETTERS)]


def _together(first: Integers, second: Integers) -> Integers:
    """One number for how two letters sound; 0 where one of them has no sound."""
    return (first * 4096 + second) * ((first > 0) & (second > 0))


@lru_cache(maxsize=1)
def _sounds() -> NDArray[np.int64]:
    """The sound of each letter as a number, its commonest reading without the tone."""
    # The last is for all letters beyond, which have none.
    sounds = np.zeros(_LETTERS + 1, dtype=np.int64)
    numbers: dict[str, int] = {}
    # Found without importing the package, which would load the readings of all its phrases: 50 MB.
    file = Path(str(distribution("pypinyin").locate_file("pypinyin/pinyin_dict.json")))
    readings = json.loads(file.read_text("utf-8"))
    for letter, each in readings.items():
        if int(letter) < _LETTERS:
            spelt = "".join(mark for mark in unicodedata.normalize("NFD", each.split(",")[0]) if mark.isascii())
            for written, meant in _ALIKE:
                spelt = spelt.replace(written, meant)
            sounds[int(letter)] = numbers.setdefault(spelt, len(numbers) + 1)
    return sounds
