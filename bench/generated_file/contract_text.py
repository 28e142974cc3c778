"""Writes the contract of a generated file, as a user would state it. JSON is YAML, and faster to read and write."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bench.generated_file.cell import Column
from bench.generated_file.file_form import FileForm

NAME = "sale"


def _custom(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"property": key, "value": value, "vendor": "bojagi"} for key, value in values.items()]


def _subject(columns: Sequence[Column]) -> dict[str, str]:
    """Return the subject key: the first column with a matching token, if there is one."""
    name = next((column.name for column in columns if "token" in column.custom), None)
    return {"subjectKey": name} if name else {}


def _property(column: Column) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": column.name,
        "description": f"Column {column.name}",
        "logicalType": column.logical_type,
        "physicalType": column.spark_type,
    }
    if column.title != column.name:
        entry["physicalName"] = column.title
    if column.is_required:
        entry["required"] = True
    if column.options:
        entry["logicalTypeOptions"] = dict(column.options)
    if column.enum:
        entry["enum"] = [{"value": value} for value in column.enum]
    category = {"dataCategory": "dpv:NonPersonalData"}
    if "token" in column.custom:
        category = {"dataCategory": "pd:AccountIdentifier", "identifierRole": "direct"}
    entry["customProperties"] = _custom({**category, **column.custom})
    return entry


def write_contract(columns: Sequence[Column], form: FileForm) -> str:
    """Return the text of the contract."""
    server = {
        "server": "landing",
        "type": "local",
        "path": f"{NAME}/*",
        "format": form.format,
        "encoding": form.encoding,
    }
    if stated := form.server:
        server["customProperties"] = _custom(stated)  # type: ignore[assignment]
    table = {
        "name": NAME,
        "logicalType": "object",
        "physicalType": "file",
        "description": "Generated rows",
        "dataGranularityDescription": "One row per row_key",
        "customProperties": _custom(
            {
                "layer": "source",
                "simulated": True,
                "purpose": ["quality_assurance"],
                "legalBasis": "legitimate_interest",
                "retentionBasis": "Test",
                **_subject(columns),
            }
        ),
        "properties": [_property(column) for column in columns],
    }
    document = {
        "apiVersion": "v3.2.0",
        "kind": "DataContract",
        "id": f"source.{NAME}",
        "name": "Generated",
        "version": "1.0.0",
        "status": "active",
        "domain": "test",
        "description": {"purpose": "Test"},
        "servers": [server],
        "schema": [table],
        "slaProperties": [{"property": "retention", "value": 1, "unit": "y"}],
        "team": {"name": "test"},
    }
    return json.dumps(document, ensure_ascii=False, indent=1)
