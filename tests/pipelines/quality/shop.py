"""A small shop: a contract with every kind of rule, and rows that keep it. Tests plant breaks in the rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from installation.contract.document import Contract, load_contracts

AS_OF = datetime(2017, 12, 31, 23, 0)
# What no output may ever show.
SECRETS = ("김비밀", "010-0999-8888", "secret@mail.example", "Wien-Secret")

HEAD = """\
apiVersion: v3.2.0
kind: DataContract
id: {layer}.{name}
name: {name}
version: 1.0.0
status: active
schema:
  - name: {name}
    logicalType: object
    physicalType: table
    description: A table of the test shop.
    dataGranularityDescription: One row per {name}
    customProperties:
      - {{property: layer, value: {layer}, vendor: bojagi}}
      - {{property: purpose, value: [quality_assurance, service_delivery], vendor: bojagi}}
      - {{property: legalBasis, value: contract, vendor: bojagi}}
"""
ORDER_OBJECT = """\
      - {property: outlierColumns, value: [amount], vendor: bojagi}
      - {property: touchpoint, value: {channel: store, eventType: purchase}, vendor: bojagi}
    quality:
      - name: enough_rows
        metric: rowCount
        mustBeGreaterThan: 10
      - name: no_repeated_note
        type: library
        metric: duplicateValues
        arguments: {properties: [order_no, product_id]}
        mustBe: 0
      - name: known_sum
        type: sql
        query: SELECT sum(quantity) FROM ${object} o JOIN silver_product p ON o.product_id = p.product_id
        mustBeGreaterThan: 0
      - name: shipped_after_ordered
        type: custom
        engine: greatExpectations
        implementation:
          type: expect_column_pair_values_a_to_be_greater_than_b
          kwargs:
            column_A: shipped_at
            column_B: ordered_at
            or_equal: true
            ignore_row_if: either_value_is_missing
      - name: mean_quantity
        type: custom
        engine: greatExpectations
        implementation:
          type: expect_column_mean_to_be_between
          kwargs: {column: quantity, min_value: 0, max_value: 50}
"""
ORDER_PROPERTIES = [
    ("order_no", "integer", "bigint", "primaryKey: true, primaryKeyPosition: 1, required: true",
     "pd:Transaction"),
    ("customer_name", "string", "string", "required: true, logicalTypeOptions: {maxLength: 20}", "pd:Name"),
    ("email", "string", "string", "logicalTypeOptions: {pattern: '^[^@ ]+@[^@ ]+$'}", "pd:EmailAddress"),
    ("product_id", "integer", "bigint", "required: true, relationships: [{to: silver.product.product_id}]",
     "dpv:NonPersonalData"),
    ("quantity", "integer", "int", "required: true, logicalTypeOptions: {minimum: 1, maximum: 99}",
     "dpv:NonPersonalData"),
    ("amount", "number", "decimal(12,2)", "logicalTypeOptions: {minimum: 0}", "dpv:NonPersonalData"),
    ("size", "string", "string", "enum: [{value: S}, {value: L}]", "dpv:NonPersonalData"),
    ("code", "string", "string",
     "logicalTypeOptions: {pattern: '^[A-Z]{2}\\d+$', minLength: 3, maxLength: 6}",
     "dpv:NonPersonalData"),
    ("ordered_at", "timestamp", "timestamp_ntz", "required: true", "dpv:NonPersonalData"),
    ("shipped_at", "timestamp", "timestamp_ntz", "required: false", "dpv:NonPersonalData"),
]  # fmt: skip
ROLES = {"customer_name": "direct", "email": "direct"}
TAIL = "slaProperties:\n  - {property: latency, value: 1, unit: d, element: orders.ordered_at}\n"
PRODUCTS = pa.table({"product_id": pa.array(range(1, 6), pa.int64())})


def contracts(folder: Path) -> tuple[Contract, Contract]:
    """Write the contracts of the orders and of the products that they refer to, and return both."""
    order = HEAD.format(layer="silver", name="orders") + ORDER_OBJECT + "    properties:\n"
    for name, logical, physical, rest, category in ORDER_PROPERTIES:
        custom = [f"{{property: dataCategory, value: '{category}', vendor: bojagi}}"]
        if name in ROLES:
            custom.append(f"{{property: identifierRole, value: {ROLES[name]}, vendor: bojagi}}")
        if name == "ordered_at":
            custom.append("{property: touchpointRole, value: event_time, vendor: bojagi}")
        order += (
            f"      - {{name: {name}, logicalType: {logical}, physicalType: '{physical}', {rest}, "
            f"customProperties: [{', '.join(custom)}]}}\n"
        )
    (folder / "silver_orders.odcs.yaml").write_text(order + TAIL, "utf-8")
    product = HEAD.format(layer="silver", name="product") + (
        "    properties:\n"
        "      - {name: product_id, logicalType: integer, physicalType: bigint, primaryKey: true, "
        "required: true, customProperties: [{property: dataCategory, value: 'dpv:NonPersonalData', vendor: bojagi}]}\n"
    )
    (folder / "silver_product.odcs.yaml").write_text(product, "utf-8")
    loaded = load_contracts([folder])
    return loaded["silver.orders"], loaded["silver.product"]


def clean_rows() -> list[dict[str, Any]]:
    """Return forty orders that keep every rule; the names in them must never be shown."""
    return [
        {
            "order_no": number,
            "customer_name": SECRETS[0],
            "email": SECRETS[2],
            "product_id": number % 5 + 1,
            "quantity": number % 9 + 1,
            "amount": Decimal(number % 20 + 1),
            "size": "S" if number % 2 else "L",
            "code": f"AB{number}",
            "ordered_at": datetime(2017, 12, 31, number % 20),
            "shipped_at": None if number % 7 == 0 else datetime(2017, 12, 31, 22),
        }
        for number in range(40)
    ]


def frame_of(spark: SparkSession, contract: Contract, rows: list[dict[str, Any]]) -> DataFrame:
    """Return a frame with the contract's columns and the technical columns of bronze."""
    schema = pa.schema([field.with_nullable(True) for field in contract.arrow_schema()])
    schema = schema.append(pa.field("_source_file", pa.string())).append(pa.field("_line", pa.int64()))
    numbered = [{**row, "_source_file": "orders.csv", "_line": line} for line, row in enumerate(rows, 2)]
    frame = spark.createDataFrame(pa.Table.from_pylist(numbered, schema=schema))
    # Spark turns Arrow timestamps without time zone into timestamps with one; the cast undoes this.
    return frame.withColumns({column.name: frame[column.name].cast(column.spark_type) for column in contract.columns})


def with_break(rows: list[dict[str, Any]], position: int, change: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows with the one at `position` changed."""
    return [{**row, **change} if place == position else row for place, row in enumerate(rows)]


def harmless(contract: Contract, column: str) -> Contract:
    """Return the contract with a column declared non-personal, for negative controls."""
    columns = tuple(
        replace(one, category="dpv:NonPersonalData", role="none", token=None) if one.name == column else one
        for one in contract.columns
    )
    return replace(contract, columns=columns)
