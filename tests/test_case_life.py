"""The whole life of cases with everybody in it, at random: nobody beyond their area, nothing closed unchecked, nothing
stuck, the journal whole, and everybody who should know told, once."""

import asyncio
import os
import shutil
from collections import Counter
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from bot.app import Knowledge, build
from config.settings import load
from domain.cases import (
    ENDED,
    OPEN,
    RULES,
    Case,
    CaseMoved,
    Move,
    OfficeLeft,
    Part,
    ProblemReported,
    SameTroubleMet,
    Score,
    Status,
    moves,
    parts,
)
from domain.people import Person, Role
from domain.refusals import Refused
from domain.whistles import CallAttended, CallDeclined, CallJudged, CallSigned, WhistleBlown, WhistleClosed
from storage import audit, statistics
from storage.audit import Tally
from storage.desk import Desk
from tests.lives import Lived
from tests.play import START, Stage

T = TypeVar("T")

GRID, NEXT, ELSEWHERE = "230203002001001", "230203002001002", "230203002003001"
COMMUNITY, STREET, DISTRICT = GRID[:12], "230203002000", "230203000000"
# Who they are, and the area their role is for.
CAST: dict[str, tuple[str, ...]] = {
    "wang": ("居民", GRID),
    "chen": ("居民", GRID),
    "sun": ("居民", NEXT),
    "li": ("网格员", GRID),
    "zhao": ("网格员", NEXT),
    "he": ("网格长", COMMUNITY),
    "zhou": ("社区", COMMUNITY),
    "ma": ("社区", COMMUNITY),
    "qian": ("街道", STREET),
    "wu": ("区", DISTRICT),
    "sun_c": ("部门", DISTRICT, "city-management"),
    "feng": ("部门", DISTRICT, "city-management"),
    "zheng": ("部门", DISTRICT, "housing"),
    "far_worker": ("网格员", ELSEWHERE),
    "far_staff": ("社区", ELSEWHERE[:12]),
}
RESIDENTS = ("wang", "chen", "sun")
OVER_IT = ("he", "zhou", "ma", "qian", "wu")
WORKING = ("li", "zhao")
DEPARTMENTS = ("sun_c", "feng", "zheng")
# Whose hands a step takes, said here a second time and in other words: a slip in the table is found.
NEVER = {
    "resident": {*Move}
    - {Move.RATE, Move.REJECT, Move.WITHDRAW, Move.REMARK, Move.REOPEN, Move.APPRAISE, Move.HIDE, Move.URGE},
    "worker": {
        *(Move.DISPATCH, Move.DISMISS, Move.DISOWN, Move.MERGE, Move.HANG, Move.RESUME, Move.RECLASSIFY),
        *(Move.GIVE_TIME, Move.DENY_TIME, Move.ASK_CHECK, Move.READ),
        *(Move.RAISE, Move.LOWER, Move.ASSIGN, Move.SUPERVISE),
    },
}
_names = st.sampled_from(sorted(CAST))
_called = st.sampled_from((("city-management", "housing"), ("housing",), ("residents-committee",), ("navy",)))
# What somebody brings along, mostly what a move takes. Drawn whole: what is drawn must not depend on what has happened.
_extras = st.tuples(
    st.sampled_from(("因为有事", "因为有事", "因为有事", "")),
    st.sampled_from((("b" * 64,), ())),
    st.sampled_from(("li", "zhao", "he", "far_worker", "wang")),
    st.integers(0, 9),
    st.sampled_from((*Score, 7)),
    st.sampled_from(("water-supply", "street-lamp", "conduct", "no such")),
    st.sampled_from((2, 40, -300)),
    st.sampled_from(("city-management", "city-management", "housing", "residents-committee", "navy")),
)
Extras = tuple[str, tuple[str, ...], str, int, int, str, int, str]
# What only the level that holds a case does with it, or one above.
ARRANGING = (
    *(Move.DISPATCH, Move.DISMISS, Move.DISOWN, Move.MERGE, Move.HANG, Move.RESUME, Move.RECLASSIFY),
    *(Move.RAISE, Move.LOWER),
)
AT_LEVEL = {"community": ("zhou", "ma", "qian", "wu"), "street": ("qian", "wu"), "district": ("wu",)}
reached: Counter[Status] = Counter()
made: Counter[Move] = Counter()
whistled: Counter[Move] = Counter()


