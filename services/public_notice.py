"""示: what was decided is laid open; whoever it concerns may object, and nothing is done before they are answered."""

from dataclasses import replace

from bot.core.render import Phrase
from bot.core.rules import when
from bot.core.words import Choice, Kind
from domain.councils import Ballot, ResultTold
from domain.counting import Verdict
from domain.matters import Kind as Filed
from domain.matters import Leaf, Matter, Move, NoticeEnds, State, Status, above, moved_on, rank
from domain.refusals import Refused
from services.matter_groups import look_in_private, tell_groups
from services.matter_news import Doing, ballot, button, look, put_down, quoted, tell_ground, tell_hosts
from storage.desk import Desk

_MINUTES = 400


@when(ResultTold)
async def publish(told: ResultTold, desk: Desk) -> None:
    """The area has just read the result; now it reads until when one may object to it."""
    ballot_ = await desk.ballots.get(told.ballot)
    matter = await desk.matters.find(ballot_.matter, lock=True) if ballot_.matter else None
    if matter is None or matter.status is not Status.BALLOT:
        return
    after = _noticed(replace(moved_on(matter, Move.PUBLISH, desk.now), decision=_outcome(ballot_)), desk)
    await put_down(after, Move.PUBLISH, desk)
    await _lay_open(after, desk)


async def _adopt(doing: Doing) -> None:
    """What the level above has answered becomes what is decided."""
    after = _noticed(replace(doing.matter, decision=doing.matter.answer, host_id=doing.person.id), doing.desk)
    laid_open = await replace(doing, matter=after).put_down()
    await doing.answer("matter.you_adopt", choices=[look(laid_open)])
    await _lay_open(laid_open, doing.desk)


def _noticed(matter: Matter, desk: Desk) -> Matter:
    return replace(matter, notice_until=desk.now + desk.district.council.notice)


def _outcome(ballot_: Ballot) -> str:
    """What a ballot came to: the option in front, several when none is; or what its own rules make of it."""
    result = ballot_.result
    if result is None:
        return ""
    if result.verdict in (Verdict.TOO_FEW, Verdict.NOT_AGREED):
        return result.verdict
    return "、".join(ballot_.options[each] for each in result.tally.leads)


async def _lay_open(matter: Matter, desk: Desk) -> None:
    until = matter.notice_until or desk.now
    minutes = await desk.filed.of(matter, Filed.MEETING, [State.MINUTED], limit=1)
    await tell_ground(
        matter,
        desk,
        "matter.notice",
        once=f"notice:{matter.round}",
        decision=decided(matter),
        closes=until,
        minutes=Phrase("matter.with_minutes", {"words": quoted(minutes[0].answer, _MINUTES)}) if minutes else "",
        choices=[button(matter, Move.OBJECT), look(matter)],
    )
    await tell_groups(
        matter,
        desk,
        "matter.group.notice",
        once=f"notice:{matter.round}:group",
        choice=look_in_private(matter),
        decision=decided(matter),
        closes=until,
    )
    await desk.plan(NoticeEnds(matter.id, matter.round), until, key=f"matter:{matter.id}:notice:{matter.round}")


def decided(matter: Matter) -> Phrase | str:
    """What was decided, as people read it."""
    if matter.decision == Verdict.TOO_FEW:
        return Phrase("matter.too_few")
    if matter.decision == Verdict.NOT_AGREED:
        return Phrase("matter.not_agreed")
    return matter.decision or Phrase("matter.nothing_decided")


# Objections.


async def _object(doing: Doing) -> None:
    matter, desk = doing.matter, doing.desk
    leaf = await desk.filed.add(matter, Filed.OBJECTION, State.OPEN, doing.person.id, doing.moved.words)
    if leaf is None:
        raise Refused("matter.objected_before", title=matter.title)
    await desk.matters.add_photos(matter.id, doing.moved.photos, leaf.id)
    await doing.put_down(leaf=leaf)
    await desk.voices.follow(matter.id, doing.person.id)
    await doing.answer("matter.you_object", choices=[look(matter)])
    await tell_hosts(
        matter,
        desk,
        "matter.host.objected",
        once=f"objected:{leaf.id}",
        reason=leaf.words,
        choices=[button(matter, Move.REPLY, leaf), look(matter)],
    )


async def _reply(doing: Doing) -> None:
    leaf, desk, matter = doing.filed, doing.desk, doing.matter
    height = rank(doing.person, matter.area)
    answered = {"answer": doing.moved.words, "answered_at": desk.now, "rank": height, "state": State.ANSWERED}
    await desk.filed.change(leaf.id, **answered)
    await doing.put_down()
    await doing.answer("matter.you_reply", choices=[look(matter)])
    days = desk.district.council.dispute.days
    further = above(matter.area, height) is not None
    await desk.tell(
        leaf.person_id,
        "matter.replied" if further else "matter.replied_last",
        kind=Kind.PUSH,
        once=f"matter:{matter.id}:replied:{leaf.id}",
        title=matter.title,
        reason=doing.moved.words,
        days=days,
        choices=[button(matter, Move.ACCEPT, leaf), *([button(matter, Move.DISPUTE, leaf)] if further else [])],
    )
    # Silence for so many days is as good as content.
    again = NoticeEnds(matter.id, matter.round)
    await desk.plan(again, desk.now + desk.district.council.dispute, key=f"matter:{matter.id}:silent:{leaf.id}")
    await _go_on(matter, desk)


