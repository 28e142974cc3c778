"""The engine gives the same release as pandas, for any partitioning, on every engine."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest

from pipelines.engine.session import Engine
from privacy.anonymity import Spec, anonymize
from privacy.anonymity.engine import engine_release
from privacy.anonymity.engine.engine_release import anonymize_on_engine
from privacy.anonymity.engine.identifier_scan import scan_identifiers
from privacy.anonymity.errors import SpecError
from privacy.anonymity.spec.identifier_screen import SAMPLE, screen
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


IDENTIFIERS = {
    "v1": (["none", "kim@example.com"], pa.string()),
    "v2": (["none", "kim＠example.com"], pa.string()),
    "v3": (["none", "02-123-4567"], pa.string()),
    "v4": (["none", "192.168.0.1"], pa.string()),
    "v5": ([5, 1012345678], pa.int64()),
    "v6": ([None, 1012345678.0], pa.float64()),
    "v7": ([Decimal(1), Decimal(1012345678)], pa.decimal128(20, 0)),
}
"""A harmless value and an identifier, by column."""


def test_one_identifier_in_a_large_table_is_refused(engine: Engine) -> None:
    rows = 3000
    values = {name: pa.array([few[0]] * (rows - 1) + few[1:], form) for name, (few, form) in IDENTIFIERS.items()}
    frame = engine.spark.createDataFrame(pa.table(values))
    for name in IDENTIFIERS:
        columns = {"age": {"role": "quasi"}, name: {"role": "insensitive"}}
        spec = Spec.model_validate({"columns": columns, "models": [{"name": "k_anonymity", "k": 2}]})
        with pytest.raises(SpecError, match="is declared insensitive but holds"):
            scan_identifiers(frame, spec)
        # Negative control: a sample of the rows, as before, misses it.
        screen(frame.limit(SAMPLE).toPandas(), spec)


def test_a_release_of_the_engine_scans_its_input(sail: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    table = pa.table({"age": [20 + n % 4 for n in range(2000)], "note": ["none"] * 1999 + ["kim@example.com"]})
    columns = {"age": {"role": "quasi"}, "note": {"role": "insensitive"}}
    spec = Spec.model_validate({"columns": columns, "models": [{"name": "k_anonymity", "k": 2}]})
    frame = sail.spark.createDataFrame(table)
    with pytest.raises(SpecError, match="holds e-mail addresses"):
        anonymize_on_engine(frame, spec)
    monkeypatch.setattr(engine_release, "scan_identifiers", lambda *_: None)
    assert anonymize_on_engine(frame, spec).verdict.is_passed
