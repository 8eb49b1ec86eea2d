"""Two sides are brought together: asked whether they want it, given a room, a time and a mediator, and asked after.

Whatever was said is hidden under the mediation's own key, in its row and in every message on its way; only the two
sides and their mediator are told anything.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.core.render import Phrase, Withheld
from bot.core.rules import when
from bot.core.words import Choice, Kind
from domain.cases import OfficeLeft
from domain.mediation import (
    ASK_AGAIN,
    CONFIRM_WITHIN,
    FOLLOW_UPS,
    GIVE_UP,
    KEPT,
    LIVE,
    MOST_ABSENCES,
    REMIND,
    ConsentAwaited,
    ConsentGiven,
    Do,
    FollowUpDue,
    HoldAnswered,
    KeyOver,
    Mediation,
    MediationAsked,
    MediationDone,
    Office,
    RecordQuestioned,
    RecordSigned,
    RecordWritten,
    Room,
    Side,
    SideAbsent,
    SideCame,
    SideForgotten,
    SlotChosen,
    SlotNears,
    SlotOver,
    Stage,
    check,
    conflict,
    ready,
    slots,
)
from domain.people import Person, Role
from domain.refusals import Refused
from services.news import date_of
from storage.desk import Desk

# So many at a time for one person.
_MOST_LIVE = 3
# Sealed words are as long as the next of these, so that their length says little.
_STEP = 256
# Over without an agreement: what else one can do is for the sides to read.
_ENDED = (Stage.FAILED, Stage.REFUSED, Stage.WITHDRAWN)


@when(MediationAsked)
async def open_mediation(asked: MediationAsked, desk: Desk) -> None:
    room = desk.district.rooms.get(asked.room)
    if room is None:
        raise Refused("mediate.none", hotline=desk.district.hotline)
    first = asked.first
    if first is not None and len(await desk.mediations.live_of(first)) >= _MOST_LIVE:
        raise Refused("mediate.enough")
    # A few milliseconds of disk: not in the way of others.
    key = await asyncio.to_thread(desk.keys.make)
    number = await desk.mediations.open(
        room.code,
        key,
        first,
        asked.barred,
        _hidden(asked.words, key, desk),
        _hidden(asked.named, key, desk) if asked.named else None,
    )
    await desk.mediations.log(number, asked.by, "asked")
    if first == asked.by:
        await desk.mediations.change(number, first_yes=desk.now)
        await desk.mediations.log(number, first, "consent")
    mediation = await _get(number, desk)
    code = await desk.people.invite(mediation=number, side=Side.OTHER)
    facts: dict[str, Any] = {"number": number_of(mediation), "room": room.name, "code": code}
    if first == asked.by:
        await desk.tell(asked.by, "mediate.asked", **facts, choices=[card(mediation)])
    elif first is not None:
        await desk.tell(asked.by, "mediate.referred_one", **facts)
        await _ask_consent(mediation, Side.FIRST, desk)
    else:
        one = await desk.people.invite(mediation=number, side=Side.FIRST)
        await desk.tell(asked.by, "mediate.referred", **facts, one=one)
    if not await _call_mediators(mediation, desk):
        await desk.tell(asked.by, "mediate.nobody_yet", room=room.name, hotline=desk.district.hotline)
    for after, last in ((ASK_AGAIN, False), (GIVE_UP, True)):
        await desk.plan(ConsentAwaited(number, last), desk.now + after, key=f"mediation:{number}:consent:{after.days}")


@when(SideCame)
async def welcome_side(came: SideCame, desk: Desk) -> None:
    mediation = await desk.mediations.get(came.mediation, lock=True)
    # An old code and a wrong one get the same answer.
    if mediation is None or mediation.stage not in LIVE or mediation.sides[came.side] is not None:
        raise Refused("join.unknown")
    if came.by in mediation.people:
        raise Refused("mediation.not_both")
    await desk.mediations.change(mediation.id, **{f"{came.side}_id": came.by})
    mediation = await _get(mediation.id, desk)
    if mediation.mediator is not None:
        mediator = await desk.people.get(mediation.mediator)
        if mediator is None or conflict(mediation, mediator, await _relatives(mediator, desk)):
            mediation = await _without_mediator(mediation, desk)
    if came.side is Side.OTHER and mediation.sides[Side.FIRST] and not mediation.consents[Side.FIRST]:
        # What somebody reported is not told to the other side before they want it.
        await desk.tell(came.by, "mediation.soon", number=number_of(mediation))
        return
    await _ask_consent(mediation, came.side, desk)


async def _ask_consent(mediation: Mediation, side: Side, desk: Desk) -> None:
    """Ask a side whether it wants to be mediated (第十七条: nobody may be against their will)."""
    await desk.mediations.log(mediation.id, mediation.sides[side], "consent_asked")
    await desk.tell(
        mediation.sides[side],
        "mediation.suggested" if side is Side.FIRST else "mediation.consent",
        kind=Kind.PUSH,
        once=f"mediation:{mediation.id}:consent:{side}:{mediation.sides[side]}",
        number=number_of(mediation),
        who=await _name(mediation, side.opposite, desk),
        words=words_of(mediation, mediation.words),
        room=_room(mediation, desk).name,
        choices=[button(mediation, Do.CONSENT), button(mediation, Do.REFUSE)],
    )


@when(ConsentGiven)
async def take_consent(given: ConsentGiven, desk: Desk) -> None:
    mediation, person = await _checked(given.mediation, given.by, Do.CONSENT if given.yes else Do.REFUSE, desk)
    side = _side(mediation, person)
    await desk.mediations.log(mediation.id, person.id, "consent" if given.yes else "refused")
    if given.yes:
        await desk.mediations.change(mediation.id, **{f"{side}_yes": desk.now})
        await desk.tell(person.id, "mediation.you_consented", choices=[button(mediation, Do.LEAVE)])
        mediation = await _get(mediation.id, desk)
        if side is Side.FIRST and mediation.sides[Side.OTHER] and not mediation.consents[Side.OTHER]:
            await _ask_consent(mediation, Side.OTHER, desk)
        await _go_on(mediation, desk)
        return
    await _end(mediation, Stage.REFUSED, desk)
    await desk.tell(person.id, "mediation.you_refused")
    await _tell(mediation, "mediation.was_refused", desk, unless=person.id)


async def _go_on(mediation: Mediation, desk: Desk) -> None:
    """Let a time be settled once both want it and somebody mediates."""
    if mediation.stage is not Stage.ASKED or not ready(mediation):
        return
    await desk.mediations.change(mediation.id, stage=Stage.READY)
    room = _room(mediation, desk)
    facts: dict[str, Any] = {"number": number_of(mediation), "room": room.name, "place": room.place}
    mediator = await desk.people.get(mediation.mediator or 0)
    facts["mediator"] = mediator.name or "" if mediator else ""
    offered = [button(mediation, Do.BOOK), button(mediation, Do.OTHER_MEDIATOR)]
    await _tell(mediation, "mediation.ready", desk, kind=Kind.PUSH, choices=offered, **facts)


@when(MediationDone)
async def do(done: MediationDone, desk: Desk) -> None:
    mediation, person = await _checked(done.mediation, done.by, done.do, desk)
    await desk.mediations.log(mediation.id, person.id, done.do)
    match done.do:
        case Do.TAKE:
            await _take(mediation, person, desk)
        case Do.RECUSE | Do.OTHER_MEDIATOR:
            await desk.tell(person.id, f"mediation.you_{done.do}")
            await _without_mediator(mediation, desk, unless=person.id)
        case Do.CODE:
            side = next(side for side, number in mediation.sides.items() if number is None)
            code = await desk.people.invite(mediation=mediation.id, side=side)
            await desk.tell(person.id, "mediation.code", code=code, number=number_of(mediation))
        case Do.LEAVE:
            await _end(mediation, Stage.WITHDRAWN, desk)
            await desk.tell(person.id, "mediation.you_left")
            await _tell(mediation, "mediation.was_left", desk, unless=person.id)
        case Do.FAIL:
            await _end(mediation, Stage.FAILED, desk)
            await desk.tell(person.id, "mediation.you_failed")
            await _tell(mediation, "mediation.was_failed", desk, unless=person.id)
        case _:
            raise Refused("mediation.not_now")


async def _take(mediation: Mediation, person: Person, desk: Desk) -> None:
    if conflict(mediation, person, await _relatives(person, desk)):
        raise Refused("mediation.conflict")
    await desk.mediations.change(mediation.id, mediator_id=person.id)
    mediation = await _get(mediation.id, desk)
    await desk.tell(
        person.id,
        "mediation.you_took",
        number=number_of(mediation),
        first=await _name(mediation, Side.FIRST, desk),
        other=await _name(mediation, Side.OTHER, desk),
        named=named_in(mediation),
        words=words_of(mediation, mediation.words),
        choices=[card(mediation), button(mediation, Do.RECUSE)],
    )
    if ready(mediation):
        await _go_on(mediation, desk)
        return
    await _tell(
        mediation,
        "mediation.mediator_is",
        desk,
        unless=person.id,
        mediator=person.name or "",
        room=_room(mediation, desk).name,
        choices=[button(mediation, Do.OTHER_MEDIATOR)],
    )


async def _relatives(person: Person, desk: Desk) -> list[int]:
    """The numbers of those the district's list says a mediator is related to."""
    for listed in desk.district.mediators:
        if listed.relatives and await desk.people.by_key(listed.key) == person.id:
            found = [await desk.people.by_key(key) for key in listed.relatives]
            return [number for number in found if number is not None]
    return []


