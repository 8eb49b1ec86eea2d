"""The kinds of trouble a conversation may meet, each with its reader."""

from domain.refusals import Refused

__all__ = ["Refused", "Unclear"]


class Unclear(Exception):  # noqa: N818 - it is an answer to a person, not a fault
    """What was said does not answer the question; `key` names the text that says how to put it instead."""

    def __init__(self, key: str, **shown: object) -> None:
        super().__init__(key)
        self.key = key
        self.shown = shown
