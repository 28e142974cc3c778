"""Declares one asset for each table: bronze tables from the contracts of sources, the others from the registry."""

from collections.abc import Callable, Iterable, Mapping
from time import perf_counter
from typing import Any, TypedDict

import dagster as dg

from features.insight.score.model_table import TABLE as MODELS
from features.recommend.form import MODEL as RECOMMENDERS
from installation.contract.document import Contract, Contracts
from installation.lakehouse.lakehouse import Lakehouse
from installation.lakehouse.table_profile import read_profile
from installation.report_archive import publish_reports
from pipelines.consent.filter import ConsentFilter, deciding_purposes
from pipelines.derived_table.refresh import refresh_table
from pipelines.derived_table.table import DerivedTable
from pipelines.ingest.bronze import BronzeTable
from pipelines.ingest.load_id import in_utc
from pipelines.ingest.load_option import LoadOptions
from pipelines.ingest.load_verdict import judge_loads
from pipelines.ingest.source_load import ingest_source
from pipelines.orchestration import metadata
from pipelines.orchestration.event_day import touched_days
from pipelines.orchestration.failure import RETRY, own_errors_are_final
from pipelines.orchestration.identity_metadata import IDENTIFIER, identity_charts
from pipelines.orchestration.insight_metadata import model_cards
from pipelines.orchestration.metadata import asset_key
from pipelines.orchestration.pipeline_run import PipelineRun
from pipelines.orchestration.recommendation_metadata import recommender_card
from pipelines.orchestration.table_event import report_absent, report_table
from pipelines.orchestration.value_table import value_metadata
from pipelines.quality.gx_import import preload
from pipelines.table_form.current_form import require_form
from privacy.consent.policy import built_in_policy
from privacy.consent.verdict_change import PERMISSION

_NO_CONSENT = (
    "No consent is on record, so no customer is in a gold table built for a purpose that rests on consent. "
    "Record consents with bojagi consent grant or bojagi consent import, then run again."
)


def bronze_asset(contract: Contract, checked: Contract) -> dg.AssetsDefinition:
    """Return the asset that loads the new files of a source. The table is checked against the contract `checked`."""

    @dg.asset(
        **_declaration(contract),
        kinds={"deltalake", contract.file.kind if contract.file else "file"},
        # Sources load before any table is built: only then is it known which tables have input. Checks run meanwhile.
        op_tags={"dagster/priority": "1"},
    )
    def load(context: dg.AssetExecutionContext, run: dg.ResourceParam[PipelineRun]) -> dg.MaterializeResult[Any]:
        started = perf_counter()
        lakehouse, protection, clock = run.lakehouse, run.protection, run.installation.clock
        with own_errors_are_final():
            options = LoadOptions.of(run.settings, run.reference_date)
            with run.writing((contract.table,)):
                report = ingest_source(contract, lakehouse, run.settings.landing_dir, protection, clock, options)
                verdict = run.verdicts[contract.table] = judge_loads(contract, lakehouse, report)
                is_absent = not lakehouse.exists(contract.table)
                if is_absent and (report.files_seen or verdict.faults):
                    # No file could be loaded yet. The check of the empty table says why.
                    BronzeTable(contract, lakehouse).commit([], [], in_utc(clock()))
                    is_absent = False
            if is_absent:
                run.inspector.note_loaded(contract.table)
                return report_absent(context, "No file of this source has landed.")
            if report.files_new:
                # Imported in this thread: the thread of the checks cannot silence its warnings, because Python has
                # one list of warning filters for all threads.
                preload()
            run.inspector.begin_source(checked)
            counts = {
                metadata.ADDED: report.rows_added,
                metadata.QUARANTINED: report.rows_quarantined,
                metadata.FAULTS: list(verdict.faults),
                metadata.NOTES: list(verdict.warnings),
                metadata.REFUSED: len(verdict.refused),
                "files_new": report.files_new,
                "rows_known": report.rows_known,
                **({"rows_replaced": report.rows_replaced} if report.rows_replaced else {}),
                **({"rows_deleted": report.rows_deleted} if report.rows_deleted else {}),
            }
            return _report(context, lakehouse, contract, counts, started, is_current=report.files_new == 0)

    return load


