"""Plans one read: finds the columns of a table that a role may read for a purpose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from privacy.access.errors import AccessRefused
from privacy.access.role import Role, Roles
from privacy.consent.errors import CategoryRefused
from privacy.consent.policy import Policy
from privacy.contract.column import Column
from privacy.contract.document import Document
from privacy.contract.vocabulary import load_vocabulary

PSEUDONYM = "dpv:PseudonymisedData"
RECORD_IDENTIFIERS = frozenset({"pd:UID", "pd:Identifier", "pd:AccountIdentifier"})
"""Categories of columns that name a record of a person, such as an order or a session."""


@dataclass(frozen=True)
class ReadPlan:
    """The columns that a read returns and those that it leaves out.

    Attributes:
        table: the table.
        purpose: the purpose of the read.
        columns: the columns that are returned, in the order of the contract.
        left_out: the columns that are not returned, each with the reason.
        subject_key: the column that names the person; None when the table holds no persons.
        is_personal: whether any returned column is personal data.
        is_pseudonymised: whether the subject key is replaced by a pseudonym.
        record_ids: columns that name orders, sessions and other records, where the subject key is replaced. Their
            values are replaced as well, and are then text.
        is_coarsened: whether numbers and times are returned coarsened (`privacy.access.coarse_value`).
    """

    table: str
    purpose: str
    columns: tuple[str, ...]
    left_out: Mapping[str, str]
    subject_key: str | None
    is_personal: bool
    is_pseudonymised: bool
    record_ids: tuple[str, ...] = ()
    is_coarsened: bool = False


def plan_read(
    document: Document,
    role_name: str,
    purpose: str,
    roles: Roles,
    policy: Policy,
    wanted: Sequence[str] | None = None,
) -> ReadPlan:
    """Return the plan of a read: what a role may read of a table for a purpose.

    Args:
        document: the table's contract.
        role_name: the role that reads.
        purpose: the purpose of the read.
        roles: all roles.
        policy: purposes and laws.
        wanted: columns to read; None reads every column that the role may read. A pattern such as `spend_*` stands
            for the columns that it matches and that the role may read.

    Raises:
        AccessRefused: the role does not have this purpose or this table, or may not read a wanted column, or may
            read no column at all; the message names the reason.
        UnknownPurposeError: no such purpose.
    """
    role = require_role(document.table, role_name, purpose, roles, policy)
    reasons = left_out(document, role, purpose, policy)
    patterns = [name for name in wanted or () if name not in reasons and _is_pattern(name)]
    named = list(reasons) if wanted is None else [name for name in wanted if name not in patterns]
    matched = _match(patterns, reasons, document.table)
    names = [*named, *matched]
    if not names:
        raise AccessRefused(f"Got no column of {document.table}; expected one of {', '.join(reasons)}.")
    unknown = [name for name in names if name not in reasons]
    if unknown:
        raise AccessRefused(
            f"{document.table} has no column {', '.join(unknown)}; its columns are {', '.join(reasons)}."
        )
    refused = {name: reason for name in names if (reason := reasons[name]) is not None}
    shown = tuple(name for name in reasons if name in names and reasons[name] is None)
    if not shown or (wanted is not None and refused.keys() & set(named)):
        faults = "; ".join(f"{name} {reason}" for name, reason in refused.items())
        raise AccessRefused(f"The role {role_name} may not read {document.table} for {purpose}: {faults}.")
    is_pseudonymised = sees_pseudonyms(role, purpose, policy)
    named_records = [c.name for c in document.columns if c.category in RECORD_IDENTIFIERS]
    return ReadPlan(
        table=document.table,
        purpose=purpose,
        columns=shown,
        left_out=refused,
        subject_key=document.subject_key,
        is_personal=is_personal(document, shown),
        is_pseudonymised=is_pseudonymised,
        record_ids=tuple(n for n in named_records if is_pseudonymised and n != document.subject_key),
        is_coarsened=role.values == "coarsened",
    )


def require_role(table: str, role_name: str, purpose: str, roles: Roles, policy: Policy) -> Role:
    """Return the role; check that it has the purpose and the table.

    Raises:
        AccessRefused: the role does not have this purpose or this table.
        UnknownPurposeError: no such purpose.
    """
    role = roles[role_name]
    policy.taxonomy[purpose]
    if purpose not in role.purposes:
        raise AccessRefused(
            f"The role {role_name} may not read for {purpose}; its purposes are {', '.join(role.purposes)}."
        )
    if not role.may_read(table):
        raise AccessRefused(f"The role {role_name} may not read {table}; its tables are {', '.join(role.tables)}.")
    return role


def left_out(document: Document, role: Role, purpose: str, policy: Policy) -> dict[str, str | None]:
    """Return for each column of a table the reason why the role may not read it for a purpose; None where it may."""
    return {column.name: _reason(column, document, role, purpose, policy) for column in document.columns}


def sees_pseudonyms(role: Role, purpose: str, policy: Policy) -> bool:
    """Return whether identifiers are replaced by pseudonyms when the role reads for a purpose."""
    return role.subjects == "pseudonymised" or policy.taxonomy[purpose].form == "pseudonymised"


def is_personal(document: Document, columns: Iterable[str]) -> bool:
    """Return whether any of these columns of a table is personal data."""
    vocabulary = load_vocabulary()
    return any(vocabulary.is_personal(document.column(name).category) for name in columns)


def _is_pattern(name: str) -> bool:
    return any(sign in name for sign in "*?[")


def _match(patterns: Iterable[str], columns: Iterable[str], table: str) -> list[str]:
    """Return the columns that the patterns match, those of the first pattern first."""
    found: list[str] = []
    for pattern in patterns:
        matched = [name for name in columns if fnmatchcase(name, pattern)]
        if not matched:
            raise AccessRefused(f"{table} has no column like {pattern}; its columns are {', '.join(columns)}.")
        found += matched
    return found


def _reason(column: Column, document: Document, role: Role, purpose: str, policy: Policy) -> str | None:
    """Return the reason why a column is left out; None when it is returned."""
    served = "research" if purpose == "pseudonymised_research" else purpose
    if served not in column.purposes:
        return f"does not serve {purpose}"
    if column.role not in role.identifiers:
        if column.role == "direct":
            return "identifies the person"
        kind = {"quasi": "is a quasi-identifier", "sensitive": "is sensitive"}.get(column.role, "is no identifier")
        return f"{kind}, which the role may not read"
    if column.category in role.without:
        return f"has the category {column.category}, which the role may not read"
    if sees_pseudonyms(role, purpose, policy) and column.category == PSEUDONYM and column.name != document.subject_key:
        return "is an identifier that could link the pseudonym to the customer"
    if column in document.encrypted_columns:
        return "is stored encrypted, and no role reads it decrypted"
    try:
        policy.check_categories(purpose, frozenset({column.category}))
    except CategoryRefused as refused:
        return f"may not be read for it by law ({', '.join(refused.articles)})"
    return None
