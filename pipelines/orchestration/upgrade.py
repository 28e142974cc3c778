"""The part of an upgrade that needs Dagster: its record of runs."""

from __future__ import annotations

from collections.abc import Iterator

from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.runs.sql_run_storage import SqlRunStorage

from installation.settings import Settings
from pipelines.operation.upgrade import Part


def record_part(settings: Settings) -> Iterator[Part]:
    """Yield Dagster's record of runs, if there is one."""
    from pipelines.orchestration.instance import open_instance

    if settings.database is None and not (settings.dagster_dir / "dagster.yaml").exists():
        return
    with open_instance(settings) as instance:
        run_storage, event_storage = instance.run_storage, instance.event_log_storage
        assert isinstance(run_storage, SqlRunStorage)
        assert isinstance(event_storage, SqlEventLogStorage)
        versions = [run_storage.alembic_version(), event_storage.alembic_version()]
    pairs = [(str(one[0]), str(one[1])) for one in versions if one is not None]
    behind = [pair for pair in pairs if pair[0] != pair[1]]

    def migrate() -> None:
        with open_instance(settings) as instance:
            instance.upgrade()

    yield Part(
        "dagster", ", ".join(found for found, _ in pairs), ", ".join(wanted for _, wanted in pairs),
        ("migrate Dagster's record of runs; bojagi ui must be stopped",) if behind else (), upgrade=migrate,
    )  # fmt: skip
