"""One asset a table: bronze from the sources' contracts, silver and gold from the registry."""

from collections.abc import Callable, Iterable, Mapping
from time import perf_counter
from typing import Any, TypedDict

import dagster as dg

from pipelines.charts.identity_metadata import IDENTIFIER, identity_charts
from pipelines.consent.filter import waits_for_permission
from pipelines.consent.since import PERMISSION
from pipelines.contracts.document import Contract, Contracts
from pipelines.ingest.bronze import BronzeTable
from pipelines.ingest.load import in_utc, ingest_source
from pipelines.ingest.quarantine import Quarantine
from pipelines.orchestration import metadata
from pipelines.orchestration.event_day import touched_days
from pipelines.orchestration.failure import RETRY, own_errors_are_final
from pipelines.orchestration.metadata import asset_key
from pipelines.orchestration.table_event import report_table
from pipelines.quality.gx_import import preload
from pipelines.table_profile import TableProfile, read_profile
from pipelines.unify.refresh import refresh_table
from pipelines.unify.table import DerivedTable
from privacy.consent.policy import built_in_policy


def bronze_asset(contract: Contract, checked: Contract) -> dg.AssetsDefinition:
    """Return the asset that loads the new files of a source; `checked` is what the table is checked against."""

    @dg.asset(
        **_declaration(contract),
        kinds={"deltalake", contract.file.format if contract.file else "file"},
        # All sources load before anything is built: the latest event day of all of them is the run's today.
        op_tags={"dagster/priority": "1"},
        required_resource_keys={"settings", "lakehouse", "protection", "clock", "gate", "today"},
    )
    def load(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        held = context.resources
        started = perf_counter()
        with own_errors_are_final():
            report = ingest_source(
                contract,
                held.lakehouse,
                held.settings.landing_dir,
                held.protection,
                held.clock,
                int(held.settings.max_line_size),
            )
            if not held.lakehouse.exists(contract.table):
                # A retailer without this source has no rows of it; what is built from it stays buildable.
                BronzeTable(contract, held.lakehouse).commit([], [], in_utc(held.clock()))
            if report.files_new:
                # Here, for the checks' thread could not keep its warnings to itself: Python has one list of filters.
                preload()
            held.gate.begin_source(checked, held.today.guess(contract))
            refused = Quarantine(contract, held.lakehouse, held.protection).refused_files() if report.faults else {}
            counts = {
                metadata.ADDED: report.rows_added,
                metadata.QUARANTINED: report.rows_quarantined,
                metadata.NOTES: list(report.faults),
                metadata.REFUSED: len(refused),
                "files_new": report.files_new,
                "rows_known": report.rows_known,
            }
            profile = read_profile(held.lakehouse.delta(contract.table))
            return _report(context, profile, counts, started, is_current=report.files_new == 0)

    return load


def derived_asset(
    table: DerivedTable,
    contract: Contract,
    contracts: Contracts,
    days: dg.DailyPartitionsDefinition | None = None,
    *,
    checks_early: bool = False,
) -> dg.AssetsDefinition:
    """Return the asset that refreshes a silver or gold table, or says that it is up to date.

    `contract` is what the table is checked against; with `checks_early` that begins here, beside the making of
    the next table, and the step of its checks takes the outcome. With `days` its days are partitions: each one
    that a refresh touched is reported. A run for a range of days is one run, not one a day.
    """
    inputs = table.all_inputs(contracts)
    awaited = (*inputs, PERMISSION) if waits_for_permission(contract, built_in_policy()) else inputs
    lineage = metadata.column_lineage(contract, inputs, contracts)

    @dg.asset(
        **_declaration(contract, awaited, table.version),
        kinds={"deltalake", "spark"},
        partitions_def=days,
        backfill_policy=dg.BackfillPolicy.single_run() if days else None,
        required_resource_keys={"lakehouse", "build_context", "gate", "today"},
    )
    def refresh(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        held = context.resources
        started = perf_counter()
        with own_errors_are_final():
            report = refresh_table(table, held.lakehouse, held.build_context())
            if checks_early:
                held.gate.begin(contract, held.today())
            profile = read_profile(held.lakehouse.delta(table.name))
            # When a run for chosen days writes the table, Dagster reports all of these days by itself.
            if days and (report.was_current or not context.has_partition_key_range):
                for event in touched_days(context, days, profile, report.days):
                    context.log_event(event)

            def charts() -> Mapping[str, Any]:
                if table.name != IDENTIFIER:
                    return {}
                return identity_charts(held.lakehouse, held.build_context().matching)

            return _report(
                context,
                profile,
                {metadata.LINEAGE: lineage},
                started,
                is_current=report.was_current,
                made_from=held.lakehouse.fingerprint(table.name),
                charts=charts,
            )

    return refresh


def trend_asset(contract: Contract, tables: Iterable[str]) -> dg.AssetsDefinition:
    """Return the asset of `gold/quality_metric`: what the checks of this run measured, added to the trend."""

    @dg.asset(
        **_declaration(contract, tables),
        kinds={"deltalake"},
        required_resource_keys={"lakehouse", "gate"},
    )
    def extend(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        held = context.resources
        started = perf_counter()
        with own_errors_are_final():
            added = held.gate.extend_trend()
            profile = read_profile(held.lakehouse.delta(contract.table))
            return _report(context, profile, {metadata.ADDED: added}, started, is_current=added == 0)

    return extend


def docs_asset(trend: Contract) -> dg.AssetsDefinition:
    """Return the asset of the Data Docs: a site with the newest outcome of every table."""

    @dg.asset(
        key=["quality", "data_docs"],
        deps=[asset_key(trend.table)],
        group_name="quality",
        owners=metadata.owners(trend),
        kinds={"html"},
        description="Great Expectations' Data Docs: a page a table, with every rule and what it found.",
        required_resource_keys={"gate"},
        retry_policy=RETRY,
    )
    def build(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        gate = context.resources.gate
        with own_errors_are_final():
            was_built = gate.build_docs()
        page = {"site": dg.MetadataValue.path(gate.site / "index.html")}
        return report_table(context, page, is_current=not was_built)

    return build


class _Declaration(TypedDict):
    key: dg.AssetKey
    deps: list[dg.AssetKey]
    group_name: str
    description: str
    owners: list[str]
    tags: dict[str, str]
    metadata: dict[str, Any]
    code_version: str
    retry_policy: dg.RetryPolicy


def _declaration(contract: Contract, inputs: Iterable[str] = (), version: int = 1) -> _Declaration:
    return {
        "key": asset_key(contract.table),
        "deps": [asset_key(table) for table in inputs],
        "group_name": contract.table.partition("/")[0],
        "description": metadata.describe(contract),
        "owners": metadata.owners(contract),
        "tags": metadata.tags(contract),
        "metadata": {"dagster/column_schema": metadata.column_schema(contract), "contract": contract.id},
        "code_version": f"{version}-{contract.sha256[:12]}",
        "retry_policy": RETRY,
    }


def _report(
    context: dg.AssetExecutionContext,
    profile: TableProfile,
    found: Mapping[str, Any],
    started: float,
    *,
    is_current: bool,
    made_from: str | None = None,
    charts: Callable[[], Mapping[str, Any]] = dict,
) -> dg.MaterializeResult[Any]:
    """Report a Delta table. Its data version is its fingerprint (`made_from`), else the version of the table."""
    seconds = round(perf_counter() - started, 3)
    return report_table(
        context,
        {metadata.ROWS: profile.rows, metadata.SECONDS: seconds, **found, **metadata.profile_metadata(profile)},
        is_current=is_current,
        data_version=made_from or str(profile.version),
        charts=lambda: {**charts(), **metadata.profile_chart(profile)},
    )
