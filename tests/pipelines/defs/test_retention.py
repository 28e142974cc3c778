"""The retention job deletes rows whose retention has ended and reports their number."""

from datetime import date, timedelta

import dagster as dg

from installation.clock import wall_clock
from installation.contract.document import Contracts
from installation.installation import Installation
from installation.lakehouse.lakehouse import Lakehouse
from installation.settings import Settings
from pipelines.defs.automation import RETENTION_KEY
from pipelines.defs.build import build_definitions
from pipelines.ingest.source_load import ingest_source
from tests.pipelines.dagster_market import installation_of


def load_weather(settings: Settings, contracts: Contracts) -> int:
    """Load the weather of 2017, which is kept for ten years, and return the number of rows."""
    with Installation(settings) as opened:
        return ingest_source(
            contracts.source("weather"), opened.lakehouse, settings.landing_dir, opened.protection, wall_clock
        ).rows_added


def days_of(settings: Settings) -> list[date]:
    return Lakehouse(settings.lakehouse_root).delta("bronze/weather").to_pyarrow_table()["observed_on"].to_pylist()


def test_the_retention_job_deletes_due_rows_and_reports_their_number(settings: Settings, contracts: Contracts) -> None:
    first_kept = date(2017, 2, 1)
    later = settings.model_copy(update={"run_date": first_kept + timedelta(contracts.source("weather").retention_days)})
    rows = load_weather(later, contracts)

    job = build_definitions(installation_of(later)).resolve_job_def("retention")
    with dg.DagsterInstance.ephemeral() as instance:
        done = job.execute_in_process(instance=instance)
        event = instance.get_latest_materialization_event(RETENTION_KEY)
    assert done.success
    kept = days_of(later)
    assert min(kept) == first_kept
    assert event is not None
    assert event.asset_materialization is not None
    reported = event.asset_materialization.metadata
    assert reported["rows_deleted"].value == rows - len(kept) > 0
    assert "bronze/weather" in str(reported["report"].value)


def test_the_retention_job_fails_and_deletes_nothing_if_most_of_a_table_is_due(
    settings: Settings, contracts: Contracts
) -> None:
    later = settings.model_copy(update={"run_date": date(2099, 12, 31)})
    rows = load_weather(later, contracts)
    job = build_definitions(installation_of(later)).resolve_job_def("retention")
    with dg.DagsterInstance.ephemeral() as instance:
        done = job.execute_in_process(instance=instance, raise_on_error=False)
    assert not done.success
    failure = done.failure_data_for_node("maintenance__retention")
    assert failure is not None
    assert "more than 20% of a table is due: bronze/weather" in str(failure)
    assert len(days_of(later)) == rows > 0


def test_the_refresh_job_deletes_no_rows_and_the_retention_job_does_nothing_else(
    settings: Settings, contracts: Contracts
) -> None:
    definitions = build_definitions(installation_of(settings))
    assert RETENTION_KEY not in definitions.resolve_job_def("refresh").asset_layer.executable_asset_keys
    assert definitions.resolve_job_def("retention").asset_layer.executable_asset_keys == {RETENTION_KEY}
    assert definitions.resolve_schedule_def("daily_retention").cron_schedule == "0 2 * * *"
