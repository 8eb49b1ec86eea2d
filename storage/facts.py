"""Small things the service knows of itself, such as which district data it has taken in."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import conflict
from storage.tables import Facts


async def get(connection: AsyncConnection, name: str) -> str | None:
    return await connection.scalar(select(Facts.value).where(Facts.name == name))


async def put(connection: AsyncConnection, name: str, value: str) -> None:
    await connection.execute(
        conflict.insert(connection, Facts)
        .values(name=name, value=value)
        .on_conflict_do_update(index_elements=["name"], set_={"value": value})
    )
