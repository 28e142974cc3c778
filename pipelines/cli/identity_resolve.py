"""Resolves a person file for the command `bojagi identity resolve`, and prints what it found."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import typer

from installation.errors import SettingsError
from installation.settings import load_settings
from pipelines.cli.grid import make_grid, open_console
from pipelines.engine.session import open_engine
from pipelines.errors import EngineError
from pipelines.matching.errors import UnsupportedEngineError
from pipelines.matching.mapping import Mapping, guess_mapping, load_mapping
from pipelines.matching.person_file import read_person_file, require_person_file_name, write_person_file
from pipelines.matching.resolution import Options, open_workspace
from pipelines.matching.spark_workspace import open_spark_workspace
from pipelines.matching.workspace import Workspace
from pipelines.register.customer_id import opaque_ids
from pipelines.register.file_customers import FileCustomers, Kept, resolve_file_customers
from pipelines.register.previous_file import free_id_column, id_columns, read_previous

_SHOWN_EVENTS = 20


@dataclass(frozen=True)
class FileJob:
    """What `resolve` reads and writes.

    Attributes:
        source: person file.
        out: file to write.
        mapping: YAML file with the columns of each part; None to guess them.
        previous: earlier outputs whose ids are kept.
        engine: duckdb, spark, or sc://host:port.
    """

    source: Path
    out: Path
    mapping: Path | None = None
    previous: Sequence[Path] = ()
    engine: str = "duckdb"


def resolve_file(job: FileJob, options: Options, *, as_json: bool) -> None:
    """Write a copy of a person file with a new column of customer ids, and print a summary.

    The column is `customer_id`, or `bojagi_customer_id` where the file has a column of that name, which is kept.
    """
    require_person_file_name(job.out)
    frame = read_person_file(job.source)
    notes = [*frame.attrs.pop("notes", ())]
    column = free_id_column(list(frame.columns))
    if column != "customer_id":
        notes.append(f"The column customer_id of the file is kept as it is; the new ids are in the column {column}.")
    parts = map_columns(frame, job.mapping)
    previous = read_previous(job.previous) if job.previous else None
    with _open_workspace(job.engine, options) as workspace:
        found = resolve_file_customers(workspace, frame, parts, options, opaque_ids(), previous)
    write_person_file(frame.assign(**{column: found.ids}), job.out)
    for note in (*notes, *found.warnings):
        typer.echo(f"Note: {note}", err=True)
    people, seconds = len(pd.unique(found.ids)), sum(found.resolution.seconds.values())
    typer.echo(f"{len(frame)} records are {people} people ({seconds:.1f} s). Wrote {job.out}.", err=True)
    if as_json:
        summary = _summary(found, len(frame), people, column) | {"warnings": [*notes, *found.warnings]}
        typer.echo(json.dumps(summary, ensure_ascii=False))
    elif found.kept:
        _print_kept(found.kept)


def map_columns(frame: pd.DataFrame, path: Path | None, *, quiet: bool = False) -> Mapping:
    """Return the mapping of a file's columns, read from YAML or guessed; print the guess on standard error.

    A guess leaves out columns of Bojagi's own ids: they are the result of an earlier run, not evidence.
    """
    if path is not None:
        return load_mapping(path, list(frame.columns))
    own = id_columns(frame)
    guessed = guess_mapping(frame, ignore=own)
    if not quiet:
        for name in own:
            typer.echo(
                f"Note: {name} has ids of an earlier run. They are kept in the file and are not compared; to continue "
                "with them give the earlier output with --previous.",
                err=True,
            )
        typer.echo(f"Guessed columns: {guessed.describe()}", err=True)
    return guessed


def _summary(found: FileCustomers, records: int, people: int, column: str) -> dict[str, Any]:
    seconds = round(sum(found.resolution.seconds.values()), 3)
    kept = found.kept and found.kept.as_dict()
    return {"records": records, "people": people, "id_column": column, "seconds": seconds, "previous": kept}


def _print_kept(kept: Kept) -> None:
    """Print how many rows kept their id on standard error, and the events as a table on standard output."""
    share = math.floor(10_000 * kept.kept_records / max(kept.known_records, 1)) / 100
    known = f"{kept.kept_records} of {kept.known_records} known records kept their id ({share:.2f} %)"
    typer.echo(
        f"{known if kept.known_records else 'No record is known'}; {kept.new_records} records are new. "
        f"{kept.missing_records} records of --previous are not in the input.",
        err=True,
    )
    if not kept.events:
        typer.echo("No merges, splits or moves.")
        return
    grid = make_grid("event", "from_customer_id", "to_customer_id", "records", numbers=("records",))
    for event in kept.events[:_SHOWN_EVENTS]:
        grid.add_row(event.event, event.from_customer_id, event.to_customer_id, str(event.records))
    open_console().print(grid)
    if len(kept.events) > _SHOWN_EVENTS:
        typer.echo(f"{len(kept.events) - _SHOWN_EVENTS} more events; --json lists all.", err=True)


@contextmanager
def _open_workspace(engine: str, options: Options) -> Iterator[Workspace]:
    """Open a workspace on DuckDB, or on a Spark session with Splink's functions."""
    if engine == "duckdb":
        with open_workspace(options) as connection:
            yield connection
        return
    if engine != "spark" and not engine.startswith("sc://"):
        raise UnsupportedEngineError(
            f"Matching cannot use the engine {engine!r}: expected duckdb, spark or sc://host:port. "
            "Leave out --engine to use duckdb."
        )
    try:
        with (
            open_engine(load_settings(engine=engine, engine_memory=options.memory)) as opened,
            open_spark_workspace(opened.spark) as workspace,
        ):
            yield workspace
    except (EngineError, SettingsError) as error:
        raise UnsupportedEngineError(str(error)) from error
