from datetime import date
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from installation.lakehouse.table_profile import TableProfile, read_profile
from installation.settings import Settings, load_settings
from pipelines.orchestration.event_day import EVENT_TABLE, daily_partitions, touched_days


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path)


def _write(settings: Settings, *days: date) -> TableProfile:
    path = f"{settings.lakehouse_root}/{EVENT_TABLE}"
    events = pa.table({"event_id": range(len(days)), "event_date": list(days)})
    write_deltalake(path, events, mode="append", partition_by=["event_date"])
    return read_profile(DeltaTable(path))


def test_before_any_event_the_partitions_are_the_days_of_complete_journey(settings: Settings) -> None:
    days = daily_partitions(settings).get_partition_keys()
    assert days[0] == "2017-01-01"
    assert days[-1] == "2017-12-31"


def test_partitions_reach_from_the_first_to_the_last_event(settings: Settings) -> None:
    _write(settings, date(2020, 2, 27), date(2020, 3, 1))
    assert daily_partitions(settings).get_partition_keys() == ["2020-02-27", "2020-02-28", "2020-02-29", "2020-03-01"]


def _report(settings: Settings, instance: dg.DagsterInstance, profile: TableProfile, *touched: date) -> list[str]:
    """Report as the asset does, in a run of its own, and return the days reported."""
    days = daily_partitions(settings)

    @dg.asset(key=EVENT_TABLE.split("/"), partitions_def=days)
    def event(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        for one in touched_days(context, days, profile, touched):
            context.log_event(one)
        return dg.MaterializeResult()

    result = dg.materialize([event], instance=instance)
    events = [one.materialization for one in result.get_asset_materialization_events()]
    return [one.partition for one in events if one.partition is not None]


def test_touched_days_and_days_never_reported_are_reported_and_no_others(settings: Settings) -> None:
    first, second, third = date(2020, 2, 27), date(2020, 2, 28), date(2020, 3, 1)
    with dg.DagsterInstance.ephemeral() as instance:
        profile = _write(settings, first, second)
        assert _report(settings, instance, profile) == ["2020-02-27", "2020-02-28"]  # never reported before
        assert _report(settings, instance, profile) == []
        late = _write(settings, first)
        assert _report(settings, instance, late, first) == ["2020-02-27"]
        more = _write(settings, third)
        assert _report(settings, instance, more, third) == ["2020-03-01"]


def test_a_reported_day_has_its_number_of_rows(settings: Settings) -> None:
    day = date(2020, 2, 27)
    with dg.DagsterInstance.ephemeral() as instance:
        _report(settings, instance, _write(settings, day, day, day))
        event = instance.get_latest_materialization_event(dg.AssetKey(EVENT_TABLE.split("/")))
        records = instance.fetch_materializations(dg.AssetKey(EVENT_TABLE.split("/")), limit=10).records
    assert event is not None
    by_day = {one.partition_key: one.asset_materialization for one in records}
    reported = by_day["2020-02-27"]
    assert reported is not None
    assert reported.metadata["dagster/partition_row_count"].value == 3
