"""Logs the runs of Dagster: their start and end, their tables, checks and failures.

The storage of events calls it, which sees the events of every run, whoever has started it: the command line, the UI, a
schedule or a sensor. An event is logged by its kind, table and numbers. Its texts are left out: an error of a library
may quote a row.
"""

import logging
from collections.abc import Iterable, Mapping

import dagster as dg

# Private: the types of events, which Dagster's public API filters by but does not export.
from dagster._core.events import DagsterEvent, DagsterEventType
from dagster._core.events.log import EventLogEntry

from installation.event_log import Fields, log_event
from pipelines.orchestration import metadata
from pipelines.orchestration.failure import ERROR_KIND

SOURCE = "bojagi.run"
_RUN_EVENTS = {
    DagsterEventType.RUN_START: "run_started",
    DagsterEventType.RUN_SUCCESS: "run_succeeded",
    DagsterEventType.RUN_FAILURE: "run_failed",
    DagsterEventType.RUN_CANCELED: "run_stopped",
}
_TABLE_EVENTS = {
    DagsterEventType.ASSET_MATERIALIZATION: "table_written",
    DagsterEventType.ASSET_OBSERVATION: "table_current",
}


def log_run_event(entry: EventLogEntry) -> None:
    """Log one event of a run, if it is of a kind that an operator follows."""
    event = entry.dagster_event
    if event is None or not logging.getLogger(SOURCE).isEnabledFor(logging.INFO):
        return
    kind = event.event_type
    fields: Fields = {"run_id": entry.run_id, "job": event.job_name}
    if kind in _RUN_EVENTS:
        is_bad = kind in (DagsterEventType.RUN_FAILURE, DagsterEventType.RUN_CANCELED)
        log_event(_RUN_EVENTS[kind], source=SOURCE, level=logging.ERROR if is_bad else logging.INFO, **fields)
    elif kind in _TABLE_EVENTS and event.partition is None and event.asset_key is not None:
        fields = {**fields, "table": metadata.table_name(event.asset_key), **_numbers(_metadata_of(event))}
        log_event(_TABLE_EVENTS[kind], source=SOURCE, **fields)
    elif kind is DagsterEventType.ASSET_CHECK_EVALUATION:
        data = event.asset_check_evaluation_data
        table = metadata.table_name(data.asset_key)
        fields = {**fields, "table": table, "check": data.check_name, "passed": data.passed}
        log_event("check_ended", source=SOURCE, level=logging.DEBUG if data.passed else logging.WARNING, **fields)
    elif kind is DagsterEventType.STEP_FAILURE:
        fields = {**fields, "table": str(event.step_key).replace("__", "/", 1), "error": error_kind(event)}
        log_event("step_failed", source=SOURCE, level=logging.ERROR, **fields)


def error_kind(event: DagsterEvent) -> str:
    """Return the class name of the error that failed a step; that of our own error, not of Dagster's around it."""
    own = event.step_failure_data.user_failure_data
    named = own.metadata.get(ERROR_KIND) if own and own.metadata else None
    if named is not None:
        return str(named.value)
    error, kind = event.step_failure_data.error, "unknown"
    while error is not None:
        kind = error.cls_name or kind
        error = error.cause
    return kind


def _metadata_of(event: DagsterEvent) -> Mapping[str, dg.MetadataValue]:
    if event.event_type is DagsterEventType.ASSET_OBSERVATION:
        return event.asset_observation_data.asset_observation.metadata
    return event.materialization.metadata


def _numbers(found: Mapping[str, dg.MetadataValue]) -> Fields:
    """Return the counts and the time of a table's step. A table has only some of them."""

    def number(names: Iterable[str]) -> int | float | None:
        values = (found[name].value for name in names if name in found)
        return next((value for value in values if isinstance(value, int | float)), None)

    numbers: Fields = {}
    if (seconds := number([metadata.SECONDS])) is not None:
        numbers["seconds"] = round(float(seconds), 3)
    for field, name in (
        ("rows", metadata.ROWS),
        ("rows_added", metadata.ADDED),
        ("rows_quarantined", metadata.QUARANTINED),
    ):
        if (count := number([name])) is not None:
            numbers[field] = int(count)  # type: ignore[literal-required]
    return numbers
