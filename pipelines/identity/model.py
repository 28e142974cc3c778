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

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.identity.comparison import PartComparison

Floats = NDArray[np.float64]
# Random pairs that estimate chance agreement where no exact count exists.
_SAMPLED_PAIRS = 150_000
_MAX_ROUNDS = 60
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
        prior: probability that two random records match.
        rounds: EM rounds until the shares stood still.

    """

    comparisons: tuple[PartComparison, ...]
    match_shares: tuple[tuple[float, ...], ...]
    chance_shares: tuple[tuple[float, ...], ...]
    prior: float
    rounds: int

    def weights(self) -> list[Floats]:
        """Return log2(m/u) by comparison and level; index 0 is "unknown" and weighs nothing."""
        return _weights(self.match_shares, self.chance_shares)

    def total_sql(self, terms: Sequence[str]) -> str:
        """Return SQL that adds the weights of all comparisons (one SQL term each, in their order) to the prior.

        Of what a household shares only the strongest agreement and the strongest disagreement count: one address
        explains the postal code, the town and the telephone exchange, so adding them up would count it thrice.
        """
        own = [t for c, t in zip(self.comparisons, terms, strict=True) if not c.is_shared]
        shared = [t for c, t in zip(self.comparisons, terms, strict=True) if c.is_shared]
        prior = float(np.log2(self.prior / (1 - self.prior)))
        extremes = [f"greatest(0, {', '.join(shared)})", f"least(0, {', '.join(shared)})"] if shared else []
        return " + ".join([str(prior), *own, *extremes])


def household_sql(comparisons: Sequence[PartComparison]) -> str:
    """Return a condition on the observed levels: two people of one household rather than one person.

    The given names differ and the birth dates differ; or the given names differ, the birth date is not known of both
    and a phone or something else that families share is equal. A personal number or e-mail address that agrees
    exempts the pair.
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
    connection: duckdb.DuckDBPyConnection,
    comparisons: Sequence[PartComparison],
    *,
    pairs: str,
    into: str,
    table: str = "person",
) -> None:
    """Write the level of each comparison (columns `g0`, `g1`, …) for each pair of `pairs` (columns `a`,
    `b`).
    """
    columns = [
        r[0] for r in connection.execute(f"describe {table}").fetchall() if r[0] not in ("rid", "source")
    ]
    sides = ", ".join(f"{side}.{c} as {c}_{side}" for c in columns for side in "lr")
    levels = ", ".join(f"{c.level_sql()} as g{n}" for n, c in enumerate(comparisons))
    connection.execute(
        f"create or replace table {into} as with pair as (select a, b, {sides} from {pairs} "
        f"join {table} l on l.rid = a join {table} r on r.rid = b) select a, b, {levels} from pair"
    )


def train(
    connection: duckdb.DuckDBPyConnection,
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
        f"select {names}, {household_sql(comparisons)} as household, count(*) as n from {observed} group by all"
    ).fetchnumpy()
    levels = np.stack([np.asarray(patterns[f"g{n}"], dtype=np.intp) for n in range(len(comparisons))])
    counts = np.asarray(patterns["n"], dtype=np.float64)
    possible = counts * ~np.asarray(patterns["household"], dtype=bool)
    chance, known = _chance_agreement(connection, comparisons, table, population, seed)
    starts = [np.array([*(lv.match_share for lv in c.levels), 0.0]) for c in comparisons]
    for start in starts:
        start[-1] = max(1.0 - start.sum(), 0.01)
        start /= start.sum()
    shares = [start.copy() for start in starts]
    cleaned = [c.copy() for c in chance]
    expected = min(counts.sum() * 0.2, population * 0.001 + 1)
    rounds = 0
    while rounds < _MAX_ROUNDS:
        rounds += 1
        tables = _weights(shares, cleaned)
        weight = np.log2(expected / population) + _combine(
            comparisons, [t[lv] for t, lv in zip(tables, levels, strict=True)]
        )
        matched = possible / (1.0 + np.exp2(-np.clip(weight, -60, 60)))
        total = max(matched.sum(), 1e-9)
        moved = abs(total - expected) / max(expected, 1.0)
        expected = total
        for n, start in enumerate(starts):
            by_level = np.bincount(levels[n], matched, len(start) + 1)[1:].astype(np.float64)
            new = (by_level + _PRIOR_PAIRS * start) / (by_level.sum() + _PRIOR_PAIRS)
            moved = max(moved, float(np.abs(new - shares[n]).max()))
            shares[n] = new
            cleaned[n] = _clean(chance[n], by_level, known[n])
        if moved < _TOLERANCE:
            break
    return Model(
        tuple(comparisons),
        tuple(tuple(map(float, m)) for m in shares),
        tuple(tuple(map(float, u)) for u in cleaned),
        float(min(max(expected / population, 1e-12), 0.5)),
        rounds,
    )


