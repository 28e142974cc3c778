"""Finds the landed statements that cannot be read, and records that they deny the consents of the persons they name.

A quarantined row of the source `consent_event` that holds a member number, e-mail address, telephone number or device
names a person. It becomes an unread record about every purpose. When its row is loaded after all, from quarantine or
from a later file with the same identifier, a record resolves it. A row that names nobody can deny nobody: the landing
check of the source reports it and makes the run unsuccessful.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import pyarrow as pa

from installation.contract.document import Contract
from installation.lakehouse.lakehouse import Lakehouse
from installation.quality.quarantine_content import QUARANTINE
from pipelines.consent.intake import PERSON_KEYS
from pipelines.ingest.exact_json import decode_exactly
from pipelines.ingest.header import loose_name
from pipelines.ingest.json_lines_file import as_text
from pipelines.ingest.quarantine import REMOVED, Quarantine
from privacy.consent.controller_name import is_probably_same
from privacy.consent.record import ConsentRecord
from privacy.consent.state import EVERY_PURPOSE, State
from privacy.consent.store import ConsentStore
from privacy.consent.unread import FIRST_MOMENT, resolution
from privacy.consent.view import ConsentView
from privacy.contract.spelling import spelling_key
from privacy.protection.normal_form import clean_code
from privacy.protection.source_person import Protection

OFFICER = "bojagi run"
_PREFIX = "q_"
_NAMED_LINES = 3


@dataclass(frozen=True)
class UnreadRow:
    """A quarantined row of statements.

    `item` is the identifier of its unread record. `subjects` are the source persons that it names. `record_id` and
    `purpose` are what the row states, or None.
    """

    item: str
    subjects: tuple[str, ...]
    record_id: str | None
    purpose: str | None
    place: str
    reason: str
    proof: str
    quarantined_at: datetime


@dataclass(frozen=True)
class UnreadResult:
    """Result of recording unread statements.

    Attributes:
        added: number of unread records that were added.
        resolved: number of those that were resolved because their row was loaded.
        faults: messages that make the run unsuccessful: statements that name nobody, so that they can deny nobody.
        notes: what the privacy officer must know: open items, and statements to another controller.
    """

    added: int
    resolved: int
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def unread_rows(contract: Contract, lakehouse: Lakehouse, protection: Protection) -> list[UnreadRow]:
    """Return the quarantined rows of the source that no load has loaded since, each with the person that it names.

    Records are decrypted in memory only.
    """
    rows = Quarantine(contract, lakehouse, protection).open_rows()
    return [_unread_row(row, contract, protection) for row in rows]


def take_in_unread(
    contract: Contract, lakehouse: Lakehouse, protection: Protection, view: ConsentView, now: datetime
) -> UnreadResult:
    """Record each quarantined statement that names a person as unread, and resolve those that were loaded since.

    Args:
        contract: the contract of the source consent_event.
        lakehouse: holds bronze and quarantine.
        protection: decrypts quarantined rows and makes matching tokens.
        view: the consent record.
        now: the shop's local wall time, the time of recording.
    """
    rows = unread_rows(contract, lakehouse, protection)
    with closing(view.open()) as store:
        made = [
            _unread_record(row, f"{row.item}:{number}" if number else row.item, subject, view, now)
            for row in rows
            for number, subject in enumerate(row.subjects)
        ]
        new = [record for record in made if not store.has(record.record_id)]
        store.append(new)
        resolved = [
            resolution(item, "read", outcome, OFFICER, now)
            for item, outcome in _loaded_since(contract, lakehouse, rows, store)
        ]
        store.append(resolved)
        notes = (*_open_items(store), *_other_controllers(store, view.controller))
    nobody = [row.place for row in rows if not row.subjects] + _landed_without_person(contract, lakehouse)
    return UnreadResult(len(new), len(resolved), _faults(nobody), notes)


def _faults(nobody: list[str]) -> tuple[str, ...]:
    if not nobody:
        return ()
    more = f" and {len(nobody) - _NAMED_LINES} more" if len(nobody) > _NAMED_LINES else ""
    return (
        f"{len(nobody)} consent statement(s) name nobody, so they can deny nobody: "
        f"{'; '.join(nobody[:_NAMED_LINES])}{more}. Correct them at their source and land them again, or state the "
        "spelling in the contract and run `bojagi quarantine replay consent_event`.",
    )


def _open_items(store: ConsentStore) -> tuple[str, ...]:
    items = store.open_unread()
    if not items:
        return ()
    persons = len({item.subject_id for item in items})
    return (
        f"{len(items)} consent statement(s) cannot be read; consents of {persons} person(s) are denied until they are "
        "resolved: see `bojagi consent unread`.",
    )


def _other_controllers(store: ConsentStore, controller: str) -> tuple[str, ...]:
    return tuple(
        f"{records:,} consent statement(s) name the controller {name!r}, not {controller!r}"
        f"{', probably the same' if is_probably_same(name, controller) else ''}: they decide nothing here, and "
        "`bojagi consent unread` reports them."
        for name, records, _, _ in store.other_controllers(controller)
    )


def _unread_row(row: Mapping[str, Any], contract: Contract, protection: Protection) -> UnreadRow:
    place = f"{row['file_id']}:{row['line']}"
    record = decode_exactly(row["record"])
    reason = f"{row['column']}: {row['reason']}" if row["column"] else str(row["reason"])
    return UnreadRow(
        item=_PREFIX + sha256(place.encode()).hexdigest()[:24],
        subjects=tuple(_subjects(record, contract, protection)),
        record_id=_value(record, contract, "record_id"),
        purpose=_purpose(record, contract),
        place=f"{row['file']}, line {row['line']}",
        reason=f"{row['file']}, line {row['line']}: {reason}"[:500],
        proof=str(row["record_hash"]),
        quarantined_at=row["quarantined_at"],
    )


def _subjects(record: Mapping[str, Any], contract: Contract, protection: Protection) -> Iterator[str]:
    """Yield the tokens of the persons that a row names, the strongest key first; none if it names nobody.

    A field that is no member number, and a line that cannot be split into fields, are searched for member numbers.
    """
    for key in PERSON_KEYS:
        column = contract.column(key.removesuffix("_token"))
        text = _value(record, contract, column.name)
        texts = [text] if text is not None else []
        # A phone is searched for in its own field only: in a whole row, any digits look like one.
        is_searched = text is not None or key == PERSON_KEYS[0]
        if column.pattern and is_searched and not (text is not None and re.fullmatch(column.pattern, clean_code(text))):
            plain = clean_code(text if text is not None else str(record))
            compact = re.sub(r"[\W_]+", "", plain)
            found = re.findall(rf"(?<!\w){column.pattern.strip('^$')}(?!\w)", plain)
            texts = list(dict.fromkeys(found)) or [compact] * bool(re.fullmatch(column.pattern, compact))
        if texts and column.token:
            tokens = protection.tokens.tokens(column.token, pa.array(texts, pa.string()))
            yield from (token for token in tokens.to_pylist() if token is not None)


def _purpose(record: Mapping[str, Any], contract: Contract) -> str | None:
    """Return the purpose that a row states; None if it is none of the contract's."""
    column, text = contract.column("purpose"), _value(record, contract, "purpose")
    meant = column.spellings.get(spelling_key(text), text) if text is not None else None
    return meant if meant in (column.enum or ()) else None


