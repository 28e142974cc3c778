"""Writes the result of `bojagi read`: as text, CSV, JSON or Parquet, to the terminal or to a file."""

from __future__ import annotations

import json
import sys
from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

import typer

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.console import Console

    from privacy.access.reader import Read

WIDEST_CELL = 32
"""Characters of a cell from which on its text is wrapped; a column's width counts up to it."""
_GAP = 2


class ReadFormat(StrEnum):
    """The forms in which rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def choose_format(form: ReadFormat | None, out: Path | None, *, as_json: bool) -> ReadFormat:
    """Return the format that the options state, or that the file's ending states; else `table`.

    Raises:
        typer.BadParameter: the options contradict each other, or Parquet would be written to the terminal.
    """
    if as_json:
        if form not in (None, ReadFormat.JSON):
            raise typer.BadParameter("--json means --format json; leave one of both out", param_hint="--json")
        form = ReadFormat.JSON
    if form is None and out is not None:
        known = {f".{one.value}": one for one in ReadFormat if one is not ReadFormat.TABLE}
        form = known.get(out.suffix.lower())
        if form is None:
            raise typer.BadParameter(
                f"{out.name} has no ending of {', '.join(known)}; rename it, or add --format", param_hint="--out"
            )
    if form is ReadFormat.PARQUET and out is None:
        raise typer.BadParameter("Parquet needs a file; add --out FILE.parquet", param_hint="--format")
    return form or ReadFormat.TABLE


def require_free(out: Path, *, force: bool) -> None:
    """Check, before the read, that the file can be written.

    Raises:
        typer.BadParameter: it exists and must not be replaced, it is a folder, or its folder is missing.
    """
    if out.is_dir() or not out.absolute().parent.is_dir():
        raise typer.BadParameter(f"{out} is not a file in an existing folder; name another", param_hint="--out")
    if out.exists() and not force:
        raise typer.BadParameter(f"{out} exists; name another file, or replace it with --force", param_hint="--out")


def write_read(found: Read[pa.Table], form: ReadFormat, out: Path | None, *, vertical: bool) -> None:
    """Write the rows of a read. A file with personal data is private to its owner (mode 0600)."""
    if out is None:
        if form is ReadFormat.TABLE:
            from pipelines.cli.grid import open_console

            print_read(found, open_console(), vertical=vertical)
        else:
            _write(found, form, sys.stdout.buffer)
        return
    with _draft(out, is_private=found.plan.is_personal) as draft:
        if form is ReadFormat.TABLE:
            _write_text(found, draft, vertical=vertical)
        else:
            with draft.open("wb") as file:
                _write(found, form, file)
    note = f"Wrote {found.frame.num_rows:,} rows to {out}."
    if found.plan.is_personal:
        note += " Only you can read it. Requests for erasure do not reach it: delete it when it is no longer needed."
    typer.echo(note, err=True)


def print_read(found: Read[pa.Table], console: Console, *, vertical: bool) -> None:
    """Print the rows as a table, or one column a line where the table would be too wide, then what was left out."""
    rows = found.frame.to_pylist()
    if vertical or _width(found.plan.columns, rows) > console.width:
        _print_vertical(found.plan.columns, rows, console)
    else:
        _print_grid(found.plan.columns, rows, console)
    console.print(f"\n{_summary(found)}")
    by_reason: dict[str, list[str]] = {}
    for name, reason in found.plan.left_out.items():
        by_reason.setdefault(reason, []).append(name)
    for reason, names in by_reason.items():
        console.print(f"  left out ({reason}): {', '.join(names)}", style="dim")


def _draft(out: Path, *, is_private: bool) -> AbstractContextManager[Path]:
    from privacy.storage.atomic_file import private_draft, public_draft

    return private_draft(out) if is_private else public_draft(out)


def _write(found: Read[pa.Table], form: ReadFormat, file: BinaryIO | IO[bytes]) -> None:
    if form is ReadFormat.JSON:
        file.write(json.dumps(_document(found), ensure_ascii=False, default=str, indent=1).encode() + b"\n")
    elif form is ReadFormat.CSV:
        from pyarrow.csv import write_csv

        write_csv(found.frame, file)
    else:
        from pyarrow.parquet import write_table

        write_table(found.frame, file)


def _write_text(found: Read[pa.Table], path: Path, *, vertical: bool) -> None:
    from rich.console import Console

    from pipelines.cli.grid import PIPE_WIDTH

    with path.open("w", encoding="utf-8") as file:
        print_read(found, Console(file=file, width=PIPE_WIDTH, highlight=False), vertical=vertical)


def _document(found: Read[pa.Table]) -> dict[str, Any]:
    plan = found.plan
    return {
        "table": plan.table, "purpose": plan.purpose, "columns": list(plan.columns), "left_out": dict(plan.left_out),
        "subjects": found.subjects, "is_pseudonymised": plan.is_pseudonymised, "rows": found.frame.to_pylist(),
    }  # fmt: skip


def _summary(found: Read[pa.Table]) -> str:
    plan, shown = found.plan, found.frame.num_rows
    if found.subjects is None:
        whose = f"{plan.table} holds no persons"
    elif found.condition is None:
        whose = f"{plan.table} holds {found.subjects:,} people who permit {plan.purpose}"
    else:
        whose = f"the condition holds for {found.subjects:,} people in {plan.table} who permit {plan.purpose}"
    return f"{shown} rows shown; {whose}. The read is in the log: bojagi audit show"


def _text(value: Any) -> str:
    from rich.markup import escape

    # A value may look like Rich's markup, which would be hidden or refused.
    return "" if value is None else escape(str(value))


def _width(columns: tuple[str, ...], rows: list[dict[str, Any]]) -> int:
    """Return the width at which no cell of up to `WIDEST_CELL` characters is broken."""
    from rich.cells import cell_len

    widths = [
        max(cell_len(name), *(min(WIDEST_CELL, cell_len(str(row[name]))) for row in rows if row[name] is not None), 0)
        for name in columns
    ]
    return sum(widths) + _GAP * (len(widths) - 1)


def _print_grid(columns: tuple[str, ...], rows: list[dict[str, Any]], console: Console) -> None:
    from pipelines.cli.grid import make_grid

    grid = make_grid(*columns)
    for row in rows:
        grid.add_row(*(_text(row[name]) for name in columns))
    console.print(grid)


def _print_vertical(columns: tuple[str, ...], rows: list[dict[str, Any]], console: Console) -> None:
    from rich.table import Table

    longest = min(max(map(len, columns), default=1), console.width // 2)
    for number, row in enumerate(rows, 1):
        console.print(f"row {number} of {len(rows)}", style="bold")
        lines = Table(box=None, show_header=False, pad_edge=False, padding=(0, _GAP, 0, 0))
        lines.add_column(width=longest, overflow="fold", style="dim")
        lines.add_column(overflow="fold")
        for name in columns:
            lines.add_row(name, _text(row[name]))
        console.print(lines)
