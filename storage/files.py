"""Photos people send: kept once, by their content, outside the database."""

import asyncio
import hashlib
import io
import os
import secrets
import warnings
from datetime import datetime
from pathlib import Path

from PIL import Image, ImageOps
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from storage.database import Connection
from storage.tables import Files

LARGEST = 10 * 1024 * 1024
LONGEST_SIDE = 2000
THUMB_SIDE = 480
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")


class BadPhoto(ValueError):
    """The bytes are no photo we can read; told by their content, not by their name."""


class Album:
    """A folder of photos. Each is re-encoded as JPEG, so nothing the camera noted (position, owner) is kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def keep(self, data: bytes) -> str:
        """Store a photo and its thumbnail; returns its digest.

        Raises:
            BadPhoto: not a photo, broken, or over `LARGEST` bytes.
        """
        return await asyncio.to_thread(self._keep, data)

    def _keep(self, data: bytes) -> str:
        if len(data) > LARGEST:
            raise BadPhoto("too big")
        try:
            with warnings.catch_warnings():
                # A small file that unpacks to a huge picture is refused, not decoded.
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
                    picture = ImageOps.exif_transpose(opened).convert("RGB")
        except (
            OSError,
            ValueError,
            SyntaxError,
            Image.DecompressionBombError,
            Image.DecompressionBombWarning,
        ) as bad:
            raise BadPhoto("not a photo") from bad
        picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        digest = self._write(picture, None)
        picture.thumbnail((THUMB_SIDE, THUMB_SIDE))
        self._write(picture, digest)
        return digest

    async def draw(self, png: bytes) -> str:
        """Store a picture of our own, as it is."""
        digest = hashlib.sha256(png).hexdigest()
        await asyncio.to_thread(self._put, self.path(digest), png)
        return digest

    def path(self, digest: str, *, thumb: bool = False) -> Path:
        """Where a photo lies. Digests are hexadecimal; anything else raises ValueError."""
        int(digest, 16)
        return self._folder / digest[:2] / (digest + (".thumb" if thumb else ""))

    async def read(self, digest: str) -> bytes:
        return await asyncio.to_thread(self.path(digest).read_bytes)

    def _write(self, picture: Image.Image, digest: str | None) -> str:
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=85, optimize=True)
        data = out.getvalue()
        name = digest or hashlib.sha256(data).hexdigest()
        self._put(self.path(name, thumb=digest is not None), data)
        return name

    def _put(self, path: Path, data: bytes) -> None:
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        # Whole or not at all: written aside, flushed to disk, then given its name.
        aside = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.rename(path)


class FileStore:
    """Which photos rows may point to."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._db = connection
        self._now = now

    async def note(self, digest: str, size: int) -> None:
        await self._db.execute(insert(Files).values(digest=digest, size=size, at=self._now).on_conflict_do_nothing())

    async def known(self, digest: str) -> bool:
        return await self._db.scalar(select(Files.digest).where(Files.digest == digest)) is not None
