"""Tables of segments on the engine: history, moves, groups that are large enough, stable ids, and one consent rule."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame
from pyspark.sql.types import StructField, StructType

from features.insight.group_size import K
from features.insight.segment.card import DAY_PARTS, DAYS, Card
from features.insight.segment.model import NO_ORDER
from features.insight.segment.trait import TABLE
from installation.contract.document import Contracts
from pipelines.derived_table.table import PREVIOUS, BuildContext
from pipelines.engine.session import Engine
from pipelines.lakehouse.spark_type import spark_schema
from pipelines.unify import customer_segment, segment, segment_model

FIRST, SECOND, THIRD, FOURTH = date(2017, 5, 30), date(2017, 5, 31), date(2017, 6, 1), date(2017, 6, 2)
_KINDS: tuple[Mapping[str, Any], ...] = (
    {"order_count": 150, "mean_monthly_spend": 600.0, "mean_basket_value": 20.0, "online_order_share": 0.9,
     "discounted_spend_share": 0.1, "preferred_price_band": "premium", "channels": "app,store"},
    {"order_count": 30, "mean_monthly_spend": 150.0, "mean_basket_value": 50.0, "online_order_share": 0.05,
     "discounted_spend_share": 0.8, "preferred_price_band": "economy", "channels": "store"},
    {"order_count": 3, "mean_monthly_spend": 10.0, "mean_basket_value": 5.0, "online_order_share": 0.4,
     "discounted_spend_share": 0.4, "preferred_price_band": "standard", "channels": "web"},
)  # fmt: skip


@dataclass
class Shop:
    """Rows of customers, and the tables of segments as the last build left them."""

    context: BuildContext
    people: pd.DataFrame
    tables: dict[str, pd.DataFrame]

    def build(self, as_of: date) -> dict[str, pd.DataFrame]:
        """Build the four tables for a day, one after the other as a run does, and return them."""
        self.context = replace(self.context, as_of=as_of)
        inputs = {TABLE: self._frame(TABLE, self.people.assign(as_of=as_of))}
        inputs |= {segment.CATEGORY: self._categories(as_of), segment.WEEK: self._week(as_of)}
        for name, build in (
            (segment_model.MODEL, segment_model.build),
            (segment_model.SEGMENT, customer_segment.build),
            (customer_segment.MOVE, customer_segment.build_moves),
            (segment.CARD, segment.build),
        ):
            known = {one: self._frame(one, frame) for one, frame in self.tables.items()}
            recalled = {segment_model.SEGMENT: known[segment_model.SEGMENT]} if name == segment_model.MODEL else {}
            self.tables[name] = build({**inputs, **recalled, PREVIOUS: known[name]}, self.context).toPandas()
            inputs[name] = self._frame(name, self.tables[name])
        return self.tables

    def labels(self, as_of: date) -> pd.Series[str]:
        """Return the segment of each customer on a day."""
        rows = self.tables[segment_model.SEGMENT]
        return rows[rows["as_of"] == as_of].set_index("customer_id")["segment_id"]

    def cards(self, as_of: date) -> list[Card]:
        """Return the cards of a day."""
        rows = self.tables[segment.CARD]
        return [Card.from_json(card) for card in rows[rows["as_of"] == as_of]["card"]]

    def _frame(self, name: str, rows: pd.DataFrame) -> DataFrame:
        schema = spark_schema(self.context.contracts.table(name))
        records = [
            tuple(_plain(row.get(field.name)) for field in schema.fields) for row in rows.to_dict(orient="records")
        ]
        # The test fills only the columns that the builds read, so all are nullable.
        fields = [StructField(field.name, field.dataType) for field in schema.fields]
        return self.context.spark.createDataFrame(records, StructType(fields))

    def _categories(self, as_of: date) -> DataFrame:
        spent = pd.DataFrame({"customer_id": self.people["customer_id"], "as_of": as_of})
        beef = self.people["online_order_share"].astype(float).fillna(0.1) * 100
        rows = [spent.assign(product_category="Beef", sales_value=beef),
                spent.assign(product_category="Cheese", sales_value=20.0),
                spent.assign(product_category="Vitamins", sales_value=500.0)]  # fmt: skip
        found = pd.concat(rows, ignore_index=True)
        return self.context.spark.createDataFrame(found[["customer_id", "product_category", "sales_value"]])

    def _week(self, as_of: date) -> DataFrame:
        names = [f"{name}_share" for name in (*DAYS, *DAY_PARTS)]
        shares = dict.fromkeys(names[:7], 0.1) | dict.fromkeys(names[7:], 0.25) | {"saturday_share": 0.4}
        return self.context.spark.createDataFrame(self.people[["customer_id"]].assign(**shares))


def _plain(value: Any) -> Any:
    """Return the value as Spark takes it: a list for an array, None for NaN."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    return None if value is None or value is pd.NaT or value != value else value