async def _accept(doing: Doing) -> None:
    await doing.desk.filed.change(doing.filed.id, state=State.ACCEPTED)
    await doing.put_down()
    await doing.answer("matter.you_accept")
    await _go_on(doing.matter, doing.desk)


async def _dispute(doing: Doing) -> None:
    leaf, desk, matter = doing.filed, doing.desk, doing.matter
    if leaf.answered_at is not None and desk.now > leaf.answered_at + desk.district.council.dispute:
        raise Refused("matter.dispute_over", title=matter.title)
    await desk.filed.change(leaf.id, state=State.DISPUTED)
    await doing.put_down()
    await doing.answer("matter.you_dispute")
    await tell_hosts(
        matter,
        desk,
        "matter.host.disputed",
        once=f"disputed:{leaf.id}",
        over=leaf.rank or 0,
        reason=leaf.words,
        answer=leaf.answer,
        choices=[button(matter, Move.UPHOLD, leaf), button(matter, Move.OVERRULE, leaf), look(matter)],
    )


async def _uphold(doing: Doing) -> None:
    """The objection was right: what was decided is void, and the matter is on the agenda anew."""
    leaf, desk, matter = doing.filed, doing.desk, doing.matter
    await desk.filed.change(leaf.id, state=State.UPHELD, ruling=doing.moved.words)
    after = await doing.put_down(round=matter.round + 1, decision=None, answer=None, notice_until=None)
    await doing.answer("matter.you_uphold", choices=[look(after)])
    await _ruled(leaf, "matter.upheld", doing)
    await tell_ground(
        after,
        desk,
        "matter.void",
        once=f"void:{after.round}",
        # They have just been told themselves.
        without=leaf.person_id,
        reason=doing.moved.words,
        choices=[look(after)],
    )
    await tell_hosts(
        after,
        desk,
        "matter.host.void",
        once=f"void:{after.round}",
        reason=doing.moved.words,
        choices=[ballot(after), button(after, Move.RAISE), button(after, Move.DECLINE), look(after)],
    )


async def _overrule(doing: Doing) -> None:
    await doing.desk.filed.change(doing.filed.id, state=State.OVERRULED, ruling=doing.moved.words)
    await doing.put_down()
    await doing.answer("matter.you_overrule")
    await _ruled(doing.filed, "matter.overruled", doing)
    await _go_on(doing.matter, doing.desk)


async def _ruled(leaf: Leaf, key: str, doing: Doing) -> None:
    await doing.desk.tell(
        leaf.person_id,
        key,
        kind=Kind.PUSH,
        once=f"matter:{doing.matter.id}:ruled:{leaf.id}",
        title=doing.matter.title,
        reason=doing.moved.words,
        choices=[look(doing.matter)],
    )


# The end of the notice.


@when(NoticeEnds)
async def end_notice(ends: NoticeEnds, desk: Desk) -> None:
    matter = await desk.matters.find(ends.matter, lock=True)
    if matter is not None and matter.round == ends.round:
        await _go_on(matter, desk)


async def _go_on(matter: Matter, desk: Desk) -> None:
    """What was decided is carried out, once the time is over and nobody waits for an answer."""
    if matter.status is not Status.NOTICE or matter.notice_until is None or desk.now < matter.notice_until:
        return
    waiting = [leaf for leaf in await desk.filed.of(matter, Filed.OBJECTION) if blocks(leaf, matter, desk)]
    if waiting:
        unanswered = [leaf for leaf in waiting if leaf.state is State.OPEN]
        if unanswered:
            choices: list[Choice] = [button(matter, Move.REPLY, unanswered[-1]), look(matter)]
            once = f"unanswered:{matter.round}"
            await tell_hosts(matter, desk, "matter.host.unanswered", once=once, count=len(unanswered), choices=choices)
        return
    after = moved_on(matter, Move.CARRY, desk.now)
    await put_down(after, Move.CARRY, desk)
    await tell_hosts(
        after,
        desk,
        "matter.host.carry",
        once=f"carry:{after.round}",
        decision=decided(after),
        choices=[button(after, Move.PLAN), button(after, Move.FINISH), look(after)],
    )


def blocks(leaf: Leaf, matter: Matter, desk: Desk) -> bool:
    """Whether an objection keeps what was decided from being carried out."""
    if leaf.round != matter.round:
        return False
    if leaf.state is State.ANSWERED and leaf.answered_at is not None:
        return desk.now < leaf.answered_at + desk.district.council.dispute
    return leaf.state in (State.OPEN, State.DISPUTED)


ACTS = {
    Move.ADOPT: _adopt,
    Move.OBJECT: _object,
    Move.REPLY: _reply,
    Move.ACCEPT: _accept,
    Move.DISPUTE: _dispute,
    Move.UPHOLD: _uphold,
    Move.OVERRULE: _overrule,
}
