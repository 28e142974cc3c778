"""Renders the data map and the faults of contracts for the terminal; for JSON use `Catalog.as_rows`."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from privacy.catalog import Catalog, MappedColumn
from privacy.contract.fault import Fault

_ROLE_STYLES = {"direct": "red", "sensitive": "magenta", "quasi": "yellow", "none": "dim"}


def render_data_map(catalog: Catalog, tables: Iterable[str] | None = None) -> Table:
    """Return the data map as a table for the terminal. An empty cell repeats the value of the row above."""
    title = "Data map: record of processing activities (* marks the subject key)"
    view = Table(title=title, title_justify="left", expand=False)
    for title in ("Table", "Column", "Category", "Identifier", "Purposes by legal basis", "Retention", "Recipients"):
        view.add_column(title, overflow="fold")
    for table in tables if tables is not None else catalog.tables:
        above: MappedColumn | None = None
        for entry in catalog.columns(table):
            view.add_row(*_cells(entry, above))
            above = entry
        view.add_section()
    return view


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


def _cells(entry: MappedColumn, above: MappedColumn | None) -> list[Text | str]:
    purposes, retention = describe_purposes(entry), describe_retention(entry)
    recipients = ", ".join(entry.recipients)
    is_first = above is None
    return [
        Text(entry.table if is_first else "", style="bold"),
        Text(entry.column + (" *" if entry.is_subject_key else "")),
        Text(entry.category, style="" if entry.is_personal else "dim"),
        Text("" if entry.role == "none" else entry.role, style=_ROLE_STYLES[entry.role]),
        Text("" if above is not None and purposes == describe_purposes(above) else purposes),
        Text(retention if is_first else ""),
        Text(recipients if is_first else ""),
    ]
