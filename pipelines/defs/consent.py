"""The assets of the consent record, and the check that a table holds nobody who did not permit its purpose."""

from time import perf_counter
from typing import Any

import dagster as dg

from installation.contract.document import Contract
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.consent import customer_assignment, intake
from pipelines.consent.build_log import BuildLog
from pipelines.consent.proof import prove
from pipelines.defs import metadata
from pipelines.defs.failure import RETRY, own_errors_are_final
from pipelines.defs.metadata import asset_key
from privacy.consent.view import MEMBERSHIP, RECORD, ConsentView

CHECK = "consent"
"""Name of the check."""
_RESOURCES = {"lakehouse", "build_context", "consent"}


def consent_assets() -> list[dg.AssetsDefinition]:
    """Return the assets that take into the consent record what landed and who belongs to whom."""
    return [_record_asset(), _membership_asset()]


def consent_spec(contract: Contract) -> dg.AssetCheckSpec | None:
    """Return the blocking check of a gold table about customers; None where a table is built for no purpose."""
    if contract.built_for is None:
        return None
    told = f"It holds nobody who does not permit {contract.built_for}, by the decision index over the consent record."
    return dg.AssetCheckSpec(CHECK, asset=asset_key(contract.table), blocking=True, description=told)


def consent_result(
    contract: Contract, lakehouse: Lakehouse, view: ConsentView, account: BuildLog
) -> dg.AssetCheckResult:
    """Return what the proof found, and log the build. Counts only: Dagster's record holds no identifiers."""
    proof = prove(contract, lakehouse, view)
    account.log_build(contract, proof, lakehouse, view)
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
        description="The consent record: append-only, what landed and what was typed. Both sides decide from it.",
        required_resource_keys=_RESOURCES,
        retry_policy=RETRY,
    )
    def take_in(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        held, started = context.resources, perf_counter()
        with own_errors_are_final():
            report = intake.take_in_records(held.lakehouse, held.build_context(), held.consent())
        found = {metadata.ADDED: report.added + report.corrected, "corrected": report.corrected}
        return _result(report.rows, report.was_current, found, started)

    return take_in


def _membership_asset() -> dg.AssetsDefinition:
    @dg.asset(
        key=asset_key(MEMBERSHIP),
        deps=[asset_key(name) for name in (RECORD, *customer_assignment.INPUTS)],
        group_name="consent",
        kinds={"sqlite"},
        description="Whom each source person belongs to, and since when: merged customers get the most restrictive.",
        required_resource_keys=_RESOURCES,
        retry_policy=RETRY,
    )
    def take_in(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        held, started = context.resources, perf_counter()
        with own_errors_are_final():
            report = customer_assignment.assign_source_persons(held.lakehouse, held.build_context(), held.consent())
        return _result(report.rows, report.was_current, {metadata.ADDED: report.added}, started)

    return take_in


def _result(rows: int, was_current: bool, found: dict[str, int], started: float) -> dg.MaterializeResult[Any]:
    seconds = {metadata.SECONDS: round(perf_counter() - started, 3)}
    return dg.MaterializeResult(metadata={metadata.ROWS: rows, metadata.UP_TO_DATE: was_current, **seconds, **found})
