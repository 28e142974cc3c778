"""Score candidate pairs with Splink 5, using the trained model and the frequencies of values."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray
from splink import DuckDBAPI, Linker, SettingsCreator

from pipelines.identity.model import Model, household_sql

# Weight that a pair cannot exceed when only what a household shares speaks for it.
HOUSEHOLD_WEIGHT = -4.0
# Pairs below this weight are not scored: clustering takes them for pairs that speak mildly against.
FLOOR = -6.0

# Slack of that pruning: what agreeing on a rare value may add.
_RARE_TERM_GAIN = 2.0


@dataclass(frozen=True, slots=True)
class ScoredPairs:
    """Pairs with the log2 odds that they are one person; `left` < `right`."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    weight: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.left)


def settings_for(model: Model) -> SettingsCreator:
    """Return the model as Splink settings: what `save_model_to_json` of a linker would hold."""
    return SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="rid",
        probability_two_random_records_match=model.prior,
        comparisons=[
            comparison.creator(m, u)
            for comparison, m, u in zip(model.comparisons, model.match_shares, model.chance_shares, strict=True)
        ],
        retain_matching_columns=False,
        retain_intermediate_calculation_columns=True,
    )


def score(connection: duckdb.DuckDBPyConnection, model: Model, *, observed: str = "observed") -> ScoredPairs:
    """Score the observed pairs that stand a chance; leave them in the table `scored` (`a`, `b`, `weight`).

    `connection` holds `person` and the observed levels (see `model.observe_levels`).
    """
    terms = [f"(case g{n} {_cases(w)} end)" for n, w in enumerate(model.weights())]
    connection.execute(
        "create or replace table likely as select a as join_key_l, b as join_key_r, '0' as match_key "
        f"from {observed} where {model.total_sql(terms)} > {FLOOR - _RARE_TERM_GAIN}"
    )
    linker = linker_for(connection, model)
    api = linker._db_api
    linker.table_management.register_blocked_pairs_for_predict(api.register("likely", table_name="likely_pairs"))
    predicted = linker.inference.predict(warning_mode="never")
    parts = [
        f"(mw_{c.name} + mw_tf_adj_{c.name})" if any(lv.term for lv in c.levels) else f"mw_{c.name}"
        for c in model.comparisons
    ]
    total = model.total_sql(parts)
    connection.execute(
        "create or replace table scored as select o.a, o.b, "
        f"case when {household_sql(model.comparisons)} then least({total}, {HOUSEHOLD_WEIGHT}) "
        f"else {total} end as weight from {predicted.physical_name} "
        f"join {observed} o on o.a = least(rid_l, rid_r) and o.b = greatest(rid_l, rid_r)"
    )
    predicted.drop_table_from_database_and_remove_from_cache()
    return read_scored(connection)


def read_scored(connection: duckdb.DuckDBPyConnection) -> ScoredPairs:
    """Read the table `scored`, in a fixed order."""
    rows = connection.execute("select a::bigint as a, b::bigint as b, weight from scored order by a, b").fetchnumpy()
    return ScoredPairs(*(np.asarray(rows[c]) for c in ("a", "b", "weight")))


def linker_for(connection: duckdb.DuckDBPyConnection, model: Model, table: str = "person") -> Linker:
    """Return a Splink linker over the prepared records with the trained model."""
    logging.getLogger("splink").setLevel(logging.ERROR)
    api = DuckDBAPI(connection)
    records = api.register(table, table_name=f"{table}_records")
    return Linker(records, settings_for(model), log_level=None, validate_settings=False)


def save_model(connection: duckdb.DuckDBPyConnection, model: Model, path: Path) -> dict[str, Any]:
    """Write the model as Splink's JSON, which any Splink 5 reads."""
    return linker_for(connection, model).misc.save_model_to_json(str(path), overwrite=True)


def _cases(weights: NDArray[np.float64]) -> str:
    return " ".join(f"when {level} then {weight:.6f}" for level, weight in enumerate(weights))
