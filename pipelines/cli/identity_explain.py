"""Explains two records of a file for the command `bojagi identity explain`, and prints the report."""

from __future__ import annotations

from collections.abc import Mapping as Map
from pathlib import Path

import pandas as pd
import typer

from pipelines.cli.grid import make_grid, open_console
from pipelines.cli.identity_resolve import map_columns
from pipelines.matching.comparison_column import name_by_columns
from pipelines.matching.errors import SourceFileError
from pipelines.matching.explanation import explain
from pipelines.matching.mapping import Mapping
from pipelines.matching.pair_report import PairReport, explains_match, report_pair
from pipelines.matching.person_file import read_person_file
from pipelines.matching.resolution import Options, open_workspace, resolve


def explain_records(
    source: Path, mapping: Path | None, keys: tuple[str, str], memory: str, *, quiet: bool
) -> PairReport:
    """Resolve a person file and report on two of its records, with their values.

    Args:
        source: person file.
        mapping: YAML file with the columns of each part; None to guess them.
        keys: record id of each record, or row number if the file has no record ids.
        memory: memory limit of the matching.
        quiet: whether to leave out the guessed columns.

    Raises:
        SourceFileError: the file cannot be read, has no such record, or cannot train a model.
    """
    frame = read_person_file(source)
    parts = map_columns(frame, mapping, quiet=quiet)
    first, second = (_row(frame, parts, key) for key in keys)
    columns = list(dict.fromkeys(c for found in parts.parts().values() for c in found))

    def describe(row: int) -> tuple[str, Map[str, str | None]]:
        values: dict[str, str | None] = {str(column): value for column, value in frame.iloc[row].items()}
        name = values[parts.record_id] if parts.record_id else None
        return str(row) if name is None else name, {column: values[column] for column in columns}

    with open_workspace(Options(memory=memory)) as workspace:
        resolution = resolve(workspace, frame, parts, Options(memory=memory))
        if resolution.model is None:
            raise SourceFileError(
                f"{source.name}: no two records share a blocking key, so no model was trained and nothing can be "
                "explained. Check --mapping, or use a larger file."
            )
        found = explain(workspace, resolution.model, first, second)
    values = describe(first)[1], describe(second)[1]
    reason = None
    if parts.one_per_person and parts.source and frame[parts.source].iloc[[first, second]].nunique(dropna=False) == 1:
        reason = "both are records of one source, and the mapping says that a source has one record per person"
    named = name_by_columns(found, parts, values)
    return report_pair(named, resolution.group, resolution.pairs, (first, second), describe, reason)


def print_report(report: PairReport) -> None:
    """Print the waterfall, the verdict, and the records that link the two or keep them apart."""
    typer.echo(report.explanation.as_text())
    if any(step.columns and step.values is None for step in report.explanation.steps):
        typer.echo("Values that the role may not read are left out.")
    is_match, reason = explains_match(report.explanation), report.reason
    if report.is_together == is_match or reason:
        typer.echo(f"Same customer: {'yes' if report.is_together else 'no'}{f', because {reason}' if reason else ''}")
    elif report.is_together:
        others = [record.name for record in report.link_path[1:-1]]
        typer.echo(f"Same customer: yes, because of {_listed(others)}" if others else "Same customer: yes")
    else:
        typer.echo("Same customer: no, because of other records")
    if report.link_path:
        _print_path(report)
    if report.separating_pairs:
        typer.echo("Pairs that speak most against one person:")
        grid = make_grid("record", "other record", "weight", numbers=("weight",))
        for first, second, weight in report.separating_pairs:
            grid.add_row(first, second, f"{weight:+.2f}")
        open_console().print(grid)
    elif not report.is_together and is_match and not reason:
        typer.echo(
            "No pair speaks against it, but most pairs of the two people have too little in common to compare them."
        )


def _listed(names: list[str]) -> str:
    return f"record {names[0]}" if len(names) == 1 else f"the records {', '.join(names)}"


def _print_path(report: PairReport) -> None:
    typer.echo("Each record, with its match weight to the next:")
    columns = [c for c in report.link_path[0].values if any(r.values.get(c) for r in report.link_path)]
    grid = make_grid("record", "weight", *columns, numbers=("weight",))
    for record in report.link_path:
        weight = "" if record.weight is None else f"{record.weight:+.2f}"
        grid.add_row(record.name, weight, *(record.values.get(c) or "" for c in columns))
    open_console().print(grid)


def _row(frame: pd.DataFrame, mapping: Mapping, key: str) -> int:
    if mapping.record_id:
        found = frame.index[frame[mapping.record_id] == key]
        if len(found) == 1:
            return int(found[0])
        count = f"{len(found)} records have" if len(found) else "No record has"
        raise SourceFileError(
            f"{count} the {mapping.record_id} {key!r}. Give a {mapping.record_id} that exactly one record has."
        )
    if key.isdigit() and int(key) < len(frame):
        return int(key)
    raise SourceFileError(
        f"The file has no id column. Give a row number from 0 to {len(frame) - 1}, or map the column record_id with "
        "--mapping."
    )
