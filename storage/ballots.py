"""Ballots, the roll of who voted, the urn of what was voted. Nothing here counts a ballot that is still open."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.areas import around, prefix
from domain.councils import Ballot, BallotOpened, Result
from domain.counting import Method, Paper
from storage.database import Connection
from storage.tables import Ballots, People, Roll, Urn

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
    Ballots.method,
    Ballots.quorum,
    Ballots.key,
    Ballots.result,
    Ballots.matter_id.label("matter"),
)
# Votes of a release before the roll, until they are sealed under a key.
EARLY = "early:"

# Made once: to put a statement together anew costs ten times what running it does.
_GET = select(*_BALLOT).where(Ballots.id == bindparam("ballot"))
_GET_SHARED = _GET.with_for_update(read=True)
_GET_LOCKED = _GET.with_for_update()
_OWN = (Roll.ballot_id == bindparam("ballot"), Roll.person_id == bindparam("person"))
_CAST = (
    insert(Roll)
    .values(
        ballot_id=bindparam("ballot"),
        person_id=bindparam("person"),
        slip=bindparam("slip"),
        envelope=bindparam("envelope"),
    )
    .on_conflict_do_nothing(index_elements=["ballot_id", "person_id"])
    .returning(Roll.person_id)
)
_SLIP = select(Roll.slip).where(*_OWN).with_for_update()
_CHANGE = update(Roll).where(*_OWN).values(envelope=bindparam("sealed"))
_DROP_IN = insert(Urn).on_conflict_do_nothing()


class BallotStore:
    """Reads and writes about ballots."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._db = connection
        self._now = now

    async def open(self, opened: BallotOpened, key: str) -> Ballot:
        number = await self._db.scalar(
            insert(Ballots)
            .values(
                area=opened.area,
                question=opened.question,
                options=json.dumps(opened.options, ensure_ascii=False),
                host_id=opened.by,
                key=key,
                matter_id=opened.matter,
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
        query = _GET_SHARED if share else _GET_LOCKED if lock else _GET
        row = (await self._db.execute(query, {"ballot": ballot_id})).one_or_none()
        if row is None:
            raise LookupError(f"no ballot {ballot_id}")
        return _ballot(row)

    async def find(self, ballot_id: int) -> Ballot | None:
        row = (await self._db.execute(_GET, {"ballot": ballot_id})).one_or_none()
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

    # Voting: on the roll, in an envelope.

    async def cast(self, ballot_id: int, person_id: int, slip: str, envelope: str) -> bool:
        """Put somebody on the roll with their envelope; False when they are on it already, and nothing is changed."""
        values = {"ballot": ballot_id, "person": person_id, "slip": slip, "envelope": envelope}
        return (await self._db.execute(_CAST, values)).first() is not None

    async def slip(self, ballot_id: int, person_id: int) -> str | None:
        """What the receipt of somebody on the roll is made from; their row stays as it is until the end."""
        found: str | None = await self._db.scalar(_SLIP, {"ballot": ballot_id, "person": person_id})
        return found

    async def change(self, ballot_id: int, person_id: int, envelope: str) -> None:
        """Another envelope in place of somebody's."""
        await self._db.execute(_CHANGE, {"ballot": ballot_id, "person": person_id, "sealed": envelope})

    async def close(self, ballot_id: int, cancelled: str | None = None) -> None:
        """From now on no vote counts. Called off, nothing is left of what was voted."""
        await self._db.execute(
            update(Ballots).where(Ballots.id == ballot_id).values(closed_at=self._now, cancelled=cancelled)
        )
        if cancelled is not None:
            await self._db.execute(delete(Roll).where(Roll.ballot_id == ballot_id))
            await self.told(ballot_id)

    async def withdraw_votes(self, person_id: int) -> None:
        """Take somebody's votes out of open ballots: forgotten, they could come back and vote twice."""
        still_open = await self._open_with(person_id)
        await self._db.execute(delete(Roll).where(Roll.person_id == person_id, Roll.ballot_id.in_(still_open)))

    async def merge(self, old: int, into: int) -> None:
        """One person was two: in an open ballot where both voted, the vote of `into` stays."""
        still_open = await self._open_with(old)
        both = select(Roll.ballot_id).where(Roll.person_id == into)
        await self._db.execute(
            delete(Roll).where(Roll.person_id == old, Roll.ballot_id.in_(still_open), Roll.ballot_id.in_(both))
        )
        await self._db.execute(
            update(Roll).where(Roll.person_id == old, Roll.ballot_id.not_in(both)).values(person_id=into)
        )

    async def _open_with(self, person_id: int) -> list[int]:
        """The open ballots somebody is on the roll of; none of them closes before this transaction ends."""
        theirs = select(Roll.ballot_id).where(Roll.person_id == person_id)
        return list(
            await self._db.scalars(
                select(Ballots.id)
                .where(Ballots.closed_at.is_(None), Ballots.id.in_(theirs))
                .order_by(Ballots.id)
                .with_for_update(read=True)
            )
        )

    # Counting: out of the envelopes, into the urn.

    async def unfinished(self) -> list[Ballot]:
        """Closed and not told yet."""
        return [
            _ballot(row)
            for row in await self._db.execute(
                select(*_BALLOT).where(Ballots.closed_at.is_not(None), Ballots.told_at.is_(None)).order_by(Ballots.id)
            )
        ]

    async def envelopes(self, ballot: Ballot) -> list[tuple[str, str]]:
        """All slips with their envelopes.

        Raises:
            ValueError: the ballot is still open, and nobody may look.
        """
        if ballot.closed_at is None:
            raise ValueError(f"ballot {ballot.id} is open and sealed")
        rows = await self._db.execute(
            select(Roll.slip, Roll.envelope).where(Roll.ballot_id == ballot.id, Roll.slip.is_not(None))
        )
        return [(slip, envelope) for slip, envelope in rows]

    async def drop_in(self, ballot_id: int, papers: Sequence[tuple[str, Paper]]) -> None:
        """Put papers into the urn, in the order of their receipts; those in it already stay as they are."""
        if papers:
            await self._db.execute(
                _DROP_IN,
                [{"ballot_id": ballot_id, "receipt": receipt, "paper": json.dumps(paper)} for receipt, paper in papers],
            )

    async def settle(self, ballot: Ballot, result: Result) -> bool:
        """Keep the result and empty the envelopes; False when the urn and the roll do not agree, and is emptied."""
        in_urn = await self._db.scalar(select(func.count()).select_from(Urn).where(Urn.ballot_id == ballot.id))
        on_roll = await self._db.scalar(select(func.count()).select_from(Roll).where(Roll.ballot_id == ballot.id))
        if not in_urn == on_roll == result.votes:
            await self._db.execute(delete(Urn).where(Urn.ballot_id == ballot.id))
            return False
        kept = msgspec.json.encode(result).decode()
        await self._db.execute(update(Ballots).where(Ballots.id == ballot.id).values(result=kept))
        await self._db.execute(update(Roll).where(Roll.ballot_id == ballot.id).values(slip=None, envelope=None))
        return True

    async def eligible(self, ballot: Ballot) -> int:
        """How many live in the area now."""
        start = prefix(ballot.area)
        found: int = await self._db.scalar(
            select(func.count()).select_from(People).where(People.grid >= start, People.grid < start + ":")
        )
        return found

    async def told(self, ballot_id: int) -> bool:
        """The result goes out now; False when it has gone already."""
        changed = await self._db.execute(
            update(Ballots).where(Ballots.id == ballot_id, Ballots.told_at.is_(None)).values(told_at=self._now)
        )
        return changed.rowcount > 0

    async def keys(self) -> dict[str, tuple[datetime | None, bool]]:
        """The keys of all ballots, by name: when the ballot closed, and whether its key is needed no more."""
        rows = await self._db.execute(
            select(Ballots.key, Ballots.closed_at, Ballots.told_at).where(Ballots.key.is_not(None))
        )
        return {key: (closed, told is not None) for key, closed, told in rows}

    # Published: the urn by receipt, the roll by name. Only after the count.

    async def recount(self, ballot: Ballot) -> list[tuple[Paper, int]]:
        """How often each paper lies in the urn."""
        _must_be_counted(ballot)
        rows = await self._db.execute(
            select(Urn.paper, func.count()).where(Urn.ballot_id == ballot.id).group_by(Urn.paper)
        )
        return [(tuple(json.loads(paper)), times) for paper, times in rows]

    async def receipts(self, ballot: Ballot, after: int, limit: int) -> list[tuple[str, Paper]]:
        """Part of the list of receipts, in their order, from the `after`-th on."""
        _must_be_counted(ballot)
        rows = await self._db.execute(
            select(Urn.receipt, Urn.paper)
            .where(Urn.ballot_id == ballot.id)
            .order_by(Urn.receipt)
            .offset(after)
            .limit(limit)
        )
        return [(receipt, tuple(json.loads(paper))) for receipt, paper in rows]

    async def find_receipt(self, receipt: str) -> tuple[int, int] | None:
        """Where a receipt stands, as (ballot, place in its list from 0)."""
        ballot = await self._db.scalar(
            select(Urn.ballot_id)
            .join(Ballots, Ballots.id == Urn.ballot_id)
            .where(Urn.receipt == receipt, Ballots.result.is_not(None))
            .order_by(Urn.ballot_id.desc())
            .limit(1)
        )
        if ballot is None:
            return None
        before = await self._db.scalar(
            select(func.count()).select_from(Urn).where(Urn.ballot_id == ballot, Urn.receipt < receipt)
        )
        return ballot, before or 0

    # Votes of a release before the roll.

    async def unsealed(self) -> list[int]:
        """The open ballots that have no key yet."""
        return list(
            await self._db.scalars(
                select(Ballots.id).where(Ballots.closed_at.is_(None), Ballots.key.is_(None)).order_by(Ballots.id)
            )
        )

    async def early(self, ballot_id: int) -> list[tuple[int, int]]:
        """Who voted what in a ballot before there were envelopes, as (person, option)."""
        rows = await self._db.execute(
            select(Roll.person_id, Roll.envelope).where(Roll.ballot_id == ballot_id, Roll.envelope.startswith(EARLY))
        )
        return [(person, int(envelope.removeprefix(EARLY))) for person, envelope in rows]

    async def seal(self, ballot_id: int, key: str, envelopes: Sequence[tuple[int, str, str]]) -> None:
        """Put what was open under a key, as (person, slip, envelope)."""
        await self._db.execute(update(Ballots).where(Ballots.id == ballot_id).values(key=key))
        if envelopes:
            await self._db.execute(
                update(Roll).where(*_OWN).values(slip=bindparam("new_slip"), envelope=bindparam("sealed")),
                [
                    {"ballot": ballot_id, "person": person, "new_slip": slip, "sealed": envelope}
                    for person, slip, envelope in envelopes
                ],
            )


def voted_in(ballot_id: int) -> ColumnElement[bool]:
    """Whether the person of the row at hand has voted: for telling only those who have not."""
    return select(Roll.person_id).where(Roll.ballot_id == ballot_id, Roll.person_id == People.id).exists()


def _must_be_counted(ballot: Ballot) -> None:
    if ballot.result is None:
        raise ValueError(f"ballot {ballot.id} is not counted, and sealed")


def _ballot(row: Any) -> Ballot:
    result = msgspec.json.decode(row.result, type=Result) if row.result else None
    return Ballot(
        **{
            **row._mapping,  # noqa: SLF001 - as documented
            "options": tuple(json.loads(row.options)),
            "method": Method(row.method),
            "result": result,
        }
    )
