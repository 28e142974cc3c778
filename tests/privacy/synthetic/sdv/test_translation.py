"""Rows go to SDV's form and back without change, and SDV's synthesizers keep the protocol where they are installed."""

from __future__ import annotations

import builtins
from datetime import date, datetime, time
from typing import Any

import pyarrow as pa
import pytest

from privacy.synthetic.errors import SyntheticError
from privacy.synthetic.sdv.sdv_table import SdvTable
from privacy.synthetic.sdv.translation import column_metadata, no_guarantee, to_frame, to_table
from privacy.synthetic.specification import Category, Day, Moment, Number, Specification, TimeOfDay
from tests.privacy.synthetic.people import draw_people, people_specification

COLUMNS = {
    "sex": Category(values=("F", "M"), nullable=True),
    "age": Number(minimum=0, maximum=110, decimals=0, nullable=True),
    "price": Number(minimum=0, maximum=10),
    "born": Day(first=date(1900, 1, 1), last=date(2026, 1, 1), nullable=True),
    "seen": Moment(first=datetime(2020, 1, 1), last=datetime(2026, 1, 1), nullable=True),
    "opens": TimeOfDay(nullable=True),
}


def test_rows_of_every_kind_survive_the_way_to_sdv_and_back() -> None:
    rows = {"sex": "F", "age": 41, "price": 2.5, "born": date(1984, 2, 29), "seen": datetime(2025, 3, 1, 13, 5, 7),
            "opens": time(9, 30)}  # fmt: skip
    nulls: dict[str, Any] = {**dict.fromkeys(rows), "price": 0.0}
    frame = to_frame(pa.Table.from_pylist([rows, nulls]), COLUMNS)
    assert to_table(frame, COLUMNS).to_pylist() == [rows, nulls]
    assert {one["sdtype"] for one in column_metadata(COLUMNS).values()} == {"categorical", "numerical", "datetime"}


def test_it_is_said_that_there_is_no_guarantee() -> None:
    guarantee = no_guarantee("ctgan", "person")
    assert (guarantee.epsilon, guarantee.mu) == (None, None)
    assert "No formal guarantee" in guarantee.statement
    assert "Business Source License" in guarantee.statement


def test_without_the_package_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def fail(name: str, *rest: Any, **named: Any) -> Any:
        if name.split(".")[0] == "sdv":
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", fail)
    with pytest.raises(SyntheticError, match=r"pip install 'bojagi\[sdv\]'"):
        SdvTable.fit(draw_people(20, 1), people_specification())


@pytest.mark.slow
def test_sdv_draws_the_same_rows_for_the_same_seed_and_keeps_conditions() -> None:
    pytest.importorskip("sdv")
    model = SdvTable.fit(draw_people(500, 1), Specification(**{**dict(people_specification()), "unit": "person"}))
    first, again, other = (pa.concat_tables(model.sample(100, seed)) for seed in (3, 3, 4))
    assert first.equals(again)
    assert not first.equals(other)
    assert set(pa.concat_tables(model.sample(50, 1, {"plan": "full"}))["plan"].to_pylist()) == {"full"}
