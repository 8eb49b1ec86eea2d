"""Staff answer once; every process hears of it within a second and answers the next who asks."""

import asyncio
import logging
from dataclasses import replace

from bot.core.errors import Unavailable
from domain.district import District, Entry
from domain.faq import Settled, Settling
from storage.desk import Desk, Desks

log = logging.getLogger("xiaomazha.answers")


class Answers:
    """What the ear has been told of the rows. The rows are the truth: a call missed is made up for at the next look."""

    def __init__(self, desks: Desks) -> None:
        self._desks = desks
        self._version = "0"

    def forget(self) -> None:
        """We listen with another ear, which has been told nothing yet."""
        self._version = "0"

    async def refresh(self) -> None:
        """Let the ear learn what holds now, if anything has changed since the last look."""
        try:
            found = await self._desks.read(self._changed)
        except Unavailable:
            log.warning("the database does not answer, answers are looked for again")
            return
        if found is None:
            return
        version, settled = found
        # Half a second of work in a big district: not on the loop.
        await asyncio.to_thread(self._desks.ear.learn, entries(settled, self._desks.district))
        self._version = version

    async def _changed(self, desk: Desk) -> tuple[str, list[Settled]] | None:
        # Read before the rows: what changes in between is then looked at once more, never missed.
        version = await desk.questions.version()
        return None if version == self._version else (version, await desk.questions.in_force())


def entries(settled: list[Settled], district: District) -> list[Entry]:
    """The entries that staff wrote, and those of the district's and theirs that got phrasings from them."""
    known = {entry.id: entry for entry in district.entries}
    made: dict[str, Entry] = {}
    for each in settled:
        if each.kind is Settling.ENTRY:
            made[each.entry_id] = each.as_entry()
    for each in settled:
        entry = made.get(each.entry_id) or known.get(each.entry_id)
        if each.kind is Settling.PHRASING and entry is not None:
            made[entry.id] = replace(entry, alts=tuple(dict.fromkeys((*entry.alts, *each.phrasings))))
    return [*made.values()]
