"""What a turn needs from the outside, as few questions as possible. `storage` and `nlp` answer them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol, TypeVar

from bot.core.talk import Line
from bot.core.words import Address, Allowance, Choice, Lying, Outgoing, Said
from domain.catalogue import Category
from domain.district import District, Entry
from domain.faq import Match
from domain.people import Person


class Contact(Protocol):
    """The chat somebody speaks in; `state` is what was open in it, as JSON."""

    @property
    def id(self) -> int: ...
    @property
    def person(self) -> Person: ...
    @property
    def state(self) -> str: ...


class Desk(Protocol):
    """One transaction: what is remembered, and what is to be said when it commits."""

    now: datetime
    district: District
    ear: "Ear"
    started_over: bool
    """The chat has become a stranger's: nothing that was open in it may be kept."""

    def undoing(self) -> AbstractAsyncContextManager[None]:
        """What is written and said in the block is taken back if it raises."""

    async def hear(self, said: Said) -> Contact | None:
        """Who says this, with their chat locked; None when we have heard it before."""

    async def meet(self, address: Address) -> Contact:
        """Who speaks from there, with their chat locked."""

    async def allow(self, contact: Contact, allowance: Allowance) -> None:
        """Note how many messages the platform lets us send to this chat from now on."""

    async def keep(self, contact: Contact, state: str) -> None:
        """Put down what is open."""

    async def choices(self, contact: Contact, message: int) -> tuple[Choice, ...]:
        """The buttons of a message sent to this chat."""

    async def last_choices(self, contact: Contact) -> tuple[Choice, ...]:
        """The buttons of the last message to this chat that had any."""

    async def happen(self, fact: object) -> None:
        """Let a fact come true, all of it or nothing. Raises `Refused`."""

    def label(self, key: str) -> str:
        """A button's words as whoever speaks reads them."""

    async def hold(self, said: Said, contact: Contact, held: int) -> None:
        """Keep a message, the `held`-th, until they pause; the moment to look again is planned."""

    async def release(self, contact: Contact) -> list[Said]:
        """What was held of this chat, oldest first; held no more."""

    async def park(self, said: Said, trouble: str) -> None:
        """Put a message aside that failed every time."""

    def reply(self, line: Line) -> None:
        """Say something to whoever speaks."""

    async def answer(self) -> None:
        """Queue what was said to whoever speaks, in as few messages as it takes."""


T = TypeVar("T")
D = TypeVar("D", bound=Desk)
D_co = TypeVar("D_co", bound=Desk, covariant=True)


class Desks(Protocol[D_co]):
    """Where transactions begin."""

    async def write(self, work: Callable[[D_co], Awaitable[T]]) -> T:
        """Do some work in one transaction: all of it is kept once this returns, nothing of it if it raises."""


Take = Callable[[Said], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a platform lets us speak: messages a second in all, seconds between two to one chat or group."""

    per_second: float
    chat_gap: float
    group_gap: float


class Adapter(Protocol):
    """A platform: it hears what people say there and draws what we say.

    `one_listener`: the platform hands what is said to one process only. `mailbox`: what is stored is delivered,
    readers fetch it themselves; `ring` brings them what is new.
    """

    platform: str
    account: str
    mailbox: bool
    one_listener: bool
    pace: Pace | None

    async def listen(self, take: Take) -> None:
        """Hand every message to `take`, and acknowledge it only once that has returned. Runs until cancelled."""

    async def send(self, outgoing: Outgoing) -> None:
        """Deliver one message. Raises one of the troubles of `bot.core.sending`."""

    def gap(self, chat: str) -> float:
        """Seconds to keep between two messages to this chat."""

    def ring(self, lying: Sequence[Lying]) -> None:
        """These messages lie ready from now on."""

    def look(self, contacts: Sequence[int]) -> None:
        """Another process has put something into the mailboxes of these contacts."""


@dataclass(frozen=True, slots=True)
class Meant:
    """The conversation somebody means without naming it, and what is already known for it."""

    conversation: str
    given: Mapping[str, str] = field(default_factory=dict)


class Ear(Protocol):
    """How words become meaning."""

    def fold(self, text: str) -> str:
        """One script, one width, one case: for comparing."""

    def asks(self, text: str) -> bool:
        """Whether words sound like a question."""

    def faq(self, text: str, day: date) -> Match:
        """What the district's FAQ has to say to this."""

    def learn(self, entries: Sequence[Entry]) -> None:
        """From now on these entries hold besides the district's, in place of those with the same id."""

    def kinds(self, text: str, day: date) -> list[Category]:
        """The kinds of problem these words may describe that day, likeliest first, at least one."""

    def deed(self, text: str) -> Meant | None:
        """What somebody on duty says they have just done; None when they say no such thing."""

    def intent(self, said: Said) -> Meant:
        """The conversation somebody means without naming it; `unsure` when it is better to ask."""
