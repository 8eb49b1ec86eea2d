"""汇: neighbours propose and support; what has enough behind it, or a host wants, comes to the agenda."""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.core.render import Phrase
from bot.core.rules import when
from bot.core.words import Choice
from domain.areas import covers
from domain.matters import (
    Matter,
    MatterFollowed,
    MatterProposed,
    Move,
    Part,
    ProposalsTold,
    ProposalWaits,
    Status,
    moved_on,
    parts,
    sees,
)
from domain.people import Person
from domain.refusals import Refused
from services.matter_news import Doing, ballot, button, look, put_down, quoted, tell_hosts
from storage.desk import Desk

# So many of the day's proposals stand in one message; the others are found near them.
_SHOWN = 5
_LABEL = 18


@when(MatterProposed)
async def propose(proposed: MatterProposed, desk: Desk) -> None:
    person = await desk.people.get(proposed.by)
    terms = desk.district.council
    if person is None:
        raise Refused("matter.not_found")
    door = proposed.vouched > 0
    if not door and await desk.matters.proposed_since(person.id, desk.now - terms.within) >= terms.proposals:
        raise Refused("propose.too_many", days=terms.within.days, most=terms.proposals)
    if proposed.vouched > terms.on_word(proposed.tier):
        raise Refused("matter.too_many_said", answer="propose.how_many", most=terms.on_word(proposed.tier))
    matter = await desk.matters.propose(proposed)
    part = Part.LEADER if door else Part.NEIGHBOUR
    if part not in parts(matter, person):
        raise Refused("propose.not_there")
    await desk.matters.log(
        matter, person.id, part if door else Part.PROPOSER, Move.PROPOSE, str(proposed.vouched or "")
    )
    await desk.voices.follow(matter.id, person.id)
    if not door:
        await desk.voices.back(matter.id, person.id)
    await _plan_telling(desk)
    await desk.plan(ProposalWaits(matter.id), desk.now + terms.collect, key=f"matter:{matter.id}:waits")
    await desk.tell(
        person.id,
        "propose.receipt",
        title=matter.title,
        place=matter.place,
        count=await desk.voices.support(matter),
        most=terms.support[matter.tier],
        choices=[look(matter), button(matter, Move.WITHDRAW)],
    )
    await forward_by_itself(matter, desk)


async def _plan_telling(desk: Desk) -> None:
    """Neighbours hear of it with the other proposals of the day, not each time somebody has an idea."""
    local = desk.now.astimezone(desk.district.timezone)
    at = desk.district.council.digest_at
    day = local.date() if local.time() < at else local.date() + timedelta(days=1)
    moment = datetime.combine(day, at, desk.district.timezone)
    await desk.plan(ProposalsTold(day.isoformat()), moment, key=f"proposals:{day.isoformat()}")


@when(ProposalsTold)
async def tell_neighbours(told: ProposalsTold, desk: Desk) -> None:
    """One message to each neighbour, however much was proposed to their estate, community and street."""
    matters = await desk.matters.untold()
    await desk.matters.told(matters)
    of_grid: dict[str, list[Matter]] = {}
    for matter in matters:
        for ground in matter.grounds():
            for grid in desk.district.grids_in(ground, desk.district.day(desk.now)):
                of_grid.setdefault(grid.code, []).append(matter)
    for code, here in sorted(of_grid.items()):
        alone = here[0] if len(here) == 1 else None
        await desk.tell_area(
            code,
            "propose.one_new" if alone else "propose.several_new",
            once=f"proposals:{told.day}:{code}",
            without=alone.proposer_id if alone else None,
            count=len(here),
            lines=tuple(
                Phrase("propose.line", {"place": each.place, "words": quoted(each.words, 120)})
                for each in here[:_SHOWN]
            ),
            choices=[button(alone, Move.SUPPORT), look(alone)]
            if alone
            else [*(_opener(each) for each in here[:_SHOWN]), Choice("matters_near.title", opens="matters_near")],
        )


def _opener(matter: Matter) -> Choice:
    return Choice(quoted(matter.title, _LABEL), opens="matter", given={"matter": str(matter.id)})


@when(ProposalWaits)
async def ask_for_a_decision(waits: ProposalWaits, desk: Desk) -> None:
    matter = await desk.matters.find(waits.matter)
    if matter is None or matter.status is not Status.COLLECT:
        return
    await tell_hosts(
        matter,
        desk,
        "matter.host.waits",
        once="waits",
        count=await desk.voices.support(matter),
        most=desk.district.council.support[matter.tier],
        days=desk.district.council.collect.days,
        choices=[button(matter, Move.FORWARD), button(matter, Move.DECLINE), look(matter)],
    )


async def forward_by_itself(matter: Matter, desk: Desk) -> None:
    """Put a proposal on the agenda when it has enough behind it."""
    count = await desk.voices.support(matter)
    if matter.status is not Status.COLLECT or count < desk.district.council.support[matter.tier]:
        return
    after = moved_on(matter, Move.FORWARD, desk.now)
    await put_down(after, Move.FORWARD, desk)
    await tell_hosts(
        after,
        desk,
        "matter.host.forwarded",
        once=f"forwarded:{after.round}",
        count=count,
        choices=[ballot(after), button(after, Move.RAISE), look(after)],
    )


