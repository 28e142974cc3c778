"""How often two records agree by chance: Fellegi and Sunter's u, of all pairs and before the matches are taken out.

Training stands on these shares. A level that is rarer by chance than it is taken to be weighs too little, which does
little harm; one that is taken to be rarer than it is looks like proof, draws strangers among the matches, and these
make it look better still. So shares are counted where they can be, and never understated where they cannot.
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

# Pairs drawn for each comparison, among the records that have a value: so many a record, within limits. True matches
# grow with the records and chance agreements with their square, so the larger the file the more exactly a rare level
# must be known. Of 60,000 records a level of one pair in 12,000 is met twenty times.
PAIRS_A_RECORD = 4
FEWEST_PAIRS, MOST_PAIRS = 50_000, 500_000
# A level that was met less often than this in the sample is taken to have been met so often: with 95 % confidence a
# share is below 3/n when n draws did not show it (Hanley and Lippman-Hand, JAMA 249, 1983).
LEAST_SEEN = 3.0
# Where all pairs were looked at, what stands for a level that none has.
_UNSEEN = 0.5


@dataclass(frozen=True, slots=True)
class Chance:
    """Agreement among all pairs of records, those of one person included.

    Attributes:
        shares: of each level, by comparison, among the pairs in which both values are known; they add up to 1.
        known: number of those pairs, by comparison.

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
) -> Chance:
    """Estimate the share of each level: equality from the frequencies of values, the others on random pairs.

    The records are drawn by their place in the order of their values. So the answer does not depend on the order of the
    rows, nor on household tokens, which change with the secret that makes them.

    Args:
        connection: holds `table` as `prepare` made it.
        comparisons: what is compared.
        table: the prepared records.
        population: number of pairs that could match at all.
        seed: of the random pairs.

    """
    rows, filled = _in_order(connection, comparisons, table)
    wanted = min(max(PAIRS_A_RECORD * len(rows), FEWEST_PAIRS), MOST_PAIRS)
    drawn = [_draw(rows[known], wanted, np.random.default_rng([seed, n])) for n, known in enumerate(filled)]
    seen = _count_levels(connection, comparisons, table, drawn)
    equal = _count_equal(connection, comparisons, table)
    pairs = max(len(rows) * (len(rows) - 1.0), 1.0)
    shares, known_pairs = [], []
    for n, known in enumerate(filled):
        values = float(known.sum())
        share = _shares(seen[n], is_counted=values * (values - 1.0) / 2.0 <= wanted)
        if n in equal and values > 1:
            # Also in a column of one value only, something must be left for the other levels.
            first = float(np.clip(equal[n] / (values * (values - 1.0)), 1e-9, 1 - 1e-6))
            share = np.concatenate([[first], share[1:] / max(float(share[1:].sum()), 1e-12) * (1 - first)])
        shares.append(share)
        known_pairs.append(population * values * max(values - 1.0, 0.0) / pairs)
    return Chance(tuple(shares), tuple(known_pairs))


def _in_order(
    connection: Workspace, comparisons: Sequence[PartComparison], table: str
) -> tuple[Ints, list[NDArray[np.bool_]]]:
    """Return the numbers of the records in the order of their values, and which have a value, by comparison."""
    order = [c.column for c in comparisons if not c.name.startswith("household")]
    filled = ", ".join(f"({c.column} is not null) as f{n}" for n, c in enumerate(comparisons))
    found = connection.execute(f"select rid, {filled} from {table} order by {', '.join([*order, 'rid'])}").fetchnumpy()
    flags = [np.asarray(found[f"f{n}"], dtype=bool) for n in range(len(comparisons))]
    return np.asarray(found["rid"], dtype=np.int64), flags


def _draw(rows: Ints, wanted: int, random: np.random.Generator) -> pd.DataFrame:
    """Return so many random pairs of the rows, or all where there are no more."""
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
    """Count the levels of the drawn pairs, by comparison and from the first level on."""
    columns = [r[0] for r in connection.execute(f"describe {table}").fetchall() if r[0] not in ("rid", "source")]
    sides = ", ".join(f"{side}.{c} as {c}_{side}" for c in columns for side in "lr")
    sample = pd.concat([pairs.assign(part=n) for n, pairs in enumerate(drawn)], ignore_index=True)
    connection.register("sample_pair", sample)
    # The database reads of each record only the columns of the comparison at hand.
    counts = connection.execute(
        " union all ".join(
            f"select {n} as part, level, count(*) as n from (select {c.level_sql()} as level from (select {sides} "
            f"from sample_pair s join {table} l on l.rid = s.a join {table} r on r.rid = s.b where s.part = {n})) "
            "group by level"
            for n, c in enumerate(comparisons)
        )
    ).fetchall()
    connection.unregister("sample_pair")
    seen = [np.zeros(len(c.levels) + 1) for c in comparisons]
    for part, level, count in counts:
        seen[int(part)][int(level) - 1] = float(count)
    return seen


def _shares(seen: Floats, *, is_counted: bool) -> Floats:
    """Return the share of each level; what the sample hardly met is not taken for impossible."""
    held = seen + _UNSEEN if is_counted else np.maximum(seen, LEAST_SEEN)
    return np.asarray(held / held.sum())


def _count_equal(connection: Workspace, comparisons: Sequence[PartComparison], table: str) -> dict[int, float]:
    """Count the ordered pairs that agree, for each comparison whose first level is equality."""
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