async def _without_mediator(mediation: Mediation, desk: Desk, *, unless: int | None = None) -> Mediation:
    """It waits for another mediator; whatever time it had is free again."""
    before = mediation
    barred = (*mediation.barred, *([mediation.mediator] if mediation.mediator else []))
    await desk.mediations.free(mediation.id)
    await desk.mediations.change(mediation.id, mediator_id=None, barred=barred, stage=Stage.ASKED, slot_at=None)
    mediation = await _get(mediation.id, desk)
    await _tell(before, "mediation.another_mediator", desk, unless=unless, number=number_of(before))
    await _call_mediators(mediation, desk)
    return mediation


async def _call_mediators(mediation: Mediation, desk: Desk) -> bool:
    """Let those who sit in its room know that somebody is wanted, and no more of it."""
    people = await desk.people.serving(mediation.room, [Role.MEDIATOR], reachable=True)
    free = [each for each in people if not conflict(mediation, each, await _relatives(each, desk))]
    for person in free:
        await desk.tell(
            person.id,
            "mediation.wanted",
            kind=Kind.PUSH,
            once=f"mediation:{mediation.id}:wanted:{person.id}:{len(mediation.barred)}",
            number=number_of(mediation),
            room=_room(mediation, desk).name,
            choices=[button(mediation, Do.TAKE)],
        )
    return bool(free)


