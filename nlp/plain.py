"""Reads answers that are just words, or just a choice."""

from collections.abc import Callable

from bot.core.errors import Unclear
from bot.core.talk import Heard
from domain.district import District


def words(least: int = 1, most: int = 1000) -> Callable[[Heard, District], str]:
    """A reader of free words of a sensible length."""

    def read(heard: Heard, _district: District) -> str:
        if len(heard.text) < least:
            raise Unclear("plain.too_short" if heard.text else "plain.words_please")
        if len(heard.text) > most:
            raise Unclear("plain.too_long", most=most)
        return heard.text

    return read


def choice(heard: Heard, _district: District) -> str:
    """One of the choices offered. Raises Unclear for anything else."""
    if heard.choice is None:
        raise Unclear("plain.choose")
    return heard.choice


def number_choice(heard: Heard, district: District) -> int:
    """A choice whose value is a number of ours."""
    return int(choice(heard, district))
