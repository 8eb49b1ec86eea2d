"""After a vote anybody of the area reads the list of receipts, finds their own on it, and counts again."""

from bot.core.errors import Unclear
from bot.core.render import Phrase
from bot.core.talk import Ask, Heard, Talk, conversation
from bot.core.words import Choice
from domain.councils import Ballot, check_list
from domain.counting import Paper, count
from domain.district import District
from domain.refusals import Refused
from services.councils import words_of
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


@conversation("receipts", opens_with=["查票", "票单", "回执", "回执号", "/receipts"], private=True)
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
    check_list(ballot, talk.person)
    await _show(talk, ballot, page)


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
            Phrase("receipts.line", {"receipt": receipt, "marked": words_of(paper, ballot.options)[0]})
            for receipt, paper in listed
        ),
        choices=[
            *([Choice("receipts.back", opens="receipts", given=_place(ballot, page - 1))] if page > 0 else []),
            *([Choice("receipts.on", opens="receipts", given=_place(ballot, page + 1))] if page < last else []),
            Choice("receipts.find", opens="receipts"),
        ],
    )


def _place(ballot: Ballot, page: int) -> dict[str, str]:
    return {"ballot": str(ballot.id), "page": str(page)}
