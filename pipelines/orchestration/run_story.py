"""Says in a sentence what an unsuccessful run was doing when it ended, from the events that Dagster recorded of it."""

from collections.abc import Iterator

import dagster as dg

# Private: the types of events, which Dagster's public API filters by but does not export.
from dagster._core.events import DagsterEvent, DagsterEventType
from dagster._core.events.log import EventLogEntry
from dagster_shared.error import SerializableErrorInfo

from installation.disk_fault import mentions_full_disk
from pipelines.orchestration import check_result, landing_result

_ENDS = {DagsterEventType.STEP_SUCCESS, DagsterEventType.STEP_FAILURE, DagsterEventType.STEP_SKIPPED}
_STEPS = {DagsterEventType.STEP_START, *_ENDS}
_INTERRUPTIONS = {"DagsterExecutionInterruptedError", "KeyboardInterrupt"}
_NAMED_FAILURES = 3


def killed_sentence(instance: dg.DagsterInstance, run_id: str) -> str:
    """Return the sentence about a run whose process ended before the run did."""
    doing = _doing(instance, run_id)
    return (
        f"The run was killed or the machine stopped while it {doing}. Finished tables are kept; run again to continue."
    )


def stopped_sentence(instance: dg.DagsterInstance, run_id: str) -> str | None:
    """Return the sentence about a run that a signal stopped; None for another run."""
    for entry in instance.all_logs(run_id, of_type=DagsterEventType.STEP_FAILURE):
        event = entry.dagster_event
        if event is not None and is_interrupted(event):
            doing = _activity(str(event.step_key))
            reason = "because the disk is full" if is_out_of_space(event) else "by a signal"
            return f"The run was stopped {reason} while it {doing}. Finished tables are kept; run again to continue."
    return None


def is_interrupted(event: DagsterEvent) -> bool:
    """Return whether the event says that a step was interrupted: by Ctrl-C, SIGTERM or a full disk."""
    if event.event_type is not DagsterEventType.STEP_FAILURE:
        return False
    return any(error.cls_name in _INTERRUPTIONS for error in _chain(event.step_failure_data.error))


def is_out_of_space(event: DagsterEvent) -> bool:
    """Return whether the event says that a step failed because the disk is full."""
    if event.event_type is not DagsterEventType.STEP_FAILURE:
        return False
    return any(mentions_full_disk(error.message) for error in _chain(event.step_failure_data.error))


def _chain(error: SerializableErrorInfo | None) -> Iterator[SerializableErrorInfo]:
    while error is not None:
        yield error
        error = error.cause


def failure_sentence(instance: dg.DagsterInstance, run_id: str) -> str | None:
    """Return the sentence about a run that Dagster recorded as failed or cancelled; None if it recorded no reason."""
    failures = [
        text
        for entry in instance.all_logs(run_id, of_type=DagsterEventType.STEP_FAILURE)
        if (text := _reason(entry)) is not None
    ]
    if failures:
        left = len(failures) - _NAMED_FAILURES
        return "; ".join(failures[:_NAMED_FAILURES]) + (f"; {left} more" if left > 0 else "")
    ends = instance.all_logs(run_id, of_type={DagsterEventType.RUN_FAILURE, DagsterEventType.RUN_CANCELED})
    return next((_plain(entry) for entry in ends), None)


def last_sign_of_life(instance: dg.DagsterInstance, run_id: str) -> float | None:
    """Return the time of the last event of a run, in seconds since 1970; None without an event."""
    return max((entry.timestamp for entry in instance.all_logs(run_id)), default=None)


def has_begun(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Return whether a step of the run has started."""
    return bool(instance.all_logs(run_id, of_type=DagsterEventType.STEP_START))


def _doing(instance: dg.DagsterInstance, run_id: str) -> str:
    open_steps: dict[str, None] = {}
    has_begun = False
    for entry in instance.all_logs(run_id, of_type=_STEPS):
        step, kind = entry.step_key, entry.dagster_event_type
        if step is None:
            continue
        has_begun = True
        if kind is DagsterEventType.STEP_START:
            open_steps[step] = None
        elif kind in _ENDS:
            open_steps.pop(step, None)
    if open_steps:
        return _activity(next(reversed(open_steps)))
    return "was between two tables" if has_begun else "was opening the engine"


def _activity(step: str) -> str:
    for suffix in (check_result.STEP_SUFFIX, landing_result.STEP_SUFFIX):
        if step.endswith(suffix):
            return f"checked {_table(step.removesuffix(suffix))}"
    return f"{'loaded' if step.startswith('bronze__') else 'built'} {_table(step)}"


def _table(step: str) -> str:
    return step.replace("__", "/", 1)


def _reason(entry: EventLogEntry) -> str | None:
    """Return the reason why a step failed. A step of a check that judges a load names its table itself."""
    event = entry.dagster_event
    if event is None or event.step_key is None:
        return None
    own = event.step_failure_data.user_failure_data
    text = own.description if own and own.description else event.step_failure_data.error_display_string
    line = " ".join((text or "failed").split())
    return line if event.step_key.endswith(landing_result.STEP_SUFFIX) else f"{_table(event.step_key)}: {line[:300]}"


def _plain(entry: EventLogEntry) -> str:
    event = entry.dagster_event
    return " ".join((event.message if event and event.message else entry.user_message or entry.message).split())[:500]
