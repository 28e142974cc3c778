"""Records a denial that names its person by a key of several customers for each of them, so that it denies all.

Such a key is a telephone number, an e-mail address or a device that a family shares. No customer owns it in
silver/identifier, because it does not say which of them made the statement. A consent by such a key permits nobody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from installation.contract.document import Contract, Contracts
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.register.exact_linker import MAX_MEMBERS_PER_KEY
from pipelines.register.record import KINDS
from privacy.consent.record import ConsentRecord
from privacy.consent.repeated_hour import LENIENT
from privacy.consent.state import State
from privacy.consent.store import ConsentStore

_NOT_COPIED = LENIENT | {State.RESOLVED}
_PLACEHOLDER = (
    f"consent statement(s) name a key of more than {MAX_MEMBERS_PER_KEY} customers, such as a placeholder, so they "
    "deny nobody. Correct them at their source and land them again."
)
_ADDED = "record(s) added: a statement that denies and names a key of several customers counts for each of them."
_PERMITTING = "consent(s) name a key of several customers, so they permit nobody."
_UNKNOWN = "person(s) of consent statements belong to no customer yet; the statements count once they do."


@dataclass(frozen=True)
class SharedDenials:
    """Result of recording denials for the customers that share a key.

    Attributes:
        shared: keys of statements that several customers share.
        added: number of new records.
        faults: messages that make the run unsuccessful.
        notes: what the privacy officer must know.
    """

    shared: frozenset[str] = frozenset()
    added: int = 0
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def record_shared_denials(
    lakehouse: Lakehouse, contracts: Contracts, store: ConsentStore, keys: pa.Table, controller: str
) -> SharedDenials:
    """Record each denial by a key without a customer for every source person whose rows hold the key.

    Args:
        lakehouse: holds the bronze tables, whose rows say which persons use a key.
        contracts: name the columns with keys.
        store: the consent record.
        keys: `token` and `customer_id` of silver/identifier.
        controller: the own controller; statements to others decide nothing.
    """
    subjects = store.subjects()
    is_owned = pc.or_(pc.is_in(subjects, value_set=keys["token"]), pc.is_in(subjects, value_set=keys["customer_id"]))
    lone = sorted(subjects.filter(pc.invert(is_owned)).to_pylist())
    if not lone:
        return SharedDenials()
    owner = dict(zip(keys["token"].to_pylist(), keys["customer_id"].to_pylist(), strict=True))
    persons = _persons_by_key(lakehouse, contracts, lone, owner)
    customers = {key: {owner[person] for person in found} for key, found in persons.items()}
    placeholders = {key for key, found in customers.items() if len(found) > MAX_MEMBERS_PER_KEY}
    records = [record for record in store.records_of(persons) if record.controller == controller]
    made = [
        _copy(record, person)
        for record in records
        if record.subject_id not in placeholders and record.state not in _NOT_COPIED
        for person in sorted(persons[record.subject_id])
    ]
    new = [record for record in made if not store.has(record.record_id)]
    store.append(new)
    shared = frozenset(key for key, found in customers.items() if len(found) > 1)
    misplaced = sum(r.subject_id in placeholders and r.state not in LENIENT for r in records)
    permitting = sum(r.subject_id in shared and r.state in LENIENT for r in records)
    unknown = len({*lone} - {*persons} - {*store.customers_of(lone)})
    return SharedDenials(
        shared,
        len(new),
        _counted({_PLACEHOLDER: misplaced}),
        _counted({_ADDED: len(new), _PERMITTING: permitting, _UNKNOWN: unknown}),
    )


def _persons_by_key(
    lakehouse: Lakehouse, contracts: Contracts, wanted: Sequence[str], owner: Mapping[str, str]
) -> dict[str, set[str]]:
    """Return for each wanted key the source persons on the same bronze rows that belong to a customer."""
    found: dict[str, set[str]] = defaultdict(set)
    listed = ", ".join(f"'{token}'" for token in wanted)
    for contract in contracts.sources:
        columns = _key_columns(contract)
        if len(columns) < 2 or not lakehouse.exists(contract.table):
            continue
        stored = {field.name for field in lakehouse.delta(contract.table).schema().fields}
        columns = [name for name in columns if name in stored]
        where = " OR ".join(f"{name} IN ({listed})" for name in columns)
        for row in lakehouse.select(contract.table, f"DISTINCT {', '.join(columns)}", where).to_pylist():
            tokens = list(row.values())
            person = next((token for token in tokens if token in owner), None)
            if person is not None:
                for token in set(tokens) & set(wanted):
                    found[token].add(person)
    return found


def _key_columns(contract: Contract) -> list[str]:
    """Return the columns of a contract's keys, the strongest kind first. A name alone is no key."""
    named = [(column.token, column.token_name) for column in contract.columns]
    return [name for kind in KINDS for token, name in named if token == kind and name is not None]


def _copy(record: ConsentRecord, person: str) -> ConsentRecord:
    changed: dict[str, Any] = {
        "record_id": _copy_id(record.record_id, person),
        "subject_id": person,
        "supersedes": None if record.supersedes is None else _copy_id(record.supersedes, person),
        "age_years": None,
        "note": f"Named by a key that this person may share with others; statement {record.record_id}."[:500],
    }
    return ConsentRecord.model_validate(record.model_dump() | changed)


def _copy_id(record_id: str, person: str) -> str:
    return f"s_{sha256(f'{record_id}|{person}'.encode()).hexdigest()[:24]}"


def _counted(counts: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(f"{count:,} {text}" for text, count in counts.items() if count)
