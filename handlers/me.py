"""Somebody sees what we know of them, and changes it, or has it erased."""

import re

from bot.core.errors import Unclear
from bot.core.render import Phrase
from bot.core.talk import Ask, Heard, Talk, conversation
from bot.core.texts import LANGUAGES
from bot.core.words import Choice
from domain.district import District
from domain.residents import Forgotten, InvitationUsed, LanguageChosen, LinkWanted, NameGiven, PhoneGiven
from nlp import plain
from storage.desk import Desk


@conversation("me", opens_with=["我的资料", "个人资料", "/me"], place=6)
async def me(talk: Talk[Desk]) -> None:
    person = talk.person
    talk.say(
        "me.card",
        name=person.name or Phrase("me.unknown"),
        phone=_hidden(person.phone) or Phrase("me.unknown"),
        grid=talk.district.area_name(person.grid) if person.grid else Phrase("me.unknown"),
        language=LANGUAGES[person.language],
        roles=tuple(
            Phrase(
                "me.role",
                {
                    "role": talk.district.department(held.department).name
                    if held.department
                    else Phrase(f"role.{held.role}"),
                    "area": talk.district.area_name(held.area),
                },
            )
            for held in person.roles
        ),
        choices=[
            Choice("me.change_grid", opens="settle"),
            Choice("me.change_name", opens="name"),
            Choice("me.change_language", opens="language"),
            Choice("me.link", opens="link"),
            Choice("me.forget", opens="forget"),
        ],
    )


def _hidden(phone: str | None) -> str | None:
    return phone and f"{phone[:3]}****{phone[-4:]}"


# A name is shown to others beside what they must be able to trust.
_TITLES = ("社区", "网格", "街道", "主任", "书记", "政府", "民警", "警察", "工作人员", "小马扎", "系统", "官方", "客服")


def _name(heard: Heard, district: District) -> str:
    """How somebody wants to be called: one short line, and no office they do not hold."""
    name = " ".join(plain.words(least=1, most=20)(heard, district).split())
    if any(title in name for title in _TITLES):
        raise Unclear("name.no_titles")
    return name


NAME = Ask("name.what", _name, free=True)


@conversation("name", opens_with=["改称呼"])
async def name(talk: Talk[Desk]) -> NameGiven:
    return NameGiven(talk.person.id, await talk.ask(NAME))


@conversation("phone")
async def phone(talk: Talk[Desk]) -> PhoneGiven:
    return PhoneGiven(talk.person.id, talk.opening.phone or "")


LANGUAGE = Ask("language.which", plain.choice, choices=tuple((label, code) for code, label in LANGUAGES.items()))


@conversation("language", opens_with=["语言", "繁体", "繁體", "english", "/language"], place=7)
async def language(talk: Talk[Desk]) -> LanguageChosen:
    return LanguageChosen(talk.person.id, await talk.ask(LANGUAGE))


@conversation("link", opens_with=["连接另一个聊天"])
async def link(talk: Talk[Desk]) -> LinkWanted:
    return LinkWanted(talk.person.id)


FORGET = Ask("forget.sure", plain.choice, choices=(("forget.yes", "yes"), ("word.no", "no")))


@conversation("forget", opens_with=["忘记我", "删除我的资料", "注销", "/forget"])
async def forget(talk: Talk[Desk]) -> Forgotten | None:
    if await talk.ask(FORGET) == "no":
        talk.say("forget.kept")
        return None
    return Forgotten(talk.person.id)


def _code(heard: Heard, _district: District) -> str:
    """An invitation code as typed: spaces, dashes and small letters are fine."""
    code = re.sub(r"[\s-]", "", heard.text).upper().removeprefix("I_")
    if not re.fullmatch(r"[A-Z2-9]{10}", code):
        raise Unclear("join.unclear")
    return code


CODE = Ask("join.code", _code)


@conversation("join", opens_with=["邀请码", "加入", "/join"], link="i")
async def join(talk: Talk[Desk]) -> InvitationUsed:
    if talk.opening.text:
        return InvitationUsed(talk.person.id, talk.opening.text)
    return InvitationUsed(talk.person.id, await talk.ask(CODE))
