"""Mediations: the row of one, who holds which time in which room, and what was done when. Words lie sealed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.mediation import LIVE, Mediation, Side, Stage
from storage.database import Connection
from storage.tables import MediationHolds, MediationLog, Mediations, MediationSlots

_LIVE = Mediations.stage.in_([stage.value for stage in LIVE])


class MediationStore:
    """Reads and writes about mediations."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._db = connection
        self._now = now

    async def open(
        self, room: str, key: str, first: int | None, barred: Sequence[int], words: str, named: str | None
    ) -> int:
        """A new one; whoever asks for it has agreed to it. Its number."""
        number: int | None = await self._db.scalar(
            insert(Mediations)
            .values(
                room=room,
                stage=Stage.ASKED,
                key=key,
                first_id=first,
                barred=_numbers(barred),
                words=words,
                named=named,
                version=0,
                first_absent=0,
                other_absent=0,
                moves=0,
                opened_at=self._now,
            )
            .returning(Mediations.id)
        )
        if number is None:
            raise LookupError("the database gave no number for a new mediation")
        return number

    async def get(self, number: int, *, lock: bool = False) -> Mediation | None:
        query = select(Mediations).where(Mediations.id == number)
        row = (await self._db.execute(query.with_for_update() if lock else query)).one_or_none()
        return _mediation(row) if row else None

    async def of(self, person_id: int, limit: int = 10) -> list[Mediation]:
        """Those in which somebody is a side or mediates, the newest first."""
        rows = await self._db.execute(
            select(Mediations).where(_theirs(person_id)).order_by(Mediations.id.desc()).limit(limit)
        )
        return [_mediation(row) for row in rows]

    async def live_of(self, person_id: int) -> list[Mediation]:
        """Those not over in which somebody is a side or mediates, locked."""
        rows = await self._db.execute(
            select(Mediations).where(_theirs(person_id), _LIVE).order_by(Mediations.id).with_for_update()
        )
        return [_mediation(row) for row in rows]

    async def waiting(self, rooms: Sequence[str], limit: int = 10) -> list[Mediation]:
        """Those of some rooms that nobody mediates yet, the oldest first."""
        rows = await self._db.execute(
            select(Mediations)
            .where(
                Mediations.room.in_([*rooms]),
                Mediations.mediator_id.is_(None),
                Mediations.stage == Stage.ASKED.value,
            )
            .order_by(Mediations.id)
            .limit(limit)
        )
        return [_mediation(row) for row in rows]

    async def change(self, number: int, **values: object) -> None:
        if "barred" in values:
            values["barred"] = _numbers(values["barred"])  # type: ignore[arg-type]
        await self._db.execute(update(Mediations).where(Mediations.id == number).values(**values))

    async def log(self, number: int, person_id: int | None, what: str, version: int | None = None) -> None:
        """Put down that something was done: consent asked, given, taken back; what was signed."""
        await self._db.execute(
            insert(MediationLog).values(
                mediation_id=number, at=self._now, person_id=person_id, what=what, version=version
            )
        )

    async def logged(self, number: int) -> list[tuple[str, int | None]]:
        """What was done and by whom, in order."""
        rows = await self._db.execute(
            select(MediationLog.what, MediationLog.person_id)
            .where(MediationLog.mediation_id == number)
            .order_by(MediationLog.id)
        )
        return [(what, who) for what, who in rows]

    async def book(self, room: str, at: datetime, number: int, mediator: int) -> bool:
        """Hold a time in a room for a mediation; False when the room or the mediator is taken then.

        Both are unique rows: whoever comes second, in this process or another, is the one who hears no.
        """
        row = insert(MediationSlots).values(room=room, at=at, mediation_id=number, mediator_id=mediator)
        added = await self._db.scalar(row.on_conflict_do_nothing().returning(MediationSlots.mediation_id))
        return added is not None

    async def free(self, number: int) -> None:
        """Let go of whatever time it held."""
        await self._db.execute(delete(MediationSlots).where(MediationSlots.mediation_id == number))

    async def taken(self, room: str, mediator: int, since: datetime) -> set[datetime]:
        """When the room or the mediator is taken."""
        rows = await self._db.scalars(
            select(MediationSlots.at).where(
                MediationSlots.at >= since, or_(MediationSlots.room == room, MediationSlots.mediator_id == mediator)
            )
        )
        return set(rows)

    async def hold(self, number: int, person_id: int, days: int, holds: bool, words: str | None) -> bool:
        """Keep what somebody says of the agreement; False when they have answered."""
        row = insert(MediationHolds).values(
            mediation_id=number, person_id=person_id, days=days, holds=holds, words=words, at=self._now
        )
        added = await self._db.scalar(row.on_conflict_do_nothing().returning(MediationHolds.mediation_id))
        return added is not None

    async def held(self, number: int, person_id: int, days: int) -> bool:
        """Whether somebody has answered."""
        theirs = (MediationHolds.mediation_id == number, MediationHolds.person_id == person_id)
        answered = select(MediationHolds.days).where(*theirs, MediationHolds.days == days)
        return await self._db.scalar(answered) is not None

    async def forget(self, person_id: int) -> list[int]:
        """Take somebody out of what is over; the numbers of those that are nobody's any more."""
        await self._db.execute(update(MediationHolds).where(MediationHolds.person_id == person_id).values(words=None))
        await self._db.execute(update(Mediations).where(Mediations.mediator_id == person_id).values(mediator_id=None))
        for column in (Mediations.first_id, Mediations.other_id):
            # What they asked for, and what they were called.
            await self._db.execute(
                update(Mediations).where(column == person_id).values({column.key: None, "words": None, "named": None})
            )
        return list(
            await self._db.scalars(
                select(Mediations.id).where(Mediations.first_id.is_(None), Mediations.other_id.is_(None), ~_LIVE)
            )
        )

    async def merge(self, old: int, into: int) -> None:
        """Two numbers are one person."""
        for table, column in (
            (Mediations, Mediations.first_id),
            (Mediations, Mediations.other_id),
            (Mediations, Mediations.mediator_id),
            (MediationSlots, MediationSlots.mediator_id),
            (MediationLog, MediationLog.person_id),
        ):
            await self._db.execute(update(table).where(column == old).values({column.key: into}))
        answered = select(MediationHolds.mediation_id).where(MediationHolds.person_id == into)
        await self._db.execute(
            delete(MediationHolds).where(MediationHolds.person_id == old, MediationHolds.mediation_id.in_(answered))
        )
        await self._db.execute(update(MediationHolds).where(MediationHolds.person_id == old).values(person_id=into))
        # Nobody has it with themselves, and nobody mediates for themselves.
        alone = or_(
            Mediations.first_id == Mediations.other_id,
            Mediations.mediator_id == Mediations.first_id,
            Mediations.mediator_id == Mediations.other_id,
        )
        ended = select(Mediations.id).where(alone, _LIVE, _theirs(into))
        await self._db.execute(delete(MediationSlots).where(MediationSlots.mediation_id.in_(ended)))
        await self._db.execute(
            update(Mediations)
            .where(alone, _LIVE, _theirs(into))
            .values(stage=Stage.WITHDRAWN, ended_at=self._now, slot_at=None)
        )


def _theirs(person_id: int) -> Any:
    return or_(Mediations.first_id == person_id, Mediations.other_id == person_id, Mediations.mediator_id == person_id)


def _numbers(numbers: Sequence[int]) -> str:
    return " ".join(map(str, numbers))


def _mediation(row: Any) -> Mediation:
    return Mediation(
        id=row.id,
        room=row.room,
        stage=Stage(row.stage),
        key=row.key,
        opened_at=row.opened_at,
        sides={Side.FIRST: row.first_id, Side.OTHER: row.other_id},
        consents={Side.FIRST: row.first_yes, Side.OTHER: row.other_yes},
        signed={Side.FIRST: row.first_signed, Side.OTHER: row.other_signed},
        absent={Side.FIRST: row.first_absent, Side.OTHER: row.other_absent},
        mediator=row.mediator_id,
        barred=tuple(map(int, row.barred.split())),
        words=row.words,
        named=row.named,
        record=row.record,
        version=row.version,
        slot_at=row.slot_at,
        moves=row.moves,
        ended_at=row.ended_at,
    )
