"""Lists the points where a customer can pick an order up, and names why the others cannot take it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from zoneinfo import ZoneInfo

_EARTH_METERS = 6_371_008.8
"""Mean radius of the earth (IUGG)."""


@dataclass(frozen=True)
class PickupPoint:
    """A point of collection.

    Attributes:
        id: name of the point.
        latitude, longitude: in degrees.
        zone: the zone of its opening hours.
        hours: opening and closing by day of the week, 0 is Monday; a day without an entry is closed. A closing of 00:00
            is the end of the day.
        free: compartments that are left, by size; the largest load that a size takes, and how many.
    """

    id: str
    latitude: float
    longitude: float
    zone: ZoneInfo
    hours: Mapping[int, tuple[time, time]]
    free: Mapping[int, int]

    def is_open(self, at: datetime) -> bool:
        """Return whether it is open at an instant, by its own wall time."""
        wall = at.astimezone(self.zone)
        hours = self.hours.get(wall.weekday())
        return hours is not None and hours[0] <= wall.time() and (hours[1] == time(0) or wall.time() < hours[1])


class PointRefusal(StrEnum):
    """Why a point cannot take an order."""

    TOO_FAR = "too_far"
    CLOSED = "closed"
    FULL = "no_free_compartment"


@dataclass(frozen=True)
class Pickup:
    """A point with its distance in a straight line, the size of compartment, or why it cannot take the order."""

    point: PickupPoint
    meters: int
    size: int | None
    refusal: PointRefusal | None


def pickups(
    points: Iterable[PickupPoint], place: tuple[float, float], at: datetime, load: int, most_meters: int
) -> list[Pickup]:
    """Return every point: first those that can take the order, the nearest first, then the others with the reason.

    Args:
        points: the points of collection.
        place: latitude and longitude of the customer, in degrees.
        at: the instant, with its zone, at which the customer wants to come.
        load: units of the order; the smallest compartment that takes it is chosen.
        most_meters: the longest acceptable distance.
    """
    found = [_pickup(point, place, at, load, most_meters) for point in points]
    return sorted(found, key=lambda one: (one.refusal is not None, one.meters, one.point.id))


def _pickup(point: PickupPoint, place: tuple[float, float], at: datetime, load: int, most_meters: int) -> Pickup:
    meters = round(meters_between(place, (point.latitude, point.longitude)))
    size = min((size for size, left in point.free.items() if size >= load and left > 0), default=None)
    refusal = None
    if meters > most_meters:
        refusal = PointRefusal.TOO_FAR
    elif not point.is_open(at):
        refusal = PointRefusal.CLOSED
    elif size is None:
        refusal = PointRefusal.FULL
    return Pickup(point, meters, size, refusal)


def meters_between(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the great-circle distance of two places given in degrees (haversine).

    >>> round(meters_between((37.5665, 126.9780), (35.1796, 129.0756)) / 1000)
    325
    """
    (lat, lon), (lat2, lon2) = (tuple(map(math.radians, place)) for place in (one, other))
    half = math.sin((lat2 - lat) / 2) ** 2 + math.cos(lat) * math.cos(lat2) * math.sin((lon2 - lon) / 2) ** 2
    return 2 * _EARTH_METERS * math.asin(math.sqrt(min(1.0, half)))
