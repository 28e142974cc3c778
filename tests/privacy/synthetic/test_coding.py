"""Columns of every kind keep their values through codes, or are refused with a reason before a row is read."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from privacy.synthetic.coding import Coding, coding_of, codings, encode
from privacy.synthetic.errors import BadSpecification
from privacy.synthetic.number_coding import NumberCoding
from privacy.synthetic.private_table import PrivateTable
from privacy.synthetic.specification import Category, ColumnSpec, Day, Moment, Number, Specification, TimeOfDay

Draw = Callable[[np.random.Generator], Any]
TEXTS = ("basic", "full", "Ünïcode 값", "")


def whole(low: int, high: int) -> Draw:
    return lambda random: int(random.integers(low, high))


# The domain of a column, the type that it arrives in, and a draw of one value.
COLUMNS: dict[str, tuple[ColumnSpec, pa.DataType, Draw]] = {
    "age": (Number(minimum=0, maximum=120, decimals=0, bins=7), pa.int32(), whole(0, 121)),
    "few": (Number(minimum=1, maximum=3, decimals=0), pa.int8(), whole(1, 4)),
    "money": (
        Number(minimum=-500, maximum=5000, bins=20),
        pa.decimal128(12, 2),
        lambda random: Decimal(int(random.integers(-50_000, 500_001))) / 100,
    ),
    "spend": (
        Number(minimum=0, maximum=1e6, scale="log"),
        pa.float64(),
        lambda random: round(float(np.exp(random.normal(3, 3)).clip(0, 1e6)), 2),
    ),
    "counts": (
        Number(minimum=0, maximum=10_000, decimals=0, scale="log"),
        pa.int64(),
        lambda random: int(random.geometric(0.01)) - 1,
    ),
    "price": (
        Number(minimum=0.01, maximum=200, bins=24, scale="log"),
        pa.float32(),
        lambda random: round(float(random.uniform(0.01, 200)), 2),
    ),
    "born": (
        Day(first=date(1920, 2, 29), last=date(2020, 12, 31)),
        pa.date32(),
        lambda random: date(1920, 2, 29) + timedelta(int(random.integers(0, 36_800))),
    ),
    "seen": (
        Moment(first=datetime(2026, 1, 1), last=datetime(2026, 12, 31, 23, 59, 59)),
        pa.timestamp("us"),
        lambda random: datetime(2026, 1, 1) + timedelta(seconds=int(random.integers(0, 31_000_000))),
    ),
    "opens": (
        TimeOfDay(),
        pa.time32("s"),
        lambda random: time(int(random.integers(0, 24)), int(random.integers(0, 60))),
    ),
    "plan": (Category(values=TEXTS), pa.string(), lambda random: str(random.choice(TEXTS))),
    "grade": (Category(values=(1, 2, 3)), pa.int16(), whole(1, 4)),
    "agreed": (Category(values=(True, False)), pa.bool_(), lambda random: bool(random.random() < 0.3)),
    "code": (
        Category(values=(1, "A", True), other="else"),
        pa.string(),
        lambda random: str(random.choice(["1", "A", "true", "else"])),
    ),
}


def draw(name: str, rows: int, seed: int, nulls: float = 0.0) -> pa.Array:
    _, kind, drawn = COLUMNS[name]
    random = np.random.default_rng(seed)
    return pa.array([None if random.random() < nulls else drawn(random) for _ in range(rows)], kind)


def nullable(name: str) -> Coding:
    spec = COLUMNS[name][0]
    return coding_of(name, spec.model_copy(update={"nullable": True}))


@pytest.mark.parametrize("name", COLUMNS)
def test_a_decoded_value_has_the_code_that_it_was_decoded_from(name: str) -> None:
    coding, values = nullable(name), draw(name, 2000, 1, nulls=0.1)
    codes, fine = coding.encode(values)
    weights = np.bincount(fine, minlength=coding.fine_size).astype(float) if coding.fine_size else np.zeros(0)
    decoded = coding.decode(codes, weights, np.random.default_rng(0))
    assert decoded.null_count == values.null_count
    assert (coding.encode(decoded)[0] == codes).all()
    assert codes.max() < coding.size


@pytest.mark.parametrize("name", [name for name, (spec, _, _) in COLUMNS.items() if not isinstance(spec, Category)])
def test_values_within_a_bin_are_distributed_as_the_fine_codes_say(name: str) -> None:
    coding, values = coding_of(name, COLUMNS[name][0]), draw(name, 4000, 2)
    assert isinstance(coding, NumberCoding)
    codes, fine = coding.encode(values)
    weights = np.bincount(fine, minlength=coding.fine_size).astype(float) if coding.fine_size else np.zeros(0)
    made = coding.decode(codes, weights, np.random.default_rng(0))
    for quantile in (0.1, 0.5, 0.9):
        real, found = (float(np.quantile(coding.numbers(column), quantile)) for column in (values, made))
        spread = coding.spec.maximum - coding.spec.minimum if coding.spec.scale == "linear" else max(real, 1.0)
        assert abs(real - found) < 0.05 * spread


def test_every_listed_value_is_given_back_as_it_was_declared() -> None:
    # Values of several types, or with a label for other values, are written as text.
    declared = {"plan": [*TEXTS], "grade": [1, 2, 3], "agreed": [True, False], "code": ["1", "A", "true", "else"]}
    for name, values in declared.items():
        coding = coding_of(name, COLUMNS[name][0])
        assert coding.decode(np.arange(coding.size), np.zeros(0), np.random.default_rng(0)).to_pylist() == values


def test_values_outside_the_domain_count_as_declared() -> None:
    plan = coding_of("plan", Category(values=("a",)))
    assert plan.encode(pa.array(["a", "b", None]))[0].tolist() == [0, -1, -1]
    other = coding_of("plan", Category(values=("a",), other="else", nullable=True))
    assert other.encode(pa.array(["a", "b", None]))[0].tolist() == [0, 1, 2]
    age = coding_of("age", Number(minimum=0, maximum=99, decimals=0, bins=10))
    assert age.encode(pa.array([-5, 0, 99, 400, None]))[0].tolist() == [0, 0, 9, 9, -1]
    assert age.encode(pa.array([float("inf"), float("nan")]))[0].tolist() == [-1, -1]


def test_dictionaries_with_a_null_among_their_values_are_read() -> None:
    column = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, None]), pa.array(["a", None, "b"]))
    coding = coding_of("plan", Category(values=("a", "b"), nullable=True))
    assert coding.encode(column)[0].tolist() == [0, 2, 1, 2]


def test_moments_with_a_zone_are_read_as_wall_time() -> None:
    coding = coding_of("seen", Moment(first=datetime(2026, 1, 1), last=datetime(2026, 1, 3)))
    assert isinstance(coding, NumberCoding)
    utc = pa.array([datetime(2026, 1, 1, 20)], pa.timestamp("s", "Asia/Seoul"))
    assert coding.numbers(utc)[0] == coding.numbers(pa.array([datetime(2026, 1, 2, 5)], pa.timestamp("s")))[0]


@pytest.mark.parametrize(
    ("values", "spec", "reason"),
    [
        (pa.array(["$1,200.50"]), Number(minimum=0, maximum=9), "x holds string, expected numbers; convert it first"),
        (pa.array(["yesterday"]), Day(first=date(2026, 1, 1), last=date(2026, 2, 1)), "x holds string, expected dates"),
        (pa.array([5]), TimeOfDay(), "x holds int64, expected times of day"),
        (pa.array([True]), Number(minimum=0, maximum=1), "x holds bool, expected numbers"),
        (pa.array([[1]]), Category(values=(1,)), "which cannot be listed as values; remove it"),
        (pa.array([b"1"]), Category(values=("1",)), "x holds binary"),
    ],
)
def test_columns_of_another_type_are_refused(values: pa.Array, spec: ColumnSpec, reason: str) -> None:
    with pytest.raises(BadSpecification, match=reason):
        encode(pa.table({"x": values}), codings(Specification(columns={"x": spec})))


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"kind": "number", "minimum": 5, "maximum": 5}, "expected finite bounds with minimum < maximum"),
        ({"kind": "number", "minimum": 0, "maximum": float("nan")}, "expected finite bounds"),
        ({"kind": "number", "minimum": 0, "maximum": 1e300}, "expected bounds of at most 1e"),
        ({"kind": "number", "minimum": -1, "maximum": 1, "scale": "log"}, "log needs a minimum of at least 0"),
        ({"kind": "category", "values": ["a", "a"]}, "a value is listed twice"),
        ({"kind": "category", "values": []}, "at least 1 item"),
        ({"kind": "day", "first": "2026-01-02", "last": "2026-01-01"}, "expected first before last"),
        ({"kind": "moment", "first": "2026-01-01T00:00Z", "last": "2026-01-02T00:00Z"}, "without a zone"),
        ({"kind": "money"}, "does not match any of the expected tags"),
        ({"kind": "number", "minimum": 0, "maximum": 1, "epsilon": 3}, "Extra inputs are not permitted"),
    ],
)
def test_domains_without_sense_are_refused(spec: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Specification.model_validate({"columns": {"x": spec}})


@pytest.mark.parametrize("name", ["a*b", "age~fine"])
def test_names_that_would_hide_a_measurement_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="which name measurements; rename the columns"):
        Specification(columns={name: Category(values=("a",))})


def test_a_file_with_columns_of_every_kind_is_fitted_and_sampled() -> None:
    names = ["money", "spend", "born", "seen", "opens", "agreed", "code"]
    table = pa.table({name: draw(name, 1500, seed, nulls=0.05) for seed, name in enumerate(names)})
    text = BytesIO()
    pyarrow.csv.write_csv(table, text)
    text.seek(0)
    options = pyarrow.csv.ConvertOptions(strings_can_be_null=True)
    read = pyarrow.csv.read_csv(text, convert_options=options)
    domain = {name: COLUMNS[name][0].model_copy(update={"nullable": True}) for name in names}
    model = PrivateTable.fit(read, Specification(columns=domain, epsilon=10))
    made = pa.concat_tables(model.sample(1500, 0))
    assert made.column_names == names
    for name in names:
        assert 0 < made[name].null_count < 400
        assert (codings(model.specification)[name].encode(made[name].combine_chunks())[0] >= 0).all()


@pytest.mark.parametrize(
    ("listed", "written", "codes"),
    [
        ([True, False], ["True", "FALSE", "true", "yes", None], [0, 1, 0, -1, -1]),
        ([0, 1], ["1.0", "0", "01", "1.5", "-1.0"], [1, 0, -1, -1, -1]),
        (["True", "1.0"], ["true", "1", "1.0"], [-1, -1, 1]),
    ],
)
def test_text_of_a_csv_file_is_read_as_the_type_of_the_listed_values(
    listed: list[Any], written: list[str | None], codes: list[int]
) -> None:
    coding = coding_of("flag", Category(values=tuple(listed)))
    assert coding.encode(pa.array(written, pa.string()))[0].tolist() == codes
