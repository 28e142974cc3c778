"""Turns the state of an installation into metrics for Prometheus.

The metrics count rows exactly. So they are for operators, and neither the file nor the endpoint is public.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.metadata import version

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from pipelines.collection.backlog import Backlog
from pipelines.operation.state import OperationState, RunState

_HOUR = 3600.0


def metrics_text(state: OperationState) -> bytes:
    """Return the metrics in Prometheus' text format, which its textfile collector and its server read."""
    registry = CollectorRegistry()
    registry.register(StateCollector(state))
    return generate_latest(registry)


class StateCollector(Collector):
    """Yields the metrics of one state. A value that was not observed is left out."""

    def __init__(self, state: OperationState) -> None:
        self._state = state

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the metrics by topic."""
        state = self._state
        yield _gauge("info", "Version of Bojagi.", ("version",), [((version("bojagi"),), 1)])
        yield _gauge("observed_timestamp_seconds", "When the metrics were made.", (), [((), state.at.timestamp())])
        parts = [((part,), 1.0) for part in state.unobserved]
        yield _gauge("unobserved", "1 for each part of the state that could not be read.", ("part",), parts)
        yield from _of_tables(state)
        yield from _of_runs(state.facts.runs)
        yield from _of_people(state)
        yield from _of_backlogs(state.backlogs)
        if "disk" not in state.unobserved:
            yield _gauge("disk_free_bytes", "Free space where the data folder is.", (), [((), state.disk_free_bytes)])
            yield _gauge("disk_bytes", "Size of the disk where the data folder is.", (), [((), state.disk_bytes)])


def _of_tables(state: OperationState) -> Iterator[GaugeMetricFamily]:
    names, tables = ("table",), [one for one in state.tables if one.version is not None]
    yield _gauge("table_rows", "Rows.", names, [((t.table,), t.rows) for t in tables])
    yield _gauge("table_bytes", "Bytes of the current files.", names, [((t.table,), t.size_bytes) for t in tables])
    yield _gauge("table_version", "Version of the table.", names, [((t.table,), t.version) for t in tables])
    checked = [(t.table, t.record.quality) for t in tables if t.record]
    rules = [
        ((table, outcome), float(count))
        for table, quality in checked
        for outcome, count in (
            ("passed", sum(result.passed for result in quality.results)),
            ("warned", len(quality.warnings)),
            ("failed", len(quality.blocking)),
        )
    ]
    yield _gauge("table_rules", "Rules of the contract by the outcome of the last check.", ("table", "outcome"), rules)
    written = state.facts.written.items()
    yield _gauge("table_written_timestamp_seconds", "Last write.", names, [((t,), w.at) for t, w in written])
    yield _gauge("table_build_seconds", "Time of the last write.", names, [((t,), w.seconds) for t, w in written])
    limits = [((t,), hours * _HOUR) for t, hours in state.freshness_hours.items()]
    yield _gauge("table_freshness_limit_seconds", "Age at which a source is late.", names, limits)
    if "quarantine" not in state.unobserved:
        sources, quarantined = ("source",), [((s,), float(n)) for s, n in state.quarantined.items()]
        yield _gauge("quarantined_rows", "Rows in quarantine.", sources, quarantined)
        refused = [((s,), float(n)) for s, n in state.refused_files.items()]
        yield _gauge("refused_files", "Files that no load has accepted.", sources, refused)


def _of_runs(runs: tuple[RunState, ...]) -> Iterator[GaugeMetricFamily]:
    job = ("job",)
    states = [((run.job, run.state), 1.0) for run in runs]
    yield _gauge("run_state", "1 for the state of the newest run of a job.", ("job", "state"), states)
    yield _gauge("run_failed", "Whether the newest run failed.", job, [((r.job,), r.is_failed) for r in runs])
    yield _gauge("run_seconds", "Duration of the newest run.", job, [((r.job,), r.seconds) for r in runs])
    yield _gauge("run_started_timestamp_seconds", "Its start.", job, [((r.job,), r.started_at) for r in runs])
    ends = [((run.job,), run.last_success_at) for run in runs]
    yield _gauge("run_success_timestamp_seconds", "End of the newest successful run.", job, ends)
    counts = [((run.job, state), float(count)) for run in runs for state, count in run.counts.items()]
    yield _gauge("runs", "Recorded runs by Dagster's state.", ("job", "state"), counts)


def _of_people(state: OperationState) -> Iterator[GaugeMetricFamily]:
    account = ("account", "period")
    rho = [((b.account, b.period), b.rho_left) for b in state.budgets]
    yield _gauge("budget_left_rho", "Privacy budget left in the current period.", account, rho)
    limit = [((b.account, b.period), b.rho_limit) for b in state.budgets]
    yield _gauge("budget_limit_rho", "Privacy budget of a period.", account, limit)
    delta = [((b.account, b.period), b.delta_left) for b in state.budgets]
    yield _gauge("budget_left_delta", "δ left in the current period.", account, delta)
    if "consents" not in state.unobserved:
        yield _gauge("consent_unread", "Unread statements of consent.", (), [((), len(state.unread_days))])
        oldest = max(state.unread_days, default=0)
        yield _gauge("consent_unread_oldest_days", "Age of the oldest unread statement.", (), [((), oldest)])
    if "requests" not in state.unobserved:
        requests = [((urgency,), float(count)) for urgency, count in state.requests.items()]
        yield _gauge("open_requests", "Open requests of data subjects by urgency.", ("urgency",), requests)


def _of_backlogs(backlogs: tuple[Backlog, ...]) -> Iterator[GaugeMetricFamily]:
    names = ("source",)
    lags = [((one.source,), one.seconds) for one in backlogs]
    yield _gauge("collect_lag_seconds", "Age of the oldest file of the log that waits.", names, lags)
    sizes = [((one.source,), one.size_bytes) for one in backlogs]
    yield _gauge("collect_waiting_bytes", "Bytes of the log that wait.", names, sizes)
    messages = [((one.source,), one.messages) for one in backlogs]
    yield _gauge("collect_waiting_messages", "Messages of a topic that wait.", names, messages)
    late = [((one.source,), one.is_late) for one in backlogs]
    yield _gauge("collect_late", "Whether loading is late.", names, late)


def _gauge(
    name: str, text: str, labels: tuple[str, ...], values: Iterable[tuple[tuple[str, ...], float | None]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"bojagi_{name}", text, labels=labels)
    for key, value in values:
        if value is not None:
            family.add_metric(key, float(value))
    return family
