"""Fits a model to noisy marginals with Private-PGM (McKenna, Sheldon and Miklau 2019), by the package `mbi`."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from privacy.synthetic.coding import Coding
from privacy.synthetic.errors import SyntheticError
from privacy.synthetic.marginal.measurement import Clique, Measurement
from privacy.synthetic.marginal.model import MarginalModel
from privacy.synthetic.marginal.structure import MOST_MEGABYTES, choose_pairs

ITERATIONS = 1000


def fit_marginals(
    measurements: Sequence[Measurement], columns: Mapping[str, Coding], megabytes: float = MOST_MEGABYTES,
    iterations: int = ITERATIONS,
) -> MarginalModel:  # fmt: skip
    """Return the model of maximum entropy that comes nearest to the noisy marginals. It reads no row.

    Raises:
        SyntheticError: the package `mbi` is not installed.
    """
    mbi = _mbi()
    names = list(columns)
    domain = mbi.Domain(names, [columns[name].size for name in names])
    chosen = choose_pairs(measurements, columns, domain, megabytes)
    singles: list[Clique] = [(name,) for name in names]
    tree, _ = mbi.junction_tree.make_junction_tree(domain, [*chosen, *singles])
    cliques = [tuple(clique) for clique in tree.nodes]
    covered = [one for one in measurements if len(one.clique) in (1, 2) and _is_covered(one.clique, cliques)]
    total = max(1, round(float(next(one.counts[0] for one in measurements if not one.clique))))
    marginals = [mbi.LinearMeasurement(one.counts, one.clique, stddev=one.scale) for one in covered]
    fitted = mbi.estimation.MirrorDescent().estimate(domain, marginals, known_total=float(total), iters=iterations)
    order, parents = _rooted(tree)
    potentials = fitted.potentials.expand(order)
    return MarginalModel(
        {name: columns[name].size for name in names},
        tuple(order),
        tuple(parents),
        tuple(
            np.asarray(potentials[clique].transpose(clique).datavector(flatten=False), np.float64) for clique in order
        ),
        total,
    )


def _is_covered(clique: Clique, cliques: Sequence[Clique]) -> bool:
    return any(set(clique) <= set(one) for one in cliques)


def _rooted(tree: object) -> tuple[list[Clique], list[int]]:
    """Return the cliques of a junction tree so that each follows its parent, and the index of each one's parent."""
    import networkx as nx

    order: list[Clique] = []
    parents: list[int] = []
    index: dict[Clique, int] = {}
    for component in nx.connected_components(tree):
        root = max(component, key=len)
        found = {root: None, **{child: parent for parent, child in nx.bfs_edges(tree.subgraph(component), root)}}
        for clique, parent in found.items():
            index[clique] = len(order)
            order.append(tuple(clique))
            parents.append(-1 if parent is None else index[parent])
    return order, parents


def _mbi():  # type: ignore[no-untyped-def]
    """Import `mbi` with double precision, without its warning about single precision."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    try:
        import jax

        jax.config.update("jax_enable_x64", True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import mbi
    except ImportError as error:
        raise SyntheticError("private marginal models need the package mbi: pip install 'bojagi[synthetic]'") from error
    return mbi
