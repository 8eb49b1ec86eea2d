"""Drains the outbox: in order per chat, in parallel across chats, within each platform's limits."""

import asyncio
import json
import logging
import math
from collections.abc import Callable, Coroutine, Iterable, Sequence, Set
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from bot.core.outbox import POLICIES
from bot.core.ports import Adapter
from bot.core.sending import Gone, Moved, TryLater, Unsure
from bot.core.words import Lying
from domain.residents import ChatLost
from storage.database import Lease, Ride
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
_POSTED_AT_ONCE = 500
_NOTED_WITHIN = 0.02
# How much of a second's sending is claimed at once: little, so that a reply queued now waits behind little.
_CLAIMED_AHEAD = 0.04
_ADOPTING = 30.0


class Sender:
    """Sends what is queued. `wake` tells it there is something new; it also looks by itself twice a second."""

    def __init__(self, desks: Desks, adapters: Sequence[Adapter], monotonic: Callable[[], float]) -> None:
        self._desks = desks
        self._mailboxes = [adapter for adapter in adapters if adapter.mailbox]
        self._boxes = {adapter.platform for adapter in self._mailboxes}
        self._ways = [lane(adapter.platform, adapter.account) for adapter in self._mailboxes]
        self._lanes = [_Lane(desks, adapter, monotonic) for adapter in adapters if not adapter.mailbox]
        self._seat = _Seat(desks, self._boxes)
        self._unsaid = asyncio.Event()
        self._posted: set[int] = set()

    def wake(self, platforms: Set[str | None], commit: int | None = None) -> None:
        """There is something new for these platforms, None for all; whoever else shares the database hears of it.

        `commit`: where it was kept, as `Desks.write` tells it.
        """
        if None in platforms or not platforms.isdisjoint(self._boxes):
            self._seat.ring(commit)
        for each in self._lanes:
            if None in platforms or each.platform in platforms:
                each.seat.ring(commit)
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
        while self._ways:
            try:
                if self._delivered(await self._seat.go(self._post, _IDLE)):
                    self._seat.ring()
            except Exception:
                log.exception("delivering to mailboxes failed, trying again")
                await asyncio.sleep(_IDLE)

    async def deliver(self) -> None:
        """Put everything due into the mailboxes now."""
        while self._ways and self._delivered(await self._desks.write(self._post)):
            pass

    async def _post(self, desk: Desk) -> list[Lying]:
        return await desk.outbox.post(self._ways, _POSTED_AT_ONCE)

    def _delivered(self, posted: Sequence[Lying]) -> bool:
        """Let whoever waits for these see them; whether there may be more."""
        if posted:
            for adapter in self._mailboxes:
                adapter.ring(posted)
            self._posted |= {each.contact_id for each in posted}
            self._unsaid.set()
        return len(posted) == _POSTED_AT_ONCE

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
            each.seat.ring()

    async def _keep_adopting(self) -> None:
        while True:
            try:
                await self._desks.write(lambda desk: desk.outbox.adopt())
            except Exception:
                log.warning("could not look for what an older release has queued")
            await asyncio.sleep(_ADOPTING)


class _Seat:
    """Goes along with those who put something in line for its platforms; called to what it missed, it goes alone."""

    def __init__(self, desks: Desks, platforms: Set[str]) -> None:
        self._desks = desks
        self._platforms = platforms
        self._ride: Ride[Any] | None = None
        self._stopping = False
        # The last commit we went along with, and the last we were called to.
        self._seen = -1.0
        self._called = -1.0

    def ring(self, commit: int | None = None) -> None:
        """There is something to do: kept in this commit, or we do not know where."""
        number = math.inf if commit is None else commit
        if number <= self._seen or (self._ride is not None and self._ride.now()):
            # Seen, or about to be: it begins only now.
            return
        self._called = max(self._called, number)

    async def go(self, work: Callable[[Desk], Coroutine[None, None, T]], within: float) -> T:
        """Do some work: at once when called meanwhile, along with others, or when so many seconds have passed.

        Told to stop, it is done at once and what came of it returned, for it would be nobody's; to ask again ends it.
        """
        if self._stopping:
            raise asyncio.CancelledError
        self._ride = ride = self._desks.ride(work, self._platforms)
        if self._called > self._seen:
            ride.now()
        self._called = -1.0
        timer = asyncio.get_running_loop().call_later(within, ride.now)
        try:
            done = await asyncio.shield(ride.ended)
        except asyncio.CancelledError:
            self._stopping = True
            ride.now()
            done = await ride.ended
        finally:
            timer.cancel()
            self._ride = None
        if done.commit is not None:
            self._seen = done.commit
        return done.result


