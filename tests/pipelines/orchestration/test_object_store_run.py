"""A run takes its files from an object store, and writes tables and reports there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from installation.installation import Installation
from installation.object_store.place import local_copy, store
from installation.settings import Settings, load_settings
from pipelines.defs.build import build_definitions
from pipelines.orchestration.instance import open_instance
from pipelines.orchestration.landing_state import landing_tags, unmatched_landings
from pipelines.orchestration.refresh import refresh
from pipelines.orchestration.run_progress import RunProgress
from tests.object_store import ObjectStore, object_store
from tests.pipelines.dagster_market import TABLES, installation_of

DOCS = "quality/data_docs"


@pytest.fixture
def server() -> Iterator[ObjectStore]:
    with object_store() as running:
        for bucket in ("shop", "reports"):
            running.new_bucket(bucket)
        yield running


def run(settings: Settings) -> RunProgress:
    """Refresh the tables of three sources and the data docs on an engine of the settings."""
    installation, progress = installation_of(settings), RunProgress(on_start=lambda _: None, on_end=lambda _: None)
    with open_instance(settings) as instance:
        tags = landing_tags(settings, installation.contracts)
        refresh(build_definitions(installation), instance, progress, tags, (*TABLES, DOCS))
    return progress


@pytest.mark.slow
def test_a_run_between_object_stores_makes_the_tables_of_a_run_on_a_folder(
    settings: Settings, loaded_market: Path, server: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(settings.dagster_dir))
    store(settings.landing_dir, "s3://shop/landing", server.options)
    server.client.put_object(Bucket="shop", Key="landing/odd/notes.txt", Body=b"x")
    remote = load_settings(
        data_dir=settings.data_dir, engine_memory="1GB", landing_dir=tmp_path / "unused",
        landing_root="s3://shop/landing", lakehouse_root="s3://shop/lakehouse", report_archive="s3://reports",
        storage_options=server.options,
    )  # fmt: skip
    first = run(remote)
    assert first.error is None
    assert all(turn.is_finished and not turn.is_up_to_date for turn in first.turns.values())
    assert [one.name for one in unmatched_landings(remote, installation_of(remote).contracts)] == ["odd/notes.txt"]
    local = load_settings(data_dir=loaded_market)
    with Installation(local) as here, Installation(remote) as there:
        for table in ("bronze/region", "silver/calendar"):
            columns = [one.name for one in here.contracts.table(table).columns]
            rows = [opened.lakehouse.rows(table, columns).to_pylist() for opened in (here, there)]
            assert sorted(rows[0], key=repr) == sorted(rows[1], key=repr)
    assert "quality/site/index.html" in server.keys("reports")
    # Nothing personal stays on this machine: no copy of a table, no fetched file, no local table.
    kept = [path.name for path in (remote.data_dir / "fetch").rglob("*") if path.is_file()]
    assert sorted(kept) == ["cj_transactions.json", "region.json", "weather.json"]
    assert not (remote.data_dir / "lakehouse").exists()
    with local_copy("s3://reports/quality/site/index.html", server.options) as page:
        assert page.read_bytes() == (remote.quality_site_dir / "index.html").read_bytes()
    second = run(remote)
    assert all(turn.is_finished and turn.is_up_to_date for turn in second.turns.values())
