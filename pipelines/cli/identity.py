"""Commands `bojagi identity resolve`, `evaluate` and `explain`; the commands for stewards are in `identity_steward`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.error_boundary import ErrorBoundary
from pipelines.cli.identity_steward import steward_app
from pipelines.cli.option import Data, installation_for

if TYPE_CHECKING:
    from pipelines.matching.explanation import Explanation

app = typer.Typer(cls=ErrorBoundary, no_args_is_help=True, help="Find the records that belong to one person.")
app.registered_commands += steward_app.registered_commands
Input = Annotated[Path, typer.Option("--input", help="Person file, CSV or Parquet.")]
MappingFile = Annotated[
    Path | None,
    typer.Option(
        "--mapping",
        help="YAML file that maps parts (phone, surname, …) to columns, for example `phone: mobile_number`. "
        "Without it the columns are guessed.",
    ),
]
Memory = Annotated[str, typer.Option(help="Memory limit of the matching, for example 4GB.")]
Region = Annotated[str, typer.Option(help="Two-letter country of phone numbers without a country code.")]


@app.command("resolve")
def resolve_command(
    source: Input,
    out: Annotated[
        Path, typer.Option("--out", help="File to write, CSV or Parquet: all rows with a new column customer_id.")
    ],
    mapping: MappingFile = None,
    previous: Annotated[
        list[Path] | None,
        typer.Option(
            "--previous",
            help="Earlier output whose customer ids are kept, or a file of record ids and customer_id. Repeatable.",
        ),
    ] = None,
    threshold: Annotated[
        float,
        typer.Option(help="Match weight (log2 odds) above which records are one person. A higher value joins fewer."),
    ] = 0.0,
    memory: Memory = "4GB",
    region: Region = "KR",
    engine: Annotated[
        str, typer.Option(help="duckdb (in this process), spark, or sc://host:port of a Spark server.")
    ] = "duckdb",
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON on one line.")] = False,
) -> None:
    """Write a copy of a person file with a customer id for every row.

    With --previous, rows keep the ids of an earlier output, and merges, splits and moves are listed.
    """
    from pipelines.cli.identity_resolve import FileJob, resolve_file
    from pipelines.matching.resolution import Options

    options = Options(threshold=threshold, memory=memory, region=region)
    resolve_file(FileJob(source, out, mapping, tuple(previous or ()), engine), options, as_json=as_json)


@app.command("evaluate")
def evaluate_command(
    name: Annotated[
        str | None, typer.Argument(help="Data set: febrl1 … febrl4, historical_50k or simulated. Or give --input.")
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--input", help="Labelled person file instead of a data set; needs --truth.")
    ] = None,
    truth: Annotated[str | None, typer.Option(help="Column of --input with the true person.")] = None,
    mapping: MappingFile = None,
    data: Annotated[
        Path | None,
        typer.Option(help="For historical_50k: its Parquet file. For simulated: the folder with landing/ and truth/."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON on one line.")] = False,
    baseline: Annotated[bool, typer.Option(help="Also run plain Splink on the same records.")] = True,
    memory: Memory = "4GB",
) -> None:
    """Measure precision, recall and time on labelled records, compared with plain Splink."""
    from pipelines.cli.identity_file import Labelled, evaluate_labelled

    found = evaluate_labelled(name, Labelled(source, truth, mapping, data), memory, with_baseline=baseline)
    if not as_json:
        typer.echo(found.describe(), err=True)
    typer.echo(json.dumps(found.as_dict(), ensure_ascii=False, indent=None if as_json else 2))


@app.command("explain")
def explain_command(
    first: Annotated[
        str,
        typer.Argument(
            help="With --input: a record id, or a row number (from 0) if the file has no id column. "
            "Without --input: a customer id, or kind:value such as member_no:M000000001."
        ),
    ],
    second: Annotated[str, typer.Argument(help="The other record or customer.")],
    source: Annotated[
        Path | None, typer.Option("--input", help="Person file, CSV or Parquet. Without it the lakehouse is used.")
    ] = None,
    mapping: MappingFile = None,
    data: Data = None,
    chart: Annotated[
        Path | None, typer.Option(help="Also draw a waterfall chart to this file (.png, .svg or .pdf).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")] = False,
    memory: Memory = "4GB",
) -> None:
    """Show the match weight of two records, or two customers, and the contribution of each comparison."""
    from pipelines.cli.identity_file import explain_records

    found, together = explain_records((first, second), source, mapping, installation_for(data), memory, quiet=as_json)
    if chart:
        from pipelines.matching.explanation import draw_waterfall

        draw_waterfall(found, chart)
    if as_json:
        typer.echo(json.dumps({**found.as_dict(), "same_customer": together}, ensure_ascii=False))
    else:
        typer.echo(f"{found.as_text()}\nSame customer: {_verdict(found, together=together)}")


def _verdict(found: Explanation, *, together: bool) -> str:
    """Return yes or no as text: whether both are one customer. Adds the reason if the match weight disagrees."""
    is_match = found.rule is not None or found.weight > 0
    if together:
        return "yes" if is_match else "yes, because of other records or a steward's decision"
    return "no, because of other records or a steward's decision" if is_match else "no"
