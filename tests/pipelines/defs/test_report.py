"""The regular reports: permitted by the contracts, apart from the refresh, told in full."""

from __future__ import annotations

import dagster as dg

from installation.contract.document import Contracts
from installation.settings import Settings
from pipelines.defs.build import build_definitions
from pipelines.defs.metadata import asset_key
from pipelines.release.declaration import statistics_releases
from privacy.catalog import build_catalog
from privacy.dp.permission import require_permitted


def test_every_report_asks_what_the_contracts_permit(contracts: Contracts) -> None:
    catalog = build_catalog(contracts.values())
    for report in statistics_releases():
        require_permitted(report.question, catalog, has_consent_filter=True)
        columns = {column.name for column in contracts.table(report.source).columns}
        assert report.question.columns() <= columns


def test_no_refresh_spends_budget(settings: Settings, contracts: Contracts) -> None:
    definitions = build_definitions(settings, contracts)
    tables = {asset_key(report.table) for report in statistics_releases()}
    refreshed = definitions.resolve_job_def("refresh").asset_layer.executable_asset_keys
    assert not tables & set(refreshed)
    assert set(definitions.resolve_job_def("private_reports").asset_layer.executable_asset_keys) == tables
    schedule = definitions.resolve_schedule_def("monthly_private_reports")
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED
