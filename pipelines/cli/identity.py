"""Commands `bojagi identity resolve`, `evaluate` and `explain`; the commands for stewards are in `identity_steward`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.error_boundary import ErrorBoundary
from pipelines.cli.identity_steward import steward_app
from pipelines.cli.option import Data, installation_for
from pipelines.cli.place_option import InputPlace

app = typer.Typer(cls=ErrorBoundary, no_args_is_help=True, help="Find the records that belong to one person.")
app.registered_commands += steward_app.registered_commands
Input = Annotated[
    Path, typer.Option("--input", help="Person file, CSV or Parquet; also by URL.", click_type=InputPlace())
]
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
    role: Annotated[
        str, typer.Option("--role", help="Without --input: role whose columns are shown; logged as declared.")
    ] = "data_steward",
    chart: Annotated[
        Path | None, typer.Option(help="Also draw a waterfall chart to this file (.png, .svg or .pdf).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")] = False,
    memory: Memory = "4GB",
) -> None:
    """Show whether two records, or two customers, are one person, and why.

    It shows the match weight, the contribution of each comparison, and records that link the two or keep them apart.
    Values of customers are shown as far as the role may read them in the registers.
    """
    if source is None:
        from pipelines.cli.identity_steward import explain_customers

        found = explain_customers(installation_for(data), (first, second), role)
    else:
        from pipelines.cli.identity_explain import explain_records

        found = explain_records(source, mapping, (first, second), memory, quiet=as_json)
    if chart:
        from pipelines.matching.explanation import draw_waterfall

        draw_waterfall(found.explanation, chart)
    if as_json:
        typer.echo(json.dumps(found.as_dict(), ensure_ascii=False))
    else:
        from pipelines.cli.identity_explain import print_report

        print_report(found)
