"""Somebody on duty says what they have just done, or cannot: 灯泡换好了, 到现场了, 我整不了，得找供热的."""

import re

from domain.cases import Move
from nlp.normalise import fold

# More than this tells a story, and is read as one.
_LONGEST = 30
_NOT_YET = re.compile(r"[没沒未别又还]|不[了好上行来]|啥时|什么时|什么时候|几时|怎么|咋|坏|能|吗|\?|谁|请")
_CANNOT = re.compile(r"(?:整|弄|办|修|管|干|处理|解决|搞)不了|不归[我咱]|不是[我咱]们?[管的]")
_DONE = re.compile(
    r"(?:换|修|弄|整|清|处理|解决|搞|办|安装?|装|补|疏通|拖|扫|铲|收拾|通|拆|挪|劝|调解|贴|盖|填|焊|拉|搬|锯)"
    r"(?:好|完|妥|利索|利落|干净|走|上|开|通|平)"
    r"|(?:完事|搞定|办妥|弄妥|完工|办结|完成)了?$|^妥了$|^好了$"
)
_THERE = re.compile(r"(?:到|在)了?(?:现场|地方|地儿|楼下|门口)[了啦]?$|^我?(?:已经)?到[了啦位]了?$")


def deed(text: str) -> Move | None:
    """Which move of a case the words say was made; None for none, and for what was not done."""
    folded = fold(text).strip(" ,，。.!！~")
    if not folded or len(folded) > _LONGEST or "?" in folded:
        return None
    if _CANNOT.search(folded):
        return Move.RETURN
    if _NOT_YET.search(folded):
        return None
    if _THERE.search(folded):
        return Move.ON_SITE
    return Move.FINISH if _DONE.search(folded) else None
