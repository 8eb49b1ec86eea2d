"""Plays a transcript: people talk to the real service over a real database, with the clock in our hand.

Its signs, one a line:
    @ wang 居民 <grid>      who somebody is, and the area their role is for
    wang> words             said to us; [接单] is a button they have; <photo words>, <voice>, <position>, <2500 字>
    wang> 100× words        said that often, all at once
    wang> 查票 <回执>        the receipt they were last told
    wang> 签到 <签到码 zhou>  the code of a meeting's door, as zhou was shown it
    wang< line              what we say, line by line; buttons at the end; … stands for anything
    * 名册 <area> 户|姓名|面积|电话; …   the roster of an area; <area>/幸福里 of an estate in it
    + 2 天                  the clock moves on, and the bell rings
    = case place | words | status        what must now be so; also: cases N, questions N, parked N, link a b,
                            invite a b (the code a was told last is typed by b; invite a b 2: the second in it),
                            corrections category | words
"""

import asyncio
import io
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

from PIL import Image

from bot.app import Knowledge, Service, build
from bot.core.words import Address, Kind, Odd, Outgoing, Position, Said, Tap
from bot.sender import Sender
from config.settings import Settings
from domain.cases import OfficeTaken, Status
from domain.people import Role
from domain.rosters import RosterImported
from services.roster_file import read as read_roster
from storage.desk import Desk

START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
_ROLES = {
    "居民": None,
    "网格员": Role.GRIDWORKER,
    "网格长": Role.GRID_LEADER,
    "社区": Role.COMMUNITY,
    "街道": Role.STREET,
    "区": Role.DISTRICT,
    "部门": Role.DEPARTMENT,
    "主持人": Role.COUNCIL_HOST,
    "成员": Role.COUNCIL_MEMBER,
    "调解员": Role.MEDIATOR,
}
_UNITS = {
    "秒": timedelta(seconds=1),
    "分钟": timedelta(minutes=1),
    "小时": timedelta(hours=1),
    "天": timedelta(days=1),
}
_BUTTON = re.compile(r"\s{2}\[(.+)\]$")


@dataclass
class Phone:
    """What one person has received, and how far the transcript has read it."""

    after: int = 0
    unread: list[str] = field(default_factory=list)
    messages: list[Outgoing] = field(default_factory=list)
    photos: list[str] = field(default_factory=list)


