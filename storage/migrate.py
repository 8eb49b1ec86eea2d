"""Brings the tables to what this release expects, while other processes wait."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from bot.core.errors import Unavailable
from storage.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

_FOLDER = Path(__file__).parent / "migrations"
# The last step. Kept here so that a start on tables already in shape does not load Alembic.
HEAD = "0086"


class Unreachable(Exception):
    """The database cannot be used; says of which kind the trouble is."""


async def migrate(database: Database) -> None:
    """Run the steps still missing.

    Raises:
        Unreachable: the database does not answer, or not to us.
    """
    try:
        await database.exclusive("xiaomazha:migrate", lambda connection: connection.run_sync(_to_head))
    except Unavailable as error:
        cause = error.__cause__
        raise Unreachable(str(cause.orig if isinstance(cause, DBAPIError) else cause)) from error
    except SQLAlchemyError as error:
        # The driver's own words say what is wrong; SQLAlchemy's would add the statement.
        raise Unreachable(str(error.orig if isinstance(error, DBAPIError) else error)) from error


async def in_shape(database: Database) -> bool:
    """Whether the tables are those of this release; nothing is changed by asking."""
    return await database.read(lambda connection: connection.run_sync(_revision)) == HEAD


def _to_head(connection: Connection) -> None:
    if _revision(connection) != HEAD:
        to(connection, HEAD)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def to(connection: Connection, revision: str) -> None:
    """Bring the tables up or down to a revision, `base` for none."""
    from alembic import command

    config = configuration(connection)
    if revision == "base" or (_revision(connection) or "") > revision:
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)


def configuration(connection: Connection) -> Config:
    """Alembic's settings for this connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
