"""How far it is from one place to another for somebody on foot."""

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
