"""Matches the columns of a file with the columns of the contract."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from installation.contract.document import Contract
from pipelines.ingest.fault import FileFaultError


@dataclass(frozen=True)
class Header:
    """The column names of a file, and the position in the file of each contract column.

    A contract column that the file lacks is not in `positions`; it is null in all rows. `notes` are messages about
    columns that were left out or missing.
    """

    names: tuple[str, ...]
    positions: dict[str, int]
    notes: tuple[str, ...] = ()


def match_header(names: Sequence[str], contract: Contract) -> Header:
    """Return the position of each contract column in the file, found by its header or a synonym.

    Raises:
        FileFaultError: a required column is missing, or a column occurs twice, or an optional column is missing and
            the file has an unknown column (it may have been renamed).

    """
    seen = [_plain(name) for name in names]
    known = {_plain(header): column.name for column in contract.columns for header in column.headers}
    twice = [name for name, count in Counter(known.get(name) for name in seen).items() if name and count > 1]
    if twice:
        reason = f"column {twice[0]} occurs twice in the file; keep one of the two"
        raise FileFaultError("header", reason, 1, twice[0])
    positions = {known[name]: position for position, name in enumerate(seen) if name in known}
    missing = [column for column in contract.columns if column.name not in positions]
    extra = [name for name, plain in zip(names, seen, strict=True) if plain not in known]
    for column in missing:
        if column.required or extra:
            raise _missing_column(column.header, column.name, extra, names)
    notes = [f"column {name} is not in the contract and was not loaded" for name in extra]
    notes += [f"column {column.header} is not in the file; it is null in all rows of the file" for column in missing]
    return Header(tuple(names), positions, tuple(notes))


def _missing_column(header: str, name: str, extra: Sequence[str], names: Sequence[str]) -> FileFaultError:
    if 2 * len(extra) > len(names):
        # A first line of mostly unknown names may be a data row with personal data, so the message repeats none of it.
        reason = f"{len(extra)} of the first line's {len(names)} columns are unknown to the contract"
        hint = "add the header line if it is missing, or check that this is the right file"
        return FileFaultError("missing_column", f"column {header} is missing; {reason}: {hint}", 1, name)
    found = ", ".join(list(names)[:30])
    if extra:
        hint = f"if {extra[0]} is its new name, add {extra[0]} to the column's synonyms in the contract"
    else:
        hint = "check that this is the right file, or make the column optional in the contract"
    return FileFaultError("missing_column", f"column {header} is missing; the file has {found}: {hint}", 1, name)


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()
