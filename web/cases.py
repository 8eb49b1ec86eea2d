"""Staff see the cases of their areas, and move them along by the same rules as in their chat."""

from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta

from domain.areas import covers
from domain.cases import RULES, Case, CaseMoved, Move, Need, Part, Status, Step, moves, parts
from domain.people import STAFF, WORKERS, Person
from domain.queues import STATES, Queue, desks
from handlers.move_case import departments_for, workers_for
from nlp.place import doorless
from services.queues import counts_of
from services.sight import all_seen, seen, sight_of
from storage.cases import theirs
from storage.desk import Desk
from web.cursor import Cursor, Limit, Next, opened, sealed
from web.gate import Gate, Problem, Route, asked

_NUMBER = "/api/cases/{number:[0-9]{6}-[0-9]{4,12}}"
_OFFICE = {Part.STAFF, Part.ABOVE, Part.BELOW, Part.OVER, Part.DISTRICT}
# What staff do, as the table of rules has it.
# What is read of a file, and whom a mediation is between, is said once, in the chat of whoever asked: a page's answers
# are kept for a repeat.
_OFFERED = tuple(
    move for move, rule in RULES.items() if _OFFICE.intersection(rule.parts) and move not in (Move.READ, Move.MEDIATE)
)
# Where more must be said than that one has looked.
_LEAST = {move: 1 if move in (Move.REJECT, Move.REMARK, Move.ANSWER) else 2 for move in _OFFERED}
# Where what a move takes stands in what a page sends.
_FIELDS = {
    Need.REASON: "words",
    Need.WORKER: "to",
    Need.CHECKER: "to",
    Need.CASE: "into",
    Need.DAY: "until",
    Need.CATEGORY: "category",
    Need.DEPARTMENT: "department",
}


class CasesAsked(msgspec.Struct, forbid_unknown_fields=True):
    """要哪些案卷，哪一页。"""

    queue: Annotated[
        Queue,
        Meta(
            description="`open` 没办结的，`overdue` 过了时限的（挂账的不算），`verify` 待核查的，`dispatch` 待派的，"
            "`handle` 待办的"
        ),
    ] = Queue.OPEN
    held: Annotated[bool, Meta(description="只看自己这一级、自己部门在办的")] = False
    area: Annotated[str, Meta(max_length=15, description="只看这个片区：区划代码或网格码，要在自己的范围里")] = ""
    cursor: Cursor = ""
    limit: Limit = 20


class Line(msgspec.Struct):
    """案卷的一行。"""

    number: Annotated[str, Meta(description="受理编号")]
    status: Annotated[Status, Meta(description="状态的代号")]
    status_name: Annotated[str, Meta(description="状态的名称")]
    category: Annotated[str, Meta(description="类别的代号")]
    category_name: Annotated[str, Meta(description="类别的名称")]
    grid: Annotated[str, Meta(description="网格码")]
    grid_name: Annotated[str, Meta(description="网格的名称")]
    place: Annotated[str, Meta(description="在哪儿；匿名和私密类的，不经办的人只看到小区")]
    words: Annotated[str, Meta(description="报的是什么")]
    level: Annotated[str, Meta(description="哪一级在办：`community`、`street`、`district`")]
    department: Annotated[str | None, Meta(description="派给了哪个部门，部门的代号；没有是 `null`")]
    worker: Annotated[str | None, Meta(description="在谁手上；`null` 是等着安排，或者部门里还没有人接")]
    answer_by: Annotated[datetime | None, Meta(description="有人催办、督办，最迟什么时候答复，UTC；没有是 `null`")]
    opened_at: Annotated[datetime, Meta(description="上报时间，UTC")]
    due_at: Annotated[datetime, Meta(description="承诺时间，UTC")]
    overdue: Annotated[bool, Meta(description="没办完、没挂账，而且过了承诺时间")]


class Cases(msgspec.Struct):
    """一页案卷，时限近的在前。"""

    cases: Annotated[list[Line], Meta(description="案卷")]
    next: Next


class Waiting(msgspec.Struct):
    """一个队列。"""

    queue: Annotated[
        Queue, Meta(description="队列的代号，写在 `/api/cases` 的 `queue`；除了 `overdue` 都要 `held=true`")
    ]
    name: Annotated[str, Meta(description="队列的名称")]
    count: Annotated[int, Meta(description="有几件")]


