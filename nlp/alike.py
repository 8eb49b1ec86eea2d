"""Staff read a question once, however many asked it: tells whether two people asked the same.

The rule can be said aloud: both ask for the same thing about it (how, when, where, how much, whether), and at least
three fifths of their pieces of two characters are shared, in whatever order they stand.
"""

import re
from dataclasses import dataclass

from nlp.normalise import bare

# Dice's coefficient, twice the shared over the sum of both; held against the sentences in tests/test_loop.py.
ALIKE = 0.6
# What a question is known by is said in its first words; the rest would only make everything alike.
_LONGEST = 80
_POLITE = re.compile(
    r"请问一?下?|麻烦问一?下?|我?想问一?下?|想?咨询一?下?|我想知道|你好|您好|谢谢|帮忙|一下|那个|这个|[吗呢呀啊吧嘛的了我俺您你]"
)
# A number left out, and what leads up to it, is no part of the question.
_MASKED = re.compile(r"(?:我的?)?(?:联系方式|联系电话|电话|手机|身份证|证件|号码?|是)*[:： ]*[＊*]{3}")
# What is asked about it, by the words that ask; the longer first, for 怎么 is in none of the others.
_ASKING = (
    ("when", re.compile(r"什么时候|啥时候|何时|几点|几号|多久|多长时间|哪天|几天|时间")),
    ("much", re.compile(r"多少钱?|几块钱?|几个钱|费用|标准")),
    ("where", re.compile(r"在?哪里|在?哪儿|在?哪|什么地方|啥地方|地址|去何处")),
    ("whether", re.compile(r"能不能|可不可以|可以不|能否|是否|是不是|行不行|可以")),
    ("how", re.compile(r"怎么样?|咋样?|如何|怎样|办理|流程|手续|申请|需要|什么|材料|条件|办")),
)


@dataclass(frozen=True, slots=True)
class Form:
    """What a question is compared by: what is asked, and the pieces of two characters of what it is asked about."""

    asks: str
    pieces: frozenset[str]


def form(text: str) -> Form:
    """The form of somebody's words; without pieces when they hold neither a letter nor a digit."""
    plain = bare(_MASKED.sub("", text)) or bare(text)
    about = _POLITE.sub("", plain)[:_LONGEST]
    asks = ""
    for name, words in _ASKING:
        if words.search(about):
            asks = asks or name
            about = words.sub("", about)
    return Form(asks, pieces(about or plain[:_LONGEST]))


def pieces(plain: str) -> frozenset[str]:
    """Every two characters that follow each other; of one character, itself."""
    return frozenset(plain[place : place + 2] for place in range(max(1, len(plain) - 1))) - {""}


def alike(one: frozenset[str], other: frozenset[str]) -> float:
    """How much two forms share, from 0 to 1."""
    return 2 * len(one & other) / (len(one) + len(other)) if one and other else 0.0


# Where something shall be says little of what it is: 3 号楼前 stands in every second proposal of an estate.
_WHERE = re.compile(
    r"小区|社区|街道|院里|院子|我们|咱们|咱|这里|这儿|希望|建议|能不能|可不可以|能否|"
    r"[0-9一二三四五六七八九十]+(?:号楼|栋|幢|号|单元|楼)(?:前面?|后面?|下|旁边?|附近|门口)?|[楼门](?:前面?|下|口)"
)


def proposed(text: str, place: str = "") -> frozenset[str]:
    """The pieces of what somebody proposes, without where in `place` it shall be."""
    plain = bare(text)[: 3 * _LONGEST].replace(bare(place) or "\n", "")
    return pieces(_POLITE.sub("", _WHERE.sub("", plain)) or plain)


def within(one: frozenset[str], other: frozenset[str]) -> float:
    """How much of the shorter of two is in the other, from 0 to 1; one piece alone says nothing."""
    shared = len(one & other)
    return shared / min(len(one), len(other)) if shared > 1 else 0.0
