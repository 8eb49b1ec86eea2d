"""Guesses what kind of problem somebody describes: by what was learnt, under the rules that must hold in any case."""

from collections.abc import Iterable
from datetime import date

from domain.catalogue import OTHER, Category
from domain.district import District
from nlp.linear import Model, pieces
from nlp.normalise import fold
from nlp.routing import STRANGE, form

# What a model scores: 1 and more is clearly it, -1 and less clearly not.
_MAY_BE = -0.7
# Nothing learnt fits any better than this: the words are the district's or nobody's, and 其他 is the honest guess.
_SOMETHING_FITS = -0.3


class Kinds:
    """The categories of a district, as residents' words mean them.

    Without a model that knows them, the district's own words decide.
    """

    def __init__(self, district: District, models: Iterable[Model] = ()) -> None:
        """The first of the models that knows exactly this district's categories is used."""
        self._district = district
        self._model = next((model for model in models if set(model.labels) == learnt(district)), None)

    def guess(self, text: str, day: date) -> list[Category]:
        """Categories in force that day that these words may mean, likeliest first, 其他 among them.

        What must go past the gridworker comes first whatever else is said: a complaint must not land with the one it
        is about. Then what is urgent: a smell of gas is asked about before anything a model makes of it.
        """
        categories = {each.code: each for each in self._district.catalogue.on(day)}
        said = named(text, self._district, day)
        hard = [each for each in said if each.to_staff] + [each for each in said if each.urgent]
        found = pieces(form(text))
        scores = self._model.scores(found) if self._model and self._model.knows(found) > STRANGE else {}
        likely = [categories[code] for code, score in scores.items() if score > _MAY_BE and code in categories]
        if max(scores.values(), default=-1.0) < _SOMETHING_FITS:
            likely = [*said, categories[OTHER], *likely]
        return list(dict.fromkeys([*hard, *likely, categories[OTHER]]))


def named(text: str, district: District, day: date) -> list[Category]:
    """The categories in force that day whose own words are said, the more and the longer the better.

    A word such as 网格员+收钱 stands for both its parts, wherever they are.
    """
    folded = fold(text)
    scored = [
        (sum(len(word) for word in category.words if _said(word, folded)), category)
        for category in district.catalogue.on(day)
    ]
    fitting = sorted((pair for pair in scored if pair[0]), key=lambda pair: (not pair[1].to_staff, -pair[0]))
    return [category for _, category in fitting]


def learnt(district: District) -> set[str]:
    """The codes a model of this district must know; what goes past the gridworker is for a rule to find."""
    return {each.code for each in district.categories.values() if not each.to_staff}


def _said(word: str, folded: str) -> bool:
    if "+" not in word:
        return word in folded
    return all(part in folded for part in word.split("+"))
