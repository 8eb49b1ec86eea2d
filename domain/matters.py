"""A council matter (议题): what neighbours want settled, in five steps 汇定议示评; who may do what with it."""

from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from enum import IntEnum, StrEnum

from domain.areas import Extent, covers, prefix
from domain.councils import HOSTS
from domain.people import WORKERS, Person
from domain.refusals import Refused


class Tier(StrEnum):
    """How wide a matter reaches: an estate (小区), a community, a street."""

    ESTATE = "estate"
    COMMUNITY = "community"
    STREET = "street"


class Status(StrEnum):
    """How far a matter has come."""

    COLLECT = "collect"
    AGENDA = "agenda"
    RAISED = "raised"
    BALLOT = "ballot"
    NOTICE = "notice"
    CARRY = "carry"
    RATE = "rate"
    DONE = "done"
    DECLINED = "declined"
    HIDDEN = "hidden"
    MERGED = "merged"
    WITHDRAWN = "withdrawn"


class Phase(StrEnum):
    """The five steps (一会五步): 汇 collect, 定 fix the agenda, 议 discuss and vote, 示 publish, 评 do and rate."""

    COLLECT = "collect"
    FIX = "fix"
    DISCUSS = "discuss"
    PUBLISH = "publish"
    JUDGE = "judge"


PHASES = {
    Status.COLLECT: Phase.COLLECT,
    Status.AGENDA: Phase.FIX,
    Status.RAISED: Phase.FIX,
    Status.BALLOT: Phase.DISCUSS,
    Status.NOTICE: Phase.PUBLISH,
    Status.CARRY: Phase.JUDGE,
    Status.RATE: Phase.JUDGE,
}
LIVE = tuple(PHASES)
# On the way with its area knowing: from the agenda on until everybody has said what they make of it.
UNDER_WAY = (Status.AGENDA, Status.RAISED, Status.BALLOT, Status.NOTICE, Status.CARRY, Status.RATE)
ENDED = (Status.DONE, Status.DECLINED, Status.HIDDEN, Status.MERGED, Status.WITHDRAWN)


class Kind(StrEnum):
    """What is filed with a matter: something said, an objection, a meeting, a step of carrying it out, a way out.

    WAY: it was passed on to be done as a case, or to a mediation between two, and comes back with a word.
    """

    COMMENT = "comment"
    OBJECTION = "objection"
    MEETING = "meeting"
    STEP = "step"
    WAY = "way"


class State(StrEnum):
    """How one leaf of the file stands."""

    SHOWN = "shown"
    HIDDEN = "hidden"
    APPEALED = "appealed"
    CONFIRMED = "confirmed"
    OPEN = "open"
    ANSWERED = "answered"
    ACCEPTED = "accepted"
    DISPUTED = "disputed"
    UPHELD = "upheld"
    OVERRULED = "overruled"
    CALLED = "called"
    CALLED_OFF = "called_off"
    MINUTED = "minuted"
    PLANNED = "planned"
    DONE = "done"
    DROPPED = "dropped"


class Part(StrEnum):
    """The part somebody plays in a matter. AUTHOR: of one comment or objection; ABOVE: on a level over who decided."""

    PROPOSER = "proposer"
    NEIGHBOUR = "neighbour"
    LEADER = "leader"
    HOST = "host"
    AUTHOR = "author"
    RESPONSIBLE = "responsible"
    ABOVE = "above"


class Need(StrEnum):
    """What a move cannot be made without."""

    REASON = "reason"
    COUNT = "count"
    MATTER = "matter"
    TIME = "time"
    PLACE = "place"
    SCORE = "score"
    CODE = "code"
    GRID = "grid"


