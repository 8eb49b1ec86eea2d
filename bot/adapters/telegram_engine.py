"""Whichever library speaks to Telegram for us, this is what we ask of it."""

from collections.abc import Sequence
from typing import Any, Protocol

HEARD = ["message", "edited_message", "callback_query"]
"""The kinds of updates we ask for."""
PATIENCE = 60
"""Seconds until a request without an answer is given up."""


class Trouble(Exception):
    """A request has failed. Its words hold no url, for a url of ours holds the token."""


class Refusal(Trouble):
    """Telegram's no: `code` as HTTP counts them, `seconds` to wait or the chat's new number where it says so."""

    def __init__(self, code: int, words: str, *, seconds: float | None = None, moved_to: int | None = None) -> None:
        super().__init__(words)
        self.code = code
        self.seconds = seconds
        self.moved_to = moved_to


class Unsent(Trouble):
    """There was not even a connection: nothing was written."""


class NoAnswer(Trouble):
    """Written, and no answer came, or none that can be read."""


Buttons = Sequence[Sequence[tuple[str, str]]]
"""Rows of (label, what comes back when it is tapped, or the https address it leads to)."""
Photo = tuple[str, bytes]
"""A file's name and what is in it."""


class Engine(Protocol):
    """A library that speaks to Telegram, many requests side by side, each for `PATIENCE` seconds.

    Whatever asks Telegram for something raises `Refusal`, `Unsent` or `NoAnswer` when it does not get it.
    """

    async def name(self) -> str:
        """Our own @name, without the @."""

    async def updates(self, offset: int, wait: int) -> list[dict[str, Any]]:
        """What happened, unread: one update that is worded otherwise must not spoil all others."""

    async def open_webhook(self, url: str, secret: str) -> None: ...

    async def close_webhook(self) -> None: ...

    async def set_menu(self, commands: Sequence[tuple[str, str]], chat: int | None) -> None:
        """Offer (command, title)s in one chat, or wherever no chat has its own."""

    async def drop_menu(self, chat: int) -> None: ...

    async def answer(self, query: str) -> None:
        """Stop the little clock on a button."""

    async def send_text(self, chat: int, text: str, buttons: Buttons) -> None: ...

    async def send_photo(self, chat: int, photo: Photo, text: str, buttons: Buttons) -> None: ...

    async def send_album(self, chat: int, photos: Sequence[Photo]) -> None: ...

    async def locate(self, file: str) -> str | None:
        """Where to fetch a file."""

    async def fetch(self, where: str, largest: int) -> bytes:
        """A file, or enough of it to see that it is larger than that."""

    async def close(self) -> None: ...
