"""How a council matter looks to the one who asks: its five steps, what was said, and buttons for what they may do."""

from dataclasses import dataclass

from bot.core.render import Phrase
from bot.core.talk import Talk
from bot.core.words import Choice
from domain.councils import Ballot
from domain.matters import (
    PHASES,
    Entry,
    Kind,
    Matter,
    Move,
    Part,
    Phase,
    State,
    Status,
    moves,
    parts,
    sees,
)
from domain.refusals import Refused
from services import ballot_words, carry_out
from services.matter_news import ballot, button, quoted, unfollow
from services.public_notice import decided
from storage.desk import Desk

# The buttons a card offers, in the order they are wanted; more would not fit under a message.
_OFFERED = (
    Move.SUPPORT,
    Move.RATE,
    Move.OBJECT,
    Move.ANSWER,
    Move.HAND_UP,
    Move.FORWARD,
    Move.ADOPT,
    Move.PLAN,
    Move.FINISH,
    Move.COMMENT,
    Move.VOUCH,
    Move.MEET,
    Move.RAISE,
    Move.TAKE_BACK,
    Move.MERGE,
    Move.DECLINE,
    Move.HIDE,
    Move.WITHDRAW,
    Move.FLAG,
)
_MOST = 12
# What was said at these steps is for everybody to read.
_SAID = (
    *(Move.DECLINE, Move.HIDE, Move.RAISE, Move.HAND_UP, Move.ANSWER, Move.TAKE_BACK, Move.UNBALLOT),
    *(Move.UPHOLD, Move.OVERRULE, Move.DROP, Move.VOUCH, Move.TO_CASE, Move.TO_MEDIATION, Move.BACK),
)
# Steps of one leaf are read with it; here they would only fill the page.
_QUIET = (
    *(Move.COMMENT, Move.HIDE_COMMENT, Move.APPEAL, Move.RESTORE, Move.CONFIRM, Move.ACCEPT, Move.REPORT),
    *(Move.OBJECT, Move.REPLY, Move.DISPUTE),
)
_STEPS = 12
# The states in which there is something of a kind to look at.
_FILED = (Kind.COMMENT, Kind.MEETING, Kind.OBJECTION, Kind.STEP, Kind.WAY)


@dataclass(frozen=True, slots=True)
class Around:
    """What a card says besides the matter itself."""

    journal: list[Entry]
    support: int
    backs: bool
    follows: bool
    filed: dict[str, int]
    photos: tuple[str, ...]
    ballot: Ballot | None


async def found(talk: Talk[Desk], number: str) -> Matter:
    """The matter of that number.

    Raises:
        Refused: there is none, or none they may look at.
    """
    wanted = int(number) if number.isdecimal() and len(number) < 16 else 0
    matter = await talk.look("matter", Matter | None, lambda desk: desk.matters.find(wanted))
    if matter is None or not sees(matter, talk.person):
        raise Refused("matter.not_found")
    return matter


async def show(talk: Talk[Desk], matter: Matter) -> None:
    """The whole matter in one message."""
    around = await talk.look("around", Around, lambda desk: _around(desk, matter, talk.person.id))
    most = talk.district.council.support[matter.tier]
    collecting = matter.status is Status.COLLECT
    talk.say(
        "matter.card",
        choices=_buttons(talk, matter, around),
        photos=around.photos,
        title=matter.title,
        number=matter.id,
        place=matter.place,
        tier=Phrase(f"matter.tier.{matter.tier}"),
        status=Phrase(f"matter.status.{matter.status}"),
        progress=_progress(matter, around.journal),
        words="" if " ".join(matter.words.split()) == matter.title else f"\n{quoted(matter.words, 500)}",
        spot=Phrase("matter.spot", {"where": matter.spot}) if matter.spot else "",
        support=Phrase("matter.support", {"count": around.support, "most": most}) if collecting else "",
        further=_further(matter, around),
        steps=tuple(
            Phrase(
                "matter.step",
                {"at": step.at, "move": Phrase(f"matter.did.{step.move}"), "words": _said(step)},
            )
            for step in [each for each in around.journal if each.move not in _QUIET][-_STEPS:]
        ),
    )