class Life(Lived):
    """A district's people do whatever they like with a few cases; each step is held against what must never be."""

    watched = (
        "cases",
        "case_log",
        "case_photos",
        "followers",
        "ratings",
        "outbox",
        "dues",
        "corrections",
        "seals",
        "demands",
        "whistles",
        "whistle_calls",
    )

    def __init__(self, knowledge: Knowledge, template: Path, folder: Path) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        path = folder / f"life-{next(_lives)}.db"
        shutil.copy(template, path)
        self._path = path
        self.now = START
        # What Hypothesis draws must not depend on chance of ours.
        self.service = build(
            load(database_url=f"sqlite:///{path}", files=folder / "files", http_port=0),
            clock=lambda: self.now,
            knowledge=knowledge,
        )
        self.made: Counter[Move] = Counter()
        self.whistled: Counter[Move] = whistled
        self.asked = 0
        self.cases: list[int] = []
        self.doers: dict[int, set[int]] = {}
        self.people = {who: self._read(lambda desk, who=who: _number(desk, who)) for who in CAST}  # type: ignore[misc]
        self.heard = 0
        self._news()
        self.report("wang", GRID, photo=False)

    # What anybody does.

    @precondition(lambda self: len(self.cases) < 4)
    @rule(who=st.sampled_from(RESIDENTS + WORKING), grid=st.sampled_from((GRID, NEXT)), photo=st.booleans())
    def report(self, who: str, grid: str, photo: bool) -> None:
        number = len(self.cases) + 1
        fact = ProblemReported(
            self.people[who], grid, "street-lamp", f"幸福里 {number} 栋", f"路灯不亮 {number}", ("a" * 64,) * photo
        )
        self._write(lambda desk: desk.happen(fact))
        self.cases.append(number)
        self.doers[number] = set()
        reached[self._case(number).status] += 1
        assert set(self._news().values()) == {1} or who in WORKING

    @rule(who=st.sampled_from(RESIDENTS), pick=st.integers(0, 9))
    def meet_the_same(self, who: str, pick: int) -> None:
        case = self._case(self._pick(pick))
        if case.reporter_id != self.people[who]:
            self._write(lambda desk: desk.happen(SameTroubleMet(self.people[who], case.id)))
            self._news()

    @rule(steps=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 999), _extras), min_size=3, max_size=9))
    def do_what_one_may(self, steps: list[tuple[int, int, Extras]]) -> None:
        """Some make moves that are offered to them, what was seldom done before rather than what was often."""
        for pick, turn, given in steps:
            case = self._case(self._pick(pick))
            offered = []
            for who in CAST:
                follows = self.people[who] in self._followers(case.id)
                offered += [(who, move) for move in moves(case, self._person(who), self.now, follows=follows)]
            fewest = min((self.made[move] for _, move in offered), default=0)
            rare = [each for each in offered if self.made[each[1]] <= fewest + 1]
            if rare:
                who, move = rare[turn % len(rare)]
                self._make(case, who, move, given)

    @rule(pick=st.integers(0, 9), who=_names, move=st.sampled_from(Move), given=_extras)
    def do_anything(self, pick: int, who: str, move: Move, given: Extras) -> None:
        """Somebody presses a button of long ago, or one that was never theirs."""
        self._make(self._case(self._pick(pick)), who, move, given)

    @rule(who=st.sampled_from(("zhou", "qian", "zhou", "wu", "li", "far_staff")), pick=st.integers(0, 9), codes=_called)
    def blow(self, who: str, pick: int, codes: tuple[str, ...]) -> None:
        """Somebody calls departments to a case; all of them hear, and so do its reporter, followers and handlers."""
        case, by = self._case(self._pick(pick)), self.people[who]
        rows, followers, handlers = self._everything(), self._followers(case.id), self._handlers(case)
        person = self._person(who)
        try:
            self._write(lambda desk: desk.happen(WhistleBlown(case.id, by, codes, "一起来定", "楼下")))
        except Refused:
            assert self._everything() == rows
            return
        assert person.serves(case.grid, (Role.COMMUNITY, Role.STREET))
        assert case.status in OPEN
        assert not case.called
        assert self._case(case.id).called == codes
        self.whistled[Move.WHISTLE] += 1
        # Its absence may be told to everybody once for each department, and once more for each time it must come anew.
        self.asked += 2 * len(codes)
        told = self._news()
        called = {number for code in codes for number in self._of(code, case)}
        # Whoever blew it also reads for which of them nobody can be reached.
        wanted = {*self.people.values()} & {by, case.reporter_id, *followers, *handlers, *called}
        assert all(1 <= told[number] <= (1 + len(codes) if number == by else 1) for number in wanted), told
        assert told.keys() <= wanted, told

    @rule(who=_names, pick=st.integers(0, 9), what=st.sampled_from(("attend", "attend", "decline", "sign", "judge")))
    def answer(self, who: str, pick: int, what: str) -> None:
        """Somebody answers for a department that is called, or judges one that cannot come."""
        case = self._case(self._pick(pick))
        whistle = self._read(lambda desk: desk.whistles.of_case(case.id))
        calls = self._read(lambda desk: desk.whistles.calls(whistle.id)) if whistle else []
        by, rows = self.people[who], self._everything()
        for call in calls:
            fact = {
                "attend": CallAttended(call.id, by, ("c" * 64,)),
                "decline": CallDeclined(call.id, by, "人不够"),
                "sign": CallSigned(call.id, by, "明天就办"),
                "judge": CallJudged(call.id, by, excused=pick % 2 == 0),
            }[what]
            person = self._person(who)
            try:
                self._write(lambda desk, fact=fact: desk.happen(fact))  # type: ignore[misc]
            except Refused:
                assert self._everything() == rows
                continue
            assert whistle is not None
            assert whistle.closed_at is None
            assert self._case(case.id).due_at == case.due_at
            if what == "judge":
                assert person.serves(case.grid, (Role.STREET, Role.DISTRICT))
                self.asked += 2
            else:
                assert person.of_department(call.department, case.grid)
            assert max(self._news().values(), default=0) <= 2
            self.whistled[Move.ATTEND] += what == "attend"
            break

    @rule(who=st.sampled_from(("zhou", "qian", "wu", "far_staff", "li")), pick=st.integers(0, 9))
    def call_off(self, who: str, pick: int) -> None:
        """Somebody says what came of a whistle: when nobody is awaited any more, and never before."""
        case, person = self._case(self._pick(pick)), self._person(who)
        whistle = self._read(lambda desk: desk.whistles.of_case(case.id))
        if whistle is None:
            return
        calls = self._read(lambda desk: desk.whistles.calls(whistle.id))
        rows, followers = self._everything(), self._followers(case.id)
        try:
            self._write(lambda desk: desk.happen(WhistleClosed(whistle.id, person.id, "定好了")))
        except Refused:
            assert self._everything() == rows
            return
        assert whistle.closed_at is None
        assert not any(call.pending for call in calls)
        assert person.serves(case.grid, (Role.COMMUNITY, Role.STREET, Role.DISTRICT))
        assert self._case(case.id).called == ()
        told = self._news()
        wanted = {*self.people.values()} & {person.id, case.reporter_id, *followers}
        assert all(told[number] == 1 for number in wanted), told
        assert max(told.values()) == 1

    @rule(who=st.sampled_from(WORKING + OVER_IT + DEPARTMENTS))
    def lose_office(self, who: str) -> None:
        async def end(desk: Desk) -> None:
            await desk.people.end_roles(self.people[who])
            await desk.happen(OfficeLeft(self.people[who]))

        self._write(end)
        assert self._count_with(self.people[who]) == 0
        self._news()

    @rule(who=st.sampled_from(WORKING + OVER_IT + DEPARTMENTS))
    def take_office(self, who: str) -> None:
        role, *where = CAST[who]
        self._write(lambda desk: desk.people.grant(self.people[who], _ROLES[role], *where))

    @rule(hours=st.sampled_from((1, 20, 24 * 4, 24 * 31)))
    def let_time_pass(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        self._runner.run(self.service.bell.ring())
        told = self._news()
        # Of each case a person hears twice at most: that its time nears, and that it has passed. And of late answers.
        assert all(times <= 2 * len(self.cases) + self.asked for times in told.values()), told

    @rule()
    def gather(self) -> None:
        self._runner.run(statistics.gather(self.service.desks.database))

    @rule()
    def seal(self) -> None:
        self._runner.run(audit.seal(self.service.desks.database, self.now))

    # What must be so.

    def _make(self, case: Case, who: str, move: Move, given: Extras) -> None:
        person = self._person(who)
        moved = self._given(case, person, move, given)
        before, followers = self._everything(), self._followers(case.id)
        merged = self._read(lambda desk: desk.cases.merged(case.id))
        kept = self._case(moved.into) if moved.into else None
        demands = self._read(lambda desk: desk.demands.open(case.id))
        handlers, awaited = self._handlers(case), self._awaited(case)
        try:
            self._write(lambda desk: desk.happen(moved))
        except Refused:
            assert self._everything() == before
            return
        after = self._case(case.id)
        made[move] += 1
        self.made[move] += 1
        reached[after.status] += 1
        told = self._news()
        if after.status in ENDED:
            # The case is over: whoever was still awaited need not come.
            assert all(told[number] >= times for number, times in awaited.items()), (told, awaited)
            told -= awaited
        self._check_hands(case, person, who, move)
        self.asked += move in (Move.SUPERVISE, Move.URGE)
        asking = {each.asked_by: each.move for each in demands if each.asked_by != person.id}
        self._check_told(case, after, kept, moved, followers, told, handlers, asking)
        self._check_level(case, after, who, move)
        if move in (Move.ACCEPT, Move.FINISH, Move.ON_SITE, Move.TAKE_OVER):
            self.doers[case.id].add(person.id)
        if after.status is Status.CLOSED and case.status is not Status.CLOSED:
            assert person.id not in self.doers[case.id]
        self._check_clock(case, after, move, moved)
        assert move is not Move.WITHDRAW or bool(merged) == (after.status is not Status.WITHDRAWN)
        self._not_stuck(after)

    def _check_hands(self, case: Case, person: Person, who: str, move: Move) -> None:
        number, here = person.id, person.serves(case.grid, [role for role in Role if role is not Role.DEPARTMENT])
        here = here or (case.department is not None and person.of_department(case.department, case.grid))
        theirs = number in (case.reporter_id, case.worker_id, case.checker_id) or number in self._followers(case.id)
        assert here or theirs, f"{who} is not of this area and did {move}"
        if not person.roles:
            assert move not in NEVER["resident"], f"{who}, a resident, did {move}"
        elif not person.has(Role.GRID_LEADER, Role.COMMUNITY, Role.STREET, Role.DISTRICT):
            assert move not in NEVER["worker"], f"{who}, a gridworker, did {move}"
        if move is Move.VERIFY:
            assert number not in self.doers[case.id]
        if move in (Move.WITHDRAW, Move.REOPEN, Move.RATE):
            assert number == case.reporter_id

    def _check_level(self, case: Case, after: Case, who: str, move: Move) -> None:
        """A level acts on what it holds, or one above; a department knows only what was given to it."""
        if move in ARRANGING:
            assert who in AT_LEVEL[case.level], f"{who} did {move} with what lies with the {case.level}"
        if move is Move.ASSIGN:
            assert who == "wu"
            assert after.department in ("city-management", "housing")
        if move is Move.SUPERVISE:
            assert who in ("qian", "wu")
        assert (after.level == case.level) == (move not in (Move.RAISE, Move.LOWER, Move.ASSIGN)) or (
            move is Move.ASSIGN and case.level == "district"
        )
        # Somebody owes an answer exactly while somebody waits for one.
        waiting = self._read(lambda desk: desk.demands.open(case.id))
        assert after.answer_by == min((each.answer_by for each in waiting), default=None)
        for each in DEPARTMENTS:
            person = self._person(each)
            mine = after.department in person.departments()
            mine = mine or bool({*after.called}.intersection(person.departments()))
            assert mine or not parts(after, person) or self.people[each] in (after.worker_id, after.checker_id)

    def _handlers(self, case: Case) -> set[int | None]:
        """The one a case lies with, or the department's people while none of them has taken it."""
        if case.worker_id or not case.department or case.status not in (Status.DISPATCHED, Status.HANDLING):
            return {case.worker_id}
        code = case.department
        there = self._read(lambda desk: desk.people.in_department(code, case.grid, reachable=True))
        return {person.id for person in there}

    def _awaited(self, case: Case) -> Counter[int]:
        """Who is waited for by an open whistle, each as often as their departments were called."""
        whistle = self._read(lambda desk: desk.whistles.of_case(case.id)) if case.called else None
        calls = self._read(lambda desk: desk.whistles.calls(whistle.id)) if whistle else []
        return Counter(number for call in calls if call.pending for number in self._of(call.department, case))

    def _of(self, code: str, case: Case) -> set[int]:
        people = self._read(lambda desk: desk.people.in_department(code, case.grid, reachable=True))
        return {person.id for person in people}

    def _check_told(
        self,
        case: Case,
        after: Case,
        kept: Case | None,
        moved: CaseMoved,
        followers: list[int],
        told: Counter[int],
        handlers: set[int | None],
        asking: dict[int | None, Move],
    ) -> None:
        by, alone = moved.by, moved.move is Move.WITHDRAW and after.status is not Status.WITHDRAWN
        wanted: set[int | None] = {by}
        if after.category == "conduct":
            # What is about a gridworker is between its reporter and staff.
            followers = []
        for part in () if alone else RULES[moved.move].tells:
            theirs: dict[Part, set[int | None]] = {
                Part.REPORTER: {after.reporter_id},
                Part.FOLLOWER: {*followers},
                Part.WORKER: handlers | self._handlers(after),
                Part.CHECKER: {after.checker_id},
                Part.COLLEAGUE: {after.offered_to},
            }
            wanted |= theirs.get(part, set())
        if moved.move in (Move.ACCEPT, Move.FINISH, Move.RETURN):
            wanted |= {case.worker_id}
        if moved.move is Move.RETURN:
            # Nobody of a department has taken it and one gives it back: it is the others' no more.
            wanted |= handlers
        if after.status is not Status.DONE or moved.move is Move.ASK_CHECK:
            wanted |= {case.checker_id}
        if after.offered_to != case.offered_to and moved.move is not Move.DECLINE:
            # Asked for nothing any more.
            wanted |= {case.offered_to}
        if kept is not None:
            wanted |= self._handlers(kept)
        if moved.move is Move.DENY_TIME or moved.move is Move.GIVE_TIME:
            wanted |= {case.asked_by}
        if moved.move is Move.ANSWER:
            wanted |= {*asking}
            if Move.SUPERVISE in asking.values():
                wanted |= {after.reporter_id, *followers}
        # The list's own worker has no chat yet: staff hear instead.
        for number in wanted & {*self.people.values()}:
            # Given to oneself, a task is pushed all the same.
            own_task = number == by and after.worker_id == by
            # Whoever brings two together reads the codes as well; whoever reported it is asked whether they want it.
            mediates = moved.move is Move.MEDIATE and number in (by, after.reporter_id)
            often = 3 if mediates else 2 if own_task else 1
            assert 1 <= told[number] <= often, (moved, number, told)  # type: ignore[index]
        over = {self.people[who] for who in OVER_IT}
        assert {number for number in told if number not in wanted} <= over, (moved, told)
        if Part.STAFF in RULES[moved.move].tells and any(
            self._person(who).roles for who in ("zhou", "ma", "qian", "wu")
        ):
            assert moved.move is Move.ASK_TIME or told.keys() & (over | {by})

    def _check_clock(self, case: Case, after: Case, move: Move, moved: CaseMoved) -> None:
        calendar, term = self.service.district.calendar, self.service.district.category(after.category).deadline
        if move in (Move.REOPEN, Move.RECLASSIFY):
            assert after.due_at == calendar.due(self.now, term)
        elif move is Move.RESUME:
            assert case.hung_at is not None
            left = calendar.left(case.hung_at, case.due_at, term)
            assert after.due_at >= case.due_at
            assert calendar.left(self.now, after.due_at, term) >= left
            assert after.due_at == case.due_at or case.hung_at < case.due_at
        elif move is Move.GIVE_TIME:
            assert after.due_at == case.asked_until
        else:
            assert after.due_at == case.due_at

    def _not_stuck(self, case: Case) -> None:
        """An open case always has a way on for whoever holds the office next, even if nobody does today."""
        if case.status not in OPEN:
            assert case.status in ENDED
            return
        somebody = Person(-1, roles=self._held_by(AT_LEVEL[case.level][0]))
        ways = [move for move in moves(case, somebody, self.now) if RULES[move].end not in (None, case.status)]
        assert ways, case

    def teardown(self) -> None:
        async def read() -> tuple[list[audit.Problem], Tally]:
            tally = Tally()
            return [each async for each in audit.read_through(self.service.desks.database, tally)], tally

        try:
            for who in ("wang", "chen"):
                self._write(lambda desk, who=who: desk.people.unsay(self.people[who]))  # type: ignore[misc]
                self._write(lambda desk, who=who: desk.people.erase(self.people[who]))  # type: ignore[misc]
            # Some of it gathered, some not yet: a slow recount finds the same.
            counted = self._runner.run(statistics.recount(self.service.desks.database, self.service.district.timezone))
            assert (counted.cases, counted.first) == (len(self.cases), [])
            self._runner.run(statistics.gather(self.service.desks.database))
            counted = self._runner.run(statistics.recount(self.service.desks.database, self.service.district.timezone))
            assert counted.first == []
            problems, tally = self._runner.run(read())
            assert problems == []
            assert tally.cases == len(self.cases)
        finally:
            self._runner.run(self.service.desks.database.close())
            self._runner.close()
            self._path.unlink()

    # What the rules above are told in.

    def _given(self, case: Case, person: Person, move: Move, given: Extras) -> CaseMoved:
        """The move with what belongs to it of what they bring along."""
        words, photos, to, into, score, category, days, department = given
        others = [each for each in self.cases if each != case.id] or [case.id]
        return CaseMoved(
            case=case.id,
            move=move,
            by=person.id,
            words=words,
            photos=photos if move is Move.FINISH else (),
            to=self.people[to] if move in (Move.DISPATCH, Move.ASK_CHECK, Move.HAND_OVER) else None,
            into=others[into % len(others)] if move is Move.MERGE else None,
            score=score if move in (Move.RATE, Move.APPRAISE) else None,
            category=category if move is Move.RECLASSIFY else None,
            until=case.due_at + timedelta(days=days) if move in (Move.HANG, Move.ASK_TIME, Move.SUPERVISE) else None,
            department=department if move is Move.ASSIGN else None,
        )

    def _pick(self, pick: int) -> int:
        return self.cases[pick % len(self.cases)]

    def _case(self, number: int) -> Case:
        return self._read(lambda desk: desk.cases.get(number))

    def _person(self, who: str) -> Person:
        found = self._read(lambda desk: desk.people.get(self.people[who]))
        assert found is not None
        return found

    def _held_by(self, who: str) -> tuple[Any, ...]:
        from domain.people import Held

        return (Held(_ROLES[CAST[who][0]], CAST[who][1]),)

    def _followers(self, number: int) -> list[int]:
        return self._read(lambda desk: desk.cases.followers(number))

    def _count_with(self, number: int) -> int:
        return len(self._read(lambda desk: desk.cases.of_worker(number, (Status.DISPATCHED, Status.HANDLING))))


_lives = count(1)
_ROLES = {
    "网格员": Role.GRIDWORKER,
    "网格长": Role.GRID_LEADER,
    "社区": Role.COMMUNITY,
    "街道": Role.STREET,
    "区": Role.DISTRICT,
    "部门": Role.DEPARTMENT,
}


async def _number(desk: Desk, who: str) -> int:
    from bot.core.words import Address

    found = await desk.people.at(Address("web", "chat", who))
    assert found is not None
    return found[1].id


def test_the_whole_life_of_cases_with_everybody_in_it(
    sqlite_template: Path, tmp_path: Path, knowledge: Knowledge
) -> None:
    template = tmp_path / "people.db"
    shutil.copy(sqlite_template, template)

    async def introduce() -> None:
        stage = Stage(load(database_url=f"sqlite:///{template}", files=tmp_path / "files"), knowledge, restart=False)
        for who, (role, *where) in CAST.items():
            await stage.introduce(who, role, *where)
        await stage.close()

    asyncio.run(introduce())
    reached.clear()
    made.clear()
    whistled.clear()
    run_state_machine_as_test(
        lambda: Life(knowledge, template, tmp_path),  # type: ignore[arg-type]
        settings=settings(
            max_examples=int(os.environ.get("LIVES", "8")),
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            phases=(Phase.generate,),
            database=None,
            suppress_health_check=[*HealthCheck],
        ),
    )
    # Enough has happened for the above to mean something; more lives (LIVES=200) go everywhere.
    assert len(reached) >= 5, reached
    assert len(made) >= 8, made
    assert whistled[Move.WHISTLE], whistled
