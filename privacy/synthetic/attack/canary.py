"""Planted canaries: made-up people among those who are learned from, whom an attacker tries to find in the result.

Each canary is planted or not by a coin, and one fit tests all of them (Steinke, Nasr and Jagielski 2023). Under
(ε, δ)-differential privacy the number of right guesses among r is at most that of r coins with e^ε/(1 + e^ε), but for
δ. From the right guesses follows a lower bound of ε, which must not exceed the ε that is claimed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from privacy.synthetic.attack.membership import Membership, Refit, commonness
from privacy.synthetic.attack.nearest import nearest
from privacy.synthetic.attack.risk import ALARM
from privacy.synthetic.coding import Coding
from privacy.synthetic.table_form import TableForm


@dataclass(frozen=True)
class Canaries:
    """What the attacker finds out about planted people. `epsilon`: least ε that explains the guesses (95 %)."""

    planted: int
    guesses: int
    right: int
    epsilon: float
    membership: Membership

    def contradicts(self, epsilon: float | None) -> bool:
        """Return whether the guesses prove that the guarantee does not hold; without one, that there is a leak."""
        share = 0.5 if epsilon is None else 1 / (1 + math.exp(-epsilon))
        return _chance(self.right, self.guesses, share) < ALARM


def plant_canaries(train: TableForm, synthetic: TableForm, refit: Refit, made_up: TableForm, seed: int = 0) -> Canaries:
    """Return what an attack finds when the synthesizer is fitted again to the training rows and canaries among them.

    `made_up` holds the canaries, which nobody is like. `synthetic` holds rows that were made without canaries: the
    attacker compares with them.
    """
    random, canaries = np.random.default_rng(seed), made_up.rows
    is_in = random.random(canaries) < 0.5
    planted = made_up.take(np.flatnonzero(is_in))
    table = pa.concat_tables(
        [train.table.select(planted.table.column_names), planted.table], promote_options="permissive"
    )
    result = refit(TableForm(table, train.specification), seed)
    names = list(train.columns)
    score = commonness([made_up], result, synthetic, min(2, len(names)), seed)
    score = score - nearest(made_up, result, names)[0] + nearest(made_up, synthetic, names)[0]
    order = np.argsort(score)
    guesses = canaries // 4
    right = int(is_in[order[-guesses:]].sum()) + int((~is_in[order[:guesses]]).sum())
    return Canaries(
        int(is_in.sum()), 2 * guesses, right, _least_epsilon(right, 2 * guesses),
        Membership.of(score[is_in], score[~is_in]),
    )  # fmt: skip


def make_up(like: TableForm, count: int, seed: int) -> TableForm:
    """Return made-up people: values of the public domain, drawn independently for each column."""
    random = np.random.default_rng(seed)
    columns = {name: made_up_values(coding, like.table[name].type, count, random)
               for name, coding in like.columns.items()}  # fmt: skip
    return TableForm(pa.table(columns), like.specification)


def made_up_values(coding: Coding, kind: pa.DataType, count: int, random: np.random.Generator) -> pa.Array:
    """Return values of a column's domain, each code equally likely, as values of the given type."""
    values = coding.decode(random.integers(coding.size, size=count), np.zeros(0), random)
    return values.cast(kind.value_type if pa.types.is_dictionary(kind) else kind, safe=False)


def _least_epsilon(right: int, guesses: int) -> float:
    """Return the largest ε that the guesses refute with 95 % confidence; 0 if they refute none."""
    low, high = 0.0, 20.0
    if _chance(right, guesses, 0.5) > 0.05:
        return 0.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _chance(right, guesses, 1 / (1 + math.exp(-middle))) <= 0.05 else (low, middle)
    return low


def _chance(right: int, guesses: int, share: float) -> float:
    """Return the probability of at least so many right guesses."""
    from scipy.stats import binom

    return float(binom.sf(right - 1, guesses, share))
