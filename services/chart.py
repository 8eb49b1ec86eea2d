"""Draws the result of a ballot as a picture that can be read on a phone."""

import asyncio
import io
from dataclasses import dataclass
from functools import lru_cache

import cvttf_NotoSansCJK_Regular as noto
from PIL import Image, ImageDraw, ImageFont, features

from domain.councils import Ballot, Electorate, Result
from domain.counting import BEST, NO, YES, Method, Owners, Verdict
from services.ballot_words import metres

WIDTH, MARGIN, _BAR = 1080, 64, 44
PAPER, INK, SOFT, TRACK, GREEN, WOOD, _RED = (
    "#FBF8F2", "#22302D", "#6E7A76", "#E9E3D6", "#1F6F63", "#C08A4E", "#A4493D",
)  # fmt: skip
_FULL = WIDTH - 2 * MARGIN
_BIG, _MIDDLE, _SMALL = 48, 36, 32
_UNITS = {
    Electorate.RESIDENTS: "人",
    Electorate.HOUSEHOLDS: "户",
    Electorate.OWNERS: "位业主",
    Electorate.MEMBERS: "位成员",
}


@dataclass(frozen=True, slots=True)
class _Bar:
    """A line with its bar: `share` from 0 to 1, a mark at `line` where so much is needed."""

    label: str
    figures: str
    share: float
    colour: str = WOOD
    line: float | None = None


# Letters are chosen by language where Pillow was built with Raqm, as its wheels are.
_MAINLAND = "zh-Hans" if features.check("raqm") else None


@lru_cache(maxsize=4)
def font(size: int) -> ImageFont.FreeTypeFont:
    """Letters of so many pixels, Chinese ones too."""
    return ImageFont.truetype(noto.get_TTF_path(), size)


def put(
    pen: ImageDraw.ImageDraw,
    at: tuple[float, float],
    words: str,
    colour: str,
    letters: ImageFont.FreeTypeFont,
    anchor: str | None = None,
) -> None:
    """Write on the picture as the mainland does: 「，」 stands low and to the left, not in the middle."""
    pen.text(at, words, colour, letters, anchor=anchor, language=_MAINLAND)


async def draw(ballot: Ballot, result: Result) -> bytes:
    """A PNG, 1080 px wide: the question, what came out, a bar an option and round, the turnout."""
    return await asyncio.to_thread(_draw, ballot, result)


def _draw(ballot: Ballot, result: Result) -> bytes:
    # Measured on a sheet that is cut to its length afterwards.
    sheet = _Sheet()
    for line in wrapped(ballot.question, font(_BIG), _FULL):
        sheet.write(line, _BIG)
    if verdict := _verdict(ballot, result):
        sheet.write(*verdict)
    sheet.gap(32)
    for heading, bars in _parts(ballot, result):
        if heading:
            sheet.write(heading, _SMALL, SOFT)
        for bar in bars:
            sheet.bar(bar)
    unit = _UNITS[ballot.electorate]
    sheet.gap(24)
    sheet.write(
        f"共 {result.votes} {unit}投票，应投 {result.eligible} {unit}，参与率 {result.turnout:.0%}", _SMALL, SOFT
    )
    return sheet.png()


def _parts(ballot: Ballot, result: Result) -> list[tuple[str, list[_Bar]]]:
    if result.owners:
        return _owners(ballot, result)
    if result.tally.rounds:
        return _rounds(ballot, result)
    if ballot.method is Method.SCORE:
        best = BEST * result.votes
        return [
            (
                f"满分 {best} 分",
                [
                    _Bar(option, f"{points} 分  平均 {points / result.votes if result.votes else 0:.1f}",
                         points / best if best else 0, _colour(result, place))
                    for place, (option, points) in enumerate(zip(ballot.options, result.counts, strict=True))
                ],
            )
        ]  # fmt: skip
    return [
        (
            "可以选几项，票数加起来比人数多" if ballot.method is Method.SEVERAL else "",
            [
                _votes(option, votes, result.votes, _colour(result, place))
                for place, (option, votes) in enumerate(zip(ballot.options, result.counts, strict=True))
            ],
        )
    ]


def _votes(option: str, votes: int, of: int, colour: str) -> _Bar:
    share = votes / of if of else 0
    return _Bar(option, f"{votes} 票  {share:.0%}", share, colour)


def _colour(result: Result, option: int) -> str:
    return GREEN if option in result.tally.leads else WOOD


