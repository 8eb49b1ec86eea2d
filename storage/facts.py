"""Small things the service knows of itself, such as which district data it has taken in."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import conflict
from storage.tables import Facts


async def get(connection: AsyncConnection, name: str, *, lock: bool = False) -> str | None:
    query = select(Facts.value).where(Facts.name == name)
    return await connection.scalar(query.with_for_update() if lock else query)


async def put(connection: AsyncConnection, name: str, value: str) -> None:
    await connection.execute(
        conflict.insert(connection, Facts)
        .values(name=name, value=value)
        .on_conflict_do_update(index_elements=["name"], set_={"value": value})
    )
