"""Draws a sheet of numbers as a picture that can be read on a phone."""

import asyncio
import io

from PIL import Image, ImageDraw

from domain.sheets import Bar, Sheet
from services.chart import GREEN, INK, MARGIN, PAPER, SOFT, TRACK, WIDTH, WOOD, font, put, wrapped

# At 390 px, the width of a phone, the smallest letters are 12 px high.
_TITLE, _HUGE, _TEXT, _SMALL = 56, 76, 38, 34
_BAR, _GAP, _LINE = 22, 22, 52
_BETWEEN = 72
_HALF = (WIDTH - 2 * MARGIN - _BETWEEN) // 2


async def draw(sheet: Sheet) -> bytes:
    """A PNG, 1080 px wide."""
    return await asyncio.to_thread(_draw, sheet)


def _draw(sheet: Sheet) -> bytes:
    # Once to see how high it becomes, once to draw.
    height = _put(sheet, ImageDraw.Draw(Image.new("RGB", (1, 1))))
    image = Image.new("RGB", (WIDTH, height), PAPER)
    _put(sheet, ImageDraw.Draw(image))
    out = io.BytesIO()
    # A few colours and the shades between letters and paper: a third of the size.
    image.quantize(48).save(out, "PNG", optimize=True)
    return out.getvalue()


def _put(sheet: Sheet, pen: ImageDraw.ImageDraw) -> int:
    top = MARGIN
    for text, size, colour in ((sheet.title, _TITLE, INK), (sheet.under, _SMALL, SOFT)):
        for line in wrapped(text, font(size), WIDTH - 2 * MARGIN):
            put(pen, (MARGIN, top), line, colour, font(size))
            top += round(size * 1.4)
    top += 24
    column = (WIDTH - 2 * MARGIN) // max(len(sheet.numbers), 1)
    for place, (label, number) in enumerate(sheet.numbers):
        put(pen, (MARGIN + place * column, top), number, GREEN, font(_HUGE))
        put(pen, (MARGIN + place * column, top + 100), label, SOFT, font(_SMALL))
    top += 100 + 60
    for block in sheet.blocks:
        top += 28
        pen.line((MARGIN, top, WIDTH - MARGIN, top), TRACK, 3)
        top += 26
        put(pen, (MARGIN, top), block.heading, WOOD, font(_SMALL))
        top += 60
        plain = [bar for bar in block.bars if bar.share is None]
        for bar in block.bars:
            if bar.share is not None:
                top = _put_bar(bar, top, pen)
        # Without bars two have room beside each other.
        for place, bar in enumerate(plain):
            left = MARGIN + place % 2 * (_HALF + _BETWEEN)
            put(pen, (left, top), bar.label, INK, font(_TEXT))
            put(pen, (left + _HALF, top), bar.value, INK, font(_TEXT), anchor="ra")
            top += _LINE + 6 if place % 2 or place == len(plain) - 1 else 0
    if sheet.last:
        top += 24
        for line in wrapped(sheet.last, font(_SMALL), WIDTH - 2 * MARGIN):
            put(pen, (MARGIN, top), line, SOFT, font(_SMALL))
            top += 48
    return top + MARGIN


def _put_bar(bar: Bar, top: int, pen: ImageDraw.ImageDraw) -> int:
    full = WIDTH - 2 * MARGIN
    put(pen, (WIDTH - MARGIN, top), bar.value, INK, font(_TEXT), anchor="ra")
    room = full - round(font(_TEXT).getlength(bar.value)) - 30
    for line in wrapped(bar.label, font(_TEXT), max(room, 240)):
        put(pen, (MARGIN, top), line, INK, font(_TEXT))
        top += _LINE
    top += 4
    pen.rounded_rectangle((MARGIN, top, MARGIN + full, top + _BAR), _BAR // 2, TRACK)
    if bar.share:
        # Never narrower than its round ends.
        end = MARGIN + max(_BAR, round(full * min(bar.share, 1.0)))
        pen.rounded_rectangle((MARGIN, top, end, top + _BAR), _BAR // 2, GREEN)
    return top + _BAR + _GAP
