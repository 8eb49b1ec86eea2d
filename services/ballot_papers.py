"""Who votes on paper: it is handed out in a sleeve, read by two who must agree; one that was lost is made void."""

from typing import Any

from bot.core.rules import when
from bot.core.words import Choice, Kind
from domain.councils import HOSTS, Ballot, How, check_open
from domain.counting import valid
from domain.refusals import Refused
from domain.voting import AGREE, PaperEntered, PaperTaken, PaperVoided, Sleeve, SleevesBack, agreed
from services.assisting import helper_of, name_of
from services.ballot_words import options
from storage.ballots import Mark
from storage.desk import Desk
from storage.keys import new_slip, read, reading


@when(PaperTaken)
async def hand_out(taken: PaperTaken, desk: Desk) -> None:
    ballot = await desk.ballots.get(taken.ballot, share=True)
    helper = await helper_of(ballot, taken.by, desk)
    who = await name_of(ballot, taken.voter, desk)
    person = None if ballot.by_roster else taken.voter
    if not await desk.ballots.cast(ballot.id, Mark(taken.voter, person, None, How.PAPER, helper.id), None):
        raise Refused("paper.voted_already", who=who)
    await desk.tell(
        helper.id,
        "paper.handed_out" if ballot.secret else "paper.handed_out_openly",
        question=ballot.question,
        who=who,
        sleeve=str(Sleeve(taken.voter, await _copy(ballot, taken.voter, desk))),
    )


@when(PaperVoided)
async def make_void(voided: PaperVoided, desk: Desk) -> None:
    """Only one that cannot have been counted: whose paper is whose, nobody knows once they are out of their sleeves."""
    # Nobody enters a paper or votes meanwhile.
    ballot = await desk.ballots.get(voided.ballot, lock=True)
    host = await desk.people.get(voided.by)
    if host is None or not host.serves(ballot.area, HOSTS):
        raise Refused("ballot.not_your_area")
    check_open(ballot, desk.now)
    who = await name_of(ballot, voided.voter, desk)
    mark = await desk.ballots.mark(ballot.id, voided.voter)
    if mark is None or mark.how is not How.PAPER:
        raise Refused("paper.none_out", who=who)
    if mark.back or (not ballot.secret and await desk.papers.readings(ballot.id, voided.voter)):
        raise Refused("paper.came_back", who=who)
    if ballot.secret and await desk.papers.numbers(ballot.id) > await desk.papers.back(ballot.id):
        raise Refused("paper.box_open", who=who)
    copy = await _copy(ballot, voided.voter, desk)
    await desk.papers.void(ballot.id, mark, copy, host.id, voided.reason)
    given = {"ballot": str(ballot.id)}
    shown: dict[str, Any] = {
        "question": ballot.question,
        "who": who,
        "sleeve": str(Sleeve(voided.voter, copy)),
        "reason": voided.reason,
    }
    await desk.tell(
        host.id,
        "paper.voided",
        choices=[Choice("paper.another", opens="paper_out", given={**given, "voter": str(voided.voter)})],
        **shown,
    )
    for other in {mark.helper, ballot.host_id} - {None, host.id}:
        await desk.tell(other, "paper.void_told", kind=Kind.PUSH, **shown)
    # Who says a paper is lost frees a vote: whose it is hears of it.
    theirs = await desk.rosters.shown_by(voided.voter) if ballot.by_roster else [voided.voter]
    for person in theirs:
        await desk.tell(person, "paper.yours_voided", kind=Kind.PUSH, choices=options(ballot), **shown)


@when(SleevesBack)
async def take_back(came: SleevesBack, desk: Desk) -> None:
    """Noted all or none: one that is void stays shut, and the others are named again without it."""
    ballot = await desk.ballots.get(came.ballot, share=True)
    helper = await helper_of(ballot, came.by, desk)
    if not ballot.secret:
        raise Refused("paper.no_sleeves")
    for sleeve in came.sleeves:
        await _check_sleeve(ballot, sleeve, desk)
    for sleeve in came.sleeves:
        await desk.papers.note_back(ballot.id, sleeve.voter)
    await desk.tell(
        helper.id,
        "paper.back",
        count=await desk.papers.back(ballot.id),
        sleeves="、".join(map(str, came.sleeves)),
        choices=[Choice("paper.next", opens="paper_in", given={"ballot": str(ballot.id)})],
    )


@when(PaperEntered)
async def enter(entered: PaperEntered, desk: Desk) -> None:
    # One after the other: no more than were handed out, however many enter at once.
    ballot = await desk.ballots.get(entered.ballot, lock=True)
    helper = await helper_of(ballot, entered.by, desk)
    if not valid(entered.paper, ballot.method, len(ballot.options), ballot.most):
        raise Refused("paper.not_valid", number=entered.number)
    await _check_number(ballot, entered, desk)
    seal = desk.keys.seal(ballot.key or "")
    before = await desk.papers.readings(ballot.id, entered.number)
    slip = await desk.papers.slip(ballot.id, entered.number) or new_slip()
    if len(before) >= AGREE and agreed(read(seal, slip, before)) is not None:
        raise Refused("paper.settled", number=entered.number)
    if helper.id in before and len(before) > 1:
        raise Refused("paper.third", number=entered.number)
    envelope = seal.shut(reading(slip, helper.id), entered.paper)
    await desk.papers.enter(ballot.id, entered.number, helper.id, slip, envelope)
    after = read(seal, slip, {**before, helper.id: envelope})
    await desk.tell(
        helper.id,
        "paper.first" if len(after) == 1 else "paper.differs" if agreed(after) is None else "paper.agrees",
        number=entered.number,
        choices=[Choice("paper.next", opens="paper_in", given={"ballot": str(ballot.id)})],
    )


async def _check_number(ballot: Ballot, entered: PaperEntered, desk: Desk) -> None:
    """Raise `Refused` unless there is such a paper: by the voter's own number where it is open, else one more."""
    if not ballot.secret:
        await _check_sleeve(ballot, Sleeve(entered.number, entered.copy), desk)
        return
    if await desk.papers.slip(ballot.id, entered.number) is not None:
        return
    if await desk.papers.voided(ballot.id):
        # Papers bear no name: only who looks at the sleeves first keeps a voided one out.
        back = await desk.papers.back(ballot.id)
        if await desk.papers.numbers(ballot.id) >= back:
            raise Refused("paper.sleeves_first", count=back)
        return
    handed_out = await desk.papers.handed_out(ballot.id)
    if await desk.papers.numbers(ballot.id) >= handed_out:
        raise Refused("paper.too_many", count=handed_out)


async def _check_sleeve(ballot: Ballot, sleeve: Sleeve, desk: Desk) -> None:
    """Raise `Refused` unless that is on a paper somebody was handed and has not lost since."""
    if sleeve.copy <= await desk.papers.voided(ballot.id, sleeve.voter):
        raise Refused("paper.is_void", sleeve=str(sleeve))
    mark = await desk.ballots.mark(ballot.id, sleeve.voter)
    if mark is None or mark.how is not How.PAPER or sleeve.copy != await _copy(ballot, sleeve.voter, desk):
        raise Refused("paper.no_such", sleeve=str(sleeve))


async def _copy(ballot: Ballot, voter: int, desk: Desk) -> int:
    """Which paper of theirs it is, counting those that are void."""
    return 1 + await desk.papers.voided(ballot.id, voter)
