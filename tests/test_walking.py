"""The order of a day's round: what is late first, then what is due today; near ones together, no door passed twice."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.walking import Point, Stop, about, metres, nearest_first, round_of

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
TONIGHT = NOW + timedelta(hours=14)
HERE = (47.35, 123.95)
_points = st.tuples(st.floats(47.3, 47.4), st.floats(123.9, 124.0))
_stops = st.lists(
    st.builds(
        Stop,
        number=st.integers(0, 10**6),
        due_at=st.sampled_from([NOW + timedelta(hours=each) for each in (-5, 0, 3, 14, 40, 90)]),
        called=st.tuples(st.sampled_from(("幸福里", "和顺苑", "槐安路")), st.integers(0, 9)),
        point=st.none() | _points,
    ),
    unique_by=lambda stop: stop.number,
    max_size=12,
)


def test_a_degree_of_latitude_is_as_long_as_it_is_known_to_be() -> None:
    assert metres((47.0, 123.95), (48.0, 123.95)) == pytest.approx(111_195, rel=1e-4)
    assert metres(HERE, HERE) == 0


@pytest.mark.parametrize(
    ("distance", "said"),
    [(0, "10 米"), (14, "10 米"), (118, "120 米"), (994, "990 米"), (995, "1.0 公里"), (1440, "1.4 公里")],
)
def test_distances_as_people_say_them(distance: float, said: str) -> None:
    assert about(distance) == said


@given(stops=_stops, start=st.none() | _points)
def test_every_stop_is_taken_once_and_none_before_what_is_more_urgent(stops: list[Stop], start: Point | None) -> None:
    order = round_of(stops, start, NOW, TONIGHT)
    assert sorted(stop.number for stop in order) == sorted(stop.number for stop in stops)
    ranks = [0 if stop.due_at <= NOW else 1 if stop.due_at <= TONIGHT else 2 for stop in order]
    assert ranks == sorted(ranks)


@given(points=st.dictionaries(st.integers(0, 99), _points, min_size=1, max_size=10), start=_points)
def test_on_to_the_nearest_that_is_left(points: dict[int, Point], start: Point) -> None:
    order = nearest_first(points, start)
    here = start
    for place, number in enumerate(order):
        assert all(metres(here, points[number]) <= metres(here, points[other]) for other in order[place:])
        here = points[number]


def test_without_positions_estates_stay_together_in_the_order_of_their_blocks() -> None:
    due = NOW + timedelta(days=3)
    calls = [("幸福里", 9), ("和顺苑", 2), ("幸福里", 3), ("和顺苑", 1), ("幸福里", 5)]
    stops = [Stop(number, due, called) for number, called in enumerate(calls)]
    order = [stop.called for stop in round_of(stops, HERE, NOW, TONIGHT)]
    assert order == sorted(calls)
    assert sum(one[0] != other[0] for one, other in pairwise(order)) == 1


def test_a_stop_without_a_position_goes_along_with_its_estate() -> None:
    due = NOW + timedelta(days=3)
    stops = [
        Stop(1, due, ("幸福里", 3), (47.36, 123.95)),
        Stop(2, due, ("和顺苑", 1), (47.351, 123.95)),
        Stop(3, due, ("和顺苑", 2)),
    ]
    assert [stop.number for stop in round_of(stops, HERE, NOW, TONIGHT)] == [2, 3, 1]
