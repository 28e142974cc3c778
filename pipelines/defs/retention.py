"""Declares the asset that deletes rows once a day when the retention of their contract has ended."""

from typing import Any

import dagster as dg

from installation.contract.document import Contracts
from pipelines.defs.automation import RETENTION_KEY
from pipelines.orchestration.failure import own_errors_are_final
from pipelines.orchestration.pipeline_run import PipelineRun
from pipelines.retention.deletion import apply_retention


def retention_asset(contracts: Contracts) -> dg.AssetsDefinition:
    """Return the asset. Its metadata lists the deleted rows, and the rows that are kept with the reason."""

    @dg.asset(
        key=RETENTION_KEY,
        group_name="maintenance",
        description="Deletes rows whose retention has ended by their contract, and every earlier version of the table.",
    )
    def retention(context: dg.AssetExecutionContext, run: dg.ResourceParam[PipelineRun]) -> dg.MaterializeResult[Any]:
        with own_errors_are_final(), run.writing([one.table for one in contracts.sources]):
            outcomes = apply_retention(run.lakehouse, contracts, run.protection, run.reference_date)
        lines = ["| Table | Deleted | Kept | Reason |", "| --- | --- | --- | --- |"]
        for outcome in outcomes:
            reason = " ".join(f"{hold.rows:,}: {hold.reason}" for hold in outcome.plan.held)
            kept = outcome.plan.rows - outcome.deleted
            lines.append(f"| {outcome.plan.table} | {outcome.deleted:,} | {kept:,} | {reason} |")
        return dg.MaterializeResult(
            metadata={
                "rows_deleted": sum(outcome.deleted for outcome in outcomes),
                "keys_destroyed": sum(outcome.keys_destroyed for outcome in outcomes),
                "files_removed": sum(outcome.files_removed for outcome in outcomes),
                "report": dg.MetadataValue.md("\n".join(lines)),
            }
        )

    return retention
