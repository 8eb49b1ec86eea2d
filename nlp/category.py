"""Guesses what kind of problem somebody describes, by the words residents use for each."""

from domain.catalogue import Category
from domain.district import District
from nlp.normalise import fold

OTHER = "other"


def guess(text: str, district: District) -> list[Category]:
    """Categories that fit, best first: the more and the longer its words, the better. Empty when none fits.

    A word such as 网格员+收钱 stands for both its parts, wherever they are. What must go past the gridworker comes
    first whatever else is said: a complaint must not land with the one it is about.
    """
    folded = fold(text)
    scored = [
        (sum(len(word) for word in category.words if _said(word, folded)), category)
        for category in district.categories.values()
    ]
    fitting = sorted(scored, key=lambda pair: (not pair[1].to_staff, -pair[0]))
    return [category for score, category in fitting if score]


def _said(word: str, folded: str) -> bool:
    if "+" not in word:
        return word in folded
    return all(part in folded for part in word.split("+"))


def best(text: str, district: District) -> Category:
    """The likeliest category; 其他 when none fits."""
    return next(iter(guess(text, district)), district.categories[OTHER])
