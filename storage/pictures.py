"""Pictures of numbers: asked for in a turn, drawn after it, sent once."""

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import delete, insert, select

from domain.sheets import Sheet
from storage.database import Connection
from storage.tables import Pictures

# What could not be drawn for a day is not waited for any more.
_WAITED_FOR = timedelta(days=1)
_AT_ONCE = 5
_sheet = msgspec.json.Decoder(Sheet)
_WAITING = select(Pictures.id, Pictures.person_id, Pictures.sheet).order_by(Pictures.id).limit(_AT_ONCE)


class PictureStore:
    """Reads and writes about pictures that are yet to be drawn."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._db = connection
        self._now = now

    async def ask(self, person_id: int, sheet: Sheet) -> None:
        body = msgspec.json.encode(sheet).decode()
        await self._db.execute(insert(Pictures).values(person_id=person_id, sheet=body, at=self._now))

    async def waiting(self) -> list[tuple[int, int, Sheet]]:
        """The next few: number, whose, what."""
        return [(number, person, _sheet.decode(body)) for number, person, body in await self._db.execute(_WAITING)]

    async def done(self, number: int) -> bool:
        """Take one out; False when somebody else has."""
        gone = delete(Pictures).where(Pictures.id == number).returning(Pictures.id)
        return await self._db.scalar(gone) is not None

    async def prune(self) -> None:
        await self._db.execute(delete(Pictures).where(Pictures.at < self._now - _WAITED_FOR))
