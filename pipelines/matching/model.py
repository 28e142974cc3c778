"""Learn, without labels, how much each level of agreement says: Fellegi and Sunter's model (JASA 64, 1969) by
EM.

Splink's own EM looks at the pairs of one blocking rule at a time and leaves out the comparisons that the rule
fixes. Here one EM runs over the whole population of pairs: candidates carry the observed levels, all other
pairs count as non-matches. So every comparison is learned at once, the prior is learned with it, and the
chance-agreement probabilities are cleaned of the true matches among the agreeing pairs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.matching.chance import estimate_chance
from pipelines.matching.comparison import PartComparison
from pipelines.matching.dependence import Dependence, Evidence, add_up, add_up_sql, learn_dependence
from pipelines.matching.workspace import Workspace

Floats = NDArray[np.float64]
_MAX_ROUNDS = 60
# Pairs equal in this many personal parts start the training; they are taken for this share of the matches.
_CERTAIN_PARTS = 3
_CERTAIN_RECALL = 0.6
# Parts that stay with a person. What may change with a move or a new contract is not among them.
_PERSONAL_PARTS = ("given_name", "surname", "birth_date", "identifier", "email", "phone")
# A level that at least this share of matches is expected at counts as agreement.
_CLEAR_SHARE = 0.05
# Largest share of matches that may differ in a part (by whether it is personal). Without it the training can
# wander off to another grouping that is more frequent than duplicates, such as neighbours who share a given
# name.
_MOST_DIFFERING = {True: 0.30, False: 0.60}
# Dependence is relearned in the first rounds and then stands, so that the rounds converge.
_DEPENDENCE_ROUNDS = 8
# Parts whose equal pairs are all candidates, for blocking has a rule for each alone.
_OWN_BLOCK = ("phone", "email", "device", "household", "postal_code", "address", "birth_date", "identifier")
_TOLERANCE = 1e-5
# Pseudo-pairs that hold the starting shares of a level against few observations.
_PRIOR_PAIRS = 20.0
# At least this share of the pairs agreeing exactly does so by chance; without it a rare identifier's weight
# is unbounded.
_CHANCE_SHARE = 0.003
# Parts by which families are mistaken for persons once the given name differs.
_FAMILY_PARTS = ("phone", "address", "device")
# Levels (see `comparison`) up to which birth dates agree: equal, one digit off, day and month exchanged.
_AGREEING_BIRTH_LEVELS = 3


@dataclass(frozen=True, slots=True)
class Model:
    """Trained parameters.

    Attributes:
        comparisons: what is compared.
        match_shares: for each comparison the probability of each level among matches (m), unknown excluded.
        chance_shares: the same among non-matches (u).
        dependence: what repeats what, by comparison.
        prior: probability that two random records match.
        rounds: EM rounds until the shares stood still.

    """

    comparisons: tuple[PartComparison, ...]
    match_shares: tuple[tuple[float, ...], ...]
    chance_shares: tuple[tuple[float, ...], ...]
    dependence: tuple[Dependence, ...]
    prior: float
    rounds: int

    def weights(self) -> list[Floats]:
        """Return log2(m/u) by comparison and level; index 0 is "unknown" and weighs nothing."""
        return _weights(self.match_shares, self.chance_shares)

    def share_counted(self, number: int, weights: Sequence[float]) -> float:
        """Return the share of a comparison's weight that counts beside its parent's (see `dependence`)."""
        link, weight = self.dependence[number], weights[number]
        if link.parent < 0:
            return 1.0
        parent = weights[link.parent]
        if weight > 0 and parent > 0:
            return link.agreeing
        return link.differing if weight < 0 and parent < 0 else 1.0

    def total_sql(self, terms: Sequence[str]) -> str:
        """Return SQL that adds the weights of all comparisons (one SQL term each, in their order) to the
        prior.
        """
        prior = float(np.log2(self.prior / (1 - self.prior)))
        return f"{prior} + {add_up_sql(terms, self.dependence)}"


def household_sql(comparisons: Sequence[PartComparison]) -> str:
    """Return a condition on the observed levels: two people of one household rather than one person.

    The given names differ and the birth dates differ; or the given names differ, the birth date is not known
    of both and a phone or something else that families share is equal. A personal number or e-mail address
    that agrees exempts the pair.
    """
    level = {c.name: f"g{n}" for n, c in enumerate(comparisons)}
    last = {c.name: len(c.levels) + 1 for c in comparisons}
    if "given_name" not in level:
        return "false"
    differs = f"{level['given_name']} = {last['given_name']}"
    exempt = [
        f"{level[name]} between 1 and {last[name] - 1}"
        for name in level
        if name.startswith("identifier") or name == "email"
    ]
    homes = [f"{level[c.name]} = 1" for c in comparisons if c.name in _FAMILY_PARTS or c.name.startswith("household")]
    birth = level.get("birth_date", "0")
    reasons = [f"{birth} > {_AGREEING_BIRTH_LEVELS}", *(f"({birth} = 0 and {home})" for home in homes)]
    return f"({differs} and ({' or '.join(reasons)}) and not ({' or '.join(exempt) or 'false'}))"


def observe_levels(
    connection: Workspace,
    comparisons: Sequence[PartComparison],
    *,
    pairs: str,
    into: str,
    table: str = "person",
) -> None:
    """Write the level of each comparison (columns `g0`, `g1`, …) for each pair of `pairs` (columns `a`,
    `b`).
    """
    columns = [r[0] for r in connection.execute(f"describe {table}").fetchall() if r[0] not in ("rid", "source")]
    sides = ", ".join(f"{side}.{c} as {c}_{side}" for c in columns for side in "lr")
    levels = ", ".join(f"{c.level_sql()} as g{n}" for n, c in enumerate(comparisons))
    connection.execute(
        f"create or replace table {into} as with pair as (select a, b, {sides} from {pairs} "
        f"join {table} l on l.rid = a join {table} r on r.rid = b) select a, b, {levels} from pair"
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
    """Train on the observed candidate pairs.

    Args:
        connection: holds `table` and `observed` (see `observe_levels`).
        comparisons: as in `observed`.
        observed: levels of all candidate pairs.
        table: the prepared records.
        population: number of pairs that could match at all.
        seed: of the sample of random pairs.

    """
    names = ", ".join(f"g{n}" for n in range(len(comparisons)))
    patterns = connection.execute(
        f"select {names}, {household_sql(comparisons)} as household, count(*) as n from {observed} "
        f"group by all order by {names}"
    ).fetchnumpy()
    levels = np.stack([np.asarray(patterns[f"g{n}"], dtype=np.intp) for n in range(len(comparisons))])
    counts = np.asarray(patterns["n"], dtype=np.float64)
    possible = counts * ~np.asarray(patterns["household"], dtype=bool)
    chance = estimate_chance(connection, comparisons, table=table, population=population, seed=seed)
    starts = [np.array([*(lv.match_share for lv in c.levels), 0.0]) for c in comparisons]
    for start in starts:
        start[-1] = max(1.0 - start.sum(), 0.01)
        start /= start.sum()
    shares = [start.copy() for start in starts]
    # Where everybody has one value, no pair disagrees by chance: still not impossible.
    cleaned = [np.maximum(c, 1e-9) for c in chance.shares]
    balance = _personal_balance(comparisons, levels)
    leaning = balance > 0
    possible = possible * ((balance >= 0) | _same_home(comparisons, levels))
    certain = sum((levels[n] == 1).astype(int) for n, c in enumerate(comparisons) if _is_personal(c))
    expected = max(float((possible * leaning)[certain >= _CERTAIN_PARTS].sum()) / _CERTAIN_RECALL, 1.0)
    dependence = [Dependence()] * len(comparisons)
    equal, known_levels = [lv == 1 for lv in levels], [lv > 0 for lv in levels]
    complete = [c.name.startswith(_OWN_BLOCK) for c in comparisons]
    rounds = 0
    while rounds < _MAX_ROUNDS:
        rounds += 1
        tables = _weights(shares, cleaned)
        weights = [t[lv] for t, lv in zip(tables, levels, strict=True)]
        weight = np.log2(expected / population) + add_up(weights, dependence)
        likely = possible / (1.0 + np.exp2(-np.clip(weight, -60, 60)))
        matched = likely * leaning
        if rounds <= _DEPENDENCE_ROUNDS:
            evidence = Evidence(weights, equal, known_levels, matched, counts - likely)
            agreeing = [float(u[t[1:] > 0].sum()) for u, t in zip(cleaned, tables, strict=True)]
            dependence = learn_dependence(evidence, agreeing, complete)
        total = max(matched.sum(), 1e-9)
        moved = abs(total - expected) / max(expected, 1.0)
        expected = total
        for n, start in enumerate(starts):
            by_level = np.bincount(levels[n], matched, len(start) + 1)[1:].astype(np.float64)
            new = (by_level + _PRIOR_PAIRS * start) / (by_level.sum() + _PRIOR_PAIRS)
            new = _hold(new, _MOST_DIFFERING[_is_personal(comparisons[n])])
            moved = max(moved, float(np.abs(new - shares[n]).max()))
            shares[n] = new
            likely_by_level = np.bincount(levels[n], likely, len(start) + 1)[1:].astype(np.float64)
            cleaned[n] = _clean(chance.shares[n], likely_by_level, chance.known[n])
        if moved < _TOLERANCE:
            break
    return Model(
        tuple(comparisons),
        tuple(tuple(map(float, m)) for m in shares),
        tuple(tuple(map(float, u)) for u in cleaned),
        tuple(dependence),
        float(min(max(expected / population, 1e-12), 0.5)),
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
    """Count by how many personal parts more agree than differ, for each pattern.

    Of the groupings that the data holds (persons, families, neighbours) this holds the training to persons: a
    positive balance may train the matches, a negative one is a non-match, and zero trains neither.
    """
    balance = np.zeros(levels.shape[1])
    for level, comparison in zip(levels, comparisons, strict=True):
        if _is_personal(comparison):
            clear = [float(lv.match_share >= _CLEAR_SHARE) for lv in comparison.levels]
            balance += np.asarray([0.0, *clear, -1.0])[level]
    return balance


def _same_home(comparisons: Sequence[PartComparison], levels: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Tell which patterns share a home and a birth date, number or e-mail.

    That is too much for two people to have in common by chance, however much else differs.
    """
    home, telling = np.zeros(levels.shape[1], dtype=bool), np.zeros(levels.shape[1], dtype=bool)
    for level, comparison in zip(levels, comparisons, strict=True):
        if comparison.name.startswith(("address", "household", "device")):
            home |= (level == 1) | ((level == 2) & (comparison.name == "address"))
        if comparison.name.startswith(("birth_date", "identifier", "email")):
            telling |= (level == 1) | ((level == 2) & (comparison.name != "email"))
    return home & telling


def _hold(shares: Floats, most_differing: float) -> Floats:
    """Keep the share of the last level, "different", at or below its limit."""
    if shares[-1] <= most_differing:
        return shares
    held = shares * ((1 - most_differing) / max(1 - shares[-1], 1e-9))
    held[-1] = most_differing
    return np.asarray(np.maximum(held, 1e-6) / np.maximum(held, 1e-6).sum())


def _clean(chance: Floats, matched: Floats, known_pairs: float) -> Floats:
    """Take the expected matches out of the chance agreement, and keep it a distribution above a floor."""
    agreeing = chance * known_pairs
    cleaned: Floats = np.maximum(agreeing - matched, agreeing * _CHANCE_SHARE)
    cleaned = np.maximum(cleaned / cleaned.sum(), 1e-9)
    return np.asarray(cleaned / cleaned.sum())
