"""A case (案卷): a problem somebody reported, and who may do what with it, from where."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum, StrEnum

from domain.areas import covers
from domain.people import STAFF, WORKERS, Person, Role
from domain.refusals import Refused


class Status(StrEnum):
    """How far a case has come."""

    DISPATCHED = "dispatched"
    HANDLING = "handling"
    RETURNED = "returned"
    HUNG = "hung"
    DONE = "done"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"
    DISMISSED = "dismissed"
    DISOWNED = "disowned"
    MERGED = "merged"
    MEDIATED = "mediated"


WITH_WORKER = (Status.DISPATCHED, Status.HANDLING)
# Somebody has to do something about it, and has not said that it is done.
UNDONE = (*WITH_WORKER, Status.RETURNED)
OPEN = (*UNDONE, Status.HUNG, Status.DONE)


class Phase(StrEnum):
    """The district's closed loop (闭环), in its order. The first two are over when a case has a number."""

    COLLECT = "collect"
    FILE = "file"
    DISPATCH = "dispatch"
    HANDLE = "handle"
    FEEDBACK = "feedback"
    CHECK = "check"
    RATE = "rate"


_PHASES = {
    Status.DISPATCHED: Phase.DISPATCH,
    Status.RETURNED: Phase.DISPATCH,
    Status.HANDLING: Phase.HANDLE,
    Status.HUNG: Phase.HANDLE,
    # Whoever says it is done says so to its reporter in the same breath: that is the feedback.
    Status.DONE: Phase.CHECK,
    Status.CLOSED: Phase.RATE,
}


class Part(StrEnum):
    """The part somebody plays in one case.

    WORKER: a gridworker, or where it lies with a department, its people. STAFF: of the level that holds it, or above.
    BELOW: of a level below that. ABOVE: on a level above whoever asked for more time. OVER: of a street or the
    district, above whoever handles it. DISTRICT: of the district. CALLED: of a
    department an open whistle calls. COLLEAGUE: whoever is asked to take it over.
    """

    REPORTER = "reporter"
    FOLLOWER = "follower"
    WORKER = "worker"
    CHECKER = "checker"
    LEADER = "leader"
    STAFF = "staff"
    ABOVE = "above"
    BELOW = "below"
    OVER = "over"
    DISTRICT = "district"
    CALLED = "called"
    COLLEAGUE = "colleague"


class Need(StrEnum):
    """What a move cannot be made without. PHOTO: of the result, where the report came with one."""

    REASON = "reason"
    PHOTO = "photo"
    WORKER = "worker"
    CHECKER = "checker"
    CASE = "case"
    DAY = "day"
    SCORE = "score"
    CATEGORY = "category"
    DEPARTMENT = "department"


class Move(StrEnum):
    """What can be done with a case. OPEN, JOIN, LEAVE, INHERIT and CLIMB follow from something else."""

    OPEN = "open"
    ACCEPT = "accept"
    RETURN = "return"
    DISPATCH = "dispatch"
    FINISH = "finish"
    ON_SITE = "on_site"
    HAND_OVER = "hand_over"
    TAKE_OVER = "take_over"
    DECLINE = "decline"
    RATE = "rate"
    VERIFY = "verify"
    REJECT = "reject"
    ASK_CHECK = "ask_check"
    WITHDRAW = "withdraw"
    DISMISS = "dismiss"
    DISOWN = "disown"
    MERGE = "merge"
    HANG = "hang"
    RESUME = "resume"
    ASK_TIME = "ask_time"
    GIVE_TIME = "give_time"
    DENY_TIME = "deny_time"
    REOPEN = "reopen"
    APPRAISE = "appraise"
    REMARK = "remark"
    RECLASSIFY = "reclassify"
    MEDIATE = "mediate"
    RAISE = "raise"
    LOWER = "lower"
    ASSIGN = "assign"
    SUPERVISE = "supervise"
    URGE = "urge"
    ANSWER = "answer"
    WHISTLE = "whistle"
    ATTEND = "attend"
    STAY_AWAY = "stay_away"
    EXCUSE = "excuse"
    INSIST = "insist"
    ABSENT = "absent"
    SIGN = "sign"
    CALL_OFF = "call_off"
    HIDE = "hide"
    READ = "read"
    JOIN = "join"
    LEAVE = "leave"
    INHERIT = "inherit"
    CLIMB = "climb"


