"""A row whose event lies in the future goes to quarantine, and is loaded by a replay when its day has come."""

from __future__ import annotations

import datetime
from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from installation.contract.document import load_contracts
from pipelines.ingest import source_load
from pipelines.ingest.fault import RowFaults
from pipelines.ingest.future_event import RULE, event_time_column, mark_future_events
from tests.pipelines.ingest.shop import COLUMNS, Shop, csv_of, sale

TODAY = date(2017, 3, 1)


@pytest.mark.parametrize(
    ("time", "is_loaded"),
    [
        ("2017-03-01 23:59:59", True),
        ("2017-03-02 23:59:59", True),
        ("2017-03-03 00:00:00", False),
        ("2099-12-31 00:00:00", False),
    ],
)
def test_an_event_may_lie_one_day_after_the_end_of_the_reference_date(shop: Shop, time: str, is_loaded: bool) -> None:
    shop.land("a.csv", csv_of(sale(1), sale(2).replace("2017-03-01 10:00:00", time)))
    shop.load(reference_date=TODAY)
    assert shop.ids() == (["s1", "s2"] if is_loaded else ["s1"])
    assert shop.quarantine("line", "column", "rule") == ([] if is_loaded else [(3, "sold_at", RULE)])


def test_without_a_reference_date_the_clock_of_the_load_counts(shop: Shop) -> None:
    """The load is at 2018-01-01 12:00 UTC, which is the same day in Seoul."""
    shop.land("a.csv", csv_of(sale(1, day="2018-01-02"), sale(2, day="2018-01-03")))
    shop.load()
    assert shop.ids() == ["s1"]


def test_the_reason_names_the_reference_date_and_the_ways_out(shop: Shop) -> None:
    shop.land("a.csv", csv_of(sale(1, day="2099-12-31")))
    shop.load(reference_date=TODAY)
    [(reason,)] = shop.quarantine("reason")
    assert "after the reference date 2017-03-01" in reason
    assert "time zone" in reason
    assert "replay" in reason
    assert "2099" not in reason


def test_a_replay_loads_the_row_only_when_its_day_has_come(shop: Shop) -> None:
    shop.land("a.csv", csv_of(sale(1), sale(2, day="2017-03-05")))
    shop.load(reference_date=TODAY)
    assert shop.replay(reference_date=date(2017, 3, 3)).rows_added == 0
    assert shop.replay(reference_date=date(2017, 3, 4)).rows_added == 1
    assert shop.ids() == ["s1", "s2"]


def test_a_column_without_the_role_of_event_time_may_lie_in_the_future(shop: Shop) -> None:
    """Negative control: the same value in a column that is not the time of an event, such as an expiry date."""
    planned = {**COLUMNS, "until": {"physical": "date"}}
    shop.contract_with(planned)
    shop.land("a.csv", "sale_id,전화번호,store,amount,pieces,sold_at,until\n" + sale(1).strip() + ",2099-12-31\n")
    shop.load(reference_date=TODAY)
    assert shop.rows(["until"]) == [(date(2099, 12, 31),)]


def test_only_event_times_are_bounded_in_the_built_in_contracts() -> None:
    found = {contract.name: event_time_column(contract) for contract in load_contracts().sources}
    assert found["cj_transactions"] == "transaction_timestamp"
    assert found["nps_survey"] == "answered_at"
    assert {name for name, column in found.items() if column is None} >= {"consent_event", "crm_customer", "weather"}


@pytest.mark.parametrize("kind", [pa.timestamp("us"), pa.date32()])
def test_dates_and_times_are_bounded_alike_and_null_is_no_fault(shop: Shop, kind: pa.DataType) -> None:
    days = [datetime.datetime(2017, 3, 2), datetime.datetime(2017, 3, 3), None]
    faults = RowFaults.none(3)
    mark_future_events({"sold_at": pa.array(days, pa.timestamp("us")).cast(kind)}, shop.contract, TODAY, faults)
    assert np.flatnonzero(faults.codes).tolist() == [1]


def test_a_file_refused_for_its_future_events_is_loaded_once_the_reference_date_admits_them(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_load, "MAX_BROKEN_ROWS", 2)
    shop.land("a.csv", csv_of(*(sale(number) for number in range(1, 5))))
    for _ in range(2):
        assert len(shop.load(reference_date=date(2016, 12, 31)).refused) == 1
    assert shop.quarantine("line", "rule", "replayed_load_id").count((None, RULE, None)) == 1
    assert shop.load(reference_date=TODAY).rows_added == 4
    assert shop.load(reference_date=TODAY).refused == ()


def test_a_file_refused_for_other_faults_is_not_tried_again_on_another_date(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control of the test above."""
    monkeypatch.setattr(source_load, "MAX_BROKEN_ROWS", 2)
    shop.land("a.csv", csv_of(*(sale(number, store="?") for number in range(1, 5))))
    shop.load(reference_date=date(2016, 12, 31))
    shop.load(reference_date=TODAY)
    assert shop.quarantine("line", "rule") == [(None, "too_many_faults")]
