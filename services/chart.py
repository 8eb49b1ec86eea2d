"""Draws the result of a ballot as a picture that can be read on a phone."""

import asyncio
import io
from functools import lru_cache

import cvttf_NotoSansCJK_Regular as noto
from PIL import Image, ImageDraw, ImageFont

from domain.councils import Ballot, Result

_WIDTH, _MARGIN, _BAR = 1080, 64, 44
_PAPER, _INK, _SOFT, _TRACK, _GREEN, _WOOD = "#FBF8F2", "#22302D", "#6E7A76", "#E9E3D6", "#1F6F63", "#C08A4E"


@lru_cache(maxsize=4)
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(noto.get_TTF_path(), size)


async def draw(ballot: Ballot, result: Result) -> bytes:
    """A PNG, 1080 px wide: the question, a bar an option with its votes and share, the turnout."""
    return await asyncio.to_thread(_draw, ballot, result)


def _draw(ballot: Ballot, result: Result) -> bytes:
    title = _wrapped(ballot.question, _font(48), _WIDTH - 2 * _MARGIN)
    labels = [_wrapped(option, _font(36), _WIDTH - 2 * _MARGIN - 240) for option in ballot.options]
    height = _MARGIN + len(title) * 66 + 32 + sum(len(label) * 50 + _BAR + 40 for label in labels) + 90 + _MARGIN
    image = Image.new("RGB", (_WIDTH, height), _PAPER)
    pen = ImageDraw.Draw(image)
    top = _MARGIN
    for line in title:
        pen.text((_MARGIN, top), line, _INK, _font(48))
        top += 66
    top += 32
    for option, (label, votes) in enumerate(zip(labels, result.counts, strict=True)):
        share = votes / result.votes if result.votes else 0
        pen.text((_WIDTH - _MARGIN, top), f"{votes} 票  {share:.0%}", _INK, _font(36), anchor="ra")
        for line in label:
            pen.text((_MARGIN, top), line, _INK, _font(36))
            top += 50
        top += 6
        full = _WIDTH - 2 * _MARGIN
        pen.rounded_rectangle((_MARGIN, top, _MARGIN + full, top + _BAR), _BAR // 2, _TRACK)
        if votes:
            # Never narrower than its round ends.
            pen.rounded_rectangle(
                (_MARGIN, top, _MARGIN + max(_BAR, int(full * share)), top + _BAR),
                _BAR // 2,
                _GREEN if option in result.tally.leads else _WOOD,
            )
        top += _BAR + 34
    pen.text(
        (_MARGIN, top + 24),
        f"共 {result.votes} 人投票，应投 {result.eligible} 人，参与率 {result.turnout:.0%}",
        _SOFT,
        _font(32),
    )
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def _wrapped(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    lines = [""]
    for each in text.replace("\n", " "):
        if lines[-1] and font.getlength(lines[-1] + each) > width:
            lines.append("")
        lines[-1] += each
    return lines
