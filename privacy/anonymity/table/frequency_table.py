"""The frequency table: distinct combinations of quasi-identifiers and sensitive values, with counts.

A unit is one such combination. A tuple is a distinct combination of the quasi-identifiers alone. The table is the only
input of the search. So the run time depends on the number of units, not of rows, and the result does not depend on the
order or partitioning of the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from privacy.anonymity.errors import SpecError
from privacy.anonymity.spec.hierarchy import MISSING, MISSING_TEXT, sort_key
from privacy.anonymity.spec.model import TCloseness
from privacy.anonymity.spec.specification import Spec
from privacy.anonymity.table.domain import Domain, build_domain
from privacy.anonymity.table.query_weight import blend, counting_cost

LARGEST_WHOLE = 2.0**53
"""Floats from here on, including infinity, are not written as integers: from here not every integer is a float."""
LIKENESS = 0.75
"""Similarity of two names above which one may be a misspelling of the other."""


@dataclass(frozen=True)
class Sensitive:
    """One sensitive column: its values, their shares of the table, and its hierarchy for hierarchical distances."""

    column: str
    values: tuple[str, ...]
    prior: NDArray[np.float64]
    ground: NDArray[np.int32]
    """(levels, values) group of each value on each level below the top."""
    first_bin: int


@dataclass(frozen=True)
class FrequencyTable:
    """Holds `m` units, sorted by their tuple of quasi-identifiers. Arrays are as in `kernel.problem.Problem`."""

    domains: tuple[Domain, ...]
    sensitive: tuple[Sensitive, ...]
    codes: NDArray[np.int32]
    category: NDArray[np.int32]
    """(m, s) code of the value of each sensitive column."""
    is_home: NDArray[np.bool_]
    count: NDArray[np.int64]

    @cached_property
    def unit_start(self) -> NDArray[np.int64]:
        """Number of the first unit of each of t distinct tuples, and m at the end; shape (t + 1,)."""
        differs = (self.codes[1:] != self.codes[:-1]).any(1)
        return np.concatenate([[0], np.flatnonzero(differs) + 1, [len(self.codes)]]).astype(np.int64)

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """Share of each of q quasi-identifiers in the loss; shape (q,)."""
        given = np.array([domain.weight for domain in self.domains])
        return blend(given, np.array([domain.counting for domain in self.domains]))

    @cached_property
    def pair_losses(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Number of codes and start in the loss table of each column, and the loss table (each pair of codes)."""
        size = np.array([len(domain.values) for domain in self.domains], np.int64)
        losses = [domain.pair_loss * share for domain, share in zip(self.domains, self.weights, strict=True)]
        start = np.concatenate([[0], np.cumsum(size**2)[:-1]]).astype(np.int64)
        return size, start, np.concatenate([loss.ravel() for loss in losses])

    @property
    def rows(self) -> int:
        """Number of rows of the table."""
        return int(self.count.sum())

    @property
    def people(self) -> int:
        """Number of people in the table."""
        return int(self.count[self.is_home].sum())

    def histograms(self, group: NDArray[np.int64], groups: int) -> tuple[list[NDArray[np.int64]], NDArray[np.int64]]:
        """Returns the histogram of each sensitive column, and the people, of each group of units."""
        weight = np.where(self.is_home, self.count, 0)
        people = np.bincount(group, weights=weight, minlength=groups).astype(np.int64)
        hists = []
        for j, sensitive in enumerate(self.sensitive):
            size = len(sensitive.values)
            flat = np.bincount(group * size + self.category[:, j], weights=weight, minlength=groups * size)
            hists.append(flat.astype(np.int64).reshape(groups, size))
        return hists, people


def as_text(column: pd.Series) -> pd.Series:
    """Returns the values as text. Nulls become MISSING, and a text that reads like it becomes MISSING_TEXT.

    Whole floats lose `.0`, so that nulls do not change labels.
    """
    if pd.api.types.is_float_dtype(column):
        whole = column.dropna()
        if (whole == whole.round()).all() and (whole.abs() < LARGEST_WHOLE).all():
            column = column.astype("Int64")
    if column.dtype != object or pd.api.types.infer_dtype(column, skipna=False) != "string":
        texts = column.astype("string")
        return texts.mask((texts == MISSING).fillna(False), MISSING_TEXT).fillna(MISSING).astype(object)
    return column.mask(column == MISSING, MISSING_TEXT) if (column == MISSING).any() else column