# The time.


@when(SlotChosen)
async def book(chosen: SlotChosen, desk: Desk) -> None:
    mediation, person = await _checked(chosen.mediation, chosen.by, Do.BOOK, desk)
    room = _room(mediation, desk)
    if chosen.at not in slots(room, desk.district.calendar, desk.now):
        raise Refused("mediation.no_such_slot", answer="mediation.when")
    if chosen.at == mediation.slot_at:
        raise Refused("mediation.same_slot", answer="mediation.when")
    await desk.mediations.free(mediation.id)
    if not await desk.mediations.book(room.code, chosen.at, mediation.id, mediation.mediator or 0):
        raise Refused("mediation.slot_taken", answer="mediation.when")
    moved = mediation.stage is Stage.BOOKED and person.id != mediation.mediator
    await desk.mediations.change(
        mediation.id, stage=Stage.BOOKED, slot_at=chosen.at, moves=mediation.moves + (1 if moved else 0)
    )
    await desk.mediations.log(mediation.id, person.id, "booked")
    mediation = await _get(mediation.id, desk)
    key = f"mediation:{mediation.id}:{int(chosen.at.timestamp())}:{mediation.moves}"
    if chosen.at - REMIND > desk.now:
        await desk.plan(SlotNears(mediation.id, chosen.at), chosen.at - REMIND, key=f"{key}:nears")
    over = chosen.at + timedelta(minutes=room.minutes)
    await desk.plan(SlotOver(mediation.id, chosen.at), over, key=f"{key}:over")
    facts = _when(mediation, desk)
    facts["again"] = Phrase("mediation.will_remind") if chosen.at - REMIND > desk.now else ""
    await _tell(mediation, "mediation.booked", desk, kind=Kind.PUSH, choices=_moving(mediation), **facts)