class Score(IntEnum):
    """What the reporter makes of the result."""

    POOR = 1
    FAIR = 2
    GOOD = 3


@dataclass(frozen=True, slots=True)
class Rule:
    """From which states a move starts, where it leads (None: it stays), whose it is, what it takes, who is told.

    `manned`: where it leads instead when the one it lay with is still in office. `parts` in the order in which somebody
    who plays several acts. Of those told, whoever did it is answered; STAFF stands for the level above, the first
    on which somebody can be reached.
    """

    start: tuple[Status, ...]
    end: Status | None
    parts: tuple[Part, ...]
    needs: tuple[Need, ...] = ()
    tells: tuple[Part, ...] = ()
    manned: Status | None = None


_WAITING = (*UNDONE, Status.HUNG)
_RESIDENTS = (Part.REPORTER, Part.FOLLOWER)
_ALL = (*_RESIDENTS, Part.WORKER)
# What can be seen on the spot, the levels below may do as well.
_OFFICE = (Part.STAFF, Part.BELOW)

# The district's closed loop as one table: whoever did the work is never the one who closes the case.
RULES = {
    Move.ACCEPT: Rule((Status.DISPATCHED,), Status.HANDLING, (Part.WORKER,), (), _RESIDENTS),
    Move.RETURN: Rule(WITH_WORKER, Status.RETURNED, (Part.WORKER,), (Need.REASON,), (*_RESIDENTS, Part.STAFF)),
    Move.DISPATCH: Rule(UNDONE, Status.DISPATCHED, (Part.STAFF,), (Need.WORKER,), _ALL),
    Move.FINISH: Rule(UNDONE, Status.DONE, (Part.WORKER, Part.STAFF), (Need.PHOTO,), _RESIDENTS),
    Move.ON_SITE: Rule((Status.HANDLING,), None, (Part.WORKER,), (), _RESIDENTS),
    # It stays where it is until the colleague has taken it.
    Move.HAND_OVER: Rule(WITH_WORKER, None, (Part.WORKER,), (Need.WORKER,), (Part.COLLEAGUE,)),
    Move.TAKE_OVER: Rule(WITH_WORKER, Status.HANDLING, (Part.COLLEAGUE,), (), _ALL),
    Move.DECLINE: Rule(WITH_WORKER, None, (Part.COLLEAGUE,), (), (Part.WORKER,)),
    Move.RATE: Rule((Status.DONE,), Status.CLOSED, (Part.REPORTER,), (Need.SCORE,), (Part.FOLLOWER, Part.WORKER)),
    Move.VERIFY: Rule((Status.DONE,), Status.CLOSED, (Part.CHECKER, Part.LEADER, *_OFFICE), (), _ALL),
    Move.REJECT: Rule(
        (Status.DONE,),
        Status.RETURNED,
        (Part.REPORTER, Part.CHECKER, Part.LEADER, *_OFFICE),
        (Need.REASON,),
        _ALL,
        Status.HANDLING,
    ),
    Move.ASK_CHECK: Rule((Status.DONE,), None, (Part.LEADER, *_OFFICE), (Need.CHECKER,), (Part.CHECKER,)),
    Move.WITHDRAW: Rule(_WAITING, Status.WITHDRAWN, (Part.REPORTER,), (), (Part.FOLLOWER, Part.WORKER)),
    Move.DISMISS: Rule((Status.RETURNED, Status.HUNG), Status.DISMISSED, (Part.STAFF,), (Need.REASON,), _ALL),
    Move.DISOWN: Rule(_WAITING, Status.DISOWNED, (Part.STAFF,), (Need.REASON,), _ALL),
    Move.MERGE: Rule(_WAITING, Status.MERGED, (Part.STAFF,), (Need.CASE,), _ALL),
    Move.HANG: Rule(_WAITING, Status.HUNG, (Part.STAFF,), (Need.REASON, Need.DAY), _ALL),
    Move.RESUME: Rule((Status.HUNG,), Status.RETURNED, (Part.STAFF,), tells=_ALL, manned=Status.DISPATCHED),
    Move.ASK_TIME: Rule(UNDONE, None, (Part.WORKER, Part.STAFF), (Need.REASON, Need.DAY), (Part.STAFF,)),
    Move.GIVE_TIME: Rule(UNDONE, None, (Part.ABOVE,), (), _ALL),
    Move.DENY_TIME: Rule(UNDONE, None, (Part.ABOVE,), (Need.REASON,), (Part.WORKER,)),
    Move.REOPEN: Rule(
        (Status.CLOSED, Status.DISMISSED, Status.DISOWNED),
        Status.RETURNED,
        (Part.REPORTER,),
        (Need.REASON,),
        (Part.FOLLOWER, Part.WORKER, Part.STAFF),
        Status.DISPATCHED,
    ),
    Move.APPRAISE: Rule((Status.CLOSED,), None, (Part.REPORTER, Part.FOLLOWER), (Need.SCORE,)),
    Move.REMARK: Rule(OPEN, None, (Part.REPORTER, Part.WORKER, *_OFFICE), (Need.REASON,), (Part.REPORTER, Part.WORKER)),
    Move.RECLASSIFY: Rule(UNDONE, None, (Part.STAFF,), (Need.CATEGORY,), _ALL),
    # All that is told of a mediation, here or to whoever follows: that there is one.
    Move.MEDIATE: Rule(_WAITING, Status.MEDIATED, (Part.STAFF,), (), _ALL),
    Move.RAISE: Rule(UNDONE, Status.RETURNED, (Part.STAFF,), (Need.REASON,), (*_ALL, Part.STAFF)),
    Move.LOWER: Rule(UNDONE, Status.RETURNED, (Part.STAFF,), (Need.REASON,), (*_ALL, Part.STAFF)),
    Move.ASSIGN: Rule(UNDONE, Status.DISPATCHED, (Part.DISTRICT,), (Need.DEPARTMENT,), _ALL),
    Move.SUPERVISE: Rule(_WAITING, None, (Part.OVER,), (Need.REASON, Need.DAY), _ALL),
    Move.URGE: Rule(UNDONE, None, _RESIDENTS, (), (Part.WORKER,)),
    # Goes to whoever asked for it; what was asked for from above, its reporter reads too.
    Move.ANSWER: Rule(_WAITING, None, (Part.WORKER, Part.STAFF), (Need.REASON,)),
    # From now on they are 匿名居民 to everybody.
    Move.HIDE: Rule(OPEN, None, (Part.REPORTER,)),
    # What a case's file holds beyond what staff see of it anyway; its reporter sees that it was read.
    Move.READ: Rule((*Status,), None, _OFFICE, (Need.REASON,)),
    # Nobody's to make: whoever it lay with holds no office any more.
    Move.LEAVE: Rule(WITH_WORKER, Status.RETURNED, (), (), (Part.STAFF,)),
    # Nor this: somebody else looks after the grid from now on.
    Move.INHERIT: Rule(UNDONE, Status.DISPATCHED, (), (), _ALL),
}
# Nobody checks or praises what they had a hand in.
_NOT_BY_DOERS = (Move.RATE, Move.VERIFY, Move.APPRAISE)
# What a case can be opened again after, and all there is no way on from but that.
REOPENED = RULES[Move.REOPEN].start
ENDED = (*REOPENED, Status.WITHDRAWN, Status.MERGED, Status.MEDIATED)