def _rounds(ballot: Ballot, result: Result) -> list[tuple[str, list[_Bar]]]:
    parts: list[tuple[str, list[_Bar]]] = []
    out: set[int] = set()
    for number, each in enumerate(result.tally.rounds, 1):
        live = sum(each.counts)
        last = number == len(result.tally.rounds)
        parts.append(
            (
                f"第 {number} 轮（过半要 {live // 2 + 1} 票）",
                [
                    _votes(
                        f"{name}（出局）" if option == each.out else name,
                        votes,
                        live,
                        _RED if option == each.out else _colour(result, option) if last else WOOD,
                    )
                    for option, (name, votes) in enumerate(zip(ballot.options, each.counts, strict=True))
                    if option not in out
                ],
            )
        )
        if each.out is not None:
            out.add(each.out)
    return parts


def _owners(ballot: Ballot, result: Result) -> list[tuple[str, list[_Bar]]]:
    everybody, *sides = result.owners
    voted = Owners(sum(one.people for one in sides), sum(one.area for one in sides))
    needed = 3 / 4 if ballot.grave else 1 / 2
    words = "四分之三" if ballot.grave else "一半"

    def both(label: str, part: Owners, whole: Owners, colour: str, line: float | None) -> list[_Bar]:
        return [
            _Bar(f"{label}·人数", f"{part.people}/{whole.people}", _ratio(part.people, whole.people), colour, line),
            _Bar(f"{label}·面积", f"{metres(part)}/{metres(whole)} ㎡", _ratio(part.area, whole.area), colour, line),
        ]

    return [
        ("参加：人数、面积都要到三分之二", both("参加", voted, everybody, WOOD, 2 / 3)),
        (
            f"参加的里面，同意的人数、面积都要{'到' if ballot.grave else '过'}{words}",
            [
                *both(ballot.options[YES], sides[YES], voted, GREEN, needed),
                *(
                    bar
                    for option in range(NO, len(sides))
                    for bar in both(ballot.options[option], sides[option], voted, WOOD, None)
                ),
            ],
        ),
    ]  # fmt: skip


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _verdict(ballot: Ballot, result: Result) -> tuple[str, int, str] | None:
    """What came out in one line, with its size and colour."""
    if result.verdict is Verdict.PASSED:
        return "通过", _BIG, GREEN
    if result.verdict is Verdict.NOT_AGREED:
        return "没有通过", _BIG, _RED
    if result.verdict is Verdict.TOO_FEW:
        return "投票的不够，不算数", _BIG, _RED
    if ballot.method in (Method.RANKED, Method.SCORE) and result.tally.leads:
        ahead = "、".join(ballot.options[option] for option in result.tally.leads)
        return ahead if len(result.tally.leads) == 1 else f"{ahead} 并列", _BIG, GREEN
    return None


class _Sheet:
    """A long sheet of paper, written from the top and cut where it ends."""

    _LONGEST = 12000

    def __init__(self) -> None:
        self._image = Image.new("RGB", (WIDTH, self._LONGEST), PAPER)
        self._pen = ImageDraw.Draw(self._image)
        self._top = MARGIN

    def gap(self, height: int) -> None:
        self._top += height

    def write(self, words: str, size: int, colour: str = INK) -> None:
        for line in wrapped(words, font(size), _FULL):
            put(self._pen, (MARGIN, self._top), line, colour, font(size))
            self._top += size + 18

    def bar(self, bar: _Bar) -> None:
        letters = font(_MIDDLE)
        put(self._pen, (WIDTH - MARGIN, self._top), bar.figures, INK, letters, anchor="ra")
        for line in wrapped(bar.label, letters, _FULL - round(letters.getlength(bar.figures)) - 40):
            put(self._pen, (MARGIN, self._top), line, INK, letters)
            self._top += 50
        self._top += 6
        self._pen.rounded_rectangle((MARGIN, self._top, MARGIN + _FULL, self._top + _BAR), _BAR // 2, TRACK)
        if bar.share > 0:
            # Never narrower than its round ends.
            width = max(_BAR, int(_FULL * min(bar.share, 1)))
            self._pen.rounded_rectangle((MARGIN, self._top, MARGIN + width, self._top + _BAR), _BAR // 2, bar.colour)
        if bar.line is not None:
            at = MARGIN + int(_FULL * bar.line)
            self._pen.line((at, self._top - 8, at, self._top + _BAR + 8), INK, 4)
        self._top += _BAR + 34

    def png(self) -> bytes:
        out = io.BytesIO()
        self._image.crop((0, 0, WIDTH, self._top + MARGIN)).save(out, "PNG", optimize=True)
        return out.getvalue()


def wrapped(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """A text in lines that are no wider; no line begins with what closes one."""
    lines = [""]
    for each in text.replace("\n", " "):
        if lines[-1] and each not in "，。、；：！？）」" and font.getlength(lines[-1] + each) > width:
            lines.append("")
        lines[-1] += each
    return lines