@when(SlotNears)
async def remind(nears: SlotNears, desk: Desk) -> None:
    mediation = await desk.mediations.get(nears.mediation)
    if mediation is None or mediation.stage is not Stage.BOOKED or mediation.slot_at != nears.at:
        return
    await _tell(
        mediation, "mediation.tomorrow", desk, kind=Kind.PUSH, **_when(mediation, desk), choices=_moving(mediation)
    )


@when(SlotOver)
async def ask_how_it_went(over: SlotOver, desk: Desk) -> None:
    mediation = await desk.mediations.get(over.mediation)
    if mediation is None or mediation.stage is not Stage.BOOKED or mediation.slot_at != over.at:
        return
    await desk.tell(
        mediation.mediator,
        "mediation.how_did_it_go",
        kind=Kind.PUSH,
        once=f"mediation:{mediation.id}:over:{int(over.at.timestamp())}:{mediation.moves}",
        number=number_of(mediation),
        choices=[button(mediation, each) for each in (Do.RECORD, Do.FAIL, Do.ABSENT)],
    )


@when(SideAbsent)
async def note_absence(absent: SideAbsent, desk: Desk) -> None:
    mediation, person = await _checked(absent.mediation, absent.by, Do.ABSENT, desk)
    times = mediation.absent[absent.side] + 1
    await desk.mediations.log(mediation.id, mediation.sides[absent.side], "absent")
    await desk.mediations.change(mediation.id, **{f"{absent.side}_absent": times})
    if times >= MOST_ABSENCES:
        await _end(mediation, Stage.FAILED, desk)
        await desk.tell(person.id, "mediation.you_failed")
        await _tell(mediation, "mediation.stayed_away", desk, unless=person.id)
        return
    await desk.mediations.free(mediation.id)
    await desk.mediations.change(mediation.id, stage=Stage.READY, slot_at=None)
    again = [button(mediation, Do.BOOK), button(mediation, Do.LEAVE)]
    await desk.tell(person.id, "mediation.you_noted_absence")
    await desk.tell(mediation.sides[absent.side], "mediation.we_missed_you", kind=Kind.PUSH, choices=again)
    await desk.tell(mediation.sides[absent.side.opposite], "mediation.they_missed", kind=Kind.PUSH, choices=again)


# The agreement.


@when(RecordWritten)
async def show_record(written: RecordWritten, desk: Desk) -> None:
    mediation, person = await _checked(written.mediation, written.by, Do.RECORD, desk)
    # Whoever signed another text has signed nothing of this one.
    await desk.mediations.change(
        mediation.id,
        record=_hidden(written.words, mediation.key, desk),
        version=mediation.version + 1,
        stage=Stage.SIGNING,
        first_signed=None,
        other_signed=None,
    )
    await desk.mediations.free(mediation.id)
    await desk.mediations.log(mediation.id, person.id, "record", mediation.version + 1)
    mediation = await _get(mediation.id, desk)
    await desk.tell(person.id, "mediation.you_wrote", choices=[button(mediation, Do.RECORD)])
    await _tell(
        mediation,
        "mediation.record_ready",
        desk,
        kind=Kind.PUSH,
        unless=person.id,
        number=number_of(mediation),
        choices=[button(mediation, Do.SIGN), button(mediation, Do.QUESTION)],
    )


