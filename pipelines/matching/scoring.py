"""Scores candidate pairs with Splink 5: match weights of the trained model, adjusted by term frequencies."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from splink import DuckDBAPI, Linker, SettingsCreator
from splink.internals.splink_dataframe import SplinkDataFrame

from pipelines.matching.deterministic_rule import CERTAIN_WEIGHT, certain_sql
from pipelines.matching.guard import DOUBTFUL_WEIGHT, LEAST_WEIGHT, REFUSED_WEIGHT, doubt_sql, suffix_weight_sql
from pipelines.matching.model import Model
from pipelines.matching.spark_dialect import to_spark
from pipelines.matching.spark_workspace import SparkWorkspace
from pipelines.matching.workspace import Workspace

# Pairs below this weight get no score. Clustering treats pairs without a score as weak evidence against a match.
FLOOR = -6.0

# Margin below the floor, because agreement on a rare value may add this to the weight.
_RARE_TERM_GAIN = 2.0


@dataclass(frozen=True, slots=True)
class ScoredPairs:
    """Pairs of row numbers, `left` < `right`, with the match weight of each (log2 odds that both are one person)."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    weight: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.left)


def settings_for(model: Model, dialect: Callable[[str], str] = str) -> SettingsCreator:
    """Return the model as Splink settings, equal to those that `save_model_to_json` of a linker writes.

    `dialect` translates DuckDB conditions for the database that Splink uses.
    """
    return SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="rid",
        probability_two_random_records_match=model.prior,
        comparisons=[
            comparison.creator(m, u, dialect)
            for comparison, m, u in zip(model.comparisons, model.match_shares, model.chance_shares, strict=True)
        ],
        retain_matching_columns=False,
        retain_intermediate_calculation_columns=True,
    )


def score(connection: Workspace, model: Model, *, observed: str = "observed") -> ScoredPairs:
    """Score the observed pairs whose weight may reach the floor; write them to the table `scored` and return them.

    Pairs that a deterministic rule decides (see `deterministic_rule`) get `CERTAIN_WEIGHT` and are not scored. Of the
    others, those that a guard refuses get `REFUSED_WEIGHT`.

    Args:
        connection: database with the table `person` and the observed levels (see `model.observe_levels`). Afterwards it
            has the table `scored` (`a`, `b`, `weight`).
        model: the trained model.
        observed: name of the table with the observed levels.
    """
    certain = certain_sql(model)
    write_likely_patterns(connection, model, observed)
    connection.execute(
        f"create or replace table likely as select a, b, {model.refusal_sql} > 0 as is_refused, "
        f"{doubt_sql(model.comparisons)} as is_doubtful, {suffix_weight_sql()} as suffix_weight "
        f"from {likely_sql(model, observed)} where not {certain}"
    )
    connection.execute(
        "create or replace table open_pair as select a as join_key_l, b as join_key_r, '0' as match_key from likely "
        "where not is_refused"
    )
    predicted = score_pairs(connection, model, "open_pair")
    parts = [
        f"(mw_{c.name} + mw_tf_adj_{c.name})" if any(lv.term for lv in c.levels) else f"mw_{c.name}"
        for c in model.comparisons
    ]
    total = f"({model.total_sql(parts)} + suffix_weight)"
    connection.execute(
        "create or replace table scored as select p.a, p.b, "
        f"greatest(case when is_doubtful then least({total}, {DOUBTFUL_WEIGHT}) else {total} end, "
        f"{LEAST_WEIGHT}) as weight from {predicted.physical_name} "
        "join likely p on p.a = least(rid_l, rid_r) and p.b = greatest(rid_l, rid_r) "
        f"union all select a, b, {CERTAIN_WEIGHT}::double as weight from {observed} where {certain} "
        f"union all select a, b, {REFUSED_WEIGHT}::double as weight from likely where is_refused"
    )
    predicted.drop_table_from_database_and_remove_from_cache()
    return read_scored(connection)


def find_likely(
    connection: Workspace, model: Model, *, observed: str = "observed", floor: float = FLOOR - _RARE_TERM_GAIN
) -> NDArray[np.int64]:
    """Return the distinct `rid`s of the records in pairs above `floor` and in pairs that a rule decides."""
    write_likely_patterns(connection, model, observed, floor)
    likely = f"select a, b from {likely_sql(model, observed)}"
    certain = f"select a, b from {observed} where {certain_sql(model)}"
    rows = connection.execute(
        f"with found as ({likely} union all {certain}) "
        "select a::bigint as rid from found union select b::bigint from found"
    ).fetchnumpy()
    return np.asarray(rows["rid"], dtype=np.int64)


def read_scored(connection: Workspace) -> ScoredPairs:
    """Return the pairs of the table `scored`, ordered by `a` and `b`."""
    rows = connection.execute("select a::bigint as a, b::bigint as b, weight from scored order by a, b").fetchnumpy()
    return ScoredPairs(*(np.asarray(rows[c]) for c in ("a", "b", "weight")))


