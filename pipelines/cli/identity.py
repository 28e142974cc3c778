"""`bojagi identity`: resolve a person file, evaluate on labelled data, explain a pair; see `identity_desk` for more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.error_boundary import ErrorBoundary
from pipelines.cli.identity_desk import desk
from pipelines.cli.option import Data, installation_for

if TYPE_CHECKING:
    from pipelines.matching.explain import Explanation

app = typer.Typer(cls=ErrorBoundary, no_args_is_help=True, help="Which records are one person.")
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
    engine: Annotated[
        str, typer.Option(help="duckdb (in this process), or spark or sc://host:port (Splink's Spark backend).")
    ] = "duckdb",
) -> None:
    """Give every row of a person file a customer id."""
    from pipelines.cli.identity_file import resolve_file
    from pipelines.matching.resolve import Options

    resolve_file(source, out, mapping, Options(threshold=threshold, memory=memory, region=region), engine)


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
    from pipelines.cli.identity_file import Labelled, evaluate_labelled

    found = evaluate_labelled(name, Labelled(source, truth, mapping, data), memory, with_baseline=baseline)
    if not as_json:
        typer.echo(found.describe(), err=True)
    typer.echo(json.dumps(found.as_dict(), ensure_ascii=False, indent=None if as_json else 2))


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
    from pipelines.cli.identity_file import explain_records

    found, together = explain_records((first, second), source, mapping, installation_for(data), memory, quiet=as_json)
    if chart:
        from pipelines.matching.explain import draw_waterfall

        draw_waterfall(found, chart)
    if as_json:
        typer.echo(json.dumps({**found.as_dict(), "same_customer": together}, ensure_ascii=False))
    else:
        typer.echo(f"{found.as_text()}\nSame customer: {_verdict(found, together=together)}")


def _verdict(found: Explanation, *, together: bool) -> str:
    """Say whether both are one customer, and why where their own comparison says otherwise."""
    alike = found.rule is not None or found.weight > 0
    if together:
        return "yes" if alike else "yes, by way of other records or a steward's decision"
    return "no: other records of theirs, or a steward's decision, speak against it" if alike else "no"
