"""Words no dictionary has, names above all, in a run of single letters: jieba's model, read in a third of the time.

Every letter begins a word (B), stands within one (M), ends one (E) or is one (S). The likeliest row of these, with the
probabilities jieba ships (`jieba.finalseg`, Viterbi's way), says where to cut.
"""

import re

from jieba import finalseg

_HAN = re.compile("[\u4e00-\u9fd5]+")
_NEVER = finalseg.MIN_FLOAT
_START, _MOVE = finalseg.start_P, finalseg.trans_P
_B, _M, _E, _S = (finalseg.emit_P[state].get for state in "BMES")
_BM, _BE = _MOVE["B"]["M"], _MOVE["B"]["E"]
_MM, _ME = _MOVE["M"]["M"], _MOVE["M"]["E"]
_EB, _ES = _MOVE["E"]["B"], _MOVE["E"]["S"]
_SB, _SS = _MOVE["S"]["B"], _MOVE["S"]["S"]


def cut(run: str) -> tuple[str, ...]:
    """The words of a run, as `jieba.finalseg.cut` has them."""
    return _likeliest(run) if _HAN.fullmatch(run) else tuple(finalseg.cut(run))


def _likeliest(run: str) -> tuple[str, ...]:
    first = run[0]
    begins, within = _START["B"] + _B(first, _NEVER), _START["M"] + _M(first, _NEVER)
    ends, single = _START["E"] + _E(first, _NEVER), _START["S"] + _S(first, _NEVER)
    # For each further letter: whether a word that begins or stands alone there follows a single letter, and whether one
    # that goes on or ends there was already under way. Of equals jieba takes the state whose letter comes later: S, M.
    came: list[tuple[bool, bool, bool, bool]] = []
    for letter in run[1:]:
        b, m, e, s = _B(letter, _NEVER), _M(letter, _NEVER), _E(letter, _NEVER), _S(letter, _NEVER)
        b_e, b_s = ends + _EB + b, single + _SB + b
        m_b, m_m = begins + _BM + m, within + _MM + m
        e_b, e_m = begins + _BE + e, within + _ME + e
        s_e, s_s = ends + _ES + s, single + _SS + s
        after = (b_s >= b_e, m_m >= m_b, e_m >= e_b, s_s >= s_e)
        came.append(after)
        begins, within = b_s if after[0] else b_e, m_m if after[1] else m_b
        ends, single = e_m if after[2] else e_b, s_s if after[3] else s_e
    # From the last letter, which ends a word or is one, back to the first.
    words: list[str] = []
    state, stop = 3 if single >= ends else 2, len(run)
    for at in range(len(run) - 1, 0, -1):
        if state in (0, 3):
            words.append(run[at:stop])
            stop = at
            state = 3 if came[at - 1][state] else 2
        else:
            state = 1 if came[at - 1][state] else 0
    words.append(run[:stop])
    return tuple(reversed(words))