@when(RecordQuestioned)
async def carry_question(questioned: RecordQuestioned, desk: Desk) -> None:
    mediation, person = await _checked(questioned.mediation, questioned.by, Do.QUESTION, desk)
    await desk.mediations.log(mediation.id, person.id, "questioned", mediation.version)
    await desk.tell(person.id, "mediation.you_questioned")
    await desk.tell(
        mediation.mediator,
        "mediation.was_questioned",
        kind=Kind.PUSH,
        number=number_of(mediation),
        who=await _name(mediation, _side(mediation, person), desk),
        words=words_of(mediation, _hidden(questioned.words, mediation.key, desk)),
        choices=[button(mediation, Do.RECORD), button(mediation, Do.FAIL)],
    )


@when(RecordSigned)
async def sign(signed: RecordSigned, desk: Desk) -> None:
    mediation, person = await _checked(signed.mediation, signed.by, Do.SIGN, desk)
    if signed.version != mediation.version:
        raise Refused("mediation.rewritten")
    side = _side(mediation, person)
    await desk.mediations.change(mediation.id, **{f"{side}_signed": signed.version})
    await desk.mediations.log(mediation.id, person.id, "signed", signed.version)
    if mediation.signed[side.opposite] != mediation.version:
        await desk.tell(person.id, "mediation.you_signed")
        await _tell(mediation, "mediation.other_signed", desk, unless=person.id, number=number_of(mediation))
        return
    await _end(mediation, Stage.AGREED, desk)
    await _tell(
        mediation,
        "mediation.agreed",
        desk,
        kind=Kind.PUSH,
        number=number_of(mediation),
        record=words_of(mediation, mediation.record),
        date=date_of(desk.now, desk.district),
        last=date_of(desk.now + timedelta(days=CONFIRM_WITHIN), desk.district),
        room=_room(mediation, desk).name,
    )
    for days in FOLLOW_UPS:
        due = desk.now + timedelta(days=days)
        await desk.plan(FollowUpDue(mediation.id, days), due, key=f"mediation:{mediation.id}:follow:{days}")


@when(FollowUpDue)
async def ask_after(due: FollowUpDue, desk: Desk) -> None:
    """第三十一条: whether what was agreed is kept is looked after."""
    mediation = await desk.mediations.get(due.mediation)
    if mediation is None or mediation.stage is not Stage.AGREED:
        return
    given = {"mediation": str(mediation.id), "days": str(due.days)}
    for number in mediation.sides.values():
        await desk.tell(
            number,
            "mediation.does_it_hold",
            kind=Kind.REMINDER,
            once=f"mediation:{mediation.id}:follow:{due.days}:{number}",
            number=number_of(mediation),
            days=due.days,
            choices=[
                Choice("mediation.holds", opens="mediation_hold", given={**given, "holds": "yes"}),
                Choice("mediation.does_not_hold", opens="mediation_hold", given={**given, "holds": "no"}),
            ],
        )


@when(HoldAnswered)
async def hear_whether_it_holds(answered: HoldAnswered, desk: Desk) -> None:
    mediation, person = await _mine(answered.mediation, answered.by, desk)
    asked = mediation.ended_at is not None and desk.now >= mediation.ended_at + timedelta(days=answered.days)
    if mediation.stage is not Stage.AGREED or answered.days not in FOLLOW_UPS or not asked:
        raise Refused("mediation.not_now")
    side = _side(mediation, person)
    words = _hidden(answered.words, mediation.key, desk) if answered.words else None
    if not await desk.mediations.hold(mediation.id, person.id, answered.days, answered.holds, words):
        raise Refused("mediation.answered")
    if answered.holds:
        await desk.tell(person.id, "mediation.good")
    else:
        await desk.tell(person.id, "mediation.ways_if_not_kept")
    await desk.tell(
        mediation.mediator,
        "mediation.side_says",
        kind=Kind.NOTICE if answered.holds else Kind.PUSH,
        number=number_of(mediation),
        who=await _name(mediation, side, desk),
        days=answered.days,
        holds=Phrase("mediation.said_holds" if answered.holds else "mediation.said_not"),
        words=Phrase("mediation.and_said", {"words": words_of(mediation, words)}) if words else "",
    )


