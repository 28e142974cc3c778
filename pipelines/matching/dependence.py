"""Dependence between comparisons: reduces match weights that repeat the evidence of another comparison.

The Fellegi-Sunter model adds the weights as if the comparisons were independent. They are not: two records with one
address usually share the postal code and the town. After a move, a person's records differ in all of them.

Here each comparison may have one parent, a more specific comparison. If both agree, or both differ, only a share of the
child's weight counts. Example: address (+9 bits) is the parent of postal code (+6 bits, share 0.1). A pair that agrees
on both gets 9 + 0.6 bits and not 15.

Households add a second dependence: two members of one share the surname, the phone, the address and more. So the
comparisons that a household shares, together with the prior, count for at most `MOST_HOUSEHOLD_WEIGHT`. Agreement on
all of them shows one household with certainty, but its records are of one person or of two. The comparisons of the
person (given name, birth date, sex, identifier) decide between the two.

    total = min(prior + household weights, MOST_HOUSEHOLD_WEIGHT) + person weights

An agreeing household comparison does not reduce the weight of one of the person, because the limit takes account of it.
So a pair that also shares the phone never weighs less than one that does not.

This is the match weight against a mixture of non-matches: strangers, and pairs of one household. Members of a household
agree on its comparisons as often as matches do, so its weight has the limit log2(matches / pairs of one household).

The shares are learned from how often the child agrees beside its parent among non-matches, and how often it differs
beside its parent among matches: a dependency tree after Chow and Liu (IEEE Trans. Inf. Theory 14, 1968).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# Number of pairs that count as evidence for independence, so that few observations do not decide.
_PRIOR_PAIRS = 30.0
# Largest sum of the prior and the weights of comparisons that a household shares, in bits. So evidence of the person
# decides, and records without any of it can still match.
MOST_HOUSEHOLD_WEIGHT = 1.0
# Share of the household weight beyond the limit that counts all the same. Of two people of one name in one home, a
# record belongs to the one whose phone it has.
BEYOND_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Dependence:
    """The share of a comparison's weight that counts, given its parent's weight.

    Attributes:
        parent: number of the more specific comparison; -1 for none.
        agreeing: share of a positive weight that counts if the parent's weight is positive as well.
        differing: share of a negative weight that counts if the parent's weight is negative as well.
    """

    parent: int = -1
    agreeing: float = 1.0
    differing: float = 1.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """Observed patterns of levels in one round of training. Each array has one entry per pattern.

    Attributes:
        weights: for each comparison the weight of the pattern's level, in bits.
        equal: for each comparison whether the pattern is at the first level.
        known: for each comparison whether both values are known.
        matched: expected number of matches with the pattern.
        unmatched: expected number of non-matches with the pattern.
    """

    weights: Sequence[Floats]
    equal: Sequence[Bools]
    known: Sequence[Bools]
    matched: Floats
    unmatched: Floats


def learn_dependence(
    evidence: Evidence, chance: Sequence[float], is_complete: Sequence[bool], household: Sequence[bool]
) -> list[Dependence]:
    """Return the chosen parent and the learned shares of each comparison.

    Args:
        evidence: patterns of all candidate pairs.
        chance: for each comparison the probability that a random pair agrees.
        is_complete: for each comparison whether all pairs with equal values are candidates, because it has a blocking
            rule of its own. Only such a comparison can be a parent: its agreeing pairs can be counted.
        household: for each comparison whether a household may share it. A comparison and its parent are equal in this:
            father and son of one name share the phone, but that does not make a given name household evidence.
    """
    order = np.argsort(chance, kind="stable")
    found = [Dependence()] * len(chance)
    for rank, child in enumerate(order):
        options = [
            _depend(evidence, int(parent), int(child), chance)
            for parent in order[:rank]
            if is_complete[parent] and household[parent] == household[child]
        ]
        if options:
            best = min(options, key=lambda d: d.agreeing)
            found[child] = best if best.agreeing < 1.0 or best.differing < 1.0 else Dependence()
    return found


def total_weight(
    weights: Sequence[Floats], dependence: Sequence[Dependence], prior: float, household: Sequence[bool]
) -> Floats:
    """Return the total match weight of each pair, with the weights reduced by dependence.

    Args:
        weights: one array per comparison, with one entry per pair, in bits.
        dependence: the parent and shares of each comparison.
        prior: match weight of any two records, in bits.
        household: for each comparison whether a household may share it (see `guard.Guards.household`).

    >>> link = Dependence(parent=0, agreeing=0.1)
    >>> address, postal_code, given_name = np.array([9.0]), np.array([6.0]), np.array([-5.0])
    >>> total_weight([address, postal_code], [Dependence(), link], -9.0, [True, True]).round(6).tolist()
    [0.6]
    >>> total_weight([2 * address, given_name], [Dependence()] * 2, -9.0, [True, False]).round(6).tolist()
    [-3.84]
    """
    shared, personal = np.full_like(weights[0], prior), np.zeros_like(weights[0])
    for weight, link, is_shared in zip(weights, dependence, household, strict=True):
        total = shared if is_shared else personal
        if link.parent < 0 or (household[link.parent] and not is_shared):
            total += weight
            continue
        parent = weights[link.parent]
        both_agree, both_differ = (weight > 0) & (parent > 0), (weight < 0) & (parent < 0)
        total += weight * np.where(both_agree, link.agreeing, np.where(both_differ, link.differing, 1.0))
    beyond = np.maximum(shared - MOST_HOUSEHOLD_WEIGHT, 0) * BEYOND_SHARE
    return np.asarray(np.minimum(shared, MOST_HOUSEHOLD_WEIGHT) + beyond + personal)


def total_weight_sql(
    terms: Sequence[str], dependence: Sequence[Dependence], prior: float, household: Sequence[bool]
) -> str:
    """Return SQL for a pair's total match weight, as `total_weight` computes it.

    Args:
        terms: for each comparison the SQL of its weight.
        dependence: the parent and shares of each comparison.
        prior: match weight of any two records, in bits.
        household: for each comparison whether a household may share it.
    """
    shared, personal = [repr(prior)], ["0"]
    for term, link, is_shared in zip(terms, dependence, household, strict=True):
        counted = term
        if link.parent >= 0 and (is_shared or not household[link.parent]):
            parent = terms[link.parent]
            counted = (
                f"{term} * (case when {term} > 0 and {parent} > 0 then {link.agreeing!r} "
                f"when {term} < 0 and {parent} < 0 then {link.differing!r} else 1 end)"
            )
        (shared if is_shared else personal).append(counted)
    sum_of_shared = f"({' + '.join(shared)})"
    beyond = f"greatest({sum_of_shared} - {MOST_HOUSEHOLD_WEIGHT}, 0) * {BEYOND_SHARE}"
    return f"least({sum_of_shared}, {MOST_HOUSEHOLD_WEIGHT}) + {beyond} + {' + '.join(personal)}"


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
    """Return the share of the weight `mass` in `among` for which `event` is true, shrunk towards `expected`."""
    whole, part = float(mass[among].sum()), float(mass[among & event].sum())
    return (part + _PRIOR_PAIRS * expected) / (whole + _PRIOR_PAIRS)
