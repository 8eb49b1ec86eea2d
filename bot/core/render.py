"""From text keys and facts to the words one reader gets, in their language and their time zone."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.core.talk import Line
from bot.core.texts import Texts
from bot.core.words import Choice, Reply


@dataclass(frozen=True)
class Phrase:
    """A text inside another text: a name of a state, a line of a list."""

    key: str
    shown: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Withheld:
    """Words nobody may read where messages are kept: `token` hides them, they are put in as the message leaves.

    Once the key of that name is gone, `gone` stands in their place.
    """

    key: str
    token: str
    gone: Phrase


_WITHHELD = re.compile(r"⟦(\w+) ([\w=-]+)\|([^⟧]*)⟧")


def filled(text: str, show: Callable[[str, str], str | None]) -> str:
    """A text with what was withheld in it; `show` tells the words of a (key, token), None when the key is gone."""
    if "⟦" not in text:
        return text

    def put(found: re.Match[str]) -> str:
        words = show(found[1], found[2])
        return found[3] if words is None else words

    return _WITHHELD.sub(put, text)


def render(line: Line, texts: Texts, language: str, zone: ZoneInfo) -> Reply:
    """What to send for a line. Choice labels may be text keys; data is shown as it is."""
    return Reply(
        words(Phrase(line.key, line.shown), texts, language, zone),
        tuple(_labelled(choice, texts, language) for choice in line.choices),
        line.photos,
    )


def words(part: Phrase, texts: Texts, language: str, zone: ZoneInfo) -> str:
    """One text with everything in it filled in."""
    return texts.say(
        part.key,
        language,
        **{name: _plain(value, texts, language, zone) for name, value in part.shown.items()},
    )


def _plain(value: object, texts: Texts, language: str, zone: ZoneInfo) -> object:
    if isinstance(value, Phrase):
        return words(value, texts, language, zone)
    if isinstance(value, Withheld):
        return f"⟦{value.key} {value.token}|{words(value.gone, texts, language, zone)}⟧"
    if isinstance(value, datetime):
        local = value.astimezone(zone)
        return texts.say("format.moment", language, month=local.month, day=local.day, time=f"{local:%H:%M}")
    if isinstance(value, tuple | list):
        return "\n".join(str(_plain(item, texts, language, zone)) for item in value)
    return value


def _labelled(choice: Choice, texts: Texts, language: str) -> Choice:
    label = texts.say(choice.label, language) if choice.label in texts else texts.script(choice.label, language)
    return replace(choice, label=label)
