"""Rosters: the households of areas, and who in the chat is of which."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.areas import Extent, Roster, around, prefix
from domain.counting import Owners
from domain.rosters import Row, Shown, Voter
from storage.audience import on_roster
from storage.database import Connection
from storage.tables import Confirmed, VoterPhones, Voters

_VOTER = (Voters.id, Voters.area, Voters.household, Voters.name, Voters.floor_area, Voters.owner_id, Voters.estate)
_AT_ONCE = 500


class RosterStore:
    """Reads and writes about rosters."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._db = connection
        self._now = now

    async def take_in(self, roster: Roster, rows: Sequence[tuple[Row, tuple[str, ...]]]) -> None:
        """Make exactly this roster this one; each row comes with the digests of its phones.

        A household that keeps its name keeps its number and those confirmed for it; of another name, they are gone.
        """
        before = {
            (household, name): number
            for number, household, name in await self._db.execute(
                select(Voters.id, Voters.household, Voters.name).where(*_of(roster))
            )
        }
        kept = {(row.household, row.name) for row, _ in rows} & before.keys()
        gone = [number for key, number in before.items() if key not in kept]
        for start in range(0, len(gone), _AT_ONCE):
            some = gone[start : start + _AT_ONCE]
            await self._db.execute(delete(VoterPhones).where(VoterPhones.voter_id.in_(some)))
            await self._db.execute(delete(Confirmed).where(Confirmed.voter_id.in_(some)))
            await self._db.execute(update(Voters).where(Voters.id.in_(some)).values(gone_at=self._now))
        owners: dict[tuple[str, tuple[str, ...]], int] = {}
        phones: list[dict[str, object]] = []
        for row, digests in rows:
            number = before.get((row.household, row.name)) or await self._add(roster, row)
            # Without a phone nothing tells two of one name apart: each unit is then an owner of its own.
            owner = owners.setdefault((row.name, digests), number) if digests else number
            await self._db.execute(
                update(Voters).where(Voters.id == number).values(floor_area=row.floor_area, owner_id=owner)
            )
            await self._db.execute(delete(VoterPhones).where(VoterPhones.voter_id == number))
            phones += [{"voter_id": number, "phone": digest} for digest in digests]
        for start in range(0, len(phones), _AT_ONCE):
            await self._db.execute(insert(VoterPhones).values(phones[start : start + _AT_ONCE]))

    async def _add(self, roster: Roster, row: Row) -> int:
        added: int | None = await self._db.scalar(
            insert(Voters)
            .values(
                area=roster.area,
                estate=roster.estate,
                household=row.household,
                name=row.name,
                floor_area=row.floor_area,
            )
            .returning(Voters.id)
        )
        if added is None:
            raise LookupError("the database gave no number for a new household")
        return added

    async def beside(self, area: str) -> list[Roster]:
        """The rosters of this area, of those around it and of those within it."""
        # Around it three at most; within it those that begin like it.
        start = prefix(area)
        found = await self._db.execute(
            select(Voters.area, Voters.estate)
            .distinct()
            .where(
                Voters.gone_at.is_(None),
                (Voters.area.in_(around(area)) | ((Voters.area >= start) & (Voters.area < start + ":"))),
            )
            .order_by(Voters.area, Voters.estate)
        )
        return [Roster(*each) for each in found]

    async def count(self, extent: Extent) -> tuple[int, int]:
        """How many households stand on its rosters, and how many of them without a floor area."""
        row = (
            await self._db.execute(
                select(func.count(), func.count(Voters.floor_area)).select_from(Voters).where(on_roster(extent))
            )
        ).one()
        return row[0], row[0] - row[1]

    async def unnamed(self, extent: Extent) -> int:
        """How many of them stand on rosters that do not say of which estate they are."""
        query = select(func.count()).select_from(Voters).where(on_roster(extent), Voters.estate == "")
        return await self._db.scalar(query) or 0

    async def get(self, voter_id: int) -> Voter | None:
        row = (await self._db.execute(select(*_VOTER).where(Voters.id == voter_id))).one_or_none()
        return _voter(row) if row else None

    async def stands(self, voter_id: int) -> bool:
        """Whether a household is on its roster still."""
        found = await self._db.scalar(select(Voters.id).where(Voters.id == voter_id, Voters.gone_at.is_(None)))
        return found is not None

    async def named(self, numbers: Collection[int]) -> dict[int, Voter]:
        """These households, by number; those gone from their roster since as well."""
        rows = await self._db.execute(select(*_VOTER).where(Voters.id.in_([*numbers])))
        return {row[0]: _voter(row) for row in rows}

    async def all(self, roster: Roster) -> list[Voter]:
        """Every household of exactly this roster, in the order of their names."""
        rows = await self._db.execute(select(*_VOTER).where(*_of(roster)).order_by(Voters.household))
        return [_voter(row) for row in rows]

    async def within(self, area: str, limit: int) -> list[Voter]:
        """The households on the rosters of an area and of those within it."""
        rows = await self._db.execute(select(*_VOTER).where(on_roster(Extent(area))).order_by(Voters.id).limit(limit))
        return [_voter(row) for row in rows]

    async def search(self, extent: Extent, words: str, limit: int = 6) -> list[Voter]:
        """Households with these words in their name or their owner's, the exact one first."""
        rows = await self._db.execute(
            select(*_VOTER)
            .where(
                on_roster(extent),
                Voters.household.contains(words, autoescape=True) | (Voters.name == words),
            )
            .order_by(Voters.household != words, func.length(Voters.household), Voters.household)
            .limit(limit)
        )
        return [_voter(row) for row in rows]

    async def of(self, person_id: int) -> list[Voter]:
        """The households somebody is of, the first on the roster first."""
        rows = await self._db.execute(
            select(*_VOTER)
            .join(Confirmed, Confirmed.voter_id == Voters.id)
            .where(Confirmed.person_id == person_id, Voters.gone_at.is_(None))
            .order_by(Voters.id)
        )
        return [_voter(row) for row in rows]

    async def voter(self, person_id: int, extent: Extent) -> Voter | None:
        """Whom somebody votes for by roster there: one household, though they be of several."""
        return next((each for each in await self.of(person_id) if extent.enrols(each.roster)), None)

    async def by_phone(self, digest: str) -> list[Voter]:
        rows = await self._db.execute(
            select(*_VOTER)
            .join(VoterPhones, VoterPhones.voter_id == Voters.id)
            .where(VoterPhones.phone == digest, Voters.gone_at.is_(None))
            .order_by(Voters.id)
        )
        return [_voter(row) for row in rows]

    async def confirm(self, voter_id: int, person_id: int, how: Shown, by: int | None = None) -> bool:
        """Somebody has shown to be of a household; False when that was known."""
        added = await self._db.execute(
            insert(Confirmed)
            .values(voter_id=voter_id, person_id=person_id, how=how, by_id=by, at=self._now)
            .on_conflict_do_nothing()
            .returning(Confirmed.voter_id)
        )
        return added.first() is not None

    async def owners(self, extent: Extent) -> dict[int, Owners]:
        """The owners there, by number, each with the floor areas of all that is theirs there."""
        rows = await self._db.execute(
            select(Voters.owner_id, func.sum(Voters.floor_area)).where(on_roster(extent)).group_by(Voters.owner_id)
        )
        return {owner: Owners(1, int(floor or 0)) for owner, floor in rows if owner is not None}

    async def shown_by(self, voter_id: int) -> list[int]:
        """Who in the chat has shown to be of a household, or of any of its owner's."""
        theirs = select(Voters.id).where((Voters.id == voter_id) | (Voters.owner_id == voter_id))
        found = await self._db.scalars(select(Confirmed.person_id).where(Confirmed.voter_id.in_(theirs)).distinct())
        return sorted(found)

    async def forget(self, person_id: int) -> None:
        await self._db.execute(delete(Confirmed).where(Confirmed.person_id == person_id))

    async def merge(self, old: int, into: int) -> None:
        """One person was two."""
        both = select(Confirmed.voter_id).where(Confirmed.person_id == into)
        await self._db.execute(delete(Confirmed).where(Confirmed.person_id == old, Confirmed.voter_id.in_(both)))
        await self._db.execute(update(Confirmed).where(Confirmed.person_id == old).values(person_id=into))


def _voter(row: Sequence[object]) -> Voter:
    number, area, household, name, floor_area, owner, estate = row
    return Voter(number, area, household, name, floor_area, owner or number, estate)  # type: ignore[arg-type]


def _of(roster: Roster) -> tuple[ColumnElement[bool], ...]:
    return (Voters.area == roster.area, Voters.estate == roster.estate, Voters.gone_at.is_(None))
