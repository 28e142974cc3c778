"""Holds one contract: a table with its columns, file format, purposes, legal bases and retention."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from privacy.contract.column import Column
from privacy.contract.vocabulary import load_vocabulary

DriftRule: TypeAlias = Literal["refuse", "warn", "accept"]
DatabaseKind: TypeAlias = Literal["postgresql", "mysql"]
DeletionRule: TypeAlias = Literal["compare", "keep"]
AvroHeader: TypeAlias = Literal["none", "registry", "single_object"]
# The usual name of UTF-8 with a byte order mark, and Python's name for it.
ENCODING_ALIASES = {"UTF-8-BOM": "utf-8-sig"}


def codec_of(encoding: str) -> str:
    """Return Python's name of an encoding. UTF-8 is read with or without a byte order mark.

    Raises:
        LookupError: Python does not know the encoding.

    """
    name = codecs.lookup(ENCODING_ALIASES.get(encoding.upper(), encoding)).name
    return "utf-8-sig" if name == "utf-8" else name


@dataclass(frozen=True)
class DatabaseTable:
    """A table or view of a database from which a source is read. `server` names its credentials in the settings.

    Attributes:
        cursor: contract column that grows when a row is inserted or changed; None reads the whole table each time.
        lookback: rows up to this far before the newest cursor are read again; seconds, or a number for an integer.
        deletions: `compare` deletes rows here whose key is gone from the table; `keep` keeps them.
        deletion_limit: most rows, in percent of the bronze table, that one comparison may delete.
    """

    server: str
    kind: DatabaseKind
    host: str
    port: int
    database: str
    schema: str | None
    table: str
    cursor: str | None = None
    lookback: int = 3600
    deletions: DeletionRule | None = None
    deletion_limit: float = 20.0

    @property
    def name(self) -> str:
        """Name for messages: database, schema and table."""
        return ".".join(part for part in (self.database, self.schema, self.table) if part)


@dataclass(frozen=True)
class Bucket:
    """A place in an object store that speaks S3. `server` names its credentials in the settings.

    `endpoint` is the URL of the store; None means the one of the settings, or Amazon's.
    """

    server: str
    name: str
    endpoint: str | None = None
    region: str | None = None


@dataclass(frozen=True)
class KafkaTopic:
    """A topic of Kafka. `server` names its credentials in the settings.

    Attributes:
        brokers: addresses of brokers, separated by commas, such as `kafka-1:9092,kafka-2:9092`.
        avro_schema: schema in which an Avro message is written; empty for JSON.
        avro_header: what stands before the datum of an Avro message.
    """

    server: str
    brokers: str
    topic: str
    avro_schema: Mapping[str, Any] = field(default_factory=dict)
    avro_header: AvroHeader = "none"


@dataclass(frozen=True)
class FileFormat:
    """Format of a source's files. `path` is a glob pattern relative to the landing folder, or to the bucket.

    `origin` is None for files of the landing folder. For a database table or a topic, `path` is empty; the format is
    `table`, or that of the messages.

    `time_zone` is the zone of times without one, `shop_time_zone` the zone whose wall time is taken as the shop's; None
    means the setting `time_zone`. `header_row` counts from 1. `quarantine_limit` is in percent.
    """

    path: str
    format: str
    encoding: str = "UTF-8"
    delimiter: str = ","
    quote: str = '"'
    null_values: tuple[str, ...] = ("",)
    multiline: bool = True
    time_zone: str | None = None
    shop_time_zone: str | None = None
    sheet: str | None = None
    header_row: int = 1
    footer_rows: int = 0
    schema_drift: DriftRule = "warn"
    quarantine_limit: float = 1.0
    origin: DatabaseTable | Bucket | KafkaTopic | None = None

    @property
    def is_landed(self) -> bool:
        """Whether the data are files of the landing folder."""
        return self.origin is None

    @property
    def kind(self) -> str:
        """One word for where the data come from: the kind of server, or the format of the files."""
        if isinstance(self.origin, KafkaTopic):
            return "kafka"
        return self.origin.kind if isinstance(self.origin, DatabaseTable) else self.format

    @property
    def codec(self) -> str:
        """Python's name of the encoding. UTF-8 is read with or without a byte order mark."""
        return codec_of(self.encoding)


