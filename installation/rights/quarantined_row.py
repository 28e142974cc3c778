"""Reads a person's records in bronze/quarantine, which waits for the correction of rows that break their contract."""

from __future__ import annotations

import pyarrow as pa

from installation.contract.plain_name import PlainNames
from installation.installation import Installation
from installation.lakehouse.rows import quoted
from installation.quality.quarantine_content import QUARANTINE
from privacy.protection.data_key import KEY_ID_BYTES
from privacy.protection.field import TableColumn
from privacy.rights.subject import Subject
from privacy.rights.subject_store import ExportedField, ExportedTable
from privacy.rights.wording import Wording

_RECORD = TableColumn(QUARANTINE, "record")
_READ = ("source", "file_id", "line", "column", "rule", "reason", "record", "quarantined_at")
_KEPT = Wording("Until the row is corrected and loaded", "기록이 정정되어 적재될 때까지")
_FIELDS = {
    "source": (Wording("Source", "원천"), "string"),
    "column": (Wording("Field with the error", "오류가 있는 항목"), "string"),
    "rule": (Wording("Broken rule", "위반한 규칙"), "string"),
    "reason": (Wording("Reason", "사유"), "string"),
    "record": (Wording("Record as delivered", "접수된 원본 기록"), "string"),
    "quarantined_at": (Wording("Since (UTC)", "보류 일시 (UTC)"), "timestamp"),
}


def quarantined(installation: Installation, subject: Subject, names: PlainNames) -> ExportedTable | None:
    """Return the records that are encrypted under a key of the person; None without any.

    No other record is decrypted. A record that names no person has a key of its own, and is nobody's here.
    """
    if not subject.source_persons or not installation.lakehouse.exists(QUARANTINE):
        return None
    cipher = installation.protection.cipher
    own = set(cipher.store.ids_of(sorted(subject.source_persons)).values())
    entries = installation.lakehouse.select(QUARANTINE, quoted(_READ), "record IS NOT NULL").to_pylist()
    mine = [entry for entry in entries if entry["record"][1 : 1 + KEY_ID_BYTES] in own]
    if not mine:
        return None
    sealed = pa.array([entry["record"] for entry in mine], pa.binary())
    marks = pa.array([f"{entry['file_id']}:{entry['line']}" for entry in mine], pa.string())
    texts = cipher.decrypt(sealed, marks, _RECORD, "null").to_pylist()
    rows = [{**entry, "record": text} for entry, text in zip(mine, texts, strict=True) if text is not None]
    title, source = names.titles(QUARANTINE)
    purposes = ("quality_assurance",)
    fields = tuple(ExportedField(n, t, purposes, source, _KEPT, kind, True) for n, (t, kind) in _FIELDS.items())
    return ExportedTable(QUARANTINE, title, fields, tuple({n: row[n] for n in _FIELDS} for row in rows), True)