@dataclass(frozen=True)
class Tabulated:
    """A frequency table, and the number of the unit of each row of its input."""

    table: FrequencyTable
    unit_of_row: NDArray[np.int64]


def tabulate(
    frame: pd.DataFrame,
    spec: Spec,
    weight: NDArray[np.int64] | None = None,
    home: NDArray[np.bool_] | None = None,
) -> Tabulated:
    """Counts the distinct combinations of `frame`; each row stands for `weight` rows (None: 1).

    `home` marks the rows that count as people, if that is known. Else, with `spec.person`, each person counts once, at
    the first of their tuples in text order. Their other rows are kept but count towards no model.

    Raises:
        SpecError: columns are missing, the table is empty, or a quasi-identifier is unusable.
    """
    needed = [*spec.quasi, *modelled_columns(spec), *([spec.person] if spec.person and home is None else [])]
    absent = [name for name in needed if name not in frame.columns]
    if absent:
        raise missing_columns(absent, list(frame.columns))
    if frame.empty:
        raise SpecError("the table has no rows, so nothing can be released; add rows")
    weight = np.ones(len(frame), np.int64) if weight is None else weight
    domains, columns = [], []
    for name in spec.quasi:
        domain, codes = encode_quasi(as_text(frame[name]), name, spec, weight)
        domains.append(domain)
        columns.append(codes)
    order = column_order(tuple(domains))
    sensitive, categories = _encode_sensitive(frame, spec, weight)
    key = radix([columns[j] for j in order], [len(domains[j].values) for j in order])
    home = find_homes(frame, spec) if home is None else home
    sizes = [len(column.values) for column in sensitive]
    full = radix([key, *categories, (~home).astype(np.int64)], [int(key.max()) + 1, *sizes, 2])
    first, unit = _distinct(full)
    stacked = np.stack([column[first] for column in columns], 1).astype(np.int32)
    category = np.stack([c[first] for c in categories], 1) if categories else np.zeros((len(first), 0))
    table = FrequencyTable(
        tuple(domains),
        sensitive,
        stacked,
        category.astype(np.int32),
        home[first],
        np.bincount(unit, weights=weight).astype(np.int64),
    )
    return Tabulated(table, unit)


