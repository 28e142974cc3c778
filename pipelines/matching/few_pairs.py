"""Scores the pairs of a batch: with the weights that Splink would give them, but without its linker.

To build and check a linker takes Splink a third of a second, which for a thousand pairs is more than all the rest. The
sum is the same: each part weighs log2(m/u) of its level; a part equal in a value that a share f of the records has
weighs log2(m/f) instead. A test holds both against each other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.matching.certain import CERTAIN_WEIGHT, certain_sql
from pipelines.matching.comparison import RAREST_TERM
from pipelines.matching.dependence import add_up
from pipelines.matching.model import Model, household_sql
from pipelines.matching.scoring import HOUSEHOLD_WEIGHT, ScoredPairs, keep_likely, likely_sql
from pipelines.matching.workspace import Workspace

Floats = NDArray[np.float64]


def score_few(
    connection: Workspace, model: Model, *, observed: str = "observed", counted_in: str = "person"
) -> ScoredPairs:
    """Score the observed pairs that stand a chance, as `scoring.score` does; sorted by `left` and `right`.

    Args:
        connection: holds the observed levels (see `model.observe_levels`).
        model: as trained.
        observed: levels of the pairs.
        counted_in: the table in which the frequencies of values are counted: all records by `rid`, with the value of
            each term or something that is equal where the values are.
    """
    certain = certain_sql(model.comparisons)
    keep_likely(connection, model, observed)
    names = [f"g{n}" for n in range(len(model.comparisons))]
    connection.execute(
        f"create or replace table few_pair as select row_number() over (order by a, b)::bigint - 1 as place, a, b, "
        f"{', '.join(names)}, {household_sql(model.comparisons)} as household "
        f"from {likely_sql(model, observed)} where not {certain}"
    )
    rows = connection.execute(
        f"select a::bigint as a, b::bigint as b, {', '.join(names)}, household from few_pair order by place"
    ).fetchnumpy()
    rare = _rarity(connection, model, counted_in, len(rows["a"]))
    weights = [w[np.asarray(rows[n], dtype=np.intp)] + r for n, w, r in zip(names, model.weights(), rare, strict=True)]
    total = np.log2(model.prior / (1 - model.prior)) + add_up(weights, model.dependence)
    total = np.where(np.asarray(rows["household"], dtype=bool), np.minimum(total, HOUSEHOLD_WEIGHT), total)
    sure = connection.execute(f"select a::bigint as a, b::bigint as b from {observed} where {certain}").fetchnumpy()
    left, right = (np.concatenate([rows[end], sure[end]]).astype(np.int64) for end in ("a", "b"))
    weight = np.concatenate([total, np.full(len(sure["a"]), CERTAIN_WEIGHT)])
    order = np.lexsort((right, left))
    return ScoredPairs(left[order], right[order], weight[order])


def _rarity(connection: Workspace, model: Model, table: str, pairs: int) -> list[Floats]:
    """What each pair's parts weigh beyond their levels, because the value that both have is rarer than chance says."""
    found = [np.zeros(pairs) for _ in model.comparisons]
    terms = [
        (part, number, level.term)
        for part, comparison in enumerate(model.comparisons)
        for number, level in enumerate(comparison.levels, start=1)
        if level.term
    ]
    if not terms or not pairs:
        return found
    rows = connection.execute(" union all ".join(_share_sql(*term, table) for term in terms)).fetchnumpy()
    part, number, place = (np.asarray(rows[name], dtype=np.intp) for name in ("part", "number", "place"))
    share = np.maximum(np.asarray(rows["share"], dtype=np.float64), RAREST_TERM)
    for n, chance in enumerate(model.chance_shares):
        mine = part == n
        found[n][place[mine]] = np.log2(np.asarray(chance)[number[mine] - 1]) - np.log2(share[mine])
    return found


def _share_sql(part: int, number: int, term: str, table: str) -> str:
    """Return SQL of the pairs at a level, with the share of the records that have the same value of its term."""
    at_level = f"select place, a from few_pair where g{part} = {number}"
    return (
        f"select {part} as part, {number} as number, l.place as place, "
        f"n / (select count({term}) from {table}) as share from ({at_level}) l join {table} s on s.rid = l.a join "
        f"(select t.{term} as mark, count(*)::double as n from {table} t semi join "
        f"(select {term} as mark from {table} semi join ({at_level}) e on rid = e.a) w on t.{term} = w.mark "
        f"group by t.{term}) c on c.mark = s.{term}"
    )
