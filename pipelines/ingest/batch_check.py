"""Checks a batch of rows against the contract: converts its columns and marks the rows that break a rule."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from installation.contract.document import Column, Contract, arrow_type
from pipelines.ingest.batch import RawBatch
from pipelines.ingest.cast_result import UncastableError
from pipelines.ingest.constraint import check_birth_date, check_domain, check_required
from pipelines.ingest.fault import FileFaultError, RowFault, RowFaults
from pipelines.ingest.type_cast import cast_column
from pipelines.ingest.value_rule import ValueRule


@dataclass(frozen=True)
class CheckedBatch:
    """A checked batch: its columns in the contract's types, and the faults of the rows that must go to quarantine.

    `columns` also holds `<column>_is_valid` for each encrypted column whose rules only warn.
    """

    columns: dict[str, pa.Array]
    faults: RowFaults


def check_batch(batch: RawBatch, contract: Contract, rules: Mapping[str, ValueRule]) -> CheckedBatch:
    """Convert every column to the contract's type and check its rules. A column that the batch lacks is null.

    Raises:
        FileFaultError: a column of the file has a type that can never be converted to the contract's type.

    """
    faults = batch.faults
    columns = {}
    for column in contract.columns:
        target = arrow_type(column.spark_type)
        given = batch.columns.get(column.name)
        if given is None:
            given = pa.nulls(batch.rows)
        try:
            cast = cast_column(given, target, rules[column.name])
        except UncastableError as error:
            raise FileFaultError("type", _explain(batch, column, given.type, error.hint), None, column.name) from error
        for code, fault in enumerate(cast.faults, 1):
            rule, reason = fault or ("type", f"not a value of type {column.spark_type}")
            faults.mark(cast.codes == code, RowFault(column.name, rule, reason))
        check_required(cast.values, column, faults)
        check_birth_date(cast.values, column, rules[column.name].latest, faults)
        if contract.check_severity.get(column.name) != "warning":
            check_domain(cast.values, column, faults)
        elif column in contract.flagged_columns:
            own = RowFaults.none(batch.rows)
            check_domain(cast.values, column, own)
            columns[column.flag_name] = pa.array(own.is_sound)
        columns[column.name] = cast.values
    return CheckedBatch(columns, faults)


def _explain(batch: RawBatch, column: Column, given: Any, hint: str) -> str:
    """Return why a column of the file cannot be converted, with the place in the file."""
    place = f"{batch.place}, column {column.header}" if batch.place else f"column {column.header}"
    if hint:
        return f"{place}: {hint}"
    return (
        f"{place} has type {given}, the contract states {column.spark_type}: "
        "change physicalType in the contract, or correct the file"
    )
