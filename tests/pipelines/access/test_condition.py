"""Random conditions select the same rows on Arrow, on Spark and by an evaluator in Python: nulls, types, odd texts."""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from installation.access.arrow_table import ArrowTables
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.access.spark_table import SparkTables
from pipelines.engine.session import Engine
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from privacy.access.condition import read_condition
from privacy.consent.policy import built_in_policy
from privacy.contract.column import Column
from privacy.contract.document import Document

VALUES: dict[str, tuple[str, pa.DataType, list[Any]]] = {
    "city": ("string", pa.string(), ["Seoul", "서울", "it's", "a\\b", "", "%_", None, "line\nbreak", '"', "Seoul "]),
    "home": ("string", pa.string(), ["Seoul", "it's", None, "seoul"]),
    "orders": ("bigint", pa.int64(), [0, 1, -3, 2**62, None]),
    "spend": ("decimal(18,2)", pa.decimal128(18, 2), [Decimal("0.10"), Decimal("-5.25"), Decimal("9.99"), None]),
    "share": ("double", pa.float64(), [0.0, 0.5, -1.25, None]),
    "is_member": ("boolean", pa.bool_(), [True, False, None]),
    "born_on": ("date", pa.date32(), [datetime.date(2000, 2, 29), datetime.date(1970, 1, 1), None]),
    "seen_at": (
        "timestamp_ntz",
        pa.timestamp("us"),
        [datetime.datetime(2017, 3, 1), datetime.datetime(2017, 3, 1, 9, 30, 0, 5), None],
    ),
}
DOCUMENT = Document(
    "gold.shopper", "shopper", "gold", "1.0.0",
    tuple(Column(name, name, "string", kind, "pd:Purchase") for name, (kind, _, _) in VALUES.items()),
)  # fmt: skip
NAMES = list(VALUES)
Truth = Callable[[dict[str, Any]], bool | None]


def literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, str | datetime.date):
        return "'" + str(value).replace("'", "''") + "'"
    return str(value)


def compare(name: str, sign: str, value: Any) -> Truth:
    tests: dict[str, Callable[[Any], bool]] = {
        "=": lambda x: x == value, "<>": lambda x: x != value, "<": lambda x: x < value, "<=": lambda x: x <= value,
        ">": lambda x: x > value, ">=": lambda x: x >= value,
    }  # fmt: skip
    return lambda row: None if row[name] is None else tests[sign](row[name])


def leaf(dice: random.Random) -> tuple[str, Truth]:
    name = dice.choice(NAMES)
    known = [value for value in VALUES[name][2] if value is not None]
    kind = dice.choice(["compare", "in", "between", "null", "column"])
    if kind == "in":
        some = dice.sample(known, dice.randint(1, len(known)))
        listed = ", ".join(map(literal, some))
        return f"{name} in ({listed})", lambda row: None if row[name] is None else row[name] in some
    if kind == "between" and name != "is_member":
        low, high = dice.choice(known), dice.choice(known)
        return (
            f"{name} between {literal(low)} and {literal(high)}",
            lambda row: None if row[name] is None else low <= row[name] <= high,
        )
    if kind == "null":
        return f"{name} is null", lambda row: row[name] is None
    if kind == "column":
        return "city = home", lambda row: None if None in (row["city"], row["home"]) else row["city"] == row["home"]
    sign = dice.choice(["=", "<>"] if name == "is_member" else ["=", "<>", "<", "<=", ">", ">="])
    value = dice.choice(known)
    return f"{name} {sign} {literal(value)}", compare(name, sign, value)


def tree(dice: random.Random, depth: int) -> tuple[str, Truth]:
    """Return a random condition as text, and its truth by SQL's logic of three values."""
    if depth == 0 or dice.random() < 0.3:
        return leaf(dice)
    one, one_is = tree(dice, depth - 1)
    if dice.random() < 0.3:
        return f"not ({one})", lambda row: None if one_is(row) is None else not one_is(row)
    other, other_is = tree(dice, depth - 1)
    word = dice.choice(["and", "or"])
    decides = word == "or"

    def truth(row: dict[str, Any]) -> bool | None:
        found = [one_is(row), other_is(row)]
        if decides in found:
            return decides
        return None if None in found else not decides

    return f"({one}) {word} ({other})", truth


def rows_of(dice: random.Random, count: int) -> pa.Table:
    columns = {name: pa.array([dice.choice(v) for _ in range(count)], kind) for name, (_, kind, v) in VALUES.items()}
    return pa.table({"number": pa.array(range(count)), **columns})


@pytest.mark.parametrize("seed", range(3))
def test_both_backends_select_the_rows_that_sql_says(engine: Engine, tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    table = rows_of(dice, 60)
    arrow = ArrowTables(Lakehouse(str(tmp_path)), built_in_policy(), lambda: pytest.fail("not asked"))
    spark = SparkTables(SparkLakehouse(str(tmp_path), engine.spark), lambda _: pytest.fail("not asked"))
    spark.lakehouse.overwrite_rows("gold/shopper", table)
    frame = spark.lakehouse.read("gold/shopper")
    selected = 0
    for _ in range(40):
        where, truth = tree(dice, 3)
        condition = read_condition(DOCUMENT, where, None)
        assert condition is not None
        expected = [row["number"] for row in table.to_pylist() if truth(row) is True]
        assert arrow.meeting(table, condition)["number"].to_pylist() == expected, where
        assert sorted(spark.meeting(frame, condition).toArrow()["number"].to_pylist()) == expected, where
        selected += len(expected)
    assert selected > 100


@pytest.mark.parametrize("pattern", ["Se%", "%", "_eoul", "%'%", "서_", '"', "a%b", "%\n%", "100[%]"])
def test_like_selects_the_same_rows_on_both_backends(sail: Engine, tmp_path: Path, pattern: str) -> None:
    import re

    table = rows_of(random.Random(7), 40)
    form = re.compile(re.escape(pattern).replace("%", "(?s:.*)").replace("_", "(?s:.)"))
    condition = read_condition(DOCUMENT, f"city like {literal(pattern)}", None)
    assert condition is not None
    expected = [row["number"] for row in table.to_pylist() if row["city"] is not None and form.fullmatch(row["city"])]
    arrow = ArrowTables(Lakehouse(str(tmp_path)), built_in_policy(), lambda: pytest.fail("not asked"))
    assert arrow.meeting(table, condition)["number"].to_pylist() == expected
    spark = SparkTables(SparkLakehouse(str(tmp_path), sail.spark), lambda _: pytest.fail("not asked"))
    frame = sail.spark.createDataFrame(table)
    assert sorted(spark.meeting(frame, condition).toArrow()["number"].to_pylist()) == expected
