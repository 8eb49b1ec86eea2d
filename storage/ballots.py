"""Ballots, the roll of who voted, the urn of what was voted. Nothing here counts a ballot that is still open."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.areas import Extent, around
from domain.councils import Ballot, BallotOpened, Electorate, How, Result
from domain.counting import Method, Paper
from storage.audience import eligible
from storage.database import Connection
from storage.tables import Ballots, Readings, Roll, Urn

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
    Ballots.electorate,
    Ballots.most,
    Ballots.begins_at,
    Ballots.secret,
    Ballots.grave,
    Ballots.grids,
    Ballots.estate,
)
# Votes of a release before the roll, until they are sealed under a key.
EARLY = "early:"

# Made once: to put a statement together anew costs ten times what running it does.
_GET = select(*_BALLOT).where(Ballots.id == bindparam("ballot"))
_GET_SHARED = _GET.with_for_update(read=True)
_GET_LOCKED = _GET.with_for_update()
_OWN = (Roll.ballot_id == bindparam("ballot"), Roll.voter == bindparam("whose"))
_CAST = (
    insert(Roll)
    .values(
        ballot_id=bindparam("ballot"),
        voter=bindparam("whose"),
        person_id=bindparam("person"),
        slip=bindparam("slip"),
        envelope=bindparam("envelope"),
        how=bindparam("way"),
        helper_id=bindparam("helper"),
        witness_id=bindparam("witness"),
    )
    .on_conflict_do_nothing(index_elements=["ballot_id", "voter"])
    .returning(Roll.voter)
)
_MARK = (
    select(Roll.person_id, Roll.how, Roll.slip, Roll.helper_id, Roll.witness_id, Roll.back)
    .where(*_OWN)
    .with_for_update()
)
_CHANGE = (
    update(Roll)
    .where(*_OWN)
    .values(
        envelope=bindparam("sealed"),
        how=bindparam("way"),
        helper_id=bindparam("helper"),
        witness_id=bindparam("witness"),
    )
)
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
                method=opened.method,
                most=opened.most,
                electorate=opened.electorate,
                begins_at=opened.begins_at,
                secret=opened.secret,
                quorum=opened.quorum,
                grave=opened.grave,
                grids=listed(opened.grids),
                estate=opened.estate,
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

    async def open_for(self, *codes: str) -> list[Ballot]:
        """The ballots open now that are put to areas around these grids and areas, the first to close first.

        Of an estate in several grids it is the community around them: see `domain.councils.concerns`.
        """
        return [ballot for ballot in await self.coming_for(*codes) if ballot.open_at(self._now)]

    async def coming_for(self, *codes: str) -> list[Ballot]:
        """The same, and those that have yet to begin."""
        areas = {area for code in codes for area in (*around(code), code)}
        rows = await self._db.execute(
            select(*_BALLOT)
            .where(Ballots.area.in_(sorted(areas)), Ballots.closed_at.is_(None), Ballots.closes_at > self._now)
            .order_by(Ballots.closes_at, Ballots.id)
        )
        return [_ballot(row) for row in rows]

    async def voted_in(self, person_id: int, limit: int) -> list[Ballot]:
        """The ballots somebody has cast a vote in, the newest first; not what they voted, which stands nowhere."""
        theirs = select(Roll.ballot_id).where(Roll.person_id == person_id)
        rows = await self._db.execute(
            select(*_BALLOT)
            .where(Ballots.id.in_(theirs), Ballots.cancelled.is_(None))
            .order_by(Ballots.id.desc())
            .limit(limit)
        )
        return [_ballot(row) for row in rows]

    async def under_way(self, extent: Extent) -> list[Ballot]:
        """The ballots by roster that could have households of this in them and have not closed."""
        rows = await self._db.execute(
            select(*_BALLOT).where(
                Ballots.closed_at.is_(None), Ballots.electorate.in_([Electorate.HOUSEHOLDS, Electorate.OWNERS])
            )
        )
        return [each for each in map(_ballot, rows) if each.extent.meets(extent)]

    async def of_host(self, person_id: int) -> list[Ballot]:
        return [
            _ballot(row)
            for row in await self._db.execute(
                select(*_BALLOT).where(Ballots.host_id == person_id, Ballots.closed_at.is_(None)).order_by(Ballots.id)
            )
        ]

    # Voting: on the roll, in an envelope.

    async def cast(self, ballot_id: int, mark: "Mark", envelope: str | None) -> bool:
        """Put somebody on the roll with their envelope; False when they are on it already, and nothing is changed."""
        values = {"ballot": ballot_id, "person": mark.person, "slip": mark.slip, "envelope": envelope, **_way(mark)}
        return (await self._db.execute(_CAST, values)).first() is not None

    async def mark(self, ballot_id: int, voter: int) -> "Mark | None":
        """How somebody stands on the roll; their row stays as it is until the end."""
        row = (await self._db.execute(_MARK, {"ballot": ballot_id, "whose": voter})).one_or_none()
        if row is None:
            return None
        return Mark(voter, row.person_id, row.slip, How(row.how), row.helper_id, row.witness_id, row.back)

    async def change(self, ballot_id: int, mark: "Mark", envelope: str) -> None:
        """Another envelope in place of somebody's."""
        await self._db.execute(_CHANGE, {"ballot": ballot_id, "sealed": envelope, **_way(mark)})

    async def strike(self, ballot_id: int, voter: int) -> None:
        """Take somebody off the roll, with their envelope."""
        await self._db.execute(delete(Roll).where(Roll.ballot_id == ballot_id, Roll.voter == voter))

    async def close(self, ballot_id: int, cancelled: str | None = None) -> None:
        """From now on no vote counts. Called off, nothing is left of what was voted."""
        await self._db.execute(
            update(Ballots).where(Ballots.id == ballot_id).values(closed_at=self._now, cancelled=cancelled)
        )
        if cancelled is not None:
            await self._db.execute(delete(Roll).where(Roll.ballot_id == ballot_id))
            await self._db.execute(delete(Readings).where(Readings.ballot_id == ballot_id))
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
        moved = (Roll.person_id == old, Roll.ballot_id.not_in(both))
        # By roster the vote is the household's, whoever of it cast it.
        theirs = select(Ballots.id).where(Ballots.electorate.in_([Electorate.RESIDENTS, Electorate.MEMBERS]))
        await self._db.execute(
            update(Roll).where(*moved, Roll.voter == old, Roll.ballot_id.in_(theirs)).values(person_id=into, voter=into)
        )
        await self._db.execute(update(Roll).where(*moved).values(person_id=into))

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

    async def envelopes(self, ballot: Ballot) -> list[tuple[str, str, int]]:
        """All slips with their envelopes and whose they are.

        Raises:
            ValueError: the ballot is still open, and nobody may look.
        """
        if ballot.closed_at is None:
            raise ValueError(f"ballot {ballot.id} is open and sealed")
        rows = await self._db.execute(
            select(Roll.slip, Roll.envelope, Roll.voter).where(Roll.ballot_id == ballot.id, Roll.slip.is_not(None))
        )
        return [(slip, envelope, voter) for slip, envelope, voter in rows]

    async def drop_in(self, ballot_id: int, papers: Sequence[tuple[str, Paper, int | None]]) -> None:
        """Put papers into the urn, in the order of their receipts; those in it already stay as they are.

        With each stands whose it is, where the ballot is an open one.
        """
        if papers:
            await self._db.execute(
                _DROP_IN,
                [
                    {"ballot_id": ballot_id, "receipt": receipt, "paper": json.dumps(paper), "voter": voter}
                    for receipt, paper, voter in papers
                ],
            )

    async def settle(self, ballot: Ballot, result: Result, on_paper: int) -> bool:
        """Keep the result and empty the envelopes; False when the urn and the roll do not agree, and is emptied.

        `on_paper`: so many of the votes came on paper; no more papers count than were handed out.
        """
        in_urn = await self._db.scalar(select(func.count()).select_from(Urn).where(Urn.ballot_id == ballot.id))
        rows = await self._db.execute(
            select(Roll.how == How.PAPER, func.count()).where(Roll.ballot_id == ballot.id).group_by(Roll.how)
        )
        on_roll, handed_out = 0, 0
        for paper, times in rows:
            on_roll, handed_out = (on_roll, handed_out + times) if paper else (on_roll + times, handed_out)
        if not in_urn == on_roll + on_paper == result.votes or on_paper > handed_out:
            await self._db.execute(delete(Urn).where(Urn.ballot_id == ballot.id))
            return False
        kept = msgspec.json.encode(result).decode()
        await self._db.execute(update(Ballots).where(Ballots.id == ballot.id).values(result=kept))
        for table in (Roll, Readings):
            await self._db.execute(update(table).where(table.ballot_id == ballot.id).values(slip=None, envelope=None))
        return True

    async def eligible(self, ballot: Ballot) -> int:
        """How many votes there could be: of those living in the area now, of the roster, of the council."""
        found: int = await self._db.scalar(eligible(ballot.electorate, ballot.extent))
        return found

    async def told(self, ballot_id: int) -> bool:
        """The result goes out now; False when it has gone already."""
        told = await self._db.scalar(
            update(Ballots)
            .where(Ballots.id == ballot_id, Ballots.told_at.is_(None))
            .values(told_at=self._now)
            .returning(Ballots.id)
        )
        return told is not None

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

    async def openly(self, ballot: Ballot, after: int, limit: int) -> list[tuple[int, Paper]]:
        """Part of what was voted in an open ballot, by whom, in the order of the voters' numbers."""
        _must_be_counted(ballot)
        rows = await self._db.execute(
            select(Urn.voter, Urn.paper)
            .where(Urn.ballot_id == ballot.id, Urn.voter.is_not(None))
            .order_by(Urn.voter)
            .offset(after)
            .limit(limit)
        )
        return [(voter, tuple(json.loads(paper))) for voter, paper in rows]

    async def rolled(self, ballot: Ballot, after: int, limit: int) -> list[tuple[int, How]]:
        """Part of the roll: who voted, and how, in the order of their numbers."""
        _must_be_counted(ballot)
        rows = await self._db.execute(
            select(Roll.voter, Roll.how)
            .where(Roll.ballot_id == ballot.id)
            .order_by(Roll.voter)
            .offset(after)
            .limit(limit)
        )
        return [(voter, How(how)) for voter, how in rows]

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
            select(Roll.voter, Roll.envelope).where(Roll.ballot_id == ballot_id, Roll.envelope.startswith(EARLY))
        )
        return [(person, int(envelope.removeprefix(EARLY))) for person, envelope in rows]

    async def seal(self, ballot_id: int, key: str, envelopes: Sequence[tuple[int, str, str]]) -> None:
        """Put what was open under a key, as (person, slip, envelope)."""
        await self._db.execute(update(Ballots).where(Ballots.id == ballot_id).values(key=key))
        if envelopes:
            await self._db.execute(
                update(Roll).where(*_OWN).values(slip=bindparam("new_slip"), envelope=bindparam("sealed")),
                [
                    {"ballot": ballot_id, "whose": person, "new_slip": slip, "sealed": envelope}
                    for person, slip, envelope in envelopes
                ],
            )


@dataclass(frozen=True, slots=True)
class Mark:
    """How somebody stands on a ballot's roll: whose vote it is, who cast it, how, with whom beside them.

    `back`: the sleeve of their paper has come back.
    """

    voter: int
    person: int | None
    slip: str | None
    how: How = How.CHAT
    helper: int | None = None
    witness: int | None = None
    back: bool = False


def listed(grids: Sequence[str]) -> str:
    """Grids as a row keeps them, each between spaces."""
    return "".join(f" {each} " for each in grids)


def _way(mark: Mark) -> dict[str, object]:
    return {"whose": mark.voter, "way": mark.how.value, "helper": mark.helper, "witness": mark.witness}


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
            "electorate": Electorate(row.electorate),
            "grids": tuple(row.grids.split()),
            "result": result,
        }
    )
