"""The journal of a case: each step is chained to the one before it, so that whoever reads it knows it is whole."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

# What is hashed begins with it: should the form ever change, old steps are still read in their own.
_FORM = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    """One step of a case and how the case stood after it. `number` counts a case's steps from 1.

    `said` is the digest of the words, not the words: erased, they leave the chain as it is.
    """

    case: int
    number: int
    at: datetime
    person_id: int | None
    part: str
    move: str
    status: str
    round: int
    due_at: datetime
    target: int | None = None
    said: bytes | None = None
    photos: tuple[str, ...] = ()


def digest(before: bytes, entry: Entry) -> bytes:
    """The 32 bytes a step is known by; `before` are those of the step before, none for a case's first."""
    facts = (
        _FORM,
        entry.case,
        entry.number,
        _micros(entry.at),
        entry.person_id,
        entry.part,
        entry.move,
        entry.status,
        entry.round,
        _micros(entry.due_at),
        entry.target,
        entry.said.hex() if entry.said else None,
        entry.photos,
    )
    return hashlib.sha256(before + json.dumps(facts, separators=(",", ":")).encode()).digest()


def said(salt: bytes, *words: str) -> bytes:
    """The digest of what somebody said. Without the salt, kept and erased with the words, nobody can guess them."""
    return hashlib.sha256(salt + json.dumps(words).encode()).digest()


class Roll:
    """The steps of many cases rolled into one digest, in the order they came into the database."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.count = 0

    def take(self, step: int, digest: bytes) -> None:
        self._hash.update(step.to_bytes(8, "big") + digest)
        self.count += 1

    def seal(self, before: bytes, number: int, at: datetime, through: int) -> bytes:
        """The digest of the seal over what was taken; `before` is the last seal's, none for the first."""
        facts = (_FORM, number, _micros(at), through, self.count, self._hash.hexdigest())
        return hashlib.sha256(before + json.dumps(facts, separators=(",", ":")).encode()).digest()


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
