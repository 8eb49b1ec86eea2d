"""Who reported a case and whoever handles it write to each other, and neither sees the other's number."""

from bot.core.errors import Unclear
from bot.core.render import Phrase
from bot.core.talk import Ask, Heard, Talk, conversation
from domain.cases import Case
from domain.district import District
from domain.letters import Letter, LetterWritten, Side, side
from domain.refusals import Refused
from domain.sight import Sight
from nlp import plain, private
from services.letters import line, reporter_of
from services.sight import sight_of
from storage.desk import Desk

_LONGEST = 500


def _letter(heard: Heard, _district: District) -> Heard:
    if not (heard.text or heard.photos):
        raise Unclear("plain.words_please")
    if len(heard.text) > _LONGEST:
        raise Unclear("plain.too_long", most=_LONGEST)
    return heard


WORDS = Ask("letter.words", _letter, free=True)
NUMBER = Ask(
    "letter.number", plain.choice, choices=(("letter.masked", "mask"), ("letter.own_number", "own")), confirms=True
)


@conversation("letter")
async def write_about_case(talk: Talk[Desk]) -> LetterWritten:
    number = int(talk.given["case"])
    case = await talk.look("case", Case | None, lambda desk: desk.cases.find(number))
    if case is None:
        raise Refused("case.not_found")
    # Said before they write in vain; the rule is asked again when it is sent.
    mine = side(case, talk.person, talk.district.category_of(case), talk.now)
    sight = sight_of(case, talk.person, talk.district)
    # What was written before is for those who deal with it; others say why, and read the file.
    before = await talk.look("before", list[Letter], lambda desk: _before(desk, case, sight))
    said = await talk.ask(
        WORDS,
        number=case.number,
        other=Phrase("letter.handler") if mine is Side.RESIDENT else reporter_of(case),
        before=tuple(line(each) for each in before),
    )
    phone = private.phone(said.text)
    own = phone is not None and await talk.ask(NUMBER, end=phone[-4:]) == "own"
    return LetterWritten(case.id, talk.person.id, said.text, said.photos, own_number=own)


async def _before(desk: Desk, case: Case, sight: Sight | None) -> list[Letter]:
    return await desk.letters.last(case.id) if sight and sight.door else []
