"""One asset a table: bronze from the sources' contracts, silver and gold from the registry."""

from collections.abc import Iterable, Mapping
from time import perf_counter
from typing import Any, TypedDict

import dagster as dg

from installation.contract.document import Contract, Contracts
from installation.lakehouse.table_profile import TableProfile, read_profile
from pipelines.consent.filter import ConsentFilter, deciding_purposes
from pipelines.defs import metadata
from pipelines.defs.failure import RETRY, own_errors_are_final
from pipelines.defs.identity_chart import IDENTIFIER, identity_charts
from pipelines.defs.metadata import asset_key
from pipelines.defs.partition import touched_days
from pipelines.derived_table.refresh import refresh_table
from pipelines.derived_table.table import DerivedTable
from pipelines.ingest.bronze import BronzeTable
from pipelines.ingest.quarantine import Quarantine
from pipelines.ingest.source_load import in_utc, ingest_source
from pipelines.quality.gx_import import preload
from privacy.consent.policy import built_in_policy
from privacy.consent.verdict_change import PERMISSION


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
                metadata.UP_TO_DATE: report.files_new == 0,
                metadata.NOTES: list(report.faults),
                metadata.REFUSED: len(refused),
                "files_new": report.files_new,
                "rows_known": report.rows_known,
            }
            return _result(read_profile(held.lakehouse.delta(contract.table)), counts, started)

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
    awaited = (*inputs, PERMISSION) if deciding_purposes(contract, built_in_policy()) else inputs
    lineage = metadata.column_lineage(contract, inputs, contracts)

    @dg.asset(
        **_declaration(contract, awaited, table.version),
        kinds={"deltalake", "spark"},
        partitions_def=days,
        backfill_policy=dg.BackfillPolicy.single_run() if days else None,
        required_resource_keys={"lakehouse", "build_context", "consent", "gate", "today"},
    )
    def refresh(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        held = context.resources
        started = perf_counter()
        with own_errors_are_final():
            made_for = ConsentFilter(held.lakehouse, held.consent())
            report = refresh_table(table, held.lakehouse, held.build_context(), made_for)
            if checks_early:
                held.gate.begin(contract, held.today())
            profile = read_profile(held.lakehouse.delta(table.name))
            # A run for chosen days reports them all by itself.
            if days and not context.has_partition_key_range:
                for event in touched_days(context, days, profile, report.days):
                    context.log_event(event)
            found = {metadata.UP_TO_DATE: report.was_current, metadata.LINEAGE: lineage}
            if table.name == IDENTIFIER:
                found |= identity_charts(held.lakehouse, held.build_context().matching)
            return _result(profile, found, started)

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
            found = {metadata.ADDED: added, metadata.UP_TO_DATE: added == 0}
            return _result(read_profile(held.lakehouse.delta(contract.table)), found, started)

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
        return dg.MaterializeResult(
            metadata={
                metadata.UP_TO_DATE: not was_built,
                "site": dg.MetadataValue.path(gate.site / "index.html"),
            }
        )

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


def _result(profile: TableProfile, found: Mapping[str, Any], started: float) -> dg.MaterializeResult[Any]:
    return dg.MaterializeResult(
        metadata={
            metadata.ROWS: profile.rows,
            metadata.SECONDS: round(perf_counter() - started, 3),
            **found,
            **metadata.profile_metadata(profile),
        },
        data_version=dg.DataVersion(str(profile.version)),
    )
