"""Somebody on duty says what they have done, without a button: 灯泡换好了, 到现场了, 我整不了. Which case was it?"""

from bot.core.render import Phrase
from bot.core.talk import Ask, Talk, conversation
from bot.core.words import Choice
from domain.cases import WITH_WORKER, Case, CaseMoved, Move, moves
from domain.people import WORKERS, Role
from handlers.move_case import PHOTO, has_photos
from nlp import plain
from nlp.alike import alike, pieces
from nlp.normalise import bare
from services.news import short
from storage.desk import Desk

_SHOWN = 8
_OTHER = "other"

WHICH = Ask("deed.which", plain.choice)


@conversation("deed", roles=(*WORKERS, Role.DEPARTMENT))
async def say_done(talk: Talk[Desk]) -> CaseMoved | None:
    move, said = Move(talk.given["move"]), talk.opening
    found = await talk.look("cases", list[Case], lambda desk: desk.cases.of_worker(talk.person.id, WITH_WORKER))
    able = [case for case in found if move in moves(case, talk.person, said.at)]
    as_report = Choice("faq.report_it", opens="report", given={"words": said.text, "guessed": "yes"})
    if not able:
        talk.say("deed.none", choices=[as_report])
        return None
    # The one whose words are most like theirs comes first.
    words = pieces(bare(said.text))
    able.sort(key=lambda case: -alike(words, pieces(bare(f"{case.place} {case.words}"))))
    offers = [(f"{case.number} {short(case.words, 12)}", str(case.id)) for case in able[:_SHOWN]]
    chosen = await talk.ask(WHICH, [*offers, ("deed.other", _OTHER)], did=Phrase(f"case.button.{move}"))
    if chosen == _OTHER:
        talk.say("deed.something_else", choices=[as_report, Choice("tasks.title", opens="tasks")])
        return None
    case = next(case for case in able if str(case.id) == chosen)
    result, photos = said.text[:1000], said.photos
    if move is Move.FINISH and not photos and await talk.look("shown", bool, lambda desk: has_photos(desk, case)):
        picture = await talk.ask(PHOTO, name="case.result", number=case.number)
        result, photos = "；".join(filter(None, (result, picture.text[:300]))), picture.photos
    return CaseMoved(case=case.id, move=move, by=talk.person.id, words=result, photos=photos)
