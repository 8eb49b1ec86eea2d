"""Neighbours at the door of a meeting: its host shows a code, they scan or type it, and are on the list."""

import re

from bot.core.talk import Ask, Talk, conversation
from domain.councils import HOSTS
from domain.matters import SIGN_IN_UNTIL, DoorShown, Leaf, MatterMoved, Move
from domain.refusals import Refused
from handlers import where
from nlp import plain
from nlp.normalise import fold
from storage.desk import Desk

CODE = Ask("meeting.code", plain.words(least=2, most=40), free=True)


@conversation("meeting", opens_with=["签到", "会议签到", "/here"], link="m")
async def sign_in(talk: Talk[Desk]) -> MatterMoved:
    """What the sheet at the door leads to, scanned or typed."""
    said: str = talk.opening.text or await talk.ask(CODE)
    code = re.sub(r"[\s-]", "", fold(said))
    leaf = await talk.look("meeting", Leaf | None, lambda desk: _held_now(desk, talk, code))
    if leaf is None:
        raise Refused("meeting.unknown")
    return MatterMoved(leaf.matter_id, Move.SIGN_IN, talk.person.id, leaf=leaf.id, code=code)


async def _held_now(desk: Desk, talk: Talk[Desk], code: str) -> Leaf | None:
    """The meeting with that code among those to which they may come; of others not even that they exist is told."""
    home = where.current(talk, talk.person.grid)
    since = talk.now - SIGN_IN_UNTIL
    meetings = await desk.filed.calendar(home, talk.person.areas(*HOSTS), since)
    return next((leaf for leaf, _ in meetings if leaf.code == code), None)


@conversation("meeting_door", roles=HOSTS)
async def show_door(talk: Talk[Desk]) -> DoorShown:
    return DoorShown(talk.person.id, int(talk.given["leaf"]))