@dataclass(frozen=True, slots=True)
class Case:
    """A reported problem as it stands. `round` counts how often it was given out anew, from 1.

    `doers` are all who ever took it or said it was done. `asked_*`: more time was asked for, by whom, of which rank.
    `look_at`: when a case that hangs is looked at again. `offered_to`: the colleague asked to take it over.
    `anonymous`: its reporter has no number for anybody. `level`: whose staff hold it, community, street or district;
    `department`: the code of the one it was dispatched to. `answer_by`: when somebody who asked is owed an answer.
    `called`: the departments an open whistle calls.
    `version` names the terms of its category it was opened under.
    """

    id: int
    number: str
    reporter_id: int | None
    grid: str
    category: str
    place: str
    words: str
    status: Status
    worker_id: int | None
    opened_at: datetime
    due_at: datetime
    done_at: datetime | None = None
    closed_at: datetime | None = None
    latitude: float | None = None
    longitude: float | None = None
    rating: int | None = None
    round: int = 1
    happened_on: date | None = None
    doers: tuple[int, ...] = ()
    checker_id: int | None = None
    hung_at: datetime | None = None
    look_at: datetime | None = None
    asked_until: datetime | None = None
    asked_by: int | None = None
    asked_rank: int | None = None
    reopen_until: datetime | None = None
    merged_into: int | None = None
    offered_to: int | None = None
    anonymous: bool = False
    level: Role = Role.COMMUNITY
    department: str | None = None
    answer_by: datetime | None = None
    called: tuple[str, ...] = ()
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a case's journal: who did what, as what, and why.

    `target`: the person or case it was aimed at, or the rank of the level it went to.
    """

    at: datetime
    person_id: int | None
    move: Move
    words: str = ""
    part: Part | None = None
    target: int | None = None


# The chain of command: 网格员, 网格长, 社区, 街道, 区.
RANKS = {Role.GRIDWORKER: 1, Role.GRID_LEADER: 2, Role.COMMUNITY: 3, Role.STREET: 4, Role.DISTRICT: 5}


def rank(person: Person, grid: str) -> int:
    """How high somebody stands over a grid; 1 for whoever was sent there from another one."""
    return max((RANKS.get(held.role, 1) for held in person.roles if covers(held.area, grid)), default=1)


def phase(case: Case) -> Phase | None:
    """Which phase of the loop a case is in; None when it left the loop, or has been all the way round."""
    return None if case.status is Status.CLOSED and case.rating is not None else _PHASES.get(case.status)


def parts(case: Case, person: Person, *, follows: bool = False) -> set[Part]:
    """The parts a person plays in a case. A grid's worker may act on what is still with another worker of the grid."""
    played = set()
    if case.reporter_id == person.id:
        played.add(Part.REPORTER)
    elif follows:
        played.add(Part.FOLLOWER)
    # The one it was given to, while they are in office; or another worker of the grid, or of the department.
    ours = person.of_department(case.department, case.grid)
    given = case.worker_id == person.id and (person.has(*WORKERS, *STAFF) or ours)
    if given or (ours if case.department else person.serves(case.grid, WORKERS)):
        played.add(Part.WORKER)
    if any(person.of_department(code, case.grid) for code in case.called):
        played.add(Part.CALLED)
    if case.checker_id == person.id and person.has(*WORKERS, *STAFF):
        played.add(Part.CHECKER)
    if case.offered_to == person.id and person.has(*WORKERS):
        played.add(Part.COLLEAGUE)
    if person.serves(case.grid, (Role.GRID_LEADER,)):
        played.add(Part.LEADER)
    if person.serves(case.grid, STAFF):
        played |= _in_command(case, rank(person, case.grid))
    if case.asked_rank is not None and played & {Part.LEADER, Part.STAFF} and rank(person, case.grid) > case.asked_rank:
        played.add(Part.ABOVE)
    return played


