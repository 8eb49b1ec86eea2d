"""Somebody says something; one transaction later it is answered, done and queued, or nothing happened at all."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Generic
from weakref import WeakValueDictionary

import msgspec

from bot.core.errors import Refused, Unavailable
from bot.core.ports import Contact, D, Desks
from bot.core.render import Phrase
from bot.core.talk import Answer, Conversation, Heard, Line, Open, Talk, Wait, Waiting
from bot.core.words import Address, Choice, Said
from domain.faq import Match
from domain.people import Person

log = logging.getLogger("xiaomazha.turn")

LONGEST_TEXT = 2000
# Nobody types faster than this; a script or a stuck key does.
FLOOD_MESSAGES, FLOOD_WINDOW = 4, timedelta(seconds=2)
DEEPEST = 4
# Of what opened a conversation only these are numbers and names of ours, fit for the log.
_IDS = ("move", "case")
_LONGEST_LABEL = 60
# They turn the direction of writing, and what is read is not what was written.
_STEERING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
MOST_PHOTOS = 9
_ATTEMPTS = (0.0, 0.05, 0.3)

_CANCEL = {"取消", "算了", "不报了", "退出", "/cancel", "cancel"}
_BACK = {"返回", "上一步", "/back", "back"}
# The conversation for what we cannot place.
_UNSURE = "unsure"
# What says that something is wrong.
_REPORT = "report"
# What can be looked at in the middle of something else and be done with.
_ASIDES = {"mine", "vote", "grid"}
# What people say for 是 and 否, when those are what is asked.
_YES = (
    {"是", "yes"},
    {"是", "对", "对对", "没错", "嗯", "嗯呐", "嗯嗯", "嗯对", "好", "行", "可以", "中", "ok", "y"},
)
_NO = {"否", "no"}, {"不", "不对", "不是", "错了", "不行", "不用", "不要", "不用了", "n"}
_HELP = {"帮助", "怎么用", "菜单", "功能", "/help", "help", "/start", "开始", "你好", "您好", "?"}


@dataclass(frozen=True, slots=True)
class Paused:
    """Somebody of whom this many messages are held has been quiet for a moment, unless more have come."""

    address: Address
    held: int


class State(msgspec.Struct, omit_defaults=True):
    """What is open in one chat: conversations on top of each other, the last one being spoken of."""

    stack: list[Open] = msgspec.field(default_factory=list)
    recent: list[float] = msgspec.field(default_factory=list)
    held: int = 0
    told: bool = False
    unsure: bool = False


class Book:
    """Every conversation, by name, by the words that open it and by its deep link."""

    def __init__(
        self,
        conversations: Iterable[Conversation],
        fold: Callable[[str], str],
        titles: Callable[[str], Sequence[str]],
    ) -> None:
        """`titles` are a conversation's names in every language: what its button says can be typed as well."""
        self._fold = fold
        self._named = {each.name: each for each in conversations}
        self._words = {
            fold(word): each
            for each in self._named.values()
            for word in (*each.opens_with, *(titles(each.name) if each.place is not None else ()))
        }
        self._links = {each.link: each for each in self._named.values() if each.link}
        self._longest_first = sorted(self._words, key=len, reverse=True)
        self._beginnings = (*self._words,)

    def __getitem__(self, name: str) -> Conversation:
        return self._named[name]

    def __contains__(self, name: str) -> bool:
        return name in self._named

    def listed(self, person: Person) -> list[Conversation]:
        """What this person finds in help and menus, in order."""
        mine = [each for each in self._named.values() if each.place is not None and each.open_to(person)]
        return sorted(mine, key=lambda each: each.place or 0)

    def all(self) -> list[Conversation]:
        return list(self._named.values())

    def opened_by(self, text: str) -> tuple[Conversation, str] | None:
        """The conversation these words open, and the words that follow: 报事 幸福里 3 栋路灯不亮."""
        folded = self._fold(text)
        if exact := self._words.get(folded):
            return exact, ""
        if not folded.startswith(self._beginnings):
            return None
        for word in self._longest_first:
            if folded.startswith(word) and (rest := _rest(text.strip(), word, self._fold)) is not None:
                return self._words[word], rest
        return None

    def named_in(self, text: str, person: Person) -> list[Conversation]:
        """Those of their menu that these words name somewhere: 看看统计数据."""
        folded = self._fold(text)
        return [
            each
            for each in self.listed(person)
            if any(
                len(word) > 1 and not word.startswith("/") and self._fold(word) in folded for word in each.opens_with
            )
        ]

    def linked(self, payload: str) -> tuple[Conversation, str] | None:
        """The conversation of a deep link `g_…` and what follows the letter."""
        letter, _, rest = payload.partition("_")
        found = self._links.get(letter)
        return (found, rest) if found and rest else None


