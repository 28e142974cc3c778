"""Privacy models: conditions that every published equivalence class must satisfy.

Guarantees are about one class `E` of a release: all members have equal released quasi-identifiers. `n` is the number of
people in `E`, `q_s` the share of sensitive value `s` among them, `p_s` its share in the table. The models protect
against linking by quasi-identifiers. They are not differential privacy, and do not compose across releases by
themselves (see `registry`).
"""

from __future__ import annotations

from typing import Annotated, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from privacy.anonymity.kernel import model_shortfall as code

Histogram = NDArray[np.int64]
TOLERANCE = 1e-9
"""Tolerance for rounding in comparisons of shares."""


class Context(Protocol):
    """Facts about the sensitive column that a model needs."""

    @property
    def prior(self) -> NDArray[np.float64]:
        """Share of each value in the whole table."""

    @property
    def ground(self) -> NDArray[np.int32]:
        """Number of each value's group on each level of its hierarchy below the top; shape (levels, values)."""


class Model(BaseModel):
    """Base of the models. `column` is the sensitive column; None for models of class size."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    column: str | None = None

    def holds(self, hist: Histogram, people: NDArray[np.int64], context: Context) -> NDArray[np.bool_]:
        """Returns whether each of c classes satisfies the model; shape (c,).

        `hist` (c, bins) counts the sensitive values of each class, `people` (c,) its people.
        """
        raise NotImplementedError

    def kernel(self) -> tuple[int, float, float]:
        """Returns the number of the model in the compiled kernel, and its two parameters."""
        raise NotImplementedError


def _shares(hist: Histogram) -> NDArray[np.float64]:
    return np.asarray(hist / np.maximum(hist.sum(1, keepdims=True), 1))


class KAnonymity(Model):
    """Requires n >= k (Sweeney 2002): a person is re-identified by quasi-identifiers with probability at most 1 / k."""

    name: Literal["k_anonymity"] = "k_anonymity"
    k: int = Field(ge=1)

    def holds(self, hist: Histogram, people: NDArray[np.int64], context: Context) -> NDArray[np.bool_]:
        """Returns whether each class satisfies the model, see `Model.holds`.

        >>> KAnonymity(k=2).holds(np.zeros((2, 0), int), np.array([1, 2]), None).tolist()
        [False, True]
        """
        return people >= self.k

    def kernel(self) -> tuple[int, float, float]:
        """Returns the model's number in the compiled kernel and its parameters, see `Model.kernel`."""
        return code.K_ANONYMITY, float(self.k), 0.0


class SensitiveModel(Model):
    """Base of models about the sensitive values of a class."""

    column: str


class Alpha(SensitiveModel):
    """Requires q_s <= alpha for every s, the alpha of (alpha, k)-anonymity (Wong et al. 2006); combine with
    k_anonymity.
    """

    name: Literal["alpha"] = "alpha"
    alpha: float = Field(gt=0, le=1)

    def holds(self, hist: Histogram, people: NDArray[np.int64], context: Context) -> NDArray[np.bool_]:
        """Returns whether each class satisfies the model, see `Model.holds`."""
        return np.asarray(_shares(hist).max(1) <= self.alpha + TOLERANCE)

    def kernel(self) -> tuple[int, float, float]:
        """Returns the model's number in the compiled kernel and its parameters, see `Model.kernel`."""
        return code.ALPHA, self.alpha, 0.0


class DistinctL(SensitiveModel):
    """Requires at least l different sensitive values (Machanavajjhala et al. 2007)."""

    name: Literal["distinct_l"] = "distinct_l"
    l: int = Field(ge=1)  # noqa: E741 - the field's own name in the literature

    def holds(self, hist: Histogram, people: NDArray[np.int64], context: Context) -> NDArray[np.bool_]:
        """Returns whether each class satisfies the model, see `Model.holds`."""
        return np.asarray((hist > 0).sum(1) >= self.l)

    def kernel(self) -> tuple[int, float, float]:
        """Returns the model's number in the compiled kernel and its parameters, see `Model.kernel`."""
        return code.DISTINCT_L, float(self.l), 0.0


class EntropyL(SensitiveModel):
    """Requires exp(-sum q_s ln q_s) >= l (Machanavajjhala et al. 2007)."""

    name: Literal["entropy_l"] = "entropy_l"
    l: float = Field(ge=1)  # noqa: E741 - the field's own name in the literature

    def holds(self, hist: Histogram, people: NDArray[np.int64], context: Context) -> NDArray[np.bool_]:
        """Returns whether each class satisfies the model, see `Model.holds`."""
        q = _shares(hist)
        entropy = -(q * np.log(np.where(q > 0, q, 1.0))).sum(1)
        return np.asarray(np.exp(entropy) >= self.l - TOLERANCE)

    def kernel(self) -> tuple[int, float, float]:
        """Returns the model's number in the compiled kernel and its parameters, see `Model.kernel`."""
        return code.ENTROPY_L, self.l, 0.0


class RecursiveL(SensitiveModel):
    """Requires r_1 < c (r_l + ... + r_m), with r the counts in falling order (Machanavajjhala et al. 2007)."""

    name: Literal["recursive_l"] = "recursive_l"
    c: float = Field(gt=0)
    l: int = Field(ge=2)  # noqa: E741 - the field's own name in the literature

    def holds(self, hist: Histogram, people: NDArray[np.int64], context: Context) -> NDArray[np.bool_]:
        """Returns whether each class satisfies the model, see `Model.holds`."""
        ordered = -np.sort(-hist, axis=1)
        return np.asarray(ordered[:, 0] < self.c * ordered[:, self.l - 1 :].sum(1))

    def kernel(self) -> tuple[int, float, float]:
        """Returns the model's number in the compiled kernel and its parameters, see `Model.kernel`."""
        return code.RECURSIVE_L, self.c, float(self.l)


