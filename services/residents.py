"""People settle who they are to us: where they live, which roles they hold, what we forget."""

import re

from bot.core.render import Phrase
from bot.core.rules import when
from bot.core.words import Choice, Kind
from domain.cases import OfficeLeft, OfficeTaken
from domain.mediation import Side, SideCame, SideForgotten
from domain.people import STAFF, WORKERS, Person, Role
from domain.refusals import Refused
from domain.residents import (
    Forgotten,
    GridChosen,
    InvitationUsed,
    LanguageChosen,
    LinkWanted,
    NameGiven,
    PhoneGiven,
    WorkerAsked,
)
from nlp import private
from nlp.normalise import mask
from services import rosters
from storage.desk import Desk
from storage.people import Invitation
from storage.sessions import guesser

_LAST_WORDS = 80


@when(GridChosen)
async def settle(chosen: GridChosen, desk: Desk) -> None:
    heirs = desk.district.heirs(chosen.grid, desk.district.day(desk.now))
    if not heirs:
        raise Refused("place.no_such_code", code=chosen.grid)
    await desk.people.change(chosen.by, grid=heirs[0].code)
    ballots = [each for each in await desk.ballots.open_for(heirs[0].code) if each.extent.holds(heirs[0].code)]
    await desk.tell(
        chosen.by,
        "settle.done",
        grid=heirs[0].name,
        choices=[
            Choice("grid.title", opens="grid"),
            Choice("report.title", opens="report"),
            *([Choice("vote.title", opens="vote")] if ballots else []),
        ],
    )


@when(LanguageChosen)
async def write_their_language(chosen: LanguageChosen, desk: Desk) -> None:
    await desk.people.change(chosen.by, language=chosen.language)
    desk.language_changed()
    await desk.tell(chosen.by, "language.done")
    await desk.tell_menu(chosen.by)


@when(NameGiven)
async def keep_name(given: NameGiven, desk: Desk) -> None:
    await desk.people.change(given.by, name=given.name)
    await desk.tell(given.by, "name.done", name_of=given.name)


@when(PhoneGiven)
async def keep_phone(given: PhoneGiven, desk: Desk) -> None:
    digits = re.sub(r"\D", "", given.phone)
    if not 7 <= len(digits) <= 15:
        raise Refused("phone.unclear")
    await desk.people.change(given.by, phone=digits)
    await desk.tell(given.by, "phone.done")
    if households := await rosters.by_phone(given.by, digits, desk):
        await desk.tell(given.by, "confirm.done", households=rosters.named(households))


@when(Forgotten)
async def forget(forgotten: Forgotten, desk: Desk) -> None:
    await desk.ballots.withdraw_votes(forgotten.by)
    await desk.papers.forget(forgotten.by)
    await desk.happen(OfficeLeft(forgotten.by))
    await desk.happen(SideForgotten(forgotten.by))
    await desk.people.unsay(forgotten.by)
    await desk.people.erase(forgotten.by, chat=desk.chat)
    desk.started_over = True
    await desk.tell(forgotten.by, "forget.done")


@when(LinkWanted)
async def give_link_code(wanted: LinkWanted, desk: Desk) -> None:
    code = await desk.people.invite(person_id=wanted.by)
    await desk.tell(wanted.by, "link.code", code=code)


@when(InvitationUsed)
async def redeem(used: InvitationUsed, desk: Desk) -> None:
    """A code works once. Wrong, used and old ones get the same answer, so that guessing teaches nothing."""
    if await desk.sessions.too_many(guesser(used.by)):
        raise Refused("join.too_many")
    invitation = await desk.people.redeem(re.sub(r"[\s-]", "", used.code).upper().removeprefix("I_"), used.by)
    if invitation is None:
        # What a rule refuses is taken back whole, and a guess must stay counted.
        await desk.sessions.guessed(guesser(used.by))
        await desk.tell(used.by, "join.unknown")
        return
    if invitation.matter is not None:
        # It stays good for the group it is meant for.
        raise Refused("group_follow.in_group")
    if invitation.voter_id is not None:
        await rosters.by_code(used.by, invitation.voter_id, invitation.by_id, desk)
        return
    if invitation.person_id is not None:
        if invitation.person_id == used.by:
            raise Refused("link.same")
        await desk.people.merge(used.by, invitation.person_id, chat=desk.chat)
        await desk.tell(used.by, "link.done")
        return
    if invitation.mediation is not None and invitation.side:
        await desk.happen(SideCame(invitation.mediation, used.by, Side(invitation.side)))
        return
    if invitation.role and invitation.area:
        # Whom the district's list names, and who has had no chat so far: this is theirs.
        for person in await desk.people.serving(invitation.area, [invitation.role]):
            same = person.of_department(invitation.department, invitation.area) or not invitation.department
            if same and not await desk.people.contacts(person.id):
                await desk.people.merge(used.by, person.id, chat=desk.chat)
                await _welcome(used.by, person.id, invitation, desk)
                await _take_office(person.id, invitation.role, invitation.area, desk)
                return
        await desk.people.grant(used.by, invitation.role, invitation.area, invitation.department)
        await _welcome(used.by, used.by, invitation, desk)
        await _take_office(used.by, invitation.role, invitation.area, desk)


