"""One contract: a table, its columns, its file, its purposes."""

from __future__ import annotations

import codecs
import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from open_data_contract_standard.model import OpenDataContractStandard, SchemaObject

from privacy.contract.column import Column, read_column
from privacy.contract.custom import read_custom
from privacy.contract.structure import parse_standard
from privacy.contract.text import Place, Source, parse_text
from privacy.contract.vocabulary import load_vocabulary

FORMATS = ("csv", "jsonl", "parquet")
SCHEMA: Place = ("schema", 0)
# Days of an SLA unit. Retention is rounded up, so that "5 y" never ends before five calendar years.
_DAYS = {"h": 1 / 24, "d": 1.0, "w": 7.0, "m": 30.4375, "y": 365.25}
_UNITS = {
    "h": "h", "hour": "h", "hours": "h",
    "d": "d", "day": "d", "days": "d",
    "w": "w", "week": "w", "weeks": "w",
    "m": "m", "mo": "m", "month": "m", "months": "m",
    "y": "y", "yr": "y", "year": "y", "years": "y",
}  # fmt: skip


@dataclass(frozen=True)
class FileFormat:
    """How a source's files look. `path` is a glob relative to the landing folder."""

    path: str
    format: str
    encoding: str = "UTF-8"
    delimiter: str = ","
    quote: str = '"'
    null_values: tuple[str, ...] = ("",)
    multiline: bool = True

    @property
    def codec(self) -> str:
        """Python's name of the encoding; UTF-8 is read with or without a byte order mark."""
        name = codecs.lookup(self.encoding).name
        return "utf-8-sig" if name == "utf-8" else name


@dataclass(frozen=True)
class Touchpoint:
    """How a table's rows become events: literals where no column says it, and the column of each role."""

    channel: str | None
    event_type: str | None
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipient:
    """Who may read the table, and how (`read`, `write`)."""

    role: str
    access: str = ""
    description: str = ""


@dataclass(frozen=True)
class Document:
    """What one contract declares, free of any engine."""

    id: str
    name: str
    layer: str
    version: str
    columns: tuple[Column, ...]
    grain: str = ""
    description: str = ""
    owner: str = ""
    purposes: tuple[str, ...] = ()
    legal_bases: Mapping[str, str] = field(default_factory=dict)
    legal_article: str = ""
    retention_days: int | None = None
    retention_basis: str = ""
    freshness_hours: float | None = None
    frequency_hours: float | None = None
    simulated: bool = False
    subject_key: str | None = None
    file: FileFormat | None = None
    touchpoint: Touchpoint | None = None
    recipients: tuple[Recipient, ...] = ()
    quality: tuple[Mapping[str, Any], ...] = ()
    check_severity: Mapping[str, str] = field(default_factory=dict)
    outlier_columns: tuple[str, ...] = ()
    volume: Mapping[str, float] = field(default_factory=dict)
    key_positions: Mapping[str, int] = field(default_factory=dict)
    path: Path = Path()
    sha256: str = ""

    @property
    def table(self) -> str:
        """Lakehouse name of the table, such as `bronze/crm_customer` or `gold/customer_360`."""
        return f"{'bronze' if self.layer == 'source' else self.layer}/{self.name}"

    @property
    def primary_key(self) -> tuple[str, ...]:
        """Columns of the primary key, in the declared order."""
        keys = [column.name for column in self.columns if column.primary_key]
        return tuple(sorted(keys, key=lambda name: self.key_positions.get(name, len(keys))))

    @property
    def partition_by(self) -> tuple[str, ...]:
        """Columns that the table is partitioned by."""
        return tuple(column.name for column in self.columns if column.partitioned)

    def column(self, name: str) -> Column:
        """Return the column of that name.

        Raises:
            KeyError: the contract has no such column.

        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.id} has no column {name!r}; it has {', '.join(c.name for c in self.columns)}")


def read_document(path: Path) -> tuple[Document | None, Source]:
    """Read one contract file. The document is None when a fault in the returned source makes it unusable.

    Reported here: faults of YAML, unknown keys, wrong types, values outside the vocabulary. The rules that
    need the whole document or other documents are `privacy.contract.rules`.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        source = Source(path)
        source.report(
            (), "The file is not UTF-8", got=f"byte {error.start} of the file", hint="save it as UTF-8"
        )
        return None, source
    source = parse_text(text, path)
    if source.faults:
        return None, source
    standard = parse_standard(source)
    if standard is None:
        return None, source
    document = _read(standard, source, hashlib.sha256(text.encode()).hexdigest())
    return (None if source.faults else document), source


