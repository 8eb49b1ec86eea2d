"""The real service with a clock that runs faster: `python -m bench.fast_service <from> <since> <speed>`.

`from` is the simulated time (ISO) at the real time `since` (seconds since 1970).
"""

import asyncio
import signal
import sys
import time
from datetime import datetime, timedelta

from bot.app import build
from bot.log import to_stderr
from config.settings import load


async def serve(begins: datetime, since: float, speed: float) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    service = build(load(), clock=lambda: begins + timedelta(seconds=(time.time() - since) * speed))
    async with service.running():
        await stop.wait()


if __name__ == "__main__":
    to_stderr()
    asyncio.run(serve(datetime.fromisoformat(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])))