# Nobody answers, somebody leaves, everything is over.


@when(ConsentAwaited)
async def ask_again(awaited: ConsentAwaited, desk: Desk) -> None:
    mediation = await desk.mediations.get(awaited.mediation, lock=True)
    if mediation is None or mediation.stage is not Stage.ASKED or all(mediation.consents.values()):
        return
    if awaited.last:
        await _end(mediation, Stage.WITHDRAWN, desk)
        await _tell(mediation, "mediation.no_answer", desk)
        return
    missing = None in mediation.sides.values()
    offered = [button(mediation, Do.CODE)] if missing else []
    for number in {mediation.sides[Side.FIRST], mediation.mediator} - {None}:
        await desk.tell(number, "mediation.still_waiting", number=number_of(mediation), choices=offered)
    for side, number in mediation.sides.items():
        if number is not None and mediation.consents[side] is None and side is Side.OTHER:
            await desk.tell(
                number,
                "mediation.consent_again",
                kind=Kind.REMINDER,
                choices=[button(mediation, Do.CONSENT), button(mediation, Do.REFUSE)],
            )


@when(OfficeLeft)
async def let_go(left: OfficeLeft, desk: Desk) -> None:
    """Somebody mediates no more: what lay with them waits for another."""
    person = await desk.people.get(left.person)
    for mediation in await desk.mediations.live_of(left.person):
        serves = person is not None and person.serves(mediation.room, (Role.MEDIATOR,))
        if mediation.mediator == left.person and not serves:
            await _without_mediator(mediation, desk, unless=left.person)


@when(SideForgotten)
async def forget(forgotten: SideForgotten, desk: Desk) -> None:
    """What is open with them ends; their words go, and once both are gone, everything."""
    for mediation in await desk.mediations.live_of(forgotten.person):
        if mediation.mediator == forgotten.person:
            await _without_mediator(mediation, desk, unless=forgotten.person)
            continue
        await _end(mediation, Stage.WITHDRAWN, desk)
        await _tell(mediation, "mediation.was_left", desk, unless=forgotten.person)
    for number in await desk.mediations.forget(forgotten.person):
        # Not here: should this be undone, the key must still be there.
        await desk.plan(KeyOver(number), desk.now, key=f"mediation:{number}:forgotten")


@when(KeyOver)
async def destroy_key(over: KeyOver, desk: Desk) -> None:
    mediation = await desk.mediations.get(over.mediation, lock=True)
    if mediation is None or mediation.stage in LIVE:
        return
    nobody = not any(mediation.sides.values())
    if nobody or (mediation.ended_at is not None and desk.now >= mediation.ended_at + KEPT):
        await desk.mediations.change(mediation.id, words=None, named=None, record=None)
        await asyncio.to_thread(desk.keys.destroy, mediation.key)


# What the rules above are told in.


async def _checked(number: int, by: int, do: Do, desk: Desk) -> tuple[Mediation, Person]:
    """The mediation, locked, and whoever does something with it, who may."""
    person = await desk.people.get(by)
    mediation = await desk.mediations.get(number, lock=True)
    if person is None:
        raise Refused("mediation.not_found")
    return check(mediation, person, do, desk.now), person


async def _mine(number: int, by: int, desk: Desk) -> tuple[Mediation, Person]:
    """A mediation in which somebody is a side."""
    person = await desk.people.get(by)
    mediation = await desk.mediations.get(number, lock=True)
    if person is None or mediation is None or mediation.side(by) is None:
        raise Refused("mediation.not_found")
    return mediation, person


async def _get(number: int, desk: Desk) -> Mediation:
    mediation = await desk.mediations.get(number, lock=True)
    if mediation is None:
        raise LookupError(f"no mediation {number}")
    return mediation


