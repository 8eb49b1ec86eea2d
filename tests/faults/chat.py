"""Whoever talks to a service that keeps dying: what they said, what they have got, and how long they wait for it."""

import asyncio
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any


class InVain(Exception):
    """Somebody waited for an answer that never came."""


@dataclass(frozen=True, slots=True)
class Note:
    """One message as its reader sees it; `key` is what the platform needs to press one of its buttons."""

    text: str
    buttons: tuple[str, ...]
    key: Any


class Chat(ABC):
    """One person's chat with the service, on any platform."""

    def __init__(self, name: str, patience: float) -> None:
        self.name = name
        self.notes: list[Note] = []
        self.last_said = ""
        self._patience = patience
        self._news = asyncio.Event()

    @abstractmethod
    def say(self, text: str) -> object:
        """Say something; returns at once, and it is brought over however often that takes."""

    @abstractmethod
    def tap(self, note: Note, label: str) -> None:
        """Press a button."""

    def hears(self, note: Note) -> None:
        self.notes.append(note)
        self._news.set()
        self._news = asyncio.Event()

    async def until(self, *patterns: str, since: int = 0) -> Note:
        """The first message since that number matching one of the patterns, once it has come.

        Raises:
            InVain: it did not come.
        """
        wanted = [re.compile(pattern, re.DOTALL) for pattern in patterns]
        looked = since
        try:
            async with asyncio.timeout(self._patience):
                while True:
                    for note in self.notes[looked:]:
                        if any(each.search(note.text) for each in wanted):
                            return note
                    looked = len(self.notes)
                    await self._news.wait()
        except TimeoutError:
            raise InVain(
                f"{self.name} said {self.last_said!r} and waited in vain for {' or '.join(patterns)!r}"
            ) from None

    async def asks(self, text: str, *patterns: str) -> Note:
        """Say something and wait for what it must be answered with."""
        since = len(self.notes)
        self.say(text)
        return await self.until(*patterns, since=since)

    async def presses(self, note: Note, label: str, *patterns: str) -> Note:
        """Press a button and wait for what it must be answered with."""
        since = len(self.notes)
        self.last_said = f"[{label}]"
        self.tap(note, label)
        return await self.until(*patterns, since=since)
