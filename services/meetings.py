"""议: neighbours meet; they are reminded, sign in at the door, and whoever follows the matter reads the minutes."""

import hmac
import io
from datetime import timedelta

from bot.core.render import Phrase
from bot.core.rules import When, when
from bot.core.words import Choice
from bot.core.words import Kind as Message
from domain.matters import DoorShown, Kind, MeetingNears, Move, Part, State, parts
from domain.refusals import Refused
from services.matter_news import Doing, button, look
from storage.desk import Desk

_LEADS = (24, 1)
# Of those who signed in, so many stand in the host's message.
_LISTED = 30


async def _meet(doing: Doing) -> None:
    desk, matter, moved = doing.desk, doing.matter, doing.moved
    leaf = await desk.filed.add(
        matter,
        Kind.MEETING,
        State.CALLED,
        doing.person.id,
        moved.words,
        due_at=moved.at,
        place=moved.place.strip(),
        code=desk.new_id()[-6:],
    )
    if leaf is None or moved.at is None:
        raise LookupError(f"a meeting on matter {matter.id} was not filed")
    await doing.put_down(leaf=leaf)
    for hours in _LEADS:
        at = moved.at - timedelta(hours=hours)
        if at > desk.now:
            await desk.plan(MeetingNears(leaf.id, hours), at, key=f"meeting:{leaf.id}:{hours}")
    await doing.answer(
        "matter.you_meet",
        at=moved.at,
        where=leaf.place,
        choices=[button(matter, Move.CALL_OFF, leaf), look(matter)],
    )


async def _call_off(doing: Doing) -> None:
    """Everybody who follows hears of it; those who said they come, at once."""
    leaf, desk, matter = doing.filed, doing.desk, doing.matter
    await desk.filed.change(leaf.id, state=State.CALLED_OFF, answer=doing.moved.words)
    coming = await desk.filed.coming(leaf.id)
    await doing.put_down()
    await doing.answer("matter.you_call_off", choices=[look(matter)])
    for number in coming:
        if number != doing.person.id and not await desk.voices.follows(matter.id, number):
            await desk.tell(
                number,
                "matter.meeting_off",
                once=f"meeting:{leaf.id}:off:{number}",
                title=matter.title,
                at=leaf.due_at,
                reason=doing.moved.words,
            )


async def _attend(doing: Doing) -> None:
    leaf, coming = doing.filed, doing.moved.move is Move.ATTEND
    await doing.desk.filed.attend(leaf.id, doing.person.id, coming=coming)
    other = Move.STAY_AWAY if coming else Move.ATTEND
    await doing.answer(
        "matter.you_attend" if coming else "matter.you_stay_away",
        at=leaf.due_at,
        where=leaf.place,
        choices=[button(doing.matter, other, leaf), look(doing.matter)],
    )


@when(MeetingNears)
async def remind_of_meeting(nears: MeetingNears, desk: Desk) -> None:
    """Those who said they come hear a day and an hour before; long asleep, we do not remind of what is over."""
    leaf = await desk.filed.get(nears.leaf)
    if leaf is None or leaf.state is not State.CALLED or leaf.due_at is None or leaf.due_at <= desk.now:
        return
    matter = await desk.matters.get(leaf.matter_id)
    for number in await desk.filed.coming(leaf.id):
        await desk.tell(
            number,
            "matter.meeting_nears",
            kind=Message.NOTICE,
            once=f"meeting:{leaf.id}:{nears.hours}:{number}",
            topic=f"meeting:{leaf.id}",
            title=matter.title,
            at=leaf.due_at,
            where=leaf.place,
            choices=[button(matter, Move.STAY_AWAY, leaf), look(matter)],
        )


async def _sign_in(doing: Doing) -> None:
    """At the door only: its code is good from half an hour before until three hours after it began."""
    leaf, desk = doing.filed, doing.desk
    if not hmac.compare_digest(leaf.code.encode(), doing.moved.code.encode()):
        raise Refused("matter.wrong_code", title=doing.matter.title)
    signed = await desk.filed.sign(leaf.id, doing.person.id)
    await desk.voices.follow(doing.matter.id, doing.person.id)
    count = len(await desk.filed.signed(leaf.id))
    await doing.answer(
        "matter.you_sign_in" if signed else "matter.signed_before", count=count, choices=[look(doing.matter)]
    )


def doors_for(public_url: str | None) -> When:
    """The rule that shows the code of a meeting's door, as a link where the service has an address of its own."""

    async def show_door(door: DoorShown, desk: Desk) -> None:
        leaf, person = await desk.filed.get(door.leaf), await desk.people.get(door.by)
        matter = await desk.matters.find(leaf.matter_id) if leaf else None
        if leaf is None or matter is None or person is None or Part.HOST not in parts(matter, person):
            raise Refused("matter.not_found")
        signed = await desk.filed.signed(leaf.id)
        names = await desk.people.names([number for number, _ in signed])
        await desk.tell(
            person.id,
            "meeting.door",
            title=matter.title,
            code=leaf.code,
            at=leaf.due_at,
            coming=len(await desk.filed.coming(leaf.id)),
            count=len(signed),
            lines=tuple(
                Phrase("meeting.signed", {"at": at, "name": names.get(number) or Phrase("meeting.a_neighbour")})
                for number, at in signed[-_LISTED:]
            ),
            photos=[await _drawn(f"{public_url}/chat?start=m_{leaf.code}" if public_url else leaf.code, desk)],
            choices=[Choice("meeting_door.again", opens="meeting_door", given={"leaf": str(leaf.id)})],
        )

    return When(DoorShown, show_door)


async def _drawn(words: str, desk: Desk) -> str:
    """A QR code as a picture, kept with the turn that shows it."""
    import segno

    out = io.BytesIO()
    segno.make(words, micro=False).save(out, kind="png", scale=10, border=4)
    return await desk.keep_picture(out.getvalue())


async def _minutes(doing: Doing) -> None:
    leaf, desk = doing.filed, doing.desk
    await desk.filed.change(leaf.id, state=State.MINUTED, answer=doing.moved.words, answered_at=desk.now)
    await desk.matters.add_photos(doing.matter.id, doing.moved.photos, leaf.id)
    await doing.put_down()
    await doing.answer("matter.you_minutes", choices=[look(doing.matter)])


ACTS = {
    Move.MEET: _meet,
    Move.CALL_OFF: _call_off,
    Move.ATTEND: _attend,
    Move.STAY_AWAY: _attend,
    Move.SIGN_IN: _sign_in,
    Move.MINUTES: _minutes,
}