class Stage:
    """The service with people around it; `restart` makes every turn meet a new process."""

    def __init__(self, settings: Settings, knowledge: Knowledge, *, restart: bool) -> None:
        self._settings = settings
        self.knowledge = knowledge
        self._restart = restart
        self.now = START
        self._numbers = count(1)
        self._phones: dict[str, Phone] = {}
        self.service = self._build()
        self._texts: dict[str, str] = {}

    def _build(self) -> Service:
        return build(
            self._settings,
            clock=lambda: self.now,
            new_id=lambda: f"id{next(self._numbers)}",
            knowledge=self.knowledge,
        )

    async def close(self) -> None:
        await self.service.desks.database.close()

    def address(self, who: str) -> Address:
        return Address("web", "chat", who)

    async def introduce(self, who: str, role: str, area: str | None, department: str | None = None) -> None:
        async def settle(desk: Desk) -> None:
            listed = await desk.people.serving(area, [Role.GRIDWORKER]) if area and role == "网格员" else []
            if listed:
                await desk.people.bind(self.address(who), listed[0].id)
            person = (await desk.people.meet(self.address(who))).person
            if not listed and (held := _ROLES[role]) and area:
                await desk.people.change(person.id, name=who)
                await desk.people.grant(person.id, held, area, department)
                if held is Role.GRIDWORKER:
                    await desk.happen(OfficeTaken(person.id, area))
            elif not listed and area:
                await desk.people.change(person.id, grid=area)

        await self.service.desks.write(settle)
        self._phones[who] = Phone()

    async def roster(self, whose: str, households: str) -> None:
        """Households as 户|姓名|面积|电话, one after the other between semicolons."""
        lines = ["户名,姓名,面积,电话", *(each.strip().replace("|", ",") for each in households.split(";"))]
        rows = read_roster("\n".join(lines).encode())
        area, _, estate = whose.partition("/")
        await self.service.desks.write(lambda desk: desk.happen(RosterImported(None, area, rows, estate)))

    async def say(self, who: str, words: str) -> None:
        if self._restart:
            await self.close()
            self.service = self._build()
            await self.service.editions.refresh()
            await self.service.answers.refresh()
        self._phones.setdefault(who, Phone())
        words = words.replace("<回执>", self._receipt(who)) if "<回执>" in words else words
        words = re.sub(r"<签到码 (\w+)>", lambda found: self._door(found[1]), words)
        times = 1
        if match := re.match(r"(\d+)× ", words):
            times, words = int(match[1]), words[match.end() :]
        if match := re.fullmatch(r"<album (\d+) (.*)>", words):
            photos = [await self._said(who, "<photo>") for _ in range(int(match[1]))]
            said = [_with(photo, album="g1", text=match[2] if photo is photos[0] else "") for photo in photos]
        else:
            said = [await self._said(who, words) for _ in range(times)]
        await asyncio.gather(*(self.service.turns.take(each) for each in said))
        await self._settle()
        self.now += timedelta(seconds=3)

    async def _said(self, who: str, words: str) -> Said:
        number = str(next(self._numbers))
        base = Said(self.address(who), f"{who}-{number}", self.now)
        if words.startswith("[") and words.endswith("]"):
            message, place = self._find_button(who, words[1:-1])
            return _with(base, tap=Tap(message, place))
        if match := re.fullmatch(r"<(\d+) 字>", words):
            return _with(base, text="长" * int(match[1]))
        if match := re.fullmatch(r"<(\w+)(?: (.*))?>", words):
            return await self._odd(base, match[1], match[2] or "")
        return _with(base, text=words.replace("⏎", "\n"))

    def _receipt(self, who: str) -> str:
        shown = " ".join(message.reply.text for message in self._phones[who].messages)
        return str(re.findall(r"回执号(?:还是)?：([A-Z2-9-]{14})", shown)[-1])

    def _door(self, host: str) -> str:
        """The code of a meeting's door, as its host was shown it."""
        shown = " ".join(message.reply.text for message in self._phones[host].messages)
        return str(re.findall(r"的签到码：(\w+)", shown)[-1])

    async def _odd(self, base: Said, what: str, words: str) -> Said:
        if what == "photo":
            digest = await self.service.desks.album.keep(_picture(base.id))
            await self.service.desks.write(lambda desk: desk.files.note(digest, 1))
            return _with(base, photos=(digest,), text=words)
        if what == "position":
            return _with(base, position=Position(47.35, 123.95))
        if what == "phone":
            return _with(base, phone=words)
        if what == "empty":
            return base
        return _with(base, odd=Odd(what))

    def _find_button(self, who: str, label: str) -> tuple[int, int]:
        for message in reversed(self._phones[who].messages):
            for place, choice in enumerate(message.reply.choices):
                if choice.label == label:
                    return message.id, place
        raise AssertionError(f"{who} has no button [{label}]")

    async def wait(self, number: int, unit: str) -> None:
        self.now += number * _UNITS[unit]
        await self._settle()

    async def _settle(self) -> None:
        await self.service.bell.ring()
        await Sender(self.service.desks, self.service.adapters, lambda: 0.0).deliver()
        await self.service.desks.read(self._read)

    async def _read(self, desk: Desk) -> None:
        for who, phone in self._phones.items():
            contact = await desk.people.find(self.address(who))
            if contact is None:
                continue
            for number, outgoing in await desk.outbox.lying(contact, phone.after, limit=5000):
                phone.after = number
                if outgoing.kind is not Kind.MENU:
                    phone.messages.append(outgoing)
                    phone.photos += outgoing.reply.photos
                    phone.unread += _lines(outgoing)

    def heard(self, who: str) -> list[str]:
        return self._phones[who].unread

    async def link(self, giver: str, taker: str) -> None:
        """The code shown to one is typed by the other."""
        shown = self._phones[giver].messages[-1].reply.text
        code = re.search(r"[A-Z2-9]{10}", shown)
        assert code, shown
        await self.say(taker, code[0])

    async def invite(self, giver: str, taker: str, place: int = -1) -> None:
        """The code one was told last, or the nth in it, is typed by another."""
        told = [message.reply.text for message in self._phones[giver].messages]
        codes = next(found for text in reversed(told) if (found := re.findall(r"：([A-Z2-9]{10})", text)))
        await self.say(taker, codes[place - 1 if place > 0 else -1])

    async def check(self, words: str) -> None:
        """`case <place> | <words> | <status>`, `cases 3`, `questions 2`, `parked 0`."""
        what, _, rest = words.partition(" ")

        async def check(desk: Desk) -> None:
            if what == "case":
                place, said, status = (part.strip() for part in rest.split("|"))
                cases = await desk.cases.in_area(self.knowledge.district.code, list(Status), limit=1000)
                found = [(case.place, case.words, str(case.status)) for case in cases]
                assert (place, said, status) in found, found
            elif what == "cases":
                cases = await desk.cases.in_area(self.knowledge.district.code, list(Status), limit=1000)
                assert len(cases) == int(rest), [case.number for case in cases]
            elif what == "corrections":
                category, said = (part.strip() for part in rest.split("|"))
                kept = [(desk.district.category(code).name, words) for code, words in await desk.corrections.all()]
                assert (category, said) in kept, kept
            elif what == "parked":
                assert len(await desk.heard.parked()) == int(rest)
            elif what == "questions":
                assert await desk.questions.count() == int(rest)
            else:
                raise AssertionError(f"no such check: {words}")

        await self.service.desks.read(check)


