"""Whoever waits is promised a moment the district keeps: checked minute by minute, and against the notice of 2026."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from bot.app import Knowledge
from domain.working_time import FIXED, Calendar, Pause, Season, Term, Unit

ZONE = ZoneInfo("Asia/Shanghai")
MINUTE = timedelta(minutes=1)

# 国务院办公厅关于2026年部分节假日安排的通知（国办发明电〔2025〕7号，2025 年 11 月 4 日）: the days off, from and to,
# and the weekend days worked.
NOTICE_OF_2026 = (
    ("01-01", "01-03"),
    ("02-15", "02-23"),
    ("04-04", "04-06"),
    ("05-01", "05-05"),
    ("06-19", "06-21"),
    ("09-25", "09-27"),
    ("10-01", "10-07"),
)
WORKED_IN_2026 = ("01-04", "02-14", "02-28", "05-09", "09-20", "10-10")


def at(words: str) -> datetime:
    """A moment of 2026, or of the year named, as the clock on the wall has it."""
    words = words if words[:2] == "20" else f"2026-{words}"
    return datetime.strptime(words, "%Y-%m-%d %H:%M").replace(tzinfo=ZONE)


# What is known.


@pytest.fixture(scope="module")
def calendar(knowledge: Knowledge) -> Calendar:
    return knowledge.district.calendar


def test_every_day_of_2026_is_worked_or_not_as_the_notice_says(calendar: Calendar) -> None:
    off = set[date]()
    for first, last in NOTICE_OF_2026:
        day = date.fromisoformat(f"2026-{first}")
        while day <= date.fromisoformat(f"2026-{last}"):
            off.add(day)
            day += timedelta(days=1)
    worked = {date.fromisoformat(f"2026-{day}") for day in WORKED_IN_2026}
    for number in range(365):
        day = date(2026, 1, 1) + timedelta(days=number)
        assert calendar.works(day) is (day in worked or (day.isoweekday() <= 5 and day not in off)), day


@pytest.mark.parametrize(
    ("start", "amount", "unit", "due"),
    [
        # National Day 2026: Wednesday, the last in summer hours, seven days off, Thursday and Friday in winter hours,
        # and the Saturday worked for them.
        ("09-30 16:00", 24, Unit.WORKING_HOUR, "10-10 15:30"),
        ("09-30 16:00", 1, Unit.WORKING_HOUR, "09-30 17:00"),
        ("09-30 17:30", 8, Unit.WORKING_HOUR, "10-08 17:00"),
        ("10-03 03:00", 1, Unit.WORKING_HOUR, "10-08 09:00"),
        ("09-30 16:00", 3, Unit.WORKING_DAY, "10-10 17:00"),
        ("09-30 16:00", 4, Unit.WORKING_DAY, "10-12 17:00"),
        ("10-03 03:00", 1, Unit.WORKING_DAY, "10-08 17:00"),
        # The Sunday worked before Mid-Autumn, in summer hours; three days off after the Thursday.
        ("09-19 10:00", 1, Unit.WORKING_DAY, "09-20 17:30"),
        ("09-24 16:30", 2, Unit.WORKING_HOUR, "09-28 09:00"),
        # Spring Festival: the Saturday before it is worked, the nine days are not; winter hours of the year before.
        ("02-13 16:00", 8, Unit.WORKING_HOUR, "02-14 16:00"),
        ("02-13 16:00", 2, Unit.WORKING_DAY, "02-24 17:00"),
        # Lunch is nobody's working time.
        ("11-23 11:30", 1, Unit.WORKING_HOUR, "11-23 13:30"),
        # The night and the holiday count where there is no waiting.
        ("09-30 23:30", 2, Unit.HOUR, "10-01 01:30"),
        ("09-30 23:30", 30, Unit.MINUTE, "10-01 00:00"),
        ("09-30 23:30", 2, Unit.DAY, "10-02 23:30"),
        # Into a year whose swapped days are not known: the first of January is off by law.
        ("12-31 16:00", 2, Unit.WORKING_HOUR, "2027-01-04 09:00"),
    ],
)
def test_a_promise_counts_holidays_and_swapped_workdays(
    calendar: Calendar, start: str, amount: int, unit: Unit, due: str
) -> None:
    # 2027 as far as the law alone has it, whatever has been announced since.
    by_law = {day: works for day, works in calendar.days.items() if day.year < 2027}
    known = replace(calendar, days=by_law)
    assert known.due(at(start), Term(amount, unit)) == at(due)


@pytest.mark.parametrize(
    ("due", "amount", "unit", "warned"),
    [
        ("10-08 10:00", 4, Unit.WORKING_HOUR, "09-30 15:30"),
        ("10-08 17:00", 1, Unit.WORKING_DAY, "10-08 08:00"),
        ("10-08 17:00", 2, Unit.WORKING_DAY, "09-30 08:00"),
        # Extended by natural days into the holiday: the day before it is the last.
        ("10-03 12:00", 1, Unit.WORKING_DAY, "09-30 08:00"),
        ("10-08 10:00", 4, Unit.HOUR, "10-08 06:00"),
    ],
)
def test_a_warning_comes_while_so_much_is_left(
    calendar: Calendar, due: str, amount: int, unit: Unit, warned: str
) -> None:
    assert calendar.early(at(due), Term(amount, unit)) == at(warned)


def test_a_clock_that_stood_still_over_the_holiday_has_what_it_had(calendar: Calendar) -> None:
    days = Term(2, Unit.WORKING_DAY)
    assert calendar.due_through(at("09-29 10:00"), days, []) == at("10-08 17:00")
    paused = Pause(at("09-30 10:00"), at("10-12 10:00"))
    assert calendar.due_through(at("09-29 10:00"), days, [paused]) == at("10-13 17:00")
    assert calendar.due_through(at("09-29 10:00"), days, [replace(paused, until=None)]) is None
    # Stopped when it was already too late, it stays too late.
    late = [Pause(at("10-09 08:00"))]
    assert calendar.due_through(at("09-29 10:00"), days, late) == at("10-08 17:00")
    assert calendar.resumed(at("10-09 08:00"), at("10-12 10:00"), at("10-08 17:00"), days) == at("10-08 17:00")


@pytest.mark.parametrize(
    ("stopped", "runs", "due", "unit", "then"),
    [
        # Two hours of one day and the whole of the next are left: to the close of the day they end on.
        ("11-23 15:00", "11-25 14:00", "11-24 17:00", Unit.WORKING_DAY, "11-26 17:00"),
        # Ten minutes' pause: never with less than was left, so a day more.
        ("11-23 15:00", "11-23 15:10", "11-24 17:00", Unit.WORKING_DAY, "11-25 17:00"),
        # In the evening, over lunch and at the weekend nobody would have worked.
        ("11-20 18:00", "11-22 09:00", "11-24 17:00", Unit.WORKING_DAY, "11-24 17:00"),
        ("11-23 12:00", "11-23 13:00", "11-23 15:00", Unit.WORKING_HOUR, "11-23 15:00"),
        # Extended to a Saturday, and stopped on the evening before: it was due then, and is.
        ("11-20 18:00", "11-20 20:00", "11-21 10:00", Unit.WORKING_HOUR, "11-21 10:00"),
        ("11-20 18:00", "11-22 20:00", "11-21 10:00", Unit.WORKING_DAY, "11-21 10:00"),
        ("11-20 18:00", "11-23 09:00", "11-21 10:00", Unit.WORKING_DAY, "11-23 09:00"),
        ("11-20 18:00", "11-20 18:30", "11-21 10:00", Unit.HOUR, "11-21 10:30"),
    ],
)
def test_a_clock_runs_on_from_where_it_stood(
    calendar: Calendar, stopped: str, runs: str, due: str, unit: Unit, then: str
) -> None:
    assert calendar.resumed(at(stopped), at(runs), at(due), Term(3, unit)) == at(then)


# What is so of any calendar: beside a slow reading, minute by minute.


# Their last working hours of 2026 end at noon on New Year's Eve.
MORNINGS = Calendar(ZONE, (Season((1, 1), ((time(8), time(12)),)),))


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    edges = draw(st.lists(st.integers(1, 95), min_size=4, max_size=4, unique=True).map(sorted))
    clocks = [time(edge // 4, edge % 4 * 15) for edge in edges]
    seasons = [Season((1, 1), ((clocks[0], clocks[1]), (clocks[2], clocks[3])))]
    if draw(st.booleans()):
        seasons.append(Season(draw(st.sampled_from([(12, 28), (1, 5), (1, 2)])), ((time(8), time(16)),)))
    days = st.integers(0, 60).map(lambda number: date(2026, 12, 10) + timedelta(days=number))
    return Calendar(
        draw(st.sampled_from([ZONE, ZoneInfo("UTC"), ZoneInfo("America/St_Johns")])),
        tuple({season.since: season for season in seasons}.values()),
        tuple(draw(st.sets(st.integers(1, 7), min_size=3))),
        draw(st.dictionaries(days, st.booleans(), max_size=12)),
    )


# Minute by minute takes its time; a machine that others use more.
patient = settings(deadline=None)

moments = st.integers(0, 25 * 24 * 60).map(lambda minutes: datetime(2026, 12, 15, tzinfo=UTC) + minutes * MINUTE)
instants = st.timedeltas(timedelta(), timedelta(days=1096)).map(
    lambda passed: datetime(2026, 1, 1, tzinfo=UTC) + passed
)
# Days of a single hour are the shortest that are drawn: some weeks of them.
amounts = st.integers(1, 10 * 60).map(lambda minutes: minutes * MINUTE)


def works(calendar: Calendar, minute: datetime) -> bool:
    """Whether the minute that begins then is worked, read off the calendar as a person would."""
    local = minute.astimezone(calendar.zone)
    day = local.date()
    on = calendar.days.get(day, day.isoweekday() in calendar.weekdays and (day.month, day.day) not in FIXED)
    seasons = sorted(calendar.seasons, key=lambda season: season.since)
    hours = next((each for each in reversed(seasons) if each.since <= (day.month, day.day)), seasons[-1]).hours
    return on and any(opens <= local.time() < closes for opens, closes in hours)


def slowly_after(calendar: Calendar, moment: datetime, amount: timedelta, pauses: tuple[Pause, ...] = ()) -> datetime:
    while amount:
        paused = any(pause.since <= moment < (pause.until or moment + MINUTE) for pause in pauses)
        if works(calendar, moment) and not paused:
            amount -= MINUTE
        moment += MINUTE
    return moment


def slowly_before(calendar: Calendar, moment: datetime, amount: timedelta) -> datetime:
    while amount:
        moment -= MINUTE
        if works(calendar, moment):
            amount -= MINUTE
    return moment


def slowly_between(calendar: Calendar, start: datetime, end: datetime) -> timedelta:
    worked = timedelta()
    while start < end:
        worked += MINUTE * works(calendar, start)
        start += MINUTE
    return worked


@patient
@given(calendars(), moments, amounts)
def test_time_is_added_as_minute_by_minute(calendar: Calendar, moment: datetime, amount: timedelta) -> None:
    assert calendar.after(moment, amount) == slowly_after(calendar, moment, amount)


@patient
@given(calendars(), moments, amounts)
def test_time_is_taken_off_as_minute_by_minute(calendar: Calendar, moment: datetime, amount: timedelta) -> None:
    assert calendar.before(moment, amount) == slowly_before(calendar, moment, amount)


@patient
@given(calendars(), moments, st.integers(-600, 15 * 24 * 60))
def test_time_between_is_counted_as_minute_by_minute(calendar: Calendar, start: datetime, minutes: int) -> None:
    end = start + minutes * MINUTE
    assert calendar.between(start, end) == slowly_between(calendar, start, end)


@patient
@given(calendars(), moments, amounts, st.lists(st.integers(1, 2 * 24 * 60), max_size=6))
def test_a_clock_with_pauses_ticks_as_minute_by_minute(
    calendar: Calendar, start: datetime, amount: timedelta, gaps: list[int]
) -> None:
    edges = [start]
    for gap in gaps[: len(gaps) // 2 * 2]:
        edges.append(edges[-1] + gap * MINUTE)
    pauses = tuple(Pause(since, until) for since, until in zip(edges[1::2], edges[2::2], strict=True))
    term = Term(int(amount / MINUTE) // 60 + 1, Unit.WORKING_HOUR)
    assert calendar.due_through(start, term, pauses) == slowly_after(calendar, start, term.natural, pauses)


def slowly_through(calendar: Calendar, due: datetime, pauses: tuple[Pause, ...]) -> datetime:
    """By when something due in working days is to be done after these pauses, read off the clock on the wall."""
    for pause in pauses:
        assert pause.until is not None
        if pause.since >= due or not slowly_between(calendar, pause.since, pause.until):
            continue
        left, due = slowly_between(calendar, pause.since, due), pause.until
        while left:
            left -= MINUTE * works(calendar, due)
            due += MINUTE
        day = (due - MINUTE).astimezone(calendar.zone).date()
        while slowly_between(calendar, due, datetime.combine(day, time(23, 59), calendar.zone) + MINUTE):
            due += MINUTE
    return due


@patient
@given(calendars(), moments, st.integers(1, 4), st.lists(st.integers(1, 2 * 24 * 60), max_size=6))
def test_working_days_with_pauses_end_at_a_close_of_business(
    calendar: Calendar, start: datetime, amount: int, gaps: list[int]
) -> None:
    edges = [start]
    for gap in gaps[: len(gaps) // 2 * 2]:
        edges.append(edges[-1] + gap * MINUTE)
    pauses = tuple(Pause(since, until) for since, until in zip(edges[1::2], edges[2::2], strict=True))
    term = Term(amount, Unit.WORKING_DAY)
    due = calendar.due_through(start, term, pauses)
    assert due == slowly_through(calendar, calendar.due(start, term), pauses)
    assert works(calendar, due - MINUTE)
    assert not works(calendar, due)


@patient
@given(calendars(), moments, st.integers(0, 3 * 24 * 60), st.integers(0, 3 * 24 * 60), st.sampled_from(Unit))
def test_a_pause_never_brings_a_deadline_nearer_whatever_it_was(
    calendar: Calendar, stopped: datetime, pause: int, away: int, unit: Unit
) -> None:
    now, due, term = stopped + pause * MINUTE, stopped + away * MINUTE, Term(1, unit)
    after = calendar.resumed(stopped, now, due, term)
    assert after >= due
    assert calendar.left(now, after, term) >= calendar.left(stopped, due, term)
    if not term.nonstop and not slowly_between(calendar, stopped, now):
        assert after == due


@patient
@given(calendars(), moments, st.integers(1, 12))
def test_working_days_end_at_the_close_of_the_last_of_them(calendar: Calendar, start: datetime, amount: int) -> None:
    due = calendar.due(start, Term(amount, Unit.WORKING_DAY)).astimezone(calendar.zone)
    day, counted = start.astimezone(calendar.zone).date(), 0
    while counted < amount:
        day += timedelta(days=1)
        minutes = [time(minute // 60, minute % 60) for minute in range(24 * 60)]
        worked = [clock for clock in minutes if works(calendar, datetime.combine(day, clock, calendar.zone))]
        counted += bool(worked)
    assert due == datetime.combine(day, worked[-1], calendar.zone) + MINUTE
    assert calendar.early(due, Term(1, Unit.WORKING_DAY)) == datetime.combine(day, worked[0], calendar.zone)


@patient
@given(calendars(), instants, st.timedeltas(timedelta(microseconds=1), timedelta(hours=300)))
@example(MORNINGS, at("12-31 08:00"), timedelta(hours=4))
@example(MORNINGS, at("2027-01-04 12:00"), timedelta(hours=4))
def test_what_is_added_lies_between_and_is_taken_off_again(
    calendar: Calendar, moment: datetime, amount: timedelta
) -> None:
    after, before = calendar.after(moment, amount), calendar.before(moment, amount)
    assert calendar.between(moment, after) == amount == calendar.between(before, moment)
    assert calendar.before(after, amount) >= moment >= calendar.after(before, amount)
    if works(calendar, moment):
        assert calendar.before(after, amount) == moment


@patient
@given(calendars(), instants, st.timedeltas(timedelta(microseconds=1), timedelta(hours=300)))
def test_nothing_is_due_outside_working_time(calendar: Calendar, moment: datetime, amount: timedelta) -> None:
    due = calendar.after(moment, amount)
    # Up to the very moment it is worked; a stretch's last moment is its end.
    assert works(calendar, due - timedelta(microseconds=1))
    warned = calendar.before(moment, amount)
    assert works(calendar, warned)


@patient
@given(calendars(), st.lists(instants, min_size=2, max_size=6), st.timedeltas(timedelta(), timedelta(hours=60)))
def test_who_reports_later_is_never_promised_an_earlier_moment(
    calendar: Calendar, starts: list[datetime], amount: timedelta
) -> None:
    starts.sort()
    for unit in Unit:
        dues = [calendar.due(start, Term(1 + amount // timedelta(hours=1), unit)) for start in starts]
        assert dues == sorted(dues)
    for one, other in pairwise(starts):
        assert calendar.after(one, amount) <= calendar.after(other, amount)
        assert calendar.after(one, amount) <= calendar.after(one, amount + MINUTE)


@patient
@given(calendars(), instants, instants, instants)
def test_parts_make_up_the_whole(calendar: Calendar, one: datetime, other: datetime, third: datetime) -> None:
    first, second, last = sorted((one, other, third))
    assert calendar.between(first, last) == calendar.between(first, second) + calendar.between(second, last)
    assert calendar.between(last, first) == timedelta() or first == last


@patient
@given(calendars(), instants, st.sampled_from(Unit), st.integers(1, 30), instants, instants)
def test_a_stopped_clock_loses_nothing_and_gains_nothing(
    calendar: Calendar, start: datetime, unit: Unit, amount: int, one: datetime, other: datetime
) -> None:
    term = Term(amount, unit)
    stopped, resumed = sorted((one, other))
    assume(start <= stopped)
    due = calendar.due(start, term)
    after = calendar.due_through(start, term, [Pause(stopped, resumed)])
    assert after is not None
    if stopped < due:
        assert after >= due
        left, then = calendar.left(stopped, due, term), calendar.left(resumed, after, term)
        # Working days run on to the close of business.
        assert left <= then if unit is Unit.WORKING_DAY else left == then
    else:
        assert after == due
