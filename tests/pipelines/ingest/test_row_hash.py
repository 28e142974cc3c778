import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.ingest.row_hash import CHUNK_ROWS, LONG_TEXT_BYTES, hash_rows


def hashes(columns: dict[str, pa.Array]) -> list[tuple[int, int]]:
    rows = len(next(iter(columns.values())))
    low, high = hash_rows(columns, rows)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def test_hashes_equal_the_recorded_values() -> None:
    # A change of these numbers makes every row of every table look new: do not change them, version the hash.
    columns = {
        "id": pa.array([1, None], pa.int64()),
        "name": pa.array(["김하늘", "a somewhat longer name"]),
        "amount": pa.array([Decimal("1.50"), Decimal("-0.01")], pa.decimal128(12, 2)),
        "at": pa.array([datetime.datetime.fromisoformat("2017-01-01T10:00:00"), None], pa.timestamp("us")),
        "day": pa.array([datetime.date(2017, 1, 1), None], pa.date32()),
        "share": pa.array([0.5, -0.0]),
        "flag": pa.array([True, None]),
    }
    assert hashes(columns) == GOLDEN


VALUES: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "integer": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "small": (pa.int32(), st.integers(-(2**31), 2**31 - 1)),
    "text": (pa.string(), st.text(max_size=40)),
    "decimal": (pa.decimal128(12, 2), st.decimals(-(10**9), 10**9, places=2)),
    "date": (pa.date32(), st.dates()),
    "time": (pa.timestamp("us"), st.datetimes()),
    "number": (pa.float64(), st.floats(allow_nan=False).map(lambda number: number + 0.0)),
    "flag": (pa.bool_(), st.booleans()),
}


@pytest.mark.parametrize("kind", VALUES)
def test_two_values_have_equal_hashes_exactly_if_they_are_equal(kind: str) -> None:
    target, strategy = VALUES[kind]

    @given(st.lists(st.none() | strategy, min_size=1, max_size=30))
    def check(values: list[Any]) -> None:
        found = hashes({"c": pa.array(values, target)})
        for value, hashed in zip(values, found, strict=True):
            for other, other_hashed in zip(values, found, strict=True):
                assert (value == other) == (hashed == other_hashed)

    check()


@given(st.lists(st.none() | st.text(max_size=300), min_size=3, max_size=20), st.integers(0, 2))
def test_slices_and_dictionaries_hash_like_plain_columns(values: list[str | None], start: int) -> None:
    array = pa.array(values, pa.string())
    plain = hashes({"c": array})
    assert hashes({"c": array.dictionary_encode()}) == plain
    assert hashes({"c": array.slice(start)}) == plain[start:]


def test_nulls_and_column_order_do_not_change_the_hash() -> None:
    one, two = pa.array([1, 2]), pa.array(["a", None])
    plain = hashes({"one": one, "two": two})
    assert hashes({"two": two, "one": one, "three": pa.nulls(2, pa.int64())}) == plain


def test_swapping_the_values_of_two_columns_changes_the_hash() -> None:
    assert hashes({"a": pa.array([1]), "b": pa.array([2])}) != hashes({"a": pa.array([2]), "b": pa.array([1])})
    assert hashes({"a": pa.array(["x"])}) != hashes({"b": pa.array(["x"])})


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 16, LONG_TEXT_BYTES, LONG_TEXT_BYTES + 1, 5000])
def test_texts_differ_by_each_byte_and_by_length(length: int) -> None:
    text = "x" * length
    others = {text[:place] + "y" + text[place + 1 :] for place in range(length)} | {
        text + "x",
        text + "\0",
        "\0" + text,
    }
    found = hashes({"c": pa.array([text, *sorted(others)])})
    assert len(set(found)) == len(found)


def test_chunks_make_no_difference() -> None:
    rows = 2 * CHUNK_ROWS + 3
    values = pa.array(np.arange(rows))
    found = hashes({"c": values})
    assert found[CHUNK_ROWS + 1] == hashes({"c": values.slice(CHUNK_ROWS + 1, 1)})[0]


def test_each_half_of_the_hash_has_no_collisions_on_close_numbers() -> None:
    # 2^18 rows that differ in few bits: 64 random bits collide with a chance of 2e-9.
    numbers = np.arange(1 << 18)
    low, high = hash_rows({"a": pa.array(numbers % 512), "b": pa.array(numbers // 512)}, len(numbers))
    assert len(np.unique(low)) == len(np.unique(high)) == len(numbers)


def test_every_bit_of_the_hash_depends_on_every_bit_of_the_value() -> None:
    rng = np.random.default_rng(1)
    values = rng.integers(0, 2**62, 4000)
    base = hash_rows({"c": pa.array(values)}, len(values))
    for bit in (0, 17, 40, 61):
        changed = hash_rows({"c": pa.array(values ^ (1 << bit))}, len(values))
        for before, after in zip(base, changed, strict=True):
            flips = np.unpackbits((before ^ after).view(np.uint8).reshape(-1, 8), axis=1).mean(axis=0)
            # Each of 64 bits flips in half of 4000 rows; six standard deviations are 0.047.
            assert np.abs(flips - 0.5).max() < 0.05


GOLDEN = [
    (13741022145277930464, 12888318733439638271),
    (4895747347187021252, 1773753709928837879),
]
