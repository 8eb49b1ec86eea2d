"""The desk: everything one transaction can look up, write down and send out. Services and stories work at it."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence, Set
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Generic, NamedTuple, TypeVar

import msgspec

from bot.core.outbox import POLICIES
from bot.core.ports import Contact, Ear
from bot.core.render import Phrase, render, words
from bot.core.rules import Rules
from bot.core.talk import Line
from bot.core.texts import Texts
from bot.core.turn import FLOOD_WINDOW, Paused
from bot.core.words import Address, Allowance, Choice, Kind, Reply, Said
from domain.areas import Extent, prefix
from domain.councils import Electorate
from domain.district import District, Entry
from domain.faq import Settling
from domain.people import Person
from storage.admissions import AdmissionStore
from storage.audience import voted_in
from storage.ballots import BallotStore
from storage.budget import BudgetStore
from storage.cases import CaseStore
from storage.catalogue import CatalogueStore
from storage.corrections import CorrectionStore
from storage.database import Connection, Database, Ride
from storage.demands import DemandStore
from storage.dues import DueStore
from storage.editions import EditionStore
from storage.files import Album, FileStore, name
from storage.handovers import HandoverStore
from storage.heard import HeardStore
from storage.keys import Keys
from storage.last_words import LastWordsStore
from storage.leaves import LeaveStore
from storage.letters import LetterStore
from storage.matter_leaves import LeafStore
from storage.matters import MatterStore
from storage.mediation import MediationStore
from storage.outbox import Claimed, OutboxStore, TellOn
from storage.papers import PaperStore
from storage.patrols import PatrolStore
from storage.people import Contact as Chat
from storage.people import PeopleStore
from storage.pictures import PictureStore
from storage.questions import QuestionStore
from storage.rosters import RosterStore
from storage.sessions import SessionStore
from storage.statistics import StatisticsStore
from storage.visits import VisitStore
from storage.voices import VoiceStore
from storage.whistles import WhistleStore

T = TypeVar("T")

# What has waited longer than this after its time has come late: the service was down, or the platform.
LATE = timedelta(minutes=10)
_LONGEST_SHARED, _MOST_CHOICES, _MOST_PHOTOS = 3000, 8, 9

# The commands a person is offered: (command, text key of its title).
Menu = Callable[[Person], Sequence[tuple[str, str]]]


class Desk:
    """One transaction at work. `now` stands still while it lasts."""

    def __init__(
        self,
        connection: Connection,
        now: datetime,
        texts: Texts,
        district: District,
        rules: Rules,
        new_id: Callable[[], str],
        album: Album,
        menu: Menu,
        keys: Keys,
        ear: Ear,
    ) -> None:
        self._db = connection
        self._rules = rules
        self.now = now
        self.texts = texts
        self.district = district
        self.new_id = new_id
        self.album = album
        self._menu = menu
        self.keys = keys
        self.ear = ear
        # Platforms for which something was put in line; None stands for all of them.
        self.queued: set[str | None] = set()
        self._speaker: Chat | None = None
        self._served: Person | None = None
        self._language_changed = False
        self.started_over = False
        # Messages a second, by platform, where there is a limit.
        self.paces: Mapping[str, float] = {}
        self._lines: list[Line] = []

    @cached_property
    def people(self) -> PeopleStore:
        return PeopleStore(self._db, self.now, self.district.timezone)

    @cached_property
    def cases(self) -> CaseStore:
        return CaseStore(self._db, self.now, self.district.timezone)

    @cached_property
    def admissions(self) -> AdmissionStore:
        return AdmissionStore(self._db, self.now)

    @cached_property
    def catalogue(self) -> CatalogueStore:
        return CatalogueStore(self._db, self.now)

    @cached_property
    def editions(self) -> EditionStore:
        return EditionStore(self._db, self.now)

    @cached_property
    def corrections(self) -> CorrectionStore:
        return CorrectionStore(self._db, self.now)

    @cached_property
    def whistles(self) -> WhistleStore:
        return WhistleStore(self._db, self.now)

    @cached_property
    def demands(self) -> DemandStore:
        return DemandStore(self._db, self.now)

    @cached_property
    def questions(self) -> QuestionStore:
        return QuestionStore(self._db, self.now)

    @cached_property
    def handovers(self) -> HandoverStore:
        return HandoverStore(self._db, self.now)

    @cached_property
    def statistics(self) -> StatisticsStore:
        return StatisticsStore(self._db, self.now, self.district.timezone)

    @cached_property
    def pictures(self) -> PictureStore:
        return PictureStore(self._db, self.now)

    @cached_property
    def leaves(self) -> LeaveStore:
        return LeaveStore(self._db, self.now)

    @cached_property
    def budget(self) -> BudgetStore:
        return BudgetStore(self._db, self.now)

    @cached_property
    def patrols(self) -> PatrolStore:
        return PatrolStore(self._db, self.now)

    @cached_property
    def visits(self) -> VisitStore:
        return VisitStore(self._db, self.now)

    @cached_property
    def last_words(self) -> LastWordsStore:
        return LastWordsStore(self._db, self.now)

    @cached_property
    def letters(self) -> LetterStore:
        return LetterStore(self._db, self.now)

    @cached_property
    def mediations(self) -> MediationStore:
        return MediationStore(self._db, self.now)

    @cached_property
    def sessions(self) -> SessionStore:
        return SessionStore(self._db, self.now)

    @cached_property
    def ballots(self) -> BallotStore:
        return BallotStore(self._db, self.now)

    @cached_property
    def matters(self) -> MatterStore:
        return MatterStore(self._db, self.now)

    @cached_property
    def filed(self) -> LeafStore:
        return LeafStore(self._db, self.now)

    @cached_property
    def voices(self) -> VoiceStore:
        return VoiceStore(self._db, self.now)

    @cached_property
    def papers(self) -> PaperStore:
        return PaperStore(self._db, self.now)

    @cached_property
    def rosters(self) -> RosterStore:
        return RosterStore(self._db, self.now)

    @cached_property
    def dues(self) -> DueStore:
        return DueStore(self._db, self.now)

    @cached_property
    def heard(self) -> HeardStore:
        return HeardStore(self._db, self.now)

    @cached_property
    def outbox(self) -> OutboxStore:
        return OutboxStore(self._db, self.now, self.keys.show)

    @cached_property
    def files(self) -> FileStore:
        return FileStore(self._db, self.now)

    # What a turn asks (bot.core.ports.Desk).

    async def hear(self, said: Said) -> Contact | None:
        new, *found = await self._db.together(self.heard.remember(said), *self.people.whose(said.address))
        if new.first() is None:
            return None
        self._speaker = await self.people.met(said.address, found)
        return self._speaker

    async def meet(self, address: Address) -> Contact:
        self._speaker = await self.people.meet(address)
        return self._speaker

    async def allow(self, contact: Contact, allowance: Allowance) -> None:
        await self.people.allow(contact.id, allowance.messages, self.now + allowance.lasts)

    async def keep(self, contact: Contact, state: str) -> None:
        await self.people.keep(contact.id, state)

    async def choices(self, contact: Contact, message: int) -> tuple[Choice, ...]:
        return await self.outbox.choices(contact.id, message)

    async def last_choices(self, contact: Contact) -> tuple[Choice, ...]:
        return await self.outbox.last_choices(contact.id)

    async def hold(self, said: Said, contact: Contact, held: int) -> None:
        await self.heard.hold(said, contact.id)
        await self.plan(Paused(said.address, held), self.now + FLOOD_WINDOW, key=f"paused:{self.new_id()}")

    async def release(self, contact: Contact) -> list[Said]:
        return await self.heard.release(contact.id)

    async def park(self, said: Said, trouble: str) -> None:
        await self.heard.park(trouble, msgspec.json.encode(said))

    def label(self, key: str) -> str:
        language = self._speaker.person.language if self._speaker else "zh"
        return self.texts.say(key, language) if key in self.texts else self.texts.script(key, language)

    def reply(self, line: Line) -> None:
        self._lines.append(line)

    async def answer(self) -> None:
        """Queue what was said to whoever speaks; lines with nothing hanging under them share a message."""
        if self._speaker is None:
            return
        language = self._speaker.person.language
        if self._language_changed and (person := await self.people.get(self._speaker.person.id)):
            language = person.language
        gathered: list[Reply] = []
        for line in self._lines:
            reply = render(line, self.texts, language, self.district.timezone)
            if gathered and not gathered[-1].choices and not (gathered[-1].photos and reply.photos):
                above = gathered.pop()
                gap = "\n" if len(above.text) < 40 else "\n\n"
                reply = Reply(above.text + gap + reply.text, reply.choices, above.photos + reply.photos)
            gathered.append(reply)
        self._lines = []
        for reply in gathered:
            await self.outbox.queue(self._speaker.id, Kind.REPLY, reply)
            self.queued.add(self._speaker.address.platform)

    # What a page asks.

    def serve(self, person: Person) -> None:
        """Somebody acts on a page: what they are told is said there and not in their chat, unless it is a push."""
        self._served = person

    def said(self) -> list[str]:
        """What was said to whoever acts on a page, in their language."""
        language = self._served.language if self._served else "zh"
        lines, self._lines = self._lines, []
        return [render(line, self.texts, language, self.district.timezone).text for line in lines]

    # What services do.

    async def happen(self, fact: object) -> None:
        """Let a fact come true, all of it or nothing.

        Raises:
            Refused: a rule forbids it; what was written and said for it is taken back.
        """
        async with self.undoing():
            await self._rules.happen(fact, self)

    def waits_for(self, fact: type) -> bool:
        """Whether a rule waits for such a fact."""
        return self._rules.wait_for(fact)

    @asynccontextmanager
    async def undoing(self) -> AsyncIterator[None]:
        """What is written and said in the block is taken back if it raises."""
        said_before = len(self._lines)
        try:
            async with self._db.begin_nested():
                yield
        except Exception:
            del self._lines[said_before:]
            raise

    async def tell(
        self,
        person_id: int | None,
        key: str,
        /,
        *,
        kind: Kind = Kind.NOTICE,
        once: str | None = None,
        topic: str | None = None,
        choices: Sequence[Choice] = (),
        photos: Sequence[str] = (),
        **shown: object,
    ) -> bool:
        """Tell somebody something, in their language, where they last wrote from; False when they have no chat.

        Of several messages of one `topic` that have to wait, only the newest is sent. To whoever speaks just now it
        is part of the answer, unless it is a push.
        """
        line = Line(key, shown, tuple(choices), tuple(photos))
        if person_id is None:
            return False
        listening = self._speaker.person if self._speaker else self._served
        if listening is not None and listening.id == person_id and kind is not Kind.PUSH:
            self.reply(line)
            return True
        found = await self.people.chat_of(person_id)
        if found is None:
            return False
        contact_id, language, platform = found
        self.queued.add(platform)
        return await self.outbox.queue(
            contact_id,
            kind,
            render(line, self.texts, language, self.district.timezone),
            once=once,
            topic=topic,
            due_at=self.awake(kind),
        )

    async def tell_area(
        self,
        area: str | Extent,
        key: str,
        /,
        *,
        once: str,
        kind: Kind = Kind.REMINDER,
        choices: Sequence[Choice] = (),
        photos: Sequence[str] = (),
        not_voted_in: int | None = None,
        without: int | None = None,
        until: datetime | None = None,
        electorate: Electorate = Electorate.RESIDENTS,
        **shown: object,
    ) -> int:
        """Tell every resident of an area or an estate, once each; after `until` it is not worth saying.

        `electorate`: with those of its rosters who live elsewhere, or the members of its council alone.
        `not_voted_in`: only those who have not voted in that ballot yet; `without`: not this one person. What would
        come only after `until` is said at once, quiet hours or not. Returns how many are told.
        """
        extent = area if isinstance(area, Extent) else Extent(area)
        due_at = self.awake(kind)
        if until is not None and due_at >= until:
            due_at = self.now
        line = Line(key, shown, tuple(choices), tuple(photos))
        # Only what somebody among them reads: the dictionary of Traditional script alone takes 44 MB.
        reading = await self.people.languages(electorate, extent)
        replies = {each: render(line, self.texts, each, self.district.timezone) for each in {"zh", *reading}}
        members = electorate is Electorate.MEMBERS
        await self.tell_on(
            TellOn(
                prefix(extent.area),
                kind,
                replies,
                once,
                due_at,
                until,
                not_voted_in,
                electorate=electorate,
                area=extent.area,
                beyond=members,
                grids=extent.grids,
                estate=extent.estate,
                without=without,
            )
        )
        return sum((await self.people.reachable(electorate, extent)).values())

    async def tell_on(self, rest: TellOn) -> None:
        """Tell some thousands of an area's residents, and plan to go on with the others: nobody waits for them all."""
        last = await self.outbox.queue_for_residents(
            rest, unless=None if rest.not_voted_in is None else voted_in(rest.not_voted_in, rest.electorate)
        )
        self.queued.add(None)
        if last is not None:
            where = "beyond" if rest.beyond else "after"
            await self.plan(replace(rest, after=last), self.now, key=f"{rest.once}:{where}:{last[1]}")
        elif not rest.beyond and rest.electorate is not Electorate.RESIDENTS:
            await self.tell_on(replace(rest, beyond=True, after=("", 0)))

    async def last_given(self, name: str) -> str | None:
        """What the buttons under the last message to whoever speaks are about: a ballot's number, say."""
        if self._speaker is None:
            return None
        offered = await self.outbox.last_choices(self._speaker.id)
        return next((choice.given[name] for choice in offered if name in choice.given), None)

    def takes(self, reach: Mapping[str, int]) -> float:
        """How many seconds it takes to tell so many people by platform, nothing else being sent meanwhile."""
        return max((number / self.paces[each] for each, number in reach.items() if each in self.paces), default=0.0)

    async def keep_picture(self, png: bytes) -> str:
        """Store a small picture of our own within this transaction; returns its digest.

        Raises:
            OSError: it cannot be stored just now.
        """
        digest = hashlib.sha256(png).hexdigest()
        # Noted first: a sweep that is just taking the same picture is waited for, and it is put there anew.
        await self.files.note(digest, len(png))
        await self.album.store.put(name(digest), png)
        return digest

    async def tell_menu(self, person_id: int) -> None:
        """Let the platforms show somebody the commands that are theirs, in every chat they have."""
        person = await self.people.get(person_id)
        if person is None:
            return
        menu = tuple((command, self.texts.say(title, person.language)) for command, title in self._menu(person))
        for contact_id in await self.people.contacts(person_id):
            await self.outbox.queue(contact_id, Kind.MENU, Reply("", menu=menu))
            self.queued.add(None)

    async def claim(self, way: str, limit: int, busy: Iterable[int]) -> list[Claimed]:
        """Take what is to be sent now; routine messages that come late, or on one topic, become one."""
        claimed = await self.outbox.claim(way, limit, busy)
        whole = [await self._folded(each) if each.routine else each for each in claimed]
        # Last of all: what is folded into one message is kept again.
        return [replace(each, outgoing=self.outbox.opened(each.outgoing)) for each in whole]

    async def _folded(self, first: Claimed) -> Claimed:
        late = first.due_at < self.now - LATE
        if not late and first.topic is None:
            return first
        waiting = await self.outbox.waiting_with(first)
        together = [first, *(each for each in waiting if late or each.topic == first.topic)]
        # Of each matter the newest news, in the order they came.
        newest = {each.topic or str(each.outgoing.id): each for each in together}
        shared, said = _shared([each.outgoing.reply for each in newest.values()])
        covered = {topic for topic, _ in zip(newest, range(said), strict=False)}
        gone = [each for each in together if (each.topic or str(each.outgoing.id)) in covered and each is not first]
        if not gone:
            return first
        above = Phrase("outbox.late") if said > 1 else Phrase("outbox.news", {"count": len(gone) + 1})
        header = words(above, self.texts, first.language, self.district.timezone)
        reply = replace(shared, text=f"{header}\n\n{shared.text}")
        await self.outbox.fold(first.outgoing.id, reply, [each.outgoing.id for each in gone])
        return replace(first, outgoing=replace(first.outgoing, reply=reply))

    async def plan(self, fact: object, at: datetime, *, key: str) -> None:
        """Let a fact come true at a time; the same key twice is planned once."""
        await self.dues.plan(key, type(fact).__name__, msgspec.json.encode(fact).decode(), at)

    async def entry(self, entry_id: str) -> Entry | None:
        """An FAQ entry, the district's or one that staff wrote and nobody has taken back; None when there is none."""
        if own := next((entry for entry in self.district.entries if entry.id == entry_id), None):
            return own
        number = entry_id.removeprefix("answer-")
        answer = await self.questions.answer(int(number)) if number != entry_id and number.isdecimal() else None
        return answer.as_entry() if answer and answer.kind is Settling.ENTRY and not answer.withdrawn else None

    def language_changed(self) -> None:
        """Whoever speaks may read another language from this answer on."""
        self._language_changed = True

    @property
    def chat(self) -> int | None:
        """The chat being spoken in."""
        return self._speaker.id if self._speaker else None

    def awake(self, kind: Kind) -> datetime:
        """Now, or for what can wait, the end of the quiet hours."""
        if not POLICIES[kind].quiet:
            return self.now
        local = self.now.astimezone(self.district.timezone)
        begins, ends = self.district.quiet_from, self.district.quiet_until
        if begins <= local.time() or local.time() < ends:
            morning = local.replace(hour=ends.hour, minute=ends.minute, second=0, microsecond=0)
            return morning + timedelta(days=1) if begins <= local.time() else morning
        return self.now


