"""A small source with its own contract; lands files, loads them and reads the resulting tables."""

import datetime
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import QueryBuilder

from installation.contract.document import Contract, load_contracts
from installation.lakehouse.lakehouse import Lakehouse
from installation.quality.quarantine_content import QUARANTINE
from pipelines.ingest.load_option import LoadOptions
from pipelines.ingest.load_result import LoadResult
from pipelines.ingest.quarantine import Quarantine
from pipelines.ingest.quarantine_replay import replay_quarantine
from pipelines.ingest.source_load import ingest_source
from tests.protection import open_protection_in

NOW = datetime.datetime.fromisoformat("2018-01-01T12:00:00")
TEMPLATE = """\
apiVersion: v3.2.0
kind: DataContract
id: source.sale
name: Sales
version: 1.0.0
status: active
domain: test
description: {{purpose: Test}}
servers:
  - server: landing
    type: local
    path: {path}
    format: {format}
    encoding: {encoding}
    customProperties:
      - {{property: delimiter, value: "{delimiter}", vendor: bojagi}}
{server}schema:
  - name: sale
    logicalType: object
    physicalType: file
    description: Sales.
    dataGranularityDescription: One row per sale
    customProperties:
      - {{property: layer, value: source, vendor: bojagi}}
      - {{property: simulated, value: true, vendor: bojagi}}
      - {{property: purpose, value: [quality_assurance], vendor: bojagi}}
      - {{property: legalBasis, value: legitimate_interest, vendor: bojagi}}
      - {{property: retentionBasis, value: Test, vendor: bojagi}}
      - {{property: touchpoint, value: {{channel: store, eventType: sale}}, vendor: bojagi}}
{object}    properties:
{properties}
slaProperties:
  - {{property: retention, value: 1, unit: y, element: sale.sold_at}}
team: {{name: test}}
"""
PROPERTY = """\
      - name: {name}
        description: "{name}"
        logicalType: {logical}
        physicalType: {physical}
{extra}        customProperties:
          - {{property: dataCategory, value: "{category}", vendor: bojagi}}
{custom}"""
COLUMNS: dict[str, dict[str, Any]] = {
    "sale_id": {"physical": "string", "primaryKey": True, "required": True, "pattern": "^s[0-9]+$"},
    "phone": {"physical": "string", "physicalName": "전화번호", "token": "phone"},
    "store": {"physical": "string", "enum": ["서울", "부산"], "required": True},
    "amount": {"physical": "decimal(12,2)", "minimum": 0},
    "pieces": {"physical": "int", "minimum": 1, "maximum": 99},
    "sold_at": {"physical": "timestamp_ntz", "required": True, "touchpointRole": "event_time"},
}
OPTIONS = ("minimum", "maximum", "pattern", "maxLength", "format", "timezone", "defaultTimezone")
LOGICAL = {
    "string": "string",
    "int": "integer",
    "bigint": "integer",
    "date": "date",
    "timestamp_ntz": "timestamp",
    "boolean": "boolean",
}


def write_contract(folder: Path, columns: dict[str, dict[str, Any]], **server: Any) -> Contract:
    """Write and return a contract for the source `sale` with these columns.

    `subject` is the subject key; `severity` and `hold` are mappings in YAML. The other options describe the files:
    path, format, encoding, delimiter, and the vocabulary's own, such as headerRow.
    """
    folder.mkdir(parents=True, exist_ok=True)
    properties = "".join(_property(name, dict(column)) for name, column in columns.items())
    custom = {
        "subjectKey": server.pop("subject", None),
        "checkSeverity": server.pop("severity", None),
        "retentionHold": server.pop("hold", None),
    }
    added = "".join(
        f"      - {{property: {key}, value: {value}, vendor: bojagi}}\n" for key, value in custom.items() if value
    )
    form = {"path": "sale/*", "format": "csv", "encoding": "UTF-8", "delimiter": ",", **server}
    form["server"] = "".join(
        f"      - {{property: {key}, value: {json.dumps(form.pop(key))}, vendor: bojagi}}\n"
        for key in set(form) - {"path", "format", "encoding", "delimiter"}
    )
    text = TEMPLATE.format(properties=properties.rstrip("\n"), object=added, **form)
    (folder / "source_sale.odcs.yaml").write_text(text)
    return load_contracts([folder]).source("sale")


