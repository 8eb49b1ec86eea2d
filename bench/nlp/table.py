"""One line of the table: a figure of ours, the best of the peers' in the same run, and what was to be reached."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Line:
    """`least` or `most` is what was to be reached; `peers` by name, in the same unit."""

    name: str
    ours: float
    peers: Mapping[str, float] = field(default_factory=dict)
    least: float | None = None
    most: float | None = None
    digits: int = 3

    @property
    def reached(self) -> bool:
        return (self.least is None or self.ours >= self.least) and (self.most is None or self.ours <= self.most)


def printed(lines: list[Line]) -> str:
    """All lines, peers beside each figure and how ours stands to the best of them."""
    rows = []
    for line in lines:
        lower = line.most is not None
        best = (min if lower else max)(line.peers.values(), default=None)
        beside = "  ".join(f"{name} {value:.{line.digits}f}" for name, value in line.peers.items())
        stands = ""
        if best is not None:
            stands = f"x{line.ours / best:.2f}" if lower and best else f"{line.ours - best:+.{line.digits}f}"
        aim = f">= {line.least:g}" if line.least is not None else f"<= {line.most:g}" if lower else ""
        verdict = "" if not aim else "reached" if line.reached else "NOT REACHED"
        rows.append(f"{line.name:34} {line.ours:9.{line.digits}f}  {stands:>8}  {aim:>9} {verdict:12} {beside}")
    return "\n".join(rows)
