"""Photos people send: each kept once, by its content, outside the database, as long as something points to it."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Select, delete, exists, select, update
from sqlalchemy.dialects.postgresql import insert

from bot.core.errors import Unavailable
from storage.darkroom import LARGEST, BadPhoto, develop
from storage.database import Connection
from storage.tables import CasePhotos, Contacts, Files, HeardMessages, MatterPhotos, Outbox, Parked

__all__ = ["LARGEST", "Album", "BadPhoto", "FileStore", "Note", "Store", "name", "pointed"]

_PAGE = 5000
_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
# Called for each photo kept, before anything points to it: its digest and its size.
Note = Callable[[str, int], Awaitable[None]]


class Store(Protocol):
    """Where the bytes lie, by names like `ab/abcd…`. What is put is there whole or not at all, over what was there.

    Raises OSError when it cannot be done just now, FileNotFoundError for what is not there.
    """

    async def put(self, name: str, data: bytes) -> None: ...

    async def get(self, name: str) -> bytes: ...

    async def has(self, name: str) -> bool: ...

    async def remove(self, names: Sequence[str]) -> None:
        """Those not there are as good as removed."""

    def pages(self) -> AsyncIterator[list[tuple[str, datetime]]]:
        """Everything in subfolders, page by page, with when it was put."""


class Album:
    """The photos. Each is developed anew, so nothing the camera noted (position, owner) is kept."""

    def __init__(self, store: Store, note: Note) -> None:
        self.store = store
        self._note = note
        # Each takes up to 400 MB while it is unpacked.
        self._developing = asyncio.Semaphore(2)

    async def keep(self, data: bytes) -> str:
        """Store a photo and its thumbnail; returns its digest, which may be pointed to for a day (see `sweep`).

        Raises:
            BadPhoto: not a photo, broken, or too large.
            OSError: it cannot be stored just now.
        """
        async with self._developing:
            photo, thumb = await asyncio.to_thread(develop, data)
        digest = hashlib.sha256(photo).hexdigest()
        await self._put(digest, photo, thumb)
        try:
            await self._note(digest, len(photo))
        except Unavailable as error:
            raise ConnectionError("the database does not take the photo's row") from error
        if not await self.store.has(name(digest)):
            # A sweep was just taking the same photo away. Now that it is noted none will again.
            await self._put(digest, photo, thumb)
        return digest

    async def _put(self, digest: str, photo: bytes, thumb: bytes) -> None:
        # In this order: where there is the photo there is its thumbnail.
        await self.store.put(name(digest, thumb=True), thumb)
        await self.store.put(name(digest), photo)

    async def draw(self, png: bytes) -> str:
        """Store a picture of our own, as it is; returns its digest, which may be pointed to for a day.

        Raises:
            OSError: it cannot be stored just now.
        """
        digest = hashlib.sha256(png).hexdigest()
        await self.store.put(name(digest), png)
        try:
            await self._note(digest, len(png))
        except Unavailable as error:
            raise ConnectionError("the database does not take the picture's row") from error
        if not await self.store.has(name(digest)):
            # As above.
            await self.store.put(name(digest), png)
        return digest

    async def read(self, digest: str, *, thumb: bool = False) -> bytes:
        """A photo; its thumbnail if it is asked for and there is one.

        Raises:
            FileNotFoundError, ValueError: there is no such photo.
            OSError: it cannot be had just now.
        """
        if thumb:
            with suppress(FileNotFoundError):
                return await self.store.get(name(digest, thumb=True))
        return await self.store.get(name(digest))


def name(digest: str, *, thumb: bool = False) -> str:
    """Where a photo lies in its store. Digests are hexadecimal; anything else raises ValueError."""
    int(digest, 16)
    return f"{digest[:2]}/{digest}{'.thumb' if thumb else ''}"


def pointed(text: str) -> set[str]:
    """The photos a text we stored points to, JSON or not."""
    return set(_DIGEST.findall(text))


class FileStore:
    """What the database knows of photos: which there are, since when nobody asked for them, what points to them."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._db = connection
        self._now = now

    async def note(self, digest: str, size: int) -> None:
        """Somebody is about to point to this photo: no sweep takes it for a day. Waits for one that is taking it."""
        await self._db.execute(
            insert(Files)
            .values(digest=digest, size=size, at=self._now)
            .on_conflict_do_update(index_elements=["digest"], set_={"at": self._now})
        )

    async def renew(self, digests: Iterable[str]) -> set[str]:
        """Note again what was noted before; returns those, the others are none of ours or gone."""
        asked = [digest for digest in digests if _DIGEST.fullmatch(digest)]
        found = await self._db.scalars(
            update(Files).where(Files.digest.in_(asked)).values(at=self._now).returning(Files.digest)
        )
        return set(found)

    # What a sweep asks.

    async def without_row(self, digests: Iterable[str]) -> set[str]:
        """Those that have no row."""
        asked = set(digests)
        return asked - set(await self._db.scalars(select(Files.digest).where(Files.digest.in_(asked))))

    async def adopt(self, found: Mapping[str, datetime]) -> None:
        """Give photos found lying about, put there at these times, a row each, unless they have one by now."""
        rows = [{"digest": digest, "size": 0, "at": at} for digest, at in found.items()]
        await self._db.execute(insert(Files).on_conflict_do_nothing(), rows)

    async def pointed_to(self) -> set[str]:
        """Every photo something points to, cases and matters aside. In the order in which what points moves on."""
        found: set[str] = set()
        for pointer in (HeardMessages.held, Parked.what, Contacts.photos, Outbox.photos):
            last = ""
            while texts := [*await self._db.scalars(_some_of(pointer, last))]:
                found |= pointed(" ".join(texts))
                last = texts[-1]
        return found

    async def unneeded(self, before: datetime, after: str, limit: int) -> list[str]:
        """Digests last noted before a time that are no case's and no matter's, from one digest on."""
        return list(
            await self._db.scalars(
                select(Files.digest)
                .where(Files.at < before, Files.digest > after, ~_of_a_case(), ~_of_a_matter())
                .order_by(Files.digest)
                .limit(limit)
            )
        )

    async def lock(self, digests: Sequence[str], before: datetime) -> list[str]:
        """Those still to go. Until this transaction ends nobody can note them, and another sweep passes them over."""
        return list(
            await self._db.scalars(
                select(Files.digest)
                .where(Files.digest.in_(digests), Files.at < before, ~_of_a_case(), ~_of_a_matter())
                .with_for_update(of=Files, skip_locked=True)
            )
        )

    async def forget(self, digests: Sequence[str]) -> None:
        await self._db.execute(delete(Files).where(Files.digest.in_(digests)))


def _some_of(pointer: Any, last: str) -> Select[Any]:
    return select(pointer).where(pointer > last).distinct().order_by(pointer).limit(_PAGE)


def _of_a_case() -> ColumnElement[bool]:
    return exists().where(CasePhotos.photo == Files.digest)


def _of_a_matter() -> ColumnElement[bool]:
    return exists().where(MatterPhotos.photo == Files.digest)
