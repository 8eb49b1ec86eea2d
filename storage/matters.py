"""Council matters: proposed, moved along, found again by those they concern and by their words."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, false, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.areas import around, prefix
from domain.councils import Ballot
from domain.matters import Entry, Matter, MatterProposed, Move, Part, Status, Tier, ladder
from nlp import alike
from nlp.alike import pieces, proposed
from nlp.normalise import bare, fold
from storage.ballots import BallotStore, listed
from storage.database import Connection
from storage.tables import Ballots, MatterFollowers, MatterLog, MatterPhotos, MatterPieces, Matters

_FIELDS = [each.name for each in fields(Matter)]
_MATTER = tuple(getattr(Matters, name) for name in _FIELDS)
# All that may change in a matter's life, whatever did.
_CHANGING = [each for each in _FIELDS if each not in ("id", "tier", "area", "grids", "place", "door", "opened_at")]
_GET = select(*_MATTER).where(Matters.id == bindparam("matter"))
_GET_LOCKED = _GET.with_for_update()
# How alike two proposals are, from 0 to 1, that may be the same; among so many newest ones of one place.
_ALIKE, _NEAREST = 0.3, 200
# How many of the pieces somebody looks for must be there, from 0 to 1.
_FOUND = 0.6
_MOST_PIECES = 60


class MatterStore:
    """Reads and writes about council matters."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._db = connection
        self._now = now

    async def propose(self, proposal: MatterProposed) -> Matter:
        number: int | None = await self._db.scalar(
            insert(Matters)
            .values(
                tier=proposal.tier,
                area=proposal.area,
                grids=listed(proposal.grids),
                place=proposal.place,
                proposer_id=proposal.by,
                words=proposal.words,
                door=proposal.vouched > 0,
                vouched=proposal.vouched,
                status=Status.COLLECT,
                opened_at=self._now,
                since=self._now,
            )
            .returning(Matters.id)
        )
        if number is None:
            raise LookupError("the database gave no number for a new matter")
        await self.add_photos(number, proposal.photos)
        await self._index(number, proposal.words, proposal.place)
        return await self.get(number)

    async def get(self, matter_id: int, *, lock: bool = False) -> Matter:
        """One matter.

        Raises:
            LookupError: there is none with that number.
        """
        row = (await self._db.execute(_GET_LOCKED if lock else _GET, {"matter": matter_id})).one_or_none()
        if row is None:
            raise LookupError(f"no matter {matter_id}")
        return _matter(row)

    async def find(self, matter_id: int, *, lock: bool = False) -> Matter | None:
        row = (await self._db.execute(_GET_LOCKED if lock else _GET, {"matter": matter_id})).one_or_none()
        return _matter(row) if row else None

    async def save(self, matter: Matter) -> None:
        """Put down how a matter stands now; it must have been got with `lock`."""
        await self._db.execute(
            update(Matters).where(Matters.id == matter.id).values({name: getattr(matter, name) for name in _CHANGING})
        )

    async def name(self, matter: Matter, question: str) -> None:
        """The question put to its area: it is found by those words too."""
        await self._db.execute(update(Matters).where(Matters.id == matter.id).values(question=question))
        await self._index(matter.id, question)

    async def _index(self, matter_id: int, *texts: str) -> None:
        found = sorted(frozenset[str]().union(*(pieces(bare(text)) for text in texts)))
        rows = [{"piece": each, "matter_id": matter_id} for each in found]
        if rows:
            await self._db.execute(insert(MatterPieces).on_conflict_do_nothing(), rows)

    # The journal.

    async def log(
        self,
        matter: Matter,
        person_id: int | None,
        part: Part | None,
        move: Move,
        words: str = "",
        leaf_id: int | None = None,
    ) -> int:
        """Add a step to a matter's journal, with how it stands after it; returns the step's number."""
        number: int | None = await self._db.scalar(
            update(Matters).where(Matters.id == matter.id).values(steps=Matters.steps + 1).returning(Matters.steps)
        )
        if number is None:
            raise LookupError(f"no matter {matter.id}")
        await self._db.execute(
            insert(MatterLog).values(
                matter_id=matter.id,
                number=number,
                at=self._now,
                person_id=person_id,
                part=part,
                move=move,
                status=matter.status,
                words=words,
                leaf_id=leaf_id,
            )
        )
        return number

    async def journal(self, matter_id: int) -> list[Entry]:
        """Every step of a matter, the oldest first."""
        rows = await self._db.execute(
            select(MatterLog).where(MatterLog.matter_id == matter_id).order_by(MatterLog.number)
        )
        return [_entry(row) for row in rows]

    async def entry(self, matter_id: int, number: int) -> Entry | None:
        query = select(MatterLog).where(MatterLog.matter_id == matter_id, MatterLog.number == number)
        row = (await self._db.execute(query)).one_or_none()
        return _entry(row) if row else None

    # Its photos.

    async def add_photos(self, matter_id: int, photos: Sequence[str], leaf_id: int | None = None) -> None:
        rows = [{"matter_id": matter_id, "leaf_id": leaf_id, "photo": each} for each in photos]
        if rows:
            await self._db.execute(insert(MatterPhotos), rows)

    async def photos(self, matter_id: int, leaf_id: int | None = None) -> tuple[str, ...]:
        """The photos of a matter itself, or of one leaf of its file."""
        return tuple(
            await self._db.scalars(
                select(MatterPhotos.photo)
                .where(MatterPhotos.matter_id == matter_id, MatterPhotos.leaf_id.is_not_distinct_from(leaf_id))
                .order_by(MatterPhotos.id)
            )
        )

    # Whose they are.

    async def near(self, grid: str, statuses: Iterable[Status], limit: int = 50) -> list[Matter]:
        """The matters of whoever lives in a grid, the newest first."""
        rows = await self._db.execute(
            select(*_MATTER)
            .where(Matters.area.in_([*around(grid), grid]), Matters.status.in_([*statuses]))
            .order_by(Matters.id.desc())
            # Of an estate in several grids some are another's: a few more are read than are shown.
            .limit(2 * limit)
        )
        return [matter for matter in map(_matter, rows) if matter.holds(grid)][:limit]

    async def of_person(self, person_id: int, limit: int = 20) -> list[Matter]:
        """What somebody proposed or follows, the newest first."""
        followed = select(MatterFollowers.matter_id).where(
            MatterFollowers.person_id == person_id, MatterFollowers.muted.is_(false())
        )
        rows = await self._db.execute(
            select(*_MATTER)
            .where(or_(Matters.proposer_id == person_id, Matters.id.in_(followed)))
            .order_by(Matters.id.desc())
            .limit(limit)
        )
        return [_matter(row) for row in rows]

    async def hosted(
        self, areas: Sequence[str], statuses: Iterable[Status], *, before: int | None = None, limit: int = 20
    ) -> list[Matter]:
        """The matters within these areas, and those raised to them, the newest first, from before that number on."""
        theirs = or_(false(), *(within(Matters.area, area) for area in areas), Matters.raised_to.in_([*areas]))
        query = select(*_MATTER).where(theirs, Matters.status.in_([*statuses]))
        if before is not None:
            query = query.where(Matters.id < before)
        return [_matter(row) for row in await self._db.execute(query.order_by(Matters.id.desc()).limit(limit))]

    async def proposed_since(self, person_id: int, since: datetime) -> int:
        """How much somebody has proposed since then, whatever became of it."""
        query = select(func.count()).where(Matters.proposer_id == person_id, Matters.opened_at > since)
        return await self._db.scalar(query) or 0

    async def like(self, proposal: MatterProposed) -> Matter | None:
        """The open proposal to the same area that is most alike, if one is."""
        rows = await self._db.execute(
            select(*_MATTER)
            .where(
                Matters.area == proposal.area,
                Matters.status == Status.COLLECT,
                Matters.tier == proposal.tier,
                Matters.place == proposal.place,
            )
            .order_by(Matters.id.desc())
            .limit(_NEAREST)
        )
        wanted = proposed(proposal.words, proposal.place)
        near = [(within_each(wanted, each), -each.id, each) for each in map(_matter, rows)]
        best = max(near, default=None, key=lambda each: each[:2])
        return best[2] if best and best[0] >= _ALIKE else None

    async def beside(self, matter: Matter, limit: int = 6) -> list[Matter]:
        """What a proposal may be merged into: what is open to the same area or around it, the most alike first."""
        rows = await self._db.execute(
            select(*_MATTER)
            .where(
                Matters.area.in_([*ladder(matter.area)]),
                Matters.status.in_([Status.COLLECT, Status.AGENDA]),
                Matters.id != matter.id,
            )
            .order_by(Matters.id.desc())
            .limit(_NEAREST)
        )
        wanted = proposed(matter.words, matter.place)
        open_ = [each for each in map(_matter, rows) if not each.grids or set(matter.grounds()) <= set(each.grids)]
        return sorted(open_, key=lambda each: -within_each(wanted, each))[:limit]

    async def ballot(self, matter_id: int) -> Ballot | None:
        """The newest ballot that was to settle a matter, if it was not called off."""
        number = await self._db.scalar(
            select(func.max(Ballots.id)).where(Ballots.matter_id == matter_id, Ballots.cancelled.is_(None))
        )
        return await BallotStore(self._db, self._now).find(number) if number else None

    # Telling of the day's proposals.

    async def untold(self) -> list[Matter]:
        """Open proposals neighbours have not been told of, the oldest first."""
        rows = await self._db.execute(
            select(*_MATTER)
            .where(Matters.told_at.is_(None), Matters.status == Status.COLLECT)
            .order_by(Matters.id)
            .with_for_update()
        )
        return [_matter(row) for row in rows]

    async def told(self, matters: Iterable[Matter]) -> None:
        numbers = [each.id for each in matters]
        await self._db.execute(update(Matters).where(Matters.id.in_(numbers)).values(told_at=self._now))

    # The archive.

    async def search(
        self,
        words: str,
        grid: str | None,
        areas: Sequence[str],
        *,
        before: int | None = None,
        limit: int = 8,
    ) -> list[Matter]:
        """Matters with these words among those of whoever lives there or hosts these areas, the newest first.

        What was hidden, merged or taken back is not found.
        """
        wanted = sought(words)
        if not wanted:
            return []
        found = (
            select(MatterPieces.matter_id)
            .where(MatterPieces.piece.in_(wanted))
            .group_by(MatterPieces.matter_id)
            .having(func.count() >= _FOUND * len(wanted))
        )
        theirs = [within(Matters.area, area) for area in areas]
        if grid is not None:
            theirs.append(Matters.area.in_([*around(grid), grid]))
        gone = (Status.HIDDEN, Status.MERGED, Status.WITHDRAWN)
        query = select(*_MATTER).where(Matters.id.in_(found), or_(false(), *theirs), Matters.status.not_in(gone))
        if before is not None:
            query = query.where(Matters.id < before)
        rows = await self._db.execute(query.order_by(Matters.id.desc()).limit(2 * limit))
        hosted = [prefix(area) for area in areas]
        matters = [_matter(row) for row in rows]
        return [each for each in matters if each.holds(grid) or any(each.area.startswith(start) for start in hosted)][
            :limit
        ]

    # Whoever wants to be forgotten, and two who are one.

    async def forget(self, person_id: int) -> None:
        """What somebody proposed belongs to the neighbours who support it: it stays, whose it was does not."""
        await self._db.execute(update(Matters).where(Matters.proposer_id == person_id).values(proposer_id=None))
        await self._db.execute(update(Matters).where(Matters.host_id == person_id).values(host_id=None))
        residents = (Part.PROPOSER, Part.NEIGHBOUR, Part.AUTHOR)
        await self._db.execute(
            update(MatterLog)
            .where(MatterLog.person_id == person_id, MatterLog.part.in_(residents))
            .values(words="", person_id=None)
        )

    async def merge(self, old: int, into: int) -> None:
        """Two numbers are one person."""
        for column in (Matters.proposer_id, Matters.host_id):
            await self._db.execute(update(Matters).where(column == old).values({column.key: into}))
        await self._db.execute(update(MatterLog).where(MatterLog.person_id == old).values(person_id=into))


def within_each(wanted: frozenset[str], matter: Matter) -> float:
    """How alike a proposal is to one that is there, from 0 to 1."""
    return alike.within(wanted, proposed(matter.words, matter.place))


def sought(words: str) -> list[str]:
    """The pieces of what somebody looks for, word by word: nothing is looked for across a space."""
    each = (bare(word) for word in fold(words).split())
    return sorted(frozenset[str]().union(*(pieces(word) for word in each if len(word) > 1)))[:_MOST_PIECES]


def within(column: Any, area: str) -> ColumnElement[bool]:
    """Whether a code in that column lies in an area."""
    start = prefix(area)
    return and_(column >= start, column < start + ":")


def _matter(row: Any) -> Matter:
    values = dict(row._mapping)  # noqa: SLF001 - Row's documented mapping
    values["tier"], values["status"] = Tier(row.tier), Status(row.status)
    values["grids"] = tuple(row.grids.split())
    return Matter(**values)


def _entry(row: Any) -> Entry:
    part = Part(row.part) if row.part else None
    return Entry(row.number, row.at, row.person_id, part, Move(row.move), Status(row.status), row.words, row.leaf_id)