def _in_command(case: Case, rank: int) -> set[Part]:
    """The parts of a member of staff of this rank."""
    played = {Part.STAFF if rank >= RANKS[case.level] else Part.BELOW}
    # A department is on no level; the district is over it.
    if rank > RANKS[case.level] - (case.department is not None):
        played.add(Part.OVER)
    if rank == RANKS[Role.DISTRICT]:
        played.add(Part.DISTRICT)
    return played


def raised_to(case: Case, person: Person) -> Role | None:
    """The level a case goes to when this person raises it: above the one that holds it, and above their own."""
    return _level(max(RANKS[case.level], rank(person, case.grid)) + 1)


def lowered_to(case: Case) -> Role | None:
    """The level below the one that holds a case."""
    return _level(RANKS[case.level] - 1)


def _level(wanted: int) -> Role | None:
    return next((level for level in STAFF if RANKS[level] == wanted), None)


def asks_over(case: Case, person: Person) -> int:
    """The rank above which more time is given to this person: their own, and no lower than below the holders'."""
    mine = rank(person, case.grid)
    return mine if case.level is Role.COMMUNITY else max(mine, RANKS[case.level] - 1)


def check(case: Case, move: Move, person: Person, now: datetime, *, follows: bool = False) -> Part:
    """The part in which this person may make this move now; `Refused` when they may not."""
    playing = parts(case, person, follows=follows)
    if not playing:
        # Somebody else's case: not even its state is told.
        raise Refused("case.not_found")
    rule = RULES.get(move)
    if rule is None:
        # Steps of the journal that nobody takes by hand: it is opened, somebody joins, it climbs.
        raise Refused("case.not_yours", number=case.number)
    if move in (Move.GIVE_TIME, Move.DENY_TIME) and case.asked_until is None:
        raise Refused("case.nothing_asked", number=case.number)
    part = next((each for each in rule.parts if each in playing), None)
    if part is None:
        held_above = Part.BELOW in playing and Part.STAFF in rule.parts
        raise Refused(f"case.held.{case.level}" if held_above else "case.not_yours", number=case.number)
    if case.status not in rule.start:
        raise Refused(f"case.already.{case.status}", number=case.number)
    if move in _NOT_BY_DOERS and person.id in case.doers:
        raise Refused("case.own_work", number=case.number)
    if move is Move.APPRAISE and part is Part.REPORTER and case.rating is not None:
        raise Refused("case.rated", number=case.number)
    if move is Move.HIDE and case.anonymous:
        raise Refused("case.hidden_already", number=case.number)
    if move is Move.REOPEN and (case.reopen_until is None or now > case.reopen_until):
        raise Refused("case.reopen_over", number=case.number)
    if move is Move.ASK_TIME:
        _check_asking(case, person, now)
    if move is Move.RAISE and raised_to(case, person) is None:
        raise Refused("case.highest", number=case.number)
    if move is Move.LOWER and lowered_to(case) is None:
        raise Refused("case.lowest", number=case.number)
    if move is Move.HAND_OVER and case.department is not None:
        # Among the people of a department it is nobody's but theirs who does it.
        raise Refused("case.not_yours", number=case.number)
    if move is Move.ANSWER and case.answer_by is None:
        raise Refused("case.nothing_to_answer", number=case.number)
    return part