class Move(StrEnum):
    """What can be done with a matter. What has no part in `RULES` is nobody's to make: it follows from something."""

    PROPOSE = "propose"
    SUPPORT = "support"
    UNSUPPORT = "unsupport"
    VOUCH = "vouch"
    FLAG = "flag"
    FORWARD = "forward"
    DECLINE = "decline"
    HIDE = "hide"
    MERGE = "merge"
    WITHDRAW = "withdraw"
    RAISE = "raise"
    HAND_UP = "hand_up"
    ANSWER = "answer"
    TAKE_BACK = "take_back"
    ADOPT = "adopt"
    TO_CASE = "to_case"
    TO_MEDIATION = "to_mediation"
    BACK = "back"
    BALLOT = "ballot"
    UNBALLOT = "unballot"
    PUBLISH = "publish"
    COMMENT = "comment"
    HIDE_COMMENT = "hide_comment"
    APPEAL = "appeal"
    RESTORE = "restore"
    CONFIRM = "confirm"
    MEET = "meet"
    CALL_OFF = "call_off"
    ATTEND = "attend"
    STAY_AWAY = "stay_away"
    SIGN_IN = "sign_in"
    MINUTES = "minutes"
    OBJECT = "object"
    REPLY = "reply"
    ACCEPT = "accept"
    DISPUTE = "dispute"
    UPHOLD = "uphold"
    OVERRULE = "overrule"
    CARRY = "carry"
    PLAN = "plan"
    REPORT = "report"
    COMPLETE = "complete"
    DROP = "drop"
    FINISH = "finish"
    RATE = "rate"
    CLOSE = "close"


class Score(IntEnum):
    """What those who were eligible make of what came of it."""

    POOR = 1
    FAIR = 2
    GOOD = 3


@dataclass(frozen=True, slots=True)
class Rule:
    """From which states a move starts, where it leads (None: it stays), whose it is, what it takes.

    `leaf`: it is about such a leaf of the file, which stands in one of `states` (none: it is a new one) and stands as
    `becomes` afterwards. `parts` in the order in which somebody who plays several acts.
    """

    start: tuple[Status, ...]
    end: Status | None
    parts: tuple[Part, ...]
    needs: tuple[Need, ...] = ()
    leaf: Kind | None = None
    states: tuple[State, ...] = ()
    becomes: State | None = None


_COLLECT, _TALKED = (Status.COLLECT,), (Status.AGENDA, Status.BALLOT)
_HOST, _NEIGHBOUR, _ABOVE, _AUTHOR = (Part.HOST,), (Part.NEIGHBOUR,), (Part.ABOVE,), (Part.AUTHOR,)
_EVERYBODY = (Part.NEIGHBOUR, Part.PROPOSER, Part.HOST)
_WHY = (Need.REASON,)
_CARRIERS = (Part.RESPONSIBLE, Part.HOST)
_HELD_IN = (Status.AGENDA, Status.BALLOT, Status.NOTICE)

