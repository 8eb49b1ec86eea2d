"""One script, one width, one case, so that 醫保 and 医保 are the same word."""

import re
import unicodedata
from functools import lru_cache

from opencc import OpenCC

_SPACES = re.compile(r"\s+")
_LONG_NUMBER = re.compile(r"(?<!\d)(?:\d[ -]?){7,18}[\dXx](?![\dA-Za-z])")


@lru_cache(maxsize=1)
def _simplified() -> OpenCC:
    return OpenCC("tw2s")


# One message is looked at from many sides, and again at every answer that follows it.
@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """Simplified, half-width, lower case, single spaces."""
    return _SPACES.sub(" ", _simplified().convert(unicodedata.normalize("NFKC", text))).strip().lower()


def bare(text: str) -> str:
    """Folded, and without anything that is neither a letter nor a digit."""
    return "".join(each for each in fold(text) if each.isalnum())


def mask(text: str) -> str:
    """The words with phone, identity and card numbers blotted out."""
    return _LONG_NUMBER.sub("＊＊＊", text)


_DIGITS = {
    "零": 0,
    "〇": 0,
    "一": 1,
    "二": 2,
    "两": 2,
    "三": 3,
    "四": 4,
    "五": 5,
    "六": 6,
    "七": 7,
    "八": 8,
    "九": 9,
}


def number(text: str) -> int | None:
    """A small number as people write it: 12, １２, 十二, 二十. None when it is none."""
    plain = unicodedata.normalize("NFKC", text)
    if plain.isdecimal():
        return int(plain)
    if "十" in plain:
        tens, _, ones = plain.partition("十")
        if (tens and tens not in _DIGITS) or (ones and ones not in _DIGITS):
            return None
        return (_DIGITS[tens] if tens else 1) * 10 + (_DIGITS[ones] if ones else 0)
    return _DIGITS.get(plain)
