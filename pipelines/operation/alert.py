"""Finds what an operator must look at in the state of an installation: one alert for each object and kind.

An alert names jobs, tables, classes of errors and numbers. It leaves this machine, so it has no text of an error: such
a text may quote a row. `RUNBOOK` says for each kind what to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from installation.alert_settings import AlertSettings
from pipelines.collection.backlog import Backlog
from pipelines.operation.state import OperationState

RUNBOOK = "docs/operate/runbooks.md"
_HOUR = 3600.0


class AlertKind(StrEnum):
    """What an alert is about. The runbook has a section for each."""

    RUN_FAILED = "run_failed"
    DATA_LATE = "data_late"
    COLLECTION_LATE = "collection_late"
    CHECKS_FAILED = "checks_failed"
    REQUEST_OVERDUE = "request_overdue"
    CONSENT_UNREAD = "consent_unread"
    DISK_NEARLY_FULL = "disk_nearly_full"
    ROLLED_BACK = "rolled_back"
    ROLLOUT_HELD = "rollout_held"
    NOT_OBSERVED = "not_observed"


PART_OF = {
    AlertKind.RUN_FAILED: "runs",
    AlertKind.DATA_LATE: "runs",
    AlertKind.COLLECTION_LATE: "collection",
    AlertKind.CHECKS_FAILED: "tables",
    AlertKind.REQUEST_OVERDUE: "requests",
    AlertKind.CONSENT_UNREAD: "consents",
    AlertKind.DISK_NEARLY_FULL: "disk",
    AlertKind.ROLLED_BACK: "rollouts",
    AlertKind.ROLLOUT_HELD: "rollouts",
    AlertKind.NOT_OBSERVED: "",
}
"""The part of the state that shows the kind. While it cannot be read, alerts of the kind stay as they are."""


@dataclass(frozen=True)
class Alert:
    """A fault that holds now. `about` is the job, table or part of the installation."""

    kind: AlertKind
    about: str
    summary: str

    @property
    def key(self) -> str:
        """What makes two alerts the same one."""
        return f"{self.kind}/{self.about}"

    @property
    def runbook(self) -> str:
        """The section of the runbook."""
        return f"{RUNBOOK}#{self.kind}"


def find_alerts(state: OperationState, settings: AlertSettings) -> list[Alert]:
    """Return every fault of the state, by kind and object."""
    return sorted(_alerts(state, settings), key=lambda alert: alert.key)


def _alerts(state: OperationState, settings: AlertSettings) -> Iterator[Alert]:
    for run in state.facts.runs:
        if run.is_failed:
            named = f" ({', '.join(dict.fromkeys(run.errors))})" if run.errors else ""
            yield Alert(AlertKind.RUN_FAILED, run.job, f"The run {run.run_id} ended as {run.state}{named}.")
    for table, limit in state.freshness_hours.items():
        written = state.facts.written.get(table)
        if written is not None and (hours := (state.at.timestamp() - written.at) / _HOUR) > limit:
            text = f"The last new rows came {hours:.0f} hours ago; the contract allows {limit:g}."
            yield Alert(AlertKind.DATA_LATE, table, text)
    for waiting in state.backlogs:
        if waiting.is_late:
            yield Alert(AlertKind.COLLECTION_LATE, waiting.source, _backlog_text(waiting))
    for checked in state.tables:
        if checked.record is not None and (failed := len(checked.record.quality.blocking)):
            text = f"{failed} rules of the contract are broken; tables built from it are not rebuilt."
            yield Alert(AlertKind.CHECKS_FAILED, checked.table, text)
    if overdue := state.requests.get("overdue", 0):
        yield Alert(AlertKind.REQUEST_OVERDUE, "requests", f"{overdue} requests of data subjects are overdue.")
    if old := [days for days in state.unread_days if days >= settings.unread_days]:
        text = f"{len(old)} statements of consent have not been read for {settings.unread_days} days or more."
        yield Alert(AlertKind.CONSENT_UNREAD, "consents", text)
    if state.disk_bytes and state.disk_free_bytes * 100 < settings.disk_free_percent * state.disk_bytes:
        free = 100 * state.disk_free_bytes / state.disk_bytes
        yield Alert(AlertKind.DISK_NEARLY_FULL, "data folder", f"{free:.1f} % of the disk is free.")
    for name, reason in state.rolled_back.items():
        yield Alert(AlertKind.ROLLED_BACK, name, reason)
    for name, reason in state.held_rollouts.items():
        yield Alert(AlertKind.ROLLOUT_HELD, name, reason)
    for part in state.unobserved:
        yield Alert(AlertKind.NOT_OBSERVED, part, f"The state of {part} cannot be read; see the log and bojagi doctor.")


def _backlog_text(waiting: Backlog) -> str:
    if waiting.fault is not None:
        return f"What waits in the {waiting.kind} cannot be read."
    if waiting.messages is not None:
        return f"{waiting.messages:,} messages wait to be loaded."
    return f"The oldest of {waiting.segments:,} files of events has waited for {waiting.seconds:.0f} s to be loaded."