class TCloseness(SensitiveModel):
    """Requires an earth mover's distance of q from p of at most t (Li et al. 2007).

    `equal`: all values are 1 apart (total variation). `ordered`: neighbours in sorted order are 1 / (values - 1) apart.
    `hierarchical`: values are (height of their common ancestor) / (height of the tree) apart.
    """

    name: Literal["t_closeness"] = "t_closeness"
    t: float = Field(ge=0, le=1)
    distance: Literal["equal", "ordered", "hierarchical"] = "equal"

    def holds(self, hist: Histogram, people: NDArray[np.int64], context: Context) -> NDArray[np.bool_]:
        """Returns whether each class satisfies the model, see `Model.holds`."""
        return self.measure(hist, context) <= self.t + TOLERANCE

    def measure(self, hist: Histogram, context: Context) -> NDArray[np.float64]:
        """Returns the earth mover's distance between each class and the table; shape (c,)."""
        gap = _shares(hist) - context.prior
        if self.distance == "equal":
            return np.asarray(np.abs(gap).sum(1) / 2)
        if self.distance == "ordered":
            return np.asarray(np.abs(np.cumsum(gap, 1)).sum(1) / max(gap.shape[1] - 1, 1))
        total = np.zeros(len(gap))
        for group in context.ground:
            spill = np.zeros((len(gap), gap.shape[1]))
            np.add.at(spill.T, group, gap.T)
            total += np.abs(spill).sum(1)
        return total / 2 / max(len(context.ground), 1)

    def kernel(self) -> tuple[int, float, float]:
        """Returns the model's number in the compiled kernel and its parameters, see `Model.kernel`."""
        kinds = {"equal": code.T_EQUAL, "ordered": code.T_ORDERED, "hierarchical": code.T_HIERARCHICAL}
        return kinds[self.distance], self.t, 0.0


class DeltaDisclosure(SensitiveModel):
    """Requires |ln(q_s / p_s)| < delta for every s (Brickell and Shmatikov 2008), so every value must appear."""

    name: Literal["delta_disclosure"] = "delta_disclosure"
    delta: float = Field(gt=0)

    def holds(self, hist: Histogram, people: NDArray[np.int64], context: Context) -> NDArray[np.bool_]:
        """Returns whether each class satisfies the model, see `Model.holds`."""
        known = context.prior > 0
        q = _shares(hist)[:, known]
        ratio = np.log(np.where(q > 0, q, 1e-300) / context.prior[known])
        return np.asarray(np.abs(ratio).max(1) < self.delta - TOLERANCE)

    def kernel(self) -> tuple[int, float, float]:
        """Returns the model's number in the compiled kernel and its parameters, see `Model.kernel`."""
        return code.DELTA_DISCLOSURE, self.delta, 0.0


class BasicBeta(SensitiveModel):
    """Requires (q_s - p_s) / p_s <= beta for every s (Cao and Karras 2012)."""

    name: Literal["basic_beta"] = "basic_beta"
    beta: float = Field(gt=0)

    def caps(self, prior: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the largest allowed share of each value."""
        return prior * (1 + self.beta)

    def holds(self, hist: Histogram, people: NDArray[np.int64], context: Context) -> NDArray[np.bool_]:
        """Returns whether each class satisfies the model, see `Model.holds`."""
        return np.asarray((_shares(hist) <= self.caps(context.prior) + TOLERANCE).all(1))

    def kernel(self) -> tuple[int, float, float]:
        """Returns the model's number in the compiled kernel and its parameters, see `Model.kernel`."""
        return code.BASIC_BETA, self.beta, 0.0


class EnhancedBeta(BasicBeta):
    """Requires (q_s - p_s) / p_s <= min(beta, -ln p_s) for every s (Cao and Karras 2012)."""

    name: Literal["enhanced_beta"] = "enhanced_beta"  # type: ignore[assignment]

    def caps(self, prior: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the largest allowed share of each value."""
        return np.asarray(prior * (1 + np.minimum(self.beta, -np.log(np.where(prior > 0, prior, 1.0)))))

    def kernel(self) -> tuple[int, float, float]:
        """Returns the model's number in the compiled kernel and its parameters, see `Model.kernel`."""
        return code.ENHANCED_BETA, self.beta, 0.0


class KMap(Model):
    """Requires that k people of the population share the published values (Sweeney 2002); needs a population table."""

    name: Literal["k_map"] = "k_map"
    k: int = Field(ge=1)


class DeltaPresence(Model):
    """Requires low <= n / (people of the population in the class) <= high (Nergiz et al. 2007); needs a population
    table.
    """

    name: Literal["delta_presence"] = "delta_presence"
    low: float = Field(ge=0, le=1, default=0.0)
    high: float = Field(ge=0, le=1)


AnyModel = Annotated[
    KAnonymity
    | Alpha
    | DistinctL
    | EntropyL
    | RecursiveL
    | TCloseness
    | DeltaDisclosure
    | BasicBeta
    | EnhancedBeta
    | KMap
    | DeltaPresence,
    Field(discriminator="name"),
]
PopulationModel = KMap | DeltaPresence
