"""What somebody sends as a photo is developed anew: of a bearable size, and without what the camera noted."""

import io

from PIL import ExifTags, Image

LARGEST = 10 * 1024 * 1024
LONGEST_SIDE = 2000
THUMB_SIDE = 480
# A file of few bytes can unpack to more than memory holds. Phones take 50 million points in everyday use, and a JPEG
# is made smaller while it is unpacked (250 MB at most); the others are not (400 MB), a long screenshot has 20 million.
MOST_PIXELS = {"JPEG": 64_000_000, "MPO": 64_000_000}
MOST_PIXELS_UNPACKED = 25_000_000
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
# What Pillow raises on bytes that are broken, or made to mislead it.
_BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
# How a picture is turned upright, by what the camera noted of its position.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class BadPhoto(ValueError):
    """The bytes are no photo we can read; told by their content, not by their name."""


def develop(data: bytes) -> tuple[bytes, bytes]:
    """A photo and its thumbnail, both JPEG.

    Raises:
        BadPhoto: not a photo, broken, or too large in bytes or in pixels.
    """
    if len(data) > LARGEST:
        raise BadPhoto("too many bytes")
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
            if opened.width * opened.height > MOST_PIXELS.get(opened.format or "", MOST_PIXELS_UNPACKED):
                raise BadPhoto("too many pixels")
            paper = _on_paper(opened)
    except _BROKEN as bad:
        raise BadPhoto("not a photo") from bad
    photo = _jpeg(paper)
    paper.thumbnail((THUMB_SIDE, THUMB_SIDE))
    return photo, _jpeg(paper)


def _on_paper(picture: Image.Image) -> Image.Image:
    """Put on fresh white paper: transparent is white, and no note of position, owner or colours comes along."""
    if picture.mode.startswith("I"):
        # 16 bits a point; the plain conversion would cut off instead of scaling.
        picture = picture.point(lambda value: value / 256).convert("L")
    elif picture.mode not in ("L", "RGB", "RGBA", "CMYK") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
    # Made smaller before anything else: a JPEG is then never unpacked whole.
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    if (turn := _turn(picture)) is not None:
        picture = picture.transpose(turn)
    paper = Image.new("RGB", picture.size, "white")
    paper.paste(picture.convert("RGB"), mask=picture.getchannel("A") if picture.mode == "RGBA" else None)
    return paper


def _turn(picture: Image.Image) -> Image.Transpose | None:
    try:
        noted = picture.getexif().get(ExifTags.Base.Orientation)
    except _BROKEN:
        # A photo lying on its side is better than none.
        return None
    return _TURNS.get(noted) if isinstance(noted, int) else None


def _jpeg(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=85, optimize=True)
    return out.getvalue()
