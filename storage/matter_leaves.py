"""The leaves of a matter's file: what was said, objected, held and planned; who came to a meeting."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import delete, false, func, literal_column, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from domain.areas import around, prefix
from domain.matters import Kind, Leaf, Matter, State
from storage.database import Connection
from storage.matters import MatterStore, within
from storage.tables import Attendance, MatterLeaves, Matters

_LEAF = tuple(getattr(MatterLeaves, each.name) for each in fields(Leaf))
# Spelled out, so that the index of what has gone out and not come back is used.
_OUT = (MatterLeaves.kind == literal_column("'way'"), MatterLeaves.state == literal_column("'planned'"))
# Spelled out, so that the index of meetings to come is used.
_TO_COME = (
    MatterLeaves.kind == literal_column("'meeting'"),
    MatterLeaves.state == literal_column("'called'"),
)


class LeafStore:
    """Reads and writes about the leaves of matters' files."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._db = connection
        self._now = now
        self._matters = MatterStore(connection, now)

    async def add(
        self, matter: Matter, kind: Kind, state: State, person_id: int | None, words: str, **more: object
    ) -> Leaf | None:
        """File a leaf; None for a second objection of one person to one notice."""
        row = (
            await self._db.execute(
                insert(MatterLeaves)
                .values(
                    matter_id=matter.id,
                    kind=kind,
                    state=state,
                    person_id=person_id,
                    round=matter.round,
                    words=words,
                    at=self._now,
                    **more,
                )
                .on_conflict_do_nothing()
                .returning(*_LEAF)
            )
        ).one_or_none()
        return _leaf(row) if row else None

    async def get(self, leaf_id: int | None, *, lock: bool = False) -> Leaf | None:
        query = select(*_LEAF).where(MatterLeaves.id == leaf_id)
        row = (await self._db.execute(query.with_for_update() if lock else query)).one_or_none()
        return _leaf(row) if row else None

    async def change(self, leaf_id: int, **values: object) -> None:
        await self._db.execute(update(MatterLeaves).where(MatterLeaves.id == leaf_id).values(**values))

    async def of(
        self,
        matter: Matter,
        kind: Kind,
        states: Iterable[State] | None = None,
        *,
        before: int | None = None,
        limit: int = 200,
    ) -> list[Leaf]:
        """The leaves of one kind, the newest first, from before that number on."""
        query = select(*_LEAF).where(MatterLeaves.matter_id == matter.id, MatterLeaves.kind == kind)
        if states is not None:
            query = query.where(MatterLeaves.state.in_([*states]))
        if before is not None:
            query = query.where(MatterLeaves.id < before)
        rows = await self._db.execute(query.order_by(MatterLeaves.id.desc()).limit(limit))
        return [_leaf(row) for row in rows]

    async def counts(self, matter: Matter) -> dict[tuple[Kind, State], int]:
        """How many leaves there are, by kind and state."""
        rows = await self._db.execute(
            select(MatterLeaves.kind, MatterLeaves.state, func.count())
            .where(MatterLeaves.matter_id == matter.id)
            .group_by(MatterLeaves.kind, MatterLeaves.state)
        )
        return {(Kind(kind), State(state)): count for kind, state, count in rows}

    async def objected(self, matter: Matter, person_id: int) -> Leaf | None:
        """What somebody objected to this notice."""
        row = (
            await self._db.execute(
                select(*_LEAF).where(
                    MatterLeaves.matter_id == matter.id,
                    MatterLeaves.kind == Kind.OBJECTION,
                    MatterLeaves.round == matter.round,
                    MatterLeaves.person_id == person_id,
                )
            )
        ).one_or_none()
        return _leaf(row) if row else None

    async def of_case(self, case_id: int) -> Leaf | None:
        """What leads back from a case to the matter it comes from, until it has come back."""
        query = select(*_LEAF).where(*_OUT, MatterLeaves.code == f"case:{case_id}").limit(1)
        row = (await self._db.execute(query)).one_or_none()
        return _leaf(row) if row else None

    async def ways_in(
        self, areas: Sequence[str], *, out: bool, before: int | None = None, limit: int = 20
    ) -> list[tuple[Leaf, Matter]]:
        """What was passed on of the matters within these areas, the newest first; `out`: what has not come back."""
        query = (
            select(*_LEAF)
            .join(Matters, Matters.id == MatterLeaves.matter_id)
            .where(
                or_(false(), *(within(Matters.area, area) for area in areas)),
                MatterLeaves.kind == Kind.WAY,
                *(_OUT if out else ()),
                *(() if before is None else (MatterLeaves.id < before,)),
            )
            .order_by(MatterLeaves.id.desc())
            .limit(limit)
        )
        leaves = [_leaf(row) for row in await self._db.execute(query)]
        return [(leaf, await self._matters.get(leaf.matter_id)) for leaf in leaves]

    # Meetings.

    async def calendar(
        self, grid: str | None, areas: Sequence[str], since: datetime, limit: int = 20
    ) -> list[tuple[Leaf, Matter]]:
        """The meetings to come of whoever lives there or hosts these areas, the first first."""
        theirs = [within(Matters.area, area) for area in areas]
        if grid is not None:
            theirs.append(Matters.area.in_([*around(grid), grid]))
        if not theirs:
            return []
        query = (
            select(*_LEAF)
            .join(Matters, Matters.id == MatterLeaves.matter_id)
            .where(*_TO_COME, MatterLeaves.due_at > since, or_(*theirs))
            .order_by(MatterLeaves.due_at, MatterLeaves.id)
            .limit(2 * limit)
        )
        found = []
        for leaf in [_leaf(row) for row in await self._db.execute(query)]:
            matter = await self._matters.get(leaf.matter_id)
            # An estate in several grids is not the whole community's.
            if matter.holds(grid) or any(matter.area.startswith(prefix(area)) for area in areas):
                found.append((leaf, matter))
        return found[:limit]

    async def attend(self, leaf_id: int, person_id: int, *, coming: bool) -> None:
        """Note that somebody comes, or does not after all."""
        row = insert(Attendance).values(leaf_id=leaf_id, person_id=person_id, coming=coming)
        await self._db.execute(
            row.on_conflict_do_update(index_elements=["leaf_id", "person_id"], set_={"coming": coming})
        )

    async def sign(self, leaf_id: int, person_id: int) -> bool:
        """Note that somebody is at the door; False when they have signed in before."""
        row = insert(Attendance).values(leaf_id=leaf_id, person_id=person_id, coming=True, signed_at=self._now)
        signed = await self._db.scalar(
            row.on_conflict_do_update(
                index_elements=["leaf_id", "person_id"],
                set_={"coming": True, "signed_at": self._now},
                where=Attendance.signed_at.is_(None),
            ).returning(Attendance.person_id)
        )
        return signed is not None

    async def coming(self, leaf_id: int) -> list[int]:
        """Who says they come."""
        return [
            *await self._db.scalars(
                select(Attendance.person_id)
                .where(Attendance.leaf_id == leaf_id, Attendance.coming)
                .order_by(Attendance.person_id)
            )
        ]

    async def signed(self, leaf_id: int) -> list[tuple[int, datetime]]:
        """Who signed in at the door, and when, in that order."""
        rows = await self._db.execute(
            select(Attendance.person_id, Attendance.signed_at)
            .where(Attendance.leaf_id == leaf_id, Attendance.signed_at.is_not(None))
            .order_by(Attendance.signed_at, Attendance.person_id)
        )
        return [(person, at) for person, at in rows]

    async def comes(self, leaf_id: int, person_id: int) -> bool | None:
        """Whether somebody says they come; None when they have said neither."""
        found: bool | None = await self._db.scalar(
            select(Attendance.coming).where(Attendance.leaf_id == leaf_id, Attendance.person_id == person_id)
        )
        return found

    # Whoever wants to be forgotten, and two who are one.

    async def forget(self, person_id: int) -> None:
        """What somebody said as a resident is erased, and so is where they were; what they were to do is not."""
        theirs = (MatterLeaves.person_id == person_id, MatterLeaves.kind.in_([Kind.COMMENT, Kind.OBJECTION]))
        await self._db.execute(update(MatterLeaves).where(*theirs).values(words="", person_id=None))
        await self._db.execute(delete(Attendance).where(Attendance.person_id == person_id))

    async def merge(self, old: int, into: int) -> None:
        """Two numbers are one person, who objects once; of two objections to one notice the later is nobody's."""
        mine = select(MatterLeaves.matter_id, MatterLeaves.round).where(
            MatterLeaves.person_id == into, MatterLeaves.kind == Kind.OBJECTION
        )
        twice = (
            MatterLeaves.person_id == old,
            MatterLeaves.kind == Kind.OBJECTION,
            tuple_(MatterLeaves.matter_id, MatterLeaves.round).in_(mine),
        )
        await self._db.execute(update(MatterLeaves).where(*twice).values(person_id=None))
        await self._db.execute(update(MatterLeaves).where(MatterLeaves.person_id == old).values(person_id=into))
        there = select(Attendance.leaf_id).where(Attendance.person_id == into)
        await self._db.execute(delete(Attendance).where(Attendance.person_id == old, Attendance.leaf_id.in_(there)))
        await self._db.execute(update(Attendance).where(Attendance.person_id == old).values(person_id=into))


def _leaf(row: Any) -> Leaf:
    return Leaf(**{**row._mapping, "kind": Kind(row.kind), "state": State(row.state)})  # noqa: SLF001 - documented
