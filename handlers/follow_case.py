"""Somebody who met with the same trouble does not want to hear of it any more. Opened by the button under the news."""

from bot.core.talk import Talk, conversation
from domain.cases import FollowingEnded
from storage.desk import Desk


@conversation("unfollow")
async def unfollow(talk: Talk[Desk]) -> FollowingEnded:
    return FollowingEnded(talk.person.id, int(talk.given["case"]))
