"""Somebody the bot cannot help is handed over to a person of their community, and the two write to each other."""

from bot.core.render import Phrase
from bot.core.rules import when
from bot.core.words import Choice, Kind
from domain.areas import around
from domain.handovers import (
    SILENCE,
    Handover,
    OfficeOpens,
    PersonWanted,
    Stage,
    ThreadEnded,
    ThreadSilent,
    ThreadWritten,
    check,
)
from domain.people import Person, Role
from domain.refusals import Refused
from services.questions import kept
from storage.desk import Desk


@when(PersonWanted)
async def hand_over(wanted: PersonWanted, desk: Desk) -> None:
    """In office hours it is brought to somebody at once, else when the office opens."""
    person = await desk.people.get(wanted.by)
    if person is None:
        return
    if live := await desk.handovers.live_of(person.id):
        buttons = [_write(live), _end(live)] if live.status is Stage.TAKEN else [_end(live)]
        await desk.tell(person.id, "handover.already", choices=buttons)
        return
    entries = [entry.question for each in wanted.tried[:3] if (entry := await desk.entry(each))]
    number = await desk.handovers.open(person.id, person.grid, kept(wanted.words), "；".join(entries))
    opens = desk.district.office_opens(desk.now)
    if opens > desk.now:
        await desk.plan(OfficeOpens(number), opens, key=f"handover:{number}:opens")
        end = Choice("handover.end", opens="handover_end", given={"handover": str(number)})
        await desk.tell(person.id, "handover.later", opens=opens, hotline=desk.district.hotline, choices=[end])
        return
    await _bring(number, desk)


@when(OfficeOpens)
async def bring_in_the_morning(opens: OfficeOpens, desk: Desk) -> None:
    handover = await desk.handovers.find(opens.handover, lock=True)
    if handover is not None and handover.status is Stage.WAITING:
        await _bring(handover.id, desk)


async def _bring(number: int, desk: Desk) -> None:
    """Bring it to the nearest in office who can be reached; its asker hears of it, also when there is nobody."""
    handover = await desk.handovers.find(number)
    if handover is None:
        return
    people = await _office(handover, desk)
    if not people:
        await desk.handovers.change(number, status=Stage.ENDED)
        await desk.tell(handover.person_id, "handover.nobody", hotline=desk.district.hotline)
        return
    await desk.handovers.change(number, status=Stage.BROUGHT, staff_id=None, last_at=desk.now)
    for person in people:
        await desk.tell(
            person.id,
            "handover.brought",
            kind=Kind.PUSH,
            once=f"handover:{number}:{handover.said}:{person.id}",
            where=desk.district.area_name(handover.grid) if handover.grid else Phrase("handover.somewhere"),
            words=handover.words,
            tried=Phrase("handover.tried", {"entries": handover.tried}) if handover.tried else "",
            choices=[_write(handover)],
        )
    await desk.tell(handover.person_id, "handover.sent", choices=[_end(handover)])
    # Not over before anybody was in the office again.
    over = desk.district.office_opens(desk.now + SILENCE)
    await desk.plan(ThreadSilent(number, handover.said), over, key=f"handover:{number}:silent:{handover.said}:brought")


async def _office(handover: Handover, desk: Desk) -> list[Person]:
    """The staff of their community; its gridworker where nobody of them has a chat; then those above."""
    nearest: list[tuple[str, Role]] = []
    if handover.grid:
        community, street, _ = around(handover.grid)
        nearest = [(community, Role.COMMUNITY), (handover.grid, Role.GRIDWORKER), (street, Role.STREET)]
    for area, role in (*nearest, (desk.district.code, Role.DISTRICT)):
        people = await desk.people.serving(area, [role], reachable=True)
        if found := [person for person in people if person.id != handover.person_id]:
            return found
    return []


@when(ThreadWritten)
async def carry(written: ThreadWritten, desk: Desk) -> None:
    """Words go from one side to the other; whoever of the office writes first has taken it up."""
    person = await desk.people.get(written.by)
    if person is None:
        raise Refused("handover.over")
    handover = check(await desk.handovers.find(written.handover, lock=True), person)
    asker = person.id == handover.person_id
    if asker and handover.staff_id is None:
        raise Refused("handover.not_yet")
    said = handover.said + 1
    taken = {} if asker else {"staff_id": person.id, "status": Stage.TAKEN}
    await desk.handovers.change(handover.id, said=said, last_at=desk.now, **taken)
    # Whoever had taken it up and is on leave now does not hear of it.
    away = asker and handover.staff_id and await desk.leaves.of(handover.staff_id)
    told = not away and await desk.tell(
        handover.staff_id if asker else handover.person_id,
        "handover.from_resident" if asker else "handover.from_office",
        kind=Kind.PUSH,
        once=f"handover:{handover.id}:said:{said}",
        words=written.words,
        photos=written.photos,
        choices=[_write(handover), _end(handover)],
    )
    if told:
        await desk.tell(person.id, "handover.carried", choices=[_end(handover)])
        await desk.plan(
            ThreadSilent(handover.id, said), desk.now + SILENCE, key=f"handover:{handover.id}:silent:{said}"
        )
    elif asker:
        # Whoever had taken it up cannot be reached any more: it is somebody else's now.
        await desk.handovers.change(handover.id, words=kept(written.words))
        await _bring(handover.id, desk)
    else:
        await desk.handovers.change(handover.id, status=Stage.ENDED)
        await desk.tell(person.id, "handover.gone")


@when(ThreadEnded)
async def end(ended: ThreadEnded, desk: Desk) -> None:
    person = await desk.people.get(ended.by)
    if person is None:
        raise Refused("handover.over")
    handover = check(await desk.handovers.find(ended.handover, lock=True), person)
    await desk.handovers.change(handover.id, status=Stage.ENDED)
    await desk.tell(person.id, "handover.you_ended")
    other = handover.staff_id if person.id == handover.person_id else handover.person_id
    if other != person.id:
        await desk.tell(other, "handover.was_ended", once=f"handover:{handover.id}:ended")


@when(ThreadSilent)
async def end_in_silence(silent: ThreadSilent, desk: Desk) -> None:
    handover = await desk.handovers.find(silent.handover, lock=True)
    if handover is None or handover.status is Stage.ENDED or handover.said != silent.said:
        return
    await desk.handovers.change(handover.id, status=Stage.ENDED)
    once = f"handover:{handover.id}:silent"
    if handover.staff_id is None:
        await desk.tell(handover.person_id, "handover.unanswered", hotline=desk.district.hotline, once=once)
        return
    for side in (handover.person_id, handover.staff_id):
        await desk.tell(side, "handover.fell_silent", once=f"{once}:{side}")


def _write(handover: Handover) -> Choice:
    return Choice("handover.write", opens="handover_write", given={"handover": str(handover.id)})


def _end(handover: Handover) -> Choice:
    return Choice("handover.end", opens="handover_end", given={"handover": str(handover.id)})