# The council's five steps as one table: who may do what, from where, and what it takes.
RULES = {
    # 汇
    Move.SUPPORT: Rule(_COLLECT, None, _NEIGHBOUR),
    Move.UNSUPPORT: Rule(_COLLECT, None, _NEIGHBOUR),
    Move.VOUCH: Rule(_COLLECT, None, (Part.LEADER,), (Need.COUNT,)),
    Move.FLAG: Rule(_COLLECT, None, _NEIGHBOUR, _WHY),
    Move.FORWARD: Rule(_COLLECT, Status.AGENDA, _HOST),
    Move.DECLINE: Rule((Status.COLLECT, Status.AGENDA), Status.DECLINED, _HOST, _WHY),
    Move.HIDE: Rule(_COLLECT, Status.HIDDEN, _HOST, _WHY),
    Move.MERGE: Rule(_COLLECT, Status.MERGED, _HOST, (Need.MATTER,)),
    Move.WITHDRAW: Rule(_COLLECT, Status.WITHDRAWN, (Part.PROPOSER,)),
    # 定
    Move.RAISE: Rule((Status.AGENDA,), Status.RAISED, _HOST, _WHY),
    Move.HAND_UP: Rule((Status.RAISED,), Status.RAISED, _ABOVE, _WHY),
    Move.ANSWER: Rule((Status.RAISED,), Status.AGENDA, _ABOVE, _WHY),
    Move.TAKE_BACK: Rule((Status.RAISED,), Status.AGENDA, _HOST, _WHY),
    Move.ADOPT: Rule((Status.AGENDA,), Status.NOTICE, _HOST),
    Move.TO_CASE: Rule(
        (Status.AGENDA, Status.CARRY), None, _HOST, (Need.REASON, Need.GRID), Kind.WAY, (), State.PLANNED
    ),
    Move.TO_MEDIATION: Rule((Status.AGENDA,), None, _HOST, (Need.REASON, Need.GRID), Kind.WAY, (), State.PLANNED),
    Move.BACK: Rule(LIVE, None, _HOST, _WHY, Kind.WAY, (State.PLANNED,), State.DONE),
    Move.BALLOT: Rule((Status.AGENDA,), Status.BALLOT, ()),
    Move.UNBALLOT: Rule((Status.BALLOT,), Status.AGENDA, ()),
    # 议
    Move.COMMENT: Rule(_TALKED, None, _EVERYBODY, _WHY, Kind.COMMENT, (), State.SHOWN),
    Move.HIDE_COMMENT: Rule(LIVE, None, _HOST, _WHY, Kind.COMMENT, (State.SHOWN,), State.HIDDEN),
    Move.APPEAL: Rule(LIVE, None, _AUTHOR, _WHY, Kind.COMMENT, (State.HIDDEN,), State.APPEALED),
    Move.RESTORE: Rule(LIVE, None, _ABOVE, (), Kind.COMMENT, (State.APPEALED,), State.SHOWN),
    Move.CONFIRM: Rule(LIVE, None, _ABOVE, _WHY, Kind.COMMENT, (State.APPEALED,), State.CONFIRMED),
    Move.MEET: Rule(_HELD_IN, None, _HOST, (Need.REASON, Need.TIME, Need.PLACE), Kind.MEETING, (), State.CALLED),
    Move.CALL_OFF: Rule(LIVE, None, _HOST, _WHY, Kind.MEETING, (State.CALLED,), State.CALLED_OFF),
    Move.ATTEND: Rule(LIVE, None, _EVERYBODY, (), Kind.MEETING, (State.CALLED,)),
    Move.STAY_AWAY: Rule(LIVE, None, _EVERYBODY, (), Kind.MEETING, (State.CALLED,)),
    Move.SIGN_IN: Rule(LIVE, None, _EVERYBODY, (Need.CODE,), Kind.MEETING, (State.CALLED,)),
    Move.MINUTES: Rule(LIVE, None, _HOST, _WHY, Kind.MEETING, (State.CALLED,), State.MINUTED),
    # 示
    Move.PUBLISH: Rule((Status.BALLOT,), Status.NOTICE, ()),
    Move.OBJECT: Rule((Status.NOTICE,), None, _NEIGHBOUR, _WHY, Kind.OBJECTION, (), State.OPEN),
    Move.REPLY: Rule((Status.NOTICE,), None, _HOST, _WHY, Kind.OBJECTION, (State.OPEN,), State.ANSWERED),
    Move.ACCEPT: Rule((Status.NOTICE,), None, _AUTHOR, (), Kind.OBJECTION, (State.ANSWERED,), State.ACCEPTED),
    Move.DISPUTE: Rule((Status.NOTICE,), None, _AUTHOR, (), Kind.OBJECTION, (State.ANSWERED,), State.DISPUTED),
    Move.UPHOLD: Rule((Status.NOTICE,), Status.AGENDA, _ABOVE, _WHY, Kind.OBJECTION, (State.DISPUTED,), State.UPHELD),
    Move.OVERRULE: Rule((Status.NOTICE,), None, _ABOVE, _WHY, Kind.OBJECTION, (State.DISPUTED,), State.OVERRULED),
    Move.CARRY: Rule((Status.NOTICE,), Status.CARRY, ()),
    # 评
    Move.PLAN: Rule((Status.CARRY,), None, _HOST, (Need.REASON, Need.TIME), Kind.STEP, (), State.PLANNED),
    Move.REPORT: Rule((Status.CARRY,), None, _CARRIERS, _WHY, Kind.STEP, (State.PLANNED,)),
    Move.COMPLETE: Rule((Status.CARRY,), None, _CARRIERS, (), Kind.STEP, (State.PLANNED,), State.DONE),
    Move.DROP: Rule((Status.CARRY,), None, _HOST, _WHY, Kind.STEP, (State.PLANNED,), State.DROPPED),
    Move.FINISH: Rule((Status.CARRY,), Status.RATE, _HOST),
    Move.RATE: Rule((Status.RATE,), None, _NEIGHBOUR, (Need.SCORE,)),
    Move.CLOSE: Rule((Status.RATE,), Status.DONE, ()),
}
# What many do with one tap has rows of its own, and no line in the journal.
UNLOGGED = (Move.SUPPORT, Move.UNSUPPORT, Move.FLAG, Move.ATTEND, Move.STAY_AWAY, Move.SIGN_IN, Move.RATE)
# What whoever follows a matter hears of. The rest is between those it concerns, or told to the whole area.
NEWS = (
    *(Move.FORWARD, Move.DECLINE, Move.HIDE, Move.MERGE, Move.WITHDRAW),
    *(Move.RAISE, Move.HAND_UP, Move.ANSWER, Move.TAKE_BACK),
    *(Move.TO_CASE, Move.TO_MEDIATION, Move.BACK),
    *(Move.MEET, Move.CALL_OFF, Move.MINUTES),
    *(Move.CARRY, Move.PLAN, Move.REPORT, Move.COMPLETE, Move.DROP, Move.CLOSE),
)

