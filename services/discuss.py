"""议: neighbours speak in turn, and a host may hide what does not belong there, for all to read why."""

from datetime import timedelta

from bot.core.words import Kind as Message
from domain.matters import Kind, Leaf, Move, State, rank
from domain.refusals import Refused
from services.matter_news import Doing, button, look, quoted, tell_hosts


async def _comment(doing: Doing) -> None:
    """One at a time: who has just spoken waits until somebody else has, or some minutes have passed."""
    matter, desk = doing.matter, doing.desk
    last = await desk.filed.of(matter, Kind.COMMENT, limit=1)
    pause = desk.district.council.pause
    if last and last[0].person_id == doing.person.id and desk.now < last[0].at + pause:
        left = last[0].at + pause - desk.now
        raise Refused("matter.in_turn", wait=-(-left // timedelta(minutes=1)))
    leaf = await desk.filed.add(matter, Kind.COMMENT, State.SHOWN, doing.person.id, doing.moved.words)
    if leaf is None:
        raise LookupError(f"a comment on matter {matter.id} was not filed")
    await desk.matters.add_photos(matter.id, doing.moved.photos, leaf.id)
    await doing.put_down(leaf=leaf, words="")
    await desk.voices.follow(matter.id, doing.person.id)
    await doing.answer("matter.you_comment", choices=[look(matter)])


async def _hide(doing: Doing) -> None:
    """The words go, the reason stands in their place."""
    leaf, desk, matter = doing.filed, doing.desk, doing.matter
    await desk.filed.change(
        leaf.id,
        state=State.HIDDEN,
        answer=doing.moved.words,
        answered_at=desk.now,
        rank=rank(doing.person, matter.area),
    )
    await doing.put_down()
    await doing.answer("matter.you_hide_comment", choices=[look(matter)])
    await _tell_author(leaf, "matter.comment_hidden", "hidden", doing, appeal=True)


async def _appeal(doing: Doing) -> None:
    leaf, desk, matter = doing.filed, doing.desk, doing.matter
    await desk.filed.change(leaf.id, state=State.APPEALED, ruling="")
    await doing.put_down()
    await doing.answer("matter.you_appeal")
    await tell_hosts(
        matter,
        desk,
        "matter.host.appealed",
        once=f"appealed:{leaf.id}",
        over=leaf.rank or 0,
        words=quoted(leaf.words),
        reason=leaf.answer,
        answer=doing.moved.words,
        choices=[button(matter, Move.RESTORE, leaf), button(matter, Move.CONFIRM, leaf), look(matter)],
    )


async def _restore(doing: Doing) -> None:
    await doing.desk.filed.change(doing.filed.id, state=State.SHOWN, answer="", rank=None)
    await doing.put_down()
    await doing.answer("matter.you_restore")
    await _tell_author(doing.filed, "matter.comment_restored", f"restored:{doing.desk.now.timestamp():.0f}", doing)


async def _confirm(doing: Doing) -> None:
    await doing.desk.filed.change(doing.filed.id, state=State.CONFIRMED, ruling=doing.moved.words)
    await doing.put_down()
    await doing.answer("matter.you_confirm")
    await _tell_author(doing.filed, "matter.comment_confirmed", "confirmed", doing)


async def _tell_author(leaf: Leaf, key: str, once: str, doing: Doing, *, appeal: bool = False) -> None:
    matter = doing.matter
    await doing.desk.tell(
        leaf.person_id,
        key,
        kind=Message.NOTICE,
        once=f"leaf:{leaf.id}:{once}",
        title=matter.title,
        words=quoted(leaf.words, 60),
        reason=doing.moved.words,
        choices=[*([button(matter, Move.APPEAL, leaf)] if appeal else []), look(matter)],
    )


ACTS = {
    Move.COMMENT: _comment,
    Move.HIDE_COMMENT: _hide,
    Move.APPEAL: _appeal,
    Move.RESTORE: _restore,
    Move.CONFIRM: _confirm,
}
