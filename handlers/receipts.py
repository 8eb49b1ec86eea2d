"""After a vote anybody of the area reads the list of receipts, finds their own on it, and counts again."""

from bot.core.errors import Unclear
from bot.core.render import Phrase
from bot.core.talk import Ask, Heard, Talk, conversation
from bot.core.words import Choice
from domain.councils import Ballot, check_list
from domain.counting import Paper, count
from domain.district import District
from domain.refusals import Refused
from domain.rosters import Voter
from handlers.roll import names_of, turning
from services.ballot_words import marked
from storage.desk import Desk
from storage.keys import as_receipt

# Whoever asks for one receipt is shown a page: which of these is theirs stands nowhere, here neither.
PAGE = 20


def _receipt(heard: Heard, _district: District) -> str:
    found = as_receipt(heard.text)
    if found is None:
        raise Unclear("receipts.unclear")
    return found


CODE = Ask("receipts.code", _receipt)


@conversation("receipts", opens_with=["查票", "票单", "回执", "回执号", "/receipts"], private=True, looks=True)
async def read_the_list(talk: Talk[Desk]) -> None:
    if "ballot" in talk.given:
        number, page = int(talk.given["ballot"]), int(talk.given.get("page", "0"))
    else:
        typed = as_receipt(talk.opening.text)
        receipt = typed if typed else await talk.ask(CODE)
        found = await talk.look("found", tuple[int, int] | None, lambda desk: desk.ballots.find_receipt(receipt))
        if found is None:
            talk.say("receipts.none", choices=[Choice("receipts.again", opens="receipts")])
            return
        number, page = found[0], found[1] // PAGE
    ballot = await talk.look("ballot", Ballot | None, lambda desk: desk.ballots.find(number))
    if ballot is None:
        raise Refused("ballot.not_your_ballot")
    voter = await talk.look("voter", Voter | None, lambda desk: desk.rosters.voter(talk.person.id, ballot.extent))
    check_list(ballot, talk.person, voter)
    await (_show(talk, ballot, page) if ballot.secret else _show_openly(talk, ballot, page))


async def _show(talk: Talk[Desk], ballot: Ballot, page: int) -> None:
    result = ballot.result
    if result is None or not result.votes:
        talk.say("receipts.empty", question=ballot.question)
        return
    last = (result.votes - 1) // PAGE
    page = min(max(page, 0), last)
    listed = await talk.look(
        "listed", list[tuple[str, Paper]], lambda desk: desk.ballots.receipts(ballot, page * PAGE, PAGE)
    )
    cast = await talk.look("cast", list[tuple[Paper, int]], lambda desk: desk.ballots.recount(ballot))
    # Counted anew from the list itself, beside what was told.
    again = count(dict(cast), ballot.method, len(ballot.options), range(len(ballot.options)))
    same = (again.papers, again.counts) == (result.votes, result.counts)
    talk.say(
        "receipts.page" if same else "receipts.differs",
        question=ballot.question,
        votes=result.votes,
        page=page + 1,
        pages=last + 1,
        lines=tuple(
            Phrase("receipts.line", {"receipt": receipt, "marked": marked(paper, ballot.method, ballot.options)})
            for receipt, paper in listed
        ),
        choices=[*turning("receipts", ballot, page, last), Choice("receipts.find", opens="receipts")],
    )


async def _show_openly(talk: Talk[Desk], ballot: Ballot, page: int) -> None:
    """What each voted in an open ballot, by name."""
    votes = ballot.result.votes if ballot.result else 0
    if not votes:
        talk.say("receipts.empty", question=ballot.question)
        return
    last = (votes - 1) // PAGE
    page = min(max(page, 0), last)
    listed = await talk.look(
        "openly", list[tuple[int, Paper]], lambda desk: desk.ballots.openly(ballot, page * PAGE, PAGE)
    )
    names = await talk.look("names", dict[int, str], lambda desk: names_of(desk, ballot, [each for each, _ in listed]))
    talk.say(
        "receipts.openly",
        question=ballot.question,
        votes=votes,
        page=page + 1,
        pages=last + 1,
        lines=tuple(
            Phrase(
                "receipts.open_line",
                {
                    "name": names.get(voter) or Phrase("roll.nameless"),
                    "marked": marked(paper, ballot.method, ballot.options),
                },
            )
            for voter, paper in listed
        ),
        choices=turning("receipts", ballot, page, last),
    )
