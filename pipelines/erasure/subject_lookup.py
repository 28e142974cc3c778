"""Looks up a person: from a customer id to every id, key, source person, visit and order that is the person's.

A row of a source is the person's if the most reliable key of the row belongs to the person, as in silver
(`pipelines.unify.customer_of`). A matching key is the person's own if no row of anyone else has it. A source person is
the person's if all its rows are; otherwise its rows are listed one by one.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from installation.contract.document import Contract
from installation.installation import Installation
from pipelines.ingest.suppressed_row import ROW, row_marks
from privacy.consent.record import is_opaque_id
from privacy.protection.revealer import SUBJECT_RIGHTS
from privacy.protection.scan.needle import Needle, ScanError, forms
from privacy.protection.source_person import HASH_COLUMNS, row_names, source_persons
from privacy.protection.suppression import REFERENCES
from privacy.rights.errors import RightsError
from privacy.rights.subject import ErasureForm, Subject, new_reference

PRIORITY = (
    "member_no", "card_no", "email", "session_id", "order_id", "account_no", "device_id", "name_phone", "phone",
)  # fmt: skip
"""Kinds of keys, the most reliable first, as `pipelines.unify.customer_of` has them. A test compares both."""
_IDENTIFIER, _EVENT, _REFERENCE = "silver/identifier", "silver/identity_event", "silver/session_order_customer"
_NAME = "name"
_SHORTEST_NAME = 9
"""Bytes of the shortest name to search for: three Hangul syllables. Shorter ones are parts of other words."""


class UnknownPersonError(RightsError):
    """The customer id is no opaque id, or the tables do not know it."""


@dataclass(frozen=True)
class _SourceRows:
    """Rows of one source that share a key with the person. `is_own`: whether the row is the person's."""

    contract: Contract
    table: pa.Table
    is_own: np.ndarray[Any, np.dtype[np.bool_]]

    @property
    def own(self) -> pa.Table:
        return self.table.filter(pa.array(self.is_own))

    @property
    def others(self) -> pa.Table:
        return self.table.filter(pa.array(~self.is_own))


@dataclass
class _Found:
    """What the sources' rows say about the person."""

    own: set[tuple[str, str]] = field(default_factory=set)
    of_others: set[tuple[str, str]] = field(default_factory=set)
    source_persons: set[str] = field(default_factory=set)
    rows: list[tuple[str, str]] = field(default_factory=list)
    values: set[tuple[str, str, str]] = field(default_factory=set)
    """Kind, token and value in clear of each identifier of the person's rows."""


def find_subject(
    installation: Installation,
    customer_id: str,
    who: str = "bojagi rights",
    reference: str | None = None,
    form: ErasureForm = ErasureForm.DELETE,
) -> Subject:
    """Return the person of a customer id, also of an id that was merged into another one.

    Identifiers are decrypted in memory, and the decryption is written to the audit log.

    Args:
        installation: holds tables and keys.
        customer_id: any id that the person has or had.
        who: the user or program, for the audit log.
        reference: the person's reference in requests; None makes a new one.
        form: how rows are erased.

    Raises:
        UnknownPersonError: the id is malformed, or no table knows it.
    """
    lookup = _Lookup(installation, who)
    ids = lookup.customer_ids(customer_id)
    keys = lookup.keys(ids)
    references = lookup.references(ids)
    found = lookup.read_sources(keys, references, ids)
    own = {*keys, *found.own} - found.of_others
    shared = {*keys, *found.own} & found.of_others
    tokens = sorted(own) + sorted(references) + found.rows
    return Subject(
        reference or new_reference(),
        tuple(ids),
        tuple(sorted(found.source_persons)),
        tuple(dict.fromkeys(tokens)),
        tuple(sorted(shared)),
        _needles(found.values, own),
        form,
    )


