"""The state of a search: the records, label, loss and histogram of each equivalence class."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from privacy.anonymity.kernel.compilation import kernel
from privacy.anonymity.kernel.model_shortfall import shortfall
from privacy.anonymity.kernel.problem import INTERVAL, Problem
from privacy.anonymity.kernel.trial_label import TrialLabel, new_trial_label

EMPTY = -1
MOST_SLOTS = 8
"""Classes of one unit that a search looks at. A common unit can be spread over hundreds."""
LOG_PER_OFFER = 32
"""Entries of the log for each record that a growing class may be offered. A rebuild grows a few classes."""
ONE = np.uint64(1)
NO_LOW = 1 << 30
"""A number above every code: the second lowest code of a class with one slot."""


class Classes(NamedTuple):
    """Mutable state of the search. A slot holds `slot_count` records of unit `slot_unit` in class `slot_class`.

    The slots of a class and the slots of a unit are doubly linked lists. For SET columns `low` is the number of values
    and `high` is 1.
    """

    low: NDArray[np.int32]
    high: NDArray[np.int32]
    mask: NDArray[np.uint64]
    low_next: NDArray[np.int32]
    """Second lowest code over the slots, equal to `low` when two slots have it. It makes the loss without a slot cheap.
    """
    high_next: NDArray[np.int32]
    twice: NDArray[np.uint64]
    """Values of a set that two or more slots have."""
    loss: NDArray[np.float64]
    rows: NDArray[np.int64]
    people: NDArray[np.int64]
    hist: NDArray[np.int64]
    class_head: NDArray[np.int64]
    unit_head: NDArray[np.int64]
    slot_unit: NDArray[np.int64]
    slot_class: NDArray[np.int64]
    slot_count: NDArray[np.int64]
    class_next: NDArray[np.int64]
    class_prev: NDArray[np.int64]
    unit_next: NDArray[np.int64]
    unit_prev: NDArray[np.int64]
    free_slot: NDArray[np.int64]
    free_class: NDArray[np.int64]
    counter: NDArray[np.int64]
    """[free slots, free classes, entries of the log or -1 when changes are not logged]."""
    log: NDArray[np.int64]
    """(…, 4) slot, class, unit and change of each `add` and `remove` since logging began."""
    left: NDArray[np.int64]
    """(units,) unassigned records of each unit."""
    cost: NDArray[np.float64]
    """[sum of rows * loss]."""
    trial: TrialLabel
    """Scratch arrays of `label_growth`."""


def new_classes(p: Problem, count: NDArray[np.int64], slots: int, classes: int) -> Classes:
    """Returns a state in which no record has a class, with room for so many `slots` and `classes`.

    `count` (units,) is the number of records of each unit.
    """
    m, q = p.codes.shape
    whole = np.int64
    trial = new_trial_label(p)
    return Classes(
        low=np.zeros((classes, q), np.int32),
        high=np.zeros((classes, q), np.int32),
        mask=np.zeros((classes, q, p.words), np.uint64),
        low_next=np.zeros((classes, q), np.int32),
        high_next=np.zeros((classes, q), np.int32),
        twice=np.zeros((classes, q, p.words), np.uint64),
        loss=np.zeros(classes),
        rows=np.zeros(classes, whole),
        people=np.zeros(classes, whole),
        hist=np.zeros((classes, len(p.prior)), whole),
        class_head=np.full(classes, EMPTY, whole),
        unit_head=np.full(m, EMPTY, whole),
        slot_unit=np.zeros(slots, whole),
        slot_class=np.full(slots, EMPTY, whole),
        slot_count=np.zeros(slots, whole),
        class_next=np.zeros(slots, whole),
        class_prev=np.zeros(slots, whole),
        unit_next=np.zeros(slots, whole),
        unit_prev=np.zeros(slots, whole),
        free_slot=np.arange(slots - 1, -1, -1, dtype=whole),
        free_class=np.arange(classes - 1, -1, -1, dtype=whole),
        counter=np.array([slots, classes, EMPTY], whole),
        log=np.zeros((slots + LOG_PER_OFFER * len(trial.unit), 4), whole),
        left=count.astype(whole),
        cost=np.zeros(1),
        trial=trial,
    )


@kernel
def loss_with(p: Problem, c: Classes, a: int, u: int) -> float:
    """Returns the loss of class `a` if a record of unit `u` joined it."""
    if c.rows[a] == 0:
        return 0.0
    total = 0.0
    for j in range(p.kind.shape[0]):
        x = p.codes[u, j]
        low, high = min(c.low[a, j], x), max(c.high[a, j], x)
        if p.kind[j] == INTERVAL:
            total += p.table[p.table_start[j] + low * p.size[j] + high]
        else:
            known = (c.mask[a, j, x >> 6] >> np.uint64(x & 63)) & ONE
            total += p.set_step[j] * (c.low[a, j] - c.high[a, j] + (0 if known else 1))
    return total


@kernel
def loss_without(p: Problem, c: Classes, a: int, u: int, v: int) -> float:
    """Returns the loss of class `a` without its slot of unit `u`, and with a record of `v` unless `v` is EMPTY."""
    total = 0.0
    for j in range(p.kind.shape[0]):
        x = p.codes[u, j]
        if p.kind[j] == INTERVAL:
            low = c.low_next[a, j] if x == c.low[a, j] else c.low[a, j]
            high = c.high_next[a, j] if x == c.high[a, j] else c.high[a, j]
            if v != EMPTY:
                low, high = min(low, p.codes[v, j]), max(high, p.codes[v, j])
            if low <= high:
                total += p.table[p.table_start[j] + low * p.size[j] + high]
        else:
            values = c.low[a, j]
            if not (c.twice[a, j, x >> 6] >> np.uint64(x & 63)) & ONE:
                values -= 1
            if v != EMPTY:
                y = p.codes[v, j]
                if not (c.mask[a, j, y >> 6] >> np.uint64(y & 63)) & ONE or (
                    x == y and not (c.twice[a, j, x >> 6] >> np.uint64(x & 63)) & ONE
                ):
                    values += 1
            total += p.set_step[j] * max(values - 1, 0)
    return total


@kernel
def _widen(p: Problem, c: Classes, a: int, u: int, is_first: bool) -> None:
    """Extends the label of class `a` so that it covers unit `u`; `is_first` starts a new label."""
    for j in range(p.kind.shape[0]):
        x = p.codes[u, j]
        if p.kind[j] == INTERVAL:
            if is_first:
                c.low[a, j], c.high[a, j] = x, x
                c.low_next[a, j], c.high_next[a, j] = NO_LOW, EMPTY
                continue
            c.low_next[a, j] = min(c.low_next[a, j], max(c.low[a, j], x))
            c.high_next[a, j] = max(c.high_next[a, j], min(c.high[a, j], x))
            c.low[a, j], c.high[a, j] = min(c.low[a, j], x), max(c.high[a, j], x)
            continue
        if is_first:
            c.mask[a, j, :] = np.uint64(0)
            c.twice[a, j, :] = np.uint64(0)
            c.low[a, j], c.high[a, j] = 0, 1
        word, bit = x >> 6, ONE << np.uint64(x & 63)
        if c.mask[a, j, word] & bit:
            c.twice[a, j, word] |= bit
        else:
            c.mask[a, j, word] |= bit
            c.low[a, j] += 1


@kernel
def label_loss(p: Problem, c: Classes, a: int) -> float:
    """Returns the loss of the present label of class `a`."""
    total = 0.0
    for j in range(p.kind.shape[0]):
        if p.kind[j] == INTERVAL:
            total += p.table[p.table_start[j] + c.low[a, j] * p.size[j] + c.high[a, j]]
        else:
            total += p.set_step[j] * (c.low[a, j] - 1)
    return total


@kernel
def tally(p: Problem, c: Classes, a: int, u: int, n: int) -> None:
    """Counts `n` records of unit `u` into class `a` without changing its label."""
    c.rows[a] += n
    if p.people[u]:
        c.people[a] += n
        for s in range(p.category.shape[1]):
            c.hist[a, p.category[u, s]] += n


@kernel
def _write_log(c: Classes, s: int, a: int, u: int, n: int) -> None:
    at = c.counter[2]
    if at != EMPTY:
        c.log[at, 0], c.log[at, 1], c.log[at, 2], c.log[at, 3] = s, a, u, n
        c.counter[2] += 1


@kernel
def find_slot(c: Classes, a: int, u: int) -> int:
    """Returns the slot of unit `u` in class `a`, or EMPTY."""
    s = c.unit_head[u]
    while s != EMPTY and c.slot_class[s] != a:
        s = c.unit_next[s]
    return int(s)


@kernel
def add(p: Problem, c: Classes, a: int, u: int, n: int) -> None:
    """Puts `n` unassigned records of unit `u` into class `a`."""
    _put(p, c, find_slot(c, a, u), a, u, n)


@kernel
def _put(p: Problem, c: Classes, s: int, a: int, u: int, n: int) -> None:
    """Does the same where `s` is the slot of the unit in the class, or EMPTY."""
    c.cost[0] -= c.rows[a] * c.loss[a]
    is_new = s == EMPTY
    if is_new:
        _widen(p, c, a, u, c.rows[a] == 0)
        c.loss[a] = label_loss(p, c, a)
        c.counter[0] -= 1
        s = c.free_slot[c.counter[0]]
    _write_log(c, s, a, u, n)
    tally(p, c, a, u, n)
    c.cost[0] += c.rows[a] * c.loss[a]
    c.left[u] -= n
    if not is_new:
        c.slot_count[s] += n
        return
    c.slot_unit[s], c.slot_class[s], c.slot_count[s] = u, a, n
    c.class_prev[s], c.class_next[s] = EMPTY, c.class_head[a]
    if c.class_head[a] != EMPTY:
        c.class_prev[c.class_head[a]] = s
    c.class_head[a] = s
    c.unit_prev[s], c.unit_next[s] = EMPTY, c.unit_head[u]
    if c.unit_head[u] != EMPTY:
        c.unit_prev[c.unit_head[u]] = s
    c.unit_head[u] = s


@kernel
def _withdraw(p: Problem, c: Classes, s: int, n: int) -> bool:
    """Takes `n` records of slot `s` out of its class without changing the label; returns whether the slot is gone."""
    a, u = c.slot_class[s], c.slot_unit[s]
    _write_log(c, s, a, u, -n)
    c.cost[0] -= n * c.loss[a]
    tally(p, c, a, u, -n)
    c.left[u] += n
    c.slot_count[s] -= n
    if c.slot_count[s] > 0:
        return False
    if c.class_prev[s] == EMPTY:
        c.class_head[a] = c.class_next[s]
    else:
        c.class_next[c.class_prev[s]] = c.class_next[s]
    if c.class_next[s] != EMPTY:
        c.class_prev[c.class_next[s]] = c.class_prev[s]
    if c.unit_prev[s] == EMPTY:
        c.unit_head[u] = c.unit_next[s]
    else:
        c.unit_next[c.unit_prev[s]] = c.unit_next[s]
    if c.unit_next[s] != EMPTY:
        c.unit_prev[c.unit_next[s]] = c.unit_prev[s]
    c.slot_class[s] = EMPTY
    c.free_slot[c.counter[0]] = s
    c.counter[0] += 1
    return True


@kernel
def _narrow(p: Problem, c: Classes, a: int) -> None:
    """Makes the label of class `a` the smallest that covers its slots."""
    c.cost[0] -= c.rows[a] * c.loss[a]
    c.loss[a] = 0.0
    s = c.class_head[a]
    is_first = True
    while s != EMPTY:
        _widen(p, c, a, c.slot_unit[s], is_first)
        is_first = False
        s = c.class_next[s]
    if c.rows[a] > 0:
        c.loss[a] = label_loss(p, c, a)
    c.cost[0] += c.rows[a] * c.loss[a]


@kernel
def remove(p: Problem, c: Classes, s: int, n: int) -> None:
    """Takes `n` records of slot `s` out of its class. An empty class keeps its number."""
    a = c.slot_class[s]
    if _withdraw(p, c, s, n):
        _narrow(p, c, a)


@kernel
def empty_out(p: Problem, c: Classes, a: int) -> None:
    """Takes every record out of class `a`."""
    while c.class_head[a] != EMPTY:
        s = c.class_head[a]
        _withdraw(p, c, s, c.slot_count[s])
    c.loss[a] = 0.0


@kernel
def undo(p: Problem, c: Classes) -> None:
    """Reverts every change in the log and stops logging.

    Free slots are a stack, so each slot comes back under its number. Labels are narrowed at the end.
    """
    entries = c.counter[2]
    c.counter[2] = EMPTY
    for at in range(entries - 1, -1, -1):
        s, a, u, n = c.log[at, 0], c.log[at, 1], c.log[at, 2], c.log[at, 3]
        if n > 0:
            _withdraw(p, c, s, n)
        else:
            _put(p, c, s if c.slot_class[s] != EMPTY else EMPTY, a, u, -n)
    last = EMPTY
    for at in range(entries):
        a = c.log[at, 1]
        if c.log[at, 3] > 0 and a != last:
            _narrow(p, c, a)
            last = a


@kernel
def open_class(c: Classes) -> int:
    """Returns the number of an unused class."""
    c.counter[1] -= 1
    return int(c.free_class[c.counter[1]])


@kernel
def close_class(c: Classes, a: int) -> None:
    """Marks the number of an empty class as unused."""
    c.free_class[c.counter[1]] = a
    c.counter[1] += 1


@kernel
def spare(p: Problem, c: Classes, a: int, u: int, want: int) -> int:
    """Returns how many of `want` records of unit `u` class `a` can give away and still satisfy every model.

    Under models of sensitive values it is at most 1.
    """
    if not p.people[u]:
        return want
    if p.prior.shape[0] == 0:
        extra = c.people[a] - int(p.model_number[0, 0])
        return int(max(0, min(want, extra)))
    tally(p, c, a, u, -1)
    holds = c.people[a] > 0 and shortfall(p, c.hist[a], c.people[a]) == 0.0
    tally(p, c, a, u, 1)
    return 1 if holds else 0


@kernel
def accepts(p: Problem, c: Classes, a: int, u: int, n: int) -> bool:
    """Returns whether class `a` still satisfies every model after `n` records of unit `u` join."""
    if p.prior.shape[0] == 0 or not p.people[u]:
        return True
    tally(p, c, a, u, n)
    holds = shortfall(p, c.hist[a], c.people[a]) == 0.0
    tally(p, c, a, u, -n)
    return holds
