"""The bot's ear for one district: folding, the FAQ, and what somebody means without naming it."""

import re
from datetime import date

from bot.core.words import Said
from domain.district import District
from domain.faq import Match
from nlp import category, faq, grid_code, normalise, place
from nlp.grams import Reader
from nlp.segment import Segmenter
from nlp.synonyms import Synonyms

# As `storage.people` makes them: letters and digits nobody confuses.
_CODE = re.compile(r"(?:I_)?(?=[A-Z2-9]*\d)[A-HJKMNP-Z2-9]{10}")


_RECEIPT = re.compile(r"\d{6}-\d{4,9}")


class Ear:
    """Everything is loaded when it is made, so the first message waits for nothing."""

    def __init__(self, district: District) -> None:
        self._district = district
        self._faq = faq.Faq(district.entries, reader(district))

    def fold(self, text: str) -> str:
        return normalise.fold(text)

    def faq(self, text: str, day: date) -> Match:
        return self._faq.match(text, day)

    def intent(self, said: Said) -> str | None:
        """A code asks for a gridworker; a photo, a place on the map or words of trouble report one."""
        if said.phone:
            return "phone"
        if _CODE.fullmatch(said.text.strip().replace("-", "").replace(" ", "").upper()):
            return "join"
        if said.photos or said.position:
            return "report"
        if _RECEIPT.fullmatch(normalise.fold(said.text)):
            return "mine"
        digits = grid_code.read(said.text)
        if digits and len(digits) in (9, 12, 14, 15, 16) and len(said.text) < 40:
            return "grid"
        if category.guess(said.text, self._district) and not faq.asks(said.text):
            match = self._faq.match(said.text, said.at.date())
            return None if match.sure else "report"
        return None


def reader(district: District) -> Reader:
    """Reads questions with the district's own words and synonyms."""
    return Reader(Segmenter([*place.names(district), *faq.words_of(district.entries)]), Synonyms(district.synonyms))
