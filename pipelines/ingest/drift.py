"""Compares the fields of a file with its contract: new, missing and renamed fields are schema drift."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal, TypeAlias

from installation.contract.document import Column, Contract
from pipelines.ingest.fault import FileFaultError

DriftKind: TypeAlias = Literal["new_field", "missing_field", "renamed_field"]
# The least share of equal characters at which one name counts as a variant of another.
SIMILAR = 0.75
# JSON writers leave out null fields. A field that is in none of so many records is missing from the export.
SPARSE_RECORDS = 100
WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+|[^\W\d_A-Za-z]+")


@dataclass(frozen=True)
class DriftEvent:
    """One difference between the fields of a file and its contract.

    Attributes:
        kind: a field that the contract lacks (`new_field`), a field that the file lacks (`missing_field`), or a field
            that may have got another name (`renamed_field`).
        file: name of the landed file.
        field: name in the file for `new_field`, header in the contract for the others.
        suggestion: for `renamed_field`, the field of the file that may be meant.
        message: what differs, in one sentence without the file's name.
    """

    kind: DriftKind
    file: str
    field: str
    suggestion: str | None
    message: str


@dataclass(frozen=True)
class Fields:
    """The fields of a file beside its contract.

    Attributes:
        noun: `column`, or `field` for JSON, whose records may leave out null fields.
        names: all names in the file.
        missing: contract columns that the file lacks.
        extra: names in the file that the contract lacks.
        line: line of the header; None for JSON.
        records: number of JSON records; None for a file with a header.
    """

    noun: str
    names: tuple[str, ...]
    missing: tuple[Column, ...]
    extra: tuple[str, ...]
    line: int | None = None
    records: int | None = None


def find_drift(fields: Fields, contract: Contract, file: str) -> tuple[tuple[DriftEvent, ...], tuple[str, ...]]:
    """Return the drift events of a file, and notes for its load; under `accept` there are notes only.

    Raises:
        FileFaultError: a required field is missing, or the contract's `schemaDrift` refuses the difference.

    """
    assert contract.file is not None
    rule = contract.file.schema_drift
    renamed = suggest_renames(fields.missing, fields.extra)
    for column in fields.missing:
        if column.required:
            raise _missing(fields, column, renamed.get(column.name))
    events = _events(fields, renamed, contract, file)
    messages = tuple(event.message for event in events)
    if rule == "accept":
        return (), messages
    if rule == "refuse" and events:
        reason = f"{'; '.join(messages[:3])}: correct the contract, or state schemaDrift: warn in it"
        raise FileFaultError("schema_drift", reason, fields.line, events[0].field)
    suspect = _suspect(fields, renamed, contract)
    if suspect is not None:
        raise _missing(fields, suspect, renamed.get(suspect.name))
    return events, messages


def suggest_renames(missing: Sequence[Column], extra: Sequence[str]) -> dict[str, str]:
    """Return for each missing column the most similar unknown field, if one is similar; each field is used once."""
    pairs = [(column.name, header, name) for column in missing for header in column.headers for name in extra]
    scores = [(_similarity(header, name), column_name, name) for column_name, header, name in pairs]
    scores.sort(key=lambda score: (-score[0], score[1], score[2]))
    found: dict[str, str] = {}
    for score, column_name, name in scores:
        if score >= SIMILAR and column_name not in found and name not in found.values():
            found[column_name] = name
    return found


def _events(fields: Fields, renamed: dict[str, str], contract: Contract, file: str) -> tuple[DriftEvent, ...]:
    noun = fields.noun
    events = []
    for name in fields.extra:
        if name not in renamed.values():
            message = f"{noun} {name} is not in the contract and was not loaded"
            events.append(DriftEvent("new_field", file, name, None, message))
    for column in fields.missing:
        absent = f"{noun} {column.header} is not in the file; it is null in all rows of the file"
        if column.name in renamed:
            new = renamed[column.name]
            message = f"{absent}; the file has {new}, which may be its new name"
            events.append(DriftEvent("renamed_field", file, column.header, new, message))
        elif fields.records is None or fields.records >= SPARSE_RECORDS or _all_vanished(fields, contract):
            events.append(DriftEvent("missing_field", file, column.header, None, absent))
    return tuple(events)


def _suspect(fields: Fields, renamed: dict[str, str], contract: Contract) -> Column | None:
    """Return a missing column that may have been renamed.

    In a file with a header, any unknown column may be the missing one. JSON records may lack a field by nature, so the
    names must be similar, or all optional fields must have vanished at once.
    """
    if not fields.missing or not fields.extra:
        return None
    if fields.records is None or _all_vanished(fields, contract):
        return next((column for column in fields.missing if column.name in renamed), fields.missing[0])
    return next((column for column in fields.missing if column.name in renamed), None)


def _all_vanished(fields: Fields, contract: Contract) -> bool:
    optional = [column for column in contract.columns if not column.required]
    return len(optional) > 1 and len(fields.missing) >= len(optional)


def _missing(fields: Fields, column: Column, new_name: str | None) -> FileFaultError:
    found = ", ".join(fields.names[:30])
    if new_name is None and len(fields.extra) == len(fields.missing) == 1:
        new_name = fields.extra[0]
    if new_name:
        hint = f"if {new_name} is its new name, add {new_name} to the column's synonyms in the contract"
    elif fields.extra:
        unknown = ", ".join(fields.extra[:5])
        hint = f"if a {fields.noun} unknown to the contract ({unknown}) is its new name, add that to its synonyms"
    else:
        hint = "check that this is the right file, or make the column optional in the contract"
    reason = f"{fields.noun} {column.header} is missing; the file has {found}: {hint}"
    return FileFaultError("missing_column", reason, fields.line, column.name)


def _similarity(old: str, new: str) -> float:
    """Return how alike two names are, from 0 to 1 (the same words)."""
    first, second = _words(old), _words(new)
    if not first or not second:
        return 0.0
    if "".join(first) == "".join(second):
        return 1.0
    if set(first) <= set(second) or set(second) <= set(first):
        return 0.9
    return SequenceMatcher(None, "".join(first), "".join(second), autojunk=False).ratio()


def _words(name: str) -> list[str]:
    """Return the words of a name without case, separators and the s of an English plural."""
    words = [word.casefold() for word in WORDS.findall(unicodedata.normalize("NFKC", name))]
    return [word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word for word in words]