# The door of a meeting: so long before it one may sign in, and so long after it began.
SIGN_IN_FROM, SIGN_IN_UNTIL = timedelta(minutes=30), timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class Terms:
    """The district's own numbers for its councils (district.toml [council]).

    `support`: with so many behind it a proposal goes on the agenda by itself; of them at most `door_share` percent on
    a grid leader's word. `proposals` by one person within `within`. After `collect` its hosts are asked to decide.
    `pause`: for so long nobody speaks twice running. At `digest_at` neighbours are told of the day's proposals.
    """

    support: dict[Tier, int] = field(default_factory=lambda: {Tier.ESTATE: 10, Tier.COMMUNITY: 30, Tier.STREET: 100})
    door_share: int = 40
    proposals: int = 3
    within: timedelta = timedelta(days=7)
    collect: timedelta = timedelta(days=30)
    notice: timedelta = timedelta(days=7)
    dispute: timedelta = timedelta(days=3)
    rate: timedelta = timedelta(days=7)
    pause: timedelta = timedelta(minutes=10)
    digest_at: time = time(18, 0)

    def on_word(self, tier: Tier) -> int:
        """How many supporters may at most be counted on somebody's word."""
        return self.support[tier] * self.door_share // 100


@dataclass(frozen=True, slots=True)
class Matter:
    """A council matter as it stands.

    `area` is the smallest area that holds all of it; of an estate that lies in several grids, `grids` are those.
    `place` is what people call it. `door`: said at the door and carried in by a grid leader; `vouched` supporters are
    counted on somebody's word. `round` counts how often it came to the agenda, from 1. `raised_to`: the area whose
    level has it in hand; `answer` is what came back.
    """

    id: int
    tier: Tier
    area: str
    grids: tuple[str, ...]
    place: str
    proposer_id: int | None
    words: str
    status: Status
    opened_at: datetime
    since: datetime
    host_id: int | None = None
    door: bool = False
    vouched: int = 0
    round: int = 1
    question: str | None = None
    raised_to: str | None = None
    answer: str | None = None
    decision: str | None = None
    notice_until: datetime | None = None
    rate_until: datetime | None = None
    merged_into: int | None = None

    @property
    def title(self) -> str:
        """What it is called in one line: the question once it is put, before that the first words."""
        words = " ".join((self.question or self.words).split())
        return words if len(words) <= 40 else words[:39] + "…"

    @property
    def extent(self) -> Extent:
        return Extent(self.area, self.grids, self.place if self.tier is Tier.ESTATE else "")

    def holds(self, grid: str | None) -> bool:
        """Whether somebody who lives there is one of those it is about."""
        return self.extent.holds(grid)

    def grounds(self) -> tuple[str, ...]:
        """The areas it is about."""
        return self.extent.grounds()


