"""Holds the form of a table: what its contract said of each column when the table was made or last migrated.

The form lies in the table itself, as metadata of each column in the Delta schema. So a commit that changes the schema
changes the form as well. The form of a table that was made by an older version, or by an engine, is read from its
schema; the contract fills in what a schema does not say.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable
from pydantic import BaseModel, ConfigDict

from installation.contract.document import Column, Contract, arrow_type
from installation.lakehouse.rows import plain_type
from privacy.protection.suppression import REFERENCES

KEY = "bojagi.column"
"""Key of a column's metadata in the Delta schema."""
TABLE_KEY = "bojagi.table"
"""Key of the name of the table that `KEY` is about. Engines copy metadata into the tables that are built from it."""
_NAMES: dict[Any, str] = {
    pa.bool_(): "boolean",
    pa.int8(): "tinyint",
    pa.int16(): "smallint",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.string(): "string",
    pa.binary(): "binary",
    pa.date32(): "date",
    pa.timestamp("us", tz="UTC"): "timestamp",
    pa.timestamp("us"): "timestamp_ntz",
}


class ColumnForm(BaseModel):
    """The form of one column. `type` is the Spark type of its values, also where they are stored encrypted.

    Attributes:
        headers: the names of the column in landed files, the current one first.
        token: kind of the column's matching keys; None if it has none.
        subject: whether the column is the subject key.
        key: position in the primary key; None if it is not in the key.
        reference: kind of reference by which the suppression list knows a visit or an order.
        absent: the value that stands for an absent one.
        rules: the limits of the values, as JSON; None if they are unknown.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    type: str
    headers: tuple[str, ...] = ()
    encrypted: bool = False
    token: str | None = None
    subject: bool = False
    key: int | None = None
    reference: str | None = None
    absent: str | None = None
    rules: str | None = None


@dataclass(frozen=True)
class TableForm:
    """The columns of a table by name, and the columns that it is partitioned by."""

    columns: Mapping[str, ColumnForm]
    partition_by: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, ...]:
        """The columns of the primary key, in order."""
        keyed = [column for column in self.columns.values() if column.key is not None]
        return tuple(column.name for column in sorted(keyed, key=lambda column: column.key or 0))


def form_of(contract: Contract) -> TableForm:
    """Return the form that a table of the contract has."""
    return TableForm(
        {column.name: _column_form(column, contract) for column in contract.columns}, contract.partition_by
    )


def stored_form(delta: DeltaTable, contract: Contract) -> TableForm:
    """Return the form of an existing table; the contract fills in what the table does not say."""
    schema = pa.schema(delta.schema().to_arrow())
    wanted = form_of(contract).columns
    present = set(schema.names)
    found: dict[str, ColumnForm] = {}
    for field in schema:
        metadata = field.metadata or {}
        stamp = metadata.get(KEY.encode())
        if stamp is not None and metadata.get(TABLE_KEY.encode()) == contract.table.encode():
            found[field.name] = _checked(ColumnForm.model_validate_json(stamp), field)
        elif not _is_companion(field.name, present, contract):
            found[field.name] = _unstamped(field, present, wanted.get(field.name))
    return TableForm(found, tuple(delta.metadata().partition_columns))


def stamped(schema: pa.Schema, contract: Contract) -> pa.Schema:
    """Return the schema of a table with the contract's form as metadata of its columns."""
    forms = form_of(contract).columns
    return pa.schema(
        [
            field.with_metadata({KEY: forms[field.name].model_dump_json(), TABLE_KEY: contract.table})
            if field.name in forms
            else field
            for field in schema
        ]
    )


def spark_name(kind: pa.DataType) -> str:
    """Return the Spark SQL name of an Arrow type.

    >>> spark_name(pa.decimal128(12, 2)), spark_name(pa.list_(pa.int32()))
    ('decimal(12,2)', 'array<int>')
    """
    kind = plain_type(kind)
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if pa.types.is_list(kind):
        return f"array<{spark_name(kind.value_type)}>"
    if pa.types.is_map(kind):
        return f"map<{spark_name(kind.key_type)},{spark_name(kind.item_type)}>"
    if pa.types.is_struct(kind):
        return f"struct<{','.join(f'{field.name}:{spark_name(field.type)}' for field in kind)}>"
    return _NAMES.get(kind, str(kind))


def _column_form(column: Column, contract: Contract) -> ColumnForm:
    key = contract.primary_key
    return ColumnForm(
        name=column.name,
        type=spark_name(arrow_type(column.spark_type)),
        headers=column.headers,
        encrypted=column in contract.encrypted_columns,
        token=column.token if contract.layer == "source" else None,
        subject=column.name == contract.subject_key,
        key=key.index(column.name) if column.name in key else None,
        reference=column.touchpoint_role if column.touchpoint_role in REFERENCES else None,
        absent=column.absent_value,
        rules=_rules(column),
    )


def _rules(column: Column) -> str:
    limits = {
        "required": column.required or None,
        "minimum": column.minimum,
        "maximum": column.maximum,
        "minLength": column.min_length,
        "maxLength": column.max_length,
        "pattern": column.pattern,
        "enum": column.enum,
    }
    return json.dumps({name: limit for name, limit in limits.items() if limit is not None}, default=str)


def _is_companion(name: str, present: Iterable[str], contract: Contract) -> bool:
    """Return whether an unstamped column is a technical one, a matching key or a flag of another column."""
    if name.startswith("_"):
        return True
    declared = {column.name for column in contract.columns}
    return name not in declared and any(
        name.endswith(ending) and name.removesuffix(ending) in present for ending in ("_token", "_is_valid")
    )


def _checked(form: ColumnForm, field: pa.Field) -> ColumnForm:
    """Return a stored form; if an engine has changed the column's type since, with the type of the table."""
    kind = plain_type(field.type)
    is_stale = not form.encrypted and arrow_type(form.type) != kind
    return form.model_copy(update={"type": spark_name(kind)} if is_stale else {})


def _unstamped(field: pa.Field, present: set[str], wanted: ColumnForm | None) -> ColumnForm:
    kind = plain_type(field.type)
    has_token = f"{field.name}_token" in present
    if wanted is None:
        is_sealed = pa.types.is_binary(kind)
        return ColumnForm(
            name=field.name,
            type="string" if is_sealed else spark_name(kind),
            encrypted=is_sealed,
            token="" if has_token else None,  # of an unknown kind
        )
    is_sealed = pa.types.is_binary(kind) and wanted.type != "binary"
    return wanted.model_copy(
        update={
            "encrypted": is_sealed,
            "type": wanted.type if is_sealed else spark_name(kind),
            "token": (wanted.token or "") if has_token else None,
            "rules": None,
        }
    )
