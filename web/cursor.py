"""Where a page of a list ended, as a word the next request brings back."""

import base64
import binascii
from typing import Any, TypeVar

import msgspec

from web.gate import Problem

T = TypeVar("T")


def sealed(last: object) -> str | None:
    """A cursor; None when the list has ended."""
    return None if last is None else base64.urlsafe_b64encode(msgspec.json.encode(last)).decode().rstrip("=")


def opened(cursor: str, shape: type[T] | Any) -> Any:
    """What is in a cursor; None for an empty one, which is the beginning.

    Raises:
        Problem: it is none of ours.
    """
    if not cursor:
        return None
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=shape)
    except (binascii.Error, msgspec.MsgspecError, ValueError):
        raise Problem("page.unreadable", 400, place="cursor") from None
