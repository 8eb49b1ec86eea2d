"""An operator sees which messages could not be handled, and has one tried again after the cause is mended."""

from dataclasses import replace

import msgspec

from bot.app import Service
from bot.core.words import Said


async def listed(service: Service) -> list[str]:
    """The trouble ids put aside and not replayed, each with its platform; not what was said."""
    await service.prepare()
    parked = await service.desks.read(lambda desk: desk.heard.parked())
    await service.desks.database.close()
    return [f"{trouble}  {msgspec.json.decode(what, type=Said).address.platform}" for trouble, what in parked]


async def replay(service: Service, trouble: str) -> bool:
    """Handle a message put aside as if it came now; False when there is none with that id."""
    await service.prepare()
    found = dict(await service.desks.read(lambda desk: desk.heard.parked())).get(trouble)
    if found is not None:
        said = msgspec.json.decode(found, type=Said)
        await service.turns.take(replace(said, id=f"{said.id}#{trouble}"))
        await service.desks.write(lambda desk: desk.heard.replayed(trouble))
    await service.desks.database.close()
    return found is not None