@dataclass(frozen=True, slots=True)
class Leaf:
    """One leaf of a matter's file.

    `person_id` wrote it; of a step it is who is responsible, None where that is a partner, named in `place`. Of a way
    out `place` is the number of the case it became, "" for a mediation, of which nothing is known here. `words`
    are what was said, what a meeting is about, what is to be done; `due_at` when it is held or to be done by; `answer`
    what came back, the reason, the minutes, the news; `rank` how high the one stood who answered.
    """

    id: int
    matter_id: int
    kind: Kind
    state: State
    person_id: int | None
    words: str
    at: datetime
    round: int = 1
    due_at: datetime | None = None
    place: str = ""
    answer: str = ""
    answered_at: datetime | None = None
    rank: int | None = None
    ruling: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a matter's journal: who, as what, did what, why, and how it stood then."""

    number: int
    at: datetime
    person_id: int | None
    part: Part | None
    move: Move
    status: Status
    words: str = ""
    leaf_id: int | None = None


# How high a level stands, by how many digits of its code say which it is: grid, community, street, district.
_RANKS = {15: 1, 12: 2, 9: 3, 6: 4}
HIGHEST = max(_RANKS.values())


def rank(person: Person, area: str) -> int:
    """How high somebody stands over an area as a host; 0 for who does not."""
    theirs = (held.area for held in person.roles if held.role in HOSTS and covers(held.area, area))
    return max((_RANKS[len(prefix(each))] for each in theirs), default=0)


def ladder(area: str) -> tuple[str, ...]:
    """The areas whose levels stand over this one, from itself up to the district."""
    start = len(prefix(area))
    return tuple(area[:digits].ljust(max(digits, 12), "0") for digits in (15, 12, 9, 6) if digits <= start)


def above(area: str, over: int) -> str | None:
    """The area of the next level over that rank; None above the district."""
    return next((each for each in ladder(area) if _RANKS[len(prefix(each))] > over), None)


def parts(matter: Matter, person: Person, leaf: Leaf | None = None) -> set[Part]:
    """The parts a person plays in a matter, and in this leaf of its file."""
    played = set()
    if matter.proposer_id == person.id:
        played.add(Part.PROPOSER)
    if matter.holds(person.grid) or any(map(matter.extent.enrols, person.rosters)):
        played.add(Part.NEIGHBOUR)
    if person.serves(matter.area, HOSTS):
        played.add(Part.HOST)
    # Within it or around it: the leader of a community may carry in what belongs to its street.
    doors = [held.area for held in person.roles if held.role in WORKERS]
    if any(covers(ground, own) or covers(own, ground) for own in doors for ground in matter.grounds()):
        played.add(Part.LEADER)
    if leaf is not None and leaf.person_id == person.id:
        played.add(Part.RESPONSIBLE if leaf.kind is Kind.STEP else Part.AUTHOR)
    if leaf is not None and leaf.rank is not None:
        if rank(person, matter.area) > leaf.rank:
            played.add(Part.ABOVE)
    elif leaf is None and matter.raised_to is not None and person.serves(matter.raised_to, HOSTS):
        played.add(Part.ABOVE)
    return played


