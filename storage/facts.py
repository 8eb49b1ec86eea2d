"""Small things the service knows of itself, such as which district data it has taken in."""

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from storage.database import Connection
from storage.tables import Facts

_GET = select(Facts.value).where(Facts.name == bindparam("name"))
_LOCK = _GET.with_for_update()
_NEW = insert(Facts).values(name=bindparam("name"), value=bindparam("value"))
_FIRST = _NEW.on_conflict_do_nothing()
_PUT = _NEW.on_conflict_do_update(index_elements=["name"], set_={"value": _NEW.excluded.value})


async def get(connection: Connection, name: str) -> str | None:
    found: str | None = await connection.scalar(_GET, {"name": name})
    return found


async def locked(connection: Connection, name: str, first: str) -> str:
    """A fact nobody else may change until this transaction ends; `first` when there is none yet."""
    found: str | None = await connection.scalar(_LOCK, {"name": name})
    if found is None:
        await connection.execute(_FIRST, {"name": name, "value": first})
        found = await connection.scalar(_LOCK, {"name": name})
    return found or first


async def put(connection: Connection, name: str, value: str) -> None:
    await connection.execute(_PUT, {"name": name, "value": value})
