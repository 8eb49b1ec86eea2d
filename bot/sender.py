"""Drains the outbox: in order per chat, in parallel across chats, within each platform's limits."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta

from bot.core.outbox import POLICIES
from bot.core.ports import Adapter
from bot.core.sending import Gone, Moved, TryLater, Unsure
from domain.residents import ChatLost
from storage.desk import Desk, Desks
from storage.outbox import Claimed

log = logging.getLogger("xiaomazha.sender")

# Few at a time: a reply queued now goes out before the rest of a broadcast.
_BATCH = 4
_IDLE = 0.5
_ATTEMPTS = 8
_LAST_SENDS = 5.0
_NOTES = 8


class Sender:
    """Sends what is queued. `wake` tells it there is something new; it also looks by itself twice a second."""

    def __init__(self, desks: Desks, adapters: Sequence[Adapter], monotonic: Callable[[], float]) -> None:
        self._desks = desks
        self._mailboxes = [adapter for adapter in adapters if adapter.mailbox]
        self._posts = [adapter for adapter in adapters if not adapter.mailbox]
        self._monotonic = monotonic
        self._bells = [asyncio.Event() for _ in range(len(self._posts) + 1)]

    def wake(self) -> None:
        for bell in self._bells:
            bell.set()

    async def run(self) -> None:
        """Send until cancelled. What was in flight at a crash is settled first, by its kind's policy."""
        await self._desks.write(lambda desk: desk.outbox.recover())
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_delivering(self._bells[0]))
            for adapter, bell in zip(self._posts, self._bells[1:], strict=True):
                group.create_task(_Lane(self._desks, adapter, bell, self._monotonic).run())

    async def _keep_delivering(self, bell: asyncio.Event) -> None:
        while True:
            bell.clear()
            try:
                await _whole(self.deliver())
            except Exception:
                log.exception("delivering to mailboxes failed, trying again")
            await _rung(bell, _IDLE)

    async def deliver(self) -> None:
        """Put everything due into the mailboxes now."""
        addresses = [(adapter.platform, adapter.account) for adapter in self._mailboxes]
        while addresses:
            contacts = await self._desks.write(lambda desk: desk.outbox.post(addresses))
            if not contacts:
                return
            for adapter in self._mailboxes:
                adapter.ring(contacts)


class _Lane:
    """One platform's way out, at its pace."""

    def __init__(self, desks: Desks, adapter: Adapter, bell: asyncio.Event, monotonic: Callable[[], float]) -> None:
        self._desks = desks
        self._adapter = adapter
        self._bell = bell
        self._now = monotonic
        self._claimed: list[Claimed] = []
        self._sends: set[asyncio.Task[None]] = set()
        self._flying: set[int] = set()
        self._cooling: dict[int, float] = {}
        self._slot = 0.0

    async def run(self) -> None:
        """Send until cancelled; then let what is on its way arrive and be noted, and give back what is not."""
        try:
            while True:
                self._bell.clear()
                try:
                    await _whole(self._claim())
                except Exception:
                    log.exception("claiming failed, trying again")
                if not self._claimed:
                    await _rung(self._bell, self._wait())
                while self._claimed:
                    await self._next_slot()
                    send = asyncio.create_task(self._send(self._claimed.pop(0)))
                    self._sends.add(send)
                    send.add_done_callback(self._sends.discard)
        finally:
            await self._finish()

    async def _finish(self) -> None:
        if self._sends:
            await asyncio.wait(self._sends, timeout=_LAST_SENDS)
        if self._claimed:
            await self._desks.write(self._give_back)

    async def _give_back(self, desk: Desk) -> None:
        for each in self._claimed:
            await desk.outbox.again(each.outgoing.id, desk.now)

    async def _claim(self) -> None:
        now = self._now()
        self._cooling = {contact: until for contact, until in self._cooling.items() if until > now}
        busy = frozenset(self._flying) | frozenset(self._cooling)
        lane = (self._adapter.platform, self._adapter.account)
        claimed = await self._desks.write(lambda desk: desk.outbox.claim(lane, _BATCH, busy))
        self._flying.update(each.contact_id for each in claimed)
        self._claimed += claimed

    async def _next_slot(self) -> None:
        """Wait for the next slot of a fixed schedule. A slot missed is gone: catching up is what draws a 429."""
        pace = self._adapter.pace
        if pace is None:
            return
        self._slot = max(self._slot + 1 / pace.per_second, self._now())
        await asyncio.sleep(self._slot - self._now())

    def _wait(self) -> float:
        now = self._now()
        return max(0.005, min([_IDLE, *(until - now for until in self._cooling.values())]))

    async def _send(self, claimed: Claimed) -> None:
        contact = claimed.contact_id
        gap = self._adapter.pace.chat_gap if self._adapter.pace else 0.0
        trouble: Exception | None = None
        try:
            try:
                await self._adapter.send(claimed.outgoing)
            except Exception as error:
                trouble = error
            if isinstance(trouble, TryLater):
                pause = trouble.seconds if trouble.seconds is not None else _backoff(claimed.outgoing.attempts)
                gap = max(gap, pause)
            for failures in range(_NOTES):
                try:
                    await self._desks.write(lambda desk: _note(claimed, trouble, desk))
                except Exception:
                    # What became of it is known here and nowhere else: told until it is written down.
                    log.exception("message %d: could not note what became of it", claimed.outgoing.id)
                    await asyncio.sleep(_backoff(failures) / 4)
                else:
                    break
        finally:
            self._flying.discard(contact)
            if gap:
                self._cooling[contact] = self._now() + gap
            self._bell.set()


async def _note(claimed: Claimed, trouble: Exception | None, desk: Desk) -> None:
    """Write down what became of a message."""
    outgoing, contact = claimed.outgoing, claimed.contact_id
    match trouble:
        case None:
            await desk.outbox.sent([outgoing.id])
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
            await desk.happen(ChatLost(contact))
        case Unsure() if not POLICIES[outgoing.kind].repeat:
            await desk.outbox.unknown(outgoing.id)
        case Unsure() if outgoing.attempts < _ATTEMPTS:
            await desk.outbox.again(outgoing.id, desk.now + timedelta(seconds=_backoff(outgoing.attempts)))
        case _:
            log.error("message %d given up", outgoing.id, exc_info=trouble)
            await desk.outbox.dead([outgoing.id])


def _backoff(failures: int) -> float:
    return min(2.0 ** min(failures, 9), 300.0)


async def _whole(work: Coroutine[None, None, None]) -> None:
    """Let a transaction end even when we are told to stop meanwhile: cut off, it would keep the database's lock."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


async def _rung(bell: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await bell.wait()
    except TimeoutError:
        return
