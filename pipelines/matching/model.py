"""Trains the Fellegi-Sunter model (JASA 64, 1969) by expectation maximisation (EM), without labels.

Splink's EM uses the pairs of one blocking rule at a time and cannot train the comparisons that the rule fixes. Here one
EM runs over all pairs of records: candidate pairs have their observed levels, all other pairs count as non-matches. So
all m probabilities and the prior are learned together. The u probabilities are the shares of `chance_agreement`; the
expected matches are removed from them in each round.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.matching.chance_agreement import estimate_chance
from pipelines.matching.comparison import PartComparison
from pipelines.matching.dependence import (
    Dependence,
    Evidence,
    learn_dependence,
    total_weight,
    total_weight_sql,
)
from pipelines.matching.guard import Guards, doubt_sql, facts_sql, learn_guards, records_sql
from pipelines.matching.workspace import Workspace

Floats = NDArray[np.float64]
_MAX_ROUNDS = 60
# Pairs with this number of equal personal parts give the first estimate of the number of matches. They are assumed to
# be this share of the matches.
_CERTAIN_PARTS = 3
_CERTAIN_RECALL = 0.6
# Parts that rarely change for a person. Parts that change with a move or a new contract are not among them.
_PERSONAL_PARTS = ("given_name", "surname", "birth_date", "identifier", "email", "phone")
# A level counts as agreement if its m probability before training is at least this.
_CLEAR_SHARE = 0.05
# Largest share of matches that may differ in a part (key: whether the part is personal). Without a limit the training
# can converge to a grouping that is more frequent than duplicates, such as neighbours who share a given name.
_MOST_DIFFERING = {True: 0.30, False: 0.60}
# Dependence is learned again in this number of first rounds and then fixed, so that the EM converges.
_DEPENDENCE_ROUNDS = 8
# Parts with a blocking rule of their own, so that all pairs with equal values are candidates.
_OWN_BLOCK = ("phone", "email", "device", "household", "postal_code", "address", "birth_date", "identifier")
_TOLERANCE = 1e-5
# Number of pairs that count as evidence for the starting m probabilities, so that few observations do not decide.
_PRIOR_PAIRS = 20.0
# At least this share of the agreeing pairs agrees by chance. Without the limit the weight of a rare identifier would be
# unbounded.
_CHANCE_SHARE = 0.003


@dataclass(frozen=True, slots=True)
class Model:
    """Parameters of a trained Fellegi-Sunter model.

    Attributes:
        comparisons: the comparisons, in the order of the other attributes.
        match_shares: for each comparison the m probability of each level; the level "unknown" is left out.
        chance_shares: for each comparison the u probability of each level; the level "unknown" is left out.
        dependence: for each comparison its parent and the shares of its weight that count.
        prior: probability that two random records match.
        guards: what refuses a pair, and which evidence is limited as that of a household.
        rounds: number of EM rounds.

    """

    comparisons: tuple[PartComparison, ...]
    match_shares: tuple[tuple[float, ...], ...]
    chance_shares: tuple[tuple[float, ...], ...]
    dependence: tuple[Dependence, ...]
    prior: float
    guards: Guards
    rounds: int

    def weights(self) -> list[Floats]:
        """Return for each comparison the match weight log2(m/u) of each level; index 0, "unknown", has the weight 0."""
        return _weights(self.match_shares, self.chance_shares)

    def share_counted(self, number: int, weights: Sequence[float]) -> float:
        """Return the share of the weight of comparison `number` that counts, given all weights of the pair.

        The share is 1 for a comparison without a parent; see `dependence`.
        """
        link, weight = self.dependence[number], weights[number]
        if link.parent < 0:
            return 1.0
        parent = weights[link.parent]
        if weight > 0 and parent > 0:
            return link.agreeing
        return link.differing if weight < 0 and parent < 0 else 1.0

    @property
    def prior_weight(self) -> float:
        """Match weight of any two records, in bits."""
        return float(np.log2(self.prior / (1 - self.prior)))

    @property
    def household(self) -> list[bool]:
        """For each comparison whether its weight is limited as evidence that a household shares."""
        return self.guards.household(self.comparisons)

    @property
    def refusal_sql(self) -> str:
        """SQL for the `guard.Refusal` of a pair, over the table of `observe_levels`."""
        return self.guards.refusal_sql(self.comparisons)

    def total(self, weights: Sequence[Floats]) -> Floats:
        """Return the match weight of each pair from the weights of all comparisons, one array per comparison."""
        return total_weight(weights, self.dependence, self.prior_weight, self.household)

    def total_sql(self, terms: Sequence[str]) -> str:
        """Return SQL for a pair's match weight, as `total` computes it.

        `terms` is the SQL of each comparison's weight, in the order of the comparisons.
        """
        return total_weight_sql(terms, self.dependence, self.prior_weight, self.household)


def observe_levels(
    connection: Workspace,
    comparisons: Sequence[PartComparison],
    *,
    pairs: str,
    into: str,
    table: str = "person",
    has_values: bool = True,
) -> None:
    """Write the levels of pairs to a table.

    Args:
        connection: database with the tables `pairs` and `table`.
        comparisons: the comparisons to evaluate.
        pairs: name of a table of pairs, columns `a` and `b` (`rid`s of `table`).
        into: name of the table to write: `a`, `b`, one column per comparison (`g0`, `g1`, …) with the level number, and
            the facts that the guards read (`guard.FACTS`).
        table: the prepared records.
        has_values: whether to read the facts; otherwise they are false. `table` may have hashes instead of values.
    """
    columns = [r[0] for r in connection.execute(f"describe {table}").fetchall() if r[0] not in ("rid", "source")]
    records = records_sql(table, columns) if has_values else table
    if records != table:
        columns.append("birth_number")
    sides = ", ".join(f"{side}.{c} as {c}_{side}" for c in columns for side in "lr")
    levels = ", ".join(f"{c.level_sql()} as g{n}" for n, c in enumerate(comparisons))
    facts = facts_sql(columns if has_values else ())
    connection.execute(
        f"create or replace table {into} as with pair as (select a, b, {sides} from {pairs} "
        f"join {records} l on l.rid = a join {records} r on r.rid = b) select a, b, {levels}, {facts} from pair"
    )


def train(
    connection: Workspace,
    comparisons: Sequence[PartComparison],
    *,
    observed: str = "observed",
    table: str = "person",
    population: int,
    seed: int = 1,
) -> Model:
    """Train the model on the observed candidate pairs and return it.

    Args:
        connection: database with the tables `table` and `observed` (see `observe_levels`).
        comparisons: the comparisons of `observed`.
        observed: name of the table with the levels of all candidate pairs.
        table: the prepared records.
        population: number of pairs that may match.
        seed: seed of the random pairs that estimate chance agreement.

    """
    names = ", ".join(f"g{n}" for n in range(len(comparisons)))
    guards = learn_guards(connection, comparisons, observed)
    refused = f"({guards.refusal_sql(comparisons)} > 0 or {doubt_sql(comparisons)})"
    patterns = connection.execute(
        f"select {names}, {refused} as is_refused, count(*) as n from {observed} group by all order by {names}"
    ).fetchnumpy()
    levels = np.stack([np.asarray(patterns[f"g{n}"], dtype=np.intp) for n in range(len(comparisons))])
    counts = np.asarray(patterns["n"], dtype=np.float64)
    possible = counts * ~np.asarray(patterns["is_refused"], dtype=bool)
    chance = estimate_chance(connection, comparisons, table=table, population=population, seed=seed)
    starts = [np.array([*(lv.match_share for lv in c.levels), 0.0]) for c in comparisons]
    for start in starts:
        start[-1] = max(1.0 - start.sum(), 0.01)
        start /= start.sum()
    shares = [start.copy() for start in starts]
    # If all records have one value, no pair differs by chance; the probability must still be above zero.
    cleaned = [np.maximum(c, 1e-9) for c in chance.shares]
    balance = _personal_balance(comparisons, levels)
    leaning = balance > 0
    possible = possible * ((balance >= 0) | _same_home(comparisons, levels))
    certain = sum((levels[n] == 1).astype(int) for n, c in enumerate(comparisons) if _is_personal(c))
    expected = max(float((possible * leaning)[certain >= _CERTAIN_PARTS].sum()) / _CERTAIN_RECALL, 1.0)
    dependence = [Dependence()] * len(comparisons)
    equal, known_levels = [lv == 1 for lv in levels], [lv > 0 for lv in levels]
    complete = [c.name.startswith(_OWN_BLOCK) and not c.name.startswith("identifier") for c in comparisons]
    household = guards.household(comparisons)
    rounds = 0
    while rounds < _MAX_ROUNDS:
        rounds += 1
        tables = _weights(shares, cleaned)
        weights = [t[lv] for t, lv in zip(tables, levels, strict=True)]
        weight = total_weight(weights, dependence, float(np.log2(expected / population)), household)
        likely = possible / (1.0 + np.exp2(-np.clip(weight, -60, 60)))
        matched = likely * leaning
        if rounds <= _DEPENDENCE_ROUNDS:
            evidence = Evidence(weights, equal, known_levels, matched, counts - likely)
            agreeing = [float(u[t[1:] > 0].sum()) for u, t in zip(cleaned, tables, strict=True)]
            dependence = learn_dependence(evidence, agreeing, complete, household)
        total = max(matched.sum(), 1e-9)
        moved = abs(total - expected) / max(expected, 1.0)
        expected = total
        for n, start in enumerate(starts):
            by_level = np.bincount(levels[n], matched, len(start) + 1)[1:].astype(np.float64)
            new = (by_level + _PRIOR_PAIRS * start) / (by_level.sum() + _PRIOR_PAIRS)
            new = _limit_differing(new, _MOST_DIFFERING[_is_personal(comparisons[n])])
            moved = max(moved, float(np.abs(new - shares[n]).max()))
            shares[n] = new
            likely_by_level = np.bincount(levels[n], likely, len(start) + 1)[1:].astype(np.float64)
            cleaned[n] = _without_matches(chance.shares[n], likely_by_level, chance.known[n])
        if moved < _TOLERANCE:
            break
    return Model(
        tuple(comparisons),
        tuple(tuple(map(float, m)) for m in shares),
        tuple(tuple(map(float, u)) for u in cleaned),
        tuple(dependence),
        float(min(max(expected / population, 1e-12), 0.5)),
        guards,
        rounds,
    )


def _weights(match_shares: Sequence[Any], chance_shares: Sequence[Any]) -> list[Floats]:
    return [
        np.concatenate([[0.0], np.log2(np.asarray(m) / np.asarray(u))])
        for m, u in zip(match_shares, chance_shares, strict=True)
    ]


def _is_personal(comparison: PartComparison) -> bool:
    return comparison.name.startswith(_PERSONAL_PARTS)


def _personal_balance(comparisons: Sequence[PartComparison], levels: NDArray[np.intp]) -> Floats:
    """Return for each pattern the number of personal parts that agree minus the number that differ.

    The records also form families and neighbourhoods; the balance makes the training find persons instead. Only
    patterns with a positive balance train the m probabilities. Patterns with a negative balance are non-matches, except
    those of `_same_home`.
    """
    balance = np.zeros(levels.shape[1])
    for level, comparison in zip(levels, comparisons, strict=True):
        if _is_personal(comparison):
            clear = [float(lv.match_share >= _CLEAR_SHARE) for lv in comparison.levels]
            balance += np.asarray([0.0, *clear, -1.0])[level]
    return balance


def _same_home(comparisons: Sequence[PartComparison], levels: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return for each pattern whether it agrees on a home and also on a birth date, identifier or e-mail.

    Two different people rarely agree on both, even if all other parts differ.
    """
    home, identifying = np.zeros(levels.shape[1], dtype=bool), np.zeros(levels.shape[1], dtype=bool)
    for level, comparison in zip(levels, comparisons, strict=True):
        if comparison.name.startswith(("address", "household", "device")):
            home |= (level == 1) | ((level == 2) & (comparison.name == "address"))
        if comparison.name.startswith(("birth_date", "identifier", "email")):
            identifying |= (level == 1) | ((level == 2) & (comparison.name != "email"))
    return home & identifying


def _limit_differing(shares: Floats, most_differing: float) -> Floats:
    """Return the m probabilities, with that of the last level ("different") reduced to at most the limit."""
    if shares[-1] <= most_differing:
        return shares
    limited = shares * ((1 - most_differing) / max(1 - shares[-1], 1e-9))
    limited[-1] = most_differing
    return np.asarray(np.maximum(limited, 1e-6) / np.maximum(limited, 1e-6).sum())


def _without_matches(chance: Floats, matched: Floats, known_pairs: float) -> Floats:
    """Return the u probabilities of a comparison: chance agreement after removing the expected matches.

    Each is at least a lower limit, and they add up to 1.
    """
    agreeing = chance * known_pairs
    cleaned: Floats = np.maximum(agreeing - matched, agreeing * _CHANCE_SHARE)
    cleaned = np.maximum(cleaned / cleaned.sum(), 1e-9)
    return np.asarray(cleaned / cleaned.sum())
