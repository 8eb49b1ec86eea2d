"""The terminal: an operator talks to the bot without any platform, one line a message."""

import asyncio
import logging
import sys
from collections.abc import Callable
from datetime import datetime
from itertools import count

from bot.core.ports import Pace, Take
from bot.core.words import Address, Outgoing, Said, Tap

log = logging.getLogger("xiaomazha.terminal")

_BREATH = 0.6


class Terminal:
    """Reads lines, prints answers; a number alone presses that button of the last message."""

    platform = "terminal"
    mailbox = False
    one_listener = False
    pace: Pace | None = None

    def __init__(
        self,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        *,
        name: str = "me",
        read: Callable[[], str] = sys.stdin.readline,
        write: Callable[[str], object] = print,
    ) -> None:
        self.account = "local"
        self._address = Address(self.platform, self.account, name)
        self._clock = clock
        self._new_id = new_id
        self._read = read
        self._write = write
        self._buttons: tuple[int, int] = (0, 0)
        self.ended = asyncio.Event()

    async def listen(self, take: Take) -> None:
        """Until the input ends."""
        while line := await asyncio.to_thread(self._read):
            text = line.strip()
            message, count = self._buttons
            tap = Tap(message, int(text) - 1) if text.isdecimal() and 0 < int(text) <= count else None
            # Lines from a file come faster than anybody types, and would be taken for a flood.
            await asyncio.sleep(_BREATH)
            await self._insist(take, Said(self._address, self._new_id(), self._clock(), "" if tap else text, tap=tap))
        self.ended.set()

    async def _insist(self, take: Take, said: Said) -> None:
        """Nobody repeats a line for us: it is offered until it is stored."""
        for failures in count():
            try:
                await take(said)
            except Exception:
                log.exception("could not take a line, trying again")
                await asyncio.sleep(min(0.5 * 2.0 ** min(failures, 10), 30.0))
            else:
                return

    async def send(self, outgoing: Outgoing) -> None:
        reply = outgoing.reply
        if reply.text:
            self._write(reply.text)
        for photo in reply.photos:
            self._write(f"[照片 {photo[:12]}]")
        if reply.choices:
            self._buttons = (outgoing.id, len(reply.choices))
            self._write("  ".join(f"[{number}] {choice.label}" for number, choice in enumerate(reply.choices, 1)))

    def ring(self, lying: object) -> None:
        """Not a mailbox: nothing lies ready here."""

    def look(self, contacts: object) -> None:
        """Nothing lies ready here."""

    def gap(self, chat: str) -> float:
        """A screen takes whatever comes."""
        return 0.0
