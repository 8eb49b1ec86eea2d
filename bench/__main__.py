"""`python -m bench [names]` measures the service beside its peers and prints what was reached."""

import argparse
import asyncio
import resource
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from bench import big, broadcast, cases, contestants, council, day, latency, postgres, results, start, throughput, web
from bench.lab import Lab, opened
from bench.results import Figure

MEASUREMENTS: dict[str, Callable[[Lab], Awaitable[list[Figure]]]] = {
    "throughput": throughput.measure,
    "latency": latency.measure,
    "web": web.measure,
    "postgres": postgres.measure,
    "broadcast": broadcast.measure,
    "queue": broadcast.queue,
    "start": start.measure,
    "big": big.measure,
    "cases": cases.measure,
    "day": day.measure,
    "council": council.measure,
}


def main() -> int:
    """Run the named measurements; the exit code says whether everything was reached."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="the measurements, each with its peer")
    parser.add_argument("names", nargs="*", choices=[*MEASUREMENTS, "all"], default="all", metavar="name")
    parser.add_argument("--quick", action="store_true", help="short rounds in a small world; nothing is kept")
    given = parser.parse_args()
    names = list(MEASUREMENTS) if "all" in given.names else given.names
    # A thousand and a half web sockets, seen from both ends.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65536), most))
    contestants.take_our_core()
    # Ended from outside, whoever was started must be stopped all the same.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    figures: list[Figure] = []
    for name in names:
        print(f"{name} …", flush=True)
        began = time.perf_counter()
        figures += asyncio.run(_measured(name, quick=given.quick))
        print(f"  {time.perf_counter() - began:.0f} s", flush=True)
    results.keep(figures, quick=given.quick)
    print(f"\n{results.machine()}\n\n{results.printed(figures)}")
    return 1 if any(figure.verdict == "NOT REACHED" for figure in figures) else 0


async def _measured(name: str, *, quick: bool) -> list[Figure]:
    began, busy, worked = time.perf_counter(), contestants.their_core_was_busy(), contestants.they_have_worked()
    async with opened(quick=quick) as lab:
        figures = await MEASUREMENTS[name](lab)
    others = contestants.their_core_was_busy() - busy - (contestants.they_have_worked() - worked)
    share = max(others, 0.0) / (time.perf_counter() - began)
    return [replace(figure, others=round(share, 2)) for figure in figures]


if __name__ == "__main__":
    sys.exit(main())