def _check_asking(case: Case, person: Person, now: datetime) -> None:
    if now >= case.due_at:
        raise Refused("case.time_over", number=case.number, due=case.due_at)
    if case.asked_until is not None:
        raise Refused("case.asked_before", number=case.number)
    if rank(person, case.grid) == max(RANKS.values()):
        raise Refused("case.not_yours", number=case.number)


def moves(case: Case, person: Person, now: datetime, *, follows: bool = False) -> list[Move]:
    """What this person may do with this case now."""
    possible = []
    for move in RULES:
        try:
            check(case, move, person, now, follows=follows)
        except Refused:
            continue
        possible.append(move)
    return possible


@dataclass(frozen=True, slots=True)
class ProblemReported:
    """A resident said what is wrong and where; perhaps on which day, and a number to call them at, or 匿名."""

    by: int
    grid: str
    category: str
    place: str
    words: str
    photos: tuple[str, ...] = ()
    latitude: float | None = None
    longitude: float | None = None
    place_known: bool = True
    happened_on: date | None = None
    phone: str | None = None
    anonymous: bool = False


@dataclass(frozen=True, slots=True)
class CaseMoved:
    """Somebody did something with a case.

    `to`: the worker it is dispatched or handed over to, or who shall check it; `into`: the case it is merged into;
    `score`: a rating; `category`: what it is now said to be; `until`: the time asked for, or when to look again, or an
    answer is owed; `department`: the code of the one it is dispatched to.
    """

    case: int
    move: Move
    by: int
    words: str = ""
    photos: tuple[str, ...] = field(default=())
    to: int | None = None
    score: int | None = None
    category: str | None = None
    into: int | None = None
    until: datetime | None = None
    department: str | None = None


