"""Finds the mobile and identity numbers people say in passing, and takes them out of the words."""

import re

_MOBILE = re.compile(r"(?<!\d)(?:\+?86[ -]?)?(1[3-9]\d[ -]?\d{4}[ -]?\d{4})(?!\d)")
_IDENTITY = re.compile(
    r"(?<!\d)[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![\dA-Za-z])"
)
# What introduces a number and says nothing else.
_ABOUT_IT = re.compile(r"我|的|你|给|是|叫|这|手机|电话|身份证|证件|联系|方式|号码|号")
_BLOT = "＊＊＊"


def phone(text: str) -> str | None:
    """The mobile number in a text, digits only."""
    found = _MOBILE.search(text)
    return re.sub(r"\D", "", found[1]) if found else None


def without(text: str) -> str:
    """The words with mobile and identity numbers blotted out; a meter's or a grid's number stays."""
    return _MOBILE.sub(_BLOT, _IDENTITY.sub(_BLOT, text))


def without_identity(text: str) -> str:
    """The words with identity numbers blotted out, and nothing else."""
    return _IDENTITY.sub(_BLOT, text)


def nothing_else(text: str) -> bool:
    """Whether a text is a number of somebody's and says no more than that."""
    rest = without(text)
    return rest != text and not any(each.isalnum() for each in _ABOUT_IT.sub("", rest))
