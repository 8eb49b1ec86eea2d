"""A resident wants to settle something with somebody, and a mediator sits down with both; from the first word on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.core.render import Phrase
from bot.core.talk import Ask, Talk, conversation
from bot.core.words import Choice
from domain.mediation import (
    ConsentGiven,
    Do,
    HoldAnswered,
    Mediation,
    MediationAsked,
    MediationDone,
    RecordQuestioned,
    RecordSigned,
    RecordWritten,
    Side,
    SideAbsent,
    SlotChosen,
    Stage,
    check,
    mediates,
    possible,
    readable,
    rooms_for,
    slots,
    theirs,
)
from domain.people import STAFF, WORKERS, Role
from domain.refusals import Refused
from handlers import where
from nlp import plain
from services.mediation import button, named_in, number_of, number_shown, words_of
from storage.desk import Desk

_SHOWN_SLOTS = 8
_YES_NO = (("word.yes", "yes"), ("word.no", "no"))

FOR_WHOM = Ask("mediate.for_whom", plain.choice, choices=(("mediate.mine", "mine"), ("mediate.others", "others")))
ABOUT = Ask("mediate.about", plain.words(least=4, most=500), free=True)
WHOM = Ask("mediate.whom", plain.words(least=1, most=40), free=True)
WHERE = Ask("mediate.where", where.read)
ROOM = Ask("mediate.room", plain.choice)
SURE = Ask("mediate.sure", plain.choice, choices=_YES_NO, confirms=True)
SURE_OTHERS = Ask("mediate.sure_others", plain.choice, choices=_YES_NO, confirms=True)


@conversation(
    "mediate", opens_with=["申请调解", "调解", "找人调解", "请人调解", "我要调解", "/mediate"], place=9, private=True
)
async def mediate(talk: Talk[Desk]) -> MediationAsked | None:
    if not talk.district.rooms:
        talk.say("mediate.none", hotline=talk.district.hotline)
        return None
    theirs_to_bring = talk.person.areas(*WORKERS, *STAFF)
    others = bool(theirs_to_bring) and await talk.ask(FOR_WHOM) == "others"
    words = (talk.opening.text if len(talk.opening.text) >= 4 else "") or await talk.ask(ABOUT)
    named = await talk.ask(WHOM)
    grid = theirs_to_bring[0] if others else where.current(talk, talk.person.grid)
    grid = grid or (await where.ask(talk, WHERE, sure=True)).grid
    fitting = rooms_for(talk.district.rooms, grid)
    if not fitting:
        talk.say("mediate.none", hotline=talk.district.hotline)
        return None
    room = fitting[0]
    if len(fitting) > 1:
        chosen = await talk.ask(ROOM, [(each.name, each.code) for each in fitting])
        room = next((each for each in fitting if each.code == chosen), room)
    # Not shown again: a question is kept as it was asked, and these words are not under their key yet.
    facts: dict[str, Any] = {"words": words, "named": named, "room": room.name}
    if await talk.ask(SURE_OTHERS if others else SURE, name="mediate.sure", **facts) == "no":
        talk.say("mediate.dropped")
        return None
    return MediationAsked(talk.person.id, room.code, words, named, None if others else talk.person.id)


@dataclass(frozen=True, slots=True)
class _Card:
    """A mediation and what its people are called."""

    mediation: Mediation
    mediator: str
    first: str
    other: str


@conversation("mediation", opens_with=["我的调解", "调解进度", "调解台", "/mediation"], private=True)
async def my_mediations(talk: Talk[Desk]) -> None:
    wanted = talk.given.get("mediation")
    if wanted is None:
        mine = await talk.look("mine", list[Mediation], lambda desk: desk.mediations.of(talk.person.id))
        mine = [each for each in mine if theirs(each, talk.person)]
        rooms = [*talk.person.areas(Role.MEDIATOR)]
        waiting = await talk.look("waiting", list[Mediation], lambda desk: _waiting(desk, rooms))
        if not mine and not waiting:
            talk.say("mediation.nothing", choices=[Choice("mediate.title", opens="mediate")])
            return
        for each in waiting:
            talk.say("mediation.waits", number=number_of(each), choices=[button(each, Do.TAKE)])
        if len(mine) > 1:
            talk.say("mediation.which", choices=[_opener(each) for each in mine])
            return
        wanted = str(mine[0].id) if mine else None
    if wanted is not None:
        await _show(talk, int(wanted))


async def _waiting(desk: Desk, rooms: Sequence[str]) -> list[Mediation]:
    return await desk.mediations.waiting(rooms) if rooms else []


def _opener(mediation: Mediation) -> Choice:
    given = {"mediation": str(mediation.id)}
    return Choice(f"调 {number_of(mediation)} · {mediation.opened_at:%y%m%d}", opens="mediation", given=given)


async def _show(talk: Talk[Desk], number: int) -> None:
    found = await talk.look("card", _Card | None, lambda desk: _card(desk, number))
    if found is None or not theirs(found.mediation, talk.person):
        raise Refused("mediation.not_found")
    mediation = found.mediation
    room = talk.district.rooms.get(mediation.room)
    in_chair = mediates(mediation, talk.person)
    talk.say(
        "mediation.card",
        number=number_of(mediation),
        stage=Phrase(f"mediation.stage.{mediation.stage}"),
        room=room.name if room else "",
        place=room.place if room else "",
        mediator=found.mediator or Phrase("mediation.no_mediator"),
        first=found.first or Phrase("mediation.side.first"),
        other=found.other or Phrase("mediation.side.other"),
        named=named_in(mediation) if in_chair else "",
        slot=Phrase("mediation.at", {"at": mediation.slot_at}) if mediation.slot_at else "",
        words=words_of(mediation, mediation.words)
        if readable(mediation, talk.person)
        else Phrase("mediation.not_yet_said"),
        record=Phrase("mediation.with_record", {"record": words_of(mediation, mediation.record)})
        if mediation.record and mediation.stage in (Stage.SIGNING, Stage.AGREED)
        else "",
        choices=[button(mediation, do) for do in possible(mediation, talk.person, talk.now) if do is not Do.TAKE],
    )


async def _card(desk: Desk, number: int) -> _Card | None:
    mediation = await desk.mediations.get(number)
    if mediation is None:
        return None
    names = await desk.people.names(mediation.people)
    one, other = (names.get(number_shown(mediation, side) or 0, "") for side in (Side.FIRST, Side.OTHER))
    return _Card(mediation, names.get(mediation.mediator or 0, ""), one, other)


WHEN = Ask("mediation.when", plain.choice)
RECORD = Ask("mediation.record", plain.words(least=10, most=1500), free=True)
SIGN = Ask(
    "mediation.sign", plain.choice, choices=(("mediation.i_sign", "sign"), ("mediation.not_right", "no")), confirms=True
)
QUESTION = Ask("mediation.question", plain.words(least=2, most=500), free=True)
WHO = Ask("mediation.who_was_absent", plain.choice)
SURE_TO = {
    do: Ask(f"mediation.sure.{do}", plain.choice, choices=_YES_NO)
    for do in (Do.LEAVE, Do.FAIL, Do.RECUSE, Do.OTHER_MEDIATOR)
}


@conversation("mediation_do", private=True)
async def act(talk: Talk[Desk]) -> object | None:
    number, do, by = int(talk.given["mediation"]), Do(talk.given["do"]), talk.person.id
    found = await talk.look("mediation", Mediation | None, lambda desk: desk.mediations.get(number))
    # Said before they write in vain; the rule is asked again when it is done.
    mediation = check(found, talk.person, do, talk.now)
    if do in SURE_TO and await talk.ask(SURE_TO[do]) == "no":
        talk.say("mediation.kept")
        return None
    match do:
        case Do.CONSENT | Do.REFUSE:
            return ConsentGiven(number, by, do is Do.CONSENT)
        case Do.BOOK:
            return await _book(talk, mediation)
        case Do.RECORD:
            return RecordWritten(number, by, await talk.ask(RECORD))
        case Do.SIGN:
            record = words_of(mediation, mediation.record)
            if await talk.ask(SIGN, record=record, version=mediation.version) == "sign":
                return RecordSigned(number, by, mediation.version)
            return RecordQuestioned(number, by, await talk.ask(QUESTION))
        case Do.QUESTION:
            return RecordQuestioned(number, by, await talk.ask(QUESTION))
        case Do.ABSENT:
            card = await talk.look("card", _Card | None, lambda desk: _card(desk, number))
            first, other = (card.first, card.other) if card else ("", "")
            offers = [(first or "mediation.side.first", "first"), (other or "mediation.side.other", "other")]
            return SideAbsent(number, by, Side(await talk.ask(WHO, offers)))
    return MediationDone(number, by, do)


async def _book(talk: Talk[Desk], mediation: Mediation) -> SlotChosen | None:
    room = talk.district.rooms.get(mediation.room)
    if room is None or mediation.mediator is None:
        raise Refused("mediation.not_now")
    mediator = mediation.mediator
    taken = await talk.look(
        "taken", set[datetime], lambda desk: desk.mediations.taken(mediation.room, mediator, desk.now)
    )
    all_slots = await talk.look("slots", list[datetime], lambda desk: _slots(desk, mediation.room))
    free = [each for each in all_slots if each not in taken][:_SHOWN_SLOTS]
    if not free:
        talk.say("mediation.no_slots", room=room.name)
        return None
    offers = [(_label(each, talk), each.isoformat()) for each in free]
    chosen = await talk.ask(WHEN, offers, room=room.name, place=room.place)
    return SlotChosen(mediation.id, talk.person.id, datetime.fromisoformat(chosen))


async def _slots(desk: Desk, room: str) -> list[datetime]:
    return slots(desk.district.rooms[room], desk.district.calendar, desk.now)


_WEEKDAYS = {"zh": "一二三四五六日", "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")}


def _label(at: datetime, talk: Talk[Desk]) -> str:
    local = at.astimezone(talk.district.timezone)
    if talk.person.language == "en":
        return f"{_WEEKDAYS['en'][local.weekday()]} {local.day}/{local.month} {local:%H:%M}"
    return f"{local.month} 月 {local.day} 日 周{_WEEKDAYS['zh'][local.weekday()]} {local:%H:%M}"


WHAT_NOT = Ask("mediation.what_not", plain.words(least=2, most=500), free=True)


@conversation("mediation_hold", private=True)
async def hold(talk: Talk[Desk]) -> HoldAnswered:
    number, days = int(talk.given["mediation"]), int(talk.given["days"])
    found = await talk.look("mediation", Mediation | None, lambda desk: desk.mediations.get(number))
    if found is None or found.side(talk.person.id) is None:
        raise Refused("mediation.not_found")
    if await talk.look("answered", bool, lambda desk: desk.mediations.held(number, talk.person.id, days)):
        raise Refused("mediation.answered")
    if talk.given["holds"] == "yes":
        return HoldAnswered(number, talk.person.id, days, holds=True)
    return HoldAnswered(number, talk.person.id, days, holds=False, words=await talk.ask(WHAT_NOT))