class Queues(msgspec.Struct):
    """自己这一级、自己部门的队列。"""

    queues: Annotated[list[Waiting], Meta(description="待派、待办、待核，和超期（含下级）")]


class Did(msgspec.Struct):
    """案卷的一步。"""

    at: Annotated[datetime, Meta(description="什么时候，UTC")]
    move: Annotated[Move, Meta(description="动作的代号")]
    move_name: Annotated[str, Meta(description="动作的名称")]
    who: Annotated[str | None, Meta(description="谁；报事的居民不写名字，是 `null`")]
    words: Annotated[str, Meta(description="说了什么；`climb` 是报给了哪一级，`assign` 是派给了哪个部门")]


class May(msgspec.Struct):
    """现在能做的一个动作。"""

    move: Annotated[Move, Meta(description="动作的代号")]
    name: Annotated[str, Meta(description="按钮上的字")]


class Worker(msgspec.Struct):
    """可以派给、可以请去核查的人。"""

    id: Annotated[int, Meta(description="编号，写在 `to`")]
    name: Annotated[str, Meta(description="称呼")]
    area: Annotated[str, Meta(description="负责哪儿")]


class Office(msgspec.Struct):
    """可以派给的部门。"""

    code: Annotated[str, Meta(description="代号，写在 `department`")]
    name: Annotated[str, Meta(description="叫法")]


class Whole(Line):
    """一个案卷的全部。"""

    happened_on: Annotated[date | None, Meta(description="哪天发生的，没说就是 `null`")]
    done_at: Annotated[datetime | None, Meta(description="办完的时间，UTC")]
    closed_at: Annotated[datetime | None, Meta(description="了结的时间，UTC")]
    rating: Annotated[int | None, Meta(description="居民评价：3 满意，2 一般，1 没解决好")]
    anonymous: Annotated[bool, Meta(description="报事人要求匿名：谁都不知道是谁")]
    phone: Annotated[str | None, Meta(description="报事人的电话，他愿意留才有；只给办这件事的人看")]
    followers: Annotated[int, Meta(description="另有几个人也遇到了")]
    photos: Annotated[list[str], Meta(description="报事时的照片的地址")]
    photos_done: Annotated[list[str], Meta(description="办完时的照片的地址")]
    journal: Annotated[list[Did], Meta(description="每一步，早的在前")]
    look_at: Annotated[datetime | None, Meta(description="挂账到什么时候再看，UTC；没挂账是 `null`")]
    asked_until: Annotated[datetime | None, Meta(description="正在申请延到什么时候，UTC；没申请是 `null`")]
    merged_into: Annotated[str | None, Meta(description="并进了哪个案卷；没并案是 `null`")]
    moves: Annotated[list[May], Meta(description="您现在能在网页上做的；要拍照才能办完的，到聊天里办")]
    workers: Annotated[list[Worker], Meta(description="能派单时可以派给谁，能请人核查时可以请谁")]
    departments: Annotated[list[Office], Meta(description="能派给部门时可以派给哪些，该管这类事的在前")]
    beside: Annotated[list[str], Meta(description="能并案时，像是同一件事的案卷的编号")]


class MoveMade(msgspec.Struct, forbid_unknown_fields=True):
    """做一个动作。"""

    move: Annotated[Move, Meta(description="动作的代号，要在案卷的 `moves` 里")]
    words: Annotated[
        str,
        Meta(
            max_length=1000,
            description="`dismiss`、`disown`、`hang`、`ask_time`、`deny_time`、`reject`、`remark`、`raise`、`lower`、`supervise`、"
            "`answer` 必须说一句；前三个和 `answer` 的原样告诉居民，同意延期时 `ask_time` 的也是",
        ),
    ] = ""
    to: Annotated[int, Meta(ge=0, lt=2**53, description="`dispatch` 派给谁，`ask_check` 请谁去看")] = 0
    into: Annotated[str, Meta(max_length=20, description="`merge` 并进哪个案卷，写编号")] = ""
    until: Annotated[
        Annotated[datetime, Meta(tz=True)] | None,
        Meta(description="`hang` 到什么时候再看，`ask_time` 想延到什么时候，`supervise` 什么时候前答复，写明时区"),
    ] = None
    category: Annotated[str, Meta(max_length=60, description="`reclassify` 改成哪一类")] = ""
    department: Annotated[str, Meta(max_length=60, description="`assign` 派给哪个部门，写代号")] = ""


