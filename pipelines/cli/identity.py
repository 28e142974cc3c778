"""`bojagi identity`: resolve a person file, evaluate on labelled data, explain a pair; see `identity_desk` for more."""

import json
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from pipelines.cli.identity_desk import desk, explain_customers, stop
from pipelines.cli.option import Data, settings_for
from pipelines.identity.dataset import (
    FEBRL,
    HISTORICAL,
    LabelledFile,
    load_febrl,
    load_historical,
    load_labelled,
    load_simulated,
)
from pipelines.identity.errors import IdentityError, MappingError, SourceFileError
from pipelines.identity.evaluate import evaluate
from pipelines.identity.explain import Explanation, draw_waterfall, explain
from pipelines.identity.history import new_customer_id
from pipelines.identity.mapping import Mapping, guess_mapping, load_mapping
from pipelines.identity.person_file import read_person_file, write_person_file
from pipelines.identity.resolve import Options, Resolution, open_workspace, resolve

app = typer.Typer(no_args_is_help=True, help="Which records are one person.")
app.registered_commands += desk.registered_commands
Input = Annotated[Path, typer.Option("--input", help="Person file, CSV or Parquet.")]
MappingFile = Annotated[Path | None, typer.Option("--mapping", help="YAML: part: column(s).")]
Memory = Annotated[str, typer.Option(help="Memory limit of the matching, for example 4GB.")]
Region = Annotated[str, typer.Option(help="Country of phone numbers without a country code.")]


@app.command("resolve")
def resolve_command(
    source: Input,
    out: Annotated[Path, typer.Option("--out", help="Output, CSV or Parquet: the rows plus customer_id.")],
    mapping: MappingFile = None,
    threshold: Annotated[float, typer.Option(help="Log2 odds above which records are one person.")] = 0.0,
    memory: Memory = "4GB",
    region: Region = "KR",
) -> None:
    """Give every row of a person file a customer id."""
    try:
        frame = read_person_file(source)
        parts = _mapping(frame, mapping)
        with open_workspace(Options(threshold=threshold, memory=memory, region=region)) as workspace:
            answer = resolve(workspace, frame, parts, Options(threshold=threshold, memory=memory, region=region))
        ids = {group: new_customer_id() for group in pd.unique(answer.group)}
        write_person_file(frame.assign(customer_id=[ids[g] for g in answer.group]), out)
    except IdentityError as error:
        raise stop(error) from None
    _report(answer, len(frame), len(ids))


@app.command("evaluate")
def evaluate_command(
    name: Annotated[str | None, typer.Argument(help="febrl1 … febrl4, historical_50k or simulated.")] = None,
    source: Annotated[Path | None, typer.Option("--input", help="Labelled file instead of a name.")] = None,
    truth: Annotated[str | None, typer.Option(help="Column of --input with the true person.")] = None,
    mapping: MappingFile = None,
    data: Annotated[
        Path | None,
        typer.Option(help="historical_50k: its file. simulated: the folder with landing/ and truth/."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False,
    baseline: Annotated[bool, typer.Option(help="Run plain Splink as well.")] = True,
    memory: Memory = "4GB",
) -> None:
    """Measure precision, recall and time on labelled data, beside plain Splink."""
    try:
        labelled = _labelled(name, source, truth, mapping, data)
        found = evaluate(labelled, Options(memory=memory), with_baseline=baseline).as_dict()
    except IdentityError as error:
        raise stop(error) from None
    typer.echo(json.dumps(found, ensure_ascii=False, indent=None if as_json else 2))


@app.command("explain")
def explain_command(
    first: Annotated[
        str,
        typer.Argument(help="Record id, or the row number when the file has no id column; without --input as in link."),
    ],
    second: Annotated[str, typer.Argument(help="Another record.")],
    source: Annotated[
        Path | None, typer.Option("--input", help="Person file, CSV or Parquet; the lakehouse if left out.")
    ] = None,
    mapping: MappingFile = None,
    data: Data = None,
    chart: Annotated[Path | None, typer.Option(help="Also draw the waterfall (.png, .svg, .pdf).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False,
    memory: Memory = "4GB",
) -> None:
    """Show what each comparison says about two records."""
    try:
        if source is None:
            found, together = explain_customers(settings_for(data), first, second)
        else:
            found, together = _explain_file(source, mapping, (first, second), memory, quiet=as_json)
    except IdentityError as error:
        raise stop(error) from None
    if chart:
        draw_waterfall(found, chart)
    if as_json:
        typer.echo(json.dumps({**found.as_dict(), "same_customer": together}, ensure_ascii=False))
    else:
        typer.echo(f"{found.as_text()}\nSame customer: {'yes' if together else 'no'}")


def _explain_file(
    source: Path, mapping: Path | None, keys: tuple[str, str], memory: str, *, quiet: bool
) -> tuple[Explanation, bool]:
    frame = read_person_file(source)
    parts = _mapping(frame, mapping, quiet=quiet)
    rows = [_row(frame, parts, key) for key in keys]
    with open_workspace(Options(memory=memory)) as workspace:
        answer = resolve(workspace, frame, parts, Options(memory=memory))
        if answer.model is None:
            raise SourceFileError("No two records of the file share anything; there is nothing to explain.")
        found = explain(workspace, answer.model, rows[0], rows[1])
    return found, bool(answer.group[rows[0]] == answer.group[rows[1]])


def _mapping(frame: pd.DataFrame, path: Path | None, *, quiet: bool = False) -> Mapping:
    if path is not None:
        return load_mapping(path, list(frame.columns))
    guessed = guess_mapping(frame)
    if not quiet:
        typer.echo(f"Guessed columns: {guessed.describe()}", err=True)
    return guessed


def _labelled(
    name: str | None, source: Path | None, truth: str | None, mapping: Path | None, data: Path | None
) -> LabelledFile:
    if source is not None:
        if truth is None or name is not None:
            raise MappingError("--input takes --truth COLUMN and no data set name.")
        loaded = load_labelled(source, truth)
        parts = load_mapping(mapping, list(loaded.frame.columns)) if mapping else loaded.mapping
        return LabelledFile(loaded.name, loaded.frame, loaded.truth, parts)
    if name in FEBRL:
        return load_febrl(name)
    if name == HISTORICAL:
        if data is None:
            raise SourceFileError(
                "historical_50k is not part of bojagi: give its Parquet file (a Splink data set) with --data."
            )
        return load_historical(data)
    if name == "simulated":
        return load_simulated(data or Path("data"))
    raise MappingError(f"Unknown data set {name!r}; known: {', '.join(FEBRL)}, {HISTORICAL}, simulated, or --input.")


def _row(frame: pd.DataFrame, mapping: Mapping, key: str) -> int:
    if mapping.record_id:
        found = frame.index[frame[mapping.record_id] == key]
        if len(found) == 1:
            return int(found[0])
        raise SourceFileError(f"{len(found)} records have that {mapping.record_id}; expected one.")
    if key.isdigit() and int(key) < len(frame):
        return int(key)
    raise SourceFileError(f"Expected a row number from 0 to {len(frame) - 1}: the file has no id column.")


def _report(answer: Resolution, records: int, people: int) -> None:
    for warning in answer.warnings:
        typer.echo(f"Note: {warning}", err=True)
    seconds = sum(answer.seconds.values())
    typer.echo(f"{records} records are {people} people ({seconds:.1f} s).", err=True)
