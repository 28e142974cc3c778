"""Parts of a large table are small, cover every key, satisfy the models, and are the same on every engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.engine.session import Engine
from privacy.anonymity import Spec, anonymize
from privacy.anonymity.engine.engine_release import anonymize_on_engine
from privacy.anonymity.errors import InfeasibleError, SpecError
from privacy.anonymity.search.table_part import find_edges
from privacy.anonymity.table.frequency_table import tabulate
from privacy.anonymity.table.unit_key import make_packing, to_table, words_of


def wide_table(rows: int = 9000) -> pd.DataFrame:
    random = np.random.default_rng(11)
    return pd.DataFrame(
        {
            "sex": random.choice(["f", "m"], rows),
            "region": (random.random(rows) ** 2 * 9).astype(int).astype(str),
            "age": random.integers(18, 78, rows),
            "illness": random.choice(["cold", "flu", "gout"], rows, p=[0.5, 0.3, 0.2]),
            "visits": random.integers(0, 3, rows),
        }
    )


def make_spec(memory_units: int = 1000, **more: object) -> Spec:
    columns = {
        "sex": {"role": "quasi"},
        "region": {"role": "quasi"},
        "age": {"role": "quasi", "is_ordered": True},
        "illness": {"role": "sensitive"},
        "visits": {"role": "insensitive"},
    }
    models = [{"name": "k_anonymity", "k": 6}, {"name": "distinct_l", "l": 2, "column": "illness"}]
    base = {"columns": columns, "models": models, "memory_units": memory_units, "effort": 1}
    return Spec.model_validate({**base, **more})


def rows_of(frame: pd.DataFrame) -> list[tuple[str, ...]]:
    return sorted(frame.astype(str).itertuples(index=False, name=None))


def test_unpacking_returns_the_packed_units() -> None:
    table = tabulate(wide_table(), make_spec()).table
    packing = make_packing(table.domains, table.sensitive)
    words = words_of(packing, table)
    assert (np.lexsort(words.T[::-1]) == np.arange(len(words))).all()
    again = to_table(packing, table.domains, table.sensitive, words, table.count)
    assert (again.codes == table.codes).all()
    assert (again.category == table.category).all()
    assert (again.is_home == table.is_home).all()


@pytest.mark.parametrize("most", [1, 7, 100, 5000])
def test_parts_are_small_and_cover_every_key(most: int) -> None:
    table = tabulate(wide_table(), make_spec()).table
    packing = make_packing(table.domains, table.sensitive)
    key = words_of(packing, table)[:, 0]

    def histogram(stride: int, low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
        return np.unique(key[(key >= low) & (key < high)] // stride, return_counts=True)

    edges = find_edges(packing, histogram, most)
    units = np.histogram(key, edges)[0]
    assert units.sum() == len(key)
    a_key = int(np.unique(key, return_counts=True)[1].max())
    assert units.max() <= max(most, a_key)
    assert units.min() > 0


def test_a_table_in_parts_passes_the_verifier_and_loses_little_more() -> None:
    whole, parts = anonymize(wide_table(), make_spec(500_000)), anonymize(wide_table(), make_spec())
    assert parts.verdict.is_passed
    assert parts.table.groupby(["sex", "region", "age"]).size().min() >= 6
    assert parts.loss < 1.3 * whole.loss + 0.01


def test_parts_that_break_a_model_and_cannot_be_joined_are_refused() -> None:
    table = wide_table().sort_values("sex", ignore_index=True)
    table["illness"] = np.where(table["sex"] == "f", "cold", "flu")
    with pytest.raises(InfeasibleError, match="raise `memory_units`"):
        anonymize(table, make_spec(models=[{"name": "distinct_l", "l": 2, "column": "illness"}]))


def test_the_engine_and_this_process_divide_a_table_alike(engine: Engine, tmp_path: Path) -> None:
    table = wide_table()
    frame = engine.spark.createDataFrame(table).repartition(5)
    with pytest.raises(SpecError, match="scratch"):
        anonymize_on_engine(frame, make_spec())
    release = anonymize_on_engine(frame, make_spec(), str(tmp_path / "scratch"))
    expected = anonymize(table, make_spec())
    assert release.verdict.is_passed
    assert release.units > 1000
    assert rows_of(release.frame.toPandas()) == rows_of(expected.table)
    assert release.loss == pytest.approx(expected.loss)
    assert release.classes == expected.classes


def test_people_are_counted_once_in_parts(sail: Engine, tmp_path: Path) -> None:
    table = wide_table().assign(member=lambda t: [f"m{i % 4000:04d}" for i in range(len(t))])
    spec = make_spec(person="member", models=[{"name": "k_anonymity", "k": 6}])
    release = anonymize_on_engine(sail.spark.createDataFrame(table), spec, str(tmp_path / "scratch"))
    assert release.verdict.people == 4000
    assert release.verdict.measured["k_anonymity"] >= 6
    assert rows_of(release.frame.toPandas()) == rows_of(anonymize(table, spec).table)
