from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from installation.contract.document import Contracts
from installation.lakehouse.lakehouse import Lakehouse
from installation.settings import Settings
from pipelines.defs.automation import landing_sensor, refresh_job
from pipelines.ingest.landing_look import LandingLook
from pipelines.orchestration.landing_state import LANDING_TAG, landing_tags


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


class Ticks:
    """Ticks the sensor as the daemon does: with the cursor of the tick before."""

    def __init__(self, settings: Settings, contracts: Contracts, instance: dg.DagsterInstance) -> None:
        self.sensor = landing_sensor(refresh_job(), settings, contracts)
        self.instance = instance
        self.cursor: str | None = None

    def __call__(self) -> list[dg.RunRequest]:
        context = dg.build_sensor_context(instance=self.instance, cursor=self.cursor)
        found = self.sensor.evaluate_tick(context)
        self.cursor = found.cursor or self.cursor
        return list(found.run_requests or ())

    def start(self, request: dg.RunRequest, status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED) -> None:
        self.instance.add_run(dg.DagsterRun(job_name="refresh", status=status, tags=dict(request.tags)))


@pytest.fixture
def tick(settings: Settings, contracts: Contracts, instance: dg.DagsterInstance) -> Ticks:
    return Ticks(settings, contracts, instance)


def test_a_batch_of_files_starts_one_run_and_no_second(tick: Ticks) -> None:
    assert tick() == []  # the files may still be growing
    (request,) = tick()
    tick.start(request)
    assert tick() == []
    assert tick() == []


def test_no_run_starts_while_a_file_grows(tick: Ticks, settings: Settings) -> None:
    path = settings.landing_dir / "weather" / "new.csv"
    for text in ("half", "half and whole", "half and whole and more"):
        path.write_text(text)
        assert tick() == []
    assert len(tick()) == 1


def test_the_run_of_a_batch_loads_a_file_whose_last_line_has_no_end(
    tick: Ticks, settings: Settings, contracts: Contracts
) -> None:
    path = settings.landing_dir / "weather" / "open.csv"
    path.write_text("no line end")
    lakehouse, source = Lakehouse(settings.lakehouse_root), contracts.source("weather")
    assert LandingLook(source, lakehouse, settings.landing_dir).is_waiting(path)
    assert tick() == []
    assert len(tick()) == 1
    assert not LandingLook(source, lakehouse, settings.landing_dir).is_waiting(path)


def test_segments_of_the_collector_start_no_run(tick: Ticks, settings: Settings) -> None:
    tick()
    (request,) = tick()
    tick.start(request, dg.DagsterRunStatus.SUCCESS)
    for number in range(3):
        path = settings.landing_dir / "tracked_event" / f"segment-{number:020d}-a.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_text("{}\n")
        assert tick() == []


def test_unfinished_copies_start_no_run(tick: Ticks, settings: Settings) -> None:
    tick()
    (request,) = tick()
    tick.start(request, dg.DagsterRunStatus.SUCCESS)
    for name in (".new.csv", "new.csv.part"):
        (settings.landing_dir / "weather" / name).write_text("half")
    assert tick() == []
    assert tick() == []


def test_files_loaded_by_the_command_line_start_no_run_and_a_later_file_does(
    tick: Ticks, settings: Settings, contracts: Contracts
) -> None:
    tags = landing_tags(settings, contracts)
    tick.instance.add_run(dg.DagsterRun(job_name="refresh", status=dg.DagsterRunStatus.SUCCESS, tags=tags))
    assert tick() == []
    assert tick() == []
    (settings.landing_dir / "weather" / "new.csv").write_text("more")
    assert tick() == []
    assert len(tick()) == 1


def test_a_failed_run_is_requested_again_under_the_same_key(tick: Ticks) -> None:
    tick()
    (first,) = tick()
    tick.start(first, dg.DagsterRunStatus.FAILURE)
    (second,) = tick()
    assert second.run_key == first.run_key  # by which Dagster starts it once
    assert second.tags[LANDING_TAG] == first.tags[LANDING_TAG]


def test_an_empty_folder_starts_no_run(tick: Ticks, settings: Settings, tmp_path: Path) -> None:
    for path in settings.landing_dir.rglob("*.*"):
        path.unlink()
    assert tick() == []
    assert tick() == []
