"""Who stands behind a proposal, hears of a matter, finds it improper, and what they made of it in the end."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, false, func, literal, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from domain.areas import prefix
from domain.matters import Matter, Score, Status
from storage.database import Connection
from storage.matters import MatterStore, within
from storage.tables import Backers, Flags, MatterFollowers, MatterRatings, Matters

_TABLES = (Backers, MatterFollowers, Flags, MatterRatings)


class VoiceStore:
    """Reads and writes about supporters, followers, flags and ratings."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._db = connection
        self._now = now

    # Supporters.

    async def back(self, matter_id: int, person_id: int) -> bool:
        """Count somebody behind a proposal; False when they are already."""
        row = insert(Backers).values(matter_id=matter_id, person_id=person_id, at=self._now)
        return await self._db.scalar(row.on_conflict_do_nothing().returning(Backers.person_id)) is not None

    async def unback(self, matter_id: int, person_id: int) -> bool:
        """Count them no more; False when they were not."""
        theirs = (Backers.matter_id == matter_id, Backers.person_id == person_id)
        return await self._db.scalar(delete(Backers).where(*theirs).returning(Backers.person_id)) is not None

    async def backs(self, matter_id: int, person_id: int) -> bool:
        theirs = (Backers.matter_id == matter_id, Backers.person_id == person_id)
        return await self._db.scalar(select(Backers.person_id).where(*theirs)) is not None

    async def support(self, matter: Matter) -> int:
        """How many stand behind a proposal, those counted on somebody's word among them."""
        tapped = await self._db.scalar(select(func.count()).where(Backers.matter_id == matter.id)) or 0
        return int(tapped) + matter.vouched

    async def join(self, matter: Matter, kept: Matter) -> None:
        """Whoever stood behind a proposal or hears of it does so of another instead, which it was merged into."""
        backing = select(literal(kept.id), Backers.person_id, Backers.at).where(Backers.matter_id == matter.id)
        await self._db.execute(
            insert(Backers).from_select(["matter_id", "person_id", "at"], backing).on_conflict_do_nothing()
        )
        theirs = (MatterFollowers.person_id, MatterFollowers.at, MatterFollowers.muted, MatterFollowers.grouped)
        hearing = select(literal(kept.id), *theirs).where(MatterFollowers.matter_id == matter.id)
        columns = ["matter_id", "person_id", "at", "muted", "grouped"]
        await self._db.execute(insert(MatterFollowers).from_select(columns, hearing).on_conflict_do_nothing())

    # Followers.

    async def follow(self, matter_id: int, person_id: int, *, muted: bool | None = None) -> None:
        """Let somebody hear of a matter; `muted`: as they themselves want it, whatever was before."""
        row = insert(MatterFollowers).values(
            matter_id=matter_id, person_id=person_id, at=self._now, muted=muted or False
        )
        kept = (
            row.on_conflict_do_nothing()
            if muted is None
            else row.on_conflict_do_update(index_elements=["matter_id", "person_id"], set_={"muted": muted})
        )
        await self._db.execute(kept)

    async def follows(self, matter_id: int, person_id: int) -> bool:
        found = await self._db.scalar(
            select(MatterFollowers.muted).where(
                MatterFollowers.matter_id == matter_id, MatterFollowers.person_id == person_id
            )
        )
        return found is False

    async def let_group_follow(self, matter_id: int, group: int) -> None:
        """Let a group chat hear of a matter; `group` is the number it has as a chat."""
        row = insert(MatterFollowers).values(
            matter_id=matter_id, person_id=group, at=self._now, muted=False, grouped=True
        )
        await self._db.execute(
            row.on_conflict_do_update(index_elements=["matter_id", "person_id"], set_={"muted": False, "grouped": True})
        )

    async def groups(self, matter_id: int, limit: int = 50) -> list[int]:
        """The group chats that hear of a matter."""
        return [
            *await self._db.scalars(
                select(MatterFollowers.person_id)
                .where(
                    MatterFollowers.matter_id == matter_id,
                    MatterFollowers.grouped,
                    MatterFollowers.muted.is_(false()),
                )
                .order_by(MatterFollowers.person_id)
                .limit(limit)
            )
        ]

    async def groups_in(
        self, areas: Sequence[str], *, before: tuple[int, int] | None = None, limit: int = 20
    ) -> list[tuple[Matter, int, datetime]]:
        """Which group chats hear of the matters within these areas, since when; the newest matter first."""
        theirs = or_(false(), *(within(Matters.area, area) for area in areas))
        query = (
            select(MatterFollowers.matter_id, MatterFollowers.person_id, MatterFollowers.at)
            .join(Matters, Matters.id == MatterFollowers.matter_id)
            .where(theirs, MatterFollowers.grouped, MatterFollowers.muted.is_(false()))
            .order_by(MatterFollowers.matter_id.desc(), MatterFollowers.person_id.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(tuple_(MatterFollowers.matter_id, MatterFollowers.person_id) < tuple_(*before))
        store = MatterStore(self._db, self._now)
        return [(await store.get(matter), group, at) for matter, group, at in await self._db.execute(query)]

    async def hush(self, group: int) -> bool:
        """Tell a group of nothing any more; False when it followed nothing."""
        theirs = (MatterFollowers.person_id == group, MatterFollowers.grouped, MatterFollowers.muted.is_(false()))
        row = await self._db.execute(
            update(MatterFollowers).where(*theirs).values(muted=True).returning(MatterFollowers.matter_id)
        )
        return bool(row.all())

    async def followers(self, matter_id: int, *, after: int = 0, limit: int = 200) -> list[int]:
        """Who hears of a matter, in the order of their numbers; not the group chats."""
        return [
            *await self._db.scalars(
                select(MatterFollowers.person_id)
                .where(
                    MatterFollowers.matter_id == matter_id,
                    MatterFollowers.muted.is_(false()),
                    MatterFollowers.grouped.is_(false()),
                    MatterFollowers.person_id > after,
                )
                .order_by(MatterFollowers.person_id)
                .limit(limit)
            )
        ]

    # What is found improper.

    async def flag(self, matter_id: int, person_id: int, words: str) -> bool:
        """Note that somebody finds it improper; False when they have said so before."""
        row = insert(Flags).values(matter_id=matter_id, person_id=person_id, words=words, at=self._now)
        return await self._db.scalar(row.on_conflict_do_nothing().returning(Flags.person_id)) is not None

    async def flags(self, matter_id: int) -> list[str]:
        """What was said against a proposal, without who said it."""
        return [*await self._db.scalars(select(Flags.words).where(Flags.matter_id == matter_id).order_by(Flags.at))]

    # What they made of it.

    async def rate(self, matter_id: int, person_id: int, score: int, words: str) -> bool:
        """Keep what somebody makes of the result; False when they have said so already."""
        row = insert(MatterRatings).values(
            matter_id=matter_id, person_id=person_id, score=score, words=words, at=self._now
        )
        return await self._db.scalar(row.on_conflict_do_nothing().returning(MatterRatings.person_id)) is not None

    async def rated(self, matter_id: int, person_id: int) -> bool:
        theirs = (MatterRatings.matter_id == matter_id, MatterRatings.person_id == person_id)
        return await self._db.scalar(select(MatterRatings.score).where(*theirs)) is not None

    async def ratings(self, matter_id: int) -> Counter[Score]:
        """How often each score was given to one matter."""
        return await self._scores(MatterRatings.matter_id == matter_id)

    async def ratings_in(self, area: str, start: datetime, end: datetime) -> Counter[Score]:
        """How often each score was given to the matters of an area that ended within a time: for its score."""
        ended = select(Matters.id).where(
            Matters.area >= prefix(area),
            Matters.area < prefix(area) + ":",
            Matters.status == Status.DONE,
            Matters.since >= start,
            Matters.since < end,
        )
        return await self._scores(MatterRatings.matter_id.in_(ended))

    async def _scores(self, which: ColumnElement[bool]) -> Counter[Score]:
        rows = await self._db.execute(
            select(MatterRatings.score, func.count()).where(which).group_by(MatterRatings.score)
        )
        return Counter({Score(score): count for score, count in rows})

    async def poor(self, matter_id: int, limit: int = 20) -> list[str]:
        """Why those were not content who said so, the newest first, without who they are."""
        return [
            *await self._db.scalars(
                select(MatterRatings.words)
                .where(MatterRatings.matter_id == matter_id, MatterRatings.words != "")
                .order_by(MatterRatings.at.desc())
                .limit(limit)
            )
        ]

    # Whoever wants to be forgotten, and two who are one.

    async def forget(self, person_id: int) -> None:
        """Somebody forgotten supports nothing that is still open, for they could come back and do so twice."""
        still = select(Matters.id).where(Matters.status == Status.COLLECT)
        await self._db.execute(delete(Backers).where(Backers.person_id == person_id, Backers.matter_id.in_(still)))
        for table in (MatterFollowers, Flags):
            await self._db.execute(delete(table).where(table.person_id == person_id))
        await self._db.execute(update(MatterRatings).where(MatterRatings.person_id == person_id).values(words=""))

    async def merge(self, old: int, into: int) -> None:
        """Two numbers are one person, who counts once."""
        for table in _TABLES:
            there = select(table.matter_id).where(table.person_id == into)
            await self._db.execute(delete(table).where(table.person_id == old, table.matter_id.in_(there)))
            await self._db.execute(update(table).where(table.person_id == old).values(person_id=into))
