"""A roster is taken in whole or not at all; those on it show who they are by phone, by a code, or by a gridworker."""

import asyncio

from bot.core.render import Phrase
from bot.core.rules import when
from domain.areas import Extent, Roster
from domain.councils import HELPERS, HOSTS
from domain.grounds import estates_in
from domain.refusals import Refused
from domain.rosters import RosterImported, Shown, Voter, VoterCodeWanted, helps_there
from services.ballot_words import named as called
from storage.desk import Desk


@when(RosterImported)
async def take_in(imported: RosterImported, desk: Desk) -> None:
    """`by` is nobody where the operator imports it from the command line."""
    person = await desk.people.get(imported.by) if imported.by is not None else None
    if imported.by is not None and (person is None or not person.serves(imported.area, HOSTS)):
        raise Refused("roster.not_yours")
    extent = extent_of(imported, desk)
    if open_now := await desk.ballots.under_way(extent):
        # Who may vote does not change while they vote.
        raise Refused("roster.under_way", question=open_now[0].question)
    this = Roster(extent.area, extent.estate)
    for other in await desk.rosters.beside(extent.area):
        # A household must not stand on two.
        if other != this and extent.meets(_whole(other, desk)):
            raise Refused("roster.beside", area=other.estate or desk.district.area_name(other.area))
    digests = await asyncio.to_thread(
        lambda: [tuple(sorted(map(desk.keys.phone, row.phones))) for row in imported.rows]
    )
    await desk.rosters.take_in(this, list(zip(imported.rows, digests, strict=True)))
    if person is not None:
        await desk.tell(person.id, "roster.done", area=called(extent, desk.district), households=len(imported.rows))


def extent_of(imported: RosterImported, desk: Desk) -> Extent:
    """What the roster is of; an estate is put down with the smallest area that holds it, whichever was named.

    Raises:
        Refused: there is no such estate, or more than one.
    """
    if not imported.estate:
        return Extent(imported.area)
    here = estates_in(imported.area, desk.district, desk.district.day(desk.now))
    found = [each.extent for each in here if each.place == imported.estate]
    if len(found) != 1:
        raise Refused(
            "roster.several_estates" if found else "roster.no_estate",
            area=desk.district.area_name(imported.area),
            estate=imported.estate,
        )
    return found[0]


def _whole(roster: Roster, desk: Desk) -> Extent:
    here = estates_in(roster.area, desk.district, desk.district.day(desk.now)) if roster.estate else []
    return next((each.extent for each in here if each.place == roster.estate), Extent(roster.area, (), roster.estate))


async def by_phone(person: int, digits: str, desk: Desk) -> list[Voter]:
    """The households this phone stands at on a roster; whoever shared it is of them from now on.

    Only for a number the platform vouches for: it is whoever writes who has it.
    """
    digest = await asyncio.to_thread(desk.keys.phone, mobile(digits))
    found = await desk.rosters.by_phone(digest)
    for each in found:
        await desk.rosters.confirm(each.id, person, Shown.PHONE)
    return found


async def by_code(person: int, voter_id: int, giver: int | None, desk: Desk) -> None:
    """A household's code was typed."""
    voter = await desk.rosters.get(voter_id)
    if voter is None or not await desk.rosters.stands(voter_id):
        raise Refused("join.unknown")
    await desk.rosters.confirm(voter_id, person, Shown.CODE if giver is None else Shown.GRIDWORKER, giver)
    await desk.tell(person, "confirm.done", households=named([voter]))


def named(voters: list[Voter]) -> tuple[Phrase, ...]:
    return tuple(Phrase("confirm.one", {"household": each.household}) for each in voters)


def mobile(digits: str) -> str:
    """A phone number as it is compared: 8613… and 13… are one."""
    return digits[2:] if len(digits) == 13 and digits.startswith("86") else digits


@when(VoterCodeWanted)
async def give_code(wanted: VoterCodeWanted, desk: Desk) -> None:
    person = await desk.people.get(wanted.by)
    voter = await desk.rosters.get(wanted.voter)
    if person is None or voter is None or not helps_there(person, voter.area, HELPERS):
        raise Refused("roster.not_yours")
    code = await desk.people.invite(voter_id=voter.id, by_id=person.id)
    await desk.tell(person.id, "vouch.code", household=voter.household, code=code)
