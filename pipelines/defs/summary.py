"""What a run did, read from Dagster's events: one line a table, and the whole."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from dagster._core.events import DagsterEvent, DagsterEventType
from dagster._core.events.log import EventLogEntry
from dagster_shared.error import SerializableErrorInfo

from installation.errors import InstallationError
from pipelines.defs import check, metadata
from pipelines.defs.failure import ERROR_KIND
from pipelines.errors import PipelineError
from privacy.errors import PrivacyError


@dataclass
class TableTurn:
    """One table's turn in a run, filled as its events arrive.

    A turn that never starts is one whose inputs did not pass.
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
    notes: list[str] = field(default_factory=list)
    """What the load says of files: which it refused, and how those it took differ from the contract."""
    broken_checks: list[str] = field(default_factory=list)
    """What broke, of the checks that block."""
    is_started: bool = False
    awaits_checks: bool = False
    """Whether the run is to check the table and has not yet."""
    error: str | None = None
    error_kind: str | None = None

    @property
    def is_finished(self) -> bool:
        """Whether the table was brought up to date and nothing of it blocks."""
        is_built = self.is_started and self.error is None
        return is_built and not self.broken_checks and not self.awaits_checks


@dataclass
class RunProgress:
    """The turns of a run so far. Give `observe` to `DagsterInstance.add_event_listener`."""

    on_start: Callable[[str], None]
    on_end: Callable[[TableTurn], None]
    turns: dict[str, TableTurn] = field(default_factory=dict)
    error: str | None = None
    """Why the run could not work at all (no engine, folder in use); tables' own errors stand in their turns."""
    error_kind: str | None = None

    def observe(self, entry: EventLogEntry) -> None:
        """Take in one event."""
        event = entry.dagster_event
        if event is None:
            return
        if event.event_type is DagsterEventType.PIPELINE_FAILURE:
            self._note_run_failure(event)
            for turn in self.turns.values():
                if turn.rows is not None and turn.awaits_checks:
                    self.on_end(turn)
        elif event.step_key is not None:
            step = event.step_key.removesuffix(check.STEP_SUFFIX)
            turn = self.turns.setdefault(step, TableTurn(step.replace("__", "/", 1)))
            self._note_step(event, turn, is_check=step != event.step_key)

    def _note_step(self, event: DagsterEvent, turn: TableTurn, is_check: bool) -> None:
        kind = event.event_type
        if kind is DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED:
            turn.awaits_checks = True
        elif kind is DagsterEventType.STEP_START:
            turn.is_started = True
            self.on_start(turn.table)
        elif kind is DagsterEventType.ASSET_MATERIALIZATION and event.partition is None:
            _note_table(event, turn)
        elif kind is DagsterEventType.ASSET_CHECK_EVALUATION:
            _note_check(event, turn)
        elif kind is DagsterEventType.STEP_SUCCESS:
            turn.seconds += event.step_success_data.duration_ms / 1000
            turn.awaits_checks = turn.awaits_checks and not is_check
            if not turn.awaits_checks:
                self.on_end(turn)
        elif kind is DagsterEventType.STEP_FAILURE:
            turn.awaits_checks = turn.awaits_checks and not is_check
            if not turn.broken_checks:
                turn.error, turn.error_kind = _explain_step(event)
            self.on_end(turn)

    def _note_run_failure(self, event: DagsterEvent) -> None:
        if any(turn.error or turn.broken_checks for turn in self.turns.values()):
            return
        error = event.job_failure_data.error
        self.error, self.error_kind = _explain(error) if error else (event.message or "The run failed.", None)


def _note_table(event: DagsterEvent, turn: TableTurn) -> None:
    values = _values(event.materialization.metadata)
    turn.rows = values.get(metadata.ROWS)
    turn.rows_added = values.get(metadata.ADDED)
    turn.rows_quarantined = values.get(metadata.QUARANTINED, 0)
    turn.is_up_to_date = values.get(metadata.UP_TO_DATE, False)
    turn.files_refused = values.get(metadata.REFUSED, 0)
    turn.notes = list(values.get(metadata.NOTES, []))


def _note_check(event: DagsterEvent, turn: TableTurn) -> None:
    evaluation = event.asset_check_evaluation_data
    values = _values(evaluation.metadata)
    turn.rules_passed += values.get(check.PASSED, 0)
    turn.rules_warned += values.get(check.WARNED, 0)
    turn.rules_failed += values.get(check.FAILED, 0)
    if not evaluation.passed and evaluation.blocking and evaluation.severity is dg.AssetCheckSeverity.ERROR:
        turn.broken_checks.append(f"{evaluation.check_name}: {evaluation.description or 'broken'}")


def _values(entries: Mapping[str, dg.MetadataValue[Any]]) -> dict[str, Any]:
    return {name: entry.value for name, entry in entries.items()}


def _explain_step(event: DagsterEvent) -> tuple[str, str | None]:
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        kind = data.user_failure_data.metadata.get(ERROR_KIND)
        return data.user_failure_data.description, str(kind.value) if kind else None
    return _explain(data.error) if data.error else (event.message or "failed", None)


def _explain(error: SerializableErrorInfo) -> tuple[str, str | None]:
    """Return the message and the class of the cause: our own error if there is one, else the innermost.

    Dagster wraps what it did not raise, and our errors wrap what they explain.
    """
    chain = list(_chain(error))
    own = {
        kind.__name__
        for kind in (*_descendants(InstallationError), *_descendants(PipelineError), *_descendants(PrivacyError))
    }
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