def _shared(replies: Sequence[Reply]) -> tuple[Reply, int]:
    """One message in place of several, and how many of them fitted in; buttons say which they belong to."""
    several = len(replies) > 1
    text, choices, photos = "", list[Choice](), list[str]()
    for number, reply in enumerate(replies, 1):
        part = f"{number}. {reply.text}" if several else reply.text
        full = len(text) + len(part) > _LONGEST_SHARED or len(choices) + len(reply.choices) > _MOST_CHOICES
        if number > 1 and (full or len(photos) + len(reply.photos) > _MOST_PHOTOS):
            return Reply(text, tuple(choices), tuple(photos)), number - 1
        text += f"\n\n{part}" if text else part
        choices += [replace(each, label=f"{each.label}（{number}）") if several else each for each in reply.choices]
        photos += reply.photos
    return Reply(text, tuple(choices), tuple(photos)), len(replies)


class Done(NamedTuple, Generic[T]):
    """What came of some work, the platforms it put something in line for, and its commit where that is shared."""

    result: T
    queued: set[str | None]
    commit: int | None


class Desks:
    """Opens desks, one transaction each, and calls the sender when something was queued."""

    def __init__(
        self,
        database: Database,
        texts: Texts,
        district: District,
        rules: Rules,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        album: Album,
        menu: Menu,
        keys: Keys,
        ear: Ear,
    ) -> None:
        self.database = database
        self.texts = texts
        self.district = district
        self.rules = rules
        self.clock = clock
        self.new_id = new_id
        self.album = album
        self._menu = menu
        self.keys = keys
        self.ear = ear
        self.paces: dict[str, float] = {}
        # Told the platforms for which something was put in line, and in which commit, where commits are shared.
        self.on_queued: Callable[[Set[str | None], int | None], None] = lambda _platforms, _commit: None

    def at(self, connection: Connection, district: District | None = None) -> Desk:
        """A desk as things stand; `district`: as if that one were in force already."""
        desk = Desk(
            connection,
            self.clock(),
            self.texts,
            district or self.district,
            self.rules,
            self.new_id,
            self.album,
            self._menu,
            self.keys,
            self.ear,
        )
        desk.paces = self.paces
        return desk

    def become(self, district: District, ear: Ear) -> None:
        """From the next desk on this district is served; those at work go on as they began."""
        self.district, self.ear = district, ear

    async def write(self, work: Callable[[Desk], Awaitable[T]]) -> T:
        """Do some work at a desk: all of it is kept once this returns, nothing of it if it raises."""
        result, queued, commit = await self.database.write(self._at_a_desk(work))
        if queued:
            self.on_queued(queued, commit)
        return result

    def ride(self, work: Callable[[Desk], Awaitable[T]], platforms: Set[str]) -> Ride[Done[T]]:
        """Do some work along with the next that puts something in line for these platforms; it puts nothing in line."""
        return self.database.ride(self._at_a_desk(work), platforms)

    def _at_a_desk(self, work: Callable[[Desk], Awaitable[T]]) -> Callable[[Connection], Awaitable[Done[T]]]:
        async def at_a_desk(connection: Connection) -> Done[T]:
            desk = self.at(connection)
            result = await work(desk)
            return Done(result, desk.queued, self.database.announce(desk.queued, connection))

        return at_a_desk

    async def read(self, work: Callable[[Desk], Awaitable[T]]) -> T:
        """Look things up at a desk; nothing written at it is kept."""
        return await self.database.read(lambda connection: work(self.at(connection)))