def _distinct(key: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns the first row of each distinct key, by rising key, and for each row the position of its key there."""
    code, values = pd.factorize(key)
    place = np.empty(len(values), np.int64)
    place[np.argsort(values)] = np.arange(len(values))
    unit = place[code]
    first = np.empty(len(values), np.int64)
    first[unit[::-1]] = np.arange(len(key))[::-1]
    return first, unit


def require_columns(present: list[str], spec: Spec) -> None:
    """Checks that the table has every column of the specification, also identifying ones, which may be misspelt.

    Raises:
        SpecError: columns are missing, several have one name, or a distance has no hierarchy; the message names them.
    """
    absent = [name for name in (*spec.columns, *([spec.person] if spec.person else [])) if name not in present]
    if absent:
        raise missing_columns(absent, present)
    trees = [m.column for m in spec.models if isinstance(m, TCloseness) and m.distance == "hierarchical"]
    bare = [name for name in trees if spec.columns[name].hierarchy.kind != "file"]
    if bare:
        raise SpecError(f"hierarchical distances of {bare} need hierarchies of kind `file`; add them to these columns")
    twice = [name for name in spec.columns if present.count(name) > 1]
    if twice:
        raise SpecError(f"the table has several columns named {twice}; rename or drop them")


def missing_columns(absent: list[str], present: list[str]) -> SpecError:
    """Returns the error for missing columns. It names columns of the table only where they nearly match.

    If the file has no header, its first line holds people's values, which must not be in a message.
    """
    near = [name for wanted in absent for name in get_close_matches(wanted, present, 1, LIKENESS)]
    hint = f"did you mean {near}?" if near else "check names, header and delimiter"
    return SpecError(f"the table of {len(present)} columns lacks columns {absent}; {hint}")


def modelled_columns(spec: Spec) -> list[str]:
    """Returns the sensitive columns that a model is about."""
    modelled = {model.column for model in spec.models if model.column}
    return [name for name in spec.by_role("sensitive") if name in modelled]


def column_order(domains: tuple[Domain, ...]) -> list[int]:
    """Returns the columns by falling loss of the cheapest label over two values.

    Rows sorted in this order have near neighbours.
    """

    def least(domain: Domain) -> float:
        size = len(domain.values)
        return 0.0 if size < 2 else float((domain.pair_loss + 9 * np.eye(size)).min() * domain.weight)

    return sorted(range(len(domains)), key=lambda j: (-least(domains[j]), j))


def encode_quasi(text: pd.Series, name: str, spec: Spec, weight: NDArray[np.int64]) -> tuple[Domain, NDArray[np.int64]]:
    """Returns the domain of a quasi-identifier, and the code of each text. Each text stands for `weight` rows."""
    raw, values = pd.factorize(text)
    counts = np.bincount(raw, weights=weight, minlength=len(values)).astype(np.int64)
    count_of = dict(zip(values.tolist(), counts.tolist(), strict=True))
    domain = build_domain(name, count_of, spec.columns[name])
    if spec.weights == "queries" and domain.hierarchy is None:
        rows = np.array([count_of[value] for value in domain.values])
        domain = replace(domain, counting=counting_cost(rows, domain.is_ordered))
    code = {value: index for index, value in enumerate(domain.values)}
    return domain, np.array([code[value] for value in values], np.int64)[raw]


def _encode_sensitive(
    frame: pd.DataFrame, spec: Spec, weight: NDArray[np.int64]
) -> tuple[tuple[Sensitive, ...], list[NDArray[np.int64]]]:
    out: list[Sensitive] = []
    categories = []
    for name in modelled_columns(spec):
        first_bin = sum(len(earlier.values) for earlier in out)
        sensitive, category = encode_sensitive(as_text(frame[name]), name, spec, weight, first_bin)
        out.append(sensitive)
        categories.append(category)
    return tuple(out), categories


def encode_sensitive(
    text: pd.Series, name: str, spec: Spec, weight: NDArray[np.int64], first_bin: int
) -> tuple[Sensitive, NDArray[np.int64]]:
    """Returns a sensitive column that a model is about, and the code of each text, which stands for `weight` rows."""
    counts: Mapping[str, int] = dict.fromkeys(text.unique(), 1)
    is_tree = any(
        isinstance(model, TCloseness) and model.column == name and model.distance == "hierarchical"
        for model in spec.models
    )
    domain = build_domain(name, counts, spec.columns[name]) if is_tree else None
    values = domain.values if domain else tuple(sorted(counts, key=sort_key))
    code = {value: index for index, value in enumerate(values)}
    raw, seen = pd.factorize(text)
    category = np.array([code[value] for value in seen], np.int64)[raw]
    prior = np.bincount(category, weights=weight, minlength=len(values)) / weight.sum()
    ground = domain.groups[:-1].astype(np.int32) if domain else np.zeros((1, len(values)), np.int32)
    return Sensitive(name, values, prior, ground, first_bin), category


def radix(columns: list[NDArray[np.int64]], sizes: list[int]) -> NDArray[np.int64]:
    """Returns one number for each row; numbers sort and group the rows as the columns do.

    Leading columns are replaced by their rank where the number would exceed 62 bits.
    """
    key = np.zeros(len(columns[0]), np.int64)
    span = 1
    for column, size in zip(columns, sizes, strict=True):
        if span * size >= 2**62:
            _, key = np.unique(key, return_inverse=True)
            key = key.ravel().astype(np.int64)
            span = int(key.max()) + 1
        key = key * size + column
        span *= size
    return key


def find_homes(frame: pd.DataFrame, spec: Spec, rank: NDArray[np.int64] | None = None) -> NDArray[np.bool_]:
    """Returns which rows count as people: one row for each person.

    It is the person's first row by the text of its columns, then by `rank`. Without a rank, the first of a person's
    equal rows is chosen by position.
    """
    if spec.person is None:
        return np.ones(len(frame), np.bool_)
    person = pd.factorize(as_text(frame[spec.person]))[0]
    names = [*spec.quasi, *modelled_columns(spec)]
    ranks = [pd.factorize(as_text(frame[name]), sort=True)[0] for name in names]
    ties = [] if rank is None else [rank]
    order = np.lexsort((*ties, *reversed(ranks), person))
    is_first = np.r_[True, person[order][1:] != person[order][:-1]]
    home = np.zeros(len(frame), np.bool_)
    home[order] = is_first
    return home
