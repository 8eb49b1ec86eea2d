"""A gridworker who has just come to the place says so, without looking for the case first."""

from bot.core.talk import Talk, conversation
from bot.core.words import Choice
from domain.cases import Case, Move, Status
from domain.people import STAFF, WORKERS
from services.news import short
from storage.desk import Desk

_SHOWN = 10


@conversation("arrive", opens_with=["到场", "我到了", "到了", "/arrive"], roles=(*WORKERS, *STAFF))
async def arrive(talk: Talk[Desk]) -> None:
    cases = await talk.look("cases", list[Case], lambda desk: desk.cases.of_worker(talk.person.id, (Status.HANDLING,)))
    if not cases:
        talk.say("arrive.none")
        return
    talk.say("arrive.which", choices=[_here(case) for case in cases[:_SHOWN]])


def _here(case: Case) -> Choice:
    label = f"{case.number} {short(case.place, 12)}"
    return Choice(label, opens="case_move", given={"case": str(case.id), "move": Move.ON_SITE})
