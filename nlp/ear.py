"""The bot's ear for one district: folding, the FAQ, and what somebody means without naming it."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import lru_cache
from pathlib import Path

from bot.core.ports import Meant
from bot.core.words import Said
from domain.catalogue import OTHER, Category
from domain.district import District, Entry
from domain.faq import Match
from nlp import deeds, faq, grid_code, linear, normalise, paper, place, private, routing
from nlp.category import Kinds, named
from nlp.grams import Reader
from nlp.linear import Model
from nlp.segment import Segmenter
from nlp.synonyms import Synonyms
from nlp.wishes import wishes

MODELS = Path(__file__).parent / "models"

# As `storage.people` makes them: letters and digits nobody confuses.
_CODE = re.compile(r"(?:I_)?(?=[A-Z2-9]*\d)[A-HJKMNP-Z2-9]{10}")
# A vote's receipt: its dashes, or a digit, tell it from a word.
_VOTE_RECEIPT = re.compile(r"[A-HJKMNP-Z2-9]{4}(-[A-HJKMNP-Z2-9]{4}){2}|(?=[A-Z]*\d)[A-HJKMNP-Z2-9]{12}")
_RECEIPT = re.compile(r"(?<![\d-])\d{6}-\d{4,9}(?!\d)")
# The conversation that does what is wanted.
_OPENS = {
    routing.REPORT: "report",
    routing.QUESTION: "faq",
    routing.LOOK_UP: "grid",
    routing.VOTE: "vote",
    routing.PROGRESS: "mine",
    routing.CHAT: "chat",
}
_DONE_FOR_THEM = (routing.REPORT, routing.LOOK_UP, routing.VOTE, routing.PROGRESS)
_UNSURE = "unsure"


class Ear:
    """Everything is loaded when it is made, so the first message waits for nothing."""

    def __init__(self, district: District, learnt: Sequence[Model] = ()) -> None:
        """`learnt`: what the operator had learnt anew, instead of what the project ships."""
        self._district = district
        self._reader = reader(district)
        self._faq = faq.Faq(district.entries, self._reader)
        self._router = linear.read(MODELS / "routing.model")
        self._kinds = Kinds(district, [*learnt, linear.read(MODELS / "categories.model")])
        # A story is told again at every answer, and asks the same each time: as many as may be talking at once.
        self._guessed = lru_cache(maxsize=4096)(self._kinds.guess)

    def learn(self, entries: Sequence[Entry]) -> None:
        """From now on these entries hold besides the district's, in place of those with the same id.

        All of them each time: what is not among them any more is forgotten. May be called from another thread.
        """
        said = {entry.id: entry for entry in (*self._district.entries, *entries)}
        # Made whole and then put in its place: whoever is listening meanwhile hears with the old one.
        self._faq = faq.Faq([*said.values()], self._reader)

    def fold(self, text: str) -> str:
        return normalise.fold(text)

    def asks(self, text: str) -> bool:
        return faq.asks(text)

    def faq(self, text: str, day: date) -> Match:
        return self._faq.match(text, day)

    def kinds(self, text: str, day: date) -> list[Category]:
        return self._guessed(text, day)

    def deed(self, text: str) -> Meant | None:
        done = deeds.deed(text)
        return Meant("deed", {"move": done}) if done else None

    def intent(self, said: Said) -> Meant:
        """What is certain first: a shared number, a code, a photo, a receipt, a paper. The rest is for the router."""
        text = said.text.strip()
        if said.phone:
            return Meant("phone")
        if _CODE.fullmatch(text.replace("-", "").replace(" ", "").upper()):
            return Meant("join")
        if _VOTE_RECEIPT.fullmatch(text.replace(" ", "").upper()):
            return Meant("receipts")
        if said.photos or said.position:
            return Meant("report", {"guessed": "yes"})
        if paper.looks_like(text):
            return Meant("vote", {"marks": text})
        folded = normalise.fold(text)
        if _RECEIPT.search(folded) and len(folded) < 40:
            return Meant("mine")
        if private.nothing_else(text):
            return Meant(_UNSURE, {"why": "number"})
        route = routing.read(text, self._district, self._router)
        digits = grid_code.read(text)
        if digits and len(digits) in (9, 12, 14, 15, 16) and len(text) < 40:
            alone = not any(each.isalnum() for each in grid_code.without(text))
            if alone or route.strange or route.best != routing.REPORT:
                return Meant("grid")
        # A place and not a word more: who is there is told, and the card offers to report.
        if (found := place.find(text, self._district)) and not place.rest(text, found):
            return Meant("grid")
        return self._weighed(said, route)

    def _weighed(self, said: Said, route: routing.Route) -> Meant:
        """What is clearly wanted is opened; what is not is offered."""
        day = self._district.day(said.at)
        if self._pressing(said.text, route, day):
            return Meant("report", {"guessed": "yes"})
        troubled = route.sure and route.best == routing.REPORT
        unknown = troubled and self._guessed(said.text, day)[0].code == OTHER
        if unknown:
            # Trouble of no kind we know of has to be twice as clear.
            route = replace(route, sure=route.lead >= 2 * routing.SURE)
        match = self._faq.match(said.text, day)
        # Who asks who their gridworker is wants that one's card, and not to read how one finds it. 身份证丢了 is no
        # trouble for a gridworker, and there is an answer to it.
        if match.sure and (unknown or not (route.sure and route.best in _DONE_FOR_THEM)):
            return Meant("faq")
        offered = [_OPENS[name] for name, _ in route.wanted if name != routing.CHAT]
        if wishes(said.text) and (not route.sure or route.best in (routing.REPORT, routing.VOTE)):
            # Theirs to propose to the neighbours, or a report after all: they say which.
            return Meant(_UNSURE, {"wanted": " ".join(["propose", *offered[:2]])})
        if route.strange:
            return Meant(_UNSURE)
        if route.sure:
            return Meant(_OPENS[route.best], {"guessed": "yes"})
        if match.question and "faq" not in offered[:3]:
            # It sounds like a question, and might well be one.
            offered[2:] = ["faq"]
        return Meant(_UNSURE, {"wanted": " ".join(offered[:3])})

    def _pressing(self, text: str, route: routing.Route, day: date) -> bool:
        """A complaint about a gridworker is never answered with their card; danger is not asked about twice."""
        said = named(text, self._district, day)
        asks = route.sure and route.best == routing.QUESTION
        if any(each.to_staff for each in said):
            return not asks
        return any(each.urgent for each in said) and not route.sure and route.best == routing.REPORT


def reader(district: District) -> Reader:
    """Reads questions with the district's own words and synonyms."""
    return Reader(Segmenter([*place.names(district), *faq.words_of(district.entries)]), Synonyms(district.synonyms))
