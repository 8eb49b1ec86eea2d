"""A member of staff gets a code for the pages in their chat, and ends there what they began elsewhere."""

from bot.core.rules import When, when
from domain.refusals import Refused
from domain.sessions import INSIDE, SessionsEnded, SignInWanted
from storage.desk import Desk

PAGE = "/staff"


def codes_for(public_url: str | None) -> When:
    """The rule that gives a code, as a link where the service has an address of its own."""

    async def give_code(wanted: SignInWanted, desk: Desk) -> None:
        person = await desk.people.get(wanted.by)
        if person is None or not person.has(*INSIDE):
            raise Refused("turn.not_for_you")
        code = await desk.sessions.give_code(person.id)
        shown = f"{code[:4]}-{code[4:]}"
        if public_url:
            # Behind the #: what fetches links beforehand, a proxy and its log never see it.
            await desk.tell(person.id, "sign_in.link", code=shown, link=f"{public_url}{PAGE}#{shown}")
        else:
            await desk.tell(person.id, "sign_in.code", code=shown, page=PAGE)

    return When(SignInWanted, give_code)


@when(SessionsEnded)
async def end_sessions(ended: SessionsEnded, desk: Desk) -> None:
    await desk.sessions.end(ended.by, ended.session)
    await desk.tell(ended.by, "sign_out.done")
