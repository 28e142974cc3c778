"""Says which slots can be offered: those in which a new stop fits between the promised ones.

A promise that was made is never moved out of its window. For a route s_1 … s_n, the earliest begin of each handover is
computed forwards, e_i = max(earliest_i, e_{i−1} + service_{i−1} + travel_{i−1,i}), and the latest begin backwards,
l_i = min(latest_i, l_{i+1} − travel_{i,i+1} − service_i). A stop x fits between i and i + 1 if and only if
    e_x = max(earliest_x, e_i + service_i + travel_{i,x}) ≤ latest_x   and   e_x + service_x + travel_{x,i+1} ≤ l_{i+1}
and its load fits (Savelsbergh, 1992). Travel times need not obey the triangle inequality.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from agent_serving.commerce.delivery.day import DeliveryDay, Plan, Stop, Vehicle


@dataclass(frozen=True)
class Insertion:
    """A place for a stop: before the stop at `position` of a vehicle's route, and the seconds of travel it adds."""

    vehicle: str
    position: int
    added_seconds: int


@dataclass(frozen=True)
class Slot:
    """A window that may be promised; `places_left` bounds the promises still to be made in it."""

    id: str
    earliest: int
    latest: int
    places_left: int = 1


def insertions(day: DeliveryDay, plan: Plan, stop: Stop) -> Iterator[Insertion]:
    """Yield every place where the stop fits without moving a promised stop out of its window."""
    for vehicle in day.vehicles:
        route = plan.get(vehicle.id, ())
        if sum(one.load for one in route) + stop.load <= vehicle.capacity:
            yield from _in_route(day, vehicle, route, stop)


def offered_slots(day: DeliveryDay, plan: Plan, stop: Stop, slots: Iterable[Slot]) -> Mapping[str, Insertion]:
    """Return the slots in which the stop fits, each with the place that adds the least travel, in the given order."""
    found: dict[str, Insertion] = {}
    for slot in slots:
        if slot.places_left > 0:
            wished = replace(stop, earliest=slot.earliest, latest=slot.latest)
            best = min(insertions(day, plan, wished), key=lambda one: one.added_seconds, default=None)
            if best is not None:
                found[slot.id] = best
    return found


def inserted(plan: Plan, stop: Stop, place: Insertion) -> Plan:
    """Return the plan with the stop at its place."""
    route = plan.get(place.vehicle, ())
    return {**plan, place.vehicle: (*route[: place.position], stop, *route[place.position :])}


def _in_route(day: DeliveryDay, vehicle: Vehicle, route: Sequence[Stop], stop: Stop) -> Iterator[Insertion]:
    travel = day.travel_seconds
    places = [vehicle.depot, *(one.place for one in route), vehicle.depot]
    leaves = _earliest_leaves(day, vehicle, route)
    latest = _latest_begins(day, vehicle, route)
    for position in range(len(route) + 1):
        left, to, after = (
            leaves[position],
            travel[places[position]][stop.place],
            travel[stop.place][places[position + 1]],
        )
        limit = latest[position]
        if left is None or to is None or after is None or limit is None:
            continue
        begin = max(stop.earliest, left + to)
        if begin <= stop.latest and begin + stop.service_seconds + after <= limit:
            direct = travel[places[position]][places[position + 1]] or 0
            yield Insertion(vehicle.id, position, to + after - direct)


def _earliest_leaves(day: DeliveryDay, vehicle: Vehicle, route: Sequence[Stop]) -> list[int | None]:
    """Return when the vehicle can leave the depot and each stop; None from the first stop that it misses."""
    found: list[int | None] = [vehicle.start]
    place = vehicle.depot
    for stop in route:
        left, way = found[-1], day.travel_seconds[place][stop.place]
        begin = None if left is None or way is None else max(stop.earliest, left + way)
        found.append(None if begin is None or begin > stop.latest else begin + stop.service_seconds)
        place = stop.place
    return found


def _latest_begins(day: DeliveryDay, vehicle: Vehicle, route: Sequence[Stop]) -> list[int | None]:
    """Return the latest begin of each stop and the latest return; None up to the last stop that cannot be kept."""
    found: list[int | None] = [vehicle.end]
    place = vehicle.depot
    for stop in reversed(route):
        limit, way = found[-1], day.travel_seconds[stop.place][place]
        begin = None if limit is None or way is None else min(stop.latest, limit - way - stop.service_seconds)
        found.append(None if begin is None or begin < stop.earliest else begin)
        place = stop.place
    return found[::-1]
