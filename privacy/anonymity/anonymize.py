"""Anonymises a table by a specification and returns a verified release with its scores."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from privacy.anonymity.errors import InfeasibleError, SpecError, VerificationError
from privacy.anonymity.search.allocation import SUPPRESSED, Allocation
from privacy.anonymity.search.global_recoding import recode_globally
from privacy.anonymity.search.table_part import recode_in_parts
from privacy.anonymity.spec.identifier_screen import screen
from privacy.anonymity.spec.model import PopulationModel
from privacy.anonymity.spec.specification import Spec
from privacy.anonymity.table.frequency_table import FrequencyTable, as_text, find_homes, require_columns, tabulate
from privacy.anonymity.table.range_label import covered_places
from privacy.anonymity.verify.verification import Verdict, verify

SEPARATOR = "\x1f"


@dataclass(frozen=True)
class Anonymized:
    """A verified release. `table` keeps the index of the input, without suppressed rows."""

    table: pd.DataFrame
    verdict: Verdict
    loss: float
    """Normalised certainty penalty with the specification's weights. A suppressed row counts 1."""
    suppressed: int
    classes: int


def anonymize(frame: pd.DataFrame, spec: Spec, population: pd.DataFrame | None = None) -> Anonymized:
    """Anonymises `frame` so that every model of `spec` holds, and verifies the result.

    Guarantee: every class of rows with equal released quasi-identifiers satisfies every model (formulas in
    `spec.model`). It is checked by `verify`, which shares no code with the search. Equal rows in any order give equal
    output rows.

    >>> from privacy.anonymity import Spec
    >>> spec = Spec.model_validate({
    ...     "columns": {"age": {"role": "quasi", "is_ordered": True}, "ill": {"role": "sensitive"}},
    ...     "models": [{"name": "k_anonymity", "k": 2}],
    ... })
    >>> people = pd.DataFrame({"age": [31, 60, 33, 61], "ill": ["flu", "cold", "cold", "flu"]})
    >>> anonymize(people, spec).table["age"].tolist()
    ['[31-33]', '[60-61]', '[31-33]', '[60-61]']

    Raises:
        SpecError: the specification does not fit the table, or a column has the wrong role.
        HierarchyError: a hierarchy is broken or does not cover the values.
        InfeasibleError: no release satisfies the models.
        VerificationError: the verifier refused the output (a defect of this package; nothing is released).
    """
    require_columns(list(frame.columns), spec)
    if not frame.index.is_unique:
        raise SpecError("the table's index has a duplicate entry; call reset_index, so that each row has its own")
    screen(frame, spec)
    rank = row_rank(frame, spec)
    tabulated = tabulate(frame, spec, home=find_homes(frame, spec, rank))
    allocation = search(tabulated.table, spec, population)
    group = allocation.spread(tabulated.unit_of_row, rank)
    published = publish(frame, spec, allocation.labels, group)
    kept = group != SUPPRESSED
    person = frame[spec.person][kept] if spec.person else None
    verdict = verify(published, frame, spec, person, _reach(published, spec, tabulated.table, population))
    if not verdict.is_passed:
        found = [*verdict.faults, *(f"{v.model} in class {v.group}" for v in verdict.violations[:5])]
        raise VerificationError(
            f"nothing was released: the verifier found {len(verdict.violations)} violations ({'; '.join(found)}); "
            "report this defect of Bojagi"
        )
    return Anonymized(published, verdict, loss_of(tabulated.table, allocation), allocation.suppressed, verdict.classes)


def search(table: FrequencyTable, spec: Spec, population: pd.DataFrame | None = None) -> Allocation:
    """Returns the allocation found by the algorithm that the specification names (`local` or `global`).

    Raises:
        InfeasibleError: no release satisfies the models.
        SpecError: a model about the population is combined with local recoding.
    """
    if spec.k > table.people:
        raise InfeasibleError(f"k is {spec.k} but the table has {table.people} people; lower k or add people")
    if spec.algorithm == "global":
        return recode_globally(table, spec, population)
    if any(isinstance(model, PopulationModel) for model in spec.models):
        raise SpecError("models k_map and delta_presence need `algorithm: global`; set it, or remove these models")
    return recode_in_parts(table, spec)


