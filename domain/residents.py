"""What a person settles about themselves: where they live, how we write to them, who they are to us."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GridChosen:
    """A resident said which grid they live in."""

    by: int
    grid: str


@dataclass(frozen=True, slots=True)
class LanguageChosen:
    by: int
    language: str


@dataclass(frozen=True, slots=True)
class NameGiven:
    by: int
    name: str


@dataclass(frozen=True, slots=True)
class PhoneGiven:
    by: int
    phone: str


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A person wants everything personal erased."""

    by: int


@dataclass(frozen=True, slots=True)
class InvitationUsed:
    """A one-time code was typed or followed; it carries a role, or the person whose next chat this is."""

    by: int
    code: str


@dataclass(frozen=True, slots=True)
class LinkWanted:
    """A person wants to use another chat as well."""

    by: int


@dataclass(frozen=True, slots=True)
class WorkerAsked:
    """A resident wrote to a gridworker through the bot, or the gridworker wrote back."""

    by: int
    to: int
    words: str
    photos: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChatLost:
    """Somebody does not want to hear from us in this chat any more, or it is gone."""

    contact: int