async def _take_office(number: int, role: Role, area: str, desk: Desk) -> None:
    """Whoever looks after a grid from now on has what whoever did before has left."""
    if role is Role.GRIDWORKER:
        await desk.happen(OfficeTaken(number, area))


async def _welcome(speaker: int, number: int, invitation: Invitation, desk: Desk) -> None:
    person = await desk.people.get(number)
    role, department = invitation.role, invitation.department
    if role is Role.COUNCIL_MEMBER:
        area = desk.district.area_name(invitation.area or "")
        await desk.tell(speaker, "join.member", area=area, choices=[Choice("vote.title", opens="vote")])
        return
    first = "ballot_open" if role is Role.COUNCIL_HOST else "tasks"
    choices = [Choice(f"{first}.title", opens=first)]
    if person is not None and person.name is None:
        # Residents read the name of whoever takes their case.
        choices.insert(0, Choice("name.title", opens="name"))
    await desk.tell(
        speaker,
        "join.done" if person and person.name else "join.done_name",
        role=desk.district.department(department).short if department else Phrase(f"role.{role}"),
        area=desk.district.area_name(invitation.area or ""),
        choices=choices,
    )
    await desk.tell_menu(number)


@when(WorkerAsked)
async def carry_letter(asked: WorkerAsked, desk: Desk) -> None:
    """A letter goes to somebody in office, or comes from one; never from one resident to another."""
    writer = await desk.people.get(asked.by)
    by_office = writer is not None and writer.has(*WORKERS, *STAFF)
    reader = await (desk.people.now(asked.to) if by_office else desk.people.in_place_of(asked.to))
    if writer is None or reader is None or not (reader.has(*WORKERS, *STAFF) or writer.has(*WORKERS, *STAFF)):
        raise Refused("write.nobody")
    away = await desk.leaves.of(reader.id) if reader.has(*WORKERS) else None
    stand_in = await desk.people.get(away.acting_id) if away and away.acting_id else None
    if away and stand_in is None:
        raise Refused("write.away", name_of=reader.name or "", hotline=desk.district.hotline)
    told = await desk.tell(
        stand_in.id if stand_in else reader.id,
        "write.letter",
        kind=Kind.PUSH,
        instead=Phrase("write.instead", {"name_of": reader.name or ""}) if stand_in else "",
        role=Phrase(f"role.{writer.roles[0].role if writer.roles else Role.RESIDENT}"),
        writer=writer.name or "",
        words=asked.words,
        photos=asked.photos,
        choices=[Choice("write.answer", opens="write", given={"to": str(asked.by)})],
    )
    if told:
        await _keep(writer, stand_in or reader, asked, desk)
        if stand_in is None:
            await desk.tell(asked.by, "write.sent")
        else:
            await desk.tell(asked.by, "write.sent_instead", name_of=reader.name or "", stand_in=stand_in.name or "")
    elif reader.has(*WORKERS, *STAFF):
        await desk.tell(asked.by, "write.unreachable", hotline=desk.district.hotline)
    else:
        await desk.tell(asked.by, "write.resident_gone")


async def _keep(writer: Person, reader: Person, asked: WorkerAsked, desk: Desk) -> None:
    """Whoever takes the grid over one day should know what was said last; no numbers in it."""
    answered = writer.has(*WORKERS)
    if answered == reader.has(*WORKERS):
        return
    resident, worker = (reader, writer) if answered else (writer, reader)
    words = private.without(mask(asked.words))[:_LAST_WORDS] or "（照片）"
    await desk.last_words.keep(resident.id, worker.id, words, answered=answered)
