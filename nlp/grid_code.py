"""Reads a grid code however it is typed, and finds the one somebody meant."""

import re
import unicodedata
from collections.abc import Iterable

from rapidfuzz.distance import DamerauLevenshtein

from domain.district import District

_CODE = re.compile(r"\d(?:[\s\-–—_.·]?\d)*")


def read(text: str) -> str | None:
    """The digits of a code in a text, a QR payload or a link; None when there is nothing like one.

    Full-width digits, spaces and dashes are fine; 9 (within the district), 12 (a community) or 15 digits.
    """
    plain = unicodedata.normalize("NFKC", text)
    runs = [re.sub(r"\D", "", run) for run in _CODE.findall(plain)]
    likely = [run for run in runs if 8 <= len(run) <= 16 and len(run) != 11]
    return max(likely, key=len) if likely else None


def without(text: str) -> str:
    """The words around the code that `read` finds."""
    plain, digits = unicodedata.normalize("NFKC", text), read(text)
    return next(
        (
            f"{plain[: run.start()]} {plain[run.end() :]}".strip(" ,，。:：")
            for run in _CODE.finditer(plain)
            if re.sub(r"\D", "", run[0]) == digits
        ),
        text,
    )


def whole(digits: str, district: District) -> str:
    """The full code: the last 9 digits alone mean this district's."""
    return district.code[:6] + digits if len(digits) == 9 else digits


def meant(digits: str, codes: Iterable[str], most: int = 3) -> list[str]:
    """Codes that exist and differ by one slip: a wrong, missing, extra or swapped digit, the nearest first."""
    near = [(DamerauLevenshtein.distance(digits, code, score_cutoff=1), code) for code in codes]
    return [code for distance, code in sorted(near) if distance <= 1][:most]
