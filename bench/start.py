"""After a deploy or a crash: how long from starting the process to the first update it has served."""

import asyncio
import time
from contextlib import suppress

from bench import contestants
from bench.lab import Lab, median
from bench.people import Lost, Telegram
from bench.results import Figure

_CHAT = 500_000_001
_TOKEN = contestants.new_token()
_LOOK_AGAIN = 0.005


async def measure(lab: Lab) -> list[Figure]:
    found: dict[str, list[float]] = {"xiaomazha": [], "aiogram_orm": []}
    for _ in range(2 if lab.quick else 5):
        for name, times in found.items():
            times.append(await _from_nothing(lab, name))
            lab.say(f"{name}: {times[-1]:.2f} s")
    # The first start of each also made its tables.
    ours, peer = (median(times[1:]) for times in found.values())
    return [
        Figure(
            "start",
            "start to first served update, Telegram configured",
            ours,
            "s",
            reach=6,
            aim=5,
            lower=True,
            beside=f"aiogram peer {peer:.2f} s",
        )
    ]


async def _from_nothing(lab: Lab, name: str) -> float:
    began = time.perf_counter()
    if name == "xiaomazha":
        contestant = await contestants.service(lab.api, lab.folder, token=_TOKEN, wait=False)
    else:
        contestant = await contestants.peer(lab.api, lab.folder, name, wait=False)
    try:
        telegram = Telegram(contestant.account)
        while contestant.process.poll() is None:
            # Nobody there, or not ready: Telegram would come again, only not so soon.
            with suppress(OSError, Lost):
                await telegram.say(_CHAT, "报事")
                telegram.close()
                return time.perf_counter() - began
            await asyncio.sleep(_LOOK_AGAIN)
    finally:
        await contestant.stop()
    raise contestants.NotStarted(name)
