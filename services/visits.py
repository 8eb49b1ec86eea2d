"""Staff have something asked at every household; gridworkers go from door to door; staff see how far it is."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from bot.core.render import Phrase
from bot.core.rules import when
from bot.core.words import Choice
from domain.areas import covers
from domain.district import District
from domain.people import STAFF, WORKERS, Person, Role
from domain.refusals import Refused
from domain.visits import (
    MOST_DOORS,
    Campaign,
    CampaignEnded,
    CampaignOpened,
    CampaignOver,
    HouseholdVisited,
    Outcome,
    Progress,
    calls_at,
    check_opening,
    check_visit,
    in_order,
    reads,
)
from nlp import place, private
from nlp.normalise import mask
from services.news import on_day
from storage.desk import Desk


@when(CampaignOpened)
async def open_campaign(opened: CampaignOpened, desk: Desk) -> None:
    person = await _person(opened.by, desk)
    if opened.area not in desk.district.areas and opened.area not in desk.district.grids:
        raise Refused("campaign.not_yours")
    check_opening(person, opened, desk.district.day(desk.now))
    doors = await doors_of(opened, desk)
    if not doors:
        raise Refused("campaign.no_households", answer="campaign.households")
    if len(doors) > MOST_DOORS:
        raise Refused("campaign.too_many", answer="campaign.households", most=MOST_DOORS)
    campaign = await desk.visits.open(opened, doors)
    morning = datetime.combine(opened.until + timedelta(days=1), desk.district.digest_at, desk.district.timezone)
    await desk.plan(CampaignOver(campaign.id), morning, key=f"campaign:{campaign.id}:over")
    theirs, nobodys = await _shared_out(doors, desk)
    for number, count in theirs.items():
        await desk.tell(
            number,
            "campaign.for_you",
            once=f"campaign:{campaign.id}:{number}",
            count=count,
            choices=[Choice("visit.go", opens="visit", given={"campaign": str(campaign.id)})],
            **facts(campaign, desk.district),
        )
    await desk.tell(
        person.id,
        "campaign.you_opened",
        count=len(doors),
        workers=len(theirs),
        nobodys=Phrase("campaign.nobodys", {"count": nobodys}) if nobodys else "",
        choices=[card(campaign)],
        **facts(campaign, desk.district),
    )


async def doors_of(opened: CampaignOpened, desk: Desk) -> list[tuple[str, str]]:
    """The (area, household) pairs of a campaign, in the order to walk them; the grid where the words name it."""
    if not opened.households:
        voters = await desk.rosters.within(opened.area, MOST_DOORS + 1)
        known = {each.household: each.area for each in voters}
    else:
        words = [private.without(mask(each.strip())) for each in opened.households]
        known = {each: opened.area for each in words if each}
    return [(_grid_of(each, known[each], opened.area, desk), each) for each in in_order([*known])]


def _grid_of(household: str, area: str, within: str, desk: Desk) -> str:
    found = place.find(household, desk.district)
    grids = [grid for grid in found.grids if covers(within, grid)] if found else []
    return grids[0] if len(grids) == 1 else area


async def _shared_out(doors: list[tuple[str, str]], desk: Desk) -> tuple[Counter[int], int]:
    """How many doors each gridworker has who can be reached, and how many have nobody who can."""
    today = desk.district.day(desk.now)
    theirs, nobodys = Counter[int](), 0
    for area, count in Counter(area for area, _ in doors).items():
        grids = [each.code for each in desk.district.grids_in(area, today)] or [area]
        found = {
            person.id for grid in grids for person in await desk.people.serving(grid, [Role.GRIDWORKER], reachable=True)
        }
        for number in found:
            theirs[number] += count
        nobodys += count if not found else 0
    return theirs, nobodys


@when(HouseholdVisited)
async def visit(visited: HouseholdVisited, desk: Desk) -> None:
    person = await _person(visited.by, desk)
    words = private.without(mask(visited.words.strip()))
    if visited.door is None:
        await _by_the_way(visited, words, person, desk)
        return
    door = await desk.visits.door(visited.door, lock=True)
    campaign = await desk.visits.campaign(door.campaign_id) if door else None
    if door is None or campaign is None:
        raise Refused("visit.not_found")
    check_visit(person, door, campaign, desk.district.day(desk.now))
    await desk.visits.note(_with(visited, words), door.area, door.household)
    areas = person.areas(*WORKERS)
    left = sum(each.left for each in await desk.visits.progress(campaign.id, areas))
    ahead = next((each for each in await desk.visits.left(campaign.id, areas, 1) if each.outcome is None), None)
    await desk.tell(
        person.id,
        "visit.noted" if left else "visit.all_done",
        household=door.household,
        outcome=Phrase(f"visit.outcome.{visited.outcome}"),
        left=left,
        campaign=campaign.title,
        choices=[
            *_report(visited.outcome, door.household, words),
            *([Choice(ahead.household, opens="visit", given={"door": str(ahead.id)})] if ahead else []),
            *([Choice("visit.another", opens="visit", given={"campaign": str(campaign.id)})] if left else []),
            Choice("visit.change", opens="visit", given={"door": str(door.id)}),
        ],
    )


async def _by_the_way(visited: HouseholdVisited, words: str, person: Person, desk: Desk) -> None:
    """A call that is for no campaign."""
    if visited.grid not in desk.district.grids or not person.serves(visited.grid, WORKERS):
        raise Refused("visit.not_yours", answer="visit.household")
    household = private.without(mask(visited.household.strip()))
    await desk.visits.note(_with(visited, words), visited.grid, household)
    await desk.tell(
        person.id,
        "visit.kept",
        household=household,
        days=desk.district.patrol_days,
        choices=[*_report(visited.outcome, household, words), Choice("visits.title", opens="visits")],
    )


def _with(visited: HouseholdVisited, words: str) -> HouseholdVisited:
    return HouseholdVisited(visited.by, visited.outcome, words, visited.door, visited.grid, visited.household)


def _report(outcome: Outcome, household: str, words: str) -> list[Choice]:
    """What is wrong there goes on as a report with its place and words filled in."""
    if outcome is not Outcome.TROUBLE:
        return []
    return [Choice("report.title", opens="report", given={"words": f"{household} {words}", "guessed": "yes"})]


@when(CampaignEnded)
async def end_campaign(ended: CampaignEnded, desk: Desk) -> None:
    campaign = await desk.visits.campaign(ended.campaign, lock=True)
    person = await _person(ended.by, desk)
    if campaign is None or not reads(person, campaign.area):
        raise Refused("campaign.not_found")
    if not person.serves(campaign.area, STAFF):
        raise Refused("campaign.not_yours")
    if campaign.closed_at is not None:
        raise Refused("campaign.over", campaign=campaign.title)
    await desk.visits.close(campaign)
    await _tell_result(campaign, person.id, desk)
    if campaign.opened_by != person.id:
        await _tell_result(campaign, campaign.opened_by, desk)


@when(CampaignOver)
async def close_campaign(over: CampaignOver, desk: Desk) -> None:
    """It ends by itself, once; whoever opened it reads how far it came."""
    campaign = await desk.visits.campaign(over.campaign, lock=True)
    if campaign is not None and campaign.closed_at is None:
        await desk.visits.close(campaign)
        await _tell_result(campaign, campaign.opened_by, desk)


async def _tell_result(campaign: Campaign, number: int | None, desk: Desk) -> None:
    found = await desk.visits.progress(campaign.id, [campaign.area])
    await desk.tell(
        number,
        "campaign.result",
        once=f"campaign:{campaign.id}:result:{number}",
        choices=[card(campaign)],
        **facts(campaign, desk.district),
        **counts(found),
    )


# What is shown of it, in chats and on pages.


async def running_for(person: Person, desk: Desk) -> list[tuple[Campaign, int]]:
    """Campaigns with doors this gridworker may call at, and how many of those are left."""
    today, areas = desk.district.day(desk.now), person.areas(*WORKERS)
    if not areas:
        return []
    found = []
    for campaign in await desk.visits.running():
        if today <= campaign.until and calls_at(person, campaign.area):
            left = sum(each.left for each in await desk.visits.progress(campaign.id, areas))
            if left:
                found.append((campaign, left))
    return found


async def seen_by(person: Person, desk: Desk) -> list[tuple[Campaign, list[Progress]]]:
    """Campaigns this member of staff may see, each as far as it is in the part that is theirs."""
    areas = person.areas(*STAFF)
    return [
        (campaign, await desk.visits.progress(campaign.id, areas))
        for campaign in await desk.visits.running()
        if reads(person, campaign.area)
    ]


async def readable(number: int, person: Person, desk: Desk) -> Campaign:
    """A campaign, to staff of its area or of a part of it.

    Raises:
        Refused: there is none, or it is not theirs to see.
    """
    campaign = await desk.visits.campaign(number)
    if campaign is None or not reads(person, campaign.area):
        raise Refused("campaign.not_found")
    return campaign


def facts(campaign: Campaign, district: District) -> dict[str, Any]:
    return {
        "campaign": campaign.title,
        "question": campaign.question,
        "area": district.area_name(campaign.area),
        "day": on_day(campaign.until),
    }


def counts(found: list[Progress]) -> dict[str, Any]:
    """All areas together, as a text shows them."""
    return {
        "doors": sum(each.doors for each in found),
        "settled": sum(each.doors - each.left for each in found),
        "done": sum(each.done for each in found),
        "nobody": sum(each.nobody for each in found),
        "declined": sum(each.declined for each in found),
        "trouble": sum(each.trouble for each in found),
    }


def card(campaign: Campaign) -> Choice:
    return Choice("campaign.see", opens="campaigns", given={"campaign": str(campaign.id)})


async def _person(number: int, desk: Desk) -> Person:
    person = await desk.people.get(number)
    if person is None:
        raise Refused("visit.not_found")
    return person