class _Lookup:
    def __init__(self, installation: Installation, who: str) -> None:
        self.installation = installation
        self.lakehouse = installation.lakehouse
        self.protection = installation.protection
        self.reveal = installation.revealer(who, SUBJECT_RIGHTS)

    def customer_ids(self, customer_id: str) -> list[str]:
        """Return the current id of the person first, then every id that was merged into it."""
        # An opaque id has no quote, so it cannot break out of the SQL texts below.
        if not is_opaque_id(customer_id):
            raise UnknownPersonError("The customer id is not one of Bojagi's; expected c_ and 26 letters and digits.")
        merges = self._merges()
        current, seen = customer_id, {customer_id}
        while not self._lives(current) and merges.get(current) not in (None, *seen):
            current = merges[current]
            seen.add(current)
        known = [current]
        for one in known:
            known += [f for f, to in merges.items() if to == one and f not in known and not self._lives(f)]
        keys = self._select(_IDENTIFIER, "DISTINCT previous_customer_id AS id", f"customer_id IN ({_listed(known)})")
        known += [one for one in keys if one is not None and one not in known and not self._lives(one)]
        if not self._lives(current) and not merges.keys() & set(known) and not self._has_rows(current):
            raise UnknownPersonError("No table knows this customer id. Look it up with `bojagi identity`.")
        return list(dict.fromkeys([*known, customer_id]))

    def keys(self, ids: Sequence[str]) -> set[tuple[str, str]]:
        """Return the matching keys (kind, token) that belong to these customers."""
        if not self.lakehouse.exists(_IDENTIFIER):
            return set()
        rows = self.lakehouse.select(_IDENTIFIER, "token_kind, token", f"customer_id IN ({_listed(ids)})")
        return set(zip(rows["token_kind"].to_pylist(), rows["token"].to_pylist(), strict=True))

    def references(self, ids: Sequence[str]) -> set[tuple[str, str]]:
        """Return the visits and orders of these customers."""
        if not self.lakehouse.exists(_REFERENCE):
            return set()
        rows = self.lakehouse.select(_REFERENCE, "reference_kind, reference", f"customer_id IN ({_listed(ids)})")
        return set(zip(rows["reference_kind"].to_pylist(), rows["reference"].to_pylist(), strict=True))

    def read_sources(self, keys: set[tuple[str, str]], references: set[tuple[str, str]], ids: Sequence[str]) -> _Found:
        """Read the rows that share a key with the person, in every source, and decide whose they are."""
        found = _Found()
        read: list[_SourceRows] = []
        for contract in self.installation.contracts.sources:
            if self.lakehouse.exists(contract.table):
                rows = self._candidates(contract, keys, references, ids)
                if rows is not None:
                    read.append(rows)
        for rows in read:
            self._note_own(rows, found)
        own = defaultdict[str, list[str]](list)
        for kind, token in sorted(found.own):
            own[kind].append(token)
        for contract in self.installation.contracts.sources:
            self._note_sharers(contract, own, ids, found)
        for rows in read:
            self._note_persons(rows, found)
        return found

    def _candidates(
        self, contract: Contract, keys: set[tuple[str, str]], references: set[tuple[str, str]], ids: Sequence[str]
    ) -> _SourceRows | None:
        stored = {one.name for one in self.lakehouse.delta(contract.table).schema().fields}
        conditions = []
        for column in contract.columns:
            tokens = [token for kind, token in keys if kind == column.token]
            if column.token_name in stored and tokens:
                conditions.append(f'"{column.token_name}" IN ({_listed(tokens)})')
            known = [
                one
                for kind, one in references
                if kind == column.touchpoint_role or self._is_target(contract, column.name, kind)
            ]
            if column.name in stored and known:
                conditions.append(f'CAST("{column.name}" AS VARCHAR) IN ({_listed(known)})')
        if not conditions:
            return None
        rows = self.lakehouse.select(contract.table, "*", " OR ".join(conditions))
        if not rows.num_rows:
            return None
        owners = self._owners(contract, rows)
        return _SourceRows(contract, rows, np.array([owner in set(ids) for owner in owners], np.bool_))

    def _is_target(self, contract: Contract, column: str, kind: str) -> bool:
        """Return whether other sources name their visits by this column."""
        if kind != "session_id":
            return False
        return any(
            relation.columns == (role.name,)
            and relation.target_id(other.layer) == contract.id
            and relation.target_columns[:1] == (column,)
            for other in self.installation.contracts.sources
            for role in other.columns
            if role.touchpoint_role == kind
            for relation in other.relationships
        )

    def _owners(self, contract: Contract, rows: pa.Table) -> list[str | None]:
        """Return the customer of each row: that of its most reliable key that has one."""
        keys = _row_keys(contract, rows)
        owners: list[str | None] = [None] * rows.num_rows
        for kind in PRIORITY:
            if kind not in keys:
                continue
            table, names = (
                (_REFERENCE, ("reference_kind", "reference"))
                if kind in REFERENCES
                else (_IDENTIFIER, ("token_kind", "token"))
            )
            if not self.lakehouse.exists(table):
                continue
            present = sorted({key for key in keys[kind] if key is not None})
            if not present:
                continue
            found = self.lakehouse.select(
                table,
                f"{names[1]} AS key, customer_id",
                f"{names[0]} = '{kind}' AND {names[1]} IN ({_listed(present)})",
            )
            owner = dict(zip(found["key"].to_pylist(), found["customer_id"].to_pylist(), strict=True))
            owners = [known or owner.get(key) for known, key in zip(owners, keys[kind], strict=True)]
        return owners

    def _note_own(self, rows: _SourceRows, found: _Found) -> None:
        own = rows.own
        if not own.num_rows:
            return
        contract = rows.contract
        clear = self.reveal(contract, own)
        for column in contract.columns:
            if column.token is None or column.token_name not in own.column_names:
                continue
            tokens = own[column.token_name].to_pylist()
            values = clear[column.name].cast(pa.string()).to_pylist() if column.name in clear.column_names else tokens
            found.own |= {(column.token, token) for token in tokens if token is not None}
            found.values |= {
                (column.token, token, value)
                for token, value in zip(tokens, values, strict=True)
                if token is not None and value is not None
            }

    def _note_persons(self, rows: _SourceRows, found: _Found) -> None:
        """Note the source persons all of whose rows are the person's, and the single rows of the others."""
        contract, own, others = rows.contract, rows.own, rows.others
        mine, theirs = self._persons(contract, own), set(self._persons(contract, others))
        whole = set(mine) - theirs - self._split_persons(contract, own, mine)
        found.source_persons |= whole
        lone = [position for position, person in enumerate(mine) if person not in whole]
        if lone:
            marks = row_marks(_columns(own.take(lone), HASH_COLUMNS)).to_pylist()
            found.rows += [(f"{ROW}{contract.name}", mark) for mark in marks]

    def _split_persons(self, contract: Contract, own: pa.Table, persons: Sequence[str]) -> set[str]:
        """Return the source persons of own rows that have more rows than the person's in the table."""
        if contract.subject_key is None or not own.num_rows:
            return set()
        subject = contract.column(contract.subject_key)
        name = subject.token_name or subject.name
        keys = own[name].cast(pa.string()).to_pylist()
        present = sorted({key for key in keys if key is not None})
        if not present:
            return set()
        counted = self.lakehouse.select(
            contract.table, f'CAST("{name}" AS VARCHAR) AS key', f'CAST("{name}" AS VARCHAR) IN ({_listed(present)})'
        )["key"].to_pylist()
        total, mine = defaultdict[str, int](int), defaultdict[str, int](int)
        for key in counted:
            total[key] += 1
        for key in keys:
            mine[key] += 1
        return {person for person, key in zip(persons, keys, strict=True) if key is not None and total[key] > mine[key]}

    def _note_sharers(
        self, contract: Contract, own: Mapping[str, Sequence[str]], ids: Sequence[str], found: _Found
    ) -> None:
        """Note the person's tokens that rows of others have as well: a family's phone, a namesake's name."""
        if not self.lakehouse.exists(contract.table):
            return
        named = [(column.token, column.token_name) for column in contract.columns if column.token in own]
        if not named:
            return
        conditions = [f'"{name}" IN ({_listed(own[kind])})' for kind, name in named if kind]
        rows = self.lakehouse.select(contract.table, "*", " OR ".join(conditions))
        others = rows.filter(pa.array([owner not in ids for owner in self._owners(contract, rows)], pa.bool_()))
        for kind, name in named:
            if kind and name:
                found.of_others |= {(kind, token) for token in others[name].to_pylist() if token}
        found.of_others |= {("name_phone", key) for key in _row_keys(contract, others).get("name_phone", ()) if key}

    def _persons(self, contract: Contract, rows: pa.Table) -> list[str]:
        if not rows.num_rows or not all(name in rows.column_names for name in HASH_COLUMNS):
            return []
        columns = _columns(rows, rows.column_names)
        words = (columns[name].to_numpy(zero_copy_only=False).view(np.uint64) for name in HASH_COLUMNS)
        persons: list[str] = source_persons(contract, columns, row_names(*words), self.protection.tokens).to_pylist()
        return persons

    def _merges(self) -> dict[str, str]:
        if not self.lakehouse.exists(_EVENT):
            return {}
        columns = "from_customer_id, to_customer_id, occurred_at"
        rows = self.lakehouse.select(_EVENT, columns, "event_type = 'merge'").sort_by("occurred_at")
        pairs = zip(rows["from_customer_id"].to_pylist(), rows["to_customer_id"].to_pylist(), strict=True)
        return {old: new for old, new in pairs if old is not None and new is not None}

    def _lives(self, customer_id: str) -> bool:
        return bool(self._select(_IDENTIFIER, "count(*) AS id", f"customer_id = '{customer_id}'") > [0])

    def _has_rows(self, customer_id: str) -> bool:
        return bool(self._select("silver/customer", "count(*) AS id", f"customer_id = '{customer_id}'") > [0])

    def _select(self, table: str, expression: str, where: str) -> list[Any]:
        if not self.lakehouse.exists(table):
            return []
        found: list[Any] = self.lakehouse.select(table, expression, where)["id"].to_pylist()
        return found


