"""Campaigns, their doors, and every call a gridworker made."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.areas import around, prefix
from domain.visits import (
    MOST_DOORS,
    SETTLED,
    Campaign,
    CampaignOpened,
    Door,
    HouseholdVisited,
    Outcome,
    Progress,
    Visit,
)
from storage.database import Connection
from storage.tables import Campaigns, Doors, Visits

_CAMPAIGN = (
    Campaigns.id,
    Campaigns.area,
    Campaigns.title,
    Campaigns.question,
    Campaigns.until,
    Campaigns.opened_by,
    Campaigns.opened_at,
    Campaigns.closed_at,
)
_DOOR = (
    Doors.id,
    Doors.campaign_id,
    Doors.area,
    Doors.household,
    Doors.outcome,
    Doors.by_id,
    Doors.at,
    Doors.words,
)
_AT_ONCE = 500
# When and in which grid stays for the year's count.
_COUNTED = timedelta(days=400)


class VisitStore:
    """Reads and writes about calls at households."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._db = connection
        self._now = now

    async def open(self, opened: CampaignOpened, doors: Sequence[tuple[str, str]]) -> Campaign:
        """A campaign with its doors, as (area, household) in the order to take them."""
        row = (
            await self._db.execute(
                insert(Campaigns)
                .values(
                    area=opened.area,
                    title=opened.title,
                    question=opened.question,
                    until=opened.until,
                    opened_by=opened.by,
                    opened_at=self._now,
                )
                .returning(*_CAMPAIGN)
            )
        ).one()
        campaign = Campaign(*row)
        rows = [
            {"campaign_id": campaign.id, "position": position, "area": area, "household": household}
            for position, (area, household) in enumerate(doors)
        ]
        for start in range(0, len(rows), _AT_ONCE):
            await self._db.execute(insert(Doors), rows[start : start + _AT_ONCE])
        return campaign

    async def campaign(self, number: int, *, lock: bool = False) -> Campaign | None:
        asked = select(*_CAMPAIGN).where(Campaigns.id == number)
        row = (await self._db.execute(asked.with_for_update() if lock else asked)).one_or_none()
        return Campaign(*row) if row else None

    async def running(self) -> list[Campaign]:
        """All that are not over, the first to end first."""
        rows = await self._db.execute(
            select(*_CAMPAIGN).where(Campaigns.closed_at.is_(None)).order_by(Campaigns.until, Campaigns.id)
        )
        return [Campaign(*row) for row in rows]

    async def close(self, campaign: Campaign) -> None:
        await self._db.execute(update(Campaigns).where(Campaigns.id == campaign.id).values(closed_at=self._now))

    async def door(self, number: int, *, lock: bool = False) -> Door | None:
        asked = select(*_DOOR).where(Doors.id == number)
        row = (await self._db.execute(asked.with_for_update() if lock else asked)).one_or_none()
        return _door(row) if row else None

    async def left(self, campaign: int, areas: Sequence[str], limit: int = MOST_DOORS) -> list[Door]:
        """Doors of a campaign to call at yet, for whoever has these areas: where nobody was at home come last."""
        rows = await self._db.execute(
            select(*_DOOR)
            .where(Doors.campaign_id == campaign, _theirs(areas), _unsettled())
            .order_by(Doors.outcome.is_not(None), Doors.position)
            .limit(limit)
        )
        return [_door(row) for row in rows]

    async def page(
        self, campaign: int, areas: Sequence[str], outcome: Outcome | None = None, after: int = -1, limit: int = 8
    ) -> list[tuple[int, Door]]:
        """Doors of a campaign within these areas, each with its place in the order; `outcome`: only those."""
        rows = await self._db.execute(
            select(Doors.position, *_DOOR)
            .where(
                Doors.campaign_id == campaign,
                Doors.position > after,
                _theirs(areas),
                *([Doors.outcome == outcome] if outcome else []),
            )
            .order_by(Doors.position)
            .limit(limit)
        )
        return [(row[0], _door(row[1:])) for row in rows]

    async def progress(self, campaign: int, areas: Sequence[str]) -> list[Progress]:
        """How far it is, grid by grid, within these areas."""
        rows = await self._db.execute(
            select(Doors.area, Doors.outcome, func.count())
            .where(Doors.campaign_id == campaign, _theirs(areas))
            .group_by(Doors.area, Doors.outcome)
        )
        found: dict[str, dict[str, int]] = {}
        for area, outcome, count in rows:
            of = found.setdefault(area, {"doors": 0})
            of["doors"] += count
            if outcome is not None:
                of[outcome] = count
        return [Progress(area, **counts) for area, counts in sorted(found.items())]

    async def note(self, visited: HouseholdVisited, area: str, household: str) -> None:
        """One call more; at a door of a campaign it stands as this one says. Of those the words are with the door."""
        await self._db.execute(
            insert(Visits).values(
                person_id=visited.by,
                area=area,
                household=household,
                at=self._now,
                outcome=visited.outcome,
                words=None if visited.door else visited.words or None,
                door_id=visited.door,
            )
        )
        if visited.door:
            await self._db.execute(
                update(Doors)
                .where(Doors.id == visited.door)
                .values(outcome=visited.outcome, by_id=visited.by, at=self._now, words=visited.words or None)
            )

    async def of(self, person_id: int, since: datetime) -> list[Visit]:
        """Somebody's calls since then, the newest first."""
        rows = await self._db.execute(
            select(Visits.household, Visits.at, Visits.outcome, func.coalesce(Visits.words, Doors.words, ""))
            .outerjoin(Doors, (Doors.id == Visits.door_id) & (Doors.by_id == person_id) & (Doors.at == Visits.at))
            .where(Visits.person_id == person_id, Visits.at >= since)
            .order_by(Visits.at.desc(), Visits.id.desc())
        )
        return [Visit(household, at, Outcome(outcome), words) for household, at, outcome, words in rows]

    async def blur(self, kept: timedelta) -> None:
        """Forget what was noted: of calls so long ago, and of campaigns over for so long; later the doors as well."""
        before = self._now - kept
        over = select(Campaigns.id).where(Campaigns.closed_at < before)
        await self._db.execute(update(Visits).where(Visits.at < before, Visits.words.is_not(None)).values(words=None))
        await self._db.execute(
            update(Doors).where(Doors.campaign_id.in_(over), Doors.words.is_not(None)).values(words=None)
        )
        await self._db.execute(delete(Visits).where(Visits.at < self._now - _COUNTED))
        gone = select(Campaigns.id).where(Campaigns.closed_at < self._now - _COUNTED)
        await self._db.execute(delete(Doors).where(Doors.campaign_id.in_(gone)))

    async def forget(self, person_id: int) -> None:
        """What was done stays counted; nobody's name stands at it, and what they noted by the way goes."""
        await self._db.execute(delete(Visits).where(Visits.person_id == person_id))
        await self._db.execute(update(Doors).where(Doors.by_id == person_id).values(by_id=None))
        await self._db.execute(update(Campaigns).where(Campaigns.opened_by == person_id).values(opened_by=None))

    async def merge(self, old: int, into: int) -> None:
        """Two numbers are one person."""
        await self._db.execute(update(Visits).where(Visits.person_id == old).values(person_id=into))
        await self._db.execute(update(Doors).where(Doors.by_id == old).values(by_id=into))
        await self._db.execute(update(Campaigns).where(Campaigns.opened_by == old).values(opened_by=into))


def _unsettled() -> ColumnElement[bool]:
    return or_(Doors.outcome.is_(None), Doors.outcome.not_in(SETTLED))


def _theirs(areas: Sequence[str]) -> ColumnElement[bool]:
    """Doors within one of these areas, or somewhere around it where nobody knows the grid."""
    within: list[ColumnElement[bool]] = []
    for area in areas:
        start = prefix(area)
        within.append((Doors.area >= start) & (Doors.area < start + ":"))
        within.append(Doors.area.in_(around(area)))
    return or_(*within)


def _door(row: Sequence[Any]) -> Door:
    number, campaign, area, household, outcome, by, at, words = row
    return Door(number, campaign, area, household, Outcome(outcome) if outcome else None, by, at, words or "")
