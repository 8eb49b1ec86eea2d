"""Somebody votes: in a chat, with a helper and a witness, or on paper. None of these is ever planned for later."""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.counting import Paper

# So many who entered a paper must agree before it counts.
AGREE = 2


@dataclass(frozen=True, slots=True)
class VoteCast:
    """A resident voted, or changed their vote. Never planned for later: nobody may read it anywhere."""

    ballot: int
    by: int
    paper: Paper


@dataclass(frozen=True, slots=True)
class PaperDrafted:
    """A resident goes through the options one after the other; `marks` are what they said so far."""

    ballot: int
    by: int
    marks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PaperMarked:
    """A resident marked a whole paper; it is read back to them before it counts."""

    ballot: int
    by: int
    paper: Paper


@dataclass(frozen=True, slots=True)
class VoteAssisted:
    """A helper took down the vote of somebody beside them, before a witness; `voter` as on the ballot's roll."""

    ballot: int
    by: int
    voter: int
    witness: int
    paper: Paper


@dataclass(frozen=True, slots=True)
class WitnessDenied:
    """Who is named as the witness of a vote says they were not there: it does not count."""

    ballot: int
    by: int
    voter: int


@dataclass(frozen=True, slots=True)
class PaperTaken:
    """Somebody was handed a ballot paper, and is marked on the roll."""

    ballot: int
    by: int
    voter: int


@dataclass(frozen=True, slots=True)
class PaperEntered:
    """What stands on the paper of that number, as one of those who enter papers reads it."""

    ballot: int
    by: int
    number: int
    paper: Paper


def agreed(readings: Mapping[int, Paper]) -> Paper | None:
    """What enough of those who read a paper, each without seeing the others' reading, read on it."""
    read = list(readings.values())
    return next((paper for paper in read if read.count(paper) >= AGREE), None)
