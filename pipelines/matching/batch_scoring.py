"""Scores the few pairs of a batch with the same match weights as Splink, but without building a Splink linker.

Building a linker takes a third of a second; for a thousand pairs that is more than all other work. The weights are the
same: a comparison adds log2(m/u) of its level. Where both records have a value with the term frequency f, it adds
log2(m/f) instead. `tests` compare the results with Splink's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.matching.comparison import RAREST_TERM
from pipelines.matching.deterministic_rule import CERTAIN_WEIGHT, certain_sql
from pipelines.matching.guard import DOUBTFUL_WEIGHT, LEAST_WEIGHT, REFUSED_WEIGHT, doubt_sql, suffix_weight_sql
from pipelines.matching.model import Model
from pipelines.matching.scoring import ScoredPairs, likely_sql, write_likely_patterns
from pipelines.matching.workspace import Workspace

Floats = NDArray[np.float64]


def score_few_pairs(
    connection: Workspace, model: Model, *, observed: str = "observed", frequency_table: str = "person"
) -> ScoredPairs:
    """Score the observed pairs as `scoring.score` does; return them sorted by `left` and `right`.

    Args:
        connection: database with the observed levels (see `model.observe_levels`).
        model: the trained model.
        observed: name of the table with the observed levels.
        frequency_table: name of the table in which term frequencies are counted. It has all records, by `rid`, with a
            column per term. Its values may be hashes, equal where the values are equal.
    """
    certain = certain_sql(model)
    write_likely_patterns(connection, model, observed)
    names = [f"g{n}" for n in range(len(model.comparisons))]
    connection.execute(
        f"create or replace table few_pair as select row_number() over (order by a, b)::bigint - 1 as position, a, b, "
        f"{', '.join(names)}, {model.refusal_sql} as refusal, {doubt_sql(model.comparisons)} as is_doubtful, "
        f"{suffix_weight_sql()}::double as suffix_weight from {likely_sql(model, observed)} where not {certain}"
    )
    rows = connection.execute(
        f"select a::bigint as a, b::bigint as b, {', '.join(names)}, refusal, is_doubtful, suffix_weight "
        "from few_pair order by position"
    ).fetchnumpy()
    rare = _term_adjustments(connection, model, frequency_table, len(rows["a"]))
    weights = [w[np.asarray(rows[n], dtype=np.intp)] + r for n, w, r in zip(names, model.weights(), rare, strict=True)]
    total = np.maximum(model.total(weights) + np.asarray(rows["suffix_weight"]), LEAST_WEIGHT)
    total = np.where(np.asarray(rows["is_doubtful"], dtype=bool), np.minimum(total, DOUBTFUL_WEIGHT), total)
    total = np.where(np.asarray(rows["refusal"]) > 0, REFUSED_WEIGHT, total)
    by_rule = connection.execute(f"select a::bigint as a, b::bigint as b from {observed} where {certain}").fetchnumpy()
    left, right = (np.concatenate([rows[end], by_rule[end]]).astype(np.int64) for end in ("a", "b"))
    weight = np.concatenate([total, np.full(len(by_rule["a"]), CERTAIN_WEIGHT)])
    order = np.lexsort((right, left))
    return ScoredPairs(left[order], right[order], weight[order])


def _term_adjustments(connection: Workspace, model: Model, table: str, pairs: int) -> list[Floats]:
    """Return for each comparison the term-frequency adjustment of each pair's weight: log2(u/f), in bits.

    f is the frequency of the value that both records have. The adjustment is 0 at levels without a term.
    """
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
    part, number, position = (np.asarray(rows[name], dtype=np.intp) for name in ("part", "number", "position"))
    share = np.maximum(np.asarray(rows["share"], dtype=np.float64), RAREST_TERM)
    for n, chance in enumerate(model.chance_shares):
        mine = part == n
        found[n][position[mine]] = np.log2(np.asarray(chance)[number[mine] - 1]) - np.log2(share[mine])
    return found


def _share_sql(part: int, number: int, term: str, table: str) -> str:
    """Return SQL for the pairs at a level, with the share of all records that have the pair's value of the term."""
    at_level = f"select position, a from few_pair where g{part} = {number}"
    return (
        f"select {part} as part, {number} as number, l.position as position, "
        f"n / (select count({term}) from {table}) as share from ({at_level}) l join {table} s on s.rid = l.a join "
        f"(select t.{term} as mark, count(*)::double as n from {table} t semi join "
        f"(select {term} as mark from {table} semi join ({at_level}) e on rid = e.a) w on t.{term} = w.mark "
        f"group by t.{term}) c on c.mark = s.{term}"
    )
