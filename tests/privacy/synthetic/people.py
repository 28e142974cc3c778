"""Tables of invented people for the tests of synthetic data, and noise that repeats an earlier run."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from privacy.synthetic.event.specification import EventSpecification
from privacy.synthetic.specification import Category, Number, Specification

ITEMS = {f"item {number}": f"group {number % 3}" for number in range(12)}
PLACES = ("north", "south", "east", "west")


def draw_people(people: int, seed: int) -> pa.Table:
    """Return people with two related columns, an age and an identifier."""
    random = np.random.default_rng(seed)
    place = random.integers(0, 4, people)
    plan = np.where(random.random(people) < 0.8, place // 2, random.integers(0, 2, people))
    return pa.table(
        {
            "person": [f"p{number}" for number in range(people)],
            "place": pa.array(PLACES).take(pa.array(place)),
            "plan": pa.array(["basic", "full"]).take(pa.array(plan)),
            "age": np.clip(random.normal(30 + 10 * place, 8), 18, 90).astype(int),
        }
    )


def people_specification(**changes: Any) -> Specification:
    """Return the specification of `draw_people`."""
    columns = {
        "place": Category(values=PLACES),
        "plan": Category(values=("basic", "full")),
        "age": Number(minimum=18, maximum=90, bins=8, decimals=0),
    }
    return Specification(**{"columns": columns, "unit": "person", "epsilon": 4.0, **changes})


def draw_events(people: int, seed: int) -> pa.Table:
    """Return events of `draw_people`: visits at noon or at eight, each with some items."""
    random = np.random.default_rng(seed)
    visits = np.minimum(random.geometric(0.2, people) - 1, 40)
    person = np.repeat(np.arange(people), visits)
    hours = 24 * random.integers(0, 90, len(person)) + random.choice([12, 20], len(person))
    start = [datetime(2026, 1, 1) + timedelta(hours=int(hour)) for hour in hours]
    lines = np.repeat(np.arange(len(person)), random.integers(1, 5, len(person)))
    item = np.minimum(random.geometric(0.3, len(lines)) - 1, 11)
    return pa.table(
        {
            "person": [f"p{person[line]}" for line in lines],
            "visit": lines,
            "time": pa.array([start[line] for line in lines], pa.timestamp("us")),
            "item": pa.array(list(ITEMS)).take(pa.array(item)),
            "price": np.round(1 + item + random.random(len(lines)), 2),
            "shop": pa.array(["web", "store"]).take(pa.array(lines % 2)),
        }
    )


def events_specification(**changes: Any) -> EventSpecification:
    """Return the specification of `draw_people` with `draw_events`."""
    usual: Mapping[str, Any] = {
        "unit": "person", "people": {"place": Category(values=PLACES)}, "time": "time", "order": "visit",
        "first": date(2026, 1, 1), "last": date(2026, 3, 31), "item": "item", "groups": ITEMS, "group_column": "group",
        "numbers": {"price": Number(minimum=0, maximum=20, bins=10)},
        "order_columns": {"shop": Category(values=("web", "store"))},
    }  # fmt: skip
    return EventSpecification(**{**usual, **changes})


class Replay:
    """Stands for `add_fine_noise` in two runs: records exact values, and gives both runs the same answers.

    So the second run, on a neighbouring table, chooses its bounds and merges its values as the first one did. That is
    what the composition of privacy assumes. `distances` are then compared with the sensitivities.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[npt.NDArray[Any], float]] = []
        self.answers: list[tuple[npt.NDArray[Any], float]] = []
        self.first: list[tuple[npt.NDArray[Any], float]] = []

    def __call__(self, values: npt.NDArray[Any], sensitivity: float, mu: float) -> tuple[npt.NDArray[Any], float]:
        """Return the exact values of the first run."""
        if not self.first:
            self.answers.append((values.astype(float), sensitivity / mu))
        self.calls.append((values, sensitivity))
        return self.answers[len(self.calls) - 1]

    def next_run(self) -> None:
        """Begin the run on the neighbouring table."""
        self.first, self.calls = self.calls, []

    def excess(self) -> float:
        """Return the largest ratio of the distance between neighbours to the sensitivity that was stated."""
        assert len(self.first) == len(self.calls)
        pairs = zip(self.first, self.calls, strict=True)
        return max(float(np.linalg.norm((one - other).astype(float))) / bound for (one, bound), (other, _) in pairs)
