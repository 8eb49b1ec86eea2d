"""What passes between people and the bot, the same on every platform."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Address:
    """Where to write to somebody, now or next month: `account` is our own bot on that platform."""

    platform: str
    account: str
    chat: str


@dataclass(frozen=True, slots=True)
class Position:
    """A point on the map, WGS 84, in degrees."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Tap:
    """A button pressed: which message of ours it hung under, and which of its choices."""

    message: int
    choice: int


class Odd(StrEnum):
    """What people send that we cannot use, each with its own kind answer (`odd.<value>` in the texts)."""

    STICKER = "sticker"
    VOICE = "voice"
    VIDEO = "video"
    FILE = "file"
    TOO_BIG = "too_big"
    BROKEN_PHOTO = "broken_photo"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many messages a platform lets us send to a chat after somebody spoke there, and for how long."""

    messages: int
    lasts: timedelta


@dataclass(frozen=True, slots=True)
class Said:
    """One thing somebody said to us.

    `id` is the platform's own: a repeat is known by it; an edit has the id of what it edits, `#` and a mark.
    `photos` are content ids of files already kept. `group` means others in the chat can read our answer.
    `album` is shared by photos sent together, each of which comes as a message of its own. `allows`: on a platform
    that counts what we may send (WeChat: 5 messages in 48 hours after a typed one, 3 in a minute after a tap).
    """

    address: Address
    id: str
    at: datetime
    text: str = ""
    tap: Tap | None = None
    photos: tuple[str, ...] = ()
    position: Position | None = None
    phone: str | None = None
    odd: Odd | None = None
    edited: bool = False
    group: bool = False
    album: str | None = None
    allows: Allowance | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """A button: it answers the open question (`talk`, `question`, `value`, as `shown`), or `opens` a conversation.

    `link`: what follows `/start ` in private (`v_12`): in a group, where all others read along, a button leads there.
    """

    label: str
    value: str | None = None
    talk: str | None = None
    question: str | None = None
    shown: str = ""
    opens: str | None = None
    given: Mapping[str, str] = field(default_factory=dict)
    link: str = ""


class Kind(StrEnum):
    """Why a message goes out; the sender's rules hang on it (see `bot.core.outbox`)."""

    REPLY = "reply"
    PUSH = "push"
    NOTICE = "notice"
    REMINDER = "reminder"
    MENU = "menu"


@dataclass(frozen=True, slots=True)
class Reply:
    """One message to somebody, rendered: what an adapter draws. `menu` names the commands of a MENU message."""

    text: str
    choices: tuple[Choice, ...] = ()
    photos: tuple[str, ...] = ()
    menu: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A reply on its way: its number, its kind and where it goes. Taps come back with its number."""

    id: int
    kind: Kind
    chat: str
    reply: Reply
    at: datetime
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Lying:
    """A message in a mailbox: its number there, the number before it in the same mailbox, and whose mailbox it is."""

    contact_id: int
    before: int
    number: int
    outgoing: Outgoing
