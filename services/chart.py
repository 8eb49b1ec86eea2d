"""Draws the result of a ballot as a picture that can be read on a phone."""

import asyncio
import io
from functools import lru_cache

import cvttf_NotoSansCJK_Regular as noto
from PIL import Image, ImageDraw, ImageFont

from domain.councils import Ballot, Result

WIDTH, MARGIN, _BAR = 1080, 64, 44
PAPER, INK, SOFT, TRACK, GREEN, WOOD = "#FBF8F2", "#22302D", "#6E7A76", "#E9E3D6", "#1F6F63", "#C08A4E"


@lru_cache(maxsize=4)
def font(size: int) -> ImageFont.FreeTypeFont:
    """Letters of so many pixels, Chinese ones too."""
    return ImageFont.truetype(noto.get_TTF_path(), size)


async def draw(ballot: Ballot, result: Result) -> bytes:
    """A PNG, 1080 px wide: the question, a bar an option with its votes and share, the turnout."""
    return await asyncio.to_thread(_draw, ballot, result)


def _draw(ballot: Ballot, result: Result) -> bytes:
    title = wrapped(ballot.question, font(48), WIDTH - 2 * MARGIN)
    labels = [wrapped(option, font(36), WIDTH - 2 * MARGIN - 240) for option in ballot.options]
    height = MARGIN + len(title) * 66 + 32 + sum(len(label) * 50 + _BAR + 40 for label in labels) + 90 + MARGIN
    image = Image.new("RGB", (WIDTH, height), PAPER)
    pen = ImageDraw.Draw(image)
    top = MARGIN
    for line in title:
        pen.text((MARGIN, top), line, INK, font(48))
        top += 66
    top += 32
    for option, (label, votes) in enumerate(zip(labels, result.counts, strict=True)):
        share = votes / result.votes if result.votes else 0
        pen.text((WIDTH - MARGIN, top), f"{votes} 票  {share:.0%}", INK, font(36), anchor="ra")
        for line in label:
            pen.text((MARGIN, top), line, INK, font(36))
            top += 50
        top += 6
        full = WIDTH - 2 * MARGIN
        pen.rounded_rectangle((MARGIN, top, MARGIN + full, top + _BAR), _BAR // 2, TRACK)
        if votes:
            # Never narrower than its round ends.
            pen.rounded_rectangle(
                (MARGIN, top, MARGIN + max(_BAR, int(full * share)), top + _BAR),
                _BAR // 2,
                GREEN if option in result.tally.leads else WOOD,
            )
        top += _BAR + 34
    pen.text(
        (MARGIN, top + 24),
        f"共 {result.votes} 人投票，应投 {result.eligible} 人，参与率 {result.turnout:.0%}",
        SOFT,
        font(32),
    )
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def wrapped(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """A text in lines that are no wider."""
    lines = [""]
    for each in text.replace("\n", " "):
        if lines[-1] and font.getlength(lines[-1] + each) > width:
            lines.append("")
        lines[-1] += each
    return lines
