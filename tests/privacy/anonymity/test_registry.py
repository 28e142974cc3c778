from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest

from privacy.anonymity import Spec
from privacy.anonymity.errors import SpecError
from privacy.anonymity.registry import ReleaseRegistry
from tests.privacy.anonymity.random_release import random_table

NOW = dt.datetime(2017, 12, 31, tzinfo=dt.UTC)


def make_spec(k: int = 4) -> Spec:
    columns = {
        "region": {"role": "quasi"},
        "sex": {"role": "quasi"},
        "age": {"role": "quasi", "is_ordered": True},
        "illness": {"role": "sensitive"},
    }
    models = [{"name": "k_anonymity", "k": k}, {"name": "distinct_l", "l": 2, "column": "illness"}]
    return Spec.model_validate({"columns": columns, "models": models, "person": "member"})


def intersections(first: pd.DataFrame, second: pd.DataFrame) -> pd.Series:
    """People who stay candidates of each person after joining what both releases say of them."""
    labels = ["region", "sex", "age"]
    one = first.groupby(labels).ngroup().rename("one")
    two = second.groupby(labels).ngroup().rename("two")
    both = pd.concat([one, two], axis=1).dropna()
    return both.groupby(["one", "two"]).size()


def test_two_releases_cannot_be_joined_to_undo_either(tmp_path: Path) -> None:
    everyone = random_table(9, rows=300).assign(member=[f"m{i}" for i in range(300)])
    registry = ReleaseRegistry(tmp_path, b"k" * 32, lambda: NOW)
    first = registry.release("customers", everyone.iloc[:200], make_spec(), "university")
    later = everyone.drop(index=[5, 17, 60])
    second = registry.release("customers", later, make_spec(), "ministry")
    shared = first.index.intersection(second.index)
    assert (first.loc[shared, ["region", "sex", "age"]] == second.loc[shared, ["region", "sex", "age"]]).all(axis=None)
    assert intersections(first, second).min() >= 4
    assert len(second) > 250
    assert [r.recipient for r in registry.releases("customers")] == ["university", "ministry"]
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"m17" not in stored


def test_independent_releases_can_be_joined(tmp_path: Path) -> None:
    """Negative control: without the registry the same two versions undo each other."""
    from privacy.anonymity import anonymize

    everyone = random_table(9, rows=300).assign(member=[f"m{i}" for i in range(300)])
    first = anonymize(everyone.iloc[:200], make_spec()).table
    second = anonymize(everyone.drop(index=[5, 17, 60]), make_spec()).table
    assert intersections(first, second).min() < 4


def test_people_must_be_told_apart(tmp_path: Path) -> None:
    table = random_table(9, rows=30).assign(member="same")
    with pytest.raises(SpecError, match="different and filled"):
        ReleaseRegistry(tmp_path, b"k" * 32, lambda: NOW).release("t", table, make_spec(), "x")
