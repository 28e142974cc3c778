"""Which agreements say the same thing twice, so that the weights of one pair can be added up.

Fellegi and Sunter add weights as if parts were independent. They are not: one address explains the postal
code, the town and often the telephone; people who moved disagree on all of them at once. Each part may have
one parent, a more specific part; beside an agreeing (disagreeing) parent its own agreement (disagreement)
counts only for what it adds. The factors follow from how often it agrees beside the parent among
non-matches, and disagrees among matches: a dependency tree in the manner of Chow and Liu (IEEE Trans. Inf.
Theory 14, 1968).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# Pairs that hold the assumption of independence against few observations.
_PRIOR_PAIRS = 30.0


@dataclass(frozen=True, slots=True)
class Dependence:
    """How much of a comparison's weight counts beside its parent.

    Attributes:
        parent: number of the more specific comparison; -1 for none.
        agreeing: share of a positive weight that counts when the parent's is positive too.
        differing: share of a negative weight that counts when the parent's is negative too.
    """

    parent: int = -1
    agreeing: float = 1.0
    differing: float = 1.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """Observed patterns of levels, for one round of training.

    Attributes:
        weights: one array a comparison, an entry a pattern.
        equal: whether the pattern is at the first level, by comparison.
        known: whether both values are known, by comparison.
        matched: expected matches with the pattern.
        unmatched: expected non-matches with the pattern.
    """

    weights: Sequence[Floats]
    equal: Sequence[Bools]
    known: Sequence[Bools]
    matched: Floats
    unmatched: Floats


def learn_dependence(evidence: Evidence, chance: Sequence[float], is_complete: Sequence[bool]) -> list[Dependence]:
    """Choose each comparison's parent and factors.

    Args:
        evidence: patterns of all candidate pairs.
        chance: probability that a random pair agrees, by comparison.
        is_complete: whether all pairs that are equal in the comparison are candidates (it has a blocking rule
            of its own); only then can what accompanies it be counted.
    """
    order = np.argsort(chance, kind="stable")
    found = [Dependence()] * len(chance)
    for place, child in enumerate(order):
        options = [
            _depend(evidence, int(parent), int(child), chance) for parent in order[:place] if is_complete[parent]
        ]
        if options:
            best = min(options, key=lambda d: d.agreeing)
            found[child] = best if best.agreeing < 1.0 or best.differing < 1.0 else Dependence()
    return found


def add_up(weights: Sequence[Floats], dependence: Sequence[Dependence]) -> Floats:
    """Add up the weights of a pair (one array a comparison)."""
    total = np.zeros_like(weights[0])
    for weight, link in zip(weights, dependence, strict=True):
        if link.parent < 0:
            total += weight
            continue
        parent = weights[link.parent]
        both, neither = (weight > 0) & (parent > 0), (weight < 0) & (parent < 0)
        total += weight * np.where(both, link.agreeing, np.where(neither, link.differing, 1.0))
    return total


def add_up_sql(terms: Sequence[str], dependence: Sequence[Dependence]) -> str:
    """Return SQL that does what `add_up` does, with one SQL term a comparison."""
    parts = []
    for term, link in zip(terms, dependence, strict=True):
        if link.parent < 0:
            parts.append(term)
            continue
        parent = terms[link.parent]
        parts.append(
            f"{term} * (case when {term} > 0 and {parent} > 0 then {link.agreeing!r} "
            f"when {term} < 0 and {parent} < 0 then {link.differing!r} else 1 end)"
        )
    return " + ".join(parts)


def _depend(evidence: Evidence, parent: int, child: int, chance: Sequence[float]) -> Dependence:
    together = evidence.equal[parent] & evidence.known[child]
    agrees, base = evidence.weights[child] > 0, float(np.clip(chance[child], 1e-9, 0.999))
    beside = _share(evidence.unmatched, together, agrees, base)
    agreeing = 1.0 - np.clip(np.log2(beside / base) / np.log2(1.0 / base), 0.0, 1.0)
    differs = evidence.weights[child] < 0
    both_known = evidence.known[child] & evidence.known[parent]
    usual = float(np.clip(_share(evidence.matched, both_known, differs, 0.05), 1e-6, 0.999))
    moved = _share(evidence.matched, both_known & (evidence.weights[parent] < 0), differs, usual)
    differing = np.clip(np.log2(min(moved, 0.999)) / np.log2(usual), 0.0, 1.0)
    return Dependence(parent, float(agreeing), float(differing))


def _share(mass: Floats, among: Bools, event: Bools, expected: float) -> float:
    """Share of the mass in `among` where the event holds, drawn towards what is expected."""
    whole, part = float(mass[among].sum()), float(mass[among & event].sum())
    return (part + _PRIOR_PAIRS * expected) / (whole + _PRIOR_PAIRS)