async def _around(desk: Desk, matter: Matter, person: int) -> Around:
    filed: dict[str, int] = {}
    for (kind, state), count in (await desk.filed.counts(matter)).items():
        if state not in (State.CALLED_OFF, State.DROPPED):
            filed[kind] = filed.get(kind, 0) + count
    return Around(
        await desk.matters.journal(matter.id),
        await desk.voices.support(matter),
        await desk.voices.backs(matter.id, person),
        await desk.voices.follows(matter.id, person),
        filed,
        await desk.matters.photos(matter.id),
        await desk.matters.ballot(matter.id),
    )


def _buttons(talk: Talk[Desk], matter: Matter, around: Around) -> list[Choice]:
    possible = moves(matter, talk.person, talk.now)
    offered = []
    for move in _OFFERED:
        if move is Move.SUPPORT and around.backs and Move.UNSUPPORT in possible:
            offered.append(button(matter, Move.UNSUPPORT))
        elif move in possible and not (move is Move.FLAG and matter.proposer_id == talk.person.id):
            offered.append(button(matter, move))
        if move is Move.RAISE and Move.TO_CASE in possible:
            offered.append(Choice("matter.pass_on", opens="matter_pass_on", given={"matter": str(matter.id)}))
    if Part.HOST in parts(matter, talk.person) and matter.status is Status.AGENDA:
        offered.insert(0, ballot(matter))
    if matter.status is Status.BALLOT and around.ballot is not None:
        offered.insert(0, Choice("matter.to_vote", opens="vote", given={"ballot": str(around.ballot.id)}))
    given = {"matter": str(matter.id)}
    file = [
        Choice(f"matter.file.{kind}", opens="matter_file", given={**given, "kind": kind})
        for kind in _FILED
        if around.filed.get(kind)
    ]
    hear = unfollow(matter) if around.follows else Choice("matter.follow", opens="matter_follow", given=given)
    return [*offered[: _MOST - len(file) - 1], *file, hear]


def _progress(matter: Matter, journal: list[Entry]) -> Phrase | str:
    """The five steps in one line: those over, the one it is in, those to come; none for what has left them."""
    here = Phase.JUDGE if matter.status is Status.DONE else PHASES.get(matter.status)
    if here is None:
        return ""
    order, reached = [*Phase], {PHASES.get(step.status) for step in journal}
    place = order.index(here) + (matter.status is Status.DONE)
    marks = {
        each.value: Phrase(
            "matter.phase.to_come"
            if number > place
            else "matter.phase.here"
            if number == place
            else "matter.phase.over"
            if each in reached
            # Settled by a level above, it was never put to the vote.
            else "matter.phase.left_out"
        )
        for number, each in enumerate(order)
    }
    return Phrase("matter.progress", marks)


def _further(matter: Matter, around: Around) -> tuple[Phrase | str, ...]:
    """What is to be known just now, a line each."""
    lines: list[Phrase | str] = []
    if matter.door:
        lines.append(Phrase("matter.from_door", {"count": matter.vouched}))
    if matter.answer and matter.status is Status.AGENDA:
        lines.append(Phrase("matter.has_answer", {"words": quoted(matter.answer)}))
    if around.ballot is not None and matter.status is Status.BALLOT:
        lines.append(Phrase("matter.ballot_open", {"closes": around.ballot.closes_at}))
    if around.ballot is not None and around.ballot.result is not None and matter.decision is not None:
        lines += ballot_words.outcome(around.ballot)
    elif matter.status in (Status.NOTICE, Status.CARRY, Status.RATE, Status.DONE):
        lines.append(Phrase("matter.has_decision", {"words": decided(matter)}))
    if matter.status is Status.NOTICE and matter.notice_until:
        lines.append(Phrase("matter.notice_until", {"until": matter.notice_until}))
    if matter.status is Status.RATE and matter.rate_until:
        lines.append(Phrase("matter.rate_until", {"until": matter.rate_until}))
    return tuple(lines)


def _said(step: Entry) -> str:
    return f"：{quoted(step.words, 80)}" if step.words and step.move in _SAID else ""


async def verdict(talk: Talk[Desk], matter: Matter) -> None:
    """What those who were eligible made of it, for whoever may look at it."""
    if matter.status is Status.DONE:
        shown = await talk.look("verdict", tuple[str, dict[str, str]], lambda desk: _verdict(desk, matter))
        talk.say("matter.verdict", title=matter.title, verdict=Phrase(shown[0], shown[1]))


async def _verdict(desk: Desk, matter: Matter) -> tuple[str, dict[str, str]]:
    found = await carry_out.verdict(matter, desk)
    return found.key, {name: str(value) for name, value in found.shown.items()}
