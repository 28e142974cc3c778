"""The reference date is the run's clock or a stated date; no row of a table moves it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from installation.contract.document import load_contracts
from installation.errors import SettingsError
from installation.installation import Installation
from installation.reference_date import RUN_DATE_FILE, deciding_time, decision_moment, reference_date
from installation.settings import Settings, load_settings

NEW_YEARS_EVE_IN_LONDON = datetime(2026, 12, 31, 20, 0, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path)


def set_file(settings: Settings, text: str) -> None:
    (settings.data_dir / RUN_DATE_FILE).write_text(text, "utf-8")


@pytest.mark.parametrize(("zone", "day"), [("Asia/Seoul", date(2027, 1, 1)), ("America/New_York", date(2026, 12, 31))])
def test_without_a_stated_date_it_is_the_day_in_the_zone_of_the_shop(tmp_path: Path, zone: str, day: date) -> None:
    assert reference_date(load_settings(data_dir=tmp_path, time_zone=zone), NEW_YEARS_EVE_IN_LONDON) == day


def test_the_file_of_the_data_folder_counts_before_the_clock_and_the_setting_before_the_file(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path)
    set_file(settings, "# The market ends on this day.\nrun_date = 2017-12-31\n")
    assert reference_date(settings, NEW_YEARS_EVE_IN_LONDON) == date(2017, 12, 31)
    stated = load_settings(data_dir=tmp_path, run_date=date(2016, 2, 29))
    assert reference_date(stated, NEW_YEARS_EVE_IN_LONDON) == date(2016, 2, 29)


def test_a_file_that_appears_later_counts_in_a_process_that_runs_already(settings: Settings) -> None:
    with Installation(settings, lambda: NEW_YEARS_EVE_IN_LONDON) as opened:
        assert opened.reference_date() == date(2027, 1, 1)
        set_file(settings, "run_date = 2017-12-31")
        assert opened.reference_date() == date(2017, 12, 31)


@pytest.mark.parametrize(
    "text", ["", "run_date = 'yesterday'", "run_date = 2017-12-31T10:00:00", "run_day = 2017-12-31", "run_date ="]
)
def test_a_file_without_exactly_one_date_is_refused_and_named(settings: Settings, text: str) -> None:
    set_file(settings, text)
    with pytest.raises(SettingsError, match=r"run_date\.toml: .*run_date = 2017-12-31"):
        reference_date(settings, NEW_YEARS_EVE_IN_LONDON)


def test_a_row_of_2099_does_not_move_the_reference_date(settings: Settings) -> None:
    contract = load_contracts(settings.contract_dirs).source("web_event")
    rows = pa.table({"event_at": pa.array([datetime(2099, 12, 31)], pa.timestamp("us"))})
    write_deltalake(f"{settings.lakehouse_root}/{contract.table}", rows)
    with Installation(settings, lambda: NEW_YEARS_EVE_IN_LONDON) as opened:
        assert opened.reference_date() == date(2027, 1, 1)
        assert opened.decision_moment() == datetime(2027, 1, 1, 5)


def test_simulated_consents_are_decided_at_the_end_of_a_stated_date_and_others_now(settings: Settings) -> None:
    contracts = load_contracts(settings.contract_dirs)
    now = datetime(2027, 1, 1, 5)
    assert decision_moment(settings, contracts, NEW_YEARS_EVE_IN_LONDON) == now
    set_file(settings, "run_date = 2017-12-31")
    end = datetime.combine(date(2017, 12, 31), time.max)
    assert decision_moment(settings, contracts, NEW_YEARS_EVE_IN_LONDON) == end
    real = type(contracts)(one for one in contracts.values() if one.table != "bronze/consent_event")
    assert decision_moment(settings, real, NEW_YEARS_EVE_IN_LONDON) == now


def test_in_a_repeated_hour_no_earlier_statement_is_in_the_future() -> None:
    """Over the night in which Berlin's clocks go back, a statement counts at every later moment."""
    zone, start = ZoneInfo("Europe/Berlin"), datetime(2026, 10, 24, 23, tzinfo=UTC)
    moments = [start + timedelta(minutes=7 * n) for n in range(50)]
    stated = [moment.astimezone(zone).replace(tzinfo=None) for moment in moments]
    decided = [deciding_time(moment, zone) for moment in moments]
    assert all(stated[n] <= later for n in range(50) for later in decided[n:])
    assert decided[-1] == stated[-1]
    # Negative control: the wall time itself goes back.
    assert any(stated[n] > later for n in range(50) for later in stated[n:])
