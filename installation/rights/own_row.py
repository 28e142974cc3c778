"""Reads the rows that are certainly about one person, in clear, from the tables of the lakehouse.

A copy must not contain another person's data (GDPR art. 15(4)). So the evidence of a row is judged more strictly than
when a profile is built:

- The first key of `STRONG` that a row of a source has decides: if it is the person's own, the row is, otherwise not.
- A row with weaker keys only (`WEAK`: a device or a telephone number, which a household shares), or with a key that
  several persons have, is counted as unclear and left out.
- In a row that is the person's, a name, number or address that is not the person's own is left out: a parcel may go to
  somebody else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from installation.contract.document import Contract
from installation.installation import Installation
from installation.lakehouse.rows import quoted
from privacy.contract.vocabulary import load_vocabulary
from privacy.protection.revealer import SUBJECT_RIGHTS
from privacy.rights.subject import Subject

STRONG: tuple[str, ...] = ("member_no", "card_no", "email", "session_id", "order_id", "account_no")
"""Kinds of keys that state the person of a row, the most reliable first, as when profiles are built."""
WEAK: tuple[str, ...] = ("device_id", "name_phone", "phone")
"""Kinds of keys that people of one home may share, even where only one of them is known to use it."""
IDENTIFIER = "silver/identifier"
_ASSIGNED = ("member_no", "card_no", "account_no")
"""Kinds of keys that belong to one person by rule, also where records of others name them."""
_CUSTOMER = "customer_id"
_PSEUDONYM = "dpv:PseudonymisedData"
_IDENTIFIER = re.compile(r"(?:\w+:)?[0-9a-f]{64}|c_[a-z2-7]{20,}")
"""A token, also with its kind or source in front, or a customer id."""
_STAFF_COLUMNS = frozenset({"decided_by", "recorded_by"})
"""Columns with the user account of a member of staff, who is another person."""
_APP_VISIT = "app:"
"""The start of the number of a visit to the app; the number of its first event follows."""


@dataclass(frozen=True)
class OwnRows:
    """Rows of one table about a person, by column.

    `unclear` counts rows that may be another person's and are left out. `withheld` counts values in the rows that are
    another person's and are null here.
    """

    contract: Contract
    rows: tuple[Mapping[str, Any], ...]
    unclear: int = 0
    withheld: int = 0


class PersonRows:
    """Reads the rows of one person. Decrypted values stay in memory; each decryption is in the audit log.

    The person's keys are those of silver/identifier, without those that others have. The look-up for an erasure also
    finds keys that only stand in the person's rows. For a copy that is too much: the telephone of a parcel's receiver
    is one of them.
    """

    def __init__(self, installation: Installation, subject: Subject, who: str) -> None:
        self._installation, self._who = installation, who
        self._customers = frozenset(subject.customer_ids)
        # The account of a home stands in every member's registration, and is its principal's all the same.
        self._shared = _by_kind([key for key in subject.shared_tokens if key[0] not in _ASSIGNED])
        assigned = _by_kind(keys_of(installation, self._customers))
        self._own = {kind: tokens - self._shared.get(kind, set()) for kind, tokens in assigned.items()}
        self._persons = frozenset(subject.source_persons)

    @cached_property
    def contracts(self) -> tuple[Contract, ...]:
        """The contracts of tables that exist and hold personal data."""
        found = (contract for contract in self._installation.contracts.values() if is_about_persons(contract))
        return tuple(contract for contract in found if self._installation.lakehouse.exists(contract.table))

    def read(self, contract: Contract) -> OwnRows:
        """Return the person's rows of one table.

        Raises:
            ProtectionError: a key is missing, or a ciphertext was changed.
            AuditError: the decryption cannot be logged; nothing was decrypted.
        """
        return self._source_rows(contract) if contract.layer == "source" else self._derived_rows(contract)

    def _source_rows(self, contract: Contract) -> OwnRows:
        keys = self._keys(contract)
        candidates = self._candidates(contract, keys)
        mine, by_kind, unclear = [], [], 0
        for position, row in enumerate(candidates.select(list(dict.fromkeys(keys.values()))).to_pylist()):
            decided, is_clear = self._decide(row, keys)
            if decided is not None:
                mine.append(position)
                by_kind.append(decided)
            elif not is_clear:
                unclear += 1
        own = candidates.take(pa.array(mine, pa.int64()))
        clear = self._installation.revealer(self._who, SUBJECT_RIGHTS)(contract, own)
        names = [column.name for column in contract.columns]
        tokens = own.select([column.token_name for column in contract.columns if column.token_name]).to_pylist()
        rows, withheld = [], 0
        for row, token, kind in zip(clear.select(names).to_pylist(), tokens, by_kind, strict=True):
            if not _is_own_record(contract, kind):
                withheld += self._withhold(contract, row, token)
            rows.append(row)
        return OwnRows(contract, tuple(rows), unclear, withheld)

    def _decide(self, row: Mapping[str, Any], keys: Mapping[str, str]) -> tuple[str | None, bool]:
        """Return the kind of key by which a row is the person's (None: it is not), and whether that is certain."""
        for kind in (*STRONG, *WEAK):
            value = row.get(keys.get(kind, ""))
            if value is None:
                continue
            value = str(value)
            if value in self._shared.get(kind, ()):
                return None, False
            if kind in WEAK:
                # A weak key that is not the person's says nothing against a weaker one, but nothing for it either.
                return None, value not in self._own.get(kind, ())
            return (kind if value in self._own_values(kind) else None), True
        return None, True

    def _withhold(self, contract: Contract, row: dict[str, Any], tokens: Mapping[str, Any]) -> int:
        """Set the values of a row to null that are another person's; return how many."""
        foreign = {
            column.name
            for column in contract.columns
            if column.token_name
            and (token := tokens[column.token_name]) is not None
            and token not in self._stated.get(str(column.token), ())
        }
        if foreign:
            # Without a token it is not known whose the address is that stands beside another person's name.
            beside = (c for c in contract.columns if not c.token and c.role in ("direct", "quasi"))
            foreign |= {column.name for column in beside if row[column.name] is not None}
        for name in foreign:
            row[name] = None
        return len(foreign)

    def _derived_rows(self, contract: Contract) -> OwnRows:
        pseudonyms = [c.name for c in contract.columns if c.category == _PSEUDONYM and c.spark_type == "string"]
        customers = [str(contract.subject_key)]
        if customers != [_CUSTOMER]:  # a table about two customers, such as a merge, names each of them
            customers = [name for name in pseudonyms if name.endswith(_CUSTOMER)]
        values = _sql_list(self._customers)
        where = " OR ".join(f'"{name}" IN {values}' for name in customers if values)
        if not where:
            return OwnRows(contract, ())
        found = self._installation.lakehouse.select(contract.table, quoted([c.name for c in contract.columns]), where)
        rows, unclear, withheld = [], 0, 0
        for row in found.to_pylist():
            if not self._is_certain(row):
                unclear += 1
                continue
            for name in (*pseudonyms, *(_STAFF_COLUMNS & row.keys())):
                before, row[name] = row[name], None if name in _STAFF_COLUMNS else self._own_part(row[name])
                withheld += before != row[name]
            rows.append(row)
        return OwnRows(contract, tuple(rows), unclear, withheld)

    def _is_certain(self, row: Mapping[str, Any]) -> bool:
        by, session = row.get("resolved_by"), row.get("session_id")
        if by is not None:
            return by not in WEAK and (by != "session_id" or session in self._own_values("session_id"))
        if "reference_kind" in row:
            return row["reference"] in self._own_values(str(row["reference_kind"]))
        if session is None:
            return True
        is_app = str(session).startswith(_APP_VISIT)
        return str(session).removeprefix(_APP_VISIT) in (self._app_events if is_app else self._own_values("session_id"))

    def _own_part(self, value: str | None) -> str | None:
        """Return those of the identifiers in a value, separated by commas, that are the person's; None without any."""
        if value is None:
            return None
        kept = [part for part in value.split(",") if self._is_own_identifier(part)]
        return ",".join(kept) or None

    def _is_own_identifier(self, text: str) -> bool:
        """Return whether a text is an identifier of the person, or none of anybody."""
        if not _IDENTIFIER.fullmatch(text):
            return True
        token = text.rpartition(":")[2]
        is_token = any(token in values for values in self._stated.values())
        return text in self._customers or text in self._persons or is_token

    def _keys(self, contract: Contract) -> dict[str, str]:
        """Return the column of each kind of key that rows of a source have, without those the table itself states."""
        keys: dict[str, str] = {}
        for column in contract.columns:
            if column.token in (*STRONG, *WEAK) and column.token_name:
                keys.setdefault(str(column.token), column.token_name)
            elif column.touchpoint_role in ("session_id", "order_id") and not self._states(contract, column.name):
                keys.setdefault(str(column.touchpoint_role), column.name)
        return keys

    def _candidates(self, contract: Contract, keys: Mapping[str, str]) -> pa.Table:
        parts = []
        for kind, column in keys.items():
            values = self._own_values(kind) | self._shared.get(kind, set())
            if values:
                parts.append(f'CAST("{column}" AS VARCHAR) IN {_sql_list(values)}')
        return self._installation.lakehouse.select(contract.table, "*", " OR ".join(parts) or "false")

    def _own_values(self, kind: str) -> set[str]:
        if kind == "session_id":
            return self._sessions
        return self._orders if kind == "order_id" else self._own.get(kind, set())

    @cached_property
    def _sessions(self) -> set[str]:
        return self._numbers("session_id")

    @cached_property
    def _orders(self) -> set[str]:
        return self._numbers("order_id")

    @cached_property
    def _owners(self) -> dict[str, tuple[tuple[Contract, str], ...]]:
        """For session_id and order_id, the tables that state their person, with the column of the number."""
        contracts = self._installation.contracts
        sessions: dict[tuple[str, str], tuple[Contract, str]] = {}
        for contract in contracts.sources:
            roles = {c.name for c in contract.columns if c.touchpoint_role == "session_id"}
            for link in contract.relationships:
                target = contracts.get(link.target_id(contract.layer)) if {*link.columns} & roles else None
                if target is not None and _has_key(target):
                    sessions[target.id, link.target_columns[0]] = (target, link.target_columns[0])
        orders = tuple(
            (contract, column.name)
            for contract in contracts.sources
            for column in contract.columns
            if column.touchpoint_role == "order_id" and column.primary_key and _has_key(contract)
        )
        return {"session_id": tuple(sessions.values()), "order_id": orders}

    def _states(self, contract: Contract, name: str) -> bool:
        return any(
            (owner.id, column) == (contract.id, name) for kind in self._owners.values() for owner, column in kind
        )

    def _numbers(self, kind: str) -> set[str]:
        """Return the numbers of the person's visits or orders, from the tables that state their person."""
        found: set[str] = set()
        for contract, column in self._owners[kind]:
            if self._installation.lakehouse.exists(contract.table):
                found |= {str(value) for value in self._clear_values(contract, column)}
        return found

    @cached_property
    def _app_events(self) -> set[str]:
        found: set[str] = set()
        for contract in self._installation.contracts.sources:
            named = contract.touchpoint.columns.get("event_id") if contract.touchpoint else None
            if named and "device_id" in self._keys(contract) and self._installation.lakehouse.exists(contract.table):
                found |= {str(value) for value in self._clear_values(contract, named)}
        return found

    @cached_property
    def _stated(self) -> dict[str, set[str]]:
        """Tokens that stand in the person's own records, such as a registration: the person's name, numbers, addresses.

        A number that the whole family has is the person's as well, where the person has stated it.
        """
        found: dict[str, set[str]] = {kind: set(tokens) for kind, tokens in self._own.items()}
        for contract in self._installation.contracts.sources:
            subject = next((c for c in contract.columns if c.name == contract.subject_key), None)
            is_register = subject is not None and subject.token in STRONG
            if is_register and self._installation.lakehouse.exists(contract.table):
                for column in contract.columns:
                    if column.token and column.token_name:
                        values = {str(value) for value in self._clear_values(contract, column.token_name)}
                        found.setdefault(column.token, set()).update(values)
        return found

    def _clear_values(self, contract: Contract, column: str) -> Iterable[Any]:
        """Yield the values that a column without encryption has in the person's certain rows of a source."""
        keys = self._keys(contract)
        for row in self._candidates(contract, keys).select(list({*keys.values(), column})).to_pylist():
            if self._decide(row, keys)[0] is not None and row[column] is not None:
                yield row[column]


