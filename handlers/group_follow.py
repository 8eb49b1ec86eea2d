"""A host lets a group chat follow a matter, and somebody in the group makes it so, or makes it stop."""

from bot.core.talk import Talk, conversation
from bot.core.words import Choice
from domain.councils import HOSTS
from domain.matters import LIVE, GroupFollowed, GroupInvited, GroupLeft, Matter
from services.matter_news import quoted
from storage.desk import Desk

_SHOWN, _LABEL = 8, 20


@conversation("group_code", opens_with=["请群关注", "让群关注", "/group"], roles=HOSTS)
async def give_code(talk: Talk[Desk]) -> GroupInvited | None:
    """In private: which of the matters they host."""
    number = talk.given.get("matter") or talk.opening.text
    if number.isdecimal() and len(number) < 16:
        return GroupInvited(talk.person.id, int(number))
    areas = talk.person.areas(*HOSTS)
    hosted = await talk.look("hosted", list[Matter], lambda desk: desk.matters.hosted(areas, LIVE, limit=_SHOWN))
    if not hosted:
        talk.say("group_code.none")
        return None
    talk.say(
        "group_code.which",
        choices=[
            Choice(quoted(each.title, _LABEL), opens="group_code", given={"matter": str(each.id)}) for each in hosted
        ],
    )
    return None


@conversation("group_follow", opens_with=["/follow"], group=True)
async def follow(talk: Talk[Desk]) -> GroupFollowed | None:
    code: str = talk.opening.text.strip()
    if "group" not in talk.given or not code:
        talk.say("group_follow.in_group")
        return None
    return GroupFollowed(talk.person.id, code[:40])


@conversation("group_unfollow", opens_with=["/unfollow"], group=True)
async def unfollow(talk: Talk[Desk]) -> GroupLeft | None:
    if "group" not in talk.given:
        talk.say("group_follow.in_group")
        return None
    return GroupLeft(talk.person.id)
