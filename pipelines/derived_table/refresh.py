"""Refreshes a derived table: builds it when its fingerprint has changed, and writes the rows that differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from time import perf_counter
from types import MappingProxyType

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from installation.contract.document import Contract
from pipelines.derived_table.fingerprint import fingerprint
from pipelines.derived_table.input_table import read_inputs
from pipelines.derived_table.row_filter import RowFilter
from pipelines.derived_table.table import BuildContext, DerivedTable
from pipelines.derived_table.touched_day import touched_days
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from pipelines.retention.plan import shorter_sources
from pipelines.table_form.change import ChangeKind
from pipelines.table_form.current_form import changes_of, require_form

Timer = Callable[[], float]


@dataclass(frozen=True)
class RefreshResult:
    """The result of a refresh. `days` are the days written, for a table refreshed by day; otherwise empty."""

    table: str
    rows: int
    seconds: float
    was_current: bool
    days: tuple[date, ...] = ()


def refresh_table(
    table: DerivedTable,
    lakehouse: SparkLakehouse,
    context: BuildContext,
    row_filter: RowFilter,
    timer: Timer = perf_counter,
) -> RefreshResult:
    """Build and write the table unless it is current; return the result.

    A table is current if its fingerprint (code, contracts, day, state of every input) is the one it was written with.

    Raises:
        ContractChangedError: the rows of the table cannot be built again, and its contract has changed.
    """
    started = timer()
    if table.is_kept or table.remembers:
        require_form(lakehouse, context.contracts.table(table.name), adds_columns=not table.is_kept)
    # A table that commands write has no fingerprint; its version is its state.
    wanted = None if table.is_kept else fingerprint(table, lakehouse, context, row_filter)
    was_current = lakehouse.exists(table.name) if table.is_kept else lakehouse.fingerprint(table.name) == wanted
    days: tuple[date, ...] = ()
    if not was_current:
        contract = context.contracts.table(table.name)
        lakehouse.prepare_for(name for name in _read_names(table, context) if not name.startswith("consent/"))
        inputs = row_filter.keep_inputs(read_inputs(table, lakehouse, context), contract)
        built = row_filter.keep_rows(table.build(inputs, context), contract)
        days = _write(table, built, wanted, lakehouse, context)
    row_filter.note_refreshed(table.name)
    return RefreshResult(table.name, row_count(table.name, lakehouse), timer() - started, was_current, days)


def within_retention(
    frame: DataFrame, contract: Contract, as_of: date, shorter: Mapping[str, int] = MappingProxyType({})
) -> DataFrame:
    """Return the rows within the contract's retention. Rows without a time and rows under a hold are kept.

    `shorter` has the retention in days of the sources that keep their rows for a shorter time than this table.
    """
    hold = contract.retention_hold.get("where", "false")
    if contract.retention_days is None or contract.retention_column is None or hold == "true":
        return frame
    clock = F.col(contract.retention_column)
    is_due = clock.cast("date") < F.lit(as_of - timedelta(contract.retention_days))
    for days in sorted(set(shorter.values())):
        is_of_source = F.col(str(contract.retention_by_source)).isin([n for n, kept in shorter.items() if kept == days])
        is_due = is_due | (is_of_source & (clock.cast("date") < F.lit(as_of - timedelta(days))))
    return frame.where(~F.coalesce(is_due, F.lit(False)) | F.coalesce(F.expr(hold), F.lit(False)))


def row_count(name: str, lakehouse: SparkLakehouse) -> int:
    """Return the number of rows of a table: from its Delta log if that has the counts, else by reading it."""
    counts = lakehouse.delta(name).get_add_actions(flatten=True).column("num_records").to_pylist()
    if any(count is None for count in counts):
        return lakehouse.read(name).count()
    return sum(counts)


def _has_other_columns(lakehouse: SparkLakehouse, contract: Contract) -> bool:
    """Return whether the table must be replaced as a whole, because its columns are not those of the contract."""
    return any(change.kind not in (ChangeKind.RULES, ChangeKind.KEY) for change in changes_of(lakehouse, contract))


def _read_names(table: DerivedTable, context: BuildContext) -> tuple[str, ...]:
    return (*table.all_inputs(context.contracts), *table.recalls, *((table.name,) if table.remembers else ()))


def _write(
    table: DerivedTable, built: DataFrame, wanted: str | None, lakehouse: SparkLakehouse, context: BuildContext
) -> tuple[date, ...]:
    contract = context.contracts.table(table.name)
    shorter = shorter_sources(contract, context.contracts)
    frame = within_retention(built, contract, context.as_of, shorter).select(
        *(column.name for column in contract.columns)
    )
    if table.partition_by:
        # Without this every task writes a file into every partition, which makes thousands of small files.
        frame = frame.repartition(*table.partition_by)
    day = table.refreshes_days
    if day is None or not lakehouse.exists(table.name) or _has_other_columns(lakehouse, contract):
        lakehouse.overwrite(table.name, frame, table.partition_by, wanted, contract)
        return ()
    days = touched_days(lakehouse.read(table.name), frame, day, contract)
    if not days:
        # No row differs. A commit without rows notes the new fingerprint; without it every run would build the table.
        lakehouse.append(table.name, frame.limit(0), wanted, contract)
    lakehouse.replace_days(table.name, frame, day, days, wanted, contract)
    return days