def linker_for(connection: Workspace, model: Model, table: str = "person") -> Linker:
    """Return a Splink linker over the prepared records with the trained model."""
    logging.getLogger("splink").setLevel(logging.ERROR)
    if isinstance(connection, SparkWorkspace):
        settings, api = settings_for(model, to_spark), connection.splink_api()
        records = _register(connection, api, table, f"{table}_records")
    else:
        settings = settings_for(model)
        records = DuckDBAPI(cast(duckdb.DuckDBPyConnection, connection)).register(table, table_name=f"{table}_records")
    return Linker(records, settings, log_level=None, validate_settings=False)


def score_pairs(connection: Workspace, model: Model, pairs: str, frequency_table: str | None = None) -> SplinkDataFrame:
    """Score the pairs of a table with Splink and return Splink's predictions.

    Args:
        connection: database with the table `person`.
        model: the trained model.
        pairs: name of a table of pairs with the columns `join_key_l`, `join_key_r` and `match_key`.
        frequency_table: name of the table in which term frequencies are counted; None: `person`. It is needed where
            `person` has only some of the records. It has all records (`rid` as in `person`); its values may be hashes,
            equal where the values are equal.
    """
    linker = linker_for(connection, model)
    if not isinstance(connection, SparkWorkspace):
        _count_terms(connection, linker, model, pairs, frequency_table)
    registered = _register(connection, linker._db_api, pairs, f"{pairs}_pairs")
    linker.table_management.register_blocked_pairs_for_predict(registered)
    return linker.inference.predict(warning_mode="never")


def _count_terms(connection: Workspace, linker: Linker, model: Model, pairs: str, frequency_table: str | None) -> None:
    """Count the term frequencies of the values on the pairs' records and register them with Splink.

    Otherwise Splink counts all values of all records. For few pairs that takes longer than to score them.
    """
    connection.execute(
        "create or replace table pair_person as select * from person semi join (select join_key_l as rid from "
        f"{pairs} union select join_key_r from {pairs}) using (rid)"
    )
    for term in dict.fromkeys(lv.term for c in model.comparisons for lv in c.levels if lv.term):
        connection.execute(f"create or replace table pair_{term} as {_frequency_sql(term, frequency_table)}")
        frequencies = _register(connection, linker._db_api, f"pair_{term}", f"pair_{term}_frequency")
        linker.table_management.register_term_frequency_lookup(frequencies, term)


def _frequency_sql(term: str, frequency_table: str | None) -> str:
    """Return SQL for the values of a term on the pairs' records and the share of all records that have each value."""
    if frequency_table is None:
        return (
            f"select {term}, count(*)::double / (select count({term}) from person) as tf_{term} from person "
            f"semi join (select {term} from pair_person) using ({term}) group by {term}"
        )
    return (
        f"with wanted as (select distinct p.{term} as value, s.{term} as mark from pair_person p "
        f"join {frequency_table} s using (rid) where p.{term} is not null), "
        f"counted as (select {term} as mark, count(*)::double as n from {frequency_table} "
        f"semi join (select mark as {term} from wanted) using ({term}) group by {term}) "
        f"select value as {term}, n / (select count({term}) from {frequency_table}) as tf_{term} "
        "from wanted join counted using (mark)"
    )


def _register(connection: Workspace, api: Any, table: str, name: str) -> SplinkDataFrame:
    """Register a table of the workspace with Splink and return Splink's table."""
    if isinstance(connection, SparkWorkspace):
        return connection.register_with_splink(api, table, name)
    found: SplinkDataFrame = api.register(table, table_name=name)
    return found


def likely_sql(model: Model, observed: str) -> str:
    """Return SQL, for a `from` clause, of the observed pairs whose pattern `write_likely_patterns` kept."""
    same = " and ".join(f"o.g{n} = p.g{n}" for n in range(len(model.comparisons)))
    return f"{observed} o semi join likely_pattern p on {same}"


def write_likely_patterns(
    connection: Workspace, model: Model, observed: str, floor: float = FLOOR - _RARE_TERM_GAIN
) -> None:
    """Write the patterns of levels whose match weight is above `floor` to the table `likely_pattern`.

    Patterns are tested instead of pairs because millions of pairs have only thousands of patterns.
    """
    names = [f"g{n}" for n in range(len(model.comparisons))]
    rows = connection.execute(f"select {', '.join(names)}, count(*) as n from {observed} group by all").fetchnumpy()
    patterns = pd.DataFrame({name: np.asarray(rows[name], dtype=np.int16) for name in names})
    weights = [w[patterns[name].to_numpy()] for name, w in zip(names, model.weights(), strict=True)]
    total = model.total(weights)
    connection.register("kept_pattern", patterns[total > floor])
    connection.execute("create or replace table likely_pattern as select * from kept_pattern")
    connection.unregister("kept_pattern")