async def play(name: str, transcript: str, stage: Stage) -> None:
    """Play a transcript from its first line to its last."""
    waiting: set[str] = set()
    for number, line in enumerate(transcript.splitlines(), 1):
        where = f"{name}:{number}"
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("@ "):
            who, role, *area = line[2:].split()
            await stage.introduce(who, role, area[0] if area else None, *area[1:])
        elif line.startswith("* 名册 "):
            code, _, households = line[5:].partition(" ")
            await stage.roster(code, households)
        elif line.startswith("+ "):
            _nothing_left(stage, waiting, where)
            amount, unit = line[2:].split()
            await stage.wait(int(amount), unit)
        elif line.startswith("= link "):
            await stage.link(*line.split()[2:])
        elif line.startswith("= invite "):
            giver, taker, *place = line.split()[2:]
            _nothing_left(stage, waiting, where)
            waiting.add(taker)
            await stage.invite(giver, taker, *map(int, place))
        elif line.startswith("= "):
            await stage.check(line[2:])
        elif match := re.match(r"(\w+)> ?(.*)", line):
            _nothing_left(stage, waiting, where)
            waiting.add(match[1])
            await stage.say(match[1], match[2])
        elif match := re.match(r"(\w+)< *(.*)", line):
            waiting.add(match[1])
            unread = stage.heard(match[1])
            assert unread, f"{where}: {match[1]} 没有收到：{match[2]}"
            if match[2] == "…":
                unread.clear()
                continue
            got = unread.pop(0)
            assert _same(match[2], got), f"{where}:\n  应为 {match[2]}\n  实为 {got}"
        else:
            raise AssertionError(f"{where}: 看不懂 {line}")
    _nothing_left(stage, waiting, name)


def _nothing_left(stage: Stage, people: set[str], where: str) -> None:
    for who in sorted(people):
        assert not stage.heard(who), f"{where}: {who} 还收到：\n  " + "\n  ".join(stage.heard(who))


def _lines(outgoing: Outgoing) -> list[str]:
    reply = outgoing.reply
    lines = [line.rstrip() for line in reply.text.splitlines() if line.strip()] or [""]
    if reply.photos:
        lines[-1] += f"  <{len(reply.photos)} photo>"
    if reply.choices:
        lines[-1] += "  " + " ".join(f"[{choice.label}]" for choice in reply.choices)
    return lines


def _same(wanted: str, got: str) -> bool:
    pattern = "".join(".*" if part == "…" else re.escape(part) for part in re.split("(…)", wanted.strip()))
    return re.fullmatch(pattern, got, re.DOTALL) is not None


def _with(said: Said, **changes: object) -> Said:
    from dataclasses import replace

    return replace(said, **changes)  # type: ignore[arg-type]


def _picture(seed: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), (hash_of(seed) % 255, 120, 90)).save(out, "JPEG")
    return out.getvalue()


def hash_of(words: str) -> int:
    return sum(map(ord, words)) * 31