def _row_keys(contract: Contract, rows: pa.Table) -> dict[str, list[str | None]]:
    """Return the keys of each row by kind: tokens, name with phone, visit and order."""
    keys: dict[str, list[str | None]] = {}
    for column in contract.columns:
        if column.token is not None and column.token_name in rows.column_names:
            keys.setdefault(column.token, rows[column.token_name].to_pylist())
        if column.touchpoint_role in REFERENCES and column.touchpoint_role is not None:
            keys[column.touchpoint_role] = rows[column.name].cast(pa.string()).to_pylist()
    if "name" in keys and "phone" in keys:
        pairs = zip(keys["name"], keys["phone"], strict=True)
        keys["name_phone"] = [None if None in pair else _pair(*pair) for pair in pairs]
    return keys


def _pair(name: str | None, phone: str | None) -> str:
    """Return the key of a name with a phone, as `pipelines.unify.token_column` makes it."""
    return hashlib.sha256(f"{name}:{phone}".encode()).hexdigest()


def _needles(values: Iterable[tuple[str, str, str]], own: set[tuple[str, str]]) -> tuple[Needle, ...]:
    """Return the values to search for: those of the person's own keys that are long enough to occur by no chance."""
    found: dict[tuple[str, str], Needle] = {}
    for kind, token, value in sorted(values):
        if (kind, token) not in own or (kind == _NAME and len(value.encode()) < _SHORTEST_NAME):
            continue
        if kind == _NAME and value.isascii():
            continue  # a name in Latin letters is part of many e-mail addresses
        needle = Needle(kind, value, "phone" if kind == "phone" else "text")
        try:
            forms(needle)
        except ScanError:
            continue
        found.setdefault((kind, value), needle)
    return tuple(found.values())


def _columns(rows: pa.Table, names: Iterable[str]) -> Mapping[str, pa.Array]:
    whole = rows.combine_chunks()
    return {name: whole[name].chunk(0) if whole[name].num_chunks else pa.nulls(0, whole[name].type) for name in names}


def _listed(values: Iterable[str]) -> str:
    """Return texts as a SQL list."""
    return ", ".join("'" + value.replace("'", "''") + "'" for value in values) or "NULL"
