"""Dagster's jobs and sensor of the shopping agent's content."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from agent_serving.search.opening import open_index
from installation.installation import Installation
from installation.settings import load_settings
from pipelines.defs.place import place_job
from pipelines.defs.search import content_sensor, index_job
from pipelines.simulate.content import write_content
from pipelines.simulate.random_stream import Streams


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    write_content(tmp_path, Streams(1, 0).generator("content"))
    for path in (tmp_path / "content").rglob("product.jsonl"):
        path.unlink()
    return Installation(load_settings(data_dir=tmp_path))


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def test_the_sensor_asks_for_a_run_until_changed_content_is_indexed(
    installation: Installation, instance: dg.DagsterInstance
) -> None:
    job = index_job(installation)
    sensor = content_sensor(job, installation)

    def requests() -> int:
        with dg.build_sensor_context(instance=instance) as context:
            return len(sensor.evaluate_tick(context).run_requests or ())

    assert requests() == 1
    done = job.execute_in_process(instance=instance)
    (event,) = [one for one in done.all_events if one.is_step_materialization]
    assert int(event.materialization.metadata["documents_written"].value) > 100  # type: ignore[arg-type]
    assert requests() == 0
    (installation.settings.content_dir / "main" / "floor.jsonl").unlink()
    assert requests() == 1


def test_the_weekly_job_publishes_places_that_are_found(
    installation: Installation, instance: dg.DagsterInstance
) -> None:
    done = place_job(installation).execute_in_process(instance=instance)
    assert done.success
    (place,) = open_index(installation).search("근처 약국", branch="gangnam")
    assert place.facts["name"] == "센트럴약국"


def test_without_a_content_folder_the_sensor_says_so(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    installation = Installation(load_settings(data_dir=tmp_path))
    with dg.build_sensor_context(instance=instance) as context:
        found = content_sensor(index_job(installation), installation).evaluate_tick(context)
    assert "does not exist" in str(found.skip_message)
    assert not (tmp_path / "search").exists()
