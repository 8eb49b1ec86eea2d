"""A resident reports something broken; the gridworker of that grid hears of it."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from bot.core.errors import Unclear
from bot.core.render import Phrase
from bot.core.talk import Ask, Heard, Talk, conversation
from bot.core.turn import MOST_PHOTOS
from domain.cases import ProblemReported, SameTroubleMet
from domain.catalogue import OTHER, Category
from domain.district import District
from handlers import where
from nlp import category, grid_code, place, plain, private, when
from nlp.alike import alike, pieces
from nlp.normalise import bare
from storage.cases import Near
from storage.desk import Desk

# How much two reports of one kind from one place have in common at least, from 0 to 1.
_LIKE_WORDS, _SAME_WORDS = 0.1, 0.5
# 匿名举报信 is a thing, 匿名 beside what is wrong a wish.
_UNNAMED = re.compile(
    r"(?:^|(?<=[\s,，。;；、!！]))(?:我?(?:想|要|希望|请)?(?:匿名(?:上报|举报|反映|投诉|报)?|别说是我(?:报|说)的?|不要说是我(?:报|说)的?))"
    r"(?=$|[\s,，。;；、:：!！])"
)
_LEAD = re.compile(r"^(我?要?(报事|报修|上报|反映|投诉|举报)(一下|个事|问题)?)[\s:：,，。]*")


def _what(heard: Heard, district: District) -> Heard:
    """Words of at least four characters, or a photo that says it."""
    if not heard.photos:
        plain.words(least=4, most=1500)(heard, district)
    return heard


def _sure(heard: Heard, district: District) -> Heard:
    """Yes, no, another category; or one more photo, or the place put right, on the way."""
    if heard.choice is None and not heard.photos and where.corrected(heard, district) is None:
        raise Unclear("report.sure_unclear")
    return heard


WHERE = Ask("report.where", where.read)
WHICH_ESTATE = Ask("report.which_estate", where.read)
WHERE_MAPPED = Ask("report.where_mapped", where.read)
WHAT = Ask("report.what", _what, free=True)
SURE = Ask("report.sure", _sure, confirms=True)
KIND = Ask("report.kind", plain.choice)
SAME = Ask("report.same", plain.choice, choices=(("report.me_too", "me_too"), ("report.not_same", "no")))


@dataclass(frozen=True, slots=True)
class Twin:
    """What may be told of an open case to somebody who met with the same: no words of its reporter's, no door."""

    case: int
    number: str
    place: str
    category: str
    opened_at: datetime


