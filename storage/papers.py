"""Ballot papers as they are entered: each read by several, none of whom sees what the others read."""

from datetime import datetime

from sqlalchemy import delete, func, select, true, update
from sqlalchemy.dialects.postgresql import insert

from domain.councils import BY_ROSTER, Ballot, How
from storage.ballots import Mark
from storage.database import Connection
from storage.tables import Ballots, Readings, Roll, VoidedPapers


class PaperStore:
    """Reads and writes about ballot papers."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._db = connection
        self._now = now

    async def slip(self, ballot_id: int, number: int) -> str | None:
        """What the receipt of a paper already entered is made from."""
        found: str | None = await self._db.scalar(
            select(Readings.slip).where(Readings.ballot_id == ballot_id, Readings.number == number).limit(1)
        )
        return found

    async def enter(self, ballot_id: int, number: int, person_id: int, slip: str, envelope: str) -> None:
        """Keep what somebody read on a paper; their own reading before this is replaced."""
        row = insert(Readings).values(
            ballot_id=ballot_id, number=number, person_id=person_id, slip=slip, envelope=envelope
        )
        await self._db.execute(
            row.on_conflict_do_update(
                index_elements=["ballot_id", "number", "person_id"], set_={"envelope": row.excluded.envelope}
            )
        )

    async def readings(self, ballot_id: int, number: int) -> dict[int, str]:
        """What was read on one paper, sealed, by who read it."""
        rows = await self._db.execute(
            select(Readings.person_id, Readings.envelope).where(
                Readings.ballot_id == ballot_id, Readings.number == number, Readings.envelope.is_not(None)
            )
        )
        return {person: envelope for person, envelope in rows if envelope is not None}

    async def all(self, ballot: Ballot) -> dict[int, tuple[str, dict[int, str]]]:
        """Every paper of a closed ballot by its number: its slip, and what was read on it, sealed.

        Raises:
            ValueError: the ballot is still open, and nobody may look.
        """
        if ballot.closed_at is None:
            raise ValueError(f"ballot {ballot.id} is open and sealed")
        rows = await self._db.execute(
            select(Readings.number, Readings.slip, Readings.person_id, Readings.envelope)
            .where(Readings.ballot_id == ballot.id, Readings.envelope.is_not(None))
            .order_by(Readings.number, Readings.person_id)
        )
        found: dict[int, tuple[str, dict[int, str]]] = {}
        for number, slip, person, envelope in rows:
            found.setdefault(number, (slip or "", {}))[1][person] = envelope or ""
        return found

    async def numbers(self, ballot_id: int) -> int:
        """How many different papers were entered by anybody."""
        return (
            await self._db.scalar(select(func.count(Readings.number.distinct())).where(Readings.ballot_id == ballot_id))
        ) or 0

    async def handed_out(self, ballot_id: int) -> int:
        """How many were handed a paper."""
        return (
            await self._db.scalar(
                select(func.count()).select_from(Roll).where(Roll.ballot_id == ballot_id, Roll.how == How.PAPER)
            )
        ) or 0

    # Papers that were lost.

    async def back(self, ballot_id: int) -> int:
        """How many sleeves have come back."""
        return (
            await self._db.scalar(
                select(func.count()).select_from(Roll).where(Roll.ballot_id == ballot_id, Roll.back.is_(true()))
            )
        ) or 0

    async def note_back(self, ballot_id: int, voter: int) -> None:
        await self._db.execute(
            update(Roll)
            .where(Roll.ballot_id == ballot_id, Roll.voter == voter, Roll.how == How.PAPER)
            .values(back=True)
        )

    async def voided(self, ballot_id: int, voter: int | None = None) -> int:
        """How many papers of a ballot, or of one of its voters, were made void."""
        query = select(func.count()).select_from(VoidedPapers).where(VoidedPapers.ballot_id == ballot_id)
        return await self._db.scalar(query if voter is None else query.where(VoidedPapers.voter == voter)) or 0

    async def void(self, ballot_id: int, mark: Mark, copy: int, by: int, reason: str) -> None:
        """Note that the paper somebody was handed is void, by whom and why; they are off the roll."""
        await self._db.execute(
            insert(VoidedPapers).values(
                ballot_id=ballot_id,
                voter=mark.voter,
                copy=copy,
                by_id=by,
                helper_id=mark.helper,
                reason=reason,
                at=self._now,
            )
        )
        await self._db.execute(delete(Roll).where(Roll.ballot_id == ballot_id, Roll.voter == mark.voter))

    async def forget(self, person_id: int) -> None:
        """What was said of how somebody lost a paper is said no more; that one is void stays."""
        theirs = select(Ballots.id).where(Ballots.electorate.not_in(BY_ROSTER))
        await self._db.execute(
            update(VoidedPapers)
            .where(VoidedPapers.voter == person_id, VoidedPapers.ballot_id.in_(theirs))
            .values(reason="")
        )