def keys_of(installation: Installation, customers: Iterable[str]) -> list[tuple[str, str]]:
    """Return the matching keys (kind, token) that silver/identifier assigns to these customers."""
    listed = _sql_list(customers)
    if not listed or not installation.lakehouse.exists(IDENTIFIER):
        return []
    rows = installation.lakehouse.select(IDENTIFIER, "token_kind, token", f"customer_id IN {listed}").to_pylist()
    return [(row["token_kind"], row["token"]) for row in rows]


def is_about_persons(contract: Contract) -> bool:
    """Return whether a table has rows about persons: it names a person, or refers to a visit or an order."""
    vocabulary = load_vocabulary()
    is_personal = any(vocabulary.is_personal(column.category) for column in contract.columns)
    refers = any(column.touchpoint_role in ("session_id", "order_id") for column in contract.columns)
    return is_personal and (contract.subject_key is not None or refers)


def _has_key(contract: Contract) -> bool:
    return any(column.token in (*STRONG, *WEAK) for column in contract.columns)


def _is_own_record(contract: Contract, kind: str) -> bool:
    """Return whether a row is a record about the person, such as a registration: everything in it is the person's."""
    return any(column.name == contract.subject_key and column.token == kind for column in contract.columns)


def _by_kind(tokens: Sequence[tuple[str, str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for kind, token in tokens:
        found.setdefault(kind, set()).add(token)
    return found


def _sql_list(values: Iterable[str]) -> str:
    """Return opaque values as a SQL list; empty without values. A quote in a value is doubled."""
    texts = ", ".join("'" + value.replace("'", "''") + "'" for value in sorted(values))
    return f"({texts})" if texts else ""