def _value(record: Mapping[str, Any], contract: Contract, name: str) -> str | None:
    names = set(map(loose_name, contract.column(name).headers))
    found = next((value for key, value in record.items() if loose_name(key) in names), None)
    if found is None or isinstance(found, (dict, list)):
        return None
    return (as_text(found) or "").strip() or None


def _unread_record(row: UnreadRow, record_id: str, subject: str, view: ConsentView, now: datetime) -> ConsentRecord:
    return ConsentRecord(
        record_id=record_id, subject_id=subject, controller=view.controller, purpose=EVERY_PURPOSE,
        notice_version="none", notice_language="und", jurisdiction=view.policy.laws[0].jurisdiction,
        method="quarantine", state=State.UNREAD, effective_at=FIRST_MOMENT, recorded_at=now,
        evidence_hash=row.proof, note=row.reason,
    )  # fmt: skip


def _loaded_since(
    contract: Contract, lakehouse: Lakehouse, rows: Sequence[UnreadRow], store: ConsentStore
) -> Iterable[tuple[ConsentRecord, str]]:
    """Yield the open items whose row was loaded since: from quarantine, or from a later file with the same record."""
    items = [item for item in store.open_unread() if item.record_id.startswith(_PREFIX)]
    if not items or not lakehouse.exists(contract.table):
        return
    where = f"source = '{contract.name}' AND line IS NOT NULL AND replayed_load_id IS NOT NULL"
    loaded = lakehouse.select(QUARANTINE, "file_id, line, replayed_load_id", where).to_pylist()
    replayed = {
        _PREFIX + sha256(f"{row['file_id']}:{row['line']}".encode()).hexdigest()[:24]
        for row in loaded
        if row["replayed_load_id"] != REMOVED
    }
    named = sorted({row.record_id for row in rows if row.record_id is not None})
    listed = ", ".join("'{}'".format(name.replace("'", "''")) for name in named)
    found = lakehouse.select(contract.table, "*", f"record_id IN ({listed})").to_pylist() if named else []
    later = {row.item for row in rows if any(_corrects(landed, row) for landed in found)}
    for item in items:
        origin = item.record_id.partition(":")[0]
        if origin in replayed:
            yield item, "The row was loaded from quarantine."
        elif origin in later:
            yield item, "A corrected row with the same identifier was loaded."


def _corrects(landed: Mapping[str, Any], row: UnreadRow) -> bool:
    """Return whether a landed row is the later, corrected form of a quarantined one: same identifier, person, purpose.

    A purpose that could not be read may have been any.
    """
    return (
        landed["record_id"] == row.record_id
        and landed["_loaded_at"] > row.quarantined_at
        and any(landed.get(key) in row.subjects for key in PERSON_KEYS)
        and row.purpose in (None, landed["purpose"])
    )


def _landed_without_person(contract: Contract, lakehouse: Lakehouse) -> list[str]:
    """Return the places of loaded rows that have no key of a person."""
    if not lakehouse.exists(contract.table):
        return []
    stored = {field.name for field in lakehouse.delta(contract.table).schema().fields}
    columns = [name for name in PERSON_KEYS if name in stored]
    nobody = " AND ".join(f"{name} IS NULL" for name in columns)
    rows = lakehouse.select(contract.table, "DISTINCT _source_file AS file, _line AS line", nobody).to_pylist()
    return [f"{row['file']}, line {row['line']}" for row in rows]
