"""Who is away, since when and until when, and who does their work meanwhile."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, literal_column, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from domain.leave import Leave, Stage
from domain.people import Role
from storage.database import Connection
from storage.tables import Leaves, People, Roles

_LEAVE = (
    Leaves.id,
    Leaves.person_id,
    Leaves.stand_in_id,
    Leaves.acting_id,
    Leaves.begins_at,
    Leaves.ends_at,
    Leaves.stage,
)
# Spelled out: bound, it would keep the index of those that are on from being used.
ON = Leaves.stage == literal_column("'on'")
_TO_COME = Leaves.stage.in_((literal_column("'planned'"), literal_column("'on'")))
_OF = select(*_LEAVE).where(Leaves.person_id == bindparam("person"), ON)


class LeaveStore:
    """Reads and writes about leave."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._db = connection
        self._now = now

    async def add(self, person_id: int, stand_in_id: int | None, begins_at: datetime, ends_at: datetime) -> int:
        """A leave to come; returns its number."""
        added: int | None = await self._db.scalar(
            insert(Leaves)
            .values(
                person_id=person_id,
                stand_in_id=stand_in_id,
                begins_at=begins_at,
                ends_at=ends_at,
                stage=Stage.PLANNED,
                asked_at=self._now,
            )
            .returning(Leaves.id)
        )
        if added is None:
            raise LookupError("the database gave no number for a new leave")
        return added

    async def get(self, leave_id: int, *, lock: bool = False) -> Leave | None:
        query = select(*_LEAVE).where(Leaves.id == leave_id)
        row = (await self._db.execute(query.with_for_update() if lock else query)).one_or_none()
        return _leave(row) if row else None

    async def of(self, person_id: int) -> Leave | None:
        """The leave somebody is on just now."""
        row = (await self._db.execute(_OF, {"person": person_id})).first()
        return _leave(row) if row else None

    async def on_duty(self, person_id: int) -> int | None:
        """Who does somebody's work just now: they themselves, whoever stands in, or nobody."""
        leave = await self.of(person_id)
        return leave.acting_id if leave else person_id

    async def to_come(self, person_id: int) -> list[Leave]:
        """The leave somebody is on and those planned, in their order."""
        rows = await self._db.execute(
            select(*_LEAVE).where(Leaves.person_id == person_id, _TO_COME).order_by(Leaves.begins_at)
        )
        return [_leave(row) for row in rows]

    async def acted_by(self, person_id: int) -> list[Leave]:
        """The leaves for which somebody stands in just now."""
        rows = await self._db.execute(
            select(*_LEAVE).where(Leaves.acting_id == person_id, ON).order_by(Leaves.ends_at, Leaves.id)
        )
        return [_leave(row) for row in rows]

    async def away_from(self, grid: str) -> list[tuple[str, str | None]]:
        """Whose leave a grid does without just now, as (name, the name of whoever stands in)."""
        return await self._away(Roles.area == grid)

    async def away_in(self, community: str) -> list[tuple[str, str | None]]:
        """The same for all grids of a community."""
        return await self._away(Roles.area.between(f"{community[:12]}000", f"{community[:12]}999"))

    async def _away(self, where: ColumnElement[bool]) -> list[tuple[str, str | None]]:
        acting = aliased(People)
        rows = await self._db.execute(
            select(People.name, acting.name, Leaves.id)
            .join(Leaves, Leaves.person_id == People.id)
            .join(Roles, Roles.person_id == People.id)
            .outerjoin(acting, acting.id == Leaves.acting_id)
            .where(ON, where, Roles.role == Role.GRIDWORKER, Roles.until.is_(None), Roles.leave_id.is_(None))
            .order_by(Leaves.id)
            .distinct()
        )
        return [(name or "", stand_in) for name, stand_in, _ in rows]

    async def change(self, leave_id: int, **values: object) -> None:
        await self._db.execute(update(Leaves).where(Leaves.id == leave_id).values(**values))

    # Whoever stands in holds the role meanwhile, as a row of its own.

    async def lend(self, leave: Leave, person_id: int, areas: Sequence[str]) -> None:
        """Give whoever stands in the grids of a leave, until it is over."""
        for area in areas:
            await self._db.execute(
                insert(Roles).values(
                    person_id=person_id, role=Role.GRIDWORKER, area=area, since=self._now, leave_id=leave.id
                )
            )

    async def take_back(self, leave: Leave) -> None:
        """Nobody holds the grids of a leave in another's stead any more."""
        await self._db.execute(
            update(Roles).where(Roles.leave_id == leave.id, Roles.until.is_(None)).values(until=self._now)
        )

    async def own_grids(self, person_id: int) -> list[str]:
        """The grids that are somebody's own, not lent to them."""
        return list(
            await self._db.scalars(
                select(Roles.area)
                .where(
                    Roles.person_id == person_id,
                    Roles.role == Role.GRIDWORKER,
                    Roles.until.is_(None),
                    Roles.leave_id.is_(None),
                )
                .order_by(Roles.id)
            )
        )

    # Who stands in as a rule.

    async def stand_in(self, person_id: int) -> tuple[str | None, int | None]:
        """Somebody's key on the district's list, and whom they have chosen themselves."""
        row = (
            await self._db.execute(select(People.key, People.stand_in_id).where(People.id == person_id))
        ).one_or_none()
        return (row[0], row[1]) if row else (None, None)

    async def choose(self, person_id: int, stand_in_id: int | None) -> None:
        await self._db.execute(update(People).where(People.id == person_id).values(stand_in_id=stand_in_id))

    async def forget(self, person_id: int) -> None:
        """When somebody was away is nobody's business once they are forgotten; who stands in is found anew."""
        theirs = or_(Leaves.stand_in_id == person_id, Leaves.acting_id == person_id)
        await self._db.execute(update(Roles).where(Roles.person_id == person_id).values(leave_id=None))
        lent = select(Leaves.id).where(Leaves.person_id == person_id)
        await self._db.execute(
            update(Roles).where(Roles.leave_id.in_(lent), Roles.until.is_(None)).values(until=self._now)
        )
        await self._db.execute(update(Roles).where(Roles.leave_id.in_(lent)).values(leave_id=None))
        await self._db.execute(Leaves.__table__.delete().where(Leaves.person_id == person_id))  # type: ignore[attr-defined]
        await self._db.execute(update(Leaves).where(theirs).values(stand_in_id=None, acting_id=None))
        await self._db.execute(update(People).where(People.stand_in_id == person_id).values(stand_in_id=None))
        await self.choose(person_id, None)

    async def merge(self, old: int, into: int) -> None:
        """Two numbers are one person."""
        for column in (Leaves.person_id, Leaves.stand_in_id, Leaves.acting_id):
            await self._db.execute(update(Leaves).where(column == old).values({column.key: into}))
        await self._db.execute(update(People).where(People.stand_in_id == old).values(stand_in_id=into))


def _leave(row: Any) -> Leave:
    return Leave(**{**row._mapping, "stage": Stage(row.stage)})  # noqa: SLF001 - Row's documented mapping
