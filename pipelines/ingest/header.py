"""Which column of a file is which column of the contract."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from installation.contract.document import Contract
from pipelines.ingest.fault import FileFaultError


@dataclass(frozen=True)
class Header:
    """The file's columns, and where each column of the contract stands; absent ones are null in all rows."""

    names: tuple[str, ...]
    positions: dict[str, int]
    notes: tuple[str, ...] = ()


def match_header(names: Sequence[str], contract: Contract) -> Header:
    """Find the contract's columns among the file's, by their name in files or a synonym.

    Raises:
        FileFaultError: a required column is missing, an optional one seems renamed, or a name stands twice.

    """
    seen = [_plain(name) for name in names]
    known = {_plain(header): column.name for column in contract.columns for header in column.headers}
    twice = [name for name, count in Counter(known.get(name) for name in seen).items() if name and count > 1]
    if twice:
        raise FileFaultError("header", f"column {twice[0]} stands twice in the file", 1, twice[0])
    positions = {known[name]: position for position, name in enumerate(seen) if name in known}
    missing = [column for column in contract.columns if column.name not in positions]
    extra = [name for name, plain in zip(names, seen, strict=True) if plain not in known]
    for column in missing:
        if column.required or extra:
            raise _missing_column(column.header, column.name, extra, names)
    notes = [f"column {name} is not in the contract; left out" for name in extra]
    notes += [f"column {column.header} is not in the file; null in its rows" for column in missing]
    return Header(tuple(names), positions, tuple(notes))


def _missing_column(header: str, name: str, extra: Sequence[str], names: Sequence[str]) -> FileFaultError:
    if 2 * len(extra) > len(names):
        # What is mostly unknown may be no header but a row, with somebody's name in it: nothing of it is repeated.
        reason = f"{len(extra)} of the first line's {len(names)} columns are unknown to the contract"
        hint = "add the missing header line, or check that this is the right file"
        return FileFaultError("missing_column", f"column {header} is missing; {reason}: {hint}", 1, name)
    found = ", ".join(list(names)[:30])
    if extra:
        hint = f"if {extra[0]} is its new name, add that to the column's synonyms in the contract"
    else:
        hint = "check that this is the right file, or change the contract"
    return FileFaultError("missing_column", f"column {header} is missing; the file has {found}: {hint}", 1, name)


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()
