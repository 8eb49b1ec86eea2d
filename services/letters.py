"""Letters about a case are carried to whoever handles it now, and back; each stays in the case's file."""

from dataclasses import dataclass
from typing import Any

from bot.core.render import Phrase
from bot.core.rules import when
from bot.core.words import Kind
from domain.cases import Case
from domain.letters import MOST, WITHIN, Letter, LetterWritten, Side, side
from domain.people import Person
from domain.refusals import Refused
from nlp import private
from services.news import News, letter, signed
from storage.desk import Desk


@when(LetterWritten)
async def carry(written: LetterWritten, desk: Desk) -> None:
    case = await desk.cases.get(written.case, lock=True)
    writer = await desk.people.get(written.by)
    if writer is None:
        raise Refused("case.not_found")
    from_side = side(case, writer, desk.district.category_of(case), desk.now)
    if await desk.letters.since(case.id, from_side, desk.now - WITHIN) >= MOST:
        raise Refused("letter.too_many", number=case.number)
    words = private.without_identity(written.words) if written.own_number else private.without(written.words)
    kept = words or "（见照片）"
    number = await desk.letters.keep(case.id, writer.id, from_side, kept)
    carried = _Carried(case, writer, words, written.photos, f"letter:{number}")
    told = await (_to_office if from_side is Side.RESIDENT else _to_reporter)(carried, desk)
    masked = Phrase("letter.was_masked") if words != written.words else ""
    if told:
        await desk.tell(writer.id, "letter.sent", masked=masked, choices=[letter(case, from_side)])
    elif from_side is Side.RESIDENT:
        await desk.tell(writer.id, "letter.nobody", masked=masked, hotline=desk.district.hotline)
    else:
        await desk.tell(writer.id, "letter.gone", number=case.number)


@dataclass(frozen=True, slots=True)
class _Carried:
    """A letter on its way; `once` names it."""

    case: Case
    writer: Person
    words: str
    photos: tuple[str, ...]
    once: str


async def _to_reporter(carried: _Carried, desk: Desk) -> bool:
    case = carried.case
    return await desk.tell(
        case.reporter_id,
        "letter.to_resident",
        kind=Kind.PUSH,
        once=carried.once,
        who=signed(case, carried.writer, desk.district),
        number=case.number,
        words=carried.words,
        photos=carried.photos,
        choices=[letter(case)],
    )


async def _to_office(carried: _Carried, desk: Desk) -> bool:
    """To the one who has it today, whoever that was yesterday; without one, to those who are to find one."""
    case = carried.case
    said: dict[str, Any] = {
        "number": case.number,
        "who": reporter_of(case),
        "letter": carried.words,
    }
    news = News(case, desk, carried.writer.id)
    answer = [letter(case)]
    if case.worker_id != carried.writer.id and await news.tell_worker(
        "letter.to_office", photos=carried.photos, choices=answer, once=carried.once, **said
    ):
        return True
    return await news.tell_above("letter.to_office", photos=carried.photos, choices=answer, **said)


def reporter_of(case: Case) -> Phrase:
    """Who reported it, as whoever handles it is told."""
    return Phrase("letter.anonymous" if case.anonymous else "letter.reporter")


def line(letter: Letter) -> Phrase:
    """One letter among those written before."""
    return Phrase("letter.line", {"at": letter.at, "who": Phrase(f"letter.by.{letter.side}"), "words": letter.words})
