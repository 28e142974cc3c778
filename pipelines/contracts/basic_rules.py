"""Rules for one contract about names, descriptions, bounds, primary key and file, beyond ODCS and the vocabulary."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from privacy.contract.column import Column
from privacy.contract.document import Document
from privacy.contract.fault import Fault
from privacy.contract.vocabulary import load_vocabulary
from privacy.contract.yaml_source import Source

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_TITLES = {"grain": "dataGranularityDescription", "description": "description"}
_TIME_TYPES = ("timestamp", "date")


@dataclass(frozen=True)
class CheckedContract:
    """The contract that a rule checks, with the file that declares it."""

    document: Document
    source: Source

    def fault(
        self, message: str, *, column: Column | None = None, got: str = "", expected: str = "", hint: str = ""
    ) -> Fault:
        """Return a fault at the line of the column, or of the table when `column` is None."""
        line = column.line if column else self.source.line(("schema", 0))
        return Fault(self.source.path, line, message, got, expected, hint)

    def fault_at(self, name: str, message: str, *, got: str = "", expected: str = "", hint: str = "") -> Fault:
        """Return a fault at the line of a custom property of the table; at the table's line when it has none."""
        entries = self.source.content["schema"][0].get("customProperties") or []
        found = [index for index, entry in enumerate(entries) if entry.get("property") == name]
        place = ("schema", 0, "customProperties", found[0]) if found else ("schema", 0)
        return Fault(self.source.path, self.source.line(place), message, got, expected, hint)


Rule = Callable[[CheckedContract], Iterator[Fault]]


def check_rules(document: Document, source: Source) -> list[Fault]:
    """Return every violation of this module's rules by one contract."""
    checked = CheckedContract(document, source)
    return [fault for rule in RULES for fault in rule(checked)]


def is_personal(document: Document) -> bool:
    """Return whether the table has a column with personal data."""
    vocabulary = load_vocabulary()
    return any(vocabulary.is_personal(column.category) for column in document.columns if column.category)


def _file_name_is_layer_and_table(checked: CheckedContract) -> Iterator[Fault]:
    document = checked.document
    expected = f"{document.layer}_{document.name}.odcs.yaml"
    name = checked.source.path.name
    if document.layer and name != expected:
        message = "The file's name does not match layer and table"
        yield Fault(checked.source.path, 1, message, name, expected, "rename the file")


def _names_are_snake_case_and_unique(checked: CheckedContract) -> Iterator[Fault]:
    document = checked.document
    if not _NAME.fullmatch(document.name):
        yield checked.fault("The table's name is not snake_case", got=document.name, hint="a-z, 0-9 and _")
    seen: set[str] = set()
    for column in document.columns:
        if not _NAME.fullmatch(column.name):
            hint = "rename the column and write the header of the file into physicalName"
            yield checked.fault("A column's name is not snake_case", column=column, got=column.name, hint=hint)
        if column.name in seen:
            yield checked.fault(f"Column {column.name!r} is declared more than once", column=column, hint="keep one")
        seen.add(column.name)


def _headers_are_unique(checked: CheckedContract) -> Iterator[Fault]:
    owners: dict[str, str] = {}
    for column in checked.document.columns:
        for header in column.headers:
            owner = owners.setdefault(header, column.name)
            if owner != column.name:
                message = f"Header {header!r} already belongs to column {owner!r}"
                yield checked.fault(message, column=column, hint="correct physicalName and synonyms")


def _descriptions_are_not_empty(checked: CheckedContract) -> Iterator[Fault]:
    for field, title in _TITLES.items():
        if not getattr(checked.document, field):
            yield checked.fault(f"The table has no {title}", hint="state what one row is and what the table holds")
    for column in checked.document.columns:
        if not column.description:
            hint = "state its meaning, its unit and what null means; for a measure, how it is computed"
            yield checked.fault(f"Column {column.name!r} has no description", column=column, hint=hint)


def _bounds_are_in_order(checked: CheckedContract) -> Iterator[Fault]:
    for column in checked.document.columns:
        pairs = ((column.minimum, column.maximum), (column.min_length, column.max_length))
        for low, high in pairs:
            if low is not None and high is not None and low > high:  # type: ignore[operator]  # one type each
                got = f"{low} to {high}"
                message = f"Column {column.name!r}: the minimum exceeds the maximum"
                yield checked.fault(message, column=column, got=got, hint="swap or correct them")


def _primary_key_is_complete(checked: CheckedContract) -> Iterator[Fault]:
    document = checked.document
    if not document.primary_key and document.layer != "source":
        hint = "set primaryKey and primaryKeyPosition on the columns that identify a row"
        yield checked.fault("The table has no primary key", hint=hint)
    positions = sorted(document.key_positions.get(name, 0) for name in document.primary_key)
    if len(document.primary_key) > 1 and any(b - a != 1 for a, b in pairwise([0, *positions])):
        expected = f"primaryKeyPosition 1 to {len(positions)}"
        yield checked.fault("The order of the primary key's columns is unclear", got=str(positions), expected=expected)


def _source_declares_its_files(checked: CheckedContract) -> Iterator[Fault]:
    document, source = checked.document, checked.source
    if document.layer == "source" and not source.content.get("servers"):
        hint = "add servers with type local, path, format and encoding"
        yield checked.fault("A source does not declare its files", hint=hint)
    if document.layer not in ("source", "") and document.file is not None:
        line = source.line(("servers",))
        message = "Only a source may declare files under servers"
        yield Fault(source.path, line, message, document.layer, "no servers", "remove servers")


RULES: tuple[Rule, ...] = (
    _file_name_is_layer_and_table,
    _names_are_snake_case_and_unique,
    _headers_are_unique,
    _descriptions_are_not_empty,
    _bounds_are_in_order,
    _primary_key_is_complete,
    _source_declares_its_files,
)
