"""Somebody who works for the district gets a code for the pages in their chat, and signs out there."""

from bot.core.render import Phrase
from bot.core.talk import Ask, Talk, conversation
from domain.sessions import INSIDE, Session, SessionsEnded, SignInWanted
from nlp import plain
from storage.desk import Desk

_SHOWN = 8


@conversation("sign_in", opens_with=["登录网页", "网页登录", "/signin"], roles=INSIDE, place=13)
async def sign_in(talk: Talk[Desk]) -> SignInWanted:
    return SignInWanted(talk.person.id)


WHICH = Ask("sign_out.which", plain.choice)


# For everybody: who holds no role any more may still be signed in.
@conversation("sign_out", opens_with=["退出网页", "网页退出", "/signout"])
async def sign_out(talk: Talk[Desk]) -> SessionsEnded | None:
    found = await talk.look("sessions", list[Session], lambda desk: desk.sessions.of(talk.person.id))
    if not found:
        talk.say("sign_out.none")
        return None
    shown = [(f"{number}. {each.device}".rstrip(" ."), each) for number, each in enumerate(found[:_SHOWN], 1)]
    chosen = await talk.ask(
        WHICH,
        [*((label, str(each.id)) for label, each in shown), ("sign_out.all", "all")],
        lines=tuple(
            Phrase("sign_out.line", {"session": label, "at": each.begun_at, "used": each.seen_at})
            for label, each in shown
        ),
    )
    return SessionsEnded(talk.person.id, None if chosen == "all" else int(chosen))
