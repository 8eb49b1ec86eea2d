"""Reads a ballot paper written as numbers: «1 3» chooses two, «2 1 3» ranks three, «5 3 0» gives each a score."""

import re

from domain.counting import Method, Paper
from nlp.normalise import fold

_NUMBERS = re.compile(r"\d{1,2}(?:[\s,，、;；>]+\d{1,2}){1,7}[\s,，、;；>]*")
_WITHIN = re.compile(r"\d+")


def looks_like(text: str) -> bool:
    """Whether words are nothing but a few small numbers, two or more."""
    return _NUMBERS.fullmatch(text.strip()) is not None


def read(text: str, method: Method, options: int) -> Paper:
    """The paper these numbers mark; whether it is a valid one is for the rules to say.

    Written together, «213» is three numbers where there are no more options than nine.
    """
    found = _WITHIN.findall(fold(text))
    if len(found) == 1 and len(found[0]) > 1 and options < 10:
        found = [*found[0]]
    numbers = [int(each) for each in found]
    if method is Method.SCORE:
        return tuple(numbers)
    chosen = [number - 1 for number in numbers]
    # Named twice is still named once where there is no order to it.
    return tuple(sorted(set(chosen))) if method is Method.SEVERAL else tuple(chosen)
