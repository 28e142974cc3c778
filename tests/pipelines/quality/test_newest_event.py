"""The newest event is compared with the reference date; an old one gives a warning that names the setting."""

from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from installation.contract.document import load_contracts
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.quality.newest_event import LARGEST_AGE_DAYS, NewestEvent, find_newest_event

TODAY = date(2026, 11, 29)


@pytest.mark.parametrize(("age", "warns"), [(0, False), (LARGEST_AGE_DAYS, False), (LARGEST_AGE_DAYS + 1, True)])
def test_the_warning_begins_at_91_days(age: int, warns: bool) -> None:
    assert (NewestEvent(TODAY - timedelta(age), TODAY).warning is not None) is warns


def test_the_warning_names_both_dates_and_the_setting() -> None:
    warning = NewestEvent(date(2017, 12, 31), TODAY).warning
    assert warning is not None
    assert "of 2017-12-31, is 3,255 days before the reference date 2026-11-29" in warning
    assert "set run_date = 2017-12-31" in warning


def test_without_events_there_is_no_warning() -> None:
    assert NewestEvent(None, TODAY).warning is None


def test_the_newest_event_of_all_sources_counts_and_other_dates_do_not(tmp_path: Path) -> None:
    lakehouse, contracts = Lakehouse(str(tmp_path)), load_contracts()
    assert find_newest_event(lakehouse, contracts, TODAY).day is None
    for source, column, at in (
        ("web_event", "event_at", datetime(2017, 3, 1)),
        ("review", "created_at", datetime(2017, 3, 2)),
        ("consent_event", "event_at", datetime(2026, 1, 1)),
    ):
        rows = pa.table({column: pa.array([at], pa.timestamp("us"))})
        write_deltalake(f"{tmp_path}/{contracts.source(source).table}", rows)
    assert find_newest_event(lakehouse, contracts, TODAY).day == date(2017, 3, 2)
