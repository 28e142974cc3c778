"""Plans the routes of a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from agent_serving.commerce.delivery.checker import Fault, Reason, faults, why_alone
from agent_serving.commerce.delivery.day import DeliveryDay, Plan, Stop
from agent_serving.commerce.delivery.errors import DeliveryError


class RouteSolver(Protocol):
    """Searches short routes."""

    def solve(self, day: DeliveryDay) -> Plan:
        """Return a plan with as many stops as possible, then the fewest metres. A stop may be left out."""


class FaultyPlan(DeliveryError):
    """A solver returned a plan that the checker refuses."""

    code = "faulty_plan"


@dataclass(frozen=True)
class Routes:
    """A checked plan, its metres, and the stops that nobody serves with the reason of each."""

    plan: Plan
    meters: int
    left_out: Mapping[str, Fault]


def plan_routes(day: DeliveryDay, solver: RouteSolver) -> Routes:
    """Return routes that the checker finds without a fault.

    A stop that no vehicle can serve even alone is left out before the search, with the reason. A stop that the solver
    leaves out has the reason `not_served`: it is feasible alone, but not beside the others.

    Raises:
        FaultyPlan: the solver's plan breaks a window, a capacity, a shift, or serves a stop twice.
    """
    alone = {stop.id: fault for stop in day.stops if (fault := why_alone(day, stop)) is not None}
    rest = DeliveryDay(
        tuple(stop for stop in day.stops if stop.id not in alone), day.vehicles, day.travel_seconds, day.travel_meters
    )
    plan = solver.solve(rest) if rest.stops else {}
    found = faults(rest, plan)
    broken = [fault for fault in found if fault.reason is not Reason.UNSERVED]
    if broken:
        raise FaultyPlan(f"The solver's plan has {len(broken)} faults; the first is {broken[0].reason.value} at stop "
                         f"{broken[0].stop!r} of vehicle {broken[0].vehicle!r}.")  # fmt: skip
    return Routes(plan, meters_of(day, plan), alone | {fault.stop: fault for fault in found})


def meters_of(day: DeliveryDay, plan: Plan) -> int:
    """Return the length of all routes, from the depot and back."""
    depots = {vehicle.id: vehicle.depot for vehicle in day.vehicles}
    return sum(_meters(day, depots[name], route) for name, route in plan.items() if route)


def _meters(day: DeliveryDay, depot: int, route: tuple[Stop, ...]) -> int:
    places = [depot, *(stop.place for stop in route), depot]
    return sum(day.travel_meters[one][other] for one, other in zip(places, places[1:], strict=False))