def _weights(match_shares: Sequence[Any], chance_shares: Sequence[Any]) -> list[Floats]:
    return [
        np.concatenate([[0.0], np.log2(np.asarray(m) / np.asarray(u))])
        for m, u in zip(match_shares, chance_shares, strict=True)
    ]


def _combine(comparisons: Sequence[PartComparison], weights: Sequence[Floats]) -> Floats:
    """Add up weights (one array a comparison) as `Model.total_sql` does."""
    own = [w for c, w in zip(comparisons, weights, strict=True) if not c.is_shared]
    shared = [w for c, w in zip(comparisons, weights, strict=True) if c.is_shared]
    total = np.sum(own, axis=0) if own else np.zeros_like(weights[0])
    if shared:
        stacked = np.stack(shared)
        total = total + np.maximum(stacked.max(axis=0), 0) + np.minimum(stacked.min(axis=0), 0)
    return np.asarray(total)


def _clean(chance: Floats, matched: Floats, known_pairs: float) -> Floats:
    """Take the expected matches out of the chance agreement, and keep it a distribution above a floor."""
    agreeing = chance * known_pairs
    cleaned: Floats = np.maximum(agreeing - matched, agreeing * _CHANCE_SHARE)
    cleaned = np.maximum(cleaned / cleaned.sum(), 1e-9)
    return np.asarray(cleaned / cleaned.sum())


def _chance_agreement(
    connection: duckdb.DuckDBPyConnection,
    comparisons: Sequence[PartComparison],
    table: str,
    population: int,
    seed: int,
) -> tuple[list[Floats], list[float]]:
    """Return the share of each level among all pairs, and the number of pairs in which both values are known.

    Levels of equality are counted exactly from the frequencies of values, the others on random pairs.
    """
    size = int(connection.execute(f"select count(*) from {table}").fetchall()[0][0])
    random = np.random.default_rng(seed)
    left, right = (random.integers(0, size, _SAMPLED_PAIRS) for _ in "lr")
    order = left != right
    sample = {"a": np.minimum(left, right)[order], "b": np.maximum(left, right)[order]}
    connection.register("sample_numbers", pd.DataFrame(sample))
    connection.execute(
        "create or replace temp table sample_pair as "
        "select a::integer as a, b::integer as b from sample_numbers"
    )
    connection.unregister("sample_numbers")
    observe_levels(connection, comparisons, pairs="sample_pair", into="sample_level", table=table)
    shares, known = [], []
    for n, comparison in enumerate(comparisons):
        rows = connection.execute(
            f"select g{n}, count(*) from sample_level where g{n} > 0 group by 1"
        ).fetchall()
        seen = np.zeros(len(comparison.levels) + 1)
        for level, count in rows:
            seen[level - 1] = count
        sampled = (seen + 0.5) / (seen.sum() + 0.5 * len(seen))
        exact = [(i, lv.term) for i, lv in enumerate(comparison.levels) if lv.term and i == 0]
        for i, term in exact:
            agreeing, filled = connection.execute(
                "select sum(n * (n - 1.0))::double, sum(n)::double from "
                f"(select count(*)::double as n from {table} where {term} is not null group by {term})"
            ).fetchall()[0]
            if filled and filled > 1:
                share = max(agreeing / (filled * (filled - 1.0)), 1e-9)
                sampled = np.delete(sampled, i) / max(np.delete(sampled, i).sum(), 1e-12) * (1 - share)
                sampled = np.insert(sampled, i, share)
        shares.append(sampled)
        known.append(population * float(seen.sum()) / max(len(sample["a"]), 1))
    connection.execute("drop table sample_level; drop table sample_pair")
    return shares, known
