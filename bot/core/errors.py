"""The kinds of trouble a conversation may meet, each with its reader."""

from domain.refusals import Refused

__all__ = ["CannotGoOn", "Refused", "Unclear"]


class Unclear(Exception):
    """What was said does not answer the question; `key` names the text that says how to put it instead."""

    def __init__(self, key: str, **shown: object) -> None:
        super().__init__(key)
        self.key = key
        self.shown = shown


class CannotGoOn(Exception):
    """Only the operator can help; its words are for them, in Chinese, without a stack."""


class Unavailable(Exception):
    """The database cannot be used just now: nothing was kept, and nobody is to blame for what they said."""
