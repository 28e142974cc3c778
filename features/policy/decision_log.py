"""A log of decisions as arrays, in the order of each customer's time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from features.policy.propensity import Floats, Ints


@dataclass(frozen=True)
class DecisionLog:
    """Decisions whose reward is known.

    Attributes:
        customers: number of the customer of each decision; the decisions of a customer follow each other in time.
        contexts: one row a decision.
        arms: index of the drawn arm.
        propensities: one row a decision, with the probability that each arm had.
        rewards: reward of each decision.
    """

    customers: Ints
    contexts: Floats
    arms: Ints
    propensities: Floats
    rewards: Floats

    def __len__(self) -> int:
        return len(self.arms)

    def rows(self, which: NDArray[np.bool_] | Ints) -> DecisionLog:
        """Return some of the decisions."""
        return replace(
            self,
            customers=self.customers[which],
            contexts=self.contexts[which],
            arms=self.arms[which],
            propensities=self.propensities[which],
            rewards=self.rewards[which],
        )

    @property
    def has_next(self) -> NDArray[np.bool_]:
        """Whether a decision about the same customer follows."""
        return np.append(self.customers[1:] == self.customers[:-1], False)

    def blocks(self, steps: int) -> Ints:
        """Return the rows of blocks of `steps` decisions that follow each other, one block a row.

        Each customer's decisions are divided from the first one on; an incomplete block is left out.

        >>> one = np.zeros((5, 1))
        >>> DecisionLog(np.array([7, 7, 7, 8, 8]), one, np.zeros(5, int), one, one[:, 0]).blocks(2).tolist()
        [[0, 1], [3, 4]]
        """
        if not len(self):
            return np.empty((0, steps), np.int64)
        _, first, counts = np.unique(self.customers, return_index=True, return_counts=True)
        starts = [f + steps * i for f, n in zip(first, counts, strict=True) for i in range(n // steps)]
        return np.sort(np.array(starts, np.int64))[:, None] + np.arange(steps)
