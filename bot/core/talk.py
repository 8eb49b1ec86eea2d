"""A conversation that reads like the conversation: run from its first line at every turn, by keyed replay.

What is kept is the list of answers by question name. A question already answered returns at once; the first
unanswered one stops the story by raising `Waiting`. So a restart, a deploy, another process, going back and
an aside cost nothing. Rules for stories: pure until they return; names are for ever; loops name their rounds.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar, cast

import msgspec

from bot.core.errors import Unclear
from bot.core.words import Choice, Position
from domain.catalogue import Category
from domain.district import District
from domain.faq import Match
from domain.people import Person, Role

T = TypeVar("T")
V = TypeVar("V")
D = TypeVar("D")


class Heard(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a person answered, in their words, and when they said it: "tomorrow" is read against `at`."""

    at: datetime
    text: str = ""
    choice: str | None = None
    photos: tuple[str, ...] = ()
    position: Position | None = None
    phone: str | None = None
    message: str = ""


Read = Callable[[Heard, District], T]


@dataclass(frozen=True)
class Ask(Generic[T]):
    """A question. `name` is also the key of its text; `read` turns what was heard into a value or is `Unclear`.

    `free`: any words are an answer, so only a clear policy question is taken as an aside.
    `confirms`: the answer holds only for what was shown; shown anything else, it is asked again.
    `choices`: (label text key, value) pairs offered as buttons and as numbered replies.
    """

    name: str
    read: Read[T]
    choices: tuple[tuple[str, str], ...] = ()
    free: bool = False
    confirms: bool = False


class Answer(msgspec.Struct, omit_defaults=True):
    """An answer kept: what was heard, and the fingerprint of what had been shown."""

    heard: Heard
    shown: str = ""


class Wait(msgspec.Struct, omit_defaults=True):
    """The open question as it was last shown."""

    question: str
    shown: str = ""
    free: bool = False
    choices: list[tuple[str, str]] = msgspec.field(default_factory=list)
    unclear: int = 0


class Open(msgspec.Struct, omit_defaults=True):
    """A conversation in progress, as JSON between turns: answers by question name, never a step number."""

    id: str
    name: str
    opening: Heard
    given: dict[str, str] = msgspec.field(default_factory=dict)
    answers: dict[str, Answer] = msgspec.field(default_factory=dict)
    looks: dict[str, Any] = msgspec.field(default_factory=dict)
    after: dict[str, int] = msgspec.field(default_factory=dict)
    told: list[str] = msgspec.field(default_factory=list)
    wait: Wait | None = None

    def back(self) -> bool:
        """Forget the last answer and what was looked up since; False when there is none."""
        if not self.answers:
            return False
        self.drop(next(reversed(self.answers)))
        return True

    def drop(self, question: str) -> None:
        """Forget one answer and everything answered, looked up or told after it."""
        names = list(self.answers)
        kept = names.index(question)
        for name in names[kept:]:
            del self.answers[name]
        for name in [name for name, count in self.after.items() if count > kept]:
            self.looks.pop(name, None)
            del self.after[name]
            if name in self.told:
                self.told.remove(name)


@dataclass(frozen=True)
class Line:
    """Something to say back: a text key or ready words, with what hangs under it."""

    key: str
    shown: Mapping[str, object]
    choices: tuple[Choice, ...] = ()
    photos: tuple[str, ...] = ()


class Waiting(BaseException):
    """The story has reached a question nobody has answered. Not an Exception: no story may catch it by accident."""

    def __init__(
        self,
        ask: Ask[Any],
        shown: Mapping[str, object],
        choices: Sequence[tuple[str, str]],
        wait: Wait,
        unclear: Unclear | None,
    ) -> None:
        super().__init__(ask.name)
        self.ask = ask
        self.shown = shown
        self.choices = choices
        self.wait = wait
        self.unclear = unclear


