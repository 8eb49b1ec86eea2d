"""A helper hands out ballot papers and reads them in; a host makes void one that was lost."""

import re

from bot.core.errors import Unclear
from bot.core.talk import Ask, Heard, Talk, conversation
from domain.councils import HELPERS, HOSTS, Ballot
from domain.counting import Paper
from domain.district import District
from domain.voting import DoorNamed, PaperEntered, PaperTaken, PaperVoided, Sleeve, SleevesBack
from handlers.assist_vote import ballot_of, marks_of, voter_of
from nlp import normalise, plain, private
from nlp.normalise import fold
from services.ballot_words import numbered
from storage.desk import Desk

# 3, and 3-2 for the second paper of the same voter.
_SLEEVE = re.compile(r"(\d{1,9})(?:-(\d{1,2}))?(?!\d)")


def _sleeves(heard: Heard, _district: District) -> tuple[Sleeve, ...]:
    found = [Sleeve(int(voter), int(copy or 1)) for voter, copy in _SLEEVE.findall(fold(heard.text))]
    if not found:
        raise Unclear("paper.sleeves_unclear")
    return tuple(dict.fromkeys(found))


SLEEVES = Ask("paper.sleeves", _sleeves)
WHY = Ask("paper.why", plain.words(least=2, most=200), free=True)


@conversation("paper_out", opens_with=["发纸质票", "领纸质票"], roles=HELPERS)
async def hand_out(talk: Talk[Desk]) -> PaperTaken | DoorNamed | None:
    ballot = await ballot_of(talk)
    if ballot is None:
        return None
    voter = await voter_of(talk, ballot, "paper_out")
    return PaperTaken(ballot.id, talk.person.id, voter) if isinstance(voter, int) else voter


@conversation("paper_void", opens_with=["作废纸质票", "纸质票丢了"], roles=HOSTS)
async def make_void(talk: Talk[Desk]) -> PaperVoided | DoorNamed | None:
    ballot = await ballot_of(talk)
    if ballot is None:
        return None
    voter = await voter_of(talk, ballot, "paper_void")
    if not isinstance(voter, int):
        return voter
    reason = private.without(normalise.mask(await talk.ask(WHY)))
    return PaperVoided(ballot.id, talk.person.id, voter, reason)


@conversation("paper_back", opens_with=["收纸质票", "收票袋"], roles=HELPERS)
async def take_back(talk: Talk[Desk]) -> SleevesBack | None:
    ballot = await ballot_of(talk)
    if ballot is None:
        return None
    return SleevesBack(ballot.id, talk.person.id, await talk.ask(SLEEVES, question=ballot.question))


_NUMBERED = re.compile(r"(\d{1,9})(?:-(\d{1,2}))?(?:\s*(?:号|[:：.、，,])?\s+?|\s*[:：、，,号]\s*)(\S.*)", re.DOTALL)


@conversation("paper_in", opens_with=["录纸质票", "录票"], roles=HELPERS, private=True)
async def read_in(talk: Talk[Desk]) -> PaperEntered | None:
    ballot = await ballot_of(talk)
    if ballot is None:
        return None
    number, copy, marks = await talk.ask(
        Ask("paper.what", lambda heard, _district: _entry(heard, ballot)),
        question=ballot.question,
        lines=numbered(ballot.options),
    )
    return PaperEntered(ballot.id, talk.person.id, number, marks, copy)


def _entry(heard: Heard, ballot: Ballot) -> tuple[int, int, Paper]:
    found = _NUMBERED.fullmatch(fold(heard.text) if "\n" not in heard.text else heard.text)
    # Secret papers are numbered as the box is emptied, and have no copies.
    if found is None or (found[2] and ballot.secret):
        raise Unclear("paper.what_unclear")
    return int(found[1]), int(found[2] or 1), marks_of(Heard(heard.at, found[3]), ballot)
