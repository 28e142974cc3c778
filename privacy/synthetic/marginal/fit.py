"""Fits a model to noisy marginals with Private-PGM (McKenna, Sheldon and Miklau 2019), by the package `mbi`."""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from privacy.synthetic.errors import SyntheticError
from privacy.synthetic.marginal.measurement import Clique, Measured
from privacy.synthetic.marginal.model import MarginalModel
from privacy.synthetic.marginal.structure import MOST_MEGABYTES, choose_pairs
from privacy.synthetic.synthesizer import Progress, no_progress

ITERATIONS = 1000
_BLOCK = 50
"""Iterations between two calls of the callback of `mbi`."""


def fit_marginals(
    measured: Measured,
    progress: Progress = no_progress,
    megabytes: float = MOST_MEGABYTES,
    iterations: int = ITERATIONS,
) -> MarginalModel:
    """Return the model of maximum entropy that comes nearest to the noisy marginals. It reads no row.

    Raises:
        SyntheticError: the package `mbi` is not installed.
    """
    mbi = _mbi()
    progress("choose pairs of columns", 0.1)
    domain = mbi.Domain(list(measured.sizes), list(measured.sizes.values()))
    chosen = choose_pairs(measured, domain, megabytes)
    tree, _ = mbi.junction_tree.make_junction_tree(domain, [*chosen, *((name,) for name in measured.sizes)])
    order, parents = _rooted(tree)
    covered = [*measured.singles.values(), *(pair for pair in measured.pairs if _is_covered(pair.clique, order))]
    marginals = [mbi.LinearMeasurement(one.counts, one.clique, stddev=one.scale) for one in covered]
    total = max(1, round(measured.total))
    blocks = itertools.count(1)

    def report(marginals: object) -> None:
        progress("fit the model", min(0.99, 0.2 + 0.8 * next(blocks) * _BLOCK / iterations))

    fitted = mbi.estimation.MirrorDescent().estimate(
        domain, marginals, known_total=float(total), iters=iterations, callback_fn=report
    )
    found = fitted.potentials.expand(order)
    potentials = tuple(
        np.asarray(found[clique].transpose(clique).datavector(flatten=False), np.float64) for clique in order
    )
    return MarginalModel(measured.sizes, tuple(order), tuple(parents), potentials, total)


def _is_covered(clique: Clique, cliques: Sequence[Clique]) -> bool:
    return any(set(clique) <= set(one) for one in cliques)


def _rooted(tree: Any) -> tuple[list[Clique], list[int]]:
    """Return the cliques of a junction tree so that each follows its parent, and the index of each one's parent."""
    parent_of: dict[Clique, int] = {}
    order: list[Clique] = []
    for root in sorted(tree.nodes, key=len, reverse=True):
        waiting = [] if root in parent_of else [(root, -1)]
        while waiting:
            clique, parent = waiting.pop()
            parent_of[clique] = parent
            order.append(tuple(clique))
            waiting += [(near, len(order) - 1) for near in tree.neighbors(clique) if near not in parent_of]
    return order, [parent_of[clique] for clique in order]


def _mbi() -> Any:
    """Import `mbi` with double precision, without its warning about single precision."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    try:
        import jax

        cast(Any, jax.config).update("jax_enable_x64", True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import mbi
    except ImportError as error:
        raise SyntheticError("private marginal models need the package mbi: pip install 'bojagi[synthetic]'") from error
    return mbi
