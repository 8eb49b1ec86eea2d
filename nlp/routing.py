"""Tells from one sentence what somebody wants of us, and how sure that is."""

import re
from collections import Counter
from dataclasses import dataclass, replace
from functools import lru_cache

from domain.district import District
from nlp.linear import Model, pieces
from nlp.normalise import fold
from nlp.place import names

REPORT, QUESTION, LOOK_UP, VOTE, PROGRESS, CHAT = "report", "question", "look-up", "vote", "progress", "chat"

# Measured on the training sentences, each by a model that had not seen it (`bench/nlp/routing.py` prints both rates).
SURE = 0.3
# Of words in another language, or of none, hardly a piece was ever met.
STRANGE = 0.4
# Nobody needs more to say what it is about, and a long letter is read no slower than a short one.
_READ = 300
_LINK = re.compile(r"(?:https?://|www\.)[!-~]+")
_NUMERALS = re.compile(r"\d+(?:[-–.:]\d+)*|[一二两三四五六七八九十]+(?=\s*(?:栋|幢|号|单元|门|室|楼|层|组|委))")


@dataclass(frozen=True, slots=True)
class Route:
    """What is wanted, best first, as (name, score); `sure`: the best may be acted on; `strange`: not our language."""

    wanted: tuple[tuple[str, float], ...]
    strange: bool
    sure: bool = False

    @property
    def lead(self) -> float:
        """How far the best is ahead of the next."""
        return self.wanted[0][1] - self.wanted[1][1]

    @property
    def best(self) -> str:
        return self.wanted[0][0]


def read(text: str, district: District, model: Model) -> Route:
    """What these words want. Codes, receipts and photos are known before (see `nlp.ear`)."""
    found = told_apart(text, district)
    scores = tuple(model.scores(found).items())
    strange = model.knows(found) < STRANGE
    route = Route(scores, strange)
    return replace(route, sure=not strange and route.lead >= SURE)


def told_apart(text: str, district: District) -> Counter[str]:
    """The pieces of a sentence, all places and numbers alike: 幸福里 3 栋 is as good as 槐荫家园 5 栋."""
    return counted(form(text, _names(district)))


def counted(plain: str) -> Counter[str]:
    """The pieces of words in their plain form, with where they begin and end."""
    return pieces(f"^{plain}$")


def form(text: str, places: tuple[str, ...] = ()) -> str:
    """Folded, places as 某地 and numbers as 0, no links, no punctuation but the question mark."""
    folded = _LINK.sub("", fold(text))[:_READ]
    for name in places:
        if name in folded:
            folded = folded.replace(name, "某地")
    return "".join(each for each in _NUMERALS.sub("0", folded) if each.isalnum() or each == "?")


@lru_cache(maxsize=4)
def _names(district: District) -> tuple[str, ...]:
    return tuple(sorted(names(district), key=len, reverse=True))
