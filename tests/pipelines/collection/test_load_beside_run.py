"""Events are loaded while a run works, and the run builds all tables from the events that it began with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from installation.settings import Settings
from pipelines.derived_table.fingerprint import state
from pipelines.engine.session import Engine
from pipelines.errors import RunLockError
from pipelines.ingest.lock import run_lock
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from pipelines.orchestration.pipeline_run import PipelineRun, open_run
from tests.features.retrieval.feature_shop import FeatureShop
from tests.pipelines.collection.test_micro_batch import TABLE, load, message, write


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[FeatureShop]:
    one = FeatureShop(tmp_path)
    yield one
    one.close()


def opened(shop: FeatureShop, engine: Engine) -> AbstractContextManager[PipelineRun]:
    def open_engine(_: Settings) -> AbstractContextManager[Engine]:
        return nullcontext(engine)

    return open_run("r", shop.installation, open_engine)


def test_a_load_beside_a_run_is_seen_by_the_next_one(shop: FeatureShop, sail: Engine) -> None:
    write(shop, *map(message, range(5)))
    load(shop)
    with run_lock(shop.installation.settings.data_dir, admits_loads=True):
        with opened(shop, sail) as run:
            before = state(TABLE, run.lakehouse, run.build_context)
            write(shop, *map(message, range(5, 9)))
            assert load(shop).rows_added == 4
            assert run.lakehouse.read(TABLE).count() == 5
            assert state(TABLE, run.lakehouse, run.build_context) == before
        with opened(shop, sail) as run:
            assert run.lakehouse.read(TABLE).count() == 9
            assert state(TABLE, run.lakehouse, run.build_context) != before


def test_without_the_pin_a_run_would_see_rows_come(
    shop: FeatureShop, sail: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SparkLakehouse, "pin", lambda *_: None)
    write(shop, message(1))
    load(shop)
    with opened(shop, sail) as run:
        assert run.lakehouse.read(TABLE).count() == 1
        write(shop, message(2))
        load(shop)
        assert run.lakehouse.read(TABLE).count() == 2


def test_what_a_run_writes_excludes_loads(shop: FeatureShop, sail: Engine) -> None:
    write(shop, message(1))
    with opened(shop, sail) as run:
        with run.writing([TABLE]):
            with pytest.raises(RunLockError):
                load(shop)
            assert not run.lakehouse.exists(TABLE)
        load(shop)
        assert not run.lakehouse.exists(TABLE), "the run began without it"
