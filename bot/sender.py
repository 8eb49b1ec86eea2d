"""Drains the outbox: in order per chat, in parallel across chats, within each platform's limits."""

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence, Set
from datetime import timedelta
from functools import partial
from typing import TypeVar

from bot.core.outbox import POLICIES
from bot.core.ports import Adapter
from bot.core.sending import Gone, Moved, TryLater, Unsure
from domain.residents import ChatLost
from storage.database import Lease
from storage.desk import Desk, Desks
from storage.outbox import Claimed, lane

log = logging.getLogger("xiaomazha.sender")

T = TypeVar("T")
Ended = tuple[Claimed, Exception | None]
"""A message sent, and what the platform had against it."""

_IDLE = 0.5
_ATTEMPTS = 8
_LAST_SENDS = 5.0
_MOST_FLYING = 100
# How much of a second's sending is claimed at once: little, so that a reply queued now waits behind little.
_CLAIMED_AHEAD = 0.04
# Two chats refused within this time: it is not the chat that is too fast, it is we.
_BOTH_REFUSED = 5.0
_ADOPTING = 30.0


class Sender:
    """Sends what is queued. `wake` tells it there is something new; it also looks by itself twice a second."""

    def __init__(self, desks: Desks, adapters: Sequence[Adapter], monotonic: Callable[[], float]) -> None:
        self._desks = desks
        self._mailboxes = [adapter for adapter in adapters if adapter.mailbox]
        self._boxes = {adapter.platform for adapter in self._mailboxes}
        self._ways = [lane(adapter.platform, adapter.account) for adapter in self._mailboxes]
        self._lanes = [_Lane(desks, adapter, monotonic) for adapter in adapters if not adapter.mailbox]
        self._bell = asyncio.Event()
        self._unsaid = asyncio.Event()
        self._posted: set[int] = set()

    def wake(self, platforms: Set[str | None]) -> None:
        """There is something new for these platforms, None for all; whoever else shares the database hears of it."""
        if None in platforms or not platforms.isdisjoint(self._boxes):
            self._bell.set()
        for each in self._lanes:
            if None in platforms or each.platform in platforms:
                each.bell.set()
                if not each.ours:
                    self._unsaid.set()

    async def run(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_delivering())
            group.create_task(self._desks.database.hear(self._heard))
            group.create_task(self._keep_calling())
            group.create_task(self._keep_adopting())
            for each in self._lanes:
                group.create_task(each.run())

    async def _keep_delivering(self) -> None:
        while True:
            self._bell.clear()
            try:
                await _whole(self.deliver())
            except Exception:
                log.exception("delivering to mailboxes failed, trying again")
            await _rung(self._bell, _IDLE)

    async def deliver(self) -> None:
        """Put everything due into the mailboxes now."""
        while self._ways and (posted := await self._desks.write(lambda desk: desk.outbox.post(self._ways))):
            for adapter in self._mailboxes:
                adapter.ring(posted)
            self._posted |= {each.contact_id for each in posted}
            self._unsaid.set()

    # Other processes on the same database.

    async def _keep_calling(self) -> None:
        while True:
            await self._unsaid.wait()
            self._unsaid.clear()
            posted, self._posted = sorted(self._posted), set()
            try:
                await self._desks.database.call(json.dumps(posted[:500]))
            except Exception:
                # They look by themselves, only later.
                log.info("other processes could not be called")
            await asyncio.sleep(0.02)

    def _heard(self, words: str) -> None:
        posted = json.loads(words)
        for adapter in self._mailboxes:
            adapter.look(posted)
        for each in self._lanes:
            each.bell.set()

    async def _keep_adopting(self) -> None:
        while True:
            try:
                await self._desks.write(lambda desk: desk.outbox.adopt())
            except Exception:
                log.warning("could not look for what an older release has queued")
            await asyncio.sleep(_ADOPTING)


