"""评: what was decided is done step by step, by somebody and by a day; then those it was for say what came of it."""

from datetime import timedelta
from typing import Any

from bot.core.render import Phrase
from bot.core.rules import when
from bot.core.words import Choice
from bot.core.words import Kind as Message
from domain.areas import covers
from domain.matters import (
    Kind,
    Leaf,
    Matter,
    Move,
    RatingEnds,
    Score,
    State,
    Status,
    StepNears,
    moved_on,
)
from domain.people import Person
from domain.refusals import Refused
from services.matter_groups import look_in_private, tell_groups
from services.matter_news import Doing, button, look, put_down, quoted, tell_ground, tell_hosts
from storage.desk import Desk

_LEAD = timedelta(days=1)
# Of fewer answers a share would say more than they do.
ENOUGH = 10


async def _plan(doing: Doing) -> None:
    desk, matter, moved = doing.desk, doing.matter, doing.moved
    responsible = await desk.people.get(moved.to) if moved.to is not None else None
    if not moved.place.strip() and (responsible is None or not answers_for(responsible, matter)):
        raise Refused("matter.nobody_responsible", answer="matter.by_whom", title=matter.title)
    number = responsible.id if responsible else None
    leaf = await desk.filed.add(
        matter, Kind.STEP, State.PLANNED, number, moved.words, due_at=moved.at, place=moved.place.strip()
    )
    if leaf is None:
        raise LookupError(f"a step of matter {matter.id} was not filed")
    await doing.put_down(leaf=leaf)
    await doing.answer("matter.you_plan", what=quoted(leaf.words), choices=[button(matter, Move.PLAN), look(matter)])
    if number is not None and number != doing.person.id:
        await _push(leaf, matter, "matter.step_given", "given", desk)
    if moved.at is not None:
        if moved.at - _LEAD > desk.now:
            await desk.plan(StepNears(leaf.id), moved.at - _LEAD, key=f"step:{leaf.id}:nears")
        await desk.plan(StepNears(leaf.id, late=True), moved.at, key=f"step:{leaf.id}:late")


def answers_for(person: Person, matter: Matter) -> bool:
    """Whether somebody holds an office there, so that a step may be theirs."""
    return any(covers(held.area, matter.area) or covers(matter.area, held.area) for held in person.roles)


async def _push(leaf: Leaf, matter: Matter, key: str, once: str, desk: Desk) -> bool:
    return await desk.tell(
        leaf.person_id,
        key,
        kind=Message.PUSH,
        once=f"step:{leaf.id}:{once}",
        title=matter.title,
        what=leaf.words,
        due=leaf.due_at,
        choices=_of_step(matter, leaf),
    )


def _of_step(matter: Matter, leaf: Leaf) -> list[Choice]:
    return [button(matter, Move.REPORT, leaf), button(matter, Move.COMPLETE, leaf), look(matter)]


@when(StepNears)
async def remind_of_step(nears: StepNears, desk: Desk) -> None:
    """Who is responsible hears a day before, and once it is late; then its hosts do as well."""
    leaf = await desk.filed.get(nears.leaf)
    if leaf is None or leaf.state is not State.PLANNED:
        return
    matter = await desk.matters.get(leaf.matter_id)
    when_ = "late" if nears.late else "nears"
    told = await _push(leaf, matter, "matter.step_late" if nears.late else "matter.step_nears", when_, desk)
    if nears.late or not told:
        await tell_hosts(
            matter,
            desk,
            "matter.host.late" if nears.late else "matter.host.nears",
            once=f"step:{leaf.id}:{when_}",
            without=leaf.person_id if told else None,
            what=leaf.words,
            who=await who(leaf, desk),
            due=leaf.due_at,
            choices=[*_of_step(matter, leaf), button(matter, Move.DROP, leaf)],
        )


async def who(leaf: Leaf, desk: Desk) -> str:
    """Who is responsible for a step, by name."""
    if leaf.person_id is None:
        return leaf.place
    return (await desk.people.names([leaf.person_id])).get(leaf.person_id, "")


