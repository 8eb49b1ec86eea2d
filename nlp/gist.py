"""What all phrasings of one entry, or all entries of one department, say together, where no single one comes near.

The chance that a question is made of the words of a name's texts rather than of everybody's: query likelihood with
Dirichlet smoothing (Zhai & Lafferty 2004), averaged over the question so that long and short ones compare.
"""

import numpy as np

from nlp.grams import KINDS, SHARES, Grams, Integers, kinds
from nlp.index import Asked, Floats, stretches

# So many grams of everybody's stand behind each name's own.
_SMOOTHING = 300.0


class Gist:
    """`names` says which name each row of the grams belongs to, from 0 up to `size`."""

    def __init__(self, grams: Grams, names: Integers, size: int) -> None:
        self._size = size
        self._vocabulary, ids = np.unique(grams.keys, return_inverse=True)
        kind = kinds(self._vocabulary)
        places, counts = np.unique(ids * size + names[grams.rows], return_counts=True)
        ids, self._held = places // size, places % size
        everybody = np.bincount(ids, counts) / np.maximum(np.bincount(kind[ids], counts, KINDS), 1)[kind]
        self._adds = np.log1p(counts / (_SMOOTHING * everybody[ids]))
        self._starts = np.concatenate(([0], np.cumsum(np.bincount(ids))))
        own = np.bincount(self._held * KINDS + kind[ids], counts, size * KINDS).reshape(-1, KINDS)
        self._takes = np.log1p(own / _SMOOTHING)

    def scores(self, asked: Asked) -> Floats:
        """How much likelier the question is as each name's than as anybody's, in log odds a gram."""
        ids = np.searchsorted(self._vocabulary, asked.keys)
        known = ids < len(self._vocabulary)
        known[known] = self._vocabulary[ids[known]] == asked.keys[known]
        ids, kind = ids[known], asked.kinds[known]
        share = SHARES / np.maximum(np.bincount(asked.kinds, minlength=KINDS), 1)
        taken = self._takes @ (share * np.bincount(kind, minlength=KINDS))
        places, sizes = stretches(self._starts[ids], self._starts[ids + 1])
        weights = np.repeat(share[kind], sizes)
        return np.bincount(self._held[places], self._adds[places] * weights, self._size) - taken
