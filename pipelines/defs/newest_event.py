"""Declares the check that warns when the newest event is much older than the reference date."""

import dagster as dg

from installation.contract.document import Contract
from pipelines.orchestration.event_day import EVENT_TABLE
from pipelines.orchestration.metadata import asset_key
from pipelines.orchestration.pipeline_run import PipelineRun
from pipelines.quality.newest_event import LARGEST_AGE_DAYS, find_newest_event

CHECK = "newest_event"
"""Name of the check."""


def newest_event_spec(contract: Contract) -> dg.AssetCheckSpec | None:
    """Return the check of the event table, which only warns; None for another table."""
    if contract.table != EVENT_TABLE:
        return None
    description = f"The newest event is at most {LARGEST_AGE_DAYS} days older than the reference date of the run."
    return dg.AssetCheckSpec(CHECK, asset=asset_key(EVENT_TABLE), description=description)


def newest_event_result(contract: Contract, run: PipelineRun) -> dg.AssetCheckResult:
    """Return the result of the check."""
    found = find_newest_event(run.lakehouse, run.contracts, run.reference_date)
    warning = found.warning
    return dg.AssetCheckResult(
        asset_key=asset_key(contract.table),
        check_name=CHECK,
        passed=warning is None,
        severity=dg.AssetCheckSeverity.WARN,
        description=warning or f"The newest event is of {found.day}",
        metadata={
            "rules_passed": int(warning is None),
            "rules_warned": int(warning is not None),
            "rules_failed": 0,
            "newest_event": str(found.day),
            "reference_date": str(found.today),
        },
    )
