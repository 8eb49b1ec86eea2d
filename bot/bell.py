"""Rings every second; what is due comes true, each thing once, however many bells ring."""

import asyncio
import logging
from datetime import timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from services import digest
from storage.desk import Desks
from storage.sweep import sweep

log = logging.getLogger("xiaomazha.bell")

_LONGEST_PAUSE = 600.0


class Bell:
    """APScheduler only rings: the rows decide what is due, so a bell missed or rung twice changes nothing."""

    def __init__(self, desks: Desks) -> None:
        self._desks = desks
        self._ringing = asyncio.Lock()

    async def run(self) -> None:
        """Ring until cancelled."""
        scheduler = AsyncIOScheduler(timezone="UTC")
        scheduler.add_job(self.ring, "interval", seconds=1, coalesce=True, max_instances=1, misfire_grace_time=None)
        scheduler.add_job(self._tidy, "interval", hours=1, coalesce=True, misfire_grace_time=None)
        scheduler.start()
        try:
            await asyncio.Event().wait()
        finally:
            # Not in the middle of what is coming true.
            async with self._ringing:
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
            # For ever, ever more rarely: a ballot must close and a case must be checked, however long we were wrong.
            pause = min(2.0 ** (due.attempts + 1), _LONGEST_PAUSE)
            async with self._desks.write() as desk:
                await desk.dues.later(due.id, desk.now + timedelta(seconds=pause))
        return True

    async def _tidy(self) -> None:
        async with self._desks.write() as desk:
            # The next morning is planned whatever became of this one.
            await digest.plan_next(desk)
            await desk.outbox.prune(timedelta(days=90))
            await desk.heard.prune(timedelta(days=7))
            await desk.dues.prune(timedelta(days=90))
        await sweep(self._desks.album.store, self._desks.database, self._desks.clock())
