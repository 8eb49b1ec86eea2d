"""Photos in a folder of this machine: the district that runs one service needs nothing else."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path


class Folder:
    """A `Store` of files under one folder, each in the subfolder its name says."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, name: str, data: bytes) -> None:
        await asyncio.to_thread(self._put, self._folder / name, data)

    async def get(self, name: str) -> bytes:
        return await asyncio.to_thread((self._folder / name).read_bytes)

    async def has(self, name: str) -> bool:
        return await asyncio.to_thread((self._folder / name).exists)

    async def remove(self, names: Sequence[str]) -> None:
        await asyncio.to_thread(self._remove, names)

    async def pages(self) -> AsyncIterator[list[tuple[str, datetime]]]:
        for shelf in await asyncio.to_thread(self._shelves):
            yield await asyncio.to_thread(_lying_in, shelf)

    def _put(self, path: Path, data: bytes) -> None:
        if not path.parent.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _settle(self._folder.parent)
            _settle(self._folder)
        # Whole or not at all: written aside, flushed to disk, then given its name, and the name flushed too.
        aside = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
        try:
            with aside.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
        _settle(path.parent)

    def _remove(self, names: Sequence[str]) -> None:
        for name in names:
            (self._folder / name).unlink(missing_ok=True)

    def _shelves(self) -> list[Path]:
        return sorted(path for path in self._folder.iterdir() if path.is_dir()) if self._folder.exists() else []


def _settle(folder: Path) -> None:
    """Flush a folder: a name in it that a power cut takes back would leave a row that points to nothing."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _lying_in(shelf: Path) -> list[tuple[str, datetime]]:
    found = []
    with os.scandir(shelf) as entries:
        for entry in entries:
            try:
                changed = entry.stat().st_mtime
            except FileNotFoundError:
                # Another process sweeps as well.
                continue
            found.append((f"{shelf.name}/{entry.name}", datetime.fromtimestamp(changed, UTC)))
    return found
