"""Chance agreement: estimates the share of each level among all pairs of records, from which the u probabilities start.

Training starts from these shares and removes the matches from them later (see `model`). A share that is too large makes
the match weight of its level too small, which does little harm. A share that is too small makes agreement look like
proof: wrong pairs join the matches, and these raise the weight further. Therefore shares are counted where possible,
and never underestimated elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.matching.comparison import PartComparison
from pipelines.matching.workspace import Workspace

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Number of random pairs per record that has a value, for each comparison, within the limits below. True matches grow
# with the number of records and chance agreements with its square, so a larger file needs a more exact share of a rare
# level. In a file of 60,000 records the sample has twenty pairs of a level that one pair in 12,000 has.
PAIRS_PER_RECORD = 4
FEWEST_PAIRS, MOST_PAIRS = 50_000, 500_000
# Least count of a level in a sample: if none of n pairs has a level, its share is below 3/n with 95 % confidence
# (Hanley and Lippman-Hand, JAMA 249, 1983).
LEAST_SEEN = 3.0
# Added to each count where all pairs were counted, so that no share is zero.
_UNSEEN = 0.5


@dataclass(frozen=True, slots=True)
class ChanceAgreement:
    """Agreement among all pairs of records, including the pairs of one person.

    Attributes:
        shares: for each comparison the share of each level among the pairs whose values are known and comparable; the
            shares of a comparison add up to 1.
        known: for each comparison the number of those pairs.

    """

    shares: tuple[Floats, ...]
    known: tuple[float, ...]


def estimate_chance(
    connection: Workspace,
    comparisons: Sequence[PartComparison],
    *,
    table: str = "person",
    population: int,
    seed: int = 1,
) -> ChanceAgreement:
    """Return the estimated share of each level among all pairs of records.

    The share of equality is computed from value frequencies, the shares of other levels from random pairs. Records are
    drawn by their position in the order of their values. So the result depends neither on the order of the rows nor on
    household tokens, which change with the token secret.

    Args:
        connection: database with `table` as `prepare` made it.
        comparisons: the comparisons whose levels are counted.
        table: the prepared records.
        population: number of pairs that may match.
        seed: seed of the random pairs.

    """
    rows, filled = _in_order(connection, comparisons, table)
    wanted = min(max(PAIRS_PER_RECORD * len(rows), FEWEST_PAIRS), MOST_PAIRS)
    drawn = [_draw(rows[known], wanted, np.random.default_rng([seed, n])) for n, known in enumerate(filled)]
    seen = _count_levels(connection, comparisons, table, drawn)
    equal = _count_equal(connection, comparisons, table)
    pairs = max(len(rows) * (len(rows) - 1.0), 1.0)
    shares, known_pairs = [], []
    for n, known in enumerate(filled):
        values = float(known.sum())
        share = _shares(seen[n][1:], is_counted=values * (values - 1.0) / 2.0 <= wanted)
        # Two names in different scripts may both be filled and still be incomparable.
        comparable = max(float(seen[n][1:].sum()), 1.0) / max(float(seen[n].sum()), 1.0)
        comparable_pairs = values * (values - 1.0) * comparable
        if n in equal and values > 1:
            # The other levels need a share above zero, even if all records have the same value.
            first = float(np.clip(equal[n] / comparable_pairs, 1e-9, 1 - 1e-6))
            share = np.concatenate([[first], share[1:] / max(float(share[1:].sum()), 1e-12) * (1 - first)])
        shares.append(share)
        known_pairs.append(population * max(comparable_pairs, 0.0) / pairs)
    return ChanceAgreement(tuple(shares), tuple(known_pairs))


def _in_order(
    connection: Workspace, comparisons: Sequence[PartComparison], table: str
) -> tuple[Ints, list[NDArray[np.bool_]]]:
    """Return the `rid`s in the order of the values, and for each comparison which of these records have a value."""
    order = [c.column for c in comparisons if not c.name.startswith("household")]
    filled = ", ".join(f"({c.column} is not null) as f{n}" for n, c in enumerate(comparisons))
    found = connection.execute(f"select rid, {filled} from {table} order by {', '.join([*order, 'rid'])}").fetchnumpy()
    flags = [np.asarray(found[f"f{n}"], dtype=bool) for n in range(len(comparisons))]
    return np.asarray(found["rid"], dtype=np.int64), flags


def _draw(rows: Ints, wanted: int, random: np.random.Generator) -> pd.DataFrame:
    """Return about `wanted` random pairs of the rows (columns `a` < `b`), or all pairs if there are no more."""
    if len(rows) * (len(rows) - 1) // 2 <= wanted:
        left, right = np.triu_indices(len(rows), 1)
    else:
        left, right = (random.integers(0, len(rows), wanted) for _ in "lr")
        apart = left != right
        left, right = left[apart], right[apart]
    a, b = rows[left], rows[right]
    return pd.DataFrame({"a": np.minimum(a, b).astype(np.int32), "b": np.maximum(a, b).astype(np.int32)})


def _count_levels(
    connection: Workspace, comparisons: Sequence[PartComparison], table: str, drawn: Sequence[pd.DataFrame]
) -> list[Floats]:
    """Return for each comparison the number of drawn pairs at each level; index 0 is the level "unknown"."""
    columns = [r[0] for r in connection.execute(f"describe {table}").fetchall() if r[0] not in ("rid", "source")]
    sides = ", ".join(f"{side}.{c} as {c}_{side}" for c in columns for side in "lr")
    sample = pd.concat([pairs.assign(part=n) for n, pairs in enumerate(drawn)], ignore_index=True)
    connection.register("sample_pair", sample)
    # One query per comparison, so that the database reads only the columns of that comparison.
    counts = connection.execute(
        " union all ".join(
            f"select {n} as part, level, count(*) as n from (select {c.level_sql()} as level from (select {sides} "
            f"from sample_pair s join {table} l on l.rid = s.a join {table} r on r.rid = s.b where s.part = {n})) "
            "group by level"
            for n, c in enumerate(comparisons)
        )
    ).fetchall()
    connection.unregister("sample_pair")
    seen = [np.zeros(len(c.levels) + 2) for c in comparisons]
    for part, level, count in counts:
        seen[int(part)][int(level)] = float(count)
    return seen


def _shares(seen: Floats, *, is_counted: bool) -> Floats:
    """Return the share of each level, always above zero. `is_counted`: `seen` counts all pairs, not a sample."""
    counts = seen + _UNSEEN if is_counted else np.maximum(seen, LEAST_SEEN)
    return np.asarray(counts / counts.sum())


def _count_equal(connection: Workspace, comparisons: Sequence[PartComparison], table: str) -> dict[int, float]:
    """Return the number of ordered pairs with equal values, for each comparison whose first level is equality."""
    terms = [(n, c.levels[0].term) for n, c in enumerate(comparisons) if c.levels[0].term]
    if not terms:
        return {}
    counts = connection.execute(
        " union all ".join(
            f"select {n} as part, sum(n * (n - 1.0))::double as agreeing from "
            f"(select count(*)::double as n from {table} where {term} is not null group by {term})"
            for n, term in terms
        )
    ).fetchall()
    return {int(part): float(agreeing or 0.0) for part, agreeing in counts}
