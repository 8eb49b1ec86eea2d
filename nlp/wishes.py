"""Somebody wishes their neighbours had something new, 要是能在门口建个凉亭就好了, which is theirs to propose."""

import re

from nlp.normalise import fold

_WISH = re.compile(r"建议|提议|希望|盼着|想[给在让把]|要是能|要是有|能不能|可不可以|应该|最好")
_NEW = re.compile(
    r"装|[^意]建(?!议)|增设|设[个置立]|多放|放[个几一两]|加[个几装盖]|添|种[点些上树花]|盖[个一]|划[个出]|安[个几一两装]|[弄搞][个些]"
)
# What was there and is no more as it was is mended, not proposed.
_TROUBLE = re.compile(r"坏|不亮|破|漏|堵|裂|断|掉|倒了|满了|没人[管收修]|修好")


def wishes(text: str) -> bool:
    """Whether these words ask for something new, and complain of nothing."""
    folded = fold(text)
    return bool(_WISH.search(folded) and _NEW.search(folded) and not _TROUBLE.search(folded))
