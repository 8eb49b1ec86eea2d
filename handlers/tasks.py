"""A gridworker or a member of staff sees what waits for them, nearest deadline first."""

from bot.core.render import Part
from bot.core.talk import Ask, Talk, conversation
from domain.cases import OPEN, WITH_WORKER, Case, Status, Step
from domain.people import STAFF, WORKERS
from handlers import case_card
from nlp import plain
from storage.desk import Desk

WHICH = Ask("tasks.which", plain.choice)


@conversation("tasks", opens_with=["任务", "我的任务", "待办", "案卷", "接单", "/tasks"], roles=(*WORKERS, *STAFF), place=10)
async def tasks(talk: Talk[Desk]) -> None:
    waiting = await talk.look("cases", list[Case], lambda desk: _waiting(desk, talk))
    if not waiting:
        talk.say("tasks.none")
        return
    chosen = talk.given.get("case") or await talk.ask(
        WHICH, [(case_card.line(case), str(case.id)) for case in waiting], count=len(waiting),
        cases=tuple(Part("tasks.line", {
            "number": case.number, "status": Part(f"case.status.{case.status}"), "place": case.place,
            "words": case.words if len(case.words) <= 30 else case.words[:29] + "…", "due": case.due_at,
        }) for case in waiting))
    case = await talk.look(f"case.{chosen}", Case, lambda desk: desk.cases.get(int(chosen)))
    steps = await talk.look(f"steps.{chosen}", list[Step], lambda desk: desk.cases.steps(case.id))
    photos = await talk.look(f"photos.{chosen}", tuple[str, ...], lambda desk: desk.cases.photos(case.id))
    talk.say("case.card", choices=case_card.buttons(case, talk.person), photos=photos,
             **case_card.shown(case, steps, talk.district))


async def _waiting(desk: Desk, talk: Talk[Desk]) -> list[Case]:
    found = {case.id: case for case in await desk.cases.of_worker(talk.person.id, WITH_WORKER)}
    for area in talk.person.areas(*STAFF):
        for case in await desk.cases.in_area(area, [Status.RETURNED, Status.DONE, *OPEN]):
            found.setdefault(case.id, case)
    return sorted(found.values(), key=lambda case: (case.due_at, case.id))[:20]