def _read(standard: OpenDataContractStandard, source: Source, sha256: str) -> Document | None:
    if standard.kind != "DataContract" or not (standard.apiVersion or "").startswith("v3."):
        got = f"{standard.kind} {standard.apiVersion}"
        expected = "kind DataContract, apiVersion v3.2.0"
        source.report(("apiVersion",), "Not a contract of ODCS v3", got=got, expected=expected)
    schemas = standard.schema_ or []
    if len(schemas) != 1:
        source.report(
            ("schema",), "A contract describes one table", got=f"{len(schemas)} schema objects", expected="1"
        )
        return None
    schema = schemas[0]
    custom = read_custom(schema.customProperties, SCHEMA, "objectProperties", source)
    purposes = tuple(custom.get("purpose", ()))
    columns = [
        read_column(entry, (*SCHEMA, "properties", index), purposes, source)
        for index, entry in enumerate(schema.properties or ())
    ]
    if not columns:
        source.report(SCHEMA, "The table has no columns")
    usable = tuple(column for column in columns if column is not None)
    layer = custom.get("layer", "")
    if standard.id != f"{layer}.{schema.name}" and layer:
        message = "The id does not name layer and table"
        source.report(("id",), message, got=repr(standard.id), expected=f"{layer}.{schema.name}")
    return Document(
        id=standard.id or "",
        name=schema.name or "",
        layer=layer,
        version=standard.version or "",
        columns=usable,
        grain=" ".join((schema.dataGranularityDescription or "").split()),
        description=" ".join((schema.description or "").split()),
        owner=_owner(standard),
        purposes=purposes,
        legal_bases=_legal_bases(custom.get("legalBasis"), purposes),
        legal_article=custom.get("legalArticle", ""),
        retention_days=_retention_days(standard, source),
        retention_basis=custom.get("retentionBasis", ""),
        freshness_hours=_sla_hours(standard, ("freshness", "latency"), source),
        frequency_hours=_sla_hours(standard, ("frequency",), source),
        simulated=custom.get("simulated", False),
        subject_key=custom.get("subjectKey"),
        file=_file(standard, source),
        touchpoint=_touchpoint(custom.get("touchpoint"), usable),
        recipients=tuple(
            Recipient(role.role or "", role.access or "", role.description or "")
            for role in standard.roles or ()
        ),
        quality=tuple(item.model_dump(exclude_none=True) for item in schema.quality or ()),
        check_severity=custom.get("checkSeverity", {}),
        outlier_columns=tuple(custom.get("outlierColumns", ())),
        volume=custom.get("volume", {}),
        key_positions=_key_positions(schema),
        path=source.path,
        sha256=sha256,
    )


def _owner(standard: OpenDataContractStandard) -> str:
    team = standard.team
    if team is None:
        return ""
    if isinstance(team, list):
        return (team[0].username or "") if team else ""
    return team.name or ""


def _legal_bases(value: str | dict[str, str] | None, purposes: tuple[str, ...]) -> dict[str, str]:
    """Return each purpose's basis: what the contract says, else what the vocabulary gives the purpose."""
    vocabulary = load_vocabulary()
    if isinstance(value, str):
        return dict.fromkeys(purposes, value)
    return {purpose: (value or {}).get(purpose, vocabulary.basis_of(purpose)) for purpose in purposes}


def _sla_days(standard: OpenDataContractStandard, names: tuple[str, ...], source: Source) -> float | None:
    for index, entry in enumerate(standard.slaProperties or ()):
        if entry.property not in names:
            continue
        unit = _UNITS.get((entry.unit or "").lower())
        if isinstance(entry.value, int | float) and entry.value > 0 and unit:
            return float(entry.value) * _DAYS[unit]
        source.report(
            ("slaProperties", index),
            f"SLA {entry.property!r} is unusable",
            got=f"{entry.value!r} {entry.unit!r}",
            expected="a positive number and a unit h, d, w, m or y",
        )
    return None


def _retention_days(standard: OpenDataContractStandard, source: Source) -> int | None:
    days = _sla_days(standard, ("retention",), source)
    return None if days is None else math.ceil(days)


def _sla_hours(standard: OpenDataContractStandard, names: tuple[str, ...], source: Source) -> float | None:
    days = _sla_days(standard, names, source)
    return None if days is None else days * 24


def _file(standard: OpenDataContractStandard, source: Source) -> FileFormat | None:
    servers = standard.servers or []
    if not servers:
        return None
    place: Place = ("servers", 0)
    server = servers[0]
    custom = read_custom(server.customProperties, place, "serverProperties", source)
    if len(servers) > 1:
        source.report(("servers", 1), "A source has one server", got=str(len(servers)), expected="1")
    if server.type != "local" or not server.path or server.format not in FORMATS:
        source.report(
            place,
            "The file format is incomplete",
            got=f"type {server.type!r}, path {server.path!r}, format {server.format!r}",
            expected=f"type local, a path, format {' or '.join(FORMATS)}",
        )
        return None
    encoding = server.encoding or "UTF-8"
    try:
        codecs.lookup(encoding)
    except LookupError:
        source.report((*place, "encoding"), "Unknown encoding", got=repr(encoding), expected="UTF-8 or CP949")
        return None
    return FileFormat(
        path=server.path,
        format=server.format,
        encoding=encoding,
        delimiter=custom.get("delimiter", ","),
        quote=custom.get("quote", '"'),
        null_values=tuple(custom.get("nullValues", ("",))),
        multiline=custom.get("multiline", True),
    )


def _touchpoint(value: dict[str, str] | None, columns: tuple[Column, ...]) -> Touchpoint | None:
    if value is None:
        return None
    roles = {column.touchpoint_role: column.name for column in columns if column.touchpoint_role}
    return Touchpoint(value.get("channel"), value.get("eventType"), roles)


def _key_positions(schema: SchemaObject) -> dict[str, int]:
    return {
        entry.name or "": entry.primaryKeyPosition
        for entry in schema.properties or ()
        if entry.primaryKeyPosition is not None
    }
