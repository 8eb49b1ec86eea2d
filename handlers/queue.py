"""A community, a street, the district or a department sees in its chat what waits for it, and pages through it."""

from datetime import datetime

from bot.core.render import Phrase
from bot.core.talk import Talk, conversation
from bot.core.words import Choice
from domain.cases import Case
from domain.people import STAFF, Role
from domain.queues import SHOWN, STATES, Queue, desks
from services.news import opener, short
from services.queues import counts_of
from services.sight import all_seen
from storage.cases import theirs
from storage.desk import Desk

_PAGE = 8


@conversation(
    "queue",
    opens_with=["队列", "指挥中心", "待派", "待核", "超期", "/queue"],
    roles=(*STAFF, Role.DEPARTMENT),
    place=9,
    looks=True,
)
async def queue(talk: Talk[Desk]) -> None:
    if "queue" in talk.given:
        await _page(Queue(talk.given["queue"]), talk)
        return
    counts = await talk.look("counts", dict[Queue, int], lambda desk: counts_of(talk.person, desk))
    if not any(counts.values()):
        talk.say("queue.none")
        return
    talk.say(
        "queue.counts",
        lines=tuple(
            Phrase("queue.line", {"queue": Phrase(f"queue.name.{each}"), "count": counts[each]}) for each in SHOWN
        ),
        choices=[Choice(f"queue.name.{each}", opens="queue", given={"queue": each}) for each in SHOWN if counts[each]],
    )


async def _page(wanted: Queue, talk: Talk[Desk]) -> None:
    found = await talk.look("page", list[Case], lambda desk: _found(wanted, talk, desk))
    here = found[:_PAGE]
    if not here:
        talk.say("queue.empty", queue=Phrase(f"queue.name.{wanted}"))
        return
    seen = all_seen(here, talk.person, talk.district)
    choices = [opener("tasks", case) for case in seen]
    if len(found) > _PAGE:
        last = f"{here[-1].due_at.isoformat()} {here[-1].id}"
        choices.append(Choice("queue.more", opens="queue", given={"queue": wanted, "after": last}))
    talk.say(
        "queue.page",
        queue=Phrase(f"queue.name.{wanted}"),
        choices=choices,
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
            for case in seen
        ),
    )


async def _found(wanted: Queue, talk: Talk[Desk], desk: Desk) -> list[Case]:
    moment, _, number = talk.given.get("after", "").partition(" ")
    return await desk.cases.page(
        theirs(talk.person),
        STATES[wanted],
        held=None if wanted is Queue.OVERDUE else desks(talk.person),
        due_before=desk.now if wanted is Queue.OVERDUE else None,
        after=(datetime.fromisoformat(moment), int(number)) if number else None,
        limit=_PAGE + 1,
    )
