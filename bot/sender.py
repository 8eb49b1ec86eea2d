"""Drains the outbox: in order per chat, in parallel across chats, within each platform's limits."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta

from bot.core.outbox import POLICIES
from bot.core.ports import Adapter
from bot.core.sending import Gone, Moved, TryLater, Unacceptable, Unsure
from storage.desk import Desks
from storage.outbox import Claimed

log = logging.getLogger("xiaomazha.sender")

# Few at a time: a reply queued now goes out before the rest of a broadcast.
_BATCH = 4
_IDLE = 0.5
_ATTEMPTS = 8
_LAST_SENDS = 5.0


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
        async with self._desks.write() as desk:
            await desk.outbox.recover()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_delivering(self._bells[0]))
            for adapter, bell in zip(self._posts, self._bells[1:], strict=True):
                group.create_task(_Lane(self._desks, adapter, bell, self._monotonic).run())

    async def _keep_delivering(self, bell: asyncio.Event) -> None:
        while True:
            bell.clear()
            try:
                await self.deliver()
            except Exception:
                log.exception("delivering to mailboxes failed, trying again")
            await _rung(bell, _IDLE)

    async def deliver(self) -> None:
        """Put everything due into the mailboxes now."""
        addresses = [(adapter.platform, adapter.account) for adapter in self._mailboxes]
        while addresses:
            async with self._desks.write() as desk:
                contacts = await desk.outbox.post(addresses)
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
                    self._claimed += await self._claim()
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
            async with self._desks.write() as desk:
                for each in self._claimed:
                    await desk.outbox.again(each.outgoing.id, desk.now)

    async def _claim(self) -> list[Claimed]:
        now = self._now()
        self._cooling = {contact: until for contact, until in self._cooling.items() if until > now}
        busy = frozenset(self._flying) | frozenset(self._cooling)
        async with self._desks.write() as desk:
            claimed = await desk.outbox.claim((self._adapter.platform, self._adapter.account), _BATCH, busy)
        self._flying.update(each.contact_id for each in claimed)
        return claimed

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
        outgoing, contact = claimed.outgoing, claimed.contact_id
        gap = self._adapter.pace.chat_gap if self._adapter.pace else 0.0
        try:
            try:
                await self._adapter.send(outgoing)
            except TryLater as trouble:
                pause = trouble.seconds if trouble.seconds is not None else min(2.0 ** min(outgoing.attempts, 9), 300.0)
                gap = max(gap, pause)
                await self._again(claimed, pause, counted=False)
            except Moved as moved:
                async with self._desks.write() as desk:
                    await desk.people.move_chat(contact, moved.chat)
                    await desk.outbox.again(outgoing.id, desk.now)
            except Gone:
                async with self._desks.write() as desk:
                    await desk.outbox.dead([outgoing.id])
                    await desk.people.block(contact)
                    await desk.outbox.give_up_on(contact)
                log.info("contact %d does not want to hear from us", contact)
            except Unacceptable:
                async with self._desks.write() as desk:
                    await desk.outbox.dead([outgoing.id])
                log.exception("message %d is not acceptable to %s", outgoing.id, self._adapter.platform)
            except Unsure:
                if POLICIES[outgoing.kind].repeat:
                    await self._again(claimed, min(2.0**outgoing.attempts, 300.0), counted=True)
                else:
                    async with self._desks.write() as desk:
                        await desk.outbox.unknown(outgoing.id)
            else:
                async with self._desks.write() as desk:
                    await desk.outbox.sent([outgoing.id])
        except Exception:
            # The row stays `sending` and is settled at the next start; the chat goes on.
            log.exception("message %d: could not note what became of it", outgoing.id)
        finally:
            self._flying.discard(contact)
            if gap:
                self._cooling[contact] = self._now() + gap
            self._bell.set()

    async def _again(self, claimed: Claimed, pause: float, *, counted: bool) -> None:
        """Try later. A platform that is away is waited for; in doubt it is not repeated for ever."""
        async with self._desks.write() as desk:
            if counted and claimed.outgoing.attempts >= _ATTEMPTS:
                await desk.outbox.dead([claimed.outgoing.id])
                log.error("message %d given up after %d attempts", claimed.outgoing.id, claimed.outgoing.attempts)
            else:
                await desk.outbox.again(claimed.outgoing.id, desk.now + timedelta(seconds=pause))


async def _rung(bell: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await bell.wait()
    except TimeoutError:
        return
