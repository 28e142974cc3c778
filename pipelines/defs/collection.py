"""Declares the check of each source whose rows arrive one by one, and the sensor that evaluates it every minute.

The check says whether loading keeps up. A run loads what waits, so the check is not part of a refresh: the sensor tells
Dagster when a source becomes late, and when it is not late any more.
"""

import json
from collections.abc import Iterable

import dagster as dg

from installation.contract.document import Contract
from installation.installation import Installation
from pipelines.collection.backlog import (
    LARGEST_LAG_MESSAGES,
    LARGEST_LAG_SECONDS,
    Backlog,
    read_backlog,
    streamed_sources,
)
from pipelines.orchestration.metadata import asset_key
from pipelines.orchestration.pipeline_run import PipelineRun

CHECK = "lag"
TICK_SECONDS = 60


def lag_key(contract: Contract) -> dg.AssetCheckKey:
    """Return the key of a source's check."""
    return dg.AssetCheckKey(asset_key(contract.table), CHECK)


def lag_checks(contracts: Iterable[Contract]) -> list[dg.AssetChecksDefinition]:
    """Return the check of each of the sources, which only warns."""
    return [_lag_check(contract) for contract in contracts]


def _lag_check(contract: Contract) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        name=CHECK,
        asset=asset_key(contract.table),
        description=f"No file of the log waits for more than {LARGEST_LAG_SECONDS:.0f} s to be loaded, and at most "
        f"{LARGEST_LAG_MESSAGES:,} messages of a topic wait.",
    )
    def lag(run: dg.ResourceParam[PipelineRun]) -> dg.AssetCheckResult:
        found = read_backlog(run.installation, contract)
        return dg.AssetCheckResult(
            passed=not found.is_late, severity=dg.AssetCheckSeverity.WARN, metadata=_metadata(found)
        )

    return lag


def collection_sensor(installation: Installation) -> dg.SensorDefinition:
    """Return the sensor. It starts no run. The cursor has the sources that were late at the last tick."""

    @dg.sensor(
        name="collection",
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Record when loading of collected events, or of messages, falls behind, and when it has caught up.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        with Installation(installation.settings, installation.clock) as own:
            found = [(contract, read_backlog(own, contract)) for contract in streamed_sources(own)]
        late = sorted(one.source for _, one in found if one.is_late)
        changed = set(late) ^ set(json.loads(context.cursor) if context.cursor else [one.source for _, one in found])
        return dg.SensorResult(
            skip_reason=f"Late: {', '.join(late)}." if late else f"{len(found)} sources keep up.",
            cursor=json.dumps(late),
            asset_events=[_evaluation(contract, one) for contract, one in found if one.source in changed],
        )

    return sensor


def _evaluation(contract: Contract, found: Backlog) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=asset_key(contract.table),
        check_name=CHECK,
        passed=not found.is_late,
        metadata=_metadata(found),
        severity=dg.AssetCheckSeverity.WARN,
        description=found.fault,
    )


def _metadata(found: Backlog) -> dict[str, dg.MetadataValue]:
    figures = {
        "seconds": found.seconds,
        "segments": found.segments,
        "bytes": found.size_bytes,
        "messages": found.messages,
    }
    return {name: dg.MetadataValue.float(float(value)) for name, value in figures.items() if value is not None}
