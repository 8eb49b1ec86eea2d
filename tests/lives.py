"""What every life played at random looks at: all the rows it is about, and whom it made us tell."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, TypeVar

from hypothesis.stateful import RuleBasedStateMachine
from sqlalchemy import select

from bot.app import Service
from storage.database import Connection
from storage.desk import Desk
from storage.tables import Base, Contacts, Outbox

T = TypeVar("T")


class Lived(RuleBasedStateMachine):
    """A service that rules play with; `watched` are the tables that a refusal must leave as they were."""

    watched: ClassVar[tuple[str, ...]]
    service: Service
    _runner: asyncio.Runner
    # The last message that was looked at.
    heard: int

    def _everything(self) -> dict[str, list[Any]]:
        async def read(connection: Connection) -> dict[str, list[Any]]:
            return {
                table.name: [tuple(row) for row in await connection.execute(select(table))]
                for table in Base.metadata.sorted_tables
                if table.name in self.watched
            }

        return self._runner.run(self.service.desks.database.read(read))

    def _news(self) -> Counter[int]:
        """How many messages each person was sent since we last looked."""

        async def read(connection: Connection) -> list[tuple[int, int]]:
            rows = await connection.execute(
                select(Outbox.id, Contacts.person_id)
                .join(Contacts, Contacts.id == Outbox.contact_id)
                .where(Outbox.id > self.heard)
                .order_by(Outbox.id)
            )
            return [(number, person) for number, person in rows]

        rows = self._runner.run(self.service.desks.database.read(read))
        self.heard = rows[-1][0] if rows else self.heard
        return Counter(person for _, person in rows)

    def _read(self, work: Callable[[Desk], Awaitable[T]]) -> T:
        return self._runner.run(self.service.desks.read(work))

    def _write(self, work: Callable[[Desk], Awaitable[Any]]) -> None:
        self._runner.run(self.service.desks.write(work))