def _property(name: str, column: dict[str, Any]) -> str:
    physical = column.pop("physical")
    category = column.pop("category", "dpv:NonPersonalData")
    if "enum" in column:
        column["enum"] = [{"value": item} for item in column["enum"]]
    custom = "".join(
        f"          - {{property: {key}, value: {column.pop(key)}, vendor: bojagi}}\n"
        for key in (
            "token",
            "touchpointRole",
            "identifierRole",
            "encrypted",
            "timeUnit",
            "yearPivot",
            "numberFormat",
            "unit",
            "absentValue",
        )
        if key in column
    )
    options = {key: column.pop(key) for key in OPTIONS if key in column}
    extra = "".join(f"        {key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in column.items())
    if options:
        extra += f"        logicalTypeOptions: {json.dumps(options, ensure_ascii=False)}\n"
    logical = LOGICAL.get(physical, "number")
    return PROPERTY.format(name=name, logical=logical, physical=physical, extra=extra, custom=custom, category=category)


class Shop:
    """A landing folder, a lakehouse and a contract; lands files and loads them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.landing = folder / "landing"
        (self.landing / "sale").mkdir(parents=True, exist_ok=True)
        self.lakehouse = Lakehouse(str(folder / "lakehouse"))
        self.protection = open_protection_in(folder / "secret")
        self.contract = write_contract(folder / "contracts", COLUMNS)

    def contract_with(self, columns: dict[str, dict[str, Any]] | None = None, **server: str) -> Contract:
        """Replace the contract and return it."""
        self.contract = write_contract(self.folder / "contracts", columns or COLUMNS, **server)
        return self.contract

    def land(self, name: str, content: str | bytes, encoding: str = "utf-8") -> Path:
        """Put a file into the landing folder."""
        path = self.landing / "sale" / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    def load(self, **options: Any) -> LoadResult:
        """Load the landed files; `options` are those of `LoadOptions`."""
        shared = self.lakehouse, self.landing, self.protection, lambda: NOW
        return ingest_source(self.contract, *shared, LoadOptions(**options))

    def replay(self, **options: Any) -> LoadResult:
        """Replay the quarantine; `options` are those of `LoadOptions`."""
        return replay_quarantine(self.contract, self.lakehouse, self.protection, lambda: NOW, LoadOptions(**options))

    def rows(self, columns: Sequence[str] = ("sale_id",), table: str = "bronze/sale") -> list[tuple[Any, ...]]:
        """Return the table's rows, sorted; empty if the table does not exist."""
        if not self.lakehouse.exists(table):
            return []
        listed = ", ".join(f'"{column}"' for column in columns)
        reader = QueryBuilder().register("t", self.lakehouse.delta(table)).execute(f"SELECT {listed} FROM t")
        found = [row for batch in reader for row in pa.record_batch(batch).to_pylist()]
        return sorted((tuple(row[column] for column in columns) for row in found), key=repr)

    def ids(self) -> list[str]:
        """Return the keys in the table, sorted."""
        return [row[0] for row in self.rows()]

    def quarantine(self, *columns: str) -> list[tuple[Any, ...]]:
        """Return the quarantine entries, sorted."""
        return self.rows(columns or ("line", "column", "rule"), QUARANTINE)

    def records(self) -> list[dict[str, Any]]:
        """Return the quarantined rows that are not loaded yet, as they were read, by file and line."""
        rows = Quarantine(self.contract, self.lakehouse, self.protection).open_rows()
        return [json.loads(row["record"]) for row in rows]


HEADER = "sale_id,전화번호,store,amount,pieces,sold_at\n"


def sale(number: int, store: str = "서울", amount: str = "1.50", day: str = "2017-03-01") -> str:
    """Return a line of a file."""
    return f"s{number},010-{number // 10000:04d}-{number % 10000:04d},{store},{amount},2,{day} 10:00:00\n"


def csv_of(*lines: str) -> str:
    """Return a file with a header."""
    return HEADER + "".join(lines)
