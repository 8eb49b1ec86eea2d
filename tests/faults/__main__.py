"""Whoever wants to know whether the service loses or doubles anything runs `make faults` and reads the table."""

import argparse
import asyncio
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from tests.faults.databases import Architect
from tests.faults.people import OFFICES
from tests.faults.trial import SCENARIOS, Outcome, Trial

_COLUMNS = (
    ("scenario", 21),
    ("kills", 6),
    ("updates", 8),
    ("handled", 8),
    ("cases", 6),
    ("doubled cases", 14),
    ("moves", 6),
    ("votes", 6),
    ("reminders", 10),
    ("pushes", 7),
    ("posted", 7),
    ("on pages", 9),
    ("doubled", 8),
    ("recorded", 9),
    ("left unknown", 13),
    ("seconds", 8),
)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def _stoppable(work: Coroutine[Any, Any, bool]) -> bool:
    """Told to stop, we still stop what we started."""
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


async def run(given: argparse.Namespace, folder: Path) -> bool:
    architect = Architect(folder, OFFICES)
    outcomes: list[Outcome] = []
    try:
        for name in given.scenario or SCENARIOS:
            place = folder / f"{name}-run"
            place.mkdir()
            trial = Trial(
                SCENARIOS[name],
                place,
                seed=given.seed,
                people=given.people,
                kills=given.kills,
                away=given.away,
                slowness=given.slowness,
                patience=given.patience,
                say=say if given.verbose else lambda line: None,
            )
            say(f"{name}, seed {given.seed}: " + ", ".join(map(str, trial.blows)))
            outcome = await trial.run(architect)
            outcomes.append(outcome)
            _tell(outcome, place, verbose=given.verbose)
    finally:
        architect.close()
    say("")
    say("".join(f"{title:>{width}}" for title, width in _COLUMNS))
    for outcome in outcomes:
        say("".join(f"{value:>{width}}" for value, (_, width) in zip(_row(outcome), _COLUMNS, strict=True)))
    kept = not any(outcome.broken for outcome in outcomes)
    kills = sum(outcome.kills for outcome in outcomes)
    say(f"{kills} kills: " + ("0 updates lost, 0 effects doubled." if kept else "promises were broken, see above."))
    return kept


def _row(outcome: Outcome) -> list[object]:
    figures = {**outcome.figures, "scenario": outcome.scenario.name, "kills": outcome.kills}
    figures["seconds"] = round(outcome.seconds)
    return [figures.get(title, 0) for title, _ in _COLUMNS]


def _tell(outcome: Outcome, place: Path, *, verbose: bool) -> None:
    for promise in outcome.broken[:40]:
        say(f"  BROKEN {promise}")
    if len(outcome.broken) > 40:
        say(f"  and {len(outcome.broken) - 40} more; the logs are in {place}")
    if verbose or outcome.broken:
        say("  moods: " + ", ".join(f"{count} {mood}" for mood, count in outcome.moods.most_common()))
        for line, count in outcome.logged.most_common(12):
            say(f"  {count}× {line[:150]}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("--scenario", action="append", choices=sorted(SCENARIOS), help="only this one; may be repeated")
    parser.add_argument("--kills", type=int, default=25, help="kill -9 in each scenario")
    parser.add_argument("--people", type=int, default=300)
    parser.add_argument("--seed", default=secrets.token_hex(3), help="the same seed strikes the same blows")
    parser.add_argument("--away", type=float, default=20.0, help="seconds for which the database or the disk is gone")
    parser.add_argument("--slowness", type=float, default=1.0, help="how long people think, as a share of the usual")
    parser.add_argument("--patience", type=float, default=240.0, help="seconds people wait for an answer")
    parser.add_argument("--folder", default=None, help="where to work; kept when given, or when a promise was broken")
    parser.add_argument("--verbose", action="store_true")
    given = parser.parse_args()
    began = time.monotonic()
    folder = Path(given.folder) if given.folder else Path(tempfile.mkdtemp(prefix="xiaomazha-faults-"))
    kept = asyncio.run(_stoppable(run(given, folder)))
    if kept and not given.folder:
        shutil.rmtree(folder)
    say(f"{time.monotonic() - began:.0f} s")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