class Moved(msgspec.Struct):
    """办好了；案卷现在的样子，再取一次。"""

    said: Annotated[list[str], Meta(description="给您看的话")]


def routes(gate: Gate) -> list[Route]:
    async def listed(request: web.Request) -> web.Response:
        wanted = asked(request, CasesAsked)
        after = opened(wanted.cursor, tuple[datetime, int])

        async def look(desk: Desk, person: Person) -> Cases:
            if wanted.area and not any(covers(own, wanted.area) for own in person.areas(*STAFF, *WORKERS)):
                raise Problem("page.not_your_area", 403, language=person.language)
            found = await desk.cases.page(
                theirs(person),
                STATES[wanted.queue],
                area=wanted.area or None,
                held=desks(person) if wanted.held else None,
                due_before=desk.now if wanted.queue is Queue.OVERDUE else None,
                after=after,
                limit=wanted.limit + 1,
            )
            here, more = found[: wanted.limit], len(found) > wanted.limit
            names = await desk.people.names({each.worker_id for each in here if each.worker_id})
            lines = [Line(**_line(each, names, desk, person)) for each in all_seen(here, person, desk.district)]
            return Cases(lines, sealed((here[-1].due_at, here[-1].id)) if more else None)

        return await gate.read(request, look)

    async def queues(request: web.Request) -> web.Response:
        async def look(desk: Desk, person: Person) -> Queues:
            counts = await counts_of(person, desk)
            return Queues(
                [
                    Waiting(each, desk.texts.say(f"queue.name.{each}", person.language), count)
                    for each, count in counts.items()
                ]
            )

        return await gate.read(request, look)

    async def one(request: web.Request) -> web.Response:
        number = request.match_info["number"]

        async def look(desk: Desk, person: Person) -> Whole:
            return await _whole(await _case(number, desk, person), desk, person)

        return await gate.read(request, look)

    async def move(request: web.Request) -> web.Response:
        number = request.match_info["number"]

        async def make(desk: Desk, person: Person, given: MoveMade) -> Moved:
            case = await _case(number, desk, person)
            if not person.serves(case.grid, STAFF):
                raise Problem("page.not_for_you", 403, language=person.language)
            _fitting(given, person)
            needs = RULES[given.move].needs
            kept = await _case(given.into, desk, person) if Need.CASE in needs else None
            await desk.happen(
                CaseMoved(
                    case.id,
                    given.move,
                    person.id,
                    words=given.words,
                    to=given.to if {Need.WORKER, Need.CHECKER}.intersection(needs) else None,
                    category=given.category if Need.CATEGORY in needs else None,
                    into=kept.id if kept else None,
                    until=given.until if Need.DAY in needs else None,
                    department=given.department if Need.DEPARTMENT in needs else None,
                )
            )
            # Kept for a repeat: nothing of the case, which may hold what its reporter has us forget.
            return Moved(desk.said())

        return await gate.write(request, MoveMade, make, STAFF)

    return [
        Route(
            "GET",
            "/api/cases",
            "自己片区的案卷；网格员、网格长只看得到自己手上的",
            listed,
            Cases,
            asks=CasesAsked,
        ),
        Route("GET", "/api/queues", "自己这一级、自己部门的队列里各有几件", queues, Queues),
        Route("GET", _NUMBER, "一个案卷和它的每一步；不在自己范围里的，和没有一样", one, Whole),
        Route(
            "POST",
            f"{_NUMBER}/moves",
            "做一个动作：和聊天里一样的规矩，一样告诉有关的人",
            move,
            Moved,
            takes=MoveMade,
            once=True,
            roles=STAFF,
        ),
    ]


async def _case(number: str, desk: Desk, person: Person) -> Case:
    """A case of theirs; one that is not is as if it did not exist."""
    case = await desk.cases.by_number(number)
    # Another's complaint about a gridworker lies in the same grid: theirs is only what was given to them.
    given = case is not None and (
        case.worker_id == person.id or (bool(case.department) and person.of_department(case.department, case.grid))
    )
    mine = case is not None and sight_of(case, person, desk.district) is not None
    if case is None or not mine or not (given or person.serves(case.grid, STAFF)):
        raise Problem("case.not_found", 404, language=person.language)
    return case