def sees(matter: Matter, person: Person) -> bool:
    """Whether somebody may look at a matter: what was hidden, only its proposer and its hosts."""
    playing = parts(matter, person)
    return bool(playing & {Part.PROPOSER, Part.HOST} if matter.status is Status.HIDDEN else playing)


def check(matter: Matter, move: Move, person: Person, now: datetime, leaf: Leaf | None = None) -> Part:
    """The part in which this person may make this move now; `Refused` when they may not."""
    rule = RULES.get(move)
    playing = parts(matter, person, leaf)
    if not playing or rule is None:
        raise Refused("matter.not_found")
    part = next((each for each in rule.parts if each in playing), None)
    if part is None:
        raise Refused("matter.not_yours", title=matter.title)
    if matter.status not in rule.start:
        raise Refused(f"matter.already.{matter.status}", title=matter.title)
    if rule.leaf is not None and rule.states:
        if leaf is None or leaf.matter_id != matter.id or leaf.kind is not rule.leaf:
            raise Refused("matter.not_found")
        if leaf.state not in rule.states:
            raise Refused(f"matter.leaf.{leaf.state}", title=matter.title)
    _check_time(matter, move, person, now, leaf)
    return part


def _check_time(matter: Matter, move: Move, person: Person, now: datetime, leaf: Leaf | None) -> None:
    if move is Move.ADOPT and matter.answer is None:
        raise Refused("matter.no_answer", title=matter.title)
    if move in (Move.RAISE, Move.HAND_UP) and rank(person, matter.area) == HIGHEST:
        raise Refused("matter.nobody_above", title=matter.title)
    if move is Move.OBJECT and matter.notice_until is not None and now >= matter.notice_until:
        raise Refused("matter.notice_over", title=matter.title)
    if move in (Move.DISPUTE, Move.APPEAL) and leaf is not None and leaf.rank == HIGHEST:
        raise Refused("matter.last_word", title=matter.title)
    if move is Move.RATE and matter.rate_until is not None and now >= matter.rate_until:
        raise Refused("matter.already.done", title=matter.title)
    if leaf is None or leaf.due_at is None:
        return
    if move in (Move.ATTEND, Move.STAY_AWAY, Move.CALL_OFF) and now >= leaf.due_at:
        raise Refused("matter.meeting_begun", title=matter.title)
    if move is Move.MINUTES and now < leaf.due_at:
        raise Refused("matter.meeting_to_come", title=matter.title, at=leaf.due_at)
    if move is Move.SIGN_IN and not leaf.due_at - SIGN_IN_FROM <= now <= leaf.due_at + SIGN_IN_UNTIL:
        raise Refused("matter.door_shut", title=matter.title, at=leaf.due_at)


def check_ballot(matter: Matter | None, person: Person | None, extent: Extent | None = None) -> None:
    """Raise `Refused` unless this person may put this matter to the vote now, of all it is about and nobody else."""
    if matter is None or person is None or Part.HOST not in parts(matter, person):
        raise Refused("matter.not_found")
    if matter.status not in RULES[Move.BALLOT].start:
        raise Refused(f"matter.already.{matter.status}", title=matter.title)
    if extent is not None and extent != matter.extent:
        raise Refused("matter.other_area", answer="ballot_open.area", title=matter.title, place=matter.place)


def moves(matter: Matter, person: Person, now: datetime, leaf: Leaf | None = None) -> list[Move]:
    """What this person may do with this matter now; given a leaf, what with that one."""
    possible = []
    for move, rule in RULES.items():
        if (leaf is not None) != (rule.leaf is not None and bool(rule.states)):
            continue
        try:
            check(matter, move, person, now, leaf)
        except Refused:
            continue
        possible.append(move)
    return possible


@dataclass(frozen=True, slots=True)
class MatterProposed:
    """A resident proposed something; or a grid leader carries in what `vouched` people said at the door."""

    by: int
    tier: Tier
    area: str
    place: str
    words: str
    grids: tuple[str, ...] = ()
    photos: tuple[str, ...] = ()
    vouched: int = 0