def complete(case: Case, moved: CaseMoved, now: datetime, *, shown: bool) -> None:
    """Raise `Refused` unless the move brings what it takes; `shown`: the report came with a photo."""
    for need in RULES[moved.move].needs:
        given = {
            Need.REASON: bool(moved.words.strip()),
            Need.PHOTO: bool(moved.photos) or not shown,
            Need.WORKER: moved.to is not None,
            Need.CHECKER: moved.to is not None,
            Need.CASE: moved.into is not None and moved.into != case.id,
            Need.DAY: moved.until is not None and moved.until > (case.due_at if moved.move is Move.ASK_TIME else now),
            Need.SCORE: moved.score in {*Score},
            Need.CATEGORY: bool(moved.category),
            Need.DEPARTMENT: bool(moved.department),
        }
        if not given[need]:
            raise Refused(f"case.needs.{need}", answer=_ASKED.get(need, f"case.why.{moved.move}"), number=case.number)


# The question that asks for what a move takes.
_ASKED = {
    Need.PHOTO: "case.result",
    Need.WORKER: "case.to_whom",
    Need.CHECKER: "case.by_whom",
    Need.CASE: "case.into",
    Need.DAY: "case.until",
    Need.SCORE: "case.score",
    Need.CATEGORY: "case.kind",
    Need.DEPARTMENT: "case.which_department",
}


@dataclass(frozen=True, slots=True)
class SameTroubleMet:
    """Somebody has met with what an open case is about, and follows it instead of reporting it again."""

    by: int
    case: int


@dataclass(frozen=True, slots=True)
class FollowingEnded:
    """Somebody does not want to hear of a case any more."""

    by: int
    case: int


@dataclass(frozen=True, slots=True)
class OfficeLeft:
    """Somebody looks after no grid any more: what lay with them waits for somebody else."""

    person: int


@dataclass(frozen=True, slots=True)
class OfficeTaken:
    """Somebody looks after a grid from now on; perhaps in another's place."""

    person: int
    area: str


@dataclass(frozen=True, slots=True)
class DeadlineNears:
    """A case's promised time is close; void when it has another by now, or has moved on to another round or state."""

    case: int
    round: int
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CheckOverdue:
    """Nobody has rated a finished case for days; staff are asked to check it."""

    case: int
    round: int


@dataclass(frozen=True, slots=True)
class LookAgain:
    """A case that hangs is to be looked at again; void when it hangs until another day, or no more."""

    case: int
    at: datetime


@dataclass(frozen=True, slots=True)
class HeldDue:
    """The afternoon's list of what gridworkers were not pushed; `day` as YYYY-MM-DD in the district's zone."""

    day: str


@dataclass(frozen=True, slots=True)
class DigestDue:
    """The morning's summary for gridworkers; `day` as YYYY-MM-DD in the district's zone."""

    day: str
