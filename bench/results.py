"""Whoever reads the figures sees what was reached, what was aimed at, and on which machine."""

import json
import os
import platform
import re
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
LAST = HERE / "last.json"
README = HERE / "README.md"
# More of the core than this for others, and the figure says so.
_QUIET = 0.1
_TABLE = re.compile(r"(<!-- figures -->\n).*?(<!-- /figures -->)", re.DOTALL)


@dataclass(frozen=True)
class Figure:
    """One measured figure. `reach` must be met, `aim` is hoped for; `lower`: the smaller the better.

    `others`: the share of the measured core that was taken by processes that are none of ours, meanwhile.
    """

    key: str
    what: str
    value: float
    unit: str = "×"
    reach: float | None = None
    aim: float | None = None
    lower: bool = False
    beside: str = ""
    others: float = 0.0

    @property
    def verdict(self) -> str:
        if self.reach is None:
            return "for information"
        if self.aim is not None and self._meets(self.aim):
            return "aim met"
        return "reached" if self._meets(self.reach) else "NOT REACHED"

    def _meets(self, bound: float) -> bool:
        return self.value <= bound if self.lower else self.value >= bound

    def row(self) -> tuple[str, ...]:
        sign = "≤" if self.lower else "≥"
        bounds = (f"{sign} {_short(bound)}" if bound is not None else "" for bound in (self.reach, self.aim))
        disturbed = f" (others took {self.others:.0%} of the core)" if self.others > _QUIET else ""
        return (self.what, f"{_short(self.value)} {self.unit}".strip(), *bounds, self.beside, self.verdict + disturbed)


_HEAD = ("figure", "measured", "reach", "aim", "beside", "verdict")


def keep(figures: Sequence[Figure], *, quick: bool) -> list[Figure]:
    """Put the figures into the last ones and into README; returns all, in their order. A quick run keeps nothing."""
    if quick:
        return list(figures)
    before = json.loads(LAST.read_text()) if LAST.exists() else {"figures": []}
    now = {figure.key: {**asdict(figure), "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"} for figure in figures}
    merged = [now.pop(old["key"], old) for old in before["figures"]] + list(now.values())
    LAST.write_text(json.dumps({"machine": machine(), "figures": merged}, ensure_ascii=False, indent=1) + "\n")
    known = [Figure(**{name: value for name, value in each.items() if name != "at"}) for each in merged]
    README.write_text(_TABLE.sub(lambda found: found[1] + _markdown(known) + found[2], README.read_text()))
    return known


def printed(figures: Sequence[Figure]) -> str:
    """The figures as a table for a terminal."""
    rows = [_HEAD, *(figure.row() for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def _markdown(figures: Sequence[Figure]) -> str:
    rows = [_HEAD, ("---",) * len(_HEAD), *(figure.row() for figure in figures)]
    return f"{machine()}\n\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def machine() -> str:
    """What it was measured on."""
    processor = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{processor}, {os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
