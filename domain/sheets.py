"""A sheet: numbers laid out to be drawn as one picture and read on a phone, every word of it ready."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bar:
    """A line of a block: what, how much in words, and how long its bar is, from 0 to 1; None draws none."""

    label: str
    value: str
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that belong together, under a heading."""

    heading: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A title, what it is of, a few large numbers with a word each, blocks of bars, a last line."""

    title: str
    under: str
    numbers: tuple[tuple[str, str], ...]
    blocks: tuple[Block, ...]
    last: str = ""
