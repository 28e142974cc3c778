"""The landed files have faults exactly where truth/dirt.parquet lists them."""

import re
from datetime import date, datetime
from typing import Any

import pytest

from privacy.contract.column import Column

from .landed import SOURCES, Landed, Row, read_file

_SIMULATED = sorted(source for source in SOURCES if not source.startswith("cj_"))


def _number(value: Any) -> float | None:
    """Return a number; a damaged one, in scientific notation, is None."""
    try:
        return None if "E+" in str(value) else float(value)
    except ValueError:
        return None


def _is_sound(value: Any, column: Column) -> bool:
    """Return whether a value keeps its contract, checked independently of the pipeline."""
    if value is None:
        return not column.required
    if column.role == "direct" and "E+" in str(value):
        return False
    if column.enum and str(value) not in {str(allowed) for allowed in column.enum}:
        return False
    if column.pattern and not re.search(column.pattern, str(value)):
        return False
    if column.spark_type in ("date", "timestamp_ntz"):
        return isinstance(value, date | datetime) or _is_date(value)
    if column.spark_type in ("int", "bigint", "double", "decimal(12,2)"):
        number = _number(value)
        low, high = column.minimum, column.maximum
        return number is not None and (low is None or number >= float(low)) and (high is None or number <= float(high))
    if column.spark_type == "boolean":
        return value in (True, False, "true", "false")
    return column.max_length is None or len(value) <= column.max_length


def _is_date(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _faults(source: str, rows: list[Row]) -> set[tuple[int, str]]:
    columns = SOURCES[source].columns
    return {(n, c.name) for n, row in enumerate(rows, 1) for c in columns if not _is_sound(row.get(c.name), c)}


@pytest.mark.parametrize("source", _SIMULATED)
def test_values_break_their_contract_exactly_where_the_truth_lists_a_fault(market: Landed, source: str) -> None:
    dirt = market.dirt().query("breaks_contract and source == @source")
    for path in market.files(source):
        planted = dirt[dirt["file"] == path.name]
        expected = set(zip(planted["row"], planted["column"], strict=True))
        assert _faults(source, read_file(path, SOURCES[source])) == expected, path.name


def test_between_30_and_60_rows_break_their_contract(market: Landed) -> None:
    dirt = market.dirt()
    broken = dirt[dirt["breaks_contract"]]
    assert 30 <= len(broken) <= 60
    assert set(broken["kind"]) == {"bad_date", "wrong_type", "missing_required", "unknown_enum", "scientific_id"}


@pytest.mark.parametrize("source", _SIMULATED)
def test_file_headers_are_those_of_the_contract(market: Landed, source: str) -> None:
    known = {column.name for column in SOURCES[source].columns}
    for path in market.files(source):
        seen = {name for row in read_file(path, SOURCES[source]) for name in row}
        drifted = {"app_build"} if path.name.startswith("app_event-2017-07") else set()
        optional = {column.name for column in SOURCES[source].columns if not column.required}
        assert seen - drifted <= known, path.name
        assert known - seen <= (optional if path.suffix == ".jsonl" else set()), path.name


def test_the_app_field_screen_is_renamed_in_july_only(market: Landed) -> None:
    import pyarrow.parquet as pq

    for path in market.files("app_event"):
        names = set(pq.read_schema(path).names)
        is_july = "2017-07" in path.name
        assert ({"screen_name", "app_build"} <= names) == is_july
        assert ("screen" in names) == (not is_july)
    assert len(market.dirt().query("kind == 'schema_drift'")) == 2


def test_repeated_rows_are_exact_copies_and_listed_in_the_truth(market: Landed) -> None:
    for source in ("web_event", "delivery", "review", "crm_customer"):
        key = SOURCES[source].primary_key[0]
        rows = market.rows(source)
        seen: dict[Any, list[Row]] = {}
        for row in rows:
            seen.setdefault(row[key], []).append(row)
        repeated = {k: group for k, group in seen.items() if len(group) > 1}
        planted = market.dirt().query("kind == 'duplicate' and source == @source")
        assert set(repeated) == set(planted["key"])
        same = [
            all(_but(row, "received_at") == _but(group[0], "received_at") for row in group)
            for group in repeated.values()
        ]
        assert all(same)


def _but(row: Row, name: str) -> Row:
    return {key: value for key, value in row.items() if key != name}


def test_events_received_days_late_are_listed_in_the_truth(market: Landed) -> None:
    for source, share in (("web_event", 0.02), ("app_event", 0.03)):
        frame, late = market.frame(source), market.dirt().query("kind == 'late' and source == @source")
        assert 0.4 * share < len(late) / len(frame) < 1.8 * share
        sound = frame[~frame["event_at"].astype(str).str.contains("-13-")]
        lag = sound["received_at"].astype("datetime64[s]") - sound["event_at"].astype("datetime64[s]")
        assert (lag.dt.total_seconds() >= 0).all()
        assert set(sound.loc[lag.dt.total_seconds() >= 86_400, "event_id"]) <= set(late["key"])


def test_event_files_are_sorted_by_time_of_receipt(market: Landed) -> None:
    for source in ("web_event", "app_event"):
        for path in market.files(source):
            received = [str(row["received_at"]) for row in read_file(path, SOURCES[source])]
            assert received == sorted(received)


def test_only_values_in_a_wrong_unit_are_above_the_contracts_threshold(market: Landed) -> None:
    """Each value in a wrong unit is above the contract's threshold, and each other value is below it."""
    for source, column, above in (
        ("web_event", "dwell_seconds", 7200),
        ("delivery", "weight_kg", 100),
        ("weather", "temp_max_c", 45),
    ):
        key = "event_id" if source == "web_event" else SOURCES[source].primary_key[-1]
        rows = [r for r in market.rows(source) if r.get(column) is not None and _number(r[column]) is not None]
        slipped = {str(r[key]) for r in rows if float(r[column]) > above}
        planted = set(market.dirt().query("kind == 'unit_slip' and source == @source")["key"])
        assert planted
        assert planted <= slipped, source
        copies = set(market.dirt().query("source == @source and (breaks_contract or kind == 'duplicate')")["key"])
        assert slipped - planted <= copies, source


def test_line_numbers_of_faults_count_line_breaks_within_fields(market: Landed) -> None:
    dirt = market.dirt().query("source == 'support_ticket' and breaks_contract")
    text = market.files("support_ticket")[0].read_text("utf-8").split("\n")
    assert len(text) > len(market.rows("support_ticket")) + 2  # some summaries do span lines
    for spot in dirt.itertuples():
        assert text[spot.line - 1].startswith(spot.key)
