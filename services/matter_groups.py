"""The group chat of an estate hears how a matter goes, and is shown where to vote in private; nobody votes in it."""

import re
from typing import Any

from bot.core.rules import when
from bot.core.words import Choice
from domain.councils import Ballot
from domain.matters import LIVE, GroupFollowed, GroupInvited, GroupLeft, Matter, Part, parts
from domain.refusals import Refused
from storage.desk import Desk
from storage.sessions import guesser


@when(GroupInvited)
async def invite(invited: GroupInvited, desk: Desk) -> None:
    """Only who hosts it says which group may read along."""
    matter, person = await desk.matters.find(invited.matter), await desk.people.get(invited.by)
    if matter is None or person is None or Part.HOST not in parts(matter, person):
        raise Refused("matter.not_found")
    if matter.status not in LIVE:
        raise Refused(f"matter.already.{matter.status}", title=matter.title)
    code = await desk.people.invite(matter=matter.id, by_id=person.id)
    await desk.tell(person.id, "group_code.given", title=matter.title, code=code)


@when(GroupFollowed)
async def follow(followed: GroupFollowed, desk: Desk) -> None:
    """Guesses are counted as with any code, and learn nothing."""
    if await desk.sessions.too_many(guesser(followed.by)):
        raise Refused("join.too_many")
    invitation = await desk.people.redeem(re.sub(r"[\s-]", "", followed.code).upper(), followed.by)
    if invitation is None:
        await desk.sessions.guessed(guesser(followed.by))
        await desk.tell(followed.by, "group_follow.unknown")
        return
    matter = await desk.matters.find(invitation.matter) if invitation.matter else None
    if matter is None:
        # A code for something else stays good: what was done is taken back.
        raise Refused("group_follow.unknown")
    await desk.voices.let_group_follow(matter.id, followed.by)
    await desk.tell(
        followed.by, "group_follow.done", title=matter.title, place=matter.place, choices=[look_in_private(matter)]
    )


@when(GroupLeft)
async def leave(left: GroupLeft, desk: Desk) -> None:
    gone = await desk.voices.hush(left.by)
    await desk.tell(left.by, "group_unfollow.done" if gone else "group_unfollow.nothing")


async def tell_groups(matter: Matter, desk: Desk, key: str, /, *, once: str, choice: Choice, **shown: Any) -> None:
    """Tell the groups that follow a matter, once each; the button leads to a private chat."""
    for group in await desk.voices.groups(matter.id):
        await desk.tell(
            group,
            key,
            once=f"matter:{matter.id}:{once}:{group}",
            topic=f"matter:{matter.id}",
            choices=[choice],
            **{"title": matter.title, "place": matter.place} | shown,
        )


async def tell_of_vote(ballot: Ballot, desk: Desk, key: str, once: str, **shown: Any) -> None:
    """Tell the groups that follow the matter a ballot settles that it begins, or is called off."""
    matter = await desk.matters.find(ballot.matter) if ballot.matter else None
    if matter is not None:
        choice = Choice("matter.vote_in_private", link=f"v_{ballot.id}")
        await tell_groups(matter, desk, key, once=f"{once}:{ballot.id}", choice=choice, title=ballot.question, **shown)


def look_in_private(matter: Matter) -> Choice:
    return Choice("matter.look_in_private", link=f"t_{matter.id}")
