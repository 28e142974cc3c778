"""Searches routes with PyVRP (Wouda, Lan and Kool, 2024)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyvrp

from agent_serving.commerce.delivery.day import DeliveryDay, Plan, Vehicle

_Kind = tuple[int, int, int, int]

_FAR = 10**8
"""Metres and seconds between two places without a way: longer than any shift, so no feasible route takes it."""


@dataclass(frozen=True)
class PyVrpSolver:
    """A route solver that uses this many processor seconds of its thread."""

    seconds: float = 5.0
    seed: int = 0

    def solve(self, day: DeliveryDay) -> Plan:
        """Return the shortest plan that was found; a stop is left out only where a window or a capacity would break.

        Without a feasible plan in the time, the plan is empty.
        """
        until = time.thread_time() + self.seconds
        stop = _ProcessorTime(until)
        best = pyvrp.solve(_data(day), stop, seed=self.seed, collect_stats=False, display=False).best
        if not best.is_feasible():
            return {}
        free = {kind: list(vehicles) for kind, vehicles in _alike(day.vehicles).items()}
        kinds = list(free)
        return {
            free[kinds[route.vehicle_type()]].pop(0).id: tuple(day.stops[one.idx] for one in route if one.is_client())
            for route in best.routes()
        }


@dataclass(frozen=True)
class _ProcessorTime:
    until: float

    def __call__(self, best_cost: int) -> bool:
        return time.thread_time() >= self.until


def _alike(vehicles: Sequence[Vehicle]) -> dict[_Kind, list[Vehicle]]:
    """Return the vehicles by what tells them apart in the search, which is much slower where equal ones are many."""
    found: dict[_Kind, list[Vehicle]] = {}
    for one in vehicles:
        found.setdefault((one.depot, one.capacity, one.start, one.end), []).append(one)
    return found


def _data(day: DeliveryDay) -> pyvrp.ProblemData:
    meters, seconds = _matrix(day.travel_meters), _matrix(day.travel_seconds)
    meters[seconds == _FAR] = _FAR
    left_out = 2 * int(meters[meters < _FAR].max()) * (len(day.stops) + len(day.vehicles))
    depots = sorted({vehicle.depot for vehicle in day.vehicles})
    return pyvrp.ProblemData(
        [pyvrp.Location(0, 0) for _ in day.travel_seconds],
        [
            pyvrp.Client(
                stop.place, [stop.load], [], stop.service_seconds, stop.earliest, stop.latest,
                prize=left_out, required=False,
            )
            for stop in day.stops
        ],
        [pyvrp.Depot(depot) for depot in depots],
        [
            pyvrp.VehicleType(
                len(some), [capacity], depots.index(depot), depots.index(depot), tw_early=start, tw_late=end
            )
            for (depot, capacity, start, end), some in _alike(day.vehicles).items()
        ],
        [meters],
        [seconds],
    )  # fmt: skip


def _matrix(rows: Sequence[Sequence[int | None]]) -> npt.NDArray[np.int64]:
    return np.array([[_FAR if value is None else value for value in row] for row in rows], dtype=np.int64)
