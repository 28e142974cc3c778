"""Declares the assets of the consent record, and the check that a table holds only customers who permit its purpose."""

from time import perf_counter
from typing import Any

import dagster as dg

from installation.contract.document import Contract
from installation.reference_date import LANDED_CONSENTS
from pipelines.consent import customer_assignment, intake
from pipelines.consent.proof import prove
from pipelines.consent.unread import take_in_unread
from pipelines.orchestration import metadata
from pipelines.orchestration.failure import RETRY, own_errors_are_final
from pipelines.orchestration.metadata import asset_key
from pipelines.orchestration.pipeline_run import PipelineRun
from pipelines.orchestration.table_event import report_absent, report_table
from privacy.consent.view import MEMBERSHIP, RECORD

CHECK = "consent"
"""Name of the check."""


def consent_assets() -> list[dg.AssetsDefinition]:
    """Return the assets that add landed consents, and the customer of each source person, to the consent record."""
    return [_record_asset(), _membership_asset()]


def consent_spec(contract: Contract) -> dg.AssetCheckSpec | None:
    """Return the blocking consent check of a gold table about customers; None for other tables."""
    if contract.built_for is None or contract.subject_key is None:
        return None
    description = f"Every customer in it permits {contract.built_for}, by the decisions from the consent record."
    return dg.AssetCheckSpec(CHECK, asset=asset_key(contract.table), blocking=True, description=description)


def consent_result(contract: Contract, run: PipelineRun) -> dg.AssetCheckResult:
    """Check the table, write the build to the audit log, and return the result.

    The result holds counts only, because Dagster's record of runs must hold no identifiers.
    """
    view = run.consent
    proof = prove(contract, run.lakehouse, view)
    run.build_log.log_build(contract, proof, run.lakehouse, view)
    return dg.AssetCheckResult(
        asset_key=asset_key(contract.table),
        check_name=CHECK,
        passed=proof.holds,
        severity=dg.AssetCheckSeverity.ERROR,
        description=proof.message,
        metadata={
            "rules_passed": int(proof.holds),
            "rules_warned": 0,
            "rules_failed": int(not proof.holds),
            "purpose": proof.purpose,
            "moment": view.moment.isoformat(),
            "customers": proof.customers,
            "not_permitted": proof.unpermitted_customers,
            "columns_not_permitted": dict(proof.columns),
        },
    )


def _record_asset() -> dg.AssetsDefinition:
    @dg.asset(
        key=asset_key(RECORD),
        deps=[asset_key(name) for name in intake.INPUTS],
        group_name="consent",
        kinds={"sqlite"},
        description="The consent record. Append-only; holds landed consents and those entered by commands. Pipelines "
        "and live requests decide from it.",
        retry_policy=RETRY,
    )
    def take_in(context: dg.AssetExecutionContext, run: dg.ResourceParam[PipelineRun]) -> dg.MaterializeResult[Any]:
        started = perf_counter()
        with own_errors_are_final():
            report = intake.take_in_records(run.lakehouse, run.build_context, run.consent)
            unread = take_in_unread(
                run.contracts.table(LANDED_CONSENTS), run.lakehouse, run.protection, run.consent,
                run.installation.shop_time(),
            )  # fmt: skip
        if report.rows == 0 and not run.lakehouse.exists(LANDED_CONSENTS):
            return report_absent(context, "No consent has landed or was entered.")
        found = {
            metadata.ADDED: report.added + report.corrected + unread.added + unread.resolved,
            "corrected": report.corrected,
            metadata.FAULTS: list(unread.faults),
            metadata.NOTES: list(unread.notes),
        }
        is_current = report.was_current and not unread.added and not unread.resolved
        return _report(context, report.rows, is_current, found, started)

    return take_in


def _membership_asset() -> dg.AssetsDefinition:
    @dg.asset(
        key=asset_key(MEMBERSHIP),
        deps=[asset_key(name) for name in (RECORD, *customer_assignment.INPUTS)],
        group_name="consent",
        kinds={"sqlite"},
        description="The customer of each source person, and since when. A merged customer gets the most restrictive "
        "consent of its source persons.",
        retry_policy=RETRY,
    )
    def take_in(context: dg.AssetExecutionContext, run: dg.ResourceParam[PipelineRun]) -> dg.MaterializeResult[Any]:
        started = perf_counter()
        if customer_assignment.KEYS not in run.fed:
            return report_absent(context, "No source with a matching key has landed.")
        with own_errors_are_final():
            report = customer_assignment.assign_source_persons(run.lakehouse, run.build_context, run.consent)
        found = {
            metadata.ADDED: report.added,
            metadata.FAULTS: list(report.denials.faults),
            metadata.NOTES: list(report.denials.notes),
        }
        return _report(context, report.rows, report.was_current, found, started)

    return take_in


def _report(
    context: dg.AssetExecutionContext, rows: int, is_current: bool, found: dict[str, Any], started: float
) -> dg.MaterializeResult[Any]:
    seconds = {metadata.SECONDS: round(perf_counter() - started, 3)}
    return report_table(context, {metadata.ROWS: rows, **seconds, **found}, is_current=is_current)