def _people(sizes: tuple[int, ...], idle: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(11)
    rows = []
    for kind, size in zip(_KINDS, sizes, strict=True):
        for _ in range(size):
            noise = random.uniform(0.9, 1.1)
            rows.append({k: v * noise if isinstance(v, float) else v for k, v in kind.items()})
    rows += [{"order_count": 0}] * idle
    people = pd.DataFrame(rows)
    people["customer_id"] = [f"c_{number:03d}" for number in range(len(people))]
    people["age_band"] = random.choice(["25-34", "45-54"], len(people))
    return people.astype(object)


def open_with(people: pd.DataFrame, engine: Engine, contracts: Contracts) -> Shop:
    """Return a shop with these customers and without any segment."""
    names = (segment_model.MODEL, segment_model.SEGMENT, customer_segment.MOVE, segment.CARD)
    tables = {name: pd.DataFrame(columns=[c.name for c in contracts.table(name).columns]) for name in names}
    return Shop(BuildContext(contracts, FIRST, lambda: "", engine.spark), people, tables)


@pytest.fixture
def open_shop(sail: Engine, contracts: Contracts) -> Callable[[pd.DataFrame], Shop]:
    """Return a function that opens a shop on the default engine."""
    return partial(open_with, engine=sail, contracts=contracts)


def test_segments_moves_and_cards_over_three_days(engine: Engine, contracts: Contracts) -> None:
    shop = open_with(_people((60, 40, 30), idle=15), engine, contracts)
    shop.build(FIRST)
    first = shop.labels(FIRST)
    assert first.value_counts().to_dict() == {"s1": 60, "s2": 40, "s3": 30, NO_ORDER: 15}
    assert shop.tables[customer_segment.MOVE].empty
    cards = {card.segment_id: card for card in shop.cards(FIRST)}
    assert {name: card.customer_count for name, card in cards.items()} == {"s1": 60, "s2": 40, "s3": 30, "s0": 10}
    assert cards["s1"].price_bands == {"premium": 1.0}
    assert cards["s1"].channels == {"store": 1.0, "app": 1.0}
    assert cards["s1"].categories[0].category == "Beef"
    assert "Vitamins" not in shop.tables[segment.CARD]["card"].str.cat()
    assert max(cards["s1"].days, key=lambda day: cards["s1"].days[day]) == "saturday"
    assert cards["s1"].trait("income") is None
    spend = cards["s1"].trait("monthly_spend")
    truth = shop.people[:60]["mean_monthly_spend"].astype(float).mean()
    assert spend is not None
    assert spend.low <= spend.mean <= spend.high
    assert spend.mean == pytest.approx(truth, rel=0.01)

    # Twelve customers of the first kind buy like the third kind the next day. The same model decides, so they moved.
    shop.people.iloc[:12, :7] = shop.people.iloc[100:112, :7].to_numpy()
    for _ in range(2):  # A second build of a day replaces the first one.
        shop.build(SECOND)
        moves = shop.tables[customer_segment.MOVE]
        assert set(moves["customer_id"]) == set(shop.people["customer_id"][:12])
        kinds = set(zip(moves["from_segment_id"], moves["to_segment_id"], moves["reason"], strict=True))
        assert kinds == {("s1", "s3", "behaviour")}
    third = next(card for card in shop.cards(SECOND) if card.segment_id == "s3")
    assert third.moved_in == {"s1": 10}
    assert (third.changed_since, [one.trait for one in third.changes]) == (FIRST, ["size"])

    # A new month brings a new model. Its segments keep the ids of those whose customers they have.
    shop.build(THIRD)
    newest = shop.tables[segment_model.MODEL].sort_values("fitted_on").iloc[-1]
    assert newest["fitted_on"] == THIRD
    assert newest["former_agreement"] == 1.0
    assert shop.labels(THIRD).sort_index().equals(shop.labels(SECOND).sort_index())
    shop.build(FOURTH)
    assert set(shop.tables[segment_model.SEGMENT]["as_of"]) == {SECOND, THIRD, FOURTH}  # SECOND ends a month.
    assert list(shop.tables[segment_model.MODEL]["fitted_on"]) == [FIRST, THIRD]


def test_no_segment_has_fewer_customers_than_k(open_shop: Callable[[pd.DataFrame], Shop]) -> None:
    shop = open_shop(_people((60, 40, 30), idle=K - 1))
    shop.build(FIRST)
    assert NO_ORDER not in set(shop.labels(FIRST))
    # All but nine of the third segment leave. The model stays, and their nearest segment takes them.
    shop.people = shop.people.drop(index=range(109, 130))
    shop.build(SECOND)
    sizes = shop.labels(SECOND).value_counts().to_dict()
    assert set(sizes) == {"s1", "s2"}
    assert sum(sizes.values()) == 109
    assert {card.segment_id for card in shop.cards(SECOND)} == {"s1", "s2"}


def test_fewer_than_k_customers_have_no_segments(open_shop: Callable[[pd.DataFrame], Shop]) -> None:
    shop = open_shop(_people((4, 3, 2)))
    assert all(table.empty for table in shop.build(FIRST).values())


def test_the_model_has_its_stability_and_no_row_of_a_customer(open_shop: Callable[[pd.DataFrame], Shop]) -> None:
    shop = open_shop(_people((60, 40, 30)))
    row = shop.build(FIRST)[segment_model.MODEL].iloc[0]
    assert row["stability_low"] <= row["stability"] <= row["stability_high"]
    assert row["stability"] > 0.9
    assert set(json.loads(row["silhouettes"])) >= {"3"}
    assert "c_0" not in row["model"]