def _side(mediation: Mediation, person: Person) -> Side:
    side = mediation.side(person.id)
    if side is None:
        raise Refused("mediation.not_found")
    return side


def _room(mediation: Mediation, desk: Desk) -> Room:
    """Its room; one the operator has taken away since is still where it was to be held."""
    gone = Room(mediation.room, mediation.room, Office.CENTRE, (), "", {})
    return desk.district.rooms.get(mediation.room, gone)


async def _end(mediation: Mediation, stage: Stage, desk: Desk) -> None:
    await desk.mediations.free(mediation.id)
    await desk.mediations.change(mediation.id, stage=stage, ended_at=desk.now, slot_at=None)
    await desk.mediations.log(mediation.id, None, stage)
    await desk.plan(KeyOver(mediation.id), desk.now + KEPT, key=f"mediation:{mediation.id}:kept")


async def _tell(
    mediation: Mediation,
    key: str,
    desk: Desk,
    /,
    *,
    unless: int | None = None,
    kind: Kind = Kind.NOTICE,
    choices: Sequence[Choice] = (),
    **said: Any,
) -> None:
    """Tell the two sides and the mediator, each what they may press; the mediator, of an end, no more than that."""
    for number in dict.fromkeys(mediation.people):
        if number == unless:
            continue
        person = await desk.people.get(number)
        now = await desk.mediations.get(mediation.id)
        if now is not None and now.stage in _ENDED and number == mediation.mediator:
            stage = Phrase(f"mediation.stage.{now.stage}")
            await desk.tell(number, "mediation.ended", number=number_of(now), stage=stage)
            continue
        offered = [each for each in choices if person and now and _may(now, person, each, desk.now)]
        await desk.tell(number, key, kind=kind, choices=offered, **said)


def _may(mediation: Mediation, person: Person, choice: Choice, now: datetime) -> bool:
    if "do" not in choice.given:
        return True
    try:
        check(mediation, person, Do(choice.given["do"]), now)
    except Refused:
        return False
    return True


async def _name(mediation: Mediation, side: Side, desk: Desk) -> str | Phrase:
    """What a side is called by itself; the name the other gave it is for the mediator alone."""
    number = number_shown(mediation, side)
    person = await desk.people.get(number) if number else None
    return (person.name if person else None) or Phrase(f"mediation.side.{side}")


def number_shown(mediation: Mediation, side: Side) -> int | None:
    """Who is on a side, once they have agreed to be."""
    return mediation.sides[side] if mediation.consents[side] else None


def _when(mediation: Mediation, desk: Desk) -> dict[str, Any]:
    room = _room(mediation, desk)
    return {"number": number_of(mediation), "at": mediation.slot_at, "room": room.name, "place": room.place}


def _moving(mediation: Mediation) -> list[Choice]:
    return [button(mediation, Do.BOOK), button(mediation, Do.LEAVE)]


def _hidden(words: str, key: str, desk: Desk) -> str:
    """Words sealed under a mediation's key."""
    long = len(words.encode())
    return desk.keys.seal(key).hide(words, (long // _STEP + 1) * _STEP)


def words_of(mediation: Mediation, token: str | None) -> Withheld | Phrase:
    """Sealed words in a message, put in as it leaves."""
    gone = Phrase("mediation.gone")
    return Withheld(mediation.key, token, gone) if token else gone


def named_in(mediation: Mediation) -> Phrase | str:
    """What whoever asked calls the other side, for the mediator."""
    if not mediation.named:
        return ""
    return Phrase("mediation.as_named", {"named": words_of(mediation, mediation.named)})


def number_of(mediation: Mediation) -> str:
    """What a mediation is called: 调 12."""
    return str(mediation.id)


def button(mediation: Mediation, do: Do) -> Choice:
    return Choice(f"mediation.do.{do}", opens="mediation_do", given={"mediation": str(mediation.id), "do": do})


def card(mediation: Mediation) -> Choice:
    return Choice("mediation.look", opens="mediation", given={"mediation": str(mediation.id)})
