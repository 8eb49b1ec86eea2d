"""A gridworker or a member of staff sees what waits for them, nearest deadline first."""

from bot.core.render import Phrase
from bot.core.talk import Talk, conversation
from domain.cases import OPEN, WITH_WORKER, Case, Status
from domain.people import STAFF, WORKERS, Role
from handlers import case_card
from services.news import opener, short
from services.sight import all_seen, sight_of
from storage.desk import Desk

SHOWN = 15


@conversation(
    "tasks",
    opens_with=["任务", "我的任务", "待办", "案卷", "接单", "/tasks"],
    roles=(*WORKERS, *STAFF, Role.DEPARTMENT),
    place=0,
)
async def tasks(talk: Talk[Desk]) -> None:
    if "case" in talk.given:
        await _show(int(talk.given["case"]), talk)
        return
    found = await talk.look("cases", list[Case], lambda desk: _waiting(desk, talk))
    waiting = all_seen(found, talk.person, talk.district)
    if not waiting:
        talk.say("tasks.none")
        return
    if len(waiting) > 1:
        talk.say(
            "tasks.which",
            choices=[opener("tasks", case) for case in waiting[:SHOWN]],
            count=len(waiting),
            cases=tuple(
                Phrase(
                    "tasks.line",
                    {
                        "number": case.number,
                        "status": Phrase(f"case.status.{case.status}"),
                        "place": case.place,
                        "words": short(case.words, 30),
                        "due": case.due_at,
                    },
                )
                for case in waiting[:SHOWN]
            ),
        )
        return
    await case_card.show(talk, next(case for case in found if case.id == waiting[0].id))


async def _show(number: int, talk: Talk[Desk]) -> None:
    """One case, to whoever may do something with it."""
    case = await talk.look("case", Case | None, lambda desk: desk.cases.find(number))
    sight = sight_of(case, talk.person, talk.district) if case else None
    if case is None or case.status not in OPEN or sight is None or not sight.inside:
        talk.say("tasks.moved_on")
        return
    await case_card.show(talk, case)


async def _waiting(desk: Desk, talk: Talk[Desk]) -> list[Case]:
    found = {case.id: case for case in await desk.cases.of_worker(talk.person.id, WITH_WORKER)}
    for case in await desk.cases.offered_to(talk.person.id):
        found.setdefault(case.id, case)
    for area in talk.person.areas(*STAFF):
        for case in await desk.cases.in_area(area, [Status.RETURNED, Status.DONE, *OPEN], limit=500):
            found.setdefault(case.id, case)
    return sorted(found.values(), key=lambda case: (case.due_at, case.id))
