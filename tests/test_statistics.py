"""What is counted, over what: known answers, and the same numbers however they are come by, on both databases."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, insert, update

from bot.app import Knowledge, Service, build
from bot.core.words import Address
from bot.recount import recount as recount_by_hand
from config.settings import Settings
from domain.cases import CaseMoved, Move, Part, Phase, ProblemReported, SameTroubleMet, Score, Status
from domain.people import Held, Person, Role
from domain.refusals import Refused
from domain.statistics import (
    Every,
    Figures,
    Period,
    Rate,
    check_period,
    check_viewer,
    figures,
    period,
    viewed,
)
from domain.tally import WHOLE, Mark, bucket, covering, median, middle, share, spans
from storage import statistics
from storage.database import Connection
from storage.desk import Desk
from storage.tables import AreaCounts, CountChanges, Facts
from tests.play import START

ZONE = ZoneInfo("Asia/Shanghai")
GRID, NEXT, ELSEWHERE = "230203002001001", "230203002001002", "230203002003001"
COMMUNITY, STREET, DISTRICT = GRID[:12], "230203002000", "230203000000"
HOUR = timedelta(hours=1)
DUE = START + 72 * HOUR


def mark(hours: float, move: Move, status: Status, part: Part | None = None, due: datetime = DUE) -> Mark:
    return Mark(START + hours * HOUR, move, part, status, due)


OPENED = mark(0, Move.OPEN, Status.DISPATCHED, Part.REPORTER)
DONE = (OPENED, mark(2, Move.ACCEPT, Status.HANDLING), mark(10, Move.FINISH, Status.DONE))


def of(*marks: Mark, scores: tuple[int, ...] = ()) -> dict[str, Counter[str]]:
    return share("street-lamp", marks, scores, ZONE)


def test_a_new_case_adds_to_the_day_it_was_opened_and_to_the_day_it_is_due() -> None:
    assert of(OPENED) == {
        "2026-11-23": {"is.dispatched": 1, "of.street-lamp": 1, "answer.none": 1},
        "2026-11-26": {"due.open": 1},
    }


def test_a_day_is_the_districts_own() -> None:
    late = Mark(datetime(2026, 11, 23, 16, 30, tzinfo=UTC), Move.OPEN, None, Status.RETURNED, DUE)
    assert "2026-11-24" in of(late)


@pytest.mark.parametrize(("hours", "answer"), [(24, "in_time"), (24.1, "late")])
def test_taken_up_within_a_day_is_answered_in_time(hours: float, answer: str) -> None:
    found = of(OPENED, mark(hours, Move.ACCEPT, Status.HANDLING))["2026-11-23"]
    assert found[f"answer.{answer}"] == 1
    assert found["answer.none"] == 0


def test_passing_it_on_is_no_answer_and_what_was_taken_back_needed_none() -> None:
    passed = of(OPENED, mark(1, Move.RETURN, Status.RETURNED), mark(2, Move.DISPATCH, Status.DISPATCHED))
    assert passed["2026-11-23"]["answer.none"] == 1
    assert not [what for what in of(OPENED, mark(1, Move.WITHDRAW, Status.WITHDRAWN))["2026-11-23"] if "answer" in what]


def test_what_was_sent_back_is_late_when_it_is_done_late_the_second_time() -> None:
    again = (*DONE, mark(11, Move.REJECT, Status.HANDLING, Part.REPORTER))
    assert of(*DONE)["2026-11-26"] == {"due.kept": 1}
    assert of(*again)["2026-11-26"] == {"due.open": 1}
    assert of(*again, mark(73, Move.FINISH, Status.DONE))["2026-11-26"] == {"due.missed": 1}
    assert "2026-11-26" not in of(OPENED, mark(3, Move.HANG, Status.HUNG))


def test_how_long_each_phase_took_is_known_once_it_is_closed() -> None:
    assert not [what for what in of(*DONE)["2026-11-23"] if what.startswith("took")]
    closed = of(*DONE, mark(34, Move.VERIFY, Status.CLOSED), mark(40, Move.APPRAISE, Status.CLOSED, Part.REPORTER))
    took = {what for what in closed["2026-11-23"] if what.startswith("took")}
    hours = {Phase.DISPATCH: 2, Phase.HANDLE: 8, Phase.CHECK: 24, Phase.RATE: 6, WHOLE: 34}
    assert took == {f"took.{phase}.{bucket(each * HOUR)}" for phase, each in hours.items()}


@given(st.floats(60, 1e9))
def test_a_time_read_back_is_off_by_four_and_a_half_percent_at_most(seconds: float) -> None:
    back = middle(bucket(timedelta(seconds=seconds))).total_seconds()
    assert abs(back - seconds) / seconds <= 0.0443


@given(st.lists(st.floats(60, 1e8), min_size=1, max_size=200))
def test_the_median_is_off_by_no_more(seconds: list[float]) -> None:
    found = median(Counter(bucket(timedelta(seconds=each)) for each in seconds))
    real = sorted(seconds)[(len(seconds) - 1) // 2]
    assert found is not None
    assert abs(found.total_seconds() - real) / real <= 0.0443


def test_nothing_has_no_median() -> None:
    assert median({}) is None


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(0, 1200))
def test_whole_months_and_single_days_cover_a_period_once_each(first: date, days: int) -> None:
    wanted = [(first + timedelta(days=each)).isoformat() for each in range(days + 1)]
    rows = covering(first, first + timedelta(days=days))
    assert [day for day in wanted if sum(row in spans(day) for row in rows) != 1] == []
    # And nothing besides: each month taken whole lies within.
    assert all(f"{row}-01" in wanted for row in rows if len(row) == 7)
    assert len(rows) <= 60 + 12 * 4


def test_periods_have_the_days_people_mean() -> None:
    day = date(2026, 11, 25)
    assert period(Every.WEEK, day) == Period(date(2026, 11, 23), date(2026, 11, 29), Every.WEEK)
    assert period(Every.MONTH, day, 1) == Period(date(2026, 10, 1), date(2026, 10, 31), Every.MONTH)
    assert period(Every.QUARTER, day, 4) == Period(date(2025, 10, 1), date(2025, 12, 31), Every.QUARTER)
    assert period(Every.YEAR, day) == Period(date(2026, 1, 1), date(2026, 12, 31), Every.YEAR)


@pytest.mark.parametrize(
    ("first", "last", "key"),
    [
        (date(2026, 11, 2), date(2026, 11, 1), "stats.backwards"),
        (date(2026, 11, 26), date(2026, 11, 30), "stats.to_come"),
        (date(2019, 1, 1), date(2026, 11, 1), "stats.too_long"),
    ],
)
def test_a_period_there_is_nothing_to_tell_of_is_refused(first: date, last: date, key: str) -> None:
    with pytest.raises(Refused) as refused:
        check_period(Period(first, last), date(2026, 11, 25))
    assert refused.value.key == key


def test_who_sees_which_areas() -> None:
    leader = Person(1, roles=(Held(Role.GRID_LEADER, COMMUNITY), Held(Role.GRIDWORKER, ELSEWHERE)))
    assert viewed(leader) == (COMMUNITY,)
    check_viewer(leader, GRID)
    for area in (STREET, ELSEWHERE):
        with pytest.raises(Refused):
            check_viewer(leader, area)
    both = Person(2, roles=(Held(Role.COMMUNITY, COMMUNITY), Held(Role.STREET, STREET)))
    assert viewed(both) == (STREET,)


def test_few_are_no_percentage() -> None:
    assert Rate(9, 9).share is None
    assert Rate(9, 10).share == 0.9


def test_what_is_not_due_until_its_day_is_over_counts_against_nobody_before() -> None:
    today = date(2026, 11, 25)
    rows = {
        **{f"2026-11-{day}": {"answer.none": 1, "answer.in_time": 1, "due.open": 1, "due.kept": 2} for day in (23, 24)},
        "2026-11-25": {"answer.none": 5, "due.open": 7, "due.kept": 1},
    }
    found = figures(rows, period(Every.WEEK, today), today)
    assert found.answered == Rate(2, 3)
    assert found.on_time == Rate(5, 7)


def test_the_ages_of_what_is_open_whenever_it_was_reported() -> None:
    today = date(2026, 11, 25)
    days = {0: 1, 1: 2, 2: 4, 3: 8, 7: 16, 8: 32, 30: 64}
    rows = {(today - timedelta(days=age)).isoformat(): {"is.handling": count} for age, count in days.items()}
    rows[""] = {"is.handling": sum(days.values()) + 5, "is.hung": 7, "is.closed": 1000}
    assert figures(rows, period(Every.WEEK, today), today).ages == (3, 12, 16, 96, 12)


# The same numbers however they are come by.


class Town:
    """The service and some people, who live through a few weeks."""

    def __init__(self, settings: Settings, knowledge: Knowledge) -> None:
        self.now = START
        self.service: Service = build(settings, clock=lambda: self.now, knowledge=knowledge)
        self.database = self.service.desks.database
        self.people: dict[str, int] = {}

    async def meet(self, who: str, role: Role | None = None, area: str = GRID) -> None:
        async def settle(desk: Desk) -> int:
            person = (await desk.people.meet(Address("web", "chat", who))).person
            if role:
                await desk.people.grant(person.id, role, area)
            return person.id

        self.people[who] = await self.service.desks.write(settle)

    async def settle(self) -> None:
        await self.meet("wang")
        await self.meet("chen")
        await self.meet("li", Role.GRIDWORKER)
        await self.meet("far", Role.GRIDWORKER, ELSEWHERE)
        await self.meet("zhou", Role.COMMUNITY, COMMUNITY)
        await self.meet("wu", Role.DISTRICT, DISTRICT)

    async def report(self, grid: str = GRID, category: str = "street-lamp") -> int:
        async def happen(desk: Desk) -> int:
            words = f"坏了 {self.now}"
            await desk.happen(ProblemReported(self.people["wang"], grid, category, "幸福里 3 栋", words))
            return (await desk.cases.of_reporter(self.people["wang"]))[0].id

        self.now += timedelta(minutes=1)
        return await self.service.desks.write(happen)

    async def move(self, case: int, who: str, move: Move, hours: float = 1, **given: object) -> None:
        self.now += hours * HOUR
        fact = CaseMoved(case, move, self.people[who], **{"words": "因为有事"} | given)  # type: ignore[arg-type]
        await self.service.desks.write(lambda desk: desk.happen(fact))

    async def closed(self, grid: str = GRID, worker: str = "li", score: Score = Score.GOOD) -> int:
        case = await self.report(grid)
        await self.move(case, worker, Move.ACCEPT)
        await self.move(case, worker, Move.FINISH, 3)
        await self.move(case, "wang", Move.RATE, score=score)
        return case

    async def figures(self, area: str, wanted: Period | None = None) -> Figures:
        today = self.service.district.day(self.now)
        asked = wanted or Period(date(2026, 11, 1), today)
        return await self.service.desks.read(lambda desk: desk.statistics.figures(area, asked, today))

    async def recount(self) -> statistics.Recount:
        return await statistics.recount(self.database, self.service.district.timezone)


@pytest.fixture
async def town(settings: Settings, knowledge: Knowledge):  # type: ignore[no-untyped-def]
    town = Town(settings, knowledge)
    await town.service.prepare()
    await town.settle()
    yield town
    await town.database.close()


async def test_a_case_counts_for_its_grid_community_street_and_district_and_for_no_other(town: Town) -> None:
    await town.closed()
    await town.closed(ELSEWHERE, "far", Score.POOR)
    for area, cases, solved in ((GRID, 1, 1), (COMMUNITY, 1, 1), (STREET, 2, 1), (DISTRICT, 2, 1), (NEXT, 0, 0)):
        found = await town.figures(area)
        assert (found.opened, found.closed) == (cases, cases)
        assert found.solved == Rate(solved, cases)
        assert found.answered == Rate(cases, cases)
    # Gathered or not, the same.
    before = await town.figures(DISTRICT)
    assert await statistics.gather(town.database) > 0
    assert await town.figures(DISTRICT) == before
    assert await statistics.gather(town.database) == 0


async def test_followers_are_asked_too_and_a_new_round_asks_everybody_anew(town: Town) -> None:
    case = await town.report()
    await town.service.desks.write(lambda desk: desk.happen(SameTroubleMet(town.people["chen"], case)))
    await town.move(case, "li", Move.ACCEPT)
    await town.move(case, "li", Move.FINISH)
    await town.move(case, "wang", Move.RATE, score=Score.GOOD)
    await town.move(case, "chen", Move.APPRAISE, score=Score.POOR)
    assert (await town.figures(GRID)).solved == Rate(1, 2)
    await town.move(case, "wang", Move.REOPEN)
    found = await town.figures(GRID)
    assert (found.solved, found.reopened, found.closed) == (Rate(0, 0), 1, 0)
    assert (await town.recount()).first == []


async def test_reclassified_it_counts_under_what_it_is(town: Town) -> None:
    case = await town.report()
    await town.move(case, "zhou", Move.RECLASSIFY, category="water-supply")
    assert (await town.figures(COMMUNITY)).category == {"water-supply": 1}


async def test_two_people_who_turn_out_to_be_one_have_one_voice(town: Town) -> None:
    case = await town.report()
    await town.service.desks.write(lambda desk: desk.happen(SameTroubleMet(town.people["chen"], case)))
    await town.move(case, "li", Move.ACCEPT)
    await town.move(case, "li", Move.FINISH)
    await town.move(case, "wang", Move.RATE, score=Score.GOOD)
    await town.move(case, "chen", Move.APPRAISE, score=Score.POOR)
    await town.service.desks.write(lambda desk: desk.people.merge(town.people["chen"], town.people["wang"]))
    assert (await town.figures(GRID)).solved == Rate(1, 1)
    assert (await town.recount()).first == []


async def test_a_refused_step_counts_nothing(town: Town) -> None:
    case = await town.closed()
    before = await town.figures(DISTRICT)
    for who, move in (("wang", Move.WITHDRAW), ("li", Move.VERIFY), ("far", Move.ACCEPT)):
        with pytest.raises(Refused):
            await town.move(case, who, move)
    assert await town.figures(DISTRICT) == before


async def test_what_somebody_changed_by_hand_is_found_named_and_put_right(
    town: Town, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    await town.closed()
    await statistics.gather(town.database)
    await town.report()
    right = await town.figures(DISTRICT)

    async def spoil(connection: Connection) -> None:
        await connection.execute(
            update(AreaCounts).where(AreaCounts.area == STREET, AreaCounts.span == "2026-11").values(counts="{}")
        )
        await connection.execute(delete(AreaCounts).where(AreaCounts.area == GRID))
        await connection.execute(insert(AreaCounts).values(area=ELSEWHERE, span="2026-11-01", counts='{"is.closed":7}'))
        await connection.execute(insert(CountChanges).values(grid=NEXT, days='{"2026-11-20":{"reopened":3}}'))

    await town.database.write(spoil)
    told: list[str] = []
    assert not await recount_by_hand(settings, town.service.district, told.append)
    assert any("2026-11-01 is.closed：原来 7，应为 0" in line for line in told)
    assert any("2026-11-20 reopened" in line for line in told)
    told.clear()
    assert await recount_by_hand(settings, town.service.district, told.append)
    assert told[-1] == "都对得上。"
    await statistics.gather(town.database)
    assert await recount_by_hand(settings, town.service.district, told.append)
    assert await town.figures(DISTRICT) == right
    assert (await town.figures(STREET)).opened == 2


async def test_cases_of_before_the_upgrade_are_counted_while_others_go_on(town: Town) -> None:
    cases = [await town.closed(), await town.report(), await town.report()]
    want = await town.figures(DISTRICT)

    async def as_before(connection: Connection) -> None:
        for table in (AreaCounts, CountChanges):
            await connection.execute(delete(table))
        await connection.execute(delete(Facts).where(Facts.name == "statistics"))

    await town.database.write(as_before)
    await town.service.prepare()
    assert not await town.service.desks.read(lambda desk: desk.statistics.ready())
    # A step taken before anything was counted is not counted twice.
    await town.move(cases[1], "li", Move.ACCEPT, 0)
    await statistics.gather(town.database)
    await town.service.bell._count()
    assert await town.service.desks.read(lambda desk: desk.statistics.ready())
    found = await town.figures(DISTRICT)
    assert found.opened == want.opened == 3
    assert found.status == {Status.CLOSED: 1, Status.HANDLING: 1, Status.DISPATCHED: 1}
    assert (await town.recount()).wrong == 0


async def test_a_crash_while_gathering_changes_nothing(town: Town) -> None:
    await town.closed()
    before = await town.figures(DISTRICT)

    async def dies(connection: Connection) -> None:
        assert await statistics._gather(connection)
        raise RuntimeError("the power is gone")

    with pytest.raises(RuntimeError):
        await town.database.write(dies)
    assert await town.figures(DISTRICT) == before
    assert (await town.recount()).wrong == 0
