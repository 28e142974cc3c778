"""Customers with events for `bench.synthetic.events`: the Complete Journey, and a market of known behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa

from pipelines.simulate.market import package_file
from privacy.synthetic.event.specification import EventSpecification
from privacy.synthetic.specification import Category, ColumnSpec, Number

FIRST, LAST = date(2017, 1, 1), date(2017, 12, 31)
DAYS = (LAST - FIRST).days + 1
DEPARTMENTS, CATEGORIES = 20, 300
EPSILON = 4.0


@dataclass(frozen=True)
class Market:
    """A table of people, a table of their events, and the public specification of both."""

    name: str
    people: pa.Table
    events: pa.Table
    specification: EventSpecification


def complete_journey() -> Market:
    """Return the households of the Complete Journey with their purchases, a line an event, in the shops' wall time."""
    bought = pd.read_parquet(package_file("transactions"))
    products = pd.read_parquet(package_file("products")).dropna(subset=["product_category", "department"])
    first = products.groupby("product_category").department.agg(lambda names: names.mode()[0])
    groups = {str(name): str(group) for name, group in first.items()}
    bought = bought.merge(products[["product_id", "product_category"]], on="product_id")
    wall = bought.transaction_timestamp.dt.tz_localize("UTC").dt.tz_convert("America/New_York").dt.tz_localize(None)
    events = pd.DataFrame(
        {
            "customer": bought.household_id.astype(str),
            "order": bought.basket_id.astype(str),
            "time": wall.astype("datetime64[us]"),
            "item": bought.product_category.astype(str),
            "value": bought.sales_value,
        }
    )
    described = pd.read_parquet(package_file("demographics"))[["household_id", "age", "income"]].astype(str)
    people = pd.DataFrame({"customer": np.unique(events.customer)}).merge(
        described, how="left", left_on="customer", right_on="household_id"
    )
    people = people.drop(columns="household_id").astype(object).where(lambda table: table.notna(), None)
    domain: dict[str, ColumnSpec] = {
        name: Category(values=tuple(sorted({value for value in people[name] if value is not None})), nullable=True)
        for name in ("age", "income")
    }
    return Market("Complete Journey", _table(people), _table(events), _specification(groups, domain))


def simulated(customers: int, seed: int) -> Market:
    """Return customers who each have habits of their own, and about ten events each.

    A customer has favourite categories, each bought again after its own cycle (a week, two, a month or a season, give
    or take a fifth), and goes to the shop on one favourite weekday. What is due by then is one order. No model of
    `privacy.synthetic` has this form.
    """
    random = np.random.default_rng(seed)
    region, age = random.integers(0, 8, customers), np.clip(random.normal(45, 16, customers), 18, 95).astype(int)
    taste = np.exp(random.normal(0, 1, CATEGORIES)) / np.arange(1, CATEGORIES + 1) ** 0.6
    favourites = np.minimum(1 + random.poisson(np.where(age > 40, 2.2, 1.2)), 12)
    person = np.repeat(np.arange(customers), favourites)
    item = random.choice(CATEGORIES, len(person), p=taste / taste.sum())
    cycle = np.array([7, 14, 30, 90])[item % 4] * np.exp(random.normal(0, 0.2, len(person)))
    active = DAYS * random.beta(0.35, 1.2, customers)[person]
    times = np.maximum(1, (active / cycle).astype(int))
    line = np.repeat(np.arange(len(person)), times)
    turn = np.arange(len(line)) - np.repeat(np.cumsum(times) - times, times)
    start = random.random(customers)[person] * (DAYS - active)
    due = (start[line] + cycle[line] * (turn + random.normal(0.5, 0.2, len(line)))).clip(0, DAYS - 8).astype(int)
    who, what = person[line], item[line]
    # The next day of the customer's weekday: Saturday for most, any other for some.
    weekday = np.where(random.random(customers) < 0.4, 5, random.integers(0, 7, customers))
    day = due + (weekday[who] - (due + FIRST.weekday())) % 7
    hour = np.clip(np.where(age < 40, 18, 11)[who] + random.normal(0, 2.5, len(who)), 7, 22).astype(int)
    visit, first = np.unique(who * DAYS + day, return_inverse=True, return_index=True)[1:]
    hour = hour[visit][first]
    stamp = np.datetime64(FIRST) + day.astype("timedelta64[D]")
    events = pd.DataFrame(
        {
            "customer": _names("c", who),
            "order": _names("o", first),
            "time": (stamp + hour.astype("timedelta64[h]")).astype("datetime64[us]"),
            "item": _names("category ", what),
            "value": np.round(np.exp(random.normal(1 + (what % 5) / 3, 0.5)), 2).clip(0.01, 200),
        }
    )
    people = pd.DataFrame(
        {"customer": _names("c", np.arange(customers)), "region": _names("region ", region), "age": age}
    )
    groups = {f"category {number}": f"department {number % DEPARTMENTS}" for number in range(CATEGORIES)}
    domain: dict[str, ColumnSpec] = {
        "region": Category(values=tuple(f"region {number}" for number in range(8))),
        "age": Number(minimum=18, maximum=95, bins=12, decimals=0),
    }
    return Market(f"simulated, {customers:,} customers", _table(people), _table(events), _specification(groups, domain))


def _specification(groups: dict[str, str], people: dict[str, ColumnSpec]) -> EventSpecification:
    return EventSpecification(
        unit="customer", people=people, time="time", first=FIRST, last=LAST, order="order", item="item", groups=groups,
        group_column="department", numbers={"value": Number(minimum=0.01, maximum=200, bins=24, scale="log")},
        epsilon=EPSILON,
    )  # fmt: skip


def _table(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False)


def _names(kind: str, numbers: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[str]:
    return [f"{kind}{number}" for number in numbers.tolist()]
