"""Ways out of the council: what only needs doing becomes a case, a quarrel of two is mediated; both lead back."""

from dataclasses import replace

from bot.core.rules import when
from bot.core.words import Choice
from domain.cases import ENDED, CaseMoved, ProblemReported, Status
from domain.matters import Kind, Leaf, Matter, Move, State
from domain.matters import Status as Stands
from domain.mediation import MediationAsked, rooms_for
from domain.refusals import Refused
from services.cases import SAME_WITHIN
from services.matter_news import Doing, ballot, button, look, put_down, quoted, tell_hosts
from storage.desk import Desk


async def _to_case(doing: Doing) -> None:
    """The host reports it; whoever handles the case reads which matter it comes from, and may whistle from there."""
    desk, matter, moved = doing.desk, doing.matter, doing.moved
    category = desk.district.category(moved.category, desk.district.day(desk.now))
    if category.private or category.to_staff:
        raise Refused("matter.not_as_case", title=matter.title)
    words = desk.texts.say("matter.case_words", "zh", words=moved.words, number=matter.id)
    reported = ProblemReported(
        doing.person.id,
        moved.grid,
        category.code,
        matter.spot or matter.place,
        words,
        await desk.matters.photos(matter.id),
        matter.latitude,
        matter.longitude,
    )
    await desk.happen(reported)
    case = await desk.cases.same(reported, desk.now - SAME_WITHIN)
    if case is None:
        raise LookupError(f"matter {matter.id} became no case")
    if await desk.filed.of_case(case.id) is not None:
        raise Refused("matter.passed_on_before", title=matter.title, number=case.number)
    leaf = await _file(doing, f"case:{case.id}", case.number)
    await doing.put_down(leaf=leaf)
    shown = Choice("matter.look_at_case", opens="tasks", given={"case": str(case.id)})
    await doing.answer("matter.you_to_case", number=case.number, choices=[shown, look(matter)])


async def _to_mediation(doing: Doing) -> None:
    """Both sides get a code by way of the host; what they say there is seen by nobody here, and so is how it ends."""
    desk, matter, moved = doing.desk, doing.matter, doing.moved
    rooms = rooms_for(desk.district.rooms, moved.grid)
    if not rooms:
        raise Refused("mediate.none", hotline=desk.district.hotline)
    leaf = await _file(doing, "mediation", "")
    await doing.put_down(leaf=leaf)
    await doing.answer("matter.you_to_mediation", choices=[button(matter, Move.BACK, leaf), look(matter)])
    await desk.happen(MediationAsked(doing.person.id, rooms[0].code, moved.words, "", None, (doing.person.id,)))


async def _file(doing: Doing, code: str, place: str) -> Leaf:
    leaf = await doing.desk.filed.add(
        doing.matter, Kind.WAY, State.PLANNED, doing.person.id, doing.moved.words, code=code, place=place
    )
    if leaf is None:
        raise LookupError(f"a way out of matter {doing.matter.id} was not filed")
    return leaf


async def _back(doing: Doing) -> None:
    after = await _came_back(doing.matter, doing.filed, doing.moved.words, doing.desk, doing)
    await doing.answer("matter.you_back_again", choices=_next(after))


async def _came_back(matter: Matter, leaf: Leaf, words: str, desk: Desk, doing: Doing | None = None) -> Matter:
    """What came of it stands in the file; on the agenda it is an answer that can be published as it is."""
    await desk.filed.change(leaf.id, state=State.DONE, answer=words, answered_at=desk.now)
    after = replace(matter, answer=words) if matter.status is Stands.AGENDA else matter
    person, part = (doing.person.id, doing.part) if doing else (None, None)
    await put_down(after, Move.BACK, desk, person, part, words, leaf)
    return after


def _next(matter: Matter) -> list[Choice]:
    if matter.status is Stands.AGENDA:
        return [button(matter, Move.ADOPT), ballot(matter), look(matter)]
    return [look(matter)]


@when(CaseMoved)
async def case_came_back(moved: CaseMoved, desk: Desk) -> None:
    """The case a matter became is over: its hosts and whoever follows the matter hear how."""
    leaf = await desk.filed.of_case(moved.case)
    if leaf is None:
        return
    case = await desk.cases.get(moved.case)
    if case.status not in ENDED:
        return
    matter = await desk.matters.get(leaf.matter_id, lock=True)
    ending = "closed" if case.status is Status.CLOSED else "ended"
    words = desk.texts.say(f"matter.case_{ending}", "zh", number=case.number)
    after = await _came_back(matter, leaf, words, desk)
    await tell_hosts(
        after,
        desk,
        "matter.host.came_back",
        once=f"way:{leaf.id}",
        what=quoted(leaf.words),
        reason=words,
        choices=_next(after),
    )


ACTS = {Move.TO_CASE: _to_case, Move.TO_MEDIATION: _to_mediation, Move.BACK: _back}
