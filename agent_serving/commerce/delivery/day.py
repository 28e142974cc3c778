"""One day of deliveries: stops, vehicles and the travel times between places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent_serving.commerce.delivery.errors import DeliveryInputError

UNREACHABLE = None
"""The travel time between two places without a way."""


@dataclass(frozen=True)
class Stop:
    """A place where goods are handed over. Times are seconds after the start of the day.

    Attributes:
        id: name of the stop.
        place: row of the travel times.
        load: units that it takes of a vehicle's capacity.
        earliest, latest: when the handover may begin, both included; a vehicle that is early waits.
        service_seconds: how long the handover takes.
    """

    id: str
    place: int
    load: int
    earliest: int
    latest: int
    service_seconds: int = 0


@dataclass(frozen=True)
class Vehicle:
    """A vehicle that leaves its depot, serves stops and returns, within its shift."""

    id: str
    depot: int
    capacity: int
    start: int
    end: int


@dataclass(frozen=True)
class DeliveryDay:
    """What is to be delivered, and with what.

    Attributes:
        stops, vehicles: each id once.
        travel_seconds: from place to place; None where there is no way.
        travel_meters: likewise, at least 0.

    Raises:
        DeliveryInputError: an id stands twice, a number is negative, a window ends before it begins, or a place has
            no row.
    """

    stops: tuple[Stop, ...]
    vehicles: tuple[Vehicle, ...]
    travel_seconds: Sequence[Sequence[int | None]]
    travel_meters: Sequence[Sequence[int]]

    def __post_init__(self) -> None:
        size = len(self.travel_seconds)
        for matrix in (self.travel_seconds, self.travel_meters):
            if len(matrix) != size or any(len(row) != size for row in matrix):
                raise DeliveryInputError(f"Got travel times and distances of other sizes; expected {size} × {size}.")
            if any(value is not None and value < 0 for row in matrix for value in row):
                raise DeliveryInputError("Got a negative travel time or distance; expected 0 or more.")
        for name, ids in (("stop", [s.id for s in self.stops]), ("vehicle", [v.id for v in self.vehicles])):
            if len(set(ids)) != len(ids):
                raise DeliveryInputError(f"Got the id of a {name} twice; expected each once.")
        for stop in self.stops:
            if min(stop.load, stop.service_seconds) < 0 or stop.latest < stop.earliest or not 0 <= stop.place < size:
                raise DeliveryInputError(f"Stop {stop.id!r}: expected a place of the travel times, a window that ends "
                                         "after its start, and no negative number.")  # fmt: skip
        for vehicle in self.vehicles:
            if vehicle.capacity < 0 or vehicle.end < vehicle.start or not 0 <= vehicle.depot < size:
                raise DeliveryInputError(f"Vehicle {vehicle.id!r}: expected a place of the travel times, a shift that "
                                         "ends after its start, and no negative capacity.")  # fmt: skip


Plan = Mapping[str, tuple[Stop, ...]]
"""The stops of each vehicle, by its id, in the order in which they are served."""