@dataclass(frozen=True, slots=True)
class MatterMoved:
    """Somebody did something with a matter.

    `leaf`: the leaf of its file it is about; `into`: the matter it is merged into; `count`: supporters at the door;
    `at`: when a meeting is held, by when a step is done; `place`: where, or which partner; `to`: who is responsible;
    `code`: what a meeting's door shows; `grid`: where a case or the sides of a mediation are; `category`: of a case.
    """

    matter: int
    move: Move
    by: int
    words: str = ""
    photos: tuple[str, ...] = ()
    leaf: int | None = None
    into: int | None = None
    count: int = 0
    at: datetime | None = None
    place: str = ""
    to: int | None = None
    score: int | None = None
    code: str = ""
    grid: str = ""
    category: str = ""


def complete(matter: Matter, moved: MatterMoved, now: datetime) -> None:
    """Raise `Refused` unless the move brings what it takes."""
    for need in RULES[moved.move].needs:
        given = {
            Need.REASON: bool(moved.words.strip()),
            Need.COUNT: moved.count > 0,
            Need.MATTER: moved.into is not None and moved.into != matter.id,
            Need.TIME: moved.at is not None and moved.at > now,
            Need.PLACE: bool(moved.place.strip()),
            Need.SCORE: moved.score in {*Score},
            Need.CODE: bool(moved.code),
            Need.GRID: matter.holds(moved.grid or None),
        }
        if not given[need]:
            raise Refused(f"matter.needs.{need}", answer=_ASKED.get(need), title=matter.title)


_ASKED = {
    Need.TIME: "matter.when",
    Need.COUNT: "matter.how_many",
    Need.MATTER: "matter.into",
    Need.SCORE: "matter.score",
}


def moved_on(matter: Matter, move: Move, now: datetime) -> Matter:
    """The matter in the state a move leads to."""
    end = RULES[move].end
    return matter if end is None else replace(matter, status=end, since=now)


@dataclass(frozen=True, slots=True)
class MatterFollowed:
    """Somebody wants to hear of a matter, or no more."""

    by: int
    matter: int
    follows: bool = True


@dataclass(frozen=True, slots=True)
class GroupInvited:
    """A host wants a code with which a group chat follows a matter."""

    by: int
    matter: int


@dataclass(frozen=True, slots=True)
class GroupFollowed:
    """Somebody in a group chat typed such a code; `by` is the group."""

    by: int
    code: str


@dataclass(frozen=True, slots=True)
class GroupLeft:
    """A group chat wants to hear of nothing any more."""

    by: int


@dataclass(frozen=True, slots=True)
class ProposalsTold:
    """Neighbours are told of what has been proposed since the last time, in one message each."""

    day: str


@dataclass(frozen=True, slots=True)
class ProposalWaits:
    """A proposal has gathered support for long enough; void when it is one no more."""

    matter: int


@dataclass(frozen=True, slots=True)
class NewsSpread:
    """A step of a matter's journal is told to those who follow it; from the person after this number on."""

    matter: int
    step: int
    after: int = 0


@dataclass(frozen=True, slots=True)
class NoticeEnds:
    """The time for objections is over; void when the matter has come to the agenda anew."""

    matter: int
    round: int


@dataclass(frozen=True, slots=True)
class DoorShown:
    """A host wants the code of a meeting for its door, and the list of who has come."""

    by: int
    leaf: int


@dataclass(frozen=True, slots=True)
class MeetingNears:
    """A meeting is a day or an hour away; void when it was called off."""

    leaf: int
    hours: int


@dataclass(frozen=True, slots=True)
class StepNears:
    """A step of carrying it out is due soon, or was due: void when it is done."""

    leaf: int
    late: bool = False


@dataclass(frozen=True, slots=True)
class RatingEnds:
    """The time to say what one makes of it is over."""

    matter: int
