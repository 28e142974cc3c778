"""Renders the data map and the faults of contracts for the terminal; for JSON use `Catalog.as_rows`."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group
from rich.table import Table
from rich.text import Text

from privacy.catalog import Catalog, MappedColumn
from privacy.contract.fault import Fault

TITLE = "Data map: record of processing activities"
_ROLE_STYLES = {"direct": "red", "sensitive": "magenta", "quasi": "yellow", "none": "dim"}


def render_overview(catalog: Catalog) -> Table:
    """Return one line a table: its number of columns by kind, and the days for which its rows are kept."""
    view = Table(title=TITLE, title_justify="left", box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    view.add_column("Table", overflow="fold")
    for heading in ("Columns", "Personal", "Direct", "Quasi", "Sensitive", "Days"):
        view.add_column(heading, justify="right", no_wrap=True)
    for table in catalog.tables:
        columns = catalog.columns(table)
        counts = [len(columns), sum(entry.is_personal for entry in columns)]
        counts += [sum(entry.role == role for entry in columns) for role in ("direct", "quasi", "sensitive")]
        view.add_row(table, *(str(count or "") for count in (*counts, columns[0].retention_days)))
    return view


def render_table(catalog: Catalog, table: str) -> Group:
    """Return the data map of one table: what holds for all its columns, then a line a column.

    A column names its purposes by a letter; the letters are explained above the columns.
    """
    columns = catalog.columns(table)
    letters: dict[str, str] = {}
    for entry in columns:
        letters.setdefault(describe_purposes(entry), _letter(len(letters)))
    facts = Table.grid(padding=(0, 2, 0, 0))
    facts.add_column(style="dim")
    facts.add_column(overflow="fold")
    facts.add_row("owner", columns[0].owner)
    facts.add_row("recipients", ", ".join(columns[0].recipients))
    facts.add_row("retention", describe_retention(columns[0]))
    if columns[0].legal_article:
        facts.add_row("law", columns[0].legal_article)
    for purposes, letter in letters.items():
        facts.add_row(f"purposes {letter}", purposes or "none")
    view = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Column", "Category", "Identifier", "Purposes"):
        view.add_column(heading, overflow="fold", no_wrap=heading == "Column")
    for entry in columns:
        view.add_row(
            Text(entry.column + (" *" if entry.is_subject_key else "")),
            Text(entry.category, style="" if entry.is_personal else "dim"),
            Text("" if entry.role == "none" else entry.role, style=_ROLE_STYLES[entry.role]),
            letters[describe_purposes(entry)],
        )
    return Group(Text(table, style="bold"), facts, "", view, "")


def _letter(number: int) -> str:
    """Return A, B, …, Z, AA, AB, … for 0, 1, …"""
    before, place = divmod(number, 26)
    return (_letter(before - 1) if before else "") + chr(ord("A") + place)


def describe_purposes(entry: MappedColumn) -> str:
    """Return a column's purposes grouped by legal basis; for a column without personal data, the purposes alone."""
    if not entry.is_personal:
        return ", ".join(entry.purposes)
    by_basis: dict[str, list[str]] = {}
    for purpose in entry.purposes:
        by_basis.setdefault(entry.legal_bases[purpose], []).append(purpose)
    return "; ".join(f"{basis}: {', '.join(purposes)}" for basis, purposes in by_basis.items())


def describe_retention(entry: MappedColumn) -> str:
    """Return the retention period in days and the column from which it is counted."""
    if entry.retention_days is None:
        return "no limit" if not entry.is_personal else "not stated"
    start = f" from {entry.retention_column}" if entry.retention_column else ""
    return f"{entry.retention_days} d{start}"


def summarise(catalog: Catalog) -> str:
    """Return a one-line summary: number of tables, columns, personal columns, identifiers and sensitive columns."""
    personal = [entry for entry in catalog.entries if entry.is_personal]
    direct, sensitive = catalog.columns_of_role("direct"), catalog.columns_of_role("sensitive")
    return (
        f"{len(catalog.tables)} tables, {len(catalog.entries)} columns: {len(personal)} personal, "
        f"{len(direct)} direct identifiers, {len(sensitive)} sensitive; "
        f"{len(catalog.subject_tables())} tables about persons"
    )


def render_faults(faults: Iterable[Fault]) -> Text:
    """Return the faults, one per line, as `file:line: message (got; expected; hint)`."""
    lines = Text()
    for fault in faults:
        place = f"{fault.path}:{fault.line}:"
        lines.append(place, style="bold")
        lines.append(str(fault).removeprefix(place) + "\n")
    return lines
