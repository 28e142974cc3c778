"""Bad input is refused clearly; optimal recoding is optimal; people are counted, not rows."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from privacy.anonymity import Spec, anonymize, load_spec
from privacy.anonymity.errors import AnonymityError, InfeasibleError, SpecError
from privacy.anonymity.table.frequency_table import tabulate
from privacy.anonymity.verify.verification import verify
from tests.privacy.anonymity.random_release import random_table

QUASI = {"region": {"role": "quasi"}, "age": {"role": "quasi", "is_ordered": True}}


def spec_of(columns: dict[str, object] | None = None, k: int = 3, **more: object) -> Spec:
    models = [{"name": "k_anonymity", "k": k}]
    return Spec.model_validate({"columns": {**QUASI, **(columns or {})}, "models": models, **more})


def test_k_larger_than_the_table_is_refused() -> None:
    with pytest.raises(InfeasibleError, match="k is 500 but the table has 40 people"):
        anonymize(random_table(1, rows=40), spec_of(k=500))


def test_a_quasi_identifier_of_nulls_is_refused() -> None:
    table = random_table(1, rows=40).assign(region=None)
    with pytest.raises(SpecError, match="holds only nulls"):
        anonymize(table, spec_of())


def test_a_null_is_published_as_a_value_and_not_dropped() -> None:
    table = random_table(1, rows=60)
    table.loc[:9, "region"] = None
    assert anonymize(table, spec_of()).verdict.is_passed


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([f"person{i}@example.com" for i in range(60)], "e-mail"),
        ([f"010-1234-{i:04d}" for i in range(60)], "telephone"),
        ([f"{i:06d}" for i in range(60)], "identifier"),
        ([f"note {i}: the customer called about a parcel that arrived late and damaged" for i in range(60)], "text"),
    ],
)
@pytest.mark.parametrize("role", ["insensitive", "sensitive"])
def test_identifiers_and_free_text_are_refused_unless_confirmed(values: list[str], words: str, role: str) -> None:
    table = random_table(1, rows=60).assign(extra=values)
    with pytest.raises(SpecError, match=words) as caught:
        anonymize(table, spec_of({"extra": {"role": role}}))
    assert values[0] not in str(caught.value)
    confirmed = spec_of({"extra": {"role": role, "is_confirmed": True}})
    assert "extra" in anonymize(table, confirmed).table


@pytest.mark.parametrize(
    "values",
    [
        [f"person{i}@example.com" for i in range(60)],
        [f"note {i}: the customer called about a parcel that arrived late and damaged" for i in range(60)],
    ],
)
def test_identifiers_and_free_text_as_quasi_identifiers_are_refused(values: list[str]) -> None:
    """A set label contains the values themselves, so it would publish the identifiers."""
    table = random_table(1, rows=60).assign(extra=values)
    with pytest.raises(SpecError, match="declared quasi but holds"):
        anonymize(table, spec_of({"extra": {"role": "quasi"}}))


@pytest.mark.parametrize("text", ["columns: [1, 2", ""])
def test_a_file_that_is_not_a_specification_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "spec.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SpecError, match=r"spec\.yaml is not"):
        load_spec(tmp_path / "spec.yaml")


def test_rows_of_one_person_count_once_and_no_class_is_below_k() -> None:
    table = random_table(1, rows=60).assign(member=[f"m{i // 3}" for i in range(60)])
    release = anonymize(table, spec_of(person="member"))
    owner = table["member"][release.table.index]
    assert release.table.assign(owner=owner).groupby(["region", "age"])["owner"].nunique().min() >= 3


def test_identifying_and_unnamed_columns_are_left_out() -> None:
    table = random_table(1, rows=60).assign(name="x")
    assert list(anonymize(table, spec_of({"name": {"role": "identifying"}})).table) == ["region", "age"]


def test_an_identifier_as_quasi_identifier_is_refused() -> None:
    table = pd.DataFrame({"region": np.arange(5000).astype(str), "age": 1})
    with pytest.raises(SpecError, match="looks like an identifier"):
        anonymize(table, spec_of())


def test_a_missing_column_is_named() -> None:
    with pytest.raises(SpecError, match="age"):
        anonymize(random_table(1).drop(columns="age"), spec_of())


@pytest.mark.parametrize("change", [{"models": []}, {"columns": {}}, {"colour": "red"}])
def test_specifications_that_do_not_fit_are_refused(change: dict[str, object]) -> None:
    document = {"columns": QUASI, "models": [{"name": "k_anonymity", "k": 2}], **change}
    with pytest.raises(ValidationError):
        Spec.model_validate(document)


def test_k_counts_people_and_not_their_rows() -> None:
    table = pd.DataFrame({"region": ["a"] * 6 + ["b"] * 3, "age": 30, "member": [1, 1, 1, 1, 2, 3, 4, 5, 6]})
    released = anonymize(table, spec_of(person="member")).table
    people = released.assign(member=table["member"]).groupby("region")["member"].nunique()
    assert people.min() >= 3
    one_person = table.assign(member=1)
    with pytest.raises(InfeasibleError, match="1 people"):
        anonymize(one_person, spec_of(person="member"))


def test_the_verifier_refuses_a_class_with_k_rows_of_fewer_people() -> None:
    published = pd.DataFrame({"region": ["a"] * 4, "age": ["30"] * 4})
    spec = spec_of(person="member")
    assert verify(published, published, spec, pd.Series([1, 2, 3, 4])).is_passed
    assert not verify(published, published, spec, pd.Series([1, 1, 2, 2])).is_passed


@pytest.mark.parametrize("seed", range(12))
def test_global_recoding_equals_the_best_of_all_nodes(seed: int) -> None:
    table = random_table(seed, rows=60)
    tree = {"kind": "automatic", "fan_out": 2}
    columns = {name: {"role": "quasi", "hierarchy": tree} for name in ("region", "age")}
    spec = spec_of(columns, algorithm="global", suppression_limit=0.1)
    domains = tabulate(table, spec).table.domains
    texts = [table[d.column].astype(str).map({v: i for i, v in enumerate(d.values)}).to_numpy() for d in domains]
    best = np.inf
    for levels in itertools.product(*[range(len(d.groups)) for d in domains]):
        key = pd.DataFrame(
            {j: d.groups[level][texts[j]] for j, (d, level) in enumerate(zip(domains, levels, strict=True))}
        )
        size = key.groupby(list(key.columns))[0].transform("size").to_numpy()
        loss = np.mean(
            [d.group_loss[level][texts[j]] for j, (d, level) in enumerate(zip(domains, levels, strict=True))], 0
        )
        dropped = size < spec.k
        if dropped.mean() <= 0.1:
            best = min(best, float(np.where(dropped, 1.0, loss).mean()))
    assert anonymize(table, spec).loss == pytest.approx(best)


def test_population_models_hold_for_the_release() -> None:
    population = random_table(3, rows=400)
    table = population.iloc[:80]
    columns = {name: {"role": "quasi", "hierarchy": {"kind": "automatic", "fan_out": 2}} for name in ("region", "age")}
    for model in ({"name": "k_map", "k": 5}, {"name": "delta_presence", "high": 0.4}):
        spec = Spec.model_validate(
            {"columns": columns, "models": [model], "algorithm": "global", "suppression_limit": 0.2}
        )
        assert anonymize(table, spec, population).verdict.is_passed
        with pytest.raises(AnonymityError):
            anonymize(table, spec)


def test_a_table_searched_in_blocks_passes_the_verifier() -> None:
    random = np.random.default_rng(0)
    table = pd.DataFrame({"region": random.integers(0, 60, 9000).astype(str), "age": random.integers(0, 90, 9000)})
    whole, cut = (anonymize(table, spec_of(effort=1, **more)) for more in ({}, {"block_tuples": 1000}))
    assert cut.verdict.is_passed
    assert cut.loss < 1.3 * whole.loss
