"""The engine gives the same release as pandas, for any partitioning, on every engine."""

from __future__ import annotations

import pandas as pd
import pytest

from pipelines.engine.session import Engine
from privacy.anonymity import Spec, anonymize
from privacy.anonymity.engine.engine_release import anonymize_on_engine
from tests.privacy.anonymity.random_release import random_table


def make_spec(person: str | None = None) -> Spec:
    columns: dict[str, dict[str, object]] = {
        "region": {"role": "quasi"},
        "sex": {"role": "quasi"},
        "age": {"role": "quasi", "is_ordered": True},
        "illness": {"role": "sensitive"},
        "visits": {"role": "insensitive"},
    }
    models = [{"name": "k_anonymity", "k": 4}, {"name": "distinct_l", "l": 2, "column": "illness"}]
    return Spec.model_validate({"columns": columns, "models": models, "person": person})


def rows_of(frame: pd.DataFrame) -> list[tuple[str, ...]]:
    return sorted(frame.astype(str).itertuples(index=False, name=None))


@pytest.mark.parametrize("partitions", [1, 7])
def test_the_engine_and_this_process_give_the_same_release(engine: Engine, partitions: int) -> None:
    table = random_table(5, rows=2000)
    expected = anonymize(table, make_spec())
    frame = engine.spark.createDataFrame(table).repartition(partitions)
    release = anonymize_on_engine(frame, make_spec())
    assert release.verdict.is_passed
    assert rows_of(release.frame.toPandas()) == rows_of(expected.table)
    assert release.loss == pytest.approx(expected.loss)


def test_people_with_several_rows_are_counted_once(engine: Engine) -> None:
    table = random_table(6, rows=600)
    table["member"] = [f"m{i % 200:03d}" for i in range(len(table))]
    spec = make_spec(person="member").model_copy(update={"models": make_spec().models[:1]})
    release = anonymize_on_engine(engine.spark.createDataFrame(table), spec)
    assert release.verdict.people == 200
    assert "member" not in release.frame.columns
    local = anonymize(table, spec)
    assert rows_of(release.frame.toPandas()) == rows_of(local.table)