def _fitting(given: MoveMade, person: Person) -> None:
    """What a move needs besides its name.

    Raises:
        Problem: something is missing, or this is no move staff make.
    """
    if given.move not in _OFFERED:
        raise Problem("page.unreadable", 400, language=person.language, place="move")
    for need in RULES[given.move].needs:
        # A photo is no field: what was reported with one is finished in the chat, and refused here.
        field = _FIELDS.get(need)
        sent = getattr(given, field) if field else True
        if not sent or (need is Need.REASON and len(given.words.strip()) < _LEAST[given.move]):
            raise Problem("page.unreadable", 400, language=person.language, place=field)


def _line(case: Case, names: dict[int, str], desk: Desk, person: Person) -> dict[str, Any]:
    def say(key: str) -> str:
        return desk.texts.say(key, person.language)

    return {
        "number": case.number,
        "status": case.status,
        "status_name": say(f"case.status.{case.status}"),
        "category": case.category,
        "category_name": desk.district.category_of(case).name,
        "grid": case.grid,
        "grid_name": desk.district.area_name(case.grid),
        "place": case.place,
        "words": case.words,
        "level": case.level,
        "department": case.department,
        "answer_by": case.answer_by,
        "worker": names.get(case.worker_id, "") if case.worker_id else None,
        "opened_at": case.opened_at,
        "due_at": case.due_at,
        "overdue": case.status in STATES[Queue.OVERDUE] and case.due_at < desk.now,
    }


async def _whole(case: Case, desk: Desk, person: Person) -> Whole:
    sight, shown = sight_of(case, person, desk.district), seen(case, person, desk.district)
    if sight is None or shown is None:
        raise Problem("case.not_found", 404, language=person.language)
    case = shown
    steps = await desk.cases.steps(case.id)
    people = {each.person_id for each in steps if each.person_id} | ({case.worker_id} if case.worker_id else set())
    names = await desk.people.names(people)
    reporter = await desk.people.get(case.reporter_id) if case.reporter_id else None
    photos = await desk.cases.photos(case.id)
    after = await desk.cases.photos(case.id, "done")
    offered = (
        [each for each in moves(case, person, desk.now) if each in _OFFERED and not (photos and each is Move.FINISH)]
        if _OFFICE & parts(case, person)
        else []
    )
    to_whom = await workers_for(case, desk) if {Move.DISPATCH, Move.ASK_CHECK}.intersection(offered) else []
    if Move.ASK_CHECK in offered:
        to_whom = [each for each in to_whom if each.id not in (*case.doers, person.id)]
    beside = await desk.cases.beside(case) if Move.MERGE in offered else []
    kept = await desk.cases.find(case.merged_into) if case.merged_into else None
    return Whole(
        **_line(case, names, desk, person),
        happened_on=case.happened_on,
        done_at=case.done_at,
        closed_at=case.closed_at,
        rating=case.rating,
        phone=reporter.phone if reporter and sight.phone else None,
        followers=len(await desk.cases.followers(case.id)),
        anonymous=case.anonymous,
        photos=[f"/chat/files/{each}" for each in photos if sight.photos],
        photos_done=[f"/chat/files/{each}" for each in after if sight.photos],
        look_at=case.look_at,
        asked_until=case.asked_until,
        merged_into=kept.number if kept else None,
        journal=[_did(each, case, names, desk, person, door=sight.door) for each in steps],
        moves=[May(each, desk.texts.say(f"case.button.{each}", person.language)) for each in offered],
        workers=[
            Worker(each.id, each.name or "", desk.district.area_name(each.areas(*WORKERS)[0])) for each in to_whom
        ],
        departments=[Office(code, short) for short, code in departments_for(case, desk.district)]
        if Move.ASSIGN in offered
        else [],
        beside=[each.number for each in beside if person.serves(each.grid, STAFF)],
    )


def _did(step: Step, case: Case, names: dict[int, str], desk: Desk, person: Person, *, door: bool) -> Did:
    # Who reported it stays unnamed, also among staff, and so do those who met with the same.
    resident = step.part in (Part.REPORTER, Part.FOLLOWER) or step.person_id == case.reporter_id
    named = step.person_id is not None and not resident
    words = step.words if door else doorless(step.words)
    if step.move is Move.CLIMB:
        words = desk.texts.say(f"role.{step.words}", person.language)
    elif step.move is Move.ASSIGN:
        words = desk.district.department(step.words).short
    return Did(
        step.at,
        step.move,
        desk.texts.say(f"case.did.{step.move}", person.language),
        names.get(step.person_id or 0) if named else None,
        words,
    )
