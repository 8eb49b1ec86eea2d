"""Somebody looks at council matters: their own, those near them, one of them whole; and follows it, or no more."""

from bot.core.render import Phrase
from bot.core.talk import Talk, conversation
from bot.core.words import Choice
from domain.councils import HOSTS
from domain.matters import LIVE, Matter, MatterFollowed, Status
from domain.people import WORKERS
from handlers import matter_card, where
from services.matter_news import quoted
from storage.desk import Desk

_SHOWN, _LABEL = 8, 20
_PROPOSE = Choice("propose.title", opens="propose")
_NEAR = Choice("matters_near.title", opens="matters_near")
_CALENDAR = Choice("council_calendar.title", opens="council_calendar")
_ARCHIVE = Choice("archive.title", opens="archive")


@conversation("matters", opens_with=["议题", "我的议题", "/matters"], place=5)
async def own(talk: Talk[Desk]) -> None:
    """What they proposed, support or follow."""
    matters = await talk.look("own", list[Matter], lambda desk: desk.matters.of_person(talk.person.id, _SHOWN))
    hosted = await talk.look("hosted", list[Matter], lambda desk: _waiting(desk, talk)) if _hosts(talk) else []
    also = [_PROPOSE, _NEAR, _CALENDAR, _ARCHIVE]
    if not matters and not hosted:
        talk.say("matters.none", choices=also)
        return
    seen = {each.id: each for each in (*hosted, *matters)}
    talk.say("matters.which", lines=_lines([*seen.values()]), choices=[*map(opener, seen.values()), *also])


async def _waiting(desk: Desk, talk: Talk[Desk]) -> list[Matter]:
    """What waits for a host to do something about it."""
    waiting = (Status.AGENDA, Status.RAISED, Status.NOTICE, Status.CARRY)
    return await desk.matters.hosted(talk.person.areas(*HOSTS), waiting, limit=_SHOWN)


def _hosts(talk: Talk[Desk]) -> bool:
    return talk.person.has(*HOSTS)


@conversation("matters_near", opens_with=["附近的议题", "邻居的提议", "/near"])
async def near(talk: Talk[Desk]) -> None:
    """What is open where they live; for a host or a grid leader, where they serve."""
    home, areas = where.current(talk, talk.person.grid), talk.person.areas(*HOSTS, *WORKERS)
    if home is None and not areas:
        talk.say("propose.where_first", choices=[Choice("settle.title", opens="settle")])
        return

    async def find(desk: Desk) -> list[Matter]:
        found = await desk.matters.near(home, LIVE, _SHOWN) if home else []
        if len(found) < _SHOWN and areas:
            more = await desk.matters.hosted(areas, LIVE, limit=_SHOWN)
            found += [each for each in more if each not in found]
        return found[:_SHOWN]

    matters = await talk.look("near", list[Matter], find)
    if not matters:
        talk.say("matters_near.none", choices=[_PROPOSE, _ARCHIVE])
        return
    talk.say("matters_near.which", lines=_lines(matters), choices=[*map(opener, matters), _PROPOSE])


@conversation("matter", link="t")
async def one(talk: Talk[Desk]) -> None:
    matter = await matter_card.found(talk, talk.given.get("matter") or talk.opening.text)
    await matter_card.show(talk, matter)
    await matter_card.verdict(talk, matter)


@conversation("matter_follow")
async def follow(talk: Talk[Desk]) -> MatterFollowed:
    return MatterFollowed(talk.person.id, int(talk.given["matter"]))


@conversation("matter_unfollow")
async def unfollow(talk: Talk[Desk]) -> MatterFollowed:
    return MatterFollowed(talk.person.id, int(talk.given["matter"]), follows=False)


def opener(matter: Matter) -> Choice:
    """A matter in one button."""
    return Choice(quoted(matter.title, _LABEL), opens="matter", given={"matter": str(matter.id)})


def _lines(matters: list[Matter]) -> tuple[Phrase, ...]:
    return tuple(
        Phrase(
            "matters.line",
            {"words": each.title, "place": each.place, "status": Phrase(f"matter.status.{each.status}")},
        )
        for each in matters
    )
