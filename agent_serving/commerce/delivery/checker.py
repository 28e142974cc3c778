"""Checks a plan by driving it, and names why a stop is infeasible. It shares no code with the search and the offers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from agent_serving.commerce.delivery.day import DeliveryDay, Plan, Stop, Vehicle


class Reason(StrEnum):
    """Why a stop, or a route, is infeasible."""

    UNREACHABLE = "unreachable"
    TOO_LATE = "arrives_after_its_window"
    OVERLOADED = "capacity_exceeded"
    SHIFT = "returns_after_the_shift"
    TWICE = "served_twice"
    UNKNOWN = "is_not_of_this_day"
    CHANGED = "differs_from_its_declaration"
    UNSERVED = "not_served"


@dataclass(frozen=True)
class Fault:
    """What is wrong with a stop: the reason, what came and what was allowed. `stop` is empty for a whole route."""

    stop: str
    vehicle: str
    reason: Reason
    got: int = 0
    allowed: int = 0


def faults(day: DeliveryDay, plan: Plan) -> list[Fault]:
    """Return every fault of a plan, in the order of the routes; none if every stop of the day is served."""
    found: list[Fault] = []
    declared = {stop.id: stop for stop in day.stops}
    vehicles = {vehicle.id: vehicle for vehicle in day.vehicles}
    seen: set[str] = set()
    for name, route in plan.items():
        for stop in route:
            if stop.id in seen:
                found.append(Fault(stop.id, name, Reason.TWICE))
            seen.add(stop.id)
            if stop.id not in declared:
                found.append(Fault(stop.id, name, Reason.UNKNOWN))
            elif declared[stop.id] != stop:
                found.append(Fault(stop.id, name, Reason.CHANGED))
        if name not in vehicles:
            found.append(Fault("", name, Reason.UNKNOWN))
        else:
            found += _drive(day, vehicles[name], route)
    return found + [Fault(id_, "", Reason.UNSERVED) for id_ in declared if id_ not in seen]


def why_alone(day: DeliveryDay, stop: Stop) -> Fault | None:
    """Return why no vehicle can serve the stop even alone, the nearest miss of all vehicles; None if one can."""
    best: Fault | None = None
    for vehicle in day.vehicles:
        found = next(_drive(day, vehicle, (stop,)), None)
        if found is None:
            return None
        if best is None or _miss(found) < _miss(best):
            best = found
    return best or Fault(stop.id, "", Reason.UNSERVED)


def _miss(fault: Fault) -> tuple[bool, int]:
    return fault.reason is Reason.UNREACHABLE, fault.got - fault.allowed


def _drive(day: DeliveryDay, vehicle: Vehicle, route: tuple[Stop, ...]) -> Iterator[Fault]:
    clock, at, load = vehicle.start, vehicle.depot, 0
    for stop in route:
        load += stop.load
        if load > vehicle.capacity:
            yield Fault(stop.id, vehicle.id, Reason.OVERLOADED, load, vehicle.capacity)
        way = day.travel_seconds[at][stop.place]
        if way is None:
            yield Fault(stop.id, vehicle.id, Reason.UNREACHABLE)
            return
        clock += way
        if clock > stop.latest:
            yield Fault(stop.id, vehicle.id, Reason.TOO_LATE, clock, stop.latest)
        clock = max(clock, stop.earliest) + stop.service_seconds
        at = stop.place
    if route:
        way = day.travel_seconds[at][vehicle.depot]
        if way is None:
            yield Fault(route[-1].id, vehicle.id, Reason.UNREACHABLE)
        elif clock + way > vehicle.end:
            yield Fault(route[-1].id, vehicle.id, Reason.SHIFT, clock + way, vehicle.end)
