"""Matches the fields of a file with the columns of the contract."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from installation.contract.document import Column, Contract
from pipelines.ingest.drift import DriftEvent, Fields, find_drift
from pipelines.ingest.fault import FileFaultError

# Characters that are not seen: byte order mark, zero-width space and joiners, soft hyphen.
INVISIBLE = re.compile("[\ufeff\u200b-\u200f\u2060\u00ad]")


@dataclass(frozen=True)
class Header:
    """The column names of a file, and the position in the file of each contract column.

    A contract column that the file lacks is not in `positions`; it is null in all rows. `notes` are messages about
    columns that were left out, missing or read under another spelling; `drift` are the differences from the contract.
    """

    names: tuple[str, ...]
    positions: dict[str, int]
    notes: tuple[str, ...] = ()
    drift: tuple[DriftEvent, ...] = ()


def match_header(names: Sequence[str], contract: Contract, file: str, line: int = 1) -> Header:
    """Return the position of each contract column in the file, found by its header or a synonym.

    A header in another case, in full-width letters or with other spaces is accepted if only one column can be meant.
    `file` is the name of the file, `line` the line of its header.

    Raises:
        FileFaultError: a column occurs twice, a required column is missing, or the contract's `schemaDrift` refuses
            the difference. Under `warn` this includes an optional column that may have been renamed: it is missing,
            and the file has an unknown column.

    """
    positions, notes = find_positions(names, contract, line)
    missing = [column for column in contract.columns if column.name not in positions]
    taken = set(positions.values())
    extra = [
        name.strip() or f"{position + 1} (without a name)"
        for position, name in enumerate(names)
        if position not in taken
    ]
    if missing and 2 * len(extra) > len(names):
        raise _unknown_line(missing, len(extra), len(names), line)
    fields = Fields("column", tuple(name.strip() for name in names), tuple(missing), tuple(extra), line)
    drift, drift_notes = find_drift(fields, contract, file)
    return Header(tuple(names), positions, (*notes, *drift_notes), drift)


def find_positions(names: Sequence[str], contract: Contract, line: int = 1) -> tuple[dict[str, int], list[str]]:
    """Return the position of each contract column among the names, and notes about columns in another spelling.

    Raises:
        FileFaultError: two names mean the same column.

    """
    known = {_plain(header): column.name for column in contract.columns for header in column.headers}
    exact = [known.get(_plain(name)) for name in names]
    twice = [name for name, count in Counter(exact).items() if name and count > 1]
    if twice:
        reason = f"column {twice[0]} occurs twice in the file; keep one of the two"
        raise FileFaultError("header", reason, line, twice[0])
    positions = {name: position for position, name in enumerate(exact) if name}
    loose: dict[str, list[int]] = {}
    for position, name in enumerate(names):
        if exact[position] is None:
            loose.setdefault(loose_name(name), []).append(position)
    notes = []
    for column in contract.columns:
        if column.name in positions:
            continue
        found = [place for key in dict.fromkeys(map(loose_name, column.headers)) for place in loose.get(key, ())]
        if len(found) > 1:
            listed = " and ".join(names[place].strip() for place in found)
            reason = f"column {column.header} could be {listed}; keep one of them"
            raise FileFaultError("header", reason, line, column.name)
        if found:
            positions[column.name] = found[0]
            notes.append(f"column {names[found[0]].strip()} was read as {column.header}")
    return positions, notes


def loose_name(name: str) -> str:
    """Return a header without differences of case, width, spaces and invisible characters."""
    return " ".join(INVISIBLE.sub("", unicodedata.normalize("NFKC", name)).casefold().split())


def _unknown_line(missing: Sequence[Column], unknown: int, total: int, line: int) -> FileFaultError:
    # A first line of mostly unknown names may be a data row with personal data, so the message repeats none of it.
    place = "the first line" if line == 1 else f"line {line}"
    reason = f"{unknown} of {place}'s {total} columns are unknown to the contract"
    hint = "add the header line if it is missing, or check that this is the right file"
    first = next((column for column in missing if column.required), missing[0])
    return FileFaultError("missing_column", f"column {first.header} is missing; {reason}: {hint}", line, first.name)


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()
