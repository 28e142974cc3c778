"""One look at an installation: alerts are sent, and the metrics are written. The sensor and the commands take it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path

from installation.errors import InstallationError
from installation.event_log import log_error, log_event
from installation.installation import Installation
from installation.settings import Settings
from pipelines.errors import PipelineError
from pipelines.operation.alert import Alert, find_alerts
from pipelines.operation.alert_book import AlertBook
from pipelines.operation.channel import channels_of
from pipelines.operation.metric import metrics_text
from pipelines.operation.record import open_records
from pipelines.operation.state import OperationState, RunFacts, read_state
from pipelines.orchestration.run_facts import read_run_facts
from privacy.storage.atomic_file import private_draft

_READABLE_BY_GROUP = 0o640


@dataclass(frozen=True)
class Look:
    """What a look has found: the state, the alerts that hold, and the channels that a message did not reach."""

    state: OperationState
    alerts: tuple[Alert, ...]
    sent: int
    failed_channels: tuple[str, ...]


def look(installation: Installation, read_runs: Callable[[], RunFacts] | None = None) -> Look:
    """Read the state, write the metrics, and send the messages that are due."""
    state = observe(installation, read_runs)
    write_metrics(state, metrics_file(installation.settings))
    settings = installation.settings.alerts
    alerts, channels = find_alerts(state, settings), channels_of(settings)
    now = state.at.astimezone(UTC)
    book, failed = open_book(installation), list[str]()
    messages = book.take(alerts, channels, state.unobserved, now, timedelta(hours=settings.repeat_hours))
    for message in messages:
        try:
            channels[message.channel].send(message, now)
        except (PipelineError, InstallationError, OSError) as error:
            log_error(error, source="bojagi.operation")
            failed.append(message.channel)
        book.settle(message, installation.clock().astimezone(UTC), arrived=message.channel not in failed)
        for kept in (*message.firing, *message.resolved):
            log_event(
                "alert_sent" if message.channel not in failed else "alert_not_sent", source="bojagi.operation",
                alert=kept.alert.key, channel=message.channel, state="resolved" if kept.ended_at else "firing",
            )  # fmt: skip
    return Look(state, tuple(alerts), len(messages) - len(failed), tuple(failed))


def observe(installation: Installation, read_runs: Callable[[], RunFacts] | None = None) -> OperationState:
    """Return the state of an installation, with Dagster's part."""
    read = read_runs or (lambda: read_run_facts(installation.settings, installation.contracts))
    return read_state(installation, read)


def open_book(installation: Installation) -> AlertBook:
    """Return the book of alerts: a file, or a row of the database."""
    return AlertBook(open_records(installation))


def metrics_file(settings: Settings) -> Path:
    """Return the file that Prometheus' textfile collector reads."""
    return settings.data_dir / "metric" / "bojagi.prom"


def write_metrics(state: OperationState, path: Path) -> None:
    """Replace the file of metrics. Its owner and group may read it: the metrics count rows exactly."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with private_draft(path) as draft:
        draft.write_bytes(metrics_text(state))
        os.chmod(draft, _READABLE_BY_GROUP)
