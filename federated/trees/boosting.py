"""The task of gradient-boosted trees: a survey for bin edges, then one round for each level of each tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from federated.clipping import row_weights
from federated.errors import BadSetting
from federated.loss import loss_of, target_state
from federated.schema import Arrays, ArraySpec, SiteTable, TableSchema
from federated.task import State, round_of, with_round
from federated.trees.edges import bucket_of, choose_edges, count_buckets, even_edges, refine_edges
from federated.trees.grid import to_grid
from federated.trees.growth import SplitRule, split_level
from federated.trees.site_rows import SiteRows, site_rows

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class BoostedTrees:
    """Gradient-boosted trees of fixed depth (Friedman 2001; histograms as in LightGBM, Ke et al. 2017).

    The trees equal those of one central fit on the pooled rows bit for bit, because all sums are exact: see
    `federated.trees.grid`. A node that no split improves passes all its rows to its left child.

    Attributes:
        trees: greatest number of trees.
        depth: levels of a tree; each takes a round.
        learning_rate: factor of every leaf value.
        bins: greatest number of bins of a feature.
        survey_rounds: rounds that find the bin edges; with 1 only the public bounds place the grid's edges.
        buckets: buckets of the survey's grid.
        ridge, rows_min, gain_min: see `SplitRule`.
        validation_share: share of customers whose rows only measure the loss; 0 turns early stopping off.
        patience: number of trees without a lower validation loss after which training ends.
        is_private: for runs with noise: no loss is sent and none is validated, because noise hides small gains.
    """

    trees: int = 60
    depth: int = 4
    learning_rate: float = 0.15
    bins: int = 64
    survey_rounds: int = 3
    buckets: int = 256
    ridge: float = 1.0
    rows_min: float = 20.0
    gain_min: float = 0.0
    validation_share: float = 0.1
    patience: int = 10
    is_private: bool = False

    def __post_init__(self) -> None:
        if min(self.trees, self.depth, self.survey_rounds, self.patience) < 1 or not 2 <= self.bins <= self.buckets:
            raise BadSetting(
                "Trees need `trees`, `depth`, `survey_rounds` and `patience` of at least 1 and 2 <= `bins` <= "
                f"`buckets`. Got {self}."
            )
        if self.depth > 10 or self.learning_rate <= 0 or not 0 <= self.validation_share < 1 or self.ridge < 0:
            raise BadSetting(
                "Trees need a `depth` of at most 10, a positive `learning_rate`, 0 <= `validation_share` < 1 and "
                f"`ridge` >= 0. Got {self}."
            )

    @property
    def name(self) -> str:
        """Name of the task."""
        return "trees"

    def start(self, schema: TableSchema) -> State:
        """Returns the state without trees, with the survey's first edges."""
        return {
            "round": np.array(0, dtype=np.int64),
            "lower": schema.lower,
            "upper": schema.upper,
            "rows_max": np.array(schema.rows_max, dtype=np.int64),
            "target": target_state(schema.target),
            "start": np.zeros(1),
            "survey_edges": even_edges(schema.lower, schema.upper, self.buckets),
            "edges": np.full((len(schema.columns), self.bins - 1), np.inf),
            "feature": np.zeros((self.trees, 2**self.depth - 1), dtype=np.int64),
            "bin": np.full((self.trees, 2**self.depth - 1), self.bins - 1, dtype=np.int64),
            "value": np.zeros((self.trees, 2**self.depth)),
            "loss": np.array(np.inf),
            "fit_loss": np.full(self.trees, np.inf),
            "validation_loss": np.full(self.trees, np.inf),
        }

    def shapes(self, state: State) -> Sequence[ArraySpec]:
        """Returns counts by bucket in the survey, later sums of derivatives and rows by node, feature and bin."""
        features, rows, loss = len(state["lower"]), float(state["rows_max"]), loss_of(state)
        if self._is_survey(state):
            return (
                ArraySpec("counts", (features, self.buckets), rows),
                ArraySpec("target", (2,), rows),
            )
        shape = (2 ** self._place(state)[1], features, self.bins)
        specs = (
            ArraySpec("gradient", shape, rows * loss.gradient_bound),
            ArraySpec("hessian", shape, rows * loss.hessian_bound),
            ArraySpec("rows", shape, rows),
        )
        if self.is_private:
            return specs
        return (*specs, ArraySpec("loss", (2,), rows * loss.value_bound), ArraySpec("loss_rows", (2,), rows))

    def contribute(self, state: State, data: SiteTable) -> Arrays:
        """Returns the sums over the site's rows."""
        return self._sums(state, data, None)

    def contribute_each(self, state: State, data: SiteTable, clip: float) -> Arrays:
        """Returns the sums with each customer's rows scaled down, so that their L2 norm is at most `clip`."""
        if not self.is_private:
            raise BadSetting("Noise needs trees with `is_private`: noise in the loss would end the training at random.")
        return self._sums(state, data, clip)

    def update(self, state: State, total: Arrays, sites: int) -> State:
        """Returns the state with the next edges, or with one more level of the present tree."""
        after = with_round(state, round_of(state) + 1)
        if self._is_survey(state):
            return after | self._surveyed(state, total)
        tree, level = self._place(state)
        found = split_level(
            total["gradient"], total["hessian"], total["rows"], SplitRule(self.ridge, self.rows_min, self.gain_min)
        )
        at = slice(2**level - 1, 2 ** (level + 1) - 1)
        after |= {"feature": state["feature"].copy(), "bin": state["bin"].copy()}
        after["feature"][tree, at], after["bin"][tree, at] = found.feature, found.bin
        if level == self.depth - 1:
            after["value"] = state["value"].copy()
            after["value"][tree] = self.learning_rate * found.value
        if level == 0 and not self.is_private:
            for place, name in enumerate(("fit_loss", "validation_loss")):
                rows = total["loss_rows"][place]
                after[name] = state[name].copy()
                after[name][tree] = total["loss"][place] / rows if rows >= 1 else np.inf
            after["loss"] = after["fit_loss"][tree]
        return after

    def is_done(self, state: State) -> bool:
        """Tells whether all trees are grown, or the validation loss has not fallen for `patience` trees."""
        if self._is_survey(state):
            return False
        tree, level = self._place(state)
        if tree >= self.trees:
            return True
        measured = state["validation_loss"][:tree]
        is_whole = level == 0 and len(measured) > 0 and np.isfinite(measured).all()
        return bool(is_whole and tree - 1 - measured.argmin() >= self.patience)

    def predict(self, state: State, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the predicted mean of the target, by the trees up to the lowest validation loss."""
        codes, scores = bucket_of(features, state["edges"]), np.full(len(features), float(state["start"][0]))
        for tree in range(self.trees_used(state)):
            scores += state["value"][tree][self._leaf(state, tree, codes, self.depth)]
        return loss_of(state).mean(scores)

    def trees_used(self, state: State) -> int:
        """Returns how many trees a prediction adds up: those up to the lowest validation loss, or all without one."""
        grown = 0 if self._is_survey(state) else min(self._place(state)[0], self.trees)
        measured = state["validation_loss"][:grown]
        if grown and np.isfinite(measured).all():
            lowest = int(measured.argmin())
            return grown if lowest == grown - 1 else lowest
        return grown

    def _sums(self, state: State, data: SiteTable, clip: float | None) -> Arrays:
        rows, loss = site_rows(data, 0.0 if self.is_private else self.validation_share), loss_of(state)
        is_fit = (~rows.is_validation).astype(np.float64)
        width = data.features.shape[1]
        if self._is_survey(state):
            unit = loss.unit(data.target)
            weight = is_fit * self._weight(data, clip, is_fit * np.sqrt(width + unit**2 + 1))
            return {
                "counts": count_buckets(data.features, state["survey_edges"], weight),
                "target": np.array([self._exact(state, weight * unit, 1.0).sum(), weight.sum()]),
            }
        tree, level = self._place(state)
        codes, scores = rows.codes(data.features, state["edges"]), self._scores(state, tree, data, rows)
        gradient, hessian = loss.derivatives(scores, data.target)
        weight = self._weight(data, clip, np.sqrt(width * (gradient**2 + hessian**2 + 1)))
        cell = self._leaf(state, tree, codes, level)[:, None] * (width * self.bins) + codes
        cell = (cell + np.arange(width) * self.bins).ravel()
        shape = (2**level, width, self.bins)

        def histogram(values: Floats, bound: float) -> Floats:
            repeated = np.repeat(self._exact(state, values * weight * is_fit, bound), width)
            sums = np.bincount(cell, weights=repeated, minlength=int(np.prod(shape)))
            return sums.astype(np.float64, copy=False).reshape(shape)

        sums = {
            "gradient": histogram(gradient, loss.gradient_bound),
            "hessian": histogram(hessian, loss.hessian_bound),
            "rows": histogram(np.ones(len(data)), 1.0),
        }
        if self.is_private:
            return sums
        value = self._exact(state, loss.value(scores, data.target), loss.value_bound)
        by_use = {"loss": value, "loss_rows": np.ones(len(data))}
        return sums | {name: _by_use(values, rows.is_validation) for name, values in by_use.items()}

    def _surveyed(self, state: State, total: Arrays) -> dict[str, NDArray[Any]]:
        edges = state["survey_edges"]
        if round_of(state) + 1 < self.survey_rounds:
            return {"survey_edges": refine_edges(total["counts"], edges, state["lower"], state["upper"])}
        mean = total["target"][0] / total["target"][1] if total["target"][1] >= 1 else 0.0
        loss = loss_of(state)
        return {
            "edges": choose_edges(total["counts"], edges, self.bins),
            "start": loss.score(np.array([loss.from_unit(float(np.clip(mean, -1, 1)))])),
        }

    def _scores(self, state: State, tree: int, data: SiteTable, rows: SiteRows) -> Floats:
        """Returns each row's score by the finished trees, from the kept scores of one tree fewer where they fit."""
        codes = rows.codes(data.features, state["edges"])
        known = rows.recall(self._prefix(state, tree))
        if known is not None:
            return known
        scores = rows.recall(self._prefix(state, tree - 1)) if tree else None
        first = tree - 1
        if scores is None:
            scores, first = np.full(len(codes), float(state["start"][0])), 0
        for one in range(first, tree):
            scores = scores + state["value"][one][self._leaf(state, one, codes, self.depth)]
        rows.keep(self._prefix(state, tree), scores)
        return scores

    def _prefix(self, state: State, tree: int) -> bytes:
        parts = (state["start"], state["feature"][:tree], state["bin"][:tree], state["value"][:tree])
        return b"".join(part.tobytes() for part in parts)

    def _leaf(self, state: State, tree: int, codes: NDArray[np.int64], levels: int) -> NDArray[np.int64]:
        """Returns the node of each row after so many levels of a tree, counted from 0 within the level."""
        node, rows = np.zeros(len(codes), dtype=np.int64), np.arange(len(codes))
        for level in range(levels):
            at = node + (2**level - 1)
            is_right = codes[rows, state["feature"][tree][at]] > state["bin"][tree][at]
            node = 2 * node + is_right
        return node

    def _weight(self, data: SiteTable, clip: float | None, norm: Floats) -> Floats:
        return np.ones(len(data)) if clip is None else row_weights(data.customer, norm, clip)

    def _exact(self, state: State, values: Floats, bound: float) -> Floats:
        return to_grid(values, bound, int(state["rows_max"]), is_toward_zero=self.is_private)

    def _is_survey(self, state: State) -> bool:
        return round_of(state) < self.survey_rounds

    def _place(self, state: State) -> tuple[int, int]:
        """Returns the tree and the level that the next round grows."""
        return divmod(round_of(state) - self.survey_rounds, self.depth)


def _by_use(values: Floats, is_validation: NDArray[np.bool_]) -> Floats:
    """Returns the sums over the rows that grow trees and over those that measure the loss."""
    return np.array([values[~is_validation].sum(), values[is_validation].sum()])