def row_rank(frame: pd.DataFrame, spec: Spec) -> NDArray[np.int64]:
    """Returns the rank of each row by the MD5 of its released columns other than quasi-identifiers, then by those
    columns.

    Records of one unit that go to different classes are distributed by this rank. So the order of the rows does not
    matter. Sorting by the values themselves would put equal sensitive values into one class. Rows of equal rank are
    released alike. Columns of fractions, whose text differs between engines, count only after the MD5.
    """
    columns = rank_columns(spec)
    key = np.zeros(len(frame), np.int64)
    for name in columns:
        rank = pd.factorize(frame[name], sort=True)[0].astype(np.int64) + 1
        key = np.unique(key * (int(rank.max(initial=0)) + 1) + rank, return_inverse=True)[1].ravel()
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    hashed = [name for name in columns if not _is_fraction(frame[name])]
    texts = [as_text(frame[name].iloc[first]).tolist() for name in hashed]
    joined = zip(*texts, strict=True) if texts else [()] * len(first)
    digests = np.array([hashlib.md5(SEPARATOR.join(row).encode(), usedforsecurity=False).hexdigest() for row in joined])
    order = np.lexsort((np.arange(len(first)), digests))
    place = np.empty(len(first), np.int64)
    place[order] = np.arange(len(first))
    return place[inverse.ravel()]


def _is_fraction(column: pd.Series) -> bool:
    whole = column.dropna()
    return pd.api.types.is_float_dtype(column) and not bool((whole == whole.round()).all())


def rank_columns(spec: Spec) -> list[str]:
    """Returns the columns that decide which of several equal records goes to which class, most important first."""
    released = [*spec.by_role("sensitive"), *spec.by_role("insensitive")]
    return [*released, *([spec.person] if spec.person and spec.person not in released else [])]


def publish(frame: pd.DataFrame, spec: Spec, labels: NDArray[np.object_], group: NDArray[np.int64]) -> pd.DataFrame:
    """Returns the released columns with labels in place of quasi-identifiers, without suppressed rows."""
    kept = group != SUPPRESSED
    columns = {}
    for name, column in spec.columns.items():
        if column.role == "quasi":
            columns[name] = labels[group[kept], spec.quasi.index(name)]
        elif column.role != "identifying" and name != spec.person:
            columns[name] = frame[name][kept].to_numpy()
    return pd.DataFrame(columns, index=frame.index[kept])


def loss_of(table: FrequencyTable, allocation: Allocation) -> float:
    """Returns the normalised certainty penalty of an allocation; a suppressed row counts 1."""
    kept = allocation.group != SUPPRESSED
    unit, group, count = allocation.unit[kept], allocation.group[kept], allocation.count[kept]
    total = float(allocation.suppressed)
    for j, domain in enumerate(table.domains):
        covered = _covered(table, allocation, j)
        total += table.weights[j] * float((count * (covered[group] - 1)).sum()) / max(len(domain.values) - 1, 1)
    return total / table.rows if unit.size or total else 0.0


def _covered(table: FrequencyTable, allocation: Allocation, j: int) -> NDArray[np.int64]:
    """Returns the number of the table's values that each class's label in column `j` covers."""
    domain = table.domains[j]
    size: dict[str, int] = dict.fromkeys(domain.values, 1)
    if domain.hierarchy is not None:
        for row in range(len(domain.values)):
            for level in range(1, domain.hierarchy.height):
                label = domain.hierarchy.rows[row][level]
                size[label] = int((domain.groups[level] == domain.groups[level][row]).sum())
    place = {value: code for code, value in enumerate(domain.values)}
    out = np.ones(len(allocation.labels), np.int64)
    for label in set(allocation.labels[:, j]):
        if label not in size:
            size[label] = _span(label, place)
    for group, label in enumerate(allocation.labels[:, j]):
        out[group] = size[label]
    return out


def _span(label: str, place: Mapping[str, int]) -> int:
    """Returns the number of values that `*`, a set label or a range label covers."""
    if label == "*":
        return len(place)
    inside = label[1:-1]
    if label.startswith("{"):
        return inside.count("|") + 1
    found = covered_places(label, tuple(place), place)
    return len(place) if found is None else found[1] - found[0] + 1


def _reach(
    published: pd.DataFrame, spec: Spec, table: FrequencyTable, population: pd.DataFrame | None
) -> dict[str, float] | None:
    """Returns the number of people of the population in each published class; None without a population.

    A person is in a class when its labels cover all of the person's values.
    """
    if population is None:
        return None
    quasi = list(spec.quasi)
    out = {}
    values = {name: as_text(population[name]) for name in quasi}
    cover: dict[tuple[int, str], set[str]] = {}
    for j, domain in enumerate(table.domains):
        for label in published[domain.column].unique():
            if label == "*" or domain.hierarchy is None:
                cover[j, label] = set(domain.values) if label == "*" else {label}
            else:
                cover[j, label] = {row[0] for row in domain.hierarchy.rows if label in row}
    for labels in published[quasi].drop_duplicates().itertuples(index=False, name=None):
        inside = np.ones(len(population), np.bool_)
        for j, label in enumerate(labels):
            inside &= values[quasi[j]].isin(cover[j, label]).to_numpy()
        out["\x1f".join(labels)] = float(inside.sum())
    return out
