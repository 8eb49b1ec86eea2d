"""A gridworker checks in on their round; what they found goes on as a report with its place filled in."""

from datetime import timedelta

from bot.core.rules import when
from bot.core.words import Choice
from domain.patrols import PatrolMade
from domain.people import WORKERS
from domain.refusals import Refused
from nlp import private
from nlp.normalise import mask
from storage.desk import Desk


@when(PatrolMade)
async def keep(made: PatrolMade, desk: Desk) -> None:
    person = await desk.people.get(made.by)
    if person is None or not person.serves(made.grid, WORKERS):
        raise Refused("patrol.not_yours", answer="patrol.where")
    last = await desk.patrols.last(person.id)
    apart = timedelta(minutes=desk.district.patrol_minutes)
    report = Choice("report.title", opens="report", given={"words": made.grid})
    if last is not None and desk.now < last + apart:
        # What was found is not lost for it.
        await desk.tell(
            person.id, "patrol.too_soon", minutes=desk.district.patrol_minutes, choices=[report] if made.found else []
        )
        return
    await desk.patrols.add(made, private.without(mask(made.words)))
    await desk.tell(
        person.id,
        "patrol.found" if made.found else "patrol.done",
        grid=desk.district.area_name(made.grid),
        days=desk.district.patrol_days,
        choices=[report] if made.found else [Choice("patrols.title", opens="patrols")],
    )
