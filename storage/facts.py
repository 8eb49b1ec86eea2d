"""Small things the service knows of itself, such as which district data it has taken in."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from storage.database import Connection
from storage.tables import Facts


async def get(connection: Connection, name: str) -> str | None:
    found: str | None = await connection.scalar(select(Facts.value).where(Facts.name == name))
    return found


async def locked(connection: Connection, name: str, first: str) -> str:
    """A fact nobody else may change until this transaction ends; `first` when there is none yet."""
    query = select(Facts.value).where(Facts.name == name).with_for_update()
    found = await connection.scalar(query)
    if found is None:
        await connection.execute(insert(Facts).values(name=name, value=first).on_conflict_do_nothing())
        found = await connection.scalar(query)
    return found or first


async def put(connection: Connection, name: str, value: str) -> None:
    await connection.execute(
        insert(Facts)
        .values(name=name, value=value)
        .on_conflict_do_update(index_elements=["name"], set_={"value": value})
    )
