"""Whom a ballot concerns, as conditions on rows: who is told of it, who has voted, how many could."""

from sqlalchemy import ColumnElement, Select, and_, func, literal_column, not_, or_, select

from domain.areas import Extent, prefix
from domain.councils import Electorate
from domain.people import Role
from storage.tables import Confirmed, People, Roles, Roll, Voters

_MEMBER: ColumnElement[str] = literal_column(f"'{Role.COUNCIL_MEMBER}'")


def lives_in(extent: Extent) -> ColumnElement[bool]:
    """Whether the person at hand says they live there: in one of its grids, which is all that is known."""
    if extent.grids:
        return People.grid.in_(extent.grids)
    start = prefix(extent.area)
    return and_(People.grid >= start, People.grid < start + ":")


def on_roster(extent: Extent) -> ColumnElement[bool]:
    """Whether the household at hand stands on a roster of it: of an estate its own, or one of its grids'."""
    start = prefix(extent.area)
    within = and_(Voters.area >= start, Voters.area < start + ":", Voters.gone_at.is_(None))
    if not extent.estate:
        return within
    unnamed = and_(Voters.estate == "", Voters.area.in_(extent.grounds()))
    return and_(within, or_(Voters.estate == extent.estate, unnamed))


def beyond(electorate: Electorate, extent: Extent) -> ColumnElement[bool] | None:
    """Who is told besides those who live there: owners who live elsewhere; of a council, its members alone."""
    if electorate is Electorate.MEMBERS:
        return People.id.in_(_members(extent))
    if electorate is Electorate.RESIDENTS:
        return None
    confirmed = select(Confirmed.person_id).join(Voters, Voters.id == Confirmed.voter_id).where(on_roster(extent))
    return and_(People.id.in_(confirmed), or_(People.grid.is_(None), not_(lives_in(extent))))


def told(electorate: Electorate, extent: Extent) -> ColumnElement[bool]:
    """Whether the person at hand is told."""
    others = beyond(electorate, extent)
    if electorate is Electorate.MEMBERS and others is not None:
        return others
    return lives_in(extent) if others is None else or_(lives_in(extent), others)


def voted_in(ballot_id: int, electorate: Electorate) -> ColumnElement[bool]:
    """Whether the person at hand has voted, or somebody of their household: for telling only the others."""
    voted = select(Roll.voter).where(Roll.ballot_id == ballot_id)
    if electorate in (Electorate.RESIDENTS, Electorate.MEMBERS):
        return voted.where(Roll.voter == People.id).exists()
    theirs = select(Voters.owner_id if electorate is Electorate.OWNERS else Voters.id).join(
        Confirmed, Confirmed.voter_id == Voters.id
    )
    return voted.where(Roll.voter.in_(theirs.where(Confirmed.person_id == People.id))).exists()


def eligible(electorate: Electorate, extent: Extent) -> Select[int]:
    """How many votes there could be."""
    if electorate is Electorate.RESIDENTS:
        return select(func.count()).select_from(People).where(lives_in(extent))
    if electorate is Electorate.MEMBERS:
        return select(func.count(_members(extent).subquery().c.person_id.distinct()))
    whose = Voters.owner_id.distinct() if electorate is Electorate.OWNERS else Voters.id
    return select(func.count(whose)).where(on_roster(extent))


def _members(extent: Extent) -> Select[int]:
    return select(Roles.person_id).where(Roles.area.in_(extent.grounds()), Roles.role == _MEMBER, Roles.until.is_(None))
