"""A gridworker or a member of staff sees what waits for them, nearest deadline first."""

from bot.core.render import Phrase
from bot.core.talk import Talk, conversation
from domain.cases import OPEN, WITH_WORKER, Case, Status, Step
from domain.people import STAFF, WORKERS
from handlers import case_card
from storage.desk import Desk


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
            choices=[case_card.opener("tasks", case) for case in waiting],
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
                for case in waiting
            ),
        )
        return
    chosen = int(talk.given.get("case", waiting[0].id))
    case = next((each for each in waiting if each.id == chosen), None)
    if case is None:
        talk.say("tasks.moved_on")
        return
    steps = await talk.look("steps", list[Step], lambda desk: desk.cases.steps(case.id))
    photos = await talk.look("photos", tuple[str, ...], lambda desk: desk.cases.photos(case.id))
    talk.say(
        "case.card",
        choices=case_card.buttons(case, talk.person),
        photos=photos,
        **case_card.shown(case, steps, talk.district),
    )


async def _waiting(desk: Desk, talk: Talk[Desk]) -> list[Case]:
    found = {case.id: case for case in await desk.cases.of_worker(talk.person.id, WITH_WORKER)}
    for area in talk.person.areas(*STAFF):
        for case in await desk.cases.in_area(area, [Status.RETURNED, Status.DONE, *OPEN]):
            found.setdefault(case.id, case)
    return sorted(found.values(), key=lambda case: (case.due_at, case.id))[:20]