def _rest(text: str, word: str, fold: Callable[[str], str]) -> str | None:
    """What follows the word, as it was typed; None when the word is only the beginning of another."""
    # Folding may shorten (spaces, widths), never by more than this for words as short as ours.
    reach = min(len(text), 4 * len(word) + 4)
    end = next((place for place in range(1, reach) if fold(text[:place]) == word), None)
    if end is None or not (text[end].isspace() or text[end] in ":,，：。.、;；!！"):
        return None
    return text[end:].lstrip(" :,，：。.、;；!！\n\t")


@dataclass
class _Hand(Generic[D]):
    """What one turn has in its hands."""

    desk: D
    said: Said
    contact: Contact
    state: State
    heard: Heard

    @property
    def top(self) -> Open | None:
        return self.state.stack[-1] if self.state.stack else None


class Turns(Generic[D]):
    """Takes what people say, one transaction each, in order per chat."""

    def __init__(self, desks: Desks[D], book: Book, new_id: Callable[[], str]) -> None:
        self._desks = desks
        self._book = book
        self._new_id = new_id
        self._queues: WeakValueDictionary[Address, asyncio.Lock] = WeakValueDictionary()

    async def take(self, said: Said) -> None:
        """Handle one message; once this returns, it and all it caused are stored, and it may be acknowledged.

        Taking it twice is harmless. A message that fails every time is parked and its sender told so kindly.

        Raises:
            Unavailable: nothing can be stored just now; do not acknowledge, the platform will repeat it.
            Exception: not even the apology could be stored; do not acknowledge either.
        """
        said = replace(said, text=clean(said.text))
        # Kept alive by those who hold or await it, gone with the last of them.
        lock = self._queues.get(said.address) or asyncio.Lock()
        self._queues[said.address] = lock
        async with lock:
            for number, pause in enumerate(_ATTEMPTS):
                await asyncio.sleep(pause)
                try:
                    await self._desks.write(lambda desk: self._turn(desk, said))
                except Exception as error:
                    log.warning("turn failed, attempt %d", number + 1, exc_info=True)
                    if isinstance(error, Unavailable) and number + 1 == len(_ATTEMPTS):
                        raise
                else:
                    return
            await self._give_up(said)

    async def _give_up(self, said: Said) -> None:
        trouble = self._new_id()

        async def park(desk: D) -> None:
            contact = await desk.hear(said)
            if contact is None:
                return
            if await self._private(desk, said, contact, _state(contact)):
                desk.reply(Line("turn.trouble_unkept", {"trouble": trouble}))
            else:
                await desk.park(said, trouble)
                desk.reply(Line("turn.trouble", {"trouble": trouble}))
            await desk.answer()

        await self._desks.write(park)
        log.error("turn parked as %s", trouble)

    async def resume(self, paused: Paused, desk: D) -> None:
        """Handle together what somebody sent too fast, or as one album, now that they have paused."""
        contact = await desk.meet(paused.address)
        state = _state(contact)
        if state.held != paused.held:
            return
        state.held, state.told, state.recent = 0, False, []
        held = await desk.release(contact)
        said = _together([each for each in held if each.tap is None])
        if said and len(said.text) > LONGEST_TEXT:
            await desk.park(said, self._new_id())
            desk.reply(Line("turn.too_much", {"count": len(held)}))
            said = None
        taps = {each.tap: each for each in held if each.tap}
        for each in (*taps.values(), said):
            if each is not None:
                state = await self._safely(_Hand(desk, each, contact, state, _heard(each)))
        await self._finish(desk, contact, state)

    async def _safely(self, hand: _Hand[D]) -> State:
        """Route what was held; what fails is put aside alone, or the chat would be silent for ever."""
        before = msgspec.json.encode(hand.state)
        try:
            async with hand.desk.undoing():
                await self._route(hand)
        except Exception:
            trouble = self._new_id()
            log.exception("what was held is parked as %s", trouble)
            await hand.desk.park(hand.said, trouble)
            hand.desk.reply(Line("turn.trouble", {"trouble": trouble}))
            return msgspec.json.decode(before, type=State)
        return hand.state

    async def _turn(self, desk: D, said: Said) -> None:
        contact = await desk.hear(said)
        if contact is None:
            return
        if said.allows:
            await desk.allow(contact, said.allows)
        state = _state(contact)
        floods = self._floods(state, desk.now)
        waits = floods or said.album or (state.held and said.tap is None)
        if waits and not await self._private(desk, said, contact, state):
            # Photos sent together are one message; what comes too fast is looked at when they pause.
            if floods and not state.told:
                state.told = True
                desk.reply(Line("turn.too_fast", {}))
            state.held += 1
            await desk.hold(said, contact, state.held)
        else:
            await self._route(_Hand(desk, said, contact, state, _heard(said)))
        await self._finish(desk, contact, state)

    async def _private(self, desk: D, said: Said, contact: Contact, state: State) -> bool:
        """Whether this is, or may be, said to a conversation that keeps nothing of what is said to it."""
        if said.tap is not None:
            try:
                async with desk.undoing():
                    choices = await desk.choices(contact, said.tap.message)
            except Exception:
                # A button that cannot even be looked up is no vote.
                return False
            found = choices[said.tap.choice].opens if 0 <= said.tap.choice < len(choices) else None
            return self._keeps_nothing(found)
        text = said.text.strip()
        names = {record.name for record in state.stack}
        with suppress(Exception):
            # It may be the very thing that fails; what is open and what is offered is known without it.
            names.add(desk.ear.intent(said).conversation)
        if opened := self._book.opened_by(text):
            names.add(opened[0].name)
        if choice := await self._typed_choice(desk, contact, text):
            names.add(choice.opens or "")
        return any(self._keeps_nothing(name) for name in names)

    def _keeps_nothing(self, name: str | None) -> bool:
        return name is not None and name in self._book and self._book[name].private

    async def _finish(self, desk: D, contact: Contact, state: State) -> None:
        await desk.keep(contact, msgspec.json.encode(state).decode())
        await desk.answer()

    def _floods(self, state: State, now: datetime) -> bool:
        since = (now - FLOOD_WINDOW).timestamp()
        # A clock set back must not silence anybody: times ahead of now do not count.
        state.recent = [moment for moment in state.recent if since < moment <= now.timestamp()][-FLOOD_MESSAGES:]
        state.recent.append(now.timestamp())
        return len(state.recent) > FLOOD_MESSAGES

    # Where a message goes: tapped choice, open question, command or keyword, intent, FAQ, fallback.

    async def _route(self, hand: _Hand[D]) -> None:
        said = hand.said
        if said.group:
            await self._in_group(hand)
        elif said.odd is not None:
            await self._aside(hand, Line(f"odd.{said.odd}", {}))
        elif len(said.text) > LONGEST_TEXT:
            await self._aside(hand, Line("turn.too_long", {"length": len(said.text), "longest": LONGEST_TEXT}))
        elif said.tap is not None:
            await self._tapped(hand)
        elif said.edited:
            await self._edited(hand)
        elif not (said.text.strip() or said.photos or said.position or said.phone):
            await self._aside(hand, Line("turn.empty", {}))
        elif not await self._steered(hand) and not await self._answered(hand):
            await self._fresh(hand)

    async def _in_group(self, hand: _Hand[D]) -> None:
        """Where others read along only what is made for it is opened; all else is for a chat of their own."""
        opened = self._book.opened_by(hand.said.text.strip())
        if opened and opened[0].group:
            await self._open(hand, opened[0].name, opened[1], {"group": "yes"})
        else:
            hand.desk.reply(Line("turn.in_private", {}))

    async def _tapped(self, hand: _Hand[D]) -> None:
        tap = hand.said.tap
        choices = await hand.desk.choices(hand.contact, tap.message) if tap else ()
        if tap is None or not 0 <= tap.choice < len(choices):
            await self._old_button(hand)
            return
        choice = choices[tap.choice]
        if choice.opens is not None:
            await self._open(hand, choice.opens, "", choice.given)
        elif hand.top and hand.top.wait and _answers(choice, hand.top, hand.top.wait):
            await self._give(hand, hand.top, replace_choice(hand.heard, choice.value, choice.label))
        else:
            await self._old_button(hand)

    async def _old_button(self, hand: _Hand[D]) -> None:
        log.info("an old button: person %d", hand.contact.person.id)
        await self._aside(hand, Line("turn.old_button", {}))

    async def _edited(self, hand: _Hand[D]) -> None:
        for place, record in enumerate(hand.state.stack):
            for answer in record.answers.values():
                if answer.heard.message == hand.heard.message:
                    answer.heard = hand.heard
                    del hand.state.stack[place + 1 :]
                    await self._run(hand, record, tried=hand.heard)
                    return
        await self._aside(hand, Line("turn.edited_late", {}))

    async def _steered(self, hand: _Hand[D]) -> bool:
        """取消, 返回 and 帮助 work at every question."""
        word = hand.desk.ear.fold(hand.said.text.strip())
        top = hand.top
        if word in _CANCEL:
            if top is None:
                hand.desk.reply(Line("turn.nothing_open", {}))
            else:
                hand.state.stack.pop()
                hand.desk.reply(Line("turn.cancelled", {"title": Phrase(f"{top.name}.title")}))
                await self._again(hand)
        elif word in _BACK:
            if top is None:
                hand.desk.reply(Line("turn.nothing_open", {}))
            elif top.back():
                await self._run(hand, top)
            else:
                await self._aside(hand, Line("turn.at_first", {}))
        elif word in _HELP:
            if top is None:
                await self._open(hand, "help", "", {})
            else:
                await self._aside(hand, Line("turn.help_here", {"help": Phrase(f"{top.name}.help")}))
        else:
            return False
        return True

    async def _answered(self, hand: _Hand[D]) -> bool:
        """Try the open question. What it cannot use goes on to the commands and the FAQ, and it is asked again."""
        top = hand.top
        if top is None or top.wait is None:
            return False
        heard = hand.heard
        text = hand.desk.ear.fold(hand.said.text.strip())
        picked = _picked(text, top.wait.choices, hand.desk.ear.fold)
        if picked is None:
            opened = self._book.opened_by(hand.said.text.strip())
            if hand.said.text.startswith("/") or (opened and not opened[1]):
                return False
            if top.wait.free and top.name != "faq" and (entry := self._sure_question(hand)) is not None:
                await self._open(hand, "faq", hand.said.text, {"entry": entry}, aside=True)
                return True
        else:
            heard = replace_choice(heard, *picked)
        await self._give(hand, top, heard)
        return True

    def _sure_question(self, hand: _Hand[D]) -> str | None:
        """The entry they clearly ask for. Words of trouble that only sound like a question, 灯咋灭了, answer ours."""
        if not hand.desk.ear.asks(hand.said.text):
            return None
        match = self._faq(hand.said.text, hand)
        if match.sure is None or hand.desk.ear.intent(hand.said).conversation != "faq":
            return None
        return match.sure.id

    def _faq(self, text: str, hand: _Hand[D]) -> Match:
        match = hand.desk.ear.faq(text, hand.desk.district.day(hand.desk.now))
        return match.within(hand.contact.person.grid)

    async def _fresh(self, hand: _Hand[D]) -> None:
        """Nothing open can use it: a link, a command, a keyword, a meaning, a question."""
        text = hand.said.text.strip()
        if choice := await self._typed_choice(hand.desk, hand.contact, text):
            await self._open(hand, choice.opens or "", "", choice.given)
        elif text.startswith("/start "):
            if linked := self._book.linked(text.removeprefix("/start ").strip()):
                await self._open(hand, linked[0].name, linked[1], {})
            else:
                await self._aside(hand, Line("turn.bad_link", {}))
        elif opened := self._book.opened_by(text):
            await self._open(hand, opened[0].name, opened[1], {})
        elif text.startswith("/"):
            await self._aside(hand, Line("turn.no_command", {}))
        else:
            await self._meant(hand, text)

    async def _meant(self, hand: _Hand[D], text: str) -> None:
        """What nobody named: do what is clearly meant, ask once when it is not, then find them somebody to ask."""
        deed = hand.desk.ear.deed(text)
        if deed and deed.conversation in self._book and self._book[deed.conversation].open_to(hand.contact.person):
            await self._open(hand, deed.conversation, text, dict(deed.given))
            return
        meant = hand.desk.ear.intent(hand.said)
        given = dict(meant.given)
        if meant.conversation == _UNSURE and "why" not in given:
            named = [each.name for each in self._book.named_in(text, hand.contact.person)]
            if wanted := [*dict.fromkeys([*named, *given.get("wanted", "").split()])][:3]:
                given["wanted"] = " ".join(wanted)
        if meant.conversation == _UNSURE and hand.state.unsure:
            given["again"] = "yes"
        await self._open(hand, meant.conversation, text, given)

    async def _typed_choice(self, desk: D, contact: Contact, text: str) -> Choice | None:
        """A button of our last message, typed by its number or its words: as good as a tap."""
        if not text or len(text) > _LONGEST_LABEL:
            return None
        folded = desk.ear.fold(text)
        for number, choice in enumerate(await desk.last_choices(contact), 1):
            if choice.opens and folded in (str(number), desk.ear.fold(choice.label)):
                return choice
        return None

    # Conversations on top of each other.

    async def _open(self, hand: _Hand[D], name: str, rest: str, given: Any, *, aside: bool = False) -> None:
        """Begin a conversation on top of what is open; an `aside` comes back to whatever that was."""
        if name not in self._book or not self._book[name].open_to(hand.contact.person):
            await self._aside(hand, Line("turn.not_for_you", {}))
            return
        hand.state.unsure = name == _UNSURE
        # Opened again while open: what was begun there is taken up no more.
        same = [record for record in hand.state.stack if record.name == name and record.given == dict(given)]
        hand.state.stack = [record for record in hand.state.stack if record not in same][-(DEEPEST - 1) :]
        if not aside:
            hand.state.stack = [record for record in hand.state.stack if not self._book[record.name].looks]
        record = Open(self._new_id(), name, msgspec.structs.replace(hand.heard, text=rest), dict(given))
        hand.state.stack.append(record)
        await self._run(hand, record)

    async def _give(self, hand: _Hand[D], record: Open, heard: Heard) -> None:
        if record.wait is None:
            raise LookupError(f"{record.name} is waiting for nothing")
        record.answers[record.wait.question] = Answer(heard, record.wait.shown)
        await self._run(hand, record, tried=heard)

    async def _run(self, hand: _Hand[D], record: Open, tried: Heard | None = None) -> None:
        """Run a story from its first line; it ends, or asks one more thing."""
        talk: Talk[D] = Talk(
            record,
            hand.contact.person,
            hand.desk,
            hand.desk.district,
            hand.desk.now,
            lambda text: self._faq(text, hand),
            lambda text: hand.desk.ear.kinds(text, hand.desk.district.day(record.opening.at)),
            lambda: self._book.listed(hand.contact.person),
        )
        try:
            fact = await self._book[record.name].story(talk)
        except Waiting as waiting:
            await self._ask(hand, record, talk.lines, waiting, tried)
            return
        except Refused as refused:
            self._reply_all(hand, talk.lines)
            await self._refused(hand, record, refused)
            return
        self._reply_all(hand, talk.lines)
        if fact is not None:
            try:
                await hand.desk.happen(fact)
            except Refused as refused:
                await self._refused(hand, record, refused)
                return
        hand.state.stack = [other for other in hand.state.stack if other is not record]
        if hand.desk.started_over:
            hand.state.stack.clear()
        await self._again(hand)

    async def _refused(self, hand: _Hand[D], record: Open, refused: Refused) -> None:
        """A rule said no: tell why; drop the one answer it is about and ask that again, or let the matter rest."""
        what = " ".join(record.given[name] for name in _IDS if name in record.given)
        log.info("refused %s: person %d, %s %s", refused.key, hand.contact.person.id, record.name, what)
        hand.desk.reply(Line(refused.key, refused.shown))
        if refused.answer in record.answers:
            record.drop(refused.answer)
            await self._run(hand, record)
        else:
            hand.state.stack = [other for other in hand.state.stack if other is not record]
            await self._again(hand)

    async def _ask(
        self, hand: _Hand[D], record: Open, lines: Sequence[Line], waiting: Waiting, tried: Heard | None
    ) -> None:
        before = record.wait
        record.wait = waiting.wait
        self._reply_all(hand, lines)
        if waiting.unclear is not None and tried is not None:
            if await self._meant_otherwise(hand, record):
                return
            record.wait.unclear = (before.unclear if before else 0) + 1
            hand.desk.reply(Line(waiting.unclear.key, waiting.unclear.shown))
            if record.wait.unclear > 1:
                hand.desk.reply(Line("turn.stuck", {}))
        # Typed instead of tapped, a choice is known by the label its reader saw.
        record.wait.choices = [(hand.desk.label(label), value) for label, value in waiting.choices]
        hand.desk.reply(
            Line(
                waiting.ask.name,
                waiting.shown,
                tuple(
                    Choice(label, value=value, talk=record.id, question=waiting.wait.question, shown=waiting.wait.shown)
                    for label, value in record.wait.choices
                ),
            )
        )

    async def _meant_otherwise(self, hand: _Hand[D], record: Open) -> bool:
        """What the open question cannot use may be a question of theirs: answer it, then ask again."""
        if hand.said.tap is not None or record.name == "faq" or not hand.said.text:
            return False
        meant = hand.desk.ear.intent(hand.said)
        closed = record.wait is not None and not record.wait.free
        if closed and meant.conversation == _REPORT and record.name in _ASIDES:
            # Trouble goes before what was only being looked at, which is not asked again.
            hand.state.stack = [other for other in hand.state.stack if other is not record]
            await self._open(hand, _REPORT, hand.said.text, dict(meant.given))
            return True
        if closed and meant.conversation != record.name and meant.conversation in _ASIDES:
            await self._open(hand, meant.conversation, hand.said.text, {"guessed": "yes"})
            return True
        # 修路 or 12345 alone is an answer that does not fit, and no question.
        if not hand.desk.ear.asks(hand.said.text):
            return False
        match = self._faq(hand.said.text, hand)
        if match.sure is None:
            return False
        await self._open(hand, "faq", hand.said.text, {"entry": match.sure.id}, aside=True)
        return True

    async def _aside(self, hand: _Hand[D], line: Line) -> None:
        """Say something that is no step of any conversation, then come back to the open question."""
        hand.desk.reply(line)
        await self._again(hand)

    async def _again(self, hand: _Hand[D]) -> None:
        if hand.top is not None:
            await self._run(hand, hand.top)

    @staticmethod
    def _reply_all(hand: _Hand[D], lines: Iterable[Line]) -> None:
        for line in lines:
            hand.desk.reply(line)


