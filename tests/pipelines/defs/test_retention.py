"""The retention job deletes rows whose retention has ended and reports their number."""

from datetime import date

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


def test_the_retention_job_deletes_due_rows_and_reports_their_number(settings: Settings, contracts: Contracts) -> None:
    later = settings.model_copy(update={"run_date": date(2040, 1, 1)})
    lakehouse = Lakehouse(later.lakehouse_root)
    with Installation(later) as opened:
        loaded = ingest_source(contracts.source("weather"), lakehouse, later.landing_dir, opened.protection, wall_clock)
    assert loaded.rows_added > 0

    job = build_definitions(installation_of(later)).resolve_job_def("retention")
    with dg.DagsterInstance.ephemeral() as instance:
        done = job.execute_in_process(instance=instance)
        event = instance.get_latest_materialization_event(RETENTION_KEY)
    assert done.success
    assert event is not None
    assert event.asset_materialization is not None
    reported = event.asset_materialization.metadata
    assert reported["rows_deleted"].value == loaded.rows_added
    assert "bronze/weather" in str(reported["report"].value)
    assert lakehouse.delta("bronze/weather").to_pyarrow_table().num_rows == 0


def test_the_refresh_job_deletes_no_rows_and_the_retention_job_does_nothing_else(
    settings: Settings, contracts: Contracts
) -> None:
    definitions = build_definitions(installation_of(settings))
    assert RETENTION_KEY not in definitions.resolve_job_def("refresh").asset_layer.executable_asset_keys
    assert definitions.resolve_job_def("retention").asset_layer.executable_asset_keys == {RETENTION_KEY}
    assert definitions.resolve_schedule_def("daily_retention").cron_schedule == "0 2 * * *"
