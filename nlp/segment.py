"""Cuts Chinese into words: jieba, behind this one file, with the district's own words."""

import logging
from collections.abc import Iterable

import jieba

jieba.setLogLevel(logging.WARNING)


class Segmenter:
    """A dictionary of its own, so that one district's words never leak into another's."""

    def __init__(self, words: Iterable[str] = ()) -> None:
        self._jieba = jieba.Tokenizer()
        self._jieba.initialize()
        for word in words:
            if len(word) > 1:
                self._jieba.add_word(word)

    def cut(self, text: str) -> list[str]:
        """The words of a folded text, long ones also in their parts, without punctuation."""
        return [word for word in self._jieba.cut_for_search(text) if any(each.isalnum() for each in word)]

    def words(self, text: str) -> list[str]:
        """The words of a folded text, each character once, without punctuation."""
        return [word for word in self._jieba.cut(text) if any(each.isalnum() for each in word)]