def replace_choice(heard: Heard, value: str | None, label: str) -> Heard:
    """What was heard, as the choice it stands for."""
    return msgspec.structs.replace(heard, choice=value, text=label)


def _answers(choice: Choice, open_: Open, wait: Wait) -> bool:
    """Whether a button belongs to the question now open, as it is shown now: an old 是 agrees to nothing new."""
    here = (open_.id, wait.question, wait.shown) == (choice.talk, choice.question, choice.shown)
    return here and choice.value in [value for _, value in wait.choices]


def _picked(text: str, choices: Sequence[tuple[str, str]], fold: Callable[[str], str]) -> tuple[str, str] | None:
    """The choice typed instead of tapped, by its number or its words, as (value, label)."""
    for number, (label, value) in enumerate(choices, 1):
        if text in (str(number), fold(label)):
            return value, label
    for labels, said in (_YES, _NO):
        if text.rstrip("。.!！~，, 的呢啊呀") in said:
            return next(((value, label) for label, value in choices if fold(label) in labels), None)
    return None


def clean(text: str) -> str:
    """Words as every database keeps and every screen shows them: no half characters, nothing that steers a screen."""
    whole = text.encode("utf-8", "ignore").decode()
    return "".join(each for each in whole if (each >= " " or each in "\n\t") and each not in _STEERING)


def _heard(said: Said) -> Heard:
    return Heard(
        said.at,
        said.text.strip(),
        photos=said.photos,
        position=said.position,
        phone=said.phone,
        message=said.id.split("#")[0],
    )


def _together(held: Sequence[Said]) -> Said | None:
    """Several messages as one: said a hundred times, one sentence is still one sentence."""
    if not held:
        return None
    text = "\n".join(dict.fromkeys(each.text.strip() for each in held if each.text.strip()))
    photos = tuple(photo for each in held for photo in each.photos)[:MOST_PHOTOS]
    return replace(
        held[-1],
        text=text,
        photos=photos,
        position=next((each.position for each in held if each.position), None),
        # One photo of an album that cannot be used does not spoil the others.
        odd=None if text or photos else held[-1].odd,
        edited=False,
    )


def _state(contact: Contact) -> State:
    return msgspec.json.decode(contact.state, type=State) if contact.state else State()
