"""Whoever judges a trial reads here what must be so: a plain model of what people did, kept by themselves."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Report:
    """One case that must exist, once, with exactly these words."""

    place: str
    photos: int = 0


@dataclass
class Asked:
    """One ballot: what each voter last chose, and who lives where it was asked and can be told."""

    residents: frozenset[str]
    votes: dict[str, str] = field(default_factory=dict)
    over: bool = False


@dataclass
class Ledger:
    """What must be in the database at the end. Moves are counted when the service says they are done, once each."""

    reports: dict[str, Report] = field(default_factory=dict)
    # Sent in a flood, words may be joined into one case: each piece must be in exactly one.
    pieces: set[str] = field(default_factory=set)
    moves: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    # How often somebody was told that what they wanted had been done already, or can be done no more.
    refusals: int = 0
    ballots: dict[str, Asked] = field(default_factory=dict)
    _count: int = 0

    def token(self) -> str:
        """Letters that occur nowhere else, that no reader takes for a number, a code or a place."""
        self._count += 1
        letters = "bcdfghjkmn"
        return "zq" + "".join(letters[int(digit)] for digit in f"{self._count:06d}")
