"""Reads labelled messages from files, so that what was learnt from one can be measured on another."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Set
from pathlib import Path

from nlp.linear import pieces
from nlp.normalise import fold


class BadRows(ValueError):
    """A file of labelled messages cannot be read; says which line."""


Row = tuple[str, list[str]]


def read(path: Path, cut: Callable[[str], list[str]]) -> Iterator[Row]:
    """Each row as (label, words): its `tokens` as they are, or its `title` and `text` cut into words.

    Raises:
        BadRows: a line is no JSON, or lacks its label or its words.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadRows(f"{path}：读不了（{type(error).__name__}）") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            label = str(row["label"])
            if "tokens" in row:
                yield label, fold(row["tokens"]).split()
            else:
                yield label, cut(fold(f"{row.get('title', '')} {row['text']}"))
        except (KeyError, TypeError, AttributeError, json.JSONDecodeError):
            raise BadRows(f"{path} 第 {number} 行：要有 label，和 tokens 或者 text") from None


def known(rows: list[Row]) -> Set[str]:
    """Every word of some rows. Words left out before, as stop words are, are not among them."""
    return {word for _, words in rows for word in words}


def counted(words: list[str], vocabulary: Set[str]) -> Counter[str]:
    """The pieces of what a row says in words that were met in training, run together.

    So it makes no difference who separated them: a stop word that one side dropped is dropped on the other, and where
    the cuts differ the characters do not.
    """
    return pieces("".join(word for word in words if word in vocabulary), shortest=2)
