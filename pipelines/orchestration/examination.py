"""Examines Dagster for `bojagi doctor`: its record of runs, its daemon, and the newest refresh."""

from __future__ import annotations

from collections.abc import Iterator

from installation.settings import Settings
from pipelines.doctor.examination import Examination, Result


def of_dagster(settings: Settings) -> Iterator[Examination]:
    """Yield the examinations of Dagster."""
    remedy = "Run bojagi upgrade; if it lasts, see docs/operate/runbooks.md#not_observed"
    yield Examination("dagster", lambda: _dagster(settings), remedy)


def _dagster(settings: Settings) -> Result:
    if settings.database is None and not (settings.dagster_dir / "dagster.yaml").exists():
        return Result.skip("no run yet")
    from pipelines.ingest.lock import is_locked
    from pipelines.orchestration.instance import newest_run, open_instance

    with open_instance(settings) as instance:
        silent = sorted(name for name, status in instance.get_daemon_statuses().items() if not status.healthy)
        run = newest_run(instance, is_locked=is_locked(settings.data_dir))
    state = "no refresh yet" if run is None else f"the newest refresh ended as {run['state']}"
    if run is not None and run["state"] in ("failure", "killed", "stopped"):
        return Result.warn(state, "See bojagi status; docs/operate/runbooks.md#run_failed")
    if silent:
        remedy = "Start bojagi daemon (or bojagi ui); without it no schedule, sensor or alert works."
        return Result.warn(f"{state}; the daemon does not run ({', '.join(silent).lower()})", remedy)
    return Result.ok(f"{state}; the daemon runs")