def derived_asset(
    table: DerivedTable,
    contract: Contract,
    contracts: Contracts,
    days: dg.DailyPartitionsDefinition | None = None,
    *,
    checks_early: bool = False,
) -> dg.AssetsDefinition:
    """Return the asset that rebuilds a silver or gold table if its inputs, its contract or its code have changed.

    Args:
        table: how the table is built.
        contract: the rules that the table is checked against.
        contracts: all contracts.
        days: the partitions of a table by day; each day that a refresh wrote is reported. A run for a range of days
            is one run, not one for each day.
        checks_early: whether the checks start here, beside the build of the next table; the step of the checks then
            waits for their result.
    """
    inputs = table.all_inputs(contracts)
    awaited = (*inputs, PERMISSION) if deciding_purposes(contract, built_in_policy()) else inputs
    lineage = metadata.column_lineage(contract, inputs, contracts)

    @dg.asset(
        **_declaration(contract, awaited, table.version),
        kinds={"deltalake", "spark"},
        partitions_def=days,
        backfill_policy=dg.BackfillPolicy.single_run() if days else None,
    )
    def refresh(context: dg.AssetExecutionContext, run: dg.ResourceParam[PipelineRun]) -> dg.MaterializeResult[Any]:
        started = perf_counter()
        if table.name not in run.fed:
            return report_absent(context, "No source that feeds this table has landed.")
        with own_errors_are_final():
            report = refresh_table(table, run.lakehouse, run.build_context, ConsentFilter(run.lakehouse, run.consent))
            if checks_early:
                run.inspector.begin(contract)
            # When a run for chosen days writes the table, Dagster reports all of these days by itself.
            if days and (report.was_current or not context.has_partition_key_range):
                profile = read_profile(run.lakehouse.delta(table.name))
                for event in touched_days(context, days, profile, report.days):
                    context.log_event(event)

            def details() -> Mapping[str, Any]:
                if table.name == IDENTIFIER:
                    return {metadata.LINEAGE: lineage, **identity_charts(run.lakehouse, run.build_context.matching)}
                if table.name == MODELS:
                    return {metadata.LINEAGE: lineage, **model_cards(run.lakehouse)}
                if table.name == RECOMMENDERS:
                    return {metadata.LINEAGE: lineage, **recommender_card(run.lakehouse)}
                return {metadata.LINEAGE: lineage}

            is_silent = table.name == PERMISSION and not read_profile(run.lakehouse.delta(table.name)).rows
            return _report(
                context,
                run.lakehouse,
                contract,
                {metadata.NOTES: [_NO_CONSENT]} if is_silent else {},
                started,
                is_current=report.was_current,
                made_from=run.lakehouse.fingerprint(table.name),
                details=details,
            )

    return refresh


def trend_asset(contract: Contract) -> dg.AssetsDefinition:
    """Return the asset of `gold/quality_metric`, to which the figures of this run's checks are added.

    It declares no inputs, because Dagster would skip it when one of the checked tables has failed. Its low priority
    makes it the last step but one: one process runs all steps, and takes the one of highest priority that can run.
    """

    @dg.asset(
        **_declaration(contract),
        kinds={"deltalake"},
        op_tags={"dagster/priority": "-2"},
    )
    def extend(context: dg.AssetExecutionContext, run: dg.ResourceParam[PipelineRun]) -> dg.MaterializeResult[Any]:
        started = perf_counter()
        with own_errors_are_final():
            require_form(run.lakehouse, contract, adds_columns=False)
            added = run.inspector.extend_trend()
            found = {metadata.ADDED: added}
            return _report(context, run.lakehouse, contract, found, started, is_current=added == 0)

    return extend


def docs_asset(trend: Contract) -> dg.AssetsDefinition:
    """Return the asset of the Data Docs, a site with the newest check results of every table."""

    @dg.asset(
        key=["quality", "data_docs"],
        deps=[asset_key(trend.table)],
        group_name="quality",
        owners=metadata.owners(trend),
        kinds={"html"},
        description="Great Expectations' Data Docs: a page a table, with every rule and what it found.",
        op_tags={"dagster/priority": "-3"},
        retry_policy=RETRY,
    )
    def build(context: dg.AssetExecutionContext, run: dg.ResourceParam[PipelineRun]) -> dg.MaterializeResult[Any]:
        with own_errors_are_final():
            was_built = run.inspector.build_docs()
            copied = publish_reports(run.settings) if run.settings.report_archive is not None else 0
        page = {"site": dg.MetadataValue.path(run.inspector.site / "index.html"), "reports_archived": copied}
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
    freshness_policy: dg.FreshnessPolicy | None
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
        "freshness_policy": metadata.freshness_policy(contract),
        "retry_policy": RETRY,
    }


def _report(
    context: dg.AssetExecutionContext,
    lakehouse: Lakehouse,
    contract: Contract,
    found: Mapping[str, Any],
    started: float,
    *,
    is_current: bool,
    made_from: str | None = None,
    details: Callable[[], Mapping[str, Any]] = dict,
) -> dg.MaterializeResult[Any]:
    """Report a Delta table with its figures.

    Its state is the id of the table with its fingerprint `made_from`, or with its version if it has no fingerprint.
    """
    delta = lakehouse.delta(contract.table)
    profile = read_profile(delta)
    seconds = round(perf_counter() - started, 3)
    return report_table(
        context,
        {metadata.ROWS: profile.rows, metadata.SECONDS: seconds, **found, **metadata.profile_metadata(profile)},
        is_current=is_current,
        state=f"{delta.metadata().id}:{made_from or profile.version}",
        details=lambda: {
            **details(),
            **metadata.profile_chart(profile),
            **value_metadata(contract, lakehouse, profile),
        },
    )
