"""Rules for one contract about a source that is a database table or a topic: its keys, its cursor and deletions."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.contracts.basic_rules import CheckedContract
from privacy.contract.document import DatabaseTable, Document
from privacy.contract.fault import Fault
from privacy.contract.yaml_source import Source

_ORDERED = ("integer", "date", "timestamp")


def check_server_rules(document: Document, source: Source) -> list[Fault]:
    """Return every violation of this module's rules by one contract."""
    origin = document.file.origin if document.file else None
    checked = CheckedContract(document, source)
    if document.keeps_first:
        return list(_key_is_comparable(checked))
    if not isinstance(origin, DatabaseTable):
        return []
    return [fault for rule in SERVER_RULES for fault in rule(checked, origin)]


def _has_a_comparable_key(checked: CheckedContract, _: DatabaseTable) -> Iterator[Fault]:
    document = checked.document
    if not document.primary_key:
        hint = "add primaryKey: true and primaryKeyPosition to the columns by which the database tells rows apart"
        yield checked.fault("A database table needs a primary key: a changed row replaces the earlier one", hint=hint)
    yield from _key_is_comparable(checked)


def _key_is_comparable(checked: CheckedContract) -> Iterator[Fault]:
    for column in checked.document.encrypted_columns:
        if column.primary_key and column.token is None:
            message = (
                f"Column {column.name!r} of the primary key is encrypted and has no token, so rows cannot be compared"
            )
            yield checked.fault(message, column=column, hint="add a token, or name another key")


def _cursor_is_an_ordered_column(checked: CheckedContract, origin: DatabaseTable) -> Iterator[Fault]:
    if origin.cursor is None:
        return
    found = next((column for column in checked.document.columns if column.name == origin.cursor), None)
    if found is None or found.logical_type not in _ORDERED:
        got = origin.cursor if found is None else f"{found.name} of type {found.logical_type}"
        expected = "a column of the contract of type integer, date or timestamp"
        yield _at_server(checked, "The cursor cannot order the rows of the table", got=got, expected=expected)


def _table_about_persons_states_deletions(checked: CheckedContract, origin: DatabaseTable) -> Iterator[Fault]:
    if checked.document.subject_key is not None and origin.deletions is None:
        message = "A table about persons must state what happens to rows that are deleted from it"
        hint = "compare deletes them here as well; keep keeps them until their retention ends"
        yield _at_server(checked, message, expected="deletions: compare or keep", hint=hint)


def _at_server(
    checked: CheckedContract, message: str, *, got: str = "", expected: str = "", hint: str = ""
) -> Fault:  # fmt: skip
    source = checked.source
    return Fault(source.path, source.line(("servers", 0)), message, got, expected, hint)


SERVER_RULES = (_has_a_comparable_key, _cursor_is_an_ordered_column, _table_about_persons_states_deletions)
