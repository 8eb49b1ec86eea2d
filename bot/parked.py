"""An operator sees which messages could not be handled, and has one tried again after the cause is mended."""

from dataclasses import replace

import msgspec

from bot.app import Service
from bot.core.words import Said

# A fact that has failed so often will not come true by itself; it is tried on all the same (see `bot.bell`).
_OFTEN = 5


async def listed(service: Service) -> list[str]:
    """The trouble ids put aside and not replayed, each with its platform, not the words; and due facts that fail."""
    await service.prepare()
    parked = await service.desks.read(lambda desk: desk.heard.parked())
    failing = await service.desks.read(lambda desk: desk.dues.failing(_OFTEN))
    await service.desks.database.close()
    said = [f"{trouble}  {msgspec.json.decode(what, type=Said).address.platform}" for trouble, what in parked]
    return said + [f"due {number}  {fact}（到点的事办不成，仍在重试，原因见日志）" for number, fact in failing]


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
