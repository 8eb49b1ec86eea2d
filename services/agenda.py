"""定: a matter is put to the vote, or goes up to a level that can settle it and comes back with an answer."""

from bot.core.rules import when
from domain.councils import BallotCancelled, BallotOpened
from domain.matters import Move, Part, Status, above, check_ballot, moved_on, rank
from domain.refusals import Refused
from services.matter_news import Doing, ballot, button, look, put_down, tell_hosts
from storage.desk import Desk


async def _raise(doing: Doing) -> None:
    """It goes up with its whole file to the next level over whoever raises it."""
    height = rank(doing.person, doing.matter.area)
    to = above(doing.matter.area, height)
    if to is None:
        raise Refused("matter.nobody_above", title=doing.matter.title)
    after = await doing.put_down(raised_to=to, host_id=doing.person.id)
    level = doing.desk.district.area_name(to)
    await doing.answer("matter.you_raise", level=level, choices=[look(after), button(after, Move.TAKE_BACK)])
    await tell_hosts(
        after,
        doing.desk,
        "matter.host.raised",
        once=f"raised:{after.round}:{to}",
        over=height,
        reason=doing.moved.words,
        choices=[button(after, Move.ANSWER), button(after, Move.HAND_UP), look(after)],
    )


async def _answer(doing: Doing) -> None:
    after = await doing.put_down(raised_to=None, answer=doing.moved.words)
    await doing.answer("matter.you_answer", choices=[look(after)])
    await tell_hosts(
        after,
        doing.desk,
        "matter.host.answered",
        once=f"answered:{after.round}:{doing.desk.now.timestamp():.0f}",
        reason=doing.moved.words,
        choices=[ballot(after), button(after, Move.ADOPT), button(after, Move.DECLINE), look(after)],
    )


async def _take_back(doing: Doing) -> None:
    after = await doing.put_down(raised_to=None, host_id=doing.person.id)
    await doing.answer("matter.you_take_back", choices=[ballot(after), look(after)])


@when(BallotOpened)
async def put_to_the_vote(opened: BallotOpened, desk: Desk) -> None:
    """The matter whose ballot it is; the ballot itself is opened by `services.councils`, before or after."""
    if opened.matter is None:
        return
    person, matter = await desk.people.get(opened.by), await desk.matters.find(opened.matter, lock=True)
    check_ballot(matter, person, opened.extent)
    if matter is not None:
        await desk.matters.name(matter, opened.question)
        named = await desk.matters.get(matter.id)
        after = moved_on(named, Move.BALLOT, desk.now)
        # The whole area has just been asked to vote: nobody is told a second time.
        await put_down(after, Move.BALLOT, desk, opened.by, Part.HOST)


@when(BallotCancelled)
async def back_to_the_agenda(cancelled: BallotCancelled, desk: Desk) -> None:
    ballot_ = await desk.ballots.find(cancelled.ballot)
    matter = await desk.matters.find(ballot_.matter, lock=True) if ballot_ and ballot_.matter else None
    if matter is None or matter.status is not Status.BALLOT:
        return
    # Everybody who was asked hears of it from the ballot.
    after = moved_on(matter, Move.UNBALLOT, desk.now)
    await put_down(after, Move.UNBALLOT, desk, cancelled.by, Part.HOST, cancelled.reason)


ACTS = {
    Move.RAISE: _raise,
    Move.HAND_UP: _raise,
    Move.ANSWER: _answer,
    Move.TAKE_BACK: _take_back,
}
