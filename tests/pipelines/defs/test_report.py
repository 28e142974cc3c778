"""The regular reports are permitted by the contracts, and the refresh job makes none of them."""

from __future__ import annotations

import dagster as dg

from installation.contract.document import Contracts
from installation.settings import Settings
from pipelines.defs.build import build_definitions
from pipelines.orchestration.metadata import asset_key
from pipelines.release.declaration import statistics_releases
from privacy.catalog import build_catalog
from privacy.dp.permission import require_permitted
from tests.pipelines.dagster_market import installation_of


def test_the_contracts_permit_the_question_of_every_report(contracts: Contracts) -> None:
    catalog = build_catalog(contracts.values())
    for report in statistics_releases():
        require_permitted(report.question, catalog, has_consent_filter=True)
        columns = {column.name for column in contracts.table(report.source).columns}
        assert report.question.columns() <= columns


def test_the_refresh_job_makes_no_report_and_their_schedule_is_off(settings: Settings) -> None:
    definitions = build_definitions(installation_of(settings))
    tables = {asset_key(report.table) for report in statistics_releases()}
    refreshed = definitions.resolve_job_def("refresh").asset_layer.executable_asset_keys
    assert not tables & set(refreshed)
    assert set(definitions.resolve_job_def("private_reports").asset_layer.executable_asset_keys) == tables
    schedule = definitions.resolve_schedule_def("monthly_private_reports")
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED
