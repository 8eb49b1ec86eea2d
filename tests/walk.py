"""Walks everything a person can read: every conversation, every button they are offered, every page's route."""

import re
from collections.abc import Iterable

from bot.core.words import Outgoing
from tests.office import Page
from tests.play import Stage
from web.api import routes
from web.gate import Route

# Pressed, these take a person away from what is looked at.
_NOT_PRESSED = {"forget", "link", "language", "sign_in", "sign_out"}


async def every_conversation(stage: Stage, who: str, most: int = 60) -> None:
    """Open whatever words open, then press every button once that was ever offered, and leave again."""
    for each in stage.service.book.all():
        if each.opens_with and each.name not in _NOT_PRESSED:
            await stage.say(who, each.opens_with[0])
            await stage.say(who, "取消")
    pressed: set[tuple[str, str]] = set()
    for _ in range(most):
        found = next((each for each in _offered(stage, who) if each not in pressed), None)
        if found is None:
            return
        pressed.add(found)
        await stage.say(who, f"[{found[0]}]")
        await stage.say(who, "取消")


def _offered(stage: Stage, who: str) -> Iterable[tuple[str, str]]:
    for message in stage._phones[who].messages:
        for choice in message.reply.choices:
            if choice.opens and choice.opens not in _NOT_PRESSED:
                yield choice.label, choice.opens


def read(messages: Iterable[Outgoing]) -> str:
    """All that stands in these messages, on their buttons and behind them."""
    return "\n".join(
        " ".join([each.reply.text, *(f"{choice.label} {choice.given}" for choice in each.reply.choices)])
        for each in messages
    )


def gets(stage_routes: Iterable[Route], numbers: Iterable[str]) -> list[str]:
    """The address of everything a page can ask for, with each of these numbers where one is wanted."""
    found: list[str] = []
    for each in stage_routes:
        if each.method != "GET":
            continue
        wanted = numbers if "{" in each.path else [""]
        found += [re.sub(r"\{[^/]*\}(?:\})?", number, each.path) for number in wanted]
    return list(dict.fromkeys(found))


async def every_page(page: Page, paths: Iterable[str]) -> str:
    """What all these answer, as one text."""
    return "\n".join([f"{path} {(await page.get(path)).body}" for path in paths])


def all_routes() -> list[Route]:
    """Every route of the API, whoever may ask it."""
    return routes(_Nobody())  # type: ignore[arg-type]


class _Nobody:
    """Stands where a gate and an ear would: routes are only looked at."""
