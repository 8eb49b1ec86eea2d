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
class DoorNamed:
    """A helper names a resident who does not write to us, by name and door: the same door and name is one person.

    `then` is the conversation that goes on with them.
    """

    by: int
    ballot: int
    grid: str
    door: str
    name: str
    then: str


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
class Sleeve:
    """What is written on the sleeve a paper is handed out in, in an open ballot on the paper: the voter, which copy."""

    voter: int
    copy: int = 1

    def __str__(self) -> str:
        return str(self.voter) if self.copy == 1 else f"{self.voter}-{self.copy}"


@dataclass(frozen=True, slots=True)
class PaperVoided:
    """A host makes void a paper that was handed out and lost; whose it was may vote some other way, or get another."""

    ballot: int
    by: int
    voter: int
    reason: str


@dataclass(frozen=True, slots=True)
class SleevesBack:
    """A helper has these sleeves in hand, still shut: of a voided one the paper is not taken out."""

    ballot: int
    by: int
    sleeves: tuple[Sleeve, ...]


@dataclass(frozen=True, slots=True)
class PaperEntered:
    """What stands on the paper of that number, as one of those who enter papers reads it.

    `copy`: in an open ballot the number is the voter's, and this the copy as on the `Sleeve`.
    """

    ballot: int
    by: int
    number: int
    paper: Paper
    copy: int = 1


def agreed(readings: Mapping[int, Paper]) -> Paper | None:
    """What enough of those who read a paper, each without seeing the others' reading, read on it."""
    read = list(readings.values())
    return next((paper for paper in read if read.count(paper) >= AGREE), None)