@conversation(
    "report",
    opens_with=["报事", "我要报事", "上报", "报修", "我要报修", "反映问题", "投诉", "/report"],
    place=1,
)
async def report_problem(talk: Talk[Desk]) -> ProblemReported | SameTroubleMet | None:
    opening = talk.opening
    text = opening.text or talk.given.get("words", "")
    if "guessed" in talk.given:
        text = _LEAD.sub("", text)
    text, anonymous = _unnamed(text)
    said = msgspec.structs.replace(opening, text=text)
    # The catalogue of the day on which it was begun.
    today = talk.district.day(opening.at)
    found = place.find(text, talk.district) if text else None
    if found is None and (grid := where.coded(said, talk.district)):
        found, text = grid, grid_code.without(text)
    part = place.part(text) if found is None and text else None
    named = found or part
    words = (place.rest(text, named) if named else text) or ""
    # Looked up once: moving house in mid-conversation changes no report that was begun.
    home = await talk.look("home", str | None, _home(talk))
    told = len(words) >= 4 or bool(words and category.named(words, talk.district, today))
    happened, phone = when.happened(said, talk.district), private.phone(text)
    enough = told and (found is not None or home is not None)
    at_once = enough and "guessed" not in talk.given

    # An estate with several grids is theirs only when they live there; a long road or a village is no more than a hint.
    vague = found is None or (at_once and len(found.grids) > 1 and (home in found.grids or not found.exact))
    if enough and home and opening.position is None and vague and (at_once or part is None):
        # One sentence is enough: what leaves several grids open goes to the worker of their own, who knows the area.
        spot = where.Where(found.words, home) if found else where.at_home(talk, home, part)
    else:
        question = WHERE_MAPPED if opening.position else WHICH_ESTATE if part else WHERE
        spot = await where.ask(talk, question, found, part=part)
    photos = [*opening.photos, *spot.photos]
    if not told:
        what = await talk.ask(WHAT)
        words, photos = what.text or words, photos + list(what.photos)
        happened, phone = when.happened(what, talk.district) or happened, private.phone(what.text) or phone
    # A number of theirs is for whoever helps them, not part of what is wrong.
    words = private.without(words)
    words, wished = _unnamed(words)
    anonymous = anonymous or wished
    guessed = talk.kinds(words)
    kind, likely = guessed[0], [each for each in guessed if each.code != OTHER]

    twin = await _known_twin(talk, spot, kind, words)
    # Said in one message after 报事, it is reported at once; the receipt offers to take it back.
    if at_once:
        if twin and await talk.ask(SAME, **_known(twin, talk)) == "me_too":
            return SameTroubleMet(talk.person.id, twin.case)
    else:
        kind_round, photo_round, place_round = 0, 0, 0
        while True:
            # Said to be of another kind, it is not the same.
            same = twin if twin and twin.category == kind.name else None
            others = [each for each in likely if each is not kind][:2]
            answer = await talk.ask(
                SURE,
                [
                    ("word.yes", "yes"),
                    *([("report.unnamed", "unnamed")] if kind.private and not anonymous else []),
                    *([("report.me_too", "me_too")] if same else []),
                    *((each.name, f"is:{each.code}") for each in others),
                    ("report.other_kind", "kind"),
                    ("word.no", "no"),
                ],
                name=f"report.sure.{kind_round}.{photo_round}" + (f".{place_round}" if place_round else ""),
                where=spot.words,
                what=words or Phrase("report.see_photo"),
                category=kind.name,
                when=Phrase("case.happened", {"month": happened.month, "day": happened.day}) if happened else "",
                phone=Phrase("report.with_phone", {"end": phone[-4:]}) if phone and not anonymous else "",
                unnamed=Phrase("report.as_unnamed") if anonymous else "",
                photos=Phrase("report.with_photos", {"count": len(photos)}) if photos else "",
                same=Phrase("report.same_known", _known(same, talk)) if same else "",
            )
            if answer.photos:
                photos += answer.photos
                words = "；".join(each for each in (words, private.without(answer.text)) if each)
                phone = phone or private.phone(answer.text)
                photo_round += 1
            elif answer.choice is None and (right := where.corrected(answer, talk.district)):
                spot = where.moved(talk, spot, right)
                place_round += 1
                twin = await _known_twin(talk, spot, kind, words, place_round)
            elif answer.choice == "kind":
                offered = dict.fromkeys([*likely, *talk.district.catalogue.on(today)])
                code = await talk.ask(
                    KIND, [(each.name, each.code) for each in offered], name=f"report.kind.{kind_round}"
                )
                kind = talk.district.category(code, today)
                kind_round += 1
            elif answer.choice and answer.choice.startswith("is:"):
                kind = talk.district.category(answer.choice.removeprefix("is:"), today)
                break
            elif answer.choice == "unnamed":
                anonymous = True
                break
            elif answer.choice == "me_too" and same:
                return SameTroubleMet(talk.person.id, same.case)
            elif answer.choice == "no":
                talk.say("report.dropped")
                return None
            else:
                break

    position = opening.position or spot.position
    return ProblemReported(
        by=talk.person.id,
        grid=spot.grid,
        category=kind.code,
        place=spot.words,
        words=words or "（见照片）",
        photos=tuple(photos[:MOST_PHOTOS]),
        latitude=position.latitude if position else None,
        longitude=position.longitude if position else None,
        place_known=spot.known,
        happened_on=happened,
        phone=None if anonymous else phone,
        anonymous=anonymous,
    )


def _unnamed(words: str) -> tuple[str, bool]:
    """The words without the wish to stay unnamed, and whether it was said."""
    rest, wished = _UNNAMED.subn("", words)
    return (rest.strip(" ,，。;；、:："), True) if wished else (words, False)


async def _known_twin(
    talk: Talk[Desk], spot: where.Where, kind: Category, words: str, place_round: int = 0
) -> Twin | None:
    """Looked up once for each place that is named."""
    name = f"twin.{place_round}" if place_round else "twin"
    return await talk.look(name, Twin | None, lambda desk: _twin(desk, talk, spot, kind, words))


async def _twin(desk: Desk, talk: Talk[Desk], spot: where.Where, kind: Category, words: str) -> Twin | None:
    """An open case that may be about the same: its place, its category, and words that have something in common.

    What is about staff is nobody else's business, and what may be dangerous is told again however often it was.
    """
    here = place.building(spot.words, talk.district)
    if here is None or kind.to_staff or kind.urgent or not talk.district.same_within:
        return None
    said = pieces(bare(words))
    # 其他 is not one kind of trouble: there the words have to say it.
    enough = _SAME_WORDS if kind.code == OTHER else _LIKE_WORDS

    def same(case: Near) -> bool:
        there = place.building(case.place, talk.district)
        return bool(there and place.near(here, there) and alike(said, pieces(bare(case.words))) >= enough)

    since = talk.now - timedelta(days=talk.district.same_within)
    found = await desk.cases.near(spot.grid, kind.code, since, talk.person.id, same)
    if found is None:
        return None
    # Of one whose door is nobody's business no more is said than the estate.
    kept_back = found.anonymous or kind.private
    there = (place.estate if kept_back else place.building)(found.place, talk.district) or ""
    return Twin(found.id, found.number, there, kind.name, found.opened_at)


def _known(twin: Twin, talk: Talk[Desk]) -> dict[str, Any]:
    """What the question about a case says of it."""
    ago = (talk.district.day(talk.now) - talk.district.day(twin.opened_at)).days
    day = Phrase("report.today" if ago < 1 else "report.yesterday" if ago == 1 else "report.days_ago", {"days": ago})
    return {"place": twin.place, "category": twin.category, "ago": day, "number": twin.number}


def _home(talk: Talk[Desk]) -> Callable[[Desk], Awaitable[str | None]]:
    async def now(_desk: Desk) -> str | None:
        return where.current(talk, talk.person.grid)

    return now
