"""Staff see what residents of their areas asked in vain, and answer once for everybody, as they do in their chat."""

from datetime import date
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from bot.core.render import Phrase, words
from domain.district import Entry, answer_for
from domain.faq import AnswerWithdrawn, Cluster, QuestionsSettled, Settling, in_force
from domain.people import STAFF, Person
from services.questions import LONGEST_ANSWER, as_read
from storage.desk import Desk
from web.cursor import Cursor, Limit, Next, opened, sealed
from web.gate import Gate, Problem, Route, asked


class Shown(msgspec.Struct):
    """给提问的人看过的一条问答。"""

    entry: Annotated[str, Meta(description="问答的编号")]
    question: Annotated[str, Meta(description="它的问题")]
    useful: Annotated[int, Meta(description="几个人说有用")]
    useless: Annotated[int, Meta(description="几个人说没答上")]


class Asked(msgspec.Struct):
    """一组同类问题。"""

    id: Annotated[int, Meta(description="这一组的编号")]
    askers: Annotated[int, Meta(description="几个人问过")]
    words: Annotated[str, Meta(description="最近一次的问法，号码和网址已隐去")]
    wordings: Annotated[list[str], Meta(description="不同的问法，最多 5 种，新的在前")]
    shown: Annotated[list[Shown], Meta(description="给他们看过的问答")]


class Questions(msgspec.Struct):
    """一页未答问题，问的人多的在前。"""

    questions: Annotated[list[Asked], Meta(description="同类问题")]
    next: Next


class QuestionsAsked(msgspec.Struct, forbid_unknown_fields=True):
    """要哪一页。"""

    cursor: Cursor = ""
    limit: Limit = 20


class WriteEntry(msgspec.Struct, tag_field="kind", tag="entry", forbid_unknown_fields=True):
    """写一条新的答案。"""

    question: Annotated[str, Meta(min_length=4, max_length=100, description="这个问题怎么写，居民会看到")]
    answer: Annotated[str, Meta(min_length=4, max_length=LONGEST_ANSWER, description="怎么答")]
    source: Annotated[str, Meta(min_length=2, max_length=200, description="依据")]
    department: Annotated[str, Meta(min_length=2, max_length=60, description="解答部门")]
    valid_until: Annotated[date | None, Meta(description="用到哪一天，`YYYY-MM-DD`；不写就一直用")] = None


class SameAsEntry(msgspec.Struct, tag_field="kind", tag="phrasing", forbid_unknown_fields=True):
    """就是已有的一条：这些问法以后用它来答。"""

    entry: Annotated[str, Meta(min_length=1, max_length=100, description="那一条的编号，见 `GET /api/entries`")]


class NeedsNone(msgspec.Struct, tag_field="kind", tag="closed", forbid_unknown_fields=True):
    """不用答。"""

    why: Annotated[str, Meta(min_length=2, max_length=200, description="为什么不用答，只给同事看")]


Settles = WriteEntry | SameAsEntry | NeedsNone


class Preview(msgspec.Struct):
    """发之前先看一眼，什么也没有改动。"""

    askers: Annotated[int, Meta(description="会告诉几个人")]
    reads: Annotated[str, Meta(description="居民会读到的话；不用答的，空")]


class Answered(msgspec.Struct):
    """记下了。"""

    answer: Annotated[int, Meta(description="这个答案的编号，撤下时用")]
    said: Annotated[list[str], Meta(description="给您看的话")]


class Withdraw(msgspec.Struct, forbid_unknown_fields=True):
    """没有要填的。"""


class Withdrawn(msgspec.Struct):
    """撤下了，或者早就撤下了。"""

    said: Annotated[list[str], Meta(description="给您看的话")]


class Found(msgspec.Struct):
    """一条现有的问答。"""

    entry: Annotated[str, Meta(description="编号")]
    question: Annotated[str, Meta(description="问题")]
    answer: Annotated[str, Meta(description="答案")]
    source: Annotated[str, Meta(description="依据")]
    department: Annotated[str, Meta(description="解答部门")]
    checked: Annotated[date, Meta(description="核对日期")]
    valid_until: Annotated[date | None, Meta(description="用到哪一天；`null` 是一直用")]


class Entries(msgspec.Struct):
    """最像的几条，像的在前。"""

    entries: Annotated[list[Found], Meta(description="现有的问答")]


class EntriesAsked(msgspec.Struct, forbid_unknown_fields=True):
    """找什么。"""

    q: Annotated[str, Meta(min_length=2, max_length=200, description="要找的话，例如：公交卡")]


