"""Rings every second; what is due comes true, each thing once, however many bells ring."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.core.errors import Unavailable
from services import digest, stale
from storage import audit, statistics
from storage.desk import Desk, Desks
from storage.dues import Due
from storage.sweep import sweep

log = logging.getLogger("xiaomazha.bell")

_LONGEST_PAUSE = 600.0


class Bell:
    """APScheduler only rings: the rows decide what is due, so a bell missed or rung twice changes nothing."""

    def __init__(self, desks: Desks, refresh: Sequence[Callable[[], Awaitable[None]]]) -> None:
        """`refresh`: each looks, after what is due, for what other processes or we ourselves have put down."""
        self._desks = desks
        self._refresh = refresh
        self._ringing = asyncio.Lock()

    async def run(self) -> None:
        """Ring until cancelled."""
        scheduler = AsyncIOScheduler(timezone="UTC")
        scheduler.add_job(self.ring, "interval", seconds=1, coalesce=True, max_instances=1, misfire_grace_time=None)
        scheduler.add_job(self._tidy, "interval", hours=1, coalesce=True, misfire_grace_time=None)
        scheduler.add_job(self._seal, "interval", minutes=5, coalesce=True, misfire_grace_time=None)
        scheduler.add_job(self._count, "interval", minutes=1, coalesce=True, max_instances=1, misfire_grace_time=None)
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
            for refresh in self._refresh:
                await refresh()
        return done

    async def _one(self) -> bool:
        due: Due | None = None

        async def come_true(desk: Desk) -> None:
            nonlocal due
            due = await desk.dues.take()
            if due is not None:
                await desk.happen(self._desks.rules.recall(due.fact, due.body))
                await desk.answer()
                await desk.dues.done(due.id)

        try:
            if not await self._desks.read(_anything_due):
                return False
            await self._desks.write(come_true)
        except Unavailable:
            # Nothing to do with what is due: the next ring finds it as it is.
            log.warning("the database does not answer, what is due waits")
            return False
        except Exception:
            if due is None:
                log.exception("the bell could not look")
                return False
            log.exception("due %d (%s) failed, attempt %d", due.id, due.fact, due.attempts + 1)
            with suppress(Unavailable):
                await self._desks.write(lambda desk: _later(desk, due))
        return due is not None

    async def _seal(self) -> None:
        """The digest goes to the log as well: what is written there nobody at the database can take back."""
        try:
            made = await audit.seal(self._desks.database, self._desks.clock())
        except Unavailable:
            log.warning("the journal is busy, it is sealed in five minutes")
        else:
            if made is not None:
                log.info("seal %d:%s over %d steps", made.number, made.digest.hex(), made.count)

    async def _count(self) -> None:
        """Gather what the statistics are made of; after an upgrade, first count what there was before."""
        try:
            if not await self._desks.read(lambda desk: desk.statistics.ready()):
                done = await statistics.recounted(self._desks.database.url, self._desks.district.timezone)
                log.info("statistics counted: %d cases, %d numbers put right", done.cases, done.wrong)
            await statistics.gather(self._desks.database)
        except Unavailable:
            log.warning("the database does not answer, statistics are gathered in a minute")

    async def _tidy(self) -> None:
        await self._desks.write(_tidy)
        await sweep(self._desks.album.store, self._desks.database, self._desks.clock())


async def _anything_due(desk: Desk) -> bool:
    nearest = await desk.dues.next_at()
    return nearest is not None and nearest <= desk.now


async def _later(desk: Desk, due: Due) -> None:
    # For ever, ever more rarely: a ballot must close and a case must be checked, however long we were wrong.
    pause = min(2.0 ** (due.attempts + 1), _LONGEST_PAUSE)
    await desk.dues.later(due.id, desk.now + timedelta(seconds=pause))


async def _tidy(desk: Desk) -> None:
    # The next morning is planned whatever became of this one.
    await digest.plan_next(desk)
    await stale.plan_next(desk)
    await desk.outbox.prune(timedelta(days=90))
    await desk.heard.prune(timedelta(days=7))
    await desk.dues.prune(timedelta(days=90))
    await desk.sessions.prune()
    await desk.pictures.prune()
    await desk.last_words.prune()
    await desk.budget.prune()
    await desk.patrols.blur(timedelta(days=desk.district.patrol_days))
    await desk.visits.blur(timedelta(days=desk.district.patrol_days))
