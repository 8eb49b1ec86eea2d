"""Rings every second; what is due comes true, each thing once, however many bells ring."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from storage.desk import Desks

log = logging.getLogger("xiaomazha.bell")

_ATTEMPTS = 6


class Bell:
    """APScheduler only rings: the rows decide what is due, so a bell missed or rung twice changes nothing."""

    def __init__(self, desks: Desks, new_id: Callable[[], str]) -> None:
        self._desks = desks
        self._new_id = new_id
        self._ringing = asyncio.Lock()

    async def run(self) -> None:
        """Ring until cancelled."""
        scheduler = AsyncIOScheduler(timezone="UTC")
        scheduler.add_job(self.ring, "interval", seconds=1, coalesce=True, max_instances=1, misfire_grace_time=None)
        scheduler.add_job(self._prune, "interval", hours=6, coalesce=True, misfire_grace_time=None)
        scheduler.start()
        try:
            await asyncio.Event().wait()
        finally:
            scheduler.shutdown(wait=False)

    async def ring(self) -> int:
        """Let everything due come true, each in its own transaction; returns how many did."""
        done = 0
        async with self._ringing:
            while await self._one():
                done += 1
        return done

    async def _one(self) -> bool:
        due = None
        try:
            async with self._desks.read() as desk:
                nearest = await desk.dues.next_at()
                if nearest is None or nearest > desk.now:
                    return False
            async with self._desks.write() as desk:
                due = await desk.dues.take()
                if due is None:
                    return False
                await desk.happen(self._desks.rules.recall(due.fact, due.body))
                await desk.answer()
                await desk.dues.done(due.id)
        except Exception:
            if due is None:
                log.exception("the bell could not look")
                return False
            log.exception("due %d (%s) failed, attempt %d", due.id, due.fact, due.attempts + 1)
            async with self._desks.write() as desk:
                if due.attempts + 1 >= _ATTEMPTS:
                    await desk.heard.park(self._new_id(), f"due {due.id} {due.fact} {due.body}".encode())
                    await desk.dues.done(due.id)
                else:
                    await desk.dues.later(due.id, desk.now + timedelta(seconds=2.0 ** (due.attempts + 1)))
        return True

    async def _prune(self) -> None:
        async with self._desks.write() as desk:
            await desk.outbox.prune(timedelta(days=90))
            await desk.heard.prune(timedelta(days=7))
            await desk.dues.prune(timedelta(days=90))