class _Lane:
    """One account's way out, at its platform's pace; one process at a time has it."""

    def __init__(self, desks: Desks, adapter: Adapter, monotonic: Callable[[], float]) -> None:
        self._desks = desks
        self._adapter = adapter
        self.platform = adapter.platform
        self._way = lane(adapter.platform, adapter.account)
        self._now = monotonic
        self.seat = _Seat(desks, {adapter.platform})
        self.ours = False
        self._ended: list[Ended] = []
        self._sends: set[asyncio.Task[None]] = set()
        self._flying: set[int] = set()
        self._cooling: dict[int, float] = {}
        self._slot = 0.0

    async def run(self) -> None:
        """Send until cancelled; then let what is on its way arrive and be noted."""
        while True:
            async with self._desks.database.held(f"sender:{self._way}") as lease:
                try:
                    await self._patiently(self._begin)
                    self.seat.ring()
                    self.ours = True
                    while lease.holds():
                        await self._round(lease)
                finally:
                    self.ours = False
                    await self._finish()
                log.warning("the way out of %s is another process's now", self._adapter.platform)

    async def _begin(self) -> None:
        ended = list(self._ended)
        await _whole(self._desks.write(partial(_settle, self._way, ended)))
        del self._ended[: len(ended)]

    async def _round(self, lease: Lease) -> None:
        """Wait for the next slot, note what became of what was sent, take what is next, and let it fly."""
        pace = self._adapter.pace
        room = _MOST_FLYING - len(self._flying)
        if pace is not None:
            # A slot missed is gone: catching up is what draws a 429.
            self._slot = max(self._slot, self._now())
            await asyncio.sleep(self._slot - self._now())
            room = min(room, max(1, int(pace.per_second * _CLAIMED_AHEAD)))
        now = self._now()
        self._cooling = {contact: until for contact, until in self._cooling.items() if until > now}
        noted, claimed = await self._patiently(lambda: self.seat.go(partial(self._step, room), self._wait()))
        del self._ended[:noted]
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
        if claimed and len(claimed) == room:
            self.seat.ring()

    async def _step(self, room: int, desk: Desk) -> tuple[int, list[Claimed]]:
        """Note what became of what was sent, and how much that was; take what is next.

        In the database's thread on SQLite: what it reads here changes meanwhile, so each is read in one go.
        """
        ended, cooling, now = list(self._ended), list(self._cooling.items()), self._now()
        busy = self._flying | {contact for contact, until in cooling if until > now}
        await _note(ended, desk)
        return len(ended), await desk.claim(self._way, room, busy) if room > 0 else []

    async def _patiently(self, work: Callable[[], Coroutine[None, None, T]]) -> T:
        """Do some work in a transaction, again until it succeeds: what became of a message is known only here."""
        failures = 0
        while True:
            try:
                return await work()
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
            if trouble.everywhere:
                log.warning("%s asks all of us to wait %.0f s", self._adapter.platform, pause)
                self._slot = max(self._slot, self._now() + pause)
        if gap:
            self._cooling[contact] = self._now() + gap
        self._flying.discard(contact)
        self._ended.append((claimed, trouble))
        # Noted along with the next turn's commit, if one comes soon.
        asyncio.get_running_loop().call_later(_NOTED_WITHIN, self._note_alone)

    def _note_alone(self) -> None:
        if self._ended:
            self.seat.ring()

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


async def _settle(way: str, ended: Sequence[Ended], desk: Desk) -> None:
    await _note(ended, desk)
    await desk.outbox.recover(way)


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
