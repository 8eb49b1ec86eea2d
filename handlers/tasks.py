"""A gridworker or a member of staff sees what waits for them, nearest deadline first."""

from bot.core.render import Phrase
from bot.core.talk import Talk, conversation
from domain.cases import OPEN, WITH_WORKER, Case, Status
from domain.people import STAFF, WORKERS
from handlers import case_card
from storage.desk import Desk

SHOWN = 15


@conversation(
    "tasks",
    opens_with=["任务", "我的任务", "待办", "案卷", "接单", "/tasks"],
    roles=(*WORKERS, *STAFF),
    place=0,
)
async def tasks(talk: Talk[Desk]) -> None:
    waiting = await talk.look("cases", list[Case], lambda desk: _waiting(desk, talk))
    if not waiting:
        talk.say("tasks.none")
        return
    if len(waiting) > 1 and "case" not in talk.given:
        talk.say(
            "tasks.which",
            choices=[case_card.opener("tasks", case) for case in waiting[:SHOWN]],
            count=len(waiting),
            cases=tuple(
                Phrase(
                    "tasks.line",
                    {
                        "number": case.number,
                        "status": Phrase(f"case.status.{case.status}"),
                        "place": case.place,
                        "words": case_card.short(case.words, 30),
                        "due": case.due_at,
                    },
                )
                for case in waiting[:SHOWN]
            ),
        )
        return
    chosen = int(talk.given.get("case", waiting[0].id))
    case = next((each for each in waiting if each.id == chosen), None)
    if case is None:
        talk.say("tasks.moved_on")
        return
    await case_card.show(talk, case)


async def _waiting(desk: Desk, talk: Talk[Desk]) -> list[Case]:
    found = {case.id: case for case in await desk.cases.of_worker(talk.person.id, WITH_WORKER)}
    for area in talk.person.areas(*STAFF):
        for case in await desk.cases.in_area(area, [Status.RETURNED, Status.DONE, *OPEN], limit=500):
            found.setdefault(case.id, case)
    return sorted(found.values(), key=lambda case: (case.due_at, case.id))
