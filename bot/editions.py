"""The operator edits the district's folder and puts it in force; every process goes by it within a second.

What is in force lies in the database, whole: nobody reads a folder that is half saved, and all processes serve the
same. What cannot be read is left aside, with every reason in the log, and the old data stays.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.core.errors import Unavailable
from bot.core.ports import Ear
from config import district as district_files
from config.district import BadDistrict, Files
from domain.district import District
from storage.database import Connection
from storage.desk import Desk, Desks
from storage.editions import Edition

log = logging.getLogger("xiaomazha.editions")


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the rows said when we last looked: which edition is in force, how many entries the catalogue ever had."""

    edition: Edition | None
    entries: int


class EditionKeeper:
    """Keeps what we serve the same as what is in force. The rows are the truth: what was missed is found next time."""

    def __init__(
        self,
        desks: Desks,
        files: Files | None,
        hear: Callable[[District], Ear],
        take_in: Callable[[Connection, District], Awaitable[None]],
        became: Callable[[], None],
    ) -> None:
        """`files`: our own folder's; None when the district was made by hand, which is nobody's edition.

        `hear` makes an ear for a district, `take_in` puts its people down, `became` is called once we serve another.
        """
        self._desks = desks
        self._files = files
        self._hear = hear
        self._take_in = take_in
        self._became = became
        self._seen: _Seen | None = None

    async def publish(self, connection: Connection) -> None:
        """Put our folder in force, if it is new; what was in force once and is no more gives way to what is."""
        store = self._desks.at(connection).editions
        digest = self._desks.district.digest
        if self._files is None or await store.known(digest):
            return
        await store.publish(digest, district_files.packed(self._files))

    async def refresh(self) -> None:
        """Go by what is in force now, if anything has changed since the last look."""
        try:
            seen = await self._desks.read(_look)
            if seen == self._seen:
                return
            if self._seen is None or seen.entries != self._seen.entries:
                self._desks.district.versions.update(await self._desks.read(lambda desk: desk.catalogue.versions()))
            edition = seen.edition
            if self._files is not None and edition and edition.digest != self._desks.district.digest:
                await self._go_by(edition)
            self._seen = seen
        except Unavailable:
            log.warning("the database does not answer, the district's data is looked for again")

    async def _go_by(self, edition: Edition) -> None:
        packed = await self._desks.read(lambda desk: desk.editions.files(edition.id))
        if packed is None:
            # Another has come meanwhile: the next look finds it.
            return
        try:
            district, ear = await asyncio.to_thread(self._read, packed)
        except BadDistrict as bad:
            # Another release put it in force, for whom it was right.
            log.error("edition %d cannot be read here, the old data stays", edition.id)
            for problem in bad.problems:
                log.error("%s", problem)
            return
        district.versions.update(self._desks.district.versions)
        await self._desks.database.exclusive("xiaomazha:district", lambda at: self._take_in(at, district))
        self._desks.become(district, ear)
        self._became()
        log.info("edition %d of the district's data is in force", edition.id)

    def _read(self, packed: bytes) -> tuple[District, Ear]:
        district = district_files.read(district_files.unpacked(packed))
        return district, self._hear(district)


async def _look(desk: Desk) -> _Seen:
    return _Seen(await desk.editions.newest(), await desk.catalogue.count())
