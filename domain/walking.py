"""How far it is from one place to another for somebody on foot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import asin, cos, radians, sin, sqrt

# The earth's mean radius in metres, IUGG.
_EARTH = 6_371_009

Point = tuple[float, float]
"""Latitude and longitude, WGS 84, in degrees."""


def metres(one: Point, other: Point) -> float:
    """The great-circle distance, by the haversine formula."""
    (lat_1, lon_1), (lat_2, lon_2) = (tuple(map(radians, each)) for each in (one, other))
    half = sin((lat_2 - lat_1) / 2) ** 2 + cos(lat_1) * cos(lat_2) * sin((lon_2 - lon_1) / 2) ** 2
    return 2 * _EARTH * asin(sqrt(min(1.0, half)))


def about(distance: float) -> str:
    """A distance as people say it: 120 米, 1.4 公里. Never finer than ten metres: a phone knows no better."""
    return f"{max(10, round(distance / 10) * 10)} 米" if distance < 995 else f"{distance / 1000:.1f} 公里"


def nearest_first(stops: Mapping[int, Point], start: Point | None) -> list[int]:
    """Stops in an order for walking: always on to the nearest that is left; without a start, from the first one."""
    left, order = dict(stops), list[int]()
    here = start
    while left:
        ahead = here
        number = min(left, key=lambda each: metres(ahead, left[each])) if ahead else next(iter(left))
        here = left.pop(number)
        order.append(number)
    return order


@dataclass(frozen=True, slots=True)
class Stop:
    """A place to go to: when it is due, where it lies if that is known, and how it is called, to be put in order."""

    number: int
    due_at: datetime
    called: tuple[str, int]
    point: Point | None = None


def round_of(stops: Sequence[Stop], start: Point | None, now: datetime, tonight: datetime) -> list[Stop]:
    """All stops in the order to take them: what is late, then what is due today, then the rest; near ones together.

    Within each part those whose place is known come by walking on to the nearest; a stop of the same estate without a
    position goes along with it; the others follow by estate and block, so that nobody walks past a door twice.
    """
    order: list[Stop] = []
    here = start
    for part in (
        [stop for stop in stops if stop.due_at <= now],
        [stop for stop in stops if now < stop.due_at <= tonight],
        [stop for stop in stops if stop.due_at > tonight],
    ):
        found = _part(part, here)
        here = next((stop.point for stop in reversed(found) if stop.point), here)
        order += found
    return order


def _part(stops: Sequence[Stop], start: Point | None) -> list[Stop]:
    known = {stop.number: stop for stop in sorted(stops, key=_due) if stop.point}
    unknown = sorted((stop for stop in stops if not stop.point), key=lambda stop: (stop.called, stop.due_at))
    points = {number: stop.point for number, stop in known.items() if stop.point}
    order: list[Stop] = []
    for number in nearest_first(points, start):
        order.append(known[number])
        beside = [stop for stop in unknown if stop.called[0] == known[number].called[0]]
        order += beside
        unknown = [stop for stop in unknown if stop not in beside]
    return order + unknown


def _due(stop: Stop) -> datetime:
    return stop.due_at
