"""From text keys and facts to the words one reader gets, in their language and their time zone."""

from collections.abc import Mapping
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
    if isinstance(value, datetime):
        local = value.astimezone(zone)
        return texts.say("format.moment", language, month=local.month, day=local.day, time=f"{local:%H:%M}")
    if isinstance(value, tuple | list):
        return "\n".join(str(_plain(item, texts, language, zone)) for item in value)
    return value


def _labelled(choice: Choice, texts: Texts, language: str) -> Choice:
    label = texts.say(choice.label, language) if choice.label in texts else texts.script(choice.label, language)
    return replace(choice, label=label)
