"""A resident writes to a gridworker, and the gridworker answers, neither seeing the other's number."""

from bot.core.errors import Unclear
from bot.core.render import Phrase
from bot.core.talk import Ask, Heard, Talk, conversation
from domain.district import District
from domain.people import STAFF, WORKERS, Person
from domain.refusals import Refused
from domain.residents import WorkerAsked
from storage.desk import Desk


def _letter(heard: Heard, _district: District) -> Heard:
    if not (heard.text or heard.photos):
        raise Unclear("plain.words_please")
    return heard


WORDS = Ask("write.words", _letter, free=True)


@conversation("write")
async def write_to_gridworker(talk: Talk[Desk]) -> WorkerAsked:
    to = int(talk.given["to"])
    office = talk.person.has(*WORKERS, *STAFF)
    # Who left is written to no more: whoever looks after the grid now is.
    person = await talk.look(
        "to", Person | None, lambda desk: desk.people.now(to) if office else desk.people.in_place_of(to)
    )
    if person is None or not (person.has(*WORKERS, *STAFF) or office):
        raise Refused("write.nobody")
    letter = await talk.ask(WORDS, name_of=person.name or Phrase("role.resident"))
    return WorkerAsked(by=talk.person.id, to=person.id, words=letter.text, photos=letter.photos)