def routes(gate: Gate) -> list[Route]:
    async def listed(request: web.Request) -> web.Response:
        wanted = asked(request, QuestionsAsked)
        after = opened(wanted.cursor, tuple[int, int])

        async def look(desk: Desk, person: Person) -> Questions:
            areas = person.areas(*STAFF)
            found, last = await desk.questions.clusters(areas, wanted.limit, after)
            return Questions([await _asked(each, desk) for each in found], sealed(last))

        return await gate.read(request, look, STAFF)

    async def one(request: web.Request) -> web.Response:
        number = _number(request)

        async def look(desk: Desk, person: Person) -> Asked:
            return await _asked(await _cluster(number, desk, person), desk)

        return await gate.read(request, look, STAFF)

    async def preview(request: web.Request) -> web.Response:
        number = _number(request)
        given, _ = await gate.body(request, Settles)

        async def look(desk: Desk, person: Person) -> Preview:
            cluster = await _cluster(number, desk, person)
            entry = await _entry(given, desk)
            # As those read it who live where nothing local is said.
            shown = as_read(entry, answer_for(entry, None), desk) if entry else {}
            line = Phrase("faq.answered", {"words": cluster.words, **shown})
            reads = words(line, desk.texts, person.language, desk.district.timezone) if entry else ""
            return Preview(cluster.askers, reads)

        return await gate.read(request, look, STAFF)

    async def answer(request: web.Request) -> web.Response:
        number = _number(request)

        async def settle(desk: Desk, person: Person, given: Settles) -> Answered:
            await desk.happen(_settled(given, number, person.id))
            made = await desk.questions.made_of(number, person.id)
            if made is None:
                raise LookupError(f"cluster {number} is settled by nothing")
            return Answered(made, desk.said())

        return await gate.write(request, Settles, settle, STAFF)

    async def withdraw(request: web.Request) -> web.Response:
        number = _number(request)

        async def take_back(desk: Desk, person: Person, _given: Withdraw) -> Withdrawn:
            await desk.happen(AnswerWithdrawn(person.id, number))
            return Withdrawn(desk.said())

        return await gate.write(request, Withdraw, take_back, STAFF)

    async def entries(request: web.Request) -> web.Response:
        wanted = asked(request, EntriesAsked)
        match = gate.desks.ear.faq(wanted.q, gate.desks.district.day(gate.desks.clock()))
        near = dict.fromkeys([*([match.sure.id] if match.sure else []), *(each.id for each in match.near)])

        async def look(desk: Desk, _person: Person) -> Entries:
            # Taken back a moment ago, it may still be in somebody's ear.
            return Entries([_found(entry) for each in near if (entry := await desk.entry(each))])

        return await gate.read(request, look, STAFF)

    one_cluster, one_answer = "/api/questions/{id:[0-9]{1,15}}", "/api/answers/{id:[0-9]{1,15}}"
    return [
        Route("GET", "/api/questions", "自己片区的未答问题", listed, Questions, asks=QuestionsAsked, roles=STAFF),
        Route("GET", one_cluster, "一组未答问题", one, Asked, roles=STAFF),
        Route(
            "POST", f"{one_cluster}/preview", "发之前看看居民会读到什么", preview, Preview, takes=Settles, roles=STAFF
        ),
        Route(
            "POST",
            f"{one_cluster}/answer",
            "答一次：写答案、归到已有的一条、不用答；问过的人每人告诉一次",
            answer,
            Answered,
            takes=Settles,
            once=True,
            roles=STAFF,
        ),
        Route(
            "POST",
            f"{one_answer}/withdraw",
            "撤下一个答案：不再这样答，还没告诉的人不会再收到",
            withdraw,
            Withdrawn,
            takes=Withdraw,
            once=True,
            roles=STAFF,
        ),
        Route("GET", "/api/entries", "按意思找现有的问答", entries, Entries, asks=EntriesAsked, roles=STAFF),
    ]


def _number(request: web.Request) -> int:
    return int(request.match_info["id"])


async def _cluster(number: int, desk: Desk, person: Person) -> Cluster:
    found = await desk.questions.cluster(number, person.areas(*STAFF))
    if found is None:
        raise Problem("questions.settled", 404, language=person.language)
    return found


async def _asked(cluster: Cluster, desk: Desk) -> Asked:
    shown = [
        Shown(entry.id, entry.question, *await desk.questions.thumbs(entry.id))
        for each in cluster.shown
        if (entry := await desk.entry(each))
    ]
    return Asked(cluster.id, cluster.askers, cluster.words, list(cluster.wordings), shown)


async def _entry(given: Settles, desk: Desk) -> Entry | None:
    """What would answer from now on; None when nothing would."""
    if isinstance(given, NeedsNone):
        return None
    today = desk.district.day(desk.now)
    if isinstance(given, SameAsEntry):
        entry = await desk.entry(given.entry)
        if entry is None or not in_force(entry, today):
            raise Problem("page.nothing_here", 404)
        return entry
    return Entry("", given.question, given.answer, given.department, given.source, today, valid_until=given.valid_until)


def _settled(given: Settles, number: int, by: int) -> QuestionsSettled:
    if isinstance(given, NeedsNone):
        return QuestionsSettled(by, number, Settling.CLOSED, answer=given.why)
    if isinstance(given, SameAsEntry):
        return QuestionsSettled(by, number, Settling.PHRASING, entry=given.entry)
    return QuestionsSettled(
        by,
        number,
        Settling.ENTRY,
        question=" ".join(given.question.split()),
        answer=given.answer,
        source=given.source,
        department=given.department,
        valid_until=given.valid_until,
    )


def _found(entry: Entry) -> Found:
    return Found(
        entry.id,
        entry.question,
        answer_for(entry, None).strip(),
        entry.source,
        entry.department,
        entry.checked,
        entry.valid_until,
    )
