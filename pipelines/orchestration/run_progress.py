"""Reads the progress of a run from Dagster's events: what happened to each table, and to the run as a whole."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

# Private: a listener of `DagsterInstance.add_event_listener` receives these types, which Dagster does not export.
from dagster._core.events import DagsterEvent, DagsterEventType
from dagster._core.events.log import EventLogEntry
from dagster_shared.error import SerializableErrorInfo

from agent_serving.errors import ServingError
from installation.errors import InstallationError
from pipelines.errors import PipelineError
from pipelines.orchestration import check_result, landing_result, metadata
from pipelines.orchestration.failure import ERROR_KIND
from pipelines.orchestration.run_story import is_interrupted, is_out_of_space
from privacy.errors import PrivacyError


@dataclass
class TableTurn:
    """What a run did with one table. The events of the run fill it in.

    The turn of a table never starts when one of its inputs failed its checks.
    """

    table: str
    seconds: float = 0.0
    rows: int | None = None
    rows_added: int | None = None
    rows_quarantined: int = 0
    is_up_to_date: bool = False
    rules_passed: int = 0
    rules_warned: int = 0
    rules_failed: int = 0
    files_refused: int = 0
    faults: list[str] = field(default_factory=list)
    """Messages that make the run unsuccessful: refused files, and too many rows in quarantine."""
    notes: list[str] = field(default_factory=list)
    """Warnings of the load: quarantined rows, and differences between loaded files and the contract."""
    broken_checks: list[str] = field(default_factory=list)
    """Names and findings of the blocking checks that failed."""
    is_absent: bool = False
    """Whether the table has no input and was not built. Such a turn is not reported to `on_end`."""
    is_started: bool = False
    awaits_checks: bool = False
    """Whether checks of the table are planned in this run and not finished."""
    has_verdict: bool = False
    """Whether the check of the source's landed files has reported its result."""
    error: str | None = None
    error_kind: str | None = None

    @property
    def is_finished(self) -> bool:
        """Whether the table is up to date and passed its blocking checks."""
        is_built = self.is_started and self.error is None
        return is_built and not self.broken_checks and not self.awaits_checks


@dataclass
class RunProgress:
    """The turns of a run so far. Pass `observe` to `DagsterInstance.add_event_listener`."""

    on_start: Callable[[str], None]
    on_end: Callable[[TableTurn], None]
    turns: dict[str, TableTurn] = field(default_factory=dict)
    error: str | None = None
    """Why the run as a whole failed (no engine, folder in use). Errors of single tables are in their turns."""
    error_kind: str | None = None
    is_disk_full: bool = False
    """Whether the run was stopped because the disk is full."""

    @property
    def listed(self) -> tuple[TableTurn, ...]:
        """The turns of the tables that have input."""
        return tuple(turn for turn in self.turns.values() if not turn.is_absent)

    def observe(self, entry: EventLogEntry) -> None:
        """Update the turns with one event."""
        event = entry.dagster_event
        if event is None:
            return
        if event.event_type is DagsterEventType.PIPELINE_FAILURE:
            self._note_run_failure(event)
            for turn in self.turns.values():
                if turn.rows is not None and turn.awaits_checks:
                    self.on_end(turn)
        elif event.step_key is not None and event.step_key.endswith(landing_result.STEP_SUFFIX):
            self._note_landing(event)
        elif event.step_key is not None:
            step = event.step_key.removesuffix(check_result.STEP_SUFFIX)
            turn = self._turn(step)
            self._note_step(event, turn, is_check=step != event.step_key)

    def _note_step(self, event: DagsterEvent, turn: TableTurn, is_check: bool) -> None:
        kind = event.event_type
        if kind is DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED:
            turn.awaits_checks = True
        elif kind is DagsterEventType.STEP_START:
            turn.is_started = True
            self.on_start(turn.table)
        elif kind is DagsterEventType.ASSET_MATERIALIZATION and event.partition is None:
            _note_table(event.materialization.metadata, turn)
        elif kind is DagsterEventType.ASSET_OBSERVATION:
            _note_table(event.asset_observation_data.asset_observation.metadata, turn)
        elif kind is DagsterEventType.ASSET_CHECK_EVALUATION:
            _note_check(event, turn)
        elif kind is DagsterEventType.STEP_SUCCESS:
            turn.seconds += event.step_success_data.duration_ms / 1000
            turn.awaits_checks = turn.awaits_checks and not is_check
            if not turn.awaits_checks and not turn.is_absent:
                self.on_end(turn)
        elif is_interrupted(event):
            self.is_disk_full = self.is_disk_full or is_out_of_space(event)
        elif kind is DagsterEventType.STEP_FAILURE:
            turn.awaits_checks = turn.awaits_checks and not is_check
            if not turn.broken_checks:
                turn.error, turn.error_kind = _explain_step(event)
            self.on_end(turn)

    def _note_landing(self, event: DagsterEvent) -> None:
        """Note the check of a source's landed files. Its step fails when the load that it judges has faults."""
        turn = self._turn(str(event.step_key).removesuffix(landing_result.STEP_SUFFIX))
        if event.event_type is DagsterEventType.ASSET_CHECK_EVALUATION:
            turn.has_verdict = True
        elif event.event_type is DagsterEventType.STEP_FAILURE:
            reason, kind = _explain_step(event)
            if not turn.has_verdict:
                turn.error, turn.error_kind = reason, kind
            elif not turn.faults:  # the source was not loaded in this run
                turn.faults = [reason]

    def _turn(self, step: str) -> TableTurn:
        return self.turns.setdefault(step, TableTurn(step.replace("__", "/", 1)))

    def _note_run_failure(self, event: DagsterEvent) -> None:
        if any(turn.error or turn.broken_checks or turn.faults for turn in self.turns.values()):
            return
        error = event.job_failure_data.error
        self.error, self.error_kind = _explain(error) if error else (event.message or "The run failed.", None)


