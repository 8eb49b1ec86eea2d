"""Draws the pictures somebody asked for, in a thread, outside any transaction, and sends each once."""

import logging
from functools import partial

from bot.core.errors import Unavailable
from bot.core.words import Kind
from domain.sheets import Sheet
from services import sheet as drawing
from storage.desk import Desk, Desks

log = logging.getLogger("xiaomazha.painter")


class Painter:
    """Looks for what is to be drawn with every ring of the bell; two of them at once draw twice and send once."""

    def __init__(self, desks: Desks) -> None:
        self._desks = desks
        # What could not be drawn: the others come all the same, and it goes after a day.
        self._spoilt: set[int] = set()

    async def refresh(self) -> None:
        try:
            for number, person, sheet in await self._desks.read(lambda desk: desk.pictures.waiting()):
                if number not in self._spoilt:
                    await self._draw(number, person, sheet)
        except Unavailable:
            log.warning("the database does not answer, pictures are drawn later")

    async def _draw(self, number: int, person: int, sheet: Sheet) -> None:
        try:
            picture = await self._desks.album.draw(await drawing.draw(sheet))
        except Exception:
            log.exception("picture %d cannot be drawn", number)
            self._spoilt.add(number)
            return
        await self._desks.write(partial(_send, number, person, picture, sheet))


async def _send(number: int, person: int, picture: str, sheet: Sheet, desk: Desk) -> None:
    if await desk.pictures.done(number):
        await desk.tell(
            person,
            "stats.picture",
            kind=Kind.REPLY,
            once=f"picture:{number}",
            photos=[picture],
            title=sheet.title,
            of=sheet.under,
        )