async def _support(doing: Doing) -> None:
    desk, matter = doing.desk, doing.matter
    added = await desk.voices.back(matter.id, doing.person.id)
    await desk.voices.follow(matter.id, doing.person.id, muted=False)
    await doing.answer(
        "matter.you_back" if added else "matter.backed_before",
        count=await desk.voices.support(matter),
        most=desk.district.council.support[matter.tier],
        choices=[look(matter), button(matter, Move.UNSUPPORT)],
    )
    if added:
        await forward_by_itself(matter, desk)


async def _unsupport(doing: Doing) -> None:
    gone = await doing.desk.voices.unback(doing.matter.id, doing.person.id)
    await doing.answer("matter.you_unback" if gone else "matter.not_backed", choices=[look(doing.matter)])


async def _vouch(doing: Doing) -> None:
    """What was said at the door counts on the leader's word, and stands in the journal as theirs."""
    matter, count, terms = doing.matter, doing.moved.count, doing.desk.district.council
    left = terms.on_word(matter.tier) - matter.vouched
    if count > left:
        raise Refused("matter.too_many_said" if left else "matter.said_enough", answer="matter.how_many", most=left)
    after = await doing.put_down(vouched=matter.vouched + count, words=str(count))
    await doing.answer("matter.you_vouch", count=count, choices=[look(matter)])
    await forward_by_itself(after, doing.desk)


async def _flag(doing: Doing) -> None:
    matter, desk = doing.matter, doing.desk
    added = await desk.voices.flag(matter.id, doing.person.id, doing.moved.words)
    await doing.answer("matter.you_flag" if added else "matter.flagged_before")
    if added:
        await tell_hosts(
            matter,
            desk,
            "matter.host.flagged",
            once=f"flag:{doing.person.id}",
            words=quoted(matter.words),
            reason=doing.moved.words,
            choices=[button(matter, Move.HIDE), look(matter)],
        )


async def _forward(doing: Doing) -> None:
    after = await doing.put_down(host_id=doing.person.id)
    await doing.answer("matter.you_forward", choices=[ballot(after), button(after, Move.RAISE), look(after)])


async def _decline(doing: Doing) -> None:
    await doing.put_down(host_id=doing.person.id)
    await doing.answer("matter.you_decline")


async def _hide(doing: Doing) -> None:
    await doing.put_down(host_id=doing.person.id)
    await doing.answer("matter.you_hide")


async def _withdraw(doing: Doing) -> None:
    await doing.put_down()
    await doing.answer("matter.you_withdraw")


async def _merge(doing: Doing) -> None:
    """Whoever stood behind either stands behind what is kept, once."""
    desk, matter = doing.desk, doing.matter
    kept = await desk.matters.find(doing.moved.into or 0, lock=True)
    if kept is None or Part.HOST not in parts(kept, doing.person):
        raise Refused("matter.not_found")
    if kept.status not in (Status.COLLECT, Status.AGENDA) or not all(
        any(covers(outer, inner) for outer in kept.grounds()) for inner in matter.grounds()
    ):
        raise Refused("matter.not_mergeable", title=kept.title)
    await doing.put_down(merged_into=kept.id, words="", host_id=doing.person.id)
    await desk.voices.join(matter, kept)
    most = desk.district.council.on_word(kept.tier)
    await desk.matters.save(joined := _with_vouched(kept, matter, most))
    await doing.answer("matter.you_merge", into=kept.title, choices=[look(kept)])
    await forward_by_itself(joined, desk)


def _with_vouched(kept: Matter, matter: Matter, most: int) -> Matter:
    """What was said at the door for one of two counts for the other, within the limit."""
    return replace(kept, vouched=min(kept.vouched + matter.vouched, max(most, kept.vouched)))


@when(MatterFollowed)
async def follow(followed: MatterFollowed, desk: Desk) -> None:
    matter, person = await desk.matters.find(followed.matter), await desk.people.get(followed.by)
    if matter is None or person is None:
        raise Refused("matter.not_found")
    if followed.follows and not sees(matter, person):
        raise Refused("matter.not_found")
    await desk.voices.follow(matter.id, person.id, muted=not followed.follows)
    await desk.tell(
        person.id,
        "matter.you_follow" if followed.follows else "matter.you_unfollow",
        title=matter.title,
        choices=[look(matter), *_for_group(matter, person, follows=followed.follows)],
    )


def _for_group(matter: Matter, person: Person, *, follows: bool) -> list[Choice]:
    """Who hosts it may let a group chat follow as well."""
    if not follows or Part.HOST not in parts(matter, person):
        return []
    return [Choice("group_code.title", opens="group_code", given={"matter": str(matter.id)})]


ACTS = {
    Move.SUPPORT: _support,
    Move.UNSUPPORT: _unsupport,
    Move.VOUCH: _vouch,
    Move.FLAG: _flag,
    Move.FORWARD: _forward,
    Move.DECLINE: _decline,
    Move.HIDE: _hide,
    Move.MERGE: _merge,
    Move.WITHDRAW: _withdraw,
}
