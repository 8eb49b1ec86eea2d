"""The ways a platform may not take a message, as the sender must tell them apart."""


class TryLater(Exception):
    """Not taken, try again: too many requests, or the platform is unwell. `seconds` as it asked, if it did.

    `everywhere`: it is not about this chat, no other message will be taken before that either.
    """

    def __init__(self, seconds: float | None = None, *, everywhere: bool = False) -> None:
        super().__init__(f"try later ({seconds} s{', everywhere' if everywhere else ''})")
        self.seconds = seconds
        self.everywhere = everywhere


class Gone(Exception):
    """They do not want to hear from us here any more, or the chat is no more."""


class Moved(Exception):
    """The chat has another id now."""

    def __init__(self, chat: str) -> None:
        super().__init__("moved")
        self.chat = chat


class Unacceptable(Exception):
    """The platform will never take this message."""


class Unsure(Exception):
    """Handed over, but no answer came: it may have arrived."""
