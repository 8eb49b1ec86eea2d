"""Which messages go first, which are repeated when in doubt, which may wait for each other, and for how long."""

from dataclasses import dataclass
from datetime import timedelta

from bot.core.words import Kind


@dataclass(frozen=True, slots=True)
class Policy:
    """`priority`: lower goes first. `repeat`: when we cannot know whether it arrived, send it again.

    `expires`: how long it is worth sending. `quiet`: it waits out the quiet hours. `routine`: what has come late, or
    is older news of the same thing, shares a message with the others instead of arriving as a burst.
    """

    priority: int
    repeat: bool
    expires: timedelta | None = None
    quiet: bool = False
    routine: bool = False


POLICIES = {
    # Somebody holds the phone and waits; an answer twice is better than none.
    Kind.REPLY: Policy(0, repeat=True, expires=timedelta(days=1)),
    # A task missed is a lamp not mended: the same words and number come twice rather than never.
    Kind.PUSH: Policy(1, repeat=True),
    Kind.NOTICE: Policy(2, repeat=True, expires=timedelta(days=7), routine=True),
    # The command menu: setting it twice changes nothing.
    Kind.MENU: Policy(2, repeat=True),
    # One of many to many people: twice is a nuisance to thousands, and the next one comes.
    Kind.REMINDER: Policy(3, repeat=False, expires=timedelta(hours=24), quiet=True, routine=True),
}
