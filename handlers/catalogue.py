"""Anybody reads what gridworkers may be asked to do; a gridworker says that a task is not on that list."""

from bot.core.render import Phrase
from bot.core.talk import Ask, Talk, conversation
from domain.admission import Admission, OffListSaid, State
from domain.areas import covers
from domain.cases import WITH_WORKER, Case
from domain.people import WORKERS, Role
from nlp import plain
from services.news import short
from storage.desk import Desk


@conversation("catalogue", opens_with=["权责清单", "网格员能做什么", "/catalogue"])
async def what_gridworkers_do(talk: Talk[Desk]) -> None:
    today = talk.district.day(talk.opening.at)
    grid = next(iter(talk.person.areas(*WORKERS)), talk.person.grid)
    found = await talk.look("admitted", list[Admission], lambda desk: desk.admissions.standing(State.APPROVED))
    here = [each for each in found if each.in_force(today) and (grid is None or covers(each.area, grid))]
    theirs = [each for each in talk.district.catalogue.on(today) if each.role is Role.GRIDWORKER]
    talk.say(
        "catalogue.list",
        names="、".join(each.name for each in theirs),
        admitted=tuple(
            Phrase(
                "catalogue.admitted",
                {
                    "title": each.title,
                    "department": talk.district.department(each.department).name,
                    "day": each.until.isoformat(),
                },
            )
            for each in here
        )
        or Phrase("catalogue.nothing_admitted"),
    )


WHICH = Ask("off_list.which", plain.number_choice)


@conversation("off_list", opens_with=["这事不在清单", "不在清单"], roles=WORKERS)
async def say_off_list(talk: Talk[Desk]) -> OffListSaid | None:
    mine = await talk.look("mine", list[Case], lambda desk: desk.cases.of_worker(talk.person.id, WITH_WORKER))
    if not mine:
        talk.say("off_list.no_task")
        return None
    offers = [(f"{each.number} {short(each.words, 12)}", str(each.id)) for each in mine[:10]]
    return OffListSaid(await talk.ask(WHICH, offers), talk.person.id)
