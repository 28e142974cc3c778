"""The asset that deletes, once a day, what the contracts no longer let us keep."""

from typing import Any

import dagster as dg

from pipelines.contracts.document import Contracts
from pipelines.defs.automation import RETENTION_KEY
from pipelines.orchestration.failure import own_errors_are_final
from pipelines.retention.apply import apply_retention


def retention_asset(contracts: Contracts) -> dg.AssetsDefinition:
    """Return the asset; its metadata says what was deleted, what is held and why."""

    @dg.asset(
        key=RETENTION_KEY,
        group_name="maintenance",
        description="Rows whose retention is over are deleted with every earlier version of them, by the contracts.",
        required_resource_keys={"lock", "lakehouse", "protection", "today"},
    )
    def retention(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        held = context.resources
        with own_errors_are_final():
            outcomes = apply_retention(held.lakehouse, contracts, held.protection, held.today())
        lines = ["| Table | Deleted | Held | Why |", "| --- | --- | --- | --- |"]
        for outcome in outcomes:
            why = " ".join(f"{hold.rows:,}: {hold.reason}" for hold in outcome.plan.held)
            kept = outcome.plan.rows - outcome.deleted
            lines.append(f"| {outcome.plan.table} | {outcome.deleted:,} | {kept:,} | {why} |")
        return dg.MaterializeResult(
            metadata={
                "rows_deleted": sum(outcome.deleted for outcome in outcomes),
                "keys_destroyed": sum(outcome.keys_destroyed for outcome in outcomes),
                "files_removed": sum(outcome.files_removed for outcome in outcomes),
                "report": dg.MetadataValue.md("\n".join(lines)),
            }
        )

    return retention
