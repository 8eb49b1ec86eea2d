"""Somebody reads a matter's file: what was said, what was objected, which meetings there are, how far the steps are."""

from dataclasses import dataclass, replace

from bot.core.render import Phrase
from bot.core.talk import Talk, conversation
from bot.core.words import Choice
from domain.matters import Kind, Leaf, Matter, Move, Part, State, moves, parts
from handlers import matter_card
from services import carry_out
from services.matter_news import button, look, quoted
from storage.desk import Desk

_SHOWN, _MOST = 8, 8
# What may be done with each leaf, in the order the buttons stand.
_OFFERED = (
    *(Move.ATTEND, Move.STAY_AWAY, Move.MINUTES, Move.CALL_OFF),
    *(Move.REPLY, Move.ACCEPT, Move.DISPUTE, Move.UPHOLD, Move.OVERRULE),
    *(Move.COMPLETE, Move.REPORT, Move.DROP),
    Move.BACK,
    *(Move.HIDE_COMMENT, Move.APPEAL, Move.RESTORE, Move.CONFIRM),
)
_NEW = {
    Kind.COMMENT: Move.COMMENT,
    Kind.MEETING: Move.MEET,
    Kind.OBJECTION: Move.OBJECT,
    Kind.STEP: Move.PLAN,
    Kind.WAY: Move.TO_CASE,
}


@dataclass(frozen=True, slots=True)
class Read:
    """One leaf as it is read: with who is responsible, who comes, who signed in."""

    leaf: Leaf
    who: str = ""
    coming: int = 0
    signed: int = 0
    comes: bool = False


@conversation("matter_file")
async def read_file(talk: Talk[Desk]) -> None:
    matter, kind = await matter_card.found(talk, talk.given["matter"]), Kind(talk.given["kind"])
    before = int(talk.given["before"]) if "before" in talk.given else None
    leaves = await talk.look("leaves", list[Read], lambda desk: _read(desk, talk.person.id, matter, kind, before))
    more = len(leaves) > _SHOWN
    shown = leaves[:_SHOWN]
    offered = [(place, each) for place, read in enumerate(shown, 1) for each in _buttons(talk, matter, read)]
    labels = await talk.look("labels", dict[str, str], lambda desk: _labels(desk, offered))
    # Of several leaves on a page, the button says which it belongs to.
    choices = [
        replace(each, label=f"{labels[each.label]}（{place}）") if len(shown) > 1 else each for place, each in offered
    ]
    if more:
        given = {"matter": str(matter.id), "kind": kind, "before": str(shown[-1].leaf.id)}
        choices.append(Choice("matter.older", opens="matter_file", given=given))
    fresh = [button(matter, _NEW[kind])] if _NEW[kind] in moves(matter, talk.person, talk.now) else []
    talk.say(
        f"matter.filed.{kind}" if shown else "matter.nothing_filed",
        title=matter.title,
        lines=tuple(_line(talk, matter, each, place) for place, each in enumerate(shown, 1)),
        choices=[*choices[:_MOST], *fresh, look(matter)],
    )


async def _read(desk: Desk, person: int, matter: Matter, kind: Kind, before: int | None) -> list[Read]:
    found = []
    for leaf in await desk.filed.of(matter, kind, before=before, limit=_SHOWN + 1):
        if kind is Kind.MEETING:
            coming, signed = await desk.filed.coming(leaf.id), await desk.filed.signed(leaf.id)
            found.append(Read(leaf, coming=len(coming), signed=len(signed), comes=person in coming))
        else:
            found.append(Read(leaf, await carry_out.who(leaf, desk) if kind is Kind.STEP else ""))
    return found


def _buttons(talk: Talk[Desk], matter: Matter, read: Read) -> list[Choice]:
    """What they may do with this leaf. One signs in with the code at the door, not with a button."""
    leaf, said = read.leaf, Move.ATTEND if read.comes else Move.STAY_AWAY
    possible = moves(matter, talk.person, talk.now, leaf)
    offered = [button(matter, each, leaf) for each in _OFFERED if each in possible and each is not said]
    if leaf.kind is Kind.MEETING and leaf.state is State.CALLED and Part.HOST in parts(matter, talk.person):
        offered.append(Choice("meeting_door.title", opens="meeting_door", given={"leaf": str(leaf.id)}))
    return offered


async def _labels(desk: Desk, offered: list[tuple[int, Choice]]) -> dict[str, str]:
    return {each.label: desk.label(each.label) for _, each in offered}


def _line(talk: Talk[Desk], matter: Matter, read: Read, place: int) -> Phrase:
    leaf = read.leaf
    mine = leaf.person_id == talk.person.id
    hidden = leaf.state in (State.HIDDEN, State.APPEALED, State.CONFIRMED)
    inside = Part.HOST in parts(matter, talk.person) or mine
    late = leaf.kind is Kind.STEP and leaf.state is State.PLANNED and leaf.due_at is not None and leaf.due_at < talk.now
    return Phrase(
        f"matter.leaf_line.{leaf.kind}",
        {
            "number": place,
            "words": quoted(leaf.words) if not hidden else _hidden(leaf, inside=inside),
            "state": Phrase("matter.late") if late else Phrase(f"matter.state.{leaf.state}"),
            "mine": Phrase("matter.mine") if mine and leaf.kind in (Kind.COMMENT, Kind.OBJECTION) else "",
            "answer": _answer(leaf) if leaf.answer else "",
            "ruling": Phrase("matter.leaf_ruling", {"words": quoted(leaf.ruling)}) if leaf.ruling else "",
            "at": leaf.due_at or leaf.at,
            "where": leaf.place,
            "way": way(leaf) if leaf.kind is Kind.WAY else "",
            "who": read.who,
            "coming": read.coming,
            "signed": read.signed,
        },
    )


def way(leaf: Leaf) -> Phrase:
    """Where a matter was passed on to, as people read it."""
    return Phrase("matter.way_case", {"number": leaf.place}) if leaf.place else Phrase("matter.way_mediation")


def _hidden(leaf: Leaf, *, inside: bool) -> Phrase:
    """The reason stands for the words; its author and the hosts read both."""
    if inside:
        return Phrase("matter.words_hidden_inside", {"words": quoted(leaf.words), "reason": leaf.answer})
    return Phrase("matter.words_hidden", {"reason": leaf.answer})


def _answer(leaf: Leaf) -> Phrase:
    shown = {"words": quoted(leaf.answer, 600)}
    if leaf.kind is Kind.OBJECTION:
        return Phrase("matter.leaf_answer", shown)
    return Phrase("matter.leaf_news", shown)
