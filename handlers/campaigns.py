"""Staff have gridworkers ask one thing at every household of an area, and see how far it is."""

from datetime import date, timedelta

from bot.core.errors import Unclear
from bot.core.render import Phrase
from bot.core.talk import Ask, Heard, Talk, conversation
from bot.core.words import Choice
from domain.areas import Extent, covers
from domain.district import District
from domain.people import STAFF
from domain.visits import LONGEST_DAYS, Campaign, CampaignEnded, CampaignOpened, Door, Outcome, Progress
from nlp import plain, when
from services.news import on_day, short
from services.visits import card, counts, facts, readable, seen_by
from storage.desk import Desk

_MOST_TYPED, _SHOWN = 300, 12
_ROSTER = "roster"
_SPANS = (("campaign.three_days", 3), ("campaign.a_week", 7), ("campaign.two_weeks", 14), ("campaign.a_month", 30))


@conversation("campaigns", opens_with=["入户活动", "走访活动", "/campaigns"], roles=STAFF, place=14)
async def campaigns(talk: Talk[Desk]) -> None:
    if "campaign" in talk.given:
        await _card(int(talk.given["campaign"]), talk)
        return
    found = await talk.look("running", list[tuple[Campaign, list[Progress]]], lambda desk: seen_by(talk.person, desk))
    new = Choice("campaign_open.title", opens="campaign_open")
    if not found:
        talk.say("campaign.none", choices=[new])
        return
    talk.say(
        "campaign.list",
        lines=tuple(
            Phrase("campaign.line", {"campaign": each.title, "day": on_day(each.until), **counts(theirs)})
            for each, theirs in found
        ),
        choices=[*(Choice(short(each.title, 16), opens="campaigns", given=card(each).given) for each, _ in found), new],
    )


async def _card(number: int, talk: Talk[Desk]) -> None:
    campaign = await talk.look("campaign", Campaign, lambda desk: readable(number, talk.person, desk))
    areas = talk.person.areas(*STAFF)
    found = await talk.look("progress", list[Progress], lambda desk: desk.visits.progress(number, areas))
    troubled = await talk.look("trouble", list[tuple[int, Door]], lambda desk: desk.visits.page(number, areas, _BAD))
    ending = campaign.closed_at is None and talk.person.serves(campaign.area, STAFF)
    talk.say(
        "campaign.card",
        state=Phrase("campaign.running" if campaign.closed_at is None else "campaign.ended"),
        lines=tuple(
            Phrase(
                "campaign.part",
                {
                    "area": talk.district.area_name(each.area),
                    "settled": each.doors - each.left,
                    "doors": each.doors,
                    "nobody": Phrase("campaign.part_nobody", {"count": each.nobody}) if each.nobody else "",
                },
            )
            for each in found[:_SHOWN]
        ),
        troubled=tuple(
            Phrase("campaign.troubled", {"household": each.household, "words": f"：{each.words}" if each.words else ""})
            for _, each in troubled
        ),
        choices=[Choice("campaign_end.title", opens="campaign_end", given={"campaign": str(number)})] if ending else [],
        **facts(campaign, talk.district),
        **counts(found),
    )


_BAD = Outcome.TROUBLE


def _households(heard: Heard, _district: District) -> list[str]:
    """One household a line; none: those of the rosters."""
    if heard.choice == _ROSTER:
        return []
    found = [each.strip() for line in heard.text.splitlines() for each in line.replace(";", "；").split("；")]
    found = [each for each in found if each]
    if not found:
        raise Unclear("plain.words_please")
    if len(found) > _MOST_TYPED:
        raise Unclear("campaign.too_many", most=_MOST_TYPED)
    if any(not 2 <= len(each) <= 60 for each in found):
        raise Unclear("campaign.households_unclear")
    return found


def _day(heard: Heard, district: District) -> date:
    day = date.fromisoformat(heard.choice) if heard.choice else district.day(when.read(heard, district))
    if (day - district.day(heard.at)).days > LONGEST_DAYS:
        raise Unclear("campaign.bad_day", days=LONGEST_DAYS)
    return day


AREA = Ask("campaign.area", plain.choice)
TITLE = Ask("campaign.title_of", plain.words(least=2, most=40), free=True)
# Not free: what is to be asked at the doors is a question, and none of theirs.
QUESTION = Ask("campaign.question", plain.words(least=2, most=200))
HOUSEHOLDS = Ask("campaign.households", _households, free=True)
UNTIL = Ask("campaign.until", _day)
SURE = Ask("campaign.sure", plain.choice, choices=(("campaign.send", "yes"), ("word.no", "no")), confirms=True)


@conversation("campaign_open", opens_with=["发起入户", "新建入户", "/campaign"], roles=STAFF)
async def open_campaign(talk: Talk[Desk]) -> CampaignOpened | None:
    today = talk.district.day(talk.opening.at)
    theirs = talk.person.areas(*STAFF)
    title = talk.opening.text if 2 <= len(talk.opening.text) <= 40 else await talk.ask(TITLE)
    within = [*theirs, *(each for own in theirs for each in _below(own, talk.district, today))]
    area = (
        within[0]
        if len(within) == 1
        else await talk.ask(AREA, [(talk.district.area_name(each), each) for each in within])
    )
    question = await talk.ask(QUESTION, campaign=title)
    listed, _ = await talk.look("listed", tuple[int, int], lambda desk: desk.rosters.count(Extent(area)))
    offered = [(str(await talk.look("label", str, lambda desk: _label(listed, talk, desk))), _ROSTER)] if listed else []
    households = await talk.ask(HOUSEHOLDS, offered, area=talk.district.area_name(area))
    until = await talk.ask(UNTIL, [(label, (today + timedelta(days=span)).isoformat()) for label, span in _SPANS])
    sure = await talk.ask(
        SURE,
        campaign=title,
        area=talk.district.area_name(area),
        question=question,
        count=len(dict.fromkeys(households)) or listed,
        day=on_day(until),
    )
    if sure == "no":
        talk.say("campaign.dropped")
        return None
    return CampaignOpened(talk.person.id, area, title, question, until, tuple(households))


async def _label(count: int, talk: Talk[Desk], desk: Desk) -> str:
    return desk.texts.say("campaign.by_roster", talk.person.language, count=count)


def _below(area: str, district: District, today: date) -> list[str]:
    """The areas right below one, or its grids."""
    areas = [each.code for each in district.areas.values() if each.parent == area]
    return areas or [each.code for each in district.grids_in(area, today) if covers(area, each.code)]


@conversation("campaign_end", roles=STAFF)
async def end_campaign(talk: Talk[Desk]) -> CampaignEnded:
    return CampaignEnded(talk.person.id, int(talk.given["campaign"]))
