"""Packs an answer into one archive: pages for reading, and CSV and JSON for machines, with their schema.

The schema is "CSV on the Web" of the W3C (Metadata Vocabulary for Tabular Data, 2015).
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from typing import Any

from privacy.rights.answer.content import Answer
from privacy.rights.answer.html_page import render_html
from privacy.rights.answer.layout import file_of
from privacy.rights.answer.pdf_page import render_pdf
from privacy.rights.answer.statement import Texts
from privacy.rights.answer.value_text import machine_value
from privacy.rights.subject_store import ExportedField, ExportedTable
from privacy.rights.wording import Language

LANGUAGES: tuple[Language, ...] = ("en", "ko")
_TYPES = {"integer": "integer", "number": "number", "boolean": "boolean", "date": "date", "timestamp": "datetime"}
_PREFIX = "https://bojagi.example/ns#"
"""Names what CSV on the Web has no property for."""


def pack(answer: Answer) -> bytes:
    """Return the archive (ZIP).

    Raises:
        RightsError: the machine has no font with Korean letters.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _files(answer):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def as_json(answer: Answer) -> dict[str, Any]:
    """Return the rows of every table, and what the answer states beside them, as plain JSON values."""
    return {
        "request": answer.request_id,
        "controller": answer.controller,
        "made_at": answer.made_at.isoformat(),
        "tables": {
            table.name: [{name: machine_value(value) for name, value in row.items()} for row in table.rows]
            for table in answer.tables
            if table.rows
        },
        "permissions": dict(answer.permissions),
        "decisions": [
            {"name": one.name, "times": one.times, "logic": {"en": one.logic.en, "ko": one.logic.ko}}
            for one in answer.decisions
        ],
        "withheld": {
            table.name: {"rows": table.withheld_rows, "values": table.withheld_values} for table in answer.withheld
        },
    }


def csv_metadata(answer: Answer) -> dict[str, Any]:
    """Return the schema of the CSV files: for each field its type, plain name, purposes, source and retention."""
    return {
        "@context": ["http://www.w3.org/ns/csvw", {"bojagi": _PREFIX}],
        "tables": [
            {
                "url": file_of(table),
                "dc:title": {"en": table.title.en, "ko": table.title.ko},
                "tableSchema": {"columns": [_column(answer, field) for field in table.fields]},
            }
            for table in answer.tables
            if table.rows
        ],
    }


def as_csv(table: ExportedTable) -> str:
    """Return the rows of a table as CSV (RFC 4180); a list is written as JSON."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow([field.name for field in table.fields])
    for row in table.rows:
        values = (machine_value(row.get(field.name)) for field in table.fields)
        writer.writerow([_cell(value) for value in values])
    return buffer.getvalue()


def _files(answer: Answer) -> list[tuple[str, str | bytes]]:
    files: list[tuple[str, str | bytes]] = []
    for language in LANGUAGES:
        files += [(f"README_{language}.txt", Texts(language)("readme") + "\n")]
        files += [(f"answer_{language}.html", render_html(answer, language))]
        files += [(f"answer_{language}.pdf", render_pdf(answer, language))]
    files += [("data.json", json.dumps(as_json(answer), ensure_ascii=False, indent=1))]
    files += [("csv-metadata.json", json.dumps(csv_metadata(answer), ensure_ascii=False, indent=1))]
    return files + [(file_of(table), as_csv(table)) for table in answer.tables if table.rows]


def _column(answer: Answer, field: ExportedField) -> dict[str, Any]:
    purposes = [answer.names.purpose(purpose) for purpose in field.purposes]
    return {
        "name": field.name,
        "titles": {"en": field.title.en, "ko": field.title.ko},
        "datatype": _TYPES.get(field.type, "string"),
        "dc:description": field.meaning,
        "bojagi:purpose": {"en": [p.en for p in purposes], "ko": [p.ko for p in purposes]},
        "bojagi:source": {"en": field.source.en, "ko": field.source.ko},
        "bojagi:retention": {"en": field.retention.en, "ko": field.retention.ko},
    }


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value
