"""The rules that one contract must keep, beyond the structure of ODCS and the vocabulary."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from privacy.contract.column import Column
from privacy.contract.document import Document
from privacy.contract.fault import Fault
from privacy.contract.text import Source
from privacy.contract.vocabulary import load_vocabulary

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_TITLES = {"grain": "dataGranularityDescription", "description": "description"}
_TIME_TYPES = ("timestamp", "date")


@dataclass(frozen=True)
class Subject:
    """What a rule looks at: a contract and the file that it stands in."""

    document: Document
    source: Source

    def fault(
        self, message: str, *, column: Column | None = None, got: str = "", expected: str = "", hint: str = ""
    ) -> Fault:
        """Return a fault at a column's line, or at the table's."""
        line = column.line if column else self.source.line(("schema", 0))
        return Fault(self.source.path, line, message, got, expected, hint)

    def fault_at(
        self, name: str, message: str, *, got: str = "", expected: str = "", hint: str = ""
    ) -> Fault:
        """Return a fault at the line of one of Bojagi's properties of the table."""
        entries = self.source.content["schema"][0].get("customProperties") or []
        found = [index for index, entry in enumerate(entries) if entry.get("property") == name]
        place = ("schema", 0, "customProperties", found[0]) if found else ("schema", 0)
        return Fault(self.source.path, self.source.line(place), message, got, expected, hint)


Rule = Callable[[Subject], Iterator[Fault]]


def check_rules(document: Document, source: Source) -> list[Fault]:
    """Return every fault of one contract against every rule."""
    subject = Subject(document, source)
    return [fault for rule in RULES for fault in rule(subject)]


def is_personal(document: Document) -> bool:
    """Whether any column of the table says something about a person."""
    vocabulary = load_vocabulary()
    return any(vocabulary.is_personal(column.category) for column in document.columns if column.category)


def _file_is_named_after_its_table(subject: Subject) -> Iterator[Fault]:
    document = subject.document
    expected = f"{document.layer}_{document.name}.odcs.yaml"
    if document.layer and subject.source.path.name != expected:
        yield Fault(
            subject.source.path, 1, "The file's name does not match", subject.source.path.name, expected
        )


def _names_are_plain_and_unique(subject: Subject) -> Iterator[Fault]:
    document = subject.document
    if not _NAME.fullmatch(document.name):
        yield subject.fault("The table's name is not snake_case", got=document.name, hint="a-z, 0-9 and _")
    seen: set[str] = set()
    for column in document.columns:
        if not _NAME.fullmatch(column.name):
            hint = "the header in the file goes into physicalName"
            yield subject.fault(
                "A column's name is not snake_case", column=column, got=column.name, hint=hint
            )
        if column.name in seen:
            yield subject.fault(f"Column {column.name!r} stands more than once", column=column)
        seen.add(column.name)


def _headers_are_unique(subject: Subject) -> Iterator[Fault]:
    owners: dict[str, str] = {}
    for column in subject.document.columns:
        for header in column.headers:
            owner = owners.setdefault(header, column.name)
            if owner != column.name:
                message = f"Header {header!r} belongs to column {owner!r} already"
                yield subject.fault(message, column=column, hint="look at physicalName and synonyms")


def _texts_are_there(subject: Subject) -> Iterator[Fault]:
    for field, title in _TITLES.items():
        if not getattr(subject.document, field):
            yield subject.fault(
                f"The table has no {title}", hint="say what one row is and what the table is for"
            )
    for column in subject.document.columns:
        if not column.description:
            hint = "say what it means; for a measure, how it is computed"
            yield subject.fault(f"Column {column.name!r} has no description", column=column, hint=hint)


def _bounds_are_in_order(subject: Subject) -> Iterator[Fault]:
    for column in subject.document.columns:
        pairs = ((column.minimum, column.maximum), (column.min_length, column.max_length))
        for low, high in pairs:
            if low is not None and high is not None and low > high:  # type: ignore[operator]  # one type each
                got = f"{low} to {high}"
                yield subject.fault(
                    f"Column {column.name!r}: the minimum exceeds the maximum", column=column, got=got
                )


def _primary_key_is_sound(subject: Subject) -> Iterator[Fault]:
    document = subject.document
    if not document.primary_key and document.layer != "source":
        hint = "set primaryKey and primaryKeyPosition on the columns of the grain"
        yield subject.fault("The table has no primary key", hint=hint)
    positions = sorted(document.key_positions.get(name, 0) for name in document.primary_key)
    if len(document.primary_key) > 1 and any(b - a != 1 for a, b in pairwise([0, *positions])):
        expected = f"primaryKeyPosition 1 to {len(positions)}"
        yield subject.fault("The primary key's order is unclear", got=str(positions), expected=expected)


def _source_has_a_file(subject: Subject) -> Iterator[Fault]:
    document, source = subject.document, subject.source
    if document.layer == "source" and not source.content.get("servers"):
        hint = "servers: type local, path, format, encoding"
        yield subject.fault("A source does not say how its files look", hint=hint)
    if document.layer not in ("source", "") and document.file is not None:
        line = source.line(("servers",))
        yield Fault(source.path, line, "Only a source has files", document.layer, "no servers")


RULES: tuple[Rule, ...] = (
    _file_is_named_after_its_table,
    _names_are_plain_and_unique,
    _headers_are_unique,
    _texts_are_there,
    _bounds_are_in_order,
    _primary_key_is_sound,
    _source_has_a_file,
)