class _Lane:
    """One account's way out, at its platform's pace; one process at a time has it."""

    def __init__(self, desks: Desks, adapter: Adapter, monotonic: Callable[[], float]) -> None:
        self._desks = desks
        self._adapter = adapter
        self.platform = adapter.platform
        self._way = lane(adapter.platform, adapter.account)
        self._now = monotonic
        self.bell = asyncio.Event()
        self.ours = False
        self._ended: list[Ended] = []
        self._sends: set[asyncio.Task[None]] = set()
        self._flying: set[int] = set()
        self._cooling: dict[int, float] = {}
        self._slot = 0.0
        self._refused: tuple[int, float] = (0, 0.0)

    async def run(self) -> None:
        """Send until cancelled; then let what is on its way arrive and be noted."""
        while True:
            async with self._desks.database.held(f"sender:{self._way}") as lease:
                try:
                    ended = list(self._ended)
                    await self._patiently(partial(_begin, self._way, ended))
                    del self._ended[: len(ended)]
                    self.ours = True
                    while lease.holds():
                        await self._round(lease)
                finally:
                    self.ours = False
                    await self._finish()
                log.warning("the way out of %s is another process's now", self._adapter.platform)

    async def _round(self, lease: Lease) -> None:
        """Wait for the next slot, note what became of what was sent, take what is next, and let it fly."""
        pace = self._adapter.pace
        room = _MOST_FLYING - len(self._flying)
        self.bell.clear()
        if pace is not None:
            # A slot missed is gone: catching up is what draws a 429.
            self._slot = max(self._slot, self._now())
            await asyncio.sleep(self._slot - self._now())
            room = min(room, max(1, int(pace.per_second * _CLAIMED_AHEAD)))
        now = self._now()
        self._cooling = {contact: until for contact, until in self._cooling.items() if until > now}
        ended = list(self._ended)
        busy = self._flying | self._cooling.keys()
        claimed = await self._patiently(partial(_step, self._way, ended, room, busy))
        del self._ended[: len(ended)]
        if not lease.holds():
            # Not ours to send any more: whoever has the way now settles these.
            return
        for each in claimed:
            self._flying.add(each.contact_id)
            task = asyncio.create_task(self._send(each))
            self._sends.add(task)
            task.add_done_callback(self._sends.discard)
        if pace is not None:
            self._slot += len(claimed) / pace.per_second
        if not claimed:
            await _rung(self.bell, self._wait())

    async def _patiently(self, work: Callable[[Desk], Coroutine[None, None, T]]) -> T:
        """Do some work in a transaction, again until it succeeds: what became of a message is known only here."""
        failures = 0
        while True:
            try:
                return await _whole(self._desks.write(work))
            except Exception:
                log.exception("the outbox cannot be read or written, trying again")
                failures += 1
                await asyncio.sleep(min(_backoff(failures) / 8, 5.0))

    async def _send(self, claimed: Claimed) -> None:
        contact = claimed.contact_id
        gap = self._adapter.gap(claimed.outgoing.chat)
        trouble: Exception | None = None
        try:
            await self._adapter.send(claimed.outgoing)
        except Exception as error:
            trouble = error
        if isinstance(trouble, TryLater):
            pause = trouble.seconds if trouble.seconds is not None else _backoff(claimed.outgoing.attempts)
            gap = max(gap, pause)
            if trouble.seconds is not None:
                self._slow_down(contact, trouble)
        if gap:
            self._cooling[contact] = self._now() + gap
        self._flying.discard(contact)
        self._ended.append((claimed, trouble))
        self.bell.set()

    def _slow_down(self, contact: int, refusal: TryLater) -> None:
        """Too many requests: of that chat alone, unless another chat's were refused just now."""
        other, before = self._refused
        now = self._now()
        if refusal.everywhere or (other != contact and now - before < _BOTH_REFUSED and other):
            log.warning("%s asks all of us to wait %.0f s", self._adapter.platform, refusal.seconds)
            self._slot = max(self._slot, now + (refusal.seconds or 0.0))
        self._refused = (contact, now)

    def _wait(self) -> float:
        now = self._now()
        return max(0.005, min([_IDLE, *(until - now for until in self._cooling.values())]))

    async def _finish(self) -> None:
        if self._sends:
            await asyncio.wait(self._sends, timeout=_LAST_SENDS)
        if ended := list(self._ended):
            try:
                await self._desks.write(partial(_note, ended))
            except Exception:
                # Kept: should this process have the way again, it is noted before anything else.
                log.exception("what became of %d messages could not be noted yet", len(ended))
            else:
                del self._ended[: len(ended)]


async def _begin(way: str, ended: Sequence[Ended], desk: Desk) -> None:
    await _note(ended, desk)
    await desk.outbox.recover(way)


async def _step(way: str, ended: Sequence[Ended], room: int, busy: Iterable[int], desk: Desk) -> list[Claimed]:
    await _note(ended, desk)
    return await desk.claim(way, room, busy) if room > 0 else []


async def _note(ended: Iterable[Ended], desk: Desk) -> None:
    """Write down what became of messages."""
    await desk.outbox.sent(each.outgoing.id for each, trouble in ended if trouble is None)
    for claimed, trouble in ended:
        if trouble is not None:
            await _note_trouble(claimed, trouble, desk)


async def _note_trouble(claimed: Claimed, trouble: Exception, desk: Desk) -> None:
    outgoing, contact = claimed.outgoing, claimed.contact_id
    match trouble:
        case TryLater(seconds=seconds):
            pause = seconds if seconds is not None else _backoff(outgoing.attempts)
            await desk.outbox.again(outgoing.id, desk.now + timedelta(seconds=pause))
        case Moved(chat=chat):
            await desk.people.move_chat(contact, chat)
            await desk.outbox.again(outgoing.id, desk.now)
        case Gone():
            log.info("contact %d does not want to hear from us", contact)
            await desk.outbox.dead([outgoing.id])
            await desk.outbox.give_up_on(contact)
            await desk.people.block(contact)
            await desk.plan(ChatLost(contact), desk.now, key=f"lost:{contact}:{outgoing.id}")
        case Unsure() if not POLICIES[outgoing.kind].repeat:
            await desk.outbox.unknown(outgoing.id)
        case Unsure() if outgoing.attempts < _ATTEMPTS:
            pause = _backoff(outgoing.attempts)
            await desk.outbox.again(outgoing.id, desk.now + timedelta(seconds=pause), unsure=True)
        case _:
            log.error("message %d given up", outgoing.id, exc_info=trouble)
            await desk.outbox.dead([outgoing.id])


def _backoff(failures: int) -> float:
    return min(2.0 ** min(failures, 9), 300.0)


async def _whole(work: Coroutine[None, None, T]) -> T:
    """Let a transaction end even when we are told to stop meanwhile: what it took would be nobody's."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


async def _rung(bell: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await bell.wait()
    except TimeoutError:
        return
