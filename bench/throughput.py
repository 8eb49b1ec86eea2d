"""How many turns a second, each durable before its 200, on one core: the service, its peers, and the ceiling."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from bench import contestants
from bench.contestants import Contestant
from bench.lab import Lab, in_turns, median, staying
from bench.people import Lost, Town, newcomers
from bench.results import Figure

# Enough that nobody has to wait to breathe at the rates there are.
RESIDENTS, RESIDENTS_OF_BARE = 1500, 8000


async def measure(lab: Lab) -> list[Figure]:
    started = {
        "xiaomazha": await contestants.service(lab.api, lab.folder, more=contestants.lifted()),
        "aiogram_orm": await contestants.peer(lab.api, lab.folder, "aiogram_orm"),
        "ptb_orm": await contestants.peer(lab.api, lab.folder, "ptb_orm"),
        "bare": await contestants.peer(lab.api, lab.folder, "bare"),
    }
    async with staying(*started.values()):
        rates = await _compared(lab, started)
        ours, peer = rates["xiaomazha"], rates["aiogram_orm"]
        return [
            Figure(
                "telegram",
                "durable turns, Telegram webhook, one core ÷ aiogram + ORM",
                ours / peer,
                reach=3.5,
                aim=5,
                beside=f"{ours:.0f}/s beside {peer:.0f}/s; PTB {rates['ptb_orm']:.0f}/s, bare {rates['bare']:.0f}/s",
            ),
            Figure(
                "memory",
                "memory of the whole service with aiogram, after it",
                started["xiaomazha"].memory(),
                "MB",
                260,
                230,
                lower=True,
                beside=f"aiogram peer {started['aiogram_orm'].memory():.0f} MB",
            ),
        ]


async def _compared(lab: Lab, started: Mapping[str, Contestant]) -> dict[str, float]:
    """Turns a second of each, the median of the rounds."""
    towns = {}
    for name, contestant in started.items():
        towns[name] = Town(contestant.account, newcomers(RESIDENTS_OF_BARE if name == "bare" else RESIDENTS))
        await towns[name].settle_in()
        contestant.pause()

    async def one(name: str) -> float:
        spoken = await towns[name].talk(lab.seconds(12))
        lab.say(f"{name}: {spoken.rate:.0f} turns/s")
        return spoken.rate

    rounds = await in_turns(lab, started, one)
    for town in towns.values():
        town.close()
    _really_done(lab.folder, towns)
    return {name: median(rates) for name, rates in rounds.items()}


def _really_done(folder: Path, towns: Mapping[str, Town]) -> None:
    """Every fourth sentence opened a case in everybody's database, or it is not the same work.

    Raises:
        Lost: somebody answered without doing it.
    """
    for name, town in towns.items():
        file, table = ("service", "cases") if name == "xiaomazha" else (name, "reports")
        with closing(sqlite3.connect(folder / f"{file}.db")) as database:
            opened = database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        if opened != town.reports:
            raise Lost(f"{name}: {opened} reports opened of {town.reports}")
