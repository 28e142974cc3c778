"""Reports a table to Dagster: as materialised when its rows were written, as observed when it was current.

"Last materialized" in Dagster's UI is then the time at which the table was last written.

An asset that yields no output would make Dagster skip everything downstream, also a table that has to be built
because another input or its own contract changed. A returned `ObserveResult` is recorded as a materialisation. So a
current table yields its output with the mark that Dagster itself gives the output of an observable source asset: the
output counts, and no event follows from it.
"""

from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg

# Private: Dagster 1.13 has no public way to pass an output on without a materialisation. The version of Dagster is
# locked, and tests/pipelines/orchestration/test_table_event.py fails when a new version changes this.
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION as NO_EVENT

from pipelines.orchestration.metadata import ABSENT, UP_TO_DATE

DATA_VERSION_TAG = "dagster/data_version"
"""Dagster's tag of a materialisation: the data version that the asset returned."""


def report_table(
    context: dg.AssetExecutionContext,
    metadata: Mapping[str, Any],
    *,
    is_current: bool,
    state: str | None = None,
    details: Callable[[], Mapping[str, Any]] = dict,
) -> dg.MaterializeResult[Any]:
    """Return the result of an asset's step, after an observation if nothing was written since the last one.

    A current table whose state Dagster has not recorded is reported as materialised: an earlier run was killed, or
    the record of runs was deleted.

    Args:
        context: of the asset.
        metadata: what both events say of the table. `up_to_date` is added.
        is_current: whether the step found the table current and did not build it.
        state: changes whenever the rows of the table change. It becomes the data version of the asset. None for an
            asset whose rows have no version; `is_current` decides then.
        details: makes further metadata, such as charts, which only a materialisation shows.
    """
    found = {**metadata, UP_TO_DATE: is_current}
    if _is_recorded(context, is_current, state):
        context.log_event(dg.AssetObservation(context.asset_key, metadata=found))
        return dg.MaterializeResult(metadata={NO_EVENT: True})
    version = None if state is None else dg.DataVersion(state)
    return dg.MaterializeResult(metadata={**found, **details()}, data_version=version)


def report_absent(context: dg.AssetExecutionContext, reason: str) -> dg.MaterializeResult[Any]:
    """Return the result of the step of a table that is not built because it has no input, after an observation of it.

    Tables below are built all the same: they read an empty table.
    """
    context.log_event(dg.AssetObservation(context.asset_key, description=reason, metadata={ABSENT: reason}))
    return dg.MaterializeResult(metadata={NO_EVENT: True})


def _is_recorded(context: dg.AssetExecutionContext, is_current: bool, state: str | None) -> bool:
    """Say whether the newest materialisation of the asset is of this state."""
    event = context.instance.get_latest_materialization_event(context.asset_key)
    if event is None or event.asset_materialization is None:
        return False
    if state is None:
        return is_current
    return (event.asset_materialization.tags or {}).get(DATA_VERSION_TAG) == state
