"""A model of one table: potentials on the cliques of a junction tree, from which rows are drawn. It holds no row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from privacy.synthetic.errors import UnmetConstraint
from privacy.synthetic.marginal.measurement import Clique
from privacy.synthetic.spread import Codes, Weights, spread

CHUNK_ROWS = 100_000
Step: TypeAlias = tuple[Clique, Clique, Weights]
"""New columns, known columns, and the probabilities of the new given each combination of the known."""


@dataclass(frozen=True)
class MarginalModel:
    """Log potentials of the cliques of a junction tree, each clique after its parent.

    sizes: number of codes of each column. cliques: columns of each clique; `parents[i]` is the index of a clique before
    it, or -1. potentials: one array per clique, of the shape of its columns. total: noisy number of rows.
    """

    sizes: Mapping[str, int]
    cliques: tuple[Clique, ...]
    parents: tuple[int, ...]
    potentials: tuple[Weights, ...]
    total: int

    def sample(
        self, rows: int, random: np.random.Generator, given: Mapping[str, int] | None = None
    ) -> dict[str, Codes]:
        """Return `rows` rows as codes, of which the columns in `given` have the given code.

        Raises:
            UnmetConstraint: the model gives rows with these codes no probability.
        """
        return next(self.chunks(rows, random, given, rows))

    def chunks(
        self, rows: int, random: np.random.Generator, given: Mapping[str, int] | None = None, most: int = CHUNK_ROWS
    ) -> Iterator[dict[str, Codes]]:
        """Yield rows in parts of `most`, so that any number fits into memory; see `sample`."""
        steps = self._steps(given or {})
        for start in range(0, rows, most):
            yield self._drawn(steps, min(most, rows - start), random)

    def _drawn(self, steps: Sequence[Step], rows: int, random: np.random.Generator) -> dict[str, Codes]:
        drawn: dict[str, Codes] = {}
        for new, known, table in steps:
            group = (
                np.ravel_multi_index([drawn[name] for name in known], [self.sizes[name] for name in known])
                if known
                else np.zeros(rows, np.int64)
            )
            cells = spread(np.asarray(group, np.int64), table, random)
            parts = np.unravel_index(cells, [self.sizes[name] for name in new])
            drawn |= {name: np.asarray(part, np.int64) for name, part in zip(new, parts, strict=True)}
        return drawn

    def _steps(self, given: Mapping[str, int]) -> list[Step]:
        """Return for each clique: its new columns, known columns, and the shares of the new given the known."""
        beliefs = self._beliefs(given)
        steps, seen = [], set[str]()
        for clique, belief in zip(self.cliques, beliefs, strict=True):
            known = tuple(name for name in clique if name in seen)
            new = tuple(name for name in clique if name not in seen)
            seen.update(clique)
            if not new:
                continue
            ordered = np.transpose(belief, [clique.index(name) for name in (*known, *new)])
            table = ordered.reshape(int(np.prod([self.sizes[name] for name in known], dtype=np.int64)), -1)
            total = table.sum(1, keepdims=True)
            # A combination of known codes that the model never gives has no row, so its probabilities are not used.
            steps.append((new, known, np.where(total > 0, table / np.where(total > 0, total, 1), 1 / table.shape[1])))
        return steps

    def _beliefs(self, given: Mapping[str, int]) -> list[Weights]:
        """Return for each clique its belief, after messages of its children have been taken in, leaves first."""
        beliefs = [_evidence(np.exp(one - one.max()), clique, given)
                   for clique, one in zip(self.cliques, self.potentials, strict=True)]  # fmt: skip
        for index in range(len(self.cliques) - 1, 0, -1):
            _require_mass(beliefs[index])
            beliefs[index] = beliefs[index] / beliefs[index].sum()
            parent = self.parents[index]
            if parent < 0:
                continue
            shared = tuple(name for name in self.cliques[index] if name in self.cliques[parent])
            message = _marginal(beliefs[index], self.cliques[index], shared)
            beliefs[parent] = beliefs[parent] * _broadcast(message, shared, self.cliques[parent])
        _require_mass(beliefs[0])
        return beliefs


def _evidence(belief: Weights, clique: Clique, given: Mapping[str, int]) -> Weights:
    for axis, name in enumerate(clique):
        if name in given:
            mask = np.zeros(belief.shape[axis])
            mask[given[name]] = 1
            belief = belief * mask.reshape([-1 if other == axis else 1 for other in range(belief.ndim)])
    return belief


def _marginal(belief: Weights, clique: Clique, kept: Sequence[str]) -> Weights:
    summed: Weights = belief.sum(axis=tuple(axis for axis, name in enumerate(clique) if name not in kept))
    return summed


def _broadcast(message: Weights, names: Clique, clique: Clique) -> Weights:
    order = sorted(range(len(names)), key=lambda index: clique.index(names[index]))
    shape = [message.shape[names.index(name)] if name in names else 1 for name in clique]
    return np.transpose(message, order).reshape(shape)


def _require_mass(belief: Weights) -> None:
    if not belief.sum() > 0:
        raise UnmetConstraint("the model gives no row with these values; ask for other values")
