"""One contract: a table, its columns, its file, its purposes."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from privacy.contract.column import Column

# What the trade calls UTF-8 with a byte order mark, which Python knows by another name.
ENCODING_ALIASES = {"UTF-8-BOM": "utf-8-sig"}


def codec_of(encoding: str) -> str:
    """Return Python's name of an encoding; UTF-8 is read with or without a byte order mark.

    Raises:
        LookupError: Python does not know the encoding.

    """
    name = codecs.lookup(ENCODING_ALIASES.get(encoding.upper(), encoding)).name
    return "utf-8-sig" if name == "utf-8" else name


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
        return codec_of(self.encoding)


@dataclass(frozen=True)
class Touchpoint:
    """How a table's rows become events: literals where no column says it, and the column of each role."""

    channel: str | None
    event_type: str | None
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Relationship:
    """Columns that hold keys of another table; `table` is `layer.name`, or a bare name of the same layer."""

    columns: tuple[str, ...]
    table: str
    target_columns: tuple[str, ...]
    line: int = 1

    def target_id(self, layer: str) -> str:
        """Return the contract id of the table pointed at, seen from a table of a layer."""
        return self.table if "." in self.table else f"{layer}.{self.table}"


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
    built_for: str | None = None
    legal_bases: Mapping[str, str] = field(default_factory=dict)
    legal_article: str = ""
    retention_days: int | None = None
    retention_column: str | None = None
    retention_basis: str = ""
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

    @property
    def encrypted_columns(self) -> tuple[Column, ...]:
        """Columns that the table holds as ciphertext; silver and gold hold none."""
        return tuple(column for column in self.columns if column.is_confidential) if self.layer == "source" else ()

    @property
    def flagged_columns(self) -> tuple[Column, ...]:
        """Encrypted columns whose rules only warn: bronze says in `<column>_is_valid` whether the value kept them."""
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
