"""Writes the page of a report, and prints where it is."""

from __future__ import annotations

from pathlib import Path

import typer


def write_report(report: Path, page: str) -> None:
    """Write a page without rows of persons. A former file of this name is replaced."""
    from privacy.storage.atomic_file import public_draft

    with public_draft(report) as draft:
        draft.write_text(page, "utf-8")
    typer.echo(f"Wrote {report}", err=True)