def _note_table(entries: Mapping[str, dg.MetadataValue[Any]], turn: TableTurn) -> None:
    values = _values(entries)
    turn.is_absent = metadata.ABSENT in values
    turn.rows = values.get(metadata.ROWS)
    turn.rows_added = values.get(metadata.ADDED)
    turn.rows_quarantined = values.get(metadata.QUARANTINED, 0)
    turn.is_up_to_date = values.get(metadata.UP_TO_DATE, False)
    turn.files_refused = values.get(metadata.REFUSED, 0)
    turn.faults = list(values.get(metadata.FAULTS, []))
    turn.notes = list(values.get(metadata.NOTES, []))


def _note_check(event: DagsterEvent, turn: TableTurn) -> None:
    evaluation = event.asset_check_evaluation_data
    values = _values(evaluation.metadata)
    turn.rules_passed += values.get(check_result.PASSED, 0)
    turn.rules_warned += values.get(check_result.WARNED, 0)
    turn.rules_failed += values.get(check_result.FAILED, 0)
    if not evaluation.passed and evaluation.blocking and evaluation.severity is dg.AssetCheckSeverity.ERROR:
        found = "; ".join((evaluation.description or "broken").split("\n\n"))
        turn.broken_checks.append(f"{evaluation.check_name}: {found}")
    elif not evaluation.passed and not evaluation.blocking and evaluation.description:
        turn.notes.append(evaluation.description)


def _values(entries: Mapping[str, dg.MetadataValue[Any]]) -> dict[str, Any]:
    return {name: entry.value for name, entry in entries.items()}


def _explain_step(event: DagsterEvent) -> tuple[str, str | None]:
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        kind = data.user_failure_data.metadata.get(ERROR_KIND)
        return data.user_failure_data.description, str(kind.value) if kind else None
    return _explain(data.error) if data.error else (event.message or "failed", None)


def _explain(error: SerializableErrorInfo) -> tuple[str, str | None]:
    """Return the message and the class name of the cause: our own error if there is one, else the innermost error.

    Dagster wraps errors of an asset in its own, and our errors wrap the errors that they explain.
    """
    chain = list(_chain(error))
    bases = (InstallationError, PipelineError, PrivacyError, ServingError)
    own = {kind.__name__ for base in bases for kind in _descendants(base)}
    cause = next((link for link in chain if link.cls_name in own), chain[-1])
    kind, _, text = cause.message.strip().partition(": ")
    return (text or kind).strip(), cause.cls_name


def _descendants(kind: type[Exception]) -> Iterator[type[Exception]]:
    for child in kind.__subclasses__():
        yield child
        yield from _descendants(child)


def _chain(error: SerializableErrorInfo | None) -> Iterator[SerializableErrorInfo]:
    while error is not None:
        yield error
        error = error.cause
