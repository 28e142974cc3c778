"""Computes the fingerprint of a table's inputs. With an unchanged fingerprint a new build would give the same rows."""

from __future__ import annotations

import hashlib
import json
from datetime import date, timedelta

from installation.contract.document import Contract
from pipelines.build_code import code_digest
from pipelines.derived_table.row_filter import RowFilter
from pipelines.derived_table.table import BuildContext, DerivedTable
from pipelines.engine.session_option import SESSION_OPTIONS
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse

_READING = "pipelines.derived_table.input_table"
_WRITING = "pipelines.derived_table.refresh"


def fingerprint(table: DerivedTable, lakehouse: SparkLakehouse, context: BuildContext, row_filter: RowFilter) -> str:
    """Return the fingerprint `<code>-<inputs>`.

    `<code>` is a hash of the code, the contracts, the options of every session and, if the table uses it, the reference
    date, else the month in which its retention begins. The code is that of the builder and of reading and writing
    tables, with all imports. If the row filter decides on the table, its code is included. `<inputs>` is a hash of the
    state of every input and of the filter.
    """
    contract, inputs = context.contracts.table(table.name), table.all_inputs(context.contracts)
    filtered_by = row_filter.state(contract)
    code = code_digest(_modules(table, row_filter if filtered_by else None))
    declared = (name for name in (table.name, *inputs) if not name.startswith("consent/"))
    contracts = {name: context.contracts.table(name).sha256 for name in declared}
    day = context.as_of.isoformat() if table.uses_as_of else None
    month, options = _first_month(contract, context.as_of), dict(SESSION_OPTIONS)
    made_by = _digest([code, table.version, contracts, day, month, options])
    made_from = _digest({name: state(name, lakehouse, context) for name in inputs} | dict(filtered_by))
    return f"{made_by}-{made_from}"


def state(name: str, lakehouse: SparkLakehouse, context: BuildContext) -> str:
    """Return the state of a table as text: its Delta id with its fingerprint or else its version.

    It is `missing` if there is no such table. For `consent/...` it is the state of the consent record.

    The id distinguishes a table that was deleted and created again, because its versions start again at 0.
    """
    if name.startswith("consent/"):
        return context.agreed.state
    if not lakehouse.exists(name):
        return "missing"
    delta = lakehouse.delta(name)
    made_from = None if name.startswith("bronze/") else lakehouse.fingerprint(name)
    return f"{delta.metadata().id}:{made_from or delta.version()}"


def _first_month(contract: Contract, as_of: date) -> str | None:
    """Return the month of the first day that the table keeps; None if it keeps every row.

    A build leaves out rows whose retention has ended. With another reference date it would leave out others.
    """
    if contract.retention_days is None or contract.retention_column is None:
        return None
    return (as_of - timedelta(contract.retention_days)).strftime("%Y-%m")


def _modules(table: DerivedTable, row_filter: RowFilter | None) -> list[str]:
    own = [table.build.__module__, *table.modules, *([table.reads.__module__] if table.reads else [])]
    return [*own, _READING, _WRITING, *([type(row_filter).__module__] if row_filter else [])]


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]