async def _report(doing: Doing) -> None:
    desk, leaf = doing.desk, doing.filed
    await desk.filed.change(leaf.id, answer=doing.moved.words, answered_at=desk.now)
    await desk.matters.add_photos(doing.matter.id, doing.moved.photos, leaf.id)
    await doing.put_down()
    await doing.answer("matter.you_report", choices=[button(doing.matter, Move.COMPLETE, leaf), look(doing.matter)])


async def _complete(doing: Doing) -> None:
    await doing.desk.filed.change(doing.filed.id, state=State.DONE, answered_at=doing.desk.now)
    await doing.put_down()
    await doing.answer("matter.you_complete", choices=[look(doing.matter)])
    await _perhaps_all_done(doing)


async def _drop(doing: Doing) -> None:
    leaf = doing.filed
    await doing.desk.filed.change(leaf.id, state=State.DROPPED, answer=doing.moved.words)
    await doing.put_down()
    await doing.answer("matter.you_drop", choices=[button(doing.matter, Move.PLAN), look(doing.matter)])
    if leaf.person_id != doing.person.id:
        await doing.desk.tell(
            leaf.person_id,
            "matter.step_dropped",
            once=f"step:{leaf.id}:dropped",
            title=doing.matter.title,
            what=leaf.words,
            reason=doing.moved.words,
        )
    await _perhaps_all_done(doing)


async def _perhaps_all_done(doing: Doing) -> None:
    matter, desk = doing.matter, doing.desk
    if not await desk.filed.of(matter, Kind.STEP, [State.PLANNED]):
        choices = [button(matter, Move.FINISH), button(matter, Move.PLAN), look(matter)]
        await tell_hosts(matter, desk, "matter.host.all_done", once=f"all_done:{doing.filed.id}", choices=choices)


async def _finish(doing: Doing) -> None:
    """It is done: everybody it was for is asked what they make of it."""
    desk, matter = doing.desk, doing.matter
    if await desk.filed.of(matter, Kind.STEP, [State.PLANNED], limit=1):
        raise Refused("matter.steps_left", title=matter.title)
    until = desk.now + desk.district.council.rate
    after = await doing.put_down(rate_until=until, host_id=doing.person.id)
    people = await tell_ground(
        after,
        desk,
        "matter.rate",
        once="rate",
        closes=until,
        until=until,
        choices=[
            Choice(
                f"matter.{score.name.lower()}",
                opens="matter_move",
                given={"matter": str(after.id), "move": Move.RATE, "score": str(int(score))},
            )
            for score in sorted(Score, reverse=True)
        ],
    )
    await tell_groups(after, desk, "matter.group.rate", once="rate:group", choice=look_in_private(after), closes=until)
    await desk.plan(RatingEnds(after.id), until, key=f"matter:{after.id}:rated")
    await doing.answer("matter.you_finish", people=people, closes=until, choices=[look(after)])


async def _rate(doing: Doing) -> None:
    moved = doing.moved
    rated = await doing.desk.voices.rate(doing.matter.id, doing.person.id, moved.score or 0, moved.words)
    await doing.answer("matter.you_rate" if rated else "matter.rated_before")


@when(RatingEnds)
async def close(ends: RatingEnds, desk: Desk) -> None:
    matter = await desk.matters.find(ends.matter, lock=True)
    if matter is not None and matter.status is Status.RATE:
        await put_down(moved_on(matter, Move.CLOSE, desk.now), Move.CLOSE, desk, words="")


async def verdict(matter: Matter, desk: Desk) -> Phrase:
    """What they made of it, in one line; shares only where there are enough of them."""
    given = await desk.voices.ratings(matter.id)
    total = sum(given.values())
    if not total:
        return Phrase("matter.no_ratings")
    shown: dict[str, Any] = {score.name.lower(): given[score] for score in Score} | {"count": total}
    if total < ENOUGH:
        return Phrase("matter.ratings", shown)
    return Phrase("matter.ratings_share", shown | {"share": f"{given[Score.GOOD] / total:.0%}"})


ACTS = {
    Move.PLAN: _plan,
    Move.REPORT: _report,
    Move.COMPLETE: _complete,
    Move.DROP: _drop,
    Move.FINISH: _finish,
    Move.RATE: _rate,
}
