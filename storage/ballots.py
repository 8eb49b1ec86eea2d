"""Ballots and votes. Nothing here counts a ballot that is still open."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.areas import around, prefix
from domain.councils import Ballot, BallotOpened
from storage.database import Connection
from storage.tables import Ballots, People, Votes

_BALLOT = (
    Ballots.id,
    Ballots.area,
    Ballots.question,
    Ballots.options,
    Ballots.host_id,
    Ballots.opened_at,
    Ballots.closes_at,
    Ballots.closed_at,
    Ballots.cancelled,
)


class BallotStore:
    """Reads and writes about ballots."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._db = connection
        self._now = now

    async def open(self, opened: BallotOpened) -> Ballot:
        number = await self._db.scalar(
            insert(Ballots)
            .values(
                area=opened.area,
                question=opened.question,
                options=json.dumps(opened.options, ensure_ascii=False),
                host_id=opened.by,
                opened_at=self._now,
                closes_at=opened.closes_at,
            )
            .returning(Ballots.id)
        )
        if number is None:
            raise LookupError("the database gave no number for a new ballot")
        return await self.get(number)

    async def get(self, ballot_id: int, *, lock: bool = False, share: bool = False) -> Ballot:
        """One ballot.

        Raises:
            LookupError: there is none with that number.
        """
        query = select(*_BALLOT).where(Ballots.id == ballot_id)
        row = (await self._db.execute(query.with_for_update(read=share) if lock or share else query)).one_or_none()
        if row is None:
            raise LookupError(f"no ballot {ballot_id}")
        return _ballot(row)

    async def find(self, ballot_id: int) -> Ballot | None:
        row = (await self._db.execute(select(*_BALLOT).where(Ballots.id == ballot_id))).one_or_none()
        return _ballot(row) if row else None

    async def open_for(self, grid: str) -> list[Ballot]:
        """The open ballots somebody living in a grid may vote in, the first to close first."""
        return [
            _ballot(row)
            for row in await self._db.execute(
                select(*_BALLOT)
                .where(
                    Ballots.area.in_([*around(grid), grid]),
                    Ballots.closed_at.is_(None),
                    Ballots.closes_at > self._now,
                )
                .order_by(Ballots.closes_at, Ballots.id)
            )
        ]

    async def of_host(self, person_id: int) -> list[Ballot]:
        return [
            _ballot(row)
            for row in await self._db.execute(
                select(*_BALLOT).where(Ballots.host_id == person_id, Ballots.closed_at.is_(None)).order_by(Ballots.id)
            )
        ]

    async def cast(self, ballot_id: int, person_id: int, option: int) -> bool:
        """Put down a vote; True when it replaced an earlier one."""
        before = await self.vote_of(ballot_id, person_id)
        statement = insert(Votes).values(ballot_id=ballot_id, person_id=person_id, option=option, at=self._now)
        await self._db.execute(
            statement.on_conflict_do_update(
                index_elements=["ballot_id", "person_id"], set_={"option": option, "at": self._now}
            )
        )
        return before is not None

    async def vote_of(self, ballot_id: int, person_id: int) -> int | None:
        """Somebody's own vote, for their eyes only."""
        option: int | None = await self._db.scalar(
            select(Votes.option).where(Votes.ballot_id == ballot_id, Votes.person_id == person_id)
        )
        return option

    async def close(self, ballot_id: int, cancelled: str | None = None) -> None:
        await self._db.execute(
            update(Ballots).where(Ballots.id == ballot_id).values(closed_at=self._now, cancelled=cancelled)
        )

    async def count(self, ballot: Ballot) -> tuple[tuple[int, ...], int]:
        """Votes by option, and how many live in the area.

        Raises:
            ValueError: the ballot is still open, and nobody may know.
        """
        if ballot.closed_at is None:
            raise ValueError(f"ballot {ballot.id} is open and sealed")
        rows = await self._db.execute(
            select(Votes.option, func.count()).where(Votes.ballot_id == ballot.id).group_by(Votes.option)
        )
        counted = {int(option): int(votes) for option, votes in rows}
        start = prefix(ballot.area)
        eligible = (
            await self._db.scalar(
                select(func.count()).select_from(People).where(People.grid >= start, People.grid < start + ":")
            )
            or 0
        )
        counts = tuple(counted.get(option, 0) for option in range(len(ballot.options)))
        return counts, max(eligible, sum(counts))

    async def withdraw_votes(self, person_id: int) -> None:
        """Take somebody's votes out of open ballots: forgotten, they could come back and vote twice."""
        still_open = select(Ballots.id).where(Ballots.closed_at.is_(None))
        await self._db.execute(delete(Votes).where(Votes.person_id == person_id, Votes.ballot_id.in_(still_open)))


def voted_in(ballot_id: int) -> ColumnElement[bool]:
    """Whether the person of the row at hand has voted: for telling only those who have not."""
    return select(Votes.person_id).where(Votes.ballot_id == ballot_id, Votes.person_id == People.id).exists()


def _ballot(row: Any) -> Ballot:
    return Ballot(**{**row._mapping, "options": tuple(json.loads(row.options))})  # noqa: SLF001 - as documented
