"""Where a page of a list ended, as a word the next request brings back."""

import base64
import binascii
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from web.gate import Problem

T = TypeVar("T")

# The words of a list's question and answer, the same wherever there is one.
Cursor = Annotated[str, Meta(max_length=200, description="上一页的 `next`；不写就从头")]
Limit = Annotated[int, Meta(ge=1, le=50, description="一页最多几条")]
Next = Annotated[str | None, Meta(description="下一页的 `cursor`；`null` 是没有了")]


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
