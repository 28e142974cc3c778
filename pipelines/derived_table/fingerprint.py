"""Fingerprint of a table's inputs: unchanged means that another build would give the same rows."""

from __future__ import annotations

import hashlib
import json

from pipelines.derived_table.build_code import code_digest
from pipelines.derived_table.row_filter import RowFilter
from pipelines.derived_table.table import BuildContext, DerivedTable
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse

_READING = "pipelines.derived_table.input_table"
_WRITING = "pipelines.derived_table.refresh"


def fingerprint(table: DerivedTable, lakehouse: SparkLakehouse, context: BuildContext, row_filter: RowFilter) -> str:
    """Return `<code>-<inputs>`: a hash of code, contracts and day, and one of the state of every input.

    The code is that of the table's builder, of the reading and writing of every table and, where the row filter
    decides on the table, of the filter; each with everything that it imports.
    """
    contract, inputs = context.contracts.table(table.name), table.all_inputs(context.contracts)
    filtered_by = row_filter.state(contract)
    code = code_digest(_modules(table, row_filter if filtered_by else None))
    declared = (name for name in (table.name, *inputs) if not name.startswith("consent/"))
    contracts = {name: context.contracts.table(name).sha256 for name in declared}
    day = context.as_of.isoformat() if table.uses_as_of else None
    made_by = _digest([code, table.version, contracts, day])
    made_from = _digest({name: state(name, lakehouse, context) for name in inputs} | dict(filtered_by))
    return f"{made_by}-{made_from}"


def state(name: str, lakehouse: SparkLakehouse, context: BuildContext) -> str:
    """Return the state of a table: which table it is, and what it was made from or its version.

    A table that was deleted and made again is another table, though its version starts anew: Delta gives it a new id.
    """
    if name.startswith("consent/"):
        return context.agreed.state
    if not lakehouse.exists(name):
        return "missing"
    delta = lakehouse.delta(name)
    made_from = None if name.startswith("bronze/") else lakehouse.fingerprint(name)
    return f"{delta.metadata().id}:{made_from or delta.version()}"


def _modules(table: DerivedTable, row_filter: RowFilter | None) -> list[str]:
    own = [table.build.__module__, *([table.reads.__module__] if table.reads else [])]
    return [*own, _READING, _WRITING, *([type(row_filter).__module__] if row_filter else [])]


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]
