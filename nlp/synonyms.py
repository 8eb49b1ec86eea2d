"""What the district's residents call by several names, made one on both sides before anything is compared."""

import re
from collections.abc import Iterable, Sequence

from nlp.normalise import fold


class Synonyms:
    """Groups of words that mean the same; the first of each stands for all."""

    def __init__(self, groups: Iterable[Sequence[str]] = ()) -> None:
        self._first = {fold(word): fold(group[0]) for group in groups for word in group}
        longest_first = sorted(self._first, key=len, reverse=True)
        self._any = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def one(self, folded: str) -> str:
        """A folded text with the first word of each group in place of the others."""
        return self._any.sub(lambda said: self._first[said[0]], folded) if self._any else folded
