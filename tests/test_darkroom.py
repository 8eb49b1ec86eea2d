"""What residents send as a photo is told by its content, and keeps nothing the camera noted."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageCms
from PIL.PngImagePlugin import PngInfo

from storage.darkroom import LARGEST, LONGEST_SIDE, THUMB_SIDE, BadPhoto, develop

SECRET = b"47.354120N-owner-Wang"
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">' + SECRET + b"</x:xmpmeta>"
SCENE = Image.merge("RGB", [Image.linear_gradient("L"), Image.radial_gradient("L"), Image.new("L", (256, 256), 90)])
WIDE = SCENE.resize((96, 64))


def saved(picture: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def notes(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x013B] = orientation, SECRET.decode(), SECRET.decode()
    exif.get_ifd(0x8825).update({1: "N", 2: (47.0, 21.0, 14.8), 3: "E", 4: (123.0, 57.0, 0.0), 29: SECRET.decode()})
    return exif


def profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes().replace(b"sRGB", SECRET[:4])


def png_bomb(side: int) -> bytes:
    """A grey square of any size in a few kilobytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    squeezer = zlib.compressobj(9)
    rows = b"".join(squeezer.compress(bytes(1 + side // 8)) for _ in range(side)) + squeezer.flush()
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def jpeg_of_size(width: int, height: int) -> bytes:
    """A JPEG that says it is of that size."""
    plain = saved(WIDE, "JPEG")
    return plain.replace(struct.pack(">HH", 64, 96), struct.pack(">HH", height, width), 1)


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("run.js", "alert(1)")
    return out.getvalue()


def sideways_and_oddly_noted() -> bytes:
    """Lying on its side by its notes, with its width in words among them: Pillow can read that, and not write it."""
    entries = struct.pack("<HHI4s", 0x0100, 2, 1, b"ab") + struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + entries + struct.pack("<I", 0)
    return saved(WIDE, "JPEG", exif=exif)


NO_PHOTOS: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "words": lambda: "路灯不亮".encode(),
    "a page": lambda: b"<!doctype html><script>alert(1)</script>",
    "a page that begins like a GIF": lambda: b"GIF89a/*<script>alert(1)</script>*/",
    "SVG": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "a document": lambda: b"%PDF-1.7\n%%EOF",
    "an archive": zipped,
    "an archive behind a photo's first bytes": lambda: b"\xff\xd8\xff\xe0" + zipped(),
    "HEIC": lambda: b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(64),
    "AVIF": lambda: saved(WIDE, "AVIF"),
    "TIFF": lambda: saved(WIDE, "TIFF"),
    "half a JPEG": lambda: saved(SCENE, "JPEG")[:2000],
    "half a PNG": lambda: saved(SCENE, "PNG")[:2000],
    "half a WebP": lambda: saved(SCENE, "WEBP")[:1000],
    "only the head of a JPEG": lambda: b"\xff\xd8\xff",
    "a byte over 10 MB": lambda: saved(WIDE, "JPEG").ljust(LARGEST + 1, b"\0"),
    "26 million points in a kilobyte": lambda: png_bomb(5104),
    "900 million points in a kilobyte": lambda: png_bomb(30000),
    "a JPEG that says 65500 by 65500": lambda: jpeg_of_size(65500, 65500),
    "a JPEG of 65 million points": lambda: jpeg_of_size(8064, 8064),
}


@pytest.mark.parametrize("what", NO_PHOTOS)
def test_what_is_no_photo_is_refused(what: str) -> None:
    with pytest.raises(BadPhoto):
        develop(NO_PHOTOS[what]())


def test_ten_megabytes_are_not_too_many() -> None:
    develop(saved(WIDE, "JPEG").ljust(LARGEST, b"\0"))


PHOTOS: dict[str, Callable[[], bytes]] = {
    "JPEG": lambda: saved(WIDE, "JPEG"),
    "progressive JPEG": lambda: saved(WIDE, "JPEG", progressive=True),
    "grey JPEG": lambda: saved(WIDE.convert("L"), "JPEG"),
    "CMYK JPEG": lambda: saved(WIDE.convert("CMYK"), "JPEG"),
    "two pictures in a JPEG": lambda: saved(WIDE, "MPO", save_all=True, append_images=[WIDE.rotate(180)]),
    "PNG": lambda: saved(WIDE, "PNG"),
    "PNG of 256 colours": lambda: saved(WIDE.quantize(256), "PNG"),
    "transparent PNG": lambda: saved(WIDE.convert("RGBA"), "PNG"),
    "grey and transparent PNG": lambda: saved(WIDE.convert("LA"), "PNG"),
    "black and white PNG": lambda: saved(WIDE.convert("1"), "PNG"),
    "16-bit PNG": lambda: saved(Image.new("I;16", WIDE.size, 30000), "PNG"),
    "WebP": lambda: saved(WIDE, "WEBP"),
    "transparent WebP": lambda: saved(WIDE.convert("RGBA"), "WEBP", lossless=True),
    "moving WebP": lambda: saved(WIDE, "WEBP", save_all=True, append_images=[WIDE.rotate(180)]),
    "GIF": lambda: saved(WIDE, "GIF"),
    "moving GIF": lambda: saved(WIDE, "GIF", save_all=True, append_images=[WIDE.rotate(180)], loop=0),
    "moving PNG": lambda: saved(WIDE, "PNG", save_all=True, append_images=[WIDE.rotate(180)]),
    "BMP": lambda: saved(WIDE, "BMP"),
}


@pytest.mark.parametrize("what", PHOTOS)
def test_every_kind_of_photo_becomes_a_jpeg_that_shows_the_same(what: str) -> None:
    data = PHOTOS[what]()
    for developed in develop(data):
        with Image.open(io.BytesIO(developed)) as photo:
            assert (photo.format, photo.mode, photo.size) == ("JPEG", "RGB", WIDE.size)
            if "grey" not in what and "16" not in what and "black" not in what and "CMYK" not in what:
                difference = ImageChops.difference(photo, WIDE).convert("L")
                assert sum(difference.get_flattened_data()) / (96 * 64) < 12  # type: ignore[arg-type]


def test_sixteen_bits_are_scaled_and_not_cut_off() -> None:
    photo, _ = develop(PHOTOS["16-bit PNG"]())
    with Image.open(io.BytesIO(photo)) as grey:
        assert grey.getpixel((5, 5)) == (117, 117, 117)


def test_the_transparent_is_white() -> None:
    glass = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    palette = Image.new("P", (40, 40))
    for data in (saved(glass, "PNG"), saved(glass, "WEBP", lossless=True), saved(palette, "PNG", transparency=0)):
        with Image.open(io.BytesIO(develop(data)[0])) as photo:
            assert photo.getpixel((20, 20)) == (255, 255, 255)


@pytest.mark.parametrize("size", [(4000, 3000), (300, 9000), (2001, 10), (5000, 5000)])
def test_a_large_photo_is_made_smaller_in_proportion(size: tuple[int, int]) -> None:
    photo, thumb = (Image.open(io.BytesIO(each)) for each in develop(saved(SCENE.resize(size), "JPEG")))
    assert max(photo.size) == LONGEST_SIDE
    assert max(thumb.size) == THUMB_SIDE
    assert abs(photo.width / photo.height - size[0] / size[1]) < size[0] / size[1] * 0.06


# Where the light corner of the scene comes to lie, by the camera's note.
UPRIGHT = {1: "bottom", 2: "bottom", 3: "top", 4: "top", 5: "right", 6: "left", 7: "left", 8: "right"}


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_a_photo_is_turned_upright_and_its_notes_are_gone(form: str, orientation: int) -> None:
    scene = Image.linear_gradient("L").resize((96, 64)).convert("RGB")
    photo, thumb = develop(saved(scene, form, exif=notes(orientation)))
    for developed in (photo, thumb):
        with Image.open(io.BytesIO(developed)) as turned:
            edges = {
                "top": turned.getpixel((turned.width // 2, 2)),
                "bottom": turned.getpixel((turned.width // 2, turned.height - 3)),
                "left": turned.getpixel((2, turned.height // 2)),
                "right": turned.getpixel((turned.width - 3, turned.height // 2)),
            }
            assert max(edges, key=lambda edge: edges[edge]) == UPRIGHT[orientation]  # type: ignore[arg-type,return-value]
            assert turned.size == ((96, 64) if orientation < 5 else (64, 96))
            assert not turned.getexif()


@pytest.mark.filterwarnings("ignore:.*EXIF:UserWarning")
def test_notes_that_cannot_be_written_again_do_not_spoil_the_photo() -> None:
    with Image.open(io.BytesIO(develop(sideways_and_oddly_noted())[0])) as photo:
        assert photo.size == (64, 96)


def test_nothing_the_camera_or_anybody_noted_is_kept() -> None:
    info = PngInfo()
    info.add_text("comment", SECRET.decode())
    info.add_itxt("XML:com.adobe.xmp", XMP.decode())
    noted = {
        "JPEG": saved(WIDE, "JPEG", exif=notes(), xmp=XMP, comment=SECRET, icc_profile=profile()) + SECRET + zipped(),
        "PNG": saved(WIDE, "PNG", exif=notes(), pnginfo=info, icc_profile=profile()) + SECRET,
        "WebP": saved(WIDE, "WEBP", exif=notes(), xmp=XMP, icc_profile=profile()),
        "GIF": saved(WIDE, "GIF", comment=SECRET),
        "MPO": saved(WIDE, "MPO", exif=notes(), comment=SECRET, save_all=True, append_images=[WIDE]),
    }
    for form, data in noted.items():
        assert SECRET in data, form
        for developed in develop(data):
            assert SECRET not in developed, form
            with Image.open(io.BytesIO(developed)) as photo:
                assert photo.info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}, form
                assert [kind for kind, _ in photo.applist] == ["APP0"], form  # type: ignore[attr-defined]
            assert developed.endswith(b"\xff\xd9"), form
            assert not zipfile.is_zipfile(io.BytesIO(developed)), form


SEEDS = [make() for make in PHOTOS.values()] + [saved(WIDE, "JPEG", exif=notes(6), xmp=XMP, icc_profile=profile())]


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=4), st.integers(0, 8)), max_size=6),
    st.floats(0.1, 1),
)
def test_however_a_photo_is_damaged_it_is_refused_or_becomes_a_clean_one(
    data: bytes, wounds: list[tuple[float, bytes, int]], length: float
) -> None:
    damaged = bytearray(data[: int(len(data) * length)])
    for where, new, gone in wounds:
        place = int(where * len(damaged))
        damaged[place : place + gone] = new
    try:
        photo, thumb = develop(bytes(damaged))
    except BadPhoto:
        return
    for developed in (photo, thumb):
        with Image.open(io.BytesIO(developed)) as clean:
            clean.load()
            assert not clean.getexif()
