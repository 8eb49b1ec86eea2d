"""Counts the ballots that have closed, has the result told with its picture, and then destroys the key.

Each step is kept before the next begins and may be done again: a crash at any instruction changes nothing. What takes
long, opening envelopes and drawing, is done in a thread, outside any transaction.
"""

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from bot.core.errors import Unavailable
from domain.councils import Ballot, Electorate, result_of
from domain.counting import Owners, Paper, Tally, count, lot
from domain.voting import agreed
from services import chart
from services.results import tell_result
from storage.desk import Desk, Desks
from storage.keys import Keys, new_slip, opened, read

log = logging.getLogger("xiaomazha.teller")

# Receipts still on their way out have so long to leave, then the key is destroyed.
GRACE = timedelta(minutes=10)
_AGAIN, _LOOK = timedelta(minutes=1), timedelta(minutes=1)
# Dropped into the urn in one transaction: a few milliseconds, then others have theirs.
_AT_ONCE = 2000


class Teller:
    """Looks for what is to be counted with every ring of the bell; two of them at once do no harm."""

    def __init__(self, desks: Desks, keys: Keys) -> None:
        self._desks = desks
        self._keys = keys
        self._resting: dict[int, datetime] = {}
        self._looked: datetime | None = None

    async def prepare(self) -> None:
        """Seal what a release before this one kept in the open."""
        for number in await self._desks.read(lambda desk: desk.ballots.unsealed()):
            await self._desks.write(partial(_seal_early, number))

    async def refresh(self) -> None:
        """Bring every closed ballot to its end, as far as it goes now."""
        try:
            for ballot in await self._desks.read(lambda desk: desk.ballots.unfinished()):
                await self._finish(ballot)
            await self._tidy()
        except Unavailable:
            log.warning("the database does not answer, ballots are counted later")

    async def _finish(self, ballot: Ballot) -> None:
        now = self._desks.clock()
        if self._resting.get(ballot.id, now) > now:
            return
        try:
            await self._tell(await self._count(ballot))
        except Unavailable:
            raise
        except Exception:
            # The others are counted all the same; this one again in a minute, for as long as it takes.
            log.exception("ballot %d cannot be finished", ballot.id)
            self._resting[ballot.id] = now + _AGAIN

    async def _count(self, ballot: Ballot) -> Ballot:
        if ballot.result is not None:
            return ballot
        envelopes = await self._desks.read(lambda desk: desk.ballots.envelopes(ballot))
        readings = await self._desks.read(lambda desk: desk.papers.all(ballot))
        found = await asyncio.to_thread(_counted, self._keys, ballot, envelopes, readings)
        for start in range(0, len(found.papers), _AT_ONCE):
            await self._desks.write(partial(_drop_in, ballot.id, found.papers[start : start + _AT_ONCE]))
        counted = await self._desks.write(partial(_settle, ballot.id, found))
        if counted is None:
            raise ValueError(f"the urn and the roll of ballot {ballot.id} do not agree")
        return counted

    async def _tell(self, ballot: Ballot) -> None:
        if ballot.result is None:
            raise ValueError(f"ballot {ballot.id} is not counted")
        # The same picture again after a crash: it is named by what is on it.
        picture = await self._desks.album.draw(await chart.draw(ballot, ballot.result))
        await self._desks.write(lambda desk: tell_result(ballot, picture, desk))

    async def _tidy(self) -> None:
        now = self._desks.clock()
        if self._looked is not None and self._looked <= now < self._looked + _LOOK:
            return
        there = await asyncio.to_thread(self._keys.all)
        if there:
            known = await self._desks.read(lambda desk: desk.ballots.keys())
            for name in there & known.keys():
                # One that is no ballot's here is another database's, or of an opening taken back: it opens nothing.
                closed, told = known[name]
                if told and closed is not None and closed <= now - GRACE:
                    await asyncio.to_thread(self._keys.destroy, name)
        self._looked = now


@dataclass(frozen=True, slots=True)
class _Found:
    """What was in the envelopes and on paper: in the order of the receipts, with whose it is in an open ballot."""

    papers: list[tuple[str, Paper, int | None]]
    tally: Tally
    votes: list[tuple[int, Paper]]
    on_paper: int
    unsettled: int


def _counted(
    keys: Keys,
    ballot: Ballot,
    envelopes: list[tuple[str, str, int]],
    readings: dict[int, tuple[str, dict[int, str]]],
) -> _Found:
    # Where nobody voted not even the key is needed.
    found: list[tuple[str, Paper, int]] = []
    on_paper = 0
    if envelopes or readings:
        seal = keys.seal(ballot.key or "")
        found = opened(seal, envelopes)
        for number, (slip, sealed) in readings.items():
            paper = agreed(read(seal, slip, sealed))
            if paper is not None:
                found.append((seal.receipt(slip), paper, number))
                on_paper += 1
        found.sort()
    options = len(ballot.options)
    order = lot((receipt for receipt, _, _ in found), options)
    tally = count(Counter(paper for _, paper, _ in found), ballot.method, options, order)
    papers = [(receipt, paper, None if ballot.secret else voter) for receipt, paper, voter in found]
    votes = [(voter, paper) for _, paper, voter in found]
    return _Found(papers, tally, votes, on_paper, len(readings) - on_paper)


async def _drop_in(number: int, papers: list[tuple[str, Paper, int | None]], desk: Desk) -> None:
    await desk.ballots.drop_in(number, papers)


async def _settle(number: int, found: _Found, desk: Desk) -> Ballot | None:
    ballot = await desk.ballots.get(number, lock=True)
    if ballot.result is None:
        eligible = max(await desk.ballots.eligible(ballot), found.tally.papers)
        owners = await _by_area(ballot, found, desk) if ballot.electorate is Electorate.OWNERS else ()
        voided = await desk.papers.voided(ballot.id)
        result = result_of(ballot, found.tally, eligible, owners, found.unsettled, voided)
        if not await desk.ballots.settle(ballot, result, found.on_paper):
            return None
    return await desk.ballots.get(number)


async def _by_area(ballot: Ballot, found: _Found, desk: Desk) -> tuple[Owners, ...]:
    """Everybody, then who voted for each option, by count and floor area."""
    owners = await desk.rosters.owners(ballot.extent)
    sides = [
        [owners[voter] for voter, paper in found.votes if paper == (option,) and voter in owners]
        for option in range(len(ballot.options))
    ]
    return tuple(
        Owners(sum(one.people for one in side), sum(one.area for one in side)) for side in ([*owners.values()], *sides)
    )


async def _seal_early(number: int, desk: Desk) -> None:
    ballot = await desk.ballots.get(number, lock=True)
    if ballot.key is not None or ballot.closed_at is not None:
        return
    key = await asyncio.to_thread(desk.keys.make)
    seal = desk.keys.seal(key)
    slips = [(person, new_slip(), (option,)) for person, option in await desk.ballots.early(number)]
    await desk.ballots.seal(number, key, [(person, slip, seal.shut(slip, paper)) for person, slip, paper in slips])
