"""A policy: the probability of each arm, given a context."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from features.policy.propensity import Floats, best_arm, with_floor
from features.policy.value_model import Basis, ValueModel

_NODES = 64
_QUANTILES = ndtri((np.arange(_NODES) + 0.5) / _NODES)
_ROWS_AT_ONCE = 2000


class Rule(StrEnum):
    """How a policy weighs what it has learned.

    uniform: each arm alike, whatever the context; the start of every policy.
    lin_ucb: the arm of the largest mean + exploration · standard error (Li et al. 2010, LinUCB).
    lin_ts: each arm with the probability that it is the best one under the posterior (Agrawal and Goyal 2013, LinTS).
    fitted_q: the arm of the largest expected sum of rewards over the next steps (Ernst et al. 2005).
    """

    UNIFORM = "uniform"
    LIN_UCB = "lin_ucb"
    LIN_TS = "lin_ts"
    FITTED_Q = "fitted_q"


@dataclass(frozen=True)
class Policy:
    """A rule with what it has learned. Each arm keeps at least the probability `floor`.

    `model` is None for the uniform rule only.
    """

    rule: Rule
    width: int
    floor: float
    exploration: float = 1.0
    model: ValueModel | None = None

    def probabilities(self, contexts: Floats) -> Floats:
        """Return the probability of each arm, one row a context."""
        if self.model is None:
            return np.full((len(contexts), self.width), 1 / self.width)
        if self.rule is Rule.FITTED_Q:
            return with_floor(best_arm(self.model.means(contexts)), self.floor)
        means, errors = self.model.means_and_errors(contexts)
        errors = self.exploration * errors
        raw = best_arm(means + errors) if self.rule is Rule.LIN_UCB else probability_of_best(means, errors)
        return with_floor(raw, self.floor)

    def to_json(self) -> str:
        """Return the policy as JSON, from which `from_json` makes an equal policy."""
        kept: dict[str, Any] = {
            "rule": self.rule, "width": self.width, "floor": self.floor, "exploration": self.exploration,
        }  # fmt: skip
        if self.model is not None:
            basis = self.model.basis
            kept["model"] = {
                "mean": basis.mean.tolist(), "scale": basis.scale.tolist(), "squares": basis.squares,
                "weights": self.model.weights.tolist(), "covariances": self.model.covariances.tolist(),
            }  # fmt: skip
        return json.dumps(kept)

    @classmethod
    def from_json(cls, text: str) -> Policy:
        """Return the policy of a JSON text of `to_json`."""
        kept = json.loads(text)
        model = kept.pop("model", None)
        if model is not None:
            basis = Basis(np.array(model["mean"]), np.array(model["scale"]), model["squares"])
            model = ValueModel(basis, np.array(model["weights"]), np.array(model["covariances"]))
        return cls(Rule(kept.pop("rule")), model=model, **kept)


def probability_of_best(means: Floats, errors: Floats) -> Floats:
    """Return the probability of each arm that its value is the largest, for independent normal values.

    P(a) = ∫ φ_a(x) · Π_{b≠a} Φ_b(x) dx, by the midpoint rule over 64 quantiles of a, then normalised. Thompson
    sampling draws a value of each arm and takes the largest: its propensities are these, without simulation.

    >>> probability_of_best(np.zeros((1, 4)), np.ones((1, 4))).round(3).tolist()
    [[0.25, 0.25, 0.25, 0.25]]
    """
    parts = [_best(means[i : i + _ROWS_AT_ONCE], errors[i : i + _ROWS_AT_ONCE])
             for i in range(0, len(means), _ROWS_AT_ONCE)]  # fmt: skip
    return np.concatenate(parts) if parts else np.empty_like(means)


def _best(means: Floats, errors: Floats) -> Floats:
    width = means.shape[1]
    found = np.empty_like(means)
    for arm in range(width):
        values = means[:, arm, None] + errors[:, arm, None] * _QUANTILES
        product = np.ones_like(values)
        for other in range(width):
            if other != arm:
                product *= ndtr((values - means[:, other, None]) / errors[:, other, None])
        found[:, arm] = product.mean(axis=1)
    return np.asarray(found / found.sum(axis=1, keepdims=True))