@dataclass(frozen=True)
class Touchpoint:
    """How a table's rows become events of silver/touchpoint_event.

    `columns` maps a touchpoint role to its column. `channel` and `event_type` are constants for all rows, used when
    no column has that role.
    """

    channel: str | None
    event_type: str | None
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Relationship:
    """Columns that hold keys of another table. `table` is `layer.name`, or `name` for a table of the same layer."""

    columns: tuple[str, ...]
    table: str
    target_columns: tuple[str, ...]
    line: int = 1

    def target_id(self, layer: str) -> str:
        """Return the contract id of the referenced table; `layer` is the layer of the table that refers to it."""
        return self.table if "." in self.table else f"{layer}.{self.table}"


@dataclass(frozen=True)
class Recipient:
    """A role that may access the table. `access` is `read` or `write`."""

    role: str
    access: str = ""
    description: str = ""


@dataclass(frozen=True)
class Document:
    """One contract as plain data, without Spark or Arrow. A field that the contract does not set is None or empty."""

    id: str
    name: str
    layer: str
    version: str
    columns: tuple[Column, ...]
    grain: str = ""
    description: str = ""
    owner: str = ""
    purposes: tuple[str, ...] = ()
    built_for: str | None = None
    legal_bases: Mapping[str, str] = field(default_factory=dict)
    legal_article: str = ""
    retention_days: int | None = None
    retention_column: str | None = None
    retention_basis: str = ""
    retention_hold: Mapping[str, str] = field(default_factory=dict)
    retention_by_source: str | None = None
    """Column that names the source of a derived row, whose retention limits that of the row."""
    freshness_hours: float | None = None
    freshness_column: str | None = None
    frequency_hours: float | None = None
    simulated: bool = False
    subject_key: str | None = None
    file: FileFormat | None = None
    touchpoint: Touchpoint | None = None
    recipients: tuple[Recipient, ...] = ()
    relationships: tuple[Relationship, ...] = ()
    quality: tuple[Mapping[str, Any], ...] = ()
    check_severity: Mapping[str, str] = field(default_factory=dict)
    outlier_columns: tuple[str, ...] = ()
    volume: Mapping[str, float] = field(default_factory=dict)
    feature_view: Mapping[str, Any] = field(default_factory=dict)
    """Property `featureView`; empty for a table that is not a feature view."""
    transform: Mapping[str, Any] = field(default_factory=dict)
    """Property `transform`; empty for a table that no function named in its contract builds."""
    collection: Mapping[str, Any] = field(default_factory=dict)
    """Property `collection`; empty for a source whose rows do not arrive one by one."""
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
    def keeps_first(self) -> bool:
        """Whether a second row with the same primary key is the same event sent again, which is not loaded."""
        is_delivered_singly = self.file is not None and isinstance(self.file.origin, KafkaTopic)
        return bool(self.primary_key) and (is_delivered_singly or bool(self.collection))

    @property
    def partition_by(self) -> tuple[str, ...]:
        """Columns that the table is partitioned by."""
        return tuple(column.name for column in self.columns if column.partitioned)

    @property
    def encrypted_columns(self) -> tuple[Column, ...]:
        """Columns that the table stores encrypted. Empty for silver and gold."""
        return tuple(column for column in self.columns if column.is_confidential) if self.layer == "source" else ()

    @property
    def is_personal(self) -> bool:
        """Whether the table has a column with personal data; a category that is not known counts as personal."""
        return any(load_vocabulary().is_personal(column.category) for column in self.columns)

    @property
    def flagged_columns(self) -> tuple[Column, ...]:
        """Encrypted columns with rules of severity warning. Bronze stores the result in `<column>_is_valid`."""
        return tuple(
            column
            for column in self.encrypted_columns
            if column.has_domain and self.check_severity.get(column.name) == "warning"
        )

    def column(self, name: str) -> Column:
        """Return the column of that name.

        Raises:
            KeyError: the contract has no such column.

        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.id} has no column {name!r}; it has {', '.join(c.name for c in self.columns)}")
