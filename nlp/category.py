"""Guesses what kind of problem somebody describes, by the words residents use for each."""

from domain.catalogue import Category
from domain.district import District
from nlp.normalise import fold

OTHER = "other"


def guess(text: str, district: District) -> list[Category]:
    """Categories that fit, best first: the more and the longer its words, the better. Empty when none fits."""
    folded = fold(text)
    scored = [
        (sum(len(word) for word in category.words if word in folded), category)
        for category in district.categories.values()
    ]
    return [category for score, category in sorted(scored, key=lambda pair: -pair[0]) if score]


def best(text: str, district: District) -> Category:
    """The likeliest category; 其他 when none fits."""
    return next(iter(guess(text, district)), district.categories[OTHER])