class Talk(Generic[D]):
    """What a story has in its hands: who speaks, what opened it, and the way to ask, look up and say."""

    def __init__(
        self,
        record: Open,
        person: Person,
        desk: D,
        district: District,
        now: datetime,
        faq: Callable[[str], Match],
        kinds: Callable[[str], list[Category]],
        listed: "Callable[[], Sequence[Conversation]]",
    ) -> None:
        self._record = record
        self._desk = desk
        self.person = person
        self.district = district
        self.now = now
        self.faq = faq
        self.kinds = kinds
        self.listed = listed
        self.opening = record.opening
        self.given: Mapping[str, str] = record.given
        self.lines: list[Line] = []

    async def ask(
        self,
        ask: Ask[T],
        choices: Sequence[tuple[str, str]] | None = None,
        *,
        name: str | None = None,
        **shown: object,
    ) -> T:
        """The answer to a question; stops the story when there is none yet.

        `choices` are ready (label, value) pairs where they depend on data; `name` tells the rounds of a loop apart.
        """
        question = name or ask.name
        offered = list(choices) if choices is not None else list(ask.choices)
        wait = Wait(question, _fingerprint(shown), ask.free, offered)
        answer = self._record.answers.get(question)
        unclear: Unclear | None = None
        if answer is not None and not (ask.confirms and answer.shown != wait.shown):
            try:
                return ask.read(answer.heard, self.district)
            except Unclear as trouble:
                unclear = trouble
        if answer is not None:
            self._record.drop(question)
        raise Waiting(ask, shown, offered, wait, unclear)

    async def look(self, name: str, shape: object, find: Callable[[D], Awaitable[V]]) -> V:
        """Something looked up in what is stored; found once per conversation and kept like an answer.

        `shape` is the type of what is found, as it is made whole again from JSON.
        """
        if name in self._record.looks:
            return cast("V", msgspec.convert(self._record.looks[name], shape))
        found = await find(self._desk)
        self._record.looks[name] = msgspec.to_builtins(found)
        self._record.after[name] = len(self._record.answers)
        return found

    def say(self, key: str, /, *, choices: Sequence[Choice] = (), photos: Sequence[str] = (), **shown: object) -> None:
        """Say something on the way; once per conversation, however often the story is run."""
        mark = f"{key}:{_fingerprint(shown)}"
        if mark not in self._record.told:
            self._record.told.append(mark)
            self._record.after[mark] = len(self._record.answers)
            self.lines.append(Line(key, shown, tuple(choices), tuple(photos)))


Story = Callable[[Talk[Any]], Awaitable[object | None]]


@dataclass(frozen=True)
class Conversation:
    """A story and how it is opened. Its title and help are the texts `<name>.title` and `<name>.help`.

    `opens_with`: words that open it, alone or followed by more (幸福里 3 栋路灯不亮 after 报事).
    `link`: the letter of its deep link, `/start g_…`. `roles`: who may; empty means everybody.
    `place`: where it stands in help and menus; None keeps it out of them (opened by a button).
    `private`: what is said to it is looked at once and kept nowhere: not held, not put aside, not repeated.
    `looks`: somebody only looks something up, and another conversation that is opened takes its place.
    `group`: it may be opened where others read along, and then knows it by `given["group"]`; it asks nothing.
    """

    name: str
    story: Story
    opens_with: tuple[str, ...] = ()
    link: str | None = None
    roles: tuple[Role, ...] = ()
    place: int | None = None
    private: bool = False
    looks: bool = False
    group: bool = False

    @property
    def command(self) -> str | None:
        """Its slash command without the slash, if it has one."""
        return next((word[1:] for word in self.opens_with if word.startswith("/")), None)

    def open_to(self, person: Person) -> bool:
        return not self.roles or person.has(*self.roles)


def conversation(
    name: str,
    *,
    opens_with: Sequence[str] = (),
    link: str | None = None,
    roles: Sequence[Role] = (),
    place: int | None = None,
    private: bool = False,
    looks: bool = False,
    group: bool = False,
) -> Callable[[Story], Conversation]:
    """Make a story a conversation; `build` finds it in its file under `handlers/`."""
    return lambda story: Conversation(name, story, tuple(opens_with), link, tuple(roles), place, private, looks, group)


def _fingerprint(shown: Mapping[str, object]) -> str:
    if not shown:
        return ""
    plain = msgspec.json.encode(sorted((key, str(value)) for key, value in shown.items()))
    return hashlib.blake2b(plain, digest_size=6).hexdigest()
