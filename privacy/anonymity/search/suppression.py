"""Suppresses the records that make their classes costly, and cells whose label has lost almost all information.

A suppressed record counts 1 and a suppressed cell its column's whole loss. So both happen only within the limits of the
specification, and a record is suppressed only when the others gain more than it loses.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from privacy.anonymity.errors import InfeasibleError
from privacy.anonymity.kernel.problem import INTERVAL
from privacy.anonymity.search.allocation import SUPPRESSED, Allocation
from privacy.anonymity.search.block import violated
from privacy.anonymity.search.local_recoding import recode_locally
from privacy.anonymity.spec.hierarchy import TOP
from privacy.anonymity.spec.specification import Spec
from privacy.anonymity.table.domain import Domain
from privacy.anonymity.table.frequency_table import FrequencyTable

LEAST_GAIN = 1e-9
TRIALS = (1.0, 0.25)
"""Shares of the limit that are tried. Suppressing only the records that gain most may cost less than using the whole
limit."""


def suppress(table: FrequencyTable, allocation: Allocation, spec: Spec) -> Allocation:
    """Returns the allocation after suppression of records (`suppression_limit`) and of cells (`cell_limit`)."""
    if spec.suppression_limit > 0:
        allocation = _suppress_records(table, allocation, spec)
    if spec.cell_limit is not None:
        allocation = _publish_suppressed(table, _suppress_cells(table, allocation, spec.cell_limit), spec)
    return allocation


def _suppress_records(table: FrequencyTable, allocation: Allocation, spec: Spec) -> Allocation:
    """Returns the best of several allocations: the given one, and new ones without records that are costly to keep.

    A new allocation is better when the loss of its labels, plus 1 for each suppressed record, is lower.
    """
    best, cost = allocation, _cost(table, allocation)
    slot, gain = _gains(table, allocation)
    room = int(spec.suppression_limit * table.rows + 1e-9)
    for share in TRIALS:
        count = table.count.copy()
        left = int(share * room)
        for at in slot[gain > LEAST_GAIN].tolist():
            records = int(allocation.count[at])
            if records <= left:
                left -= records
                count[allocation.unit[at]] -= records
        try:
            found = _search_without(table, count, spec)
        except InfeasibleError:
            continue
        if (tried := _cost(table, found)) < cost - LEAST_GAIN:
            best, cost = found, tried
    return best


def _gains(table: FrequencyTable, allocation: Allocation) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Returns the slots by falling gain, and the gains: the loss saved per record by suppressing the slot."""
    order = np.argsort(allocation.group, kind="stable")
    gain = np.zeros(len(order))
    for slots in np.split(order, np.flatnonzero(np.diff(allocation.group[order])) + 1):
        codes, count = table.codes[allocation.unit[slots]], allocation.count[slots]
        whole = int(count.sum()) * _loss(table, codes)
        if whole <= 1 or len(slots) < 2:
            continue
        for i, at in enumerate(slots):
            others = np.arange(len(slots)) != i
            rest = int(count[others].sum()) * _loss(table, codes[others])
            gain[at] = (whole - rest - count[i]) / count[i]
    ranked = np.lexsort((np.arange(len(gain)), -gain))
    return ranked, gain[ranked]


def _search_without(table: FrequencyTable, count: NDArray[np.int64], spec: Spec) -> Allocation:
    """Returns the local recoding of `count` records of each unit. The other records are suppressed."""
    kept = np.flatnonzero(count)
    part = FrequencyTable(
        table.domains, table.sensitive, table.codes[kept], table.category[kept], table.is_home[kept], count[kept]
    )
    found = recode_locally(part, spec)
    out = np.flatnonzero(table.count > count)
    unit = np.concatenate([kept[found.unit], out])
    group = np.concatenate([found.group, np.full(len(out), SUPPRESSED)])
    counts = np.concatenate([found.count, (table.count - count)[out]])
    order = np.lexsort((group, unit))
    return Allocation(unit[order], group[order], counts[order], found.labels)


def _cost(table: FrequencyTable, allocation: Allocation) -> float:
    """Returns the loss of all records' labels, plus 1 for each suppressed record."""
    kept = allocation.group != SUPPRESSED
    group, count = allocation.group[kept], allocation.count[kept]
    total = float(allocation.count[~kept].sum())
    for j, domain in enumerate(table.domains):
        lost = _label_loss(domain, table.codes[allocation.unit[kept], j], group, len(allocation.labels))
        total += float(table.weights[j] * (lost[group] @ count))
    return total


def _loss(table: FrequencyTable, codes: NDArray[np.int32]) -> float:
    """Returns the loss of the smallest labels that cover the codes."""
    total = 0.0
    for j, domain in enumerate(table.domains):
        if domain.kind == INTERVAL:
            lost = float(domain.pair_loss[codes[:, j].min(), codes[:, j].max()])
        else:
            lost = (len(set(codes[:, j].tolist())) - 1) / max(len(domain.values) - 1, 1)
        total += lost * float(table.weights[j])
    return total


def _suppress_cells(table: FrequencyTable, allocation: Allocation, limit: float) -> Allocation:
    """Replaces labels that lose more than `limit` of their column by `*`.

    Classes that become alike are published as one. A union of classes that satisfy a model satisfies it too.
    """
    labels = allocation.labels.copy()
    kept = allocation.group != SUPPRESSED
    unit, group = allocation.unit[kept], allocation.group[kept]
    for j, domain in enumerate(table.domains):
        labels[_label_loss(domain, table.codes[unit, j], group, len(labels)) > limit, j] = TOP
    return Allocation(allocation.unit, allocation.group, allocation.count, labels)


def _label_loss(domain: Domain, codes: NDArray[np.int32], group: NDArray[np.int64], groups: int) -> NDArray[np.float64]:
    """Returns (groups,) the loss of the smallest label that covers the codes of each group."""
    size = len(domain.values)
    if domain.kind == INTERVAL:
        low, high = np.full(groups, size - 1), np.zeros(groups, np.int64)
        np.minimum.at(low, group, codes)
        np.maximum.at(high, group, codes)
        return np.asarray(domain.pair_loss[low, high])
    member = np.unique(group * size + codes) // size
    return np.asarray((np.bincount(member, minlength=groups) - 1) / max(size - 1, 1))


def _publish_suppressed(table: FrequencyTable, allocation: Allocation, spec: Spec) -> Allocation:
    """Publishes the suppressed records as rows of `*` where together they satisfy the models; else they stay
    suppressed.
    """
    out = np.flatnonzero(allocation.group == SUPPRESSED)
    if not len(out) or violated(table, spec, allocation.unit[out], allocation.count[out]):
        return allocation
    group = np.where(allocation.group == SUPPRESSED, len(allocation.labels), allocation.group)
    labels = np.vstack([allocation.labels, np.full((1, len(table.domains)), TOP, object)])
    order = np.lexsort((group, allocation.unit))
    return Allocation(allocation.unit[order], group[order], allocation.count[order], labels)
