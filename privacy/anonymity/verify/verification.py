"""The independent verifier: checks whether every class of a published table satisfies every model.

It is written from the definitions in the literature over plain rows. It shares no code with the algorithms, the
frequency table or the compiled models; only hierarchy files are read by the code of the specification. A release that
it refuses is not published.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from privacy.anonymity.spec.hierarchy import read_hierarchy
from privacy.anonymity.spec.specification import Spec

SLACK = 1e-7
"""Tolerance for rounding in comparisons, wider than that of the search."""
OF_POPULATION = ("k_map", "delta_presence")
"""Models that compare a class with the population."""


@dataclass(frozen=True)
class Violation:
    """A class that breaks a model. `group` is its number in the published table, in order of appearance."""

    model: str
    group: int
    people: int
    measured: float
    required: float


@dataclass(frozen=True)
class Verdict:
    """The result of a verification. `is_passed` is false when anything could not be checked."""

    violations: tuple[Violation, ...]
    faults: tuple[str, ...]
    classes: int
    rows: int
    people: int
    measured: Mapping[str, float]
    """The worst value of each model over all classes."""

    @property
    def is_passed(self) -> bool:
        """Whether the table may be released."""
        return not self.violations and not self.faults


def verify(
    published: pd.DataFrame,
    original: pd.DataFrame,
    spec: Spec,
    person: pd.Series | None = None,
    population: Mapping[str, float] | None = None,
    weight: pd.Series | None = None,
    original_weight: pd.Series | None = None,
) -> Verdict:
    """Returns the verdict on a published table: whether every class satisfies every model of `spec`.

    `published` has labels as quasi-identifiers, and the sensitive values. `original` is the table that it was made
    from, for the shares p_s. `person`, aligned with `published`, identifies people with several rows; None: each row is
    a person. `population` is the number of people of the population in each published class (key: labels joined by
    U+001F). A larger table may be counted first: then a row of `published` stands for `weight` people, and one of
    `original` for `original_weight`.
    """
    weight = pd.Series(1, published.index) if weight is None else weight
    original_weight = pd.Series(1, original.index) if original_weight is None else original_weight
    faults = _structure(published, original, spec, int(weight.sum()), int(original_weight.sum()))
    if faults:
        return Verdict((), tuple(faults), 0, len(published), 0, {})
    quasi, size = list(spec.quasi), len(published)
    if person is None:
        columns = list(dict.fromkeys([*quasi, *(model.column for model in spec.models if model.column)]))
        published, weight = _count(published[columns], weight.to_numpy(np.int64))
    if empty := [f"quasi-identifier {name!r} has empty labels" for name in quasi if published[name].isna().any()]:
        return Verdict((), tuple(empty), 0, size, 0, {})
    stands = [int(n) for n in weight]
    number = _number(published[quasi])
    owner = _owners(person, len(published))
    people = np.bincount(number, stands).astype(np.int64)
    if person is not None:
        people = np.bincount([group for group, _ in set(zip(number.tolist(), owner, strict=True))])
    members = _members(number) if any(model.column or model.name in OF_POPULATION for model in spec.models) else []
    violations: list[Violation] = []
    worst: dict[str, float] = {}
    for model in spec.models:
        name, column = model.name, model.column
        values = _text(published[column]) if column else []
        base = _shares(_text(original[column]), original_weight) if column else {}
        key = f"{name}:{column}" if column else name
        if column is None and name not in OF_POPULATION:
            k = float(model.k)  # type: ignore[union-attr]
            worst[key] = float(people.min())
            small = np.flatnonzero(people < k).tolist()
            violations += [Violation(name, group, int(people[group]), float(people[group]), k) for group in small]
            continue
        for group, rows in enumerate(members):
            if column is None:
                labels = "\x1f".join(str(label) for label in published[quasi].iloc[rows[0]])
                reach = (population or {}).get(labels, 0.0)
                measured, required, is_good = _against_population(model, int(people[group]), reach)
            else:
                counts: Counter[str] = Counter()
                if person is not None:
                    counts.update(value for _, value in {(owner[row], values[row]) for row in rows})
                else:
                    for row in rows:
                        counts[values[row]] += stands[row]
                measured, required, is_good = _judge(model, counts, base, original, spec)
            is_floor = name in ("k_anonymity", "distinct_l", "entropy_l", "k_map")
            worst[key] = (min if is_floor else max)(worst.get(key, measured), measured)
            if not is_good:
                violations.append(Violation(name, group, int(people[group]), measured, required))
    total = len(set(owner)) if person is not None else sum(stands)
    return Verdict(tuple(violations), (), len(people), sum(stands), total, worst)


def _number(rows: pd.DataFrame) -> NDArray[np.int64]:
    """Returns for each row the number of its value among the distinct rows, as text, in order of appearance."""
    number = np.zeros(len(rows), np.int64)
    for name in rows.columns:
        code, values = pd.factorize(rows[name], use_na_sentinel=False)
        known = np.array([None if pd.isna(value) else str(value) for value in values], object)
        text, texts = pd.factorize(known, use_na_sentinel=False)
        number = pd.factorize(number * len(texts) + text[code])[0].astype(np.int64)
    return number


def _members(number: NDArray[np.int64]) -> list[list[int]]:
    """Returns the numbers of the rows of each class."""
    members: list[list[int]] = [[] for _ in range(int(number.max()) + 1)]
    for row, group in enumerate(number.tolist()):
        members[group].append(row)
    return members


def _count(rows: pd.DataFrame, weight: NDArray[np.int64]) -> tuple[pd.DataFrame, pd.Series]:
    """Returns the distinct rows in order of appearance, and the summed weight of each."""
    number = _number(rows)
    total = np.zeros(int(number.max()) + 1, np.int64)
    np.add.at(total, number, weight)
    first = np.empty(len(total), np.int64)
    first[number[::-1]] = np.arange(len(number) - 1, -1, -1)
    return rows.iloc[first].reset_index(drop=True), pd.Series(total)


def _structure(published: pd.DataFrame, original: pd.DataFrame, spec: Spec, rows: int, original_rows: int) -> list[str]:
    wanted = (*spec.quasi, *spec.by_role("sensitive"))
    faults = [
        f"column {name!r} is missing from the published table" for name in wanted if name not in published.columns
    ]
    leaked = [name for name in published.columns if name in spec.by_role("identifying") or name == spec.person]
    if leaked:
        faults.append(f"identifying columns are in the published table: {leaked}")
    stray = [name for name in published.columns if name not in spec.columns]
    if stray:
        faults.append(f"columns without a role are in the published table: {stray}")
    if published.empty:
        faults.append("the published table has no rows")
    if rows < original_rows * (1 - spec.suppression_limit) - 1e-6:
        faults.append(f"{original_rows - rows} rows are missing, more than the suppression limit allows")
    if rows > original_rows:
        faults.append("the published table has more rows than the original")
    return faults


def _owners(person: pd.Series | None, rows: int) -> Sequence[Hashable]:
    if person is None:
        return range(rows)
    return ["\x00" if pd.isna(value) else str(value) for value in person]


def _text(column: pd.Series) -> list[str]:
    return ["\x00" if pd.isna(value) else str(value) for value in column]


def _shares(values: Iterable[str], weight: pd.Series) -> dict[str, float]:
    counts: Counter[str] = Counter()
    for value, n in zip(values, weight, strict=True):
        counts[value] += int(n)
    total = sum(counts.values())
    return {value: count / total for value, count in counts.items()}


def _against_population(model: object, people: int, reach: float) -> tuple[float, float, bool]:
    k = getattr(model, "k", None)
    if k is not None:
        return reach, float(k), reach >= k
    high, low = float(getattr(model, "high", 0.0)), float(getattr(model, "low", 0.0))
    share = people / reach if reach else math.inf
    return share, high, low - SLACK <= share <= high + SLACK


def _judge(
    model: object, counts: Counter[str], base: Mapping[str, float], original: pd.DataFrame, spec: Spec
) -> tuple[float, float, bool]:
    """Returns the measured value of one class for one sensitive model, the required value, and whether it holds."""
    name = str(getattr(model, "name", ""))
    total = sum(counts.values())
    q = {value: counts.get(value, 0) / total for value in base}
    if name == "alpha":
        top, alpha = max(counts.values()) / total, float(getattr(model, "alpha", 0.0))
        return top, alpha, top <= alpha + SLACK
    if name == "distinct_l":
        distinct, wanted = float(len(+counts)), float(getattr(model, "l", math.inf))
        return distinct, wanted, distinct >= wanted
    if name == "entropy_l":
        entropy = math.exp(-sum(share * math.log(share) for share in q.values() if share > 0))
        floor = float(getattr(model, "l", math.inf))
        return entropy, floor, entropy >= floor - SLACK * max(floor, 1)
    if name == "recursive_l":
        ranked = sorted(counts.values(), reverse=True)
        tail = sum(ranked[int(getattr(model, "l", 0)) - 1 :])
        limit = float(getattr(model, "c", 0.0))
        return ranked[0] / tail if tail else math.inf, limit, ranked[0] < limit * tail
    if name == "t_closeness":
        limit = float(getattr(model, "t", 0.0))
        moved = _distance(model, q, base, spec)
        return moved, limit, moved <= limit + SLACK
    if name == "delta_disclosure":
        limit = float(getattr(model, "delta", 0.0))
        gain = max(abs(math.log(q[v] / p)) if q[v] > 0 else math.inf for v, p in base.items())
        return gain, limit, gain < limit
    if name in ("basic_beta", "enhanced_beta"):
        beta = float(getattr(model, "beta", 0.0))
        room = {v: min(beta, -math.log(p)) if name == "enhanced_beta" else beta for v, p in base.items()}
        gain = max((q[v] - p) / p for v, p in base.items())
        return gain, beta, all((q[v] - p) / p <= room[v] + SLACK for v, p in base.items())
    return math.nan, math.nan, False


def _distance(model: object, q: Mapping[str, float], p: Mapping[str, float], spec: Spec) -> float:
    """Returns the earth mover's distance between two distributions, by the definition of its ground distance."""
    kind = getattr(model, "distance", "")
    if kind == "equal":
        return sum(max(q[value] - p[value], 0.0) for value in p)
    if kind == "ordered":
        ranked = sorted(p, key=lambda v: (0, float(v), v) if _is_number(v) else (1, 0.0, v))
        carried = moved = 0.0
        for value in ranked[:-1]:
            carried += q[value] - p[value]
            moved += abs(carried)
        return moved / max(len(ranked) - 1, 1)
    paths = _paths(str(getattr(model, "column", "")), spec)
    if paths is None:
        return math.inf
    height = len(next(iter(paths.values()))) - 1
    extra = {value: q[value] - p[value] for value in p}
    moved = 0.0
    for level in range(1, height + 1):
        parents: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for value, gap in extra.items():
            parents[paths[value][level]][paths[value][level - 1]] += gap
        for children in parents.values():
            positive = sum(gap for gap in children.values() if gap > 0)
            negative = -sum(gap for gap in children.values() if gap < 0)
            moved += level / height * min(positive, negative)
    return moved


def _paths(column: str, spec: Spec) -> dict[str, list[str]] | None:
    """Returns the paths of a sensitive column's hierarchy, read from its file again.

    None for a hierarchy without a file, which cannot be verified.
    """
    source = spec.columns[column].hierarchy
    if source.file is None:
        return None
    return {row[0]: list(row) for row in read_hierarchy(source.file, column, source.delimiter).rows}


def _is_number(value: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", value) is not None
