"""Commands `bojagi anonymize` and `bojagi risk`, for any CSV, Parquet or Delta table."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from installation.errors import SettingsError
from pipelines.cli.grid import open_console
from pipelines.cli.option import Json
from pipelines.cli.place_option import InputPlace
from pipelines.cli.risk_text import risk_text
from pipelines.cli.table_file import read_table, require_output, write_table

if TYPE_CHECKING:
    import pandas as pd

    from privacy.anonymity.anonymize import Anonymized
    from privacy.anonymity.spec.specification import Spec

Input = Annotated[
    Path,
    typer.Option(
        "--input", help="CSV or Parquet file, or a Delta table's folder; also by URL.", click_type=InputPlace()
    ),
]
Delimiter = Annotated[str, typer.Option("--delimiter", help="Delimiter of a CSV input.")]


def anonymize_command(
    spec_path: Annotated[
        Path, typer.Argument(metavar="SPEC", help="Specification of the release (YAML).", exists=True, dir_okay=False)
    ],
    source: Input,
    output: Annotated[
        Path | None, typer.Option("--output", help="CSV or Parquet file to write; a folder with --engine.")
    ] = None,
    sweep: Annotated[
        str | None,
        typer.Option("--sweep", help="Compare releases instead of writing one: k=2,5,10,25,50; see --report."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="Folder for report.html and report.json.", file_okay=False)
    ] = None,
    population_table: Annotated[
        Path | None,
        typer.Option(
            "--population-table",
            help="Table of the whole population, for k_map and delta_presence.",
            click_type=InputPlace(),
        ),
    ] = None,
    delimiter: Delimiter = ",",
    engine: Annotated[
        str | None,
        typer.Option(
            "--engine", help="sail, spark or sc://host:port, for a Delta table or Parquet folder of any size."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Anonymise a table so that every model of SPEC holds, and verify it by independent code.

    SPEC gives each column a role (identifying, quasi, sensitive, insensitive) and lists the models, such as
    `columns: {age: {role: quasi}, illness: {role: sensitive}}` and `models: [{name: k_anonymity, k: 5}]`;
    docs/anonymity.md lists its fields. Columns that it does not name are not released. When the verifier refuses the
    result, nothing is written.

    With --sweep nothing is released: one page shows risk against utility for each k.

    [bold]Examples[/bold]

      bojagi anonymize spec.yaml --input people.csv --sweep k=2,5,10,25,50 --report sweep
      bojagi anonymize spec.yaml --input people.csv --output release.csv --report report
    """
    from privacy.anonymity import anonymize, load_spec
    from privacy.anonymity.kernel.compiled_code import is_compiled
    from privacy.anonymity.report.wording import ALONE
    from privacy.anonymity.risk.homogeneity import measure_homogeneity

    spec = load_spec(spec_path)
    if spec.algorithm == "local" and not is_compiled():
        typer.echo("Compiling the search for the first use on this machine; this takes up to half a minute …", err=True)
    if sweep is not None:
        if output is not None or engine is not None or population_table is not None:
            raise SettingsError("--sweep writes no release; leave out --output, --engine and --population-table")
        _sweep(read_table(source, delimiter), spec, sweep, report, source.name, as_json)
        return
    if output is None:
        raise SettingsError(
            "--output is missing: name the file of the release, or compare releases with --sweep k=5,10"
        )
    if engine is not None:
        if report is not None or population_table is not None or not source.is_dir():
            raise SettingsError(
                "--engine reads the folder of a Delta table or of Parquet files, without --population-table and "
                "--report; remove these options, or --engine"
            )
        from pipelines.cli.anonymize_on_engine import release_on_engine

        _show(release_on_engine(spec, source, output, engine), as_json)
        return
    require_output(output, source)
    frame = read_table(source, delimiter)
    population = None if population_table is None else read_table(population_table, delimiter)
    with open_console(stderr=True).status("Searching for the release with the least information loss …"):
        result = anonymize(frame, spec, population)
    pages = {} if report is None else _report_pages(frame, result, spec, source.name)
    write_table(result.table, output, delimiter)
    if report is not None:
        report.mkdir(parents=True, exist_ok=True)
        for name, text in pages.items():
            (report / name).write_text(text, encoding="utf-8")
    before, after = _highest_risks(frame, result, spec)
    figures = {
        "output": str(output),
        "rows": len(result.table),
        "suppressed": result.suppressed,
        "classes": result.classes,
        "information_loss": round(float(result.loss), 6),
        "highest_risk_before": before,
        "highest_risk_after": after,
        "measured": dict(result.verdict.measured),
        "homogeneity": [asdict(one) for one in measure_homogeneity(result.table, frame, spec)],
        "other_releases": ALONE,
    }
    _show(figures, as_json)


def risk_command(
    source: Input,
    quasi: Annotated[str, typer.Option("--quasi", help="Quasi-identifiers, separated by commas.")],
    person: Annotated[
        str | None, typer.Option("--person", help="Column that identifies people with several rows.")
    ] = None,
    population: Annotated[
        int | None,
        typer.Option("--population", help="Size of the population, to estimate how many people are unique in it."),
    ] = None,
    population_table: Annotated[
        Path | None,
        typer.Option(
            "--population-table",
            help="Table of the whole population, for the journalist risk.",
            click_type=InputPlace(),
        ),
    ] = None,
    riskiest: Annotated[int, typer.Option("--riskiest", min=0, help="Number of rows at the highest risk to list.")] = 0,
    delimiter: Delimiter = ",",
    as_json: Json = False,
) -> None:
    """Measure the re-identification risk of a table without changing it.

    Rows are numbered from 1, starting below the header. Population uniques are people of the whole population.
    """
    from privacy.anonymity.risk.reidentification_risk import highest_risk_rows, measure_risk

    frame = read_table(source, delimiter)
    names = [name.strip() for name in quasi.split(",") if name.strip()]
    everyone = None if population_table is None else read_table(population_table, delimiter)
    risk = measure_risk(frame, names, person, population, everyone)
    rows = [int(row) + 1 for row in highest_risk_rows(frame, names, riskiest, person)]
    if as_json:
        _show({**asdict(risk), **({"riskiest_rows": rows} if riskiest else {})}, as_json)
        return
    lines = risk_text(risk)
    _print({**lines, **({"rows at highest risk": ", ".join(map(str, rows))} if riskiest else {})})


def _sweep(frame: "pd.DataFrame", spec: "Spec", wanted: str, report: Path | None, title: str, as_json: bool) -> None:
    """Searches a release for each k, and prints or writes the comparison."""
    from privacy.anonymity.report.sweep_page import render_sweep, sweep_rows
    from privacy.anonymity.sweep import sweep_k

    name, _, listed = wanted.partition("=")
    if name != "k" or not all(part.strip().isdigit() for part in listed.split(",")):
        raise SettingsError(f"--sweep {wanted}: expected values of k, such as k=2,5,10,25,50")
    points = []
    with open_console(stderr=True).status("Searching …") as status:
        for point in sweep_k(frame, spec, [int(part) for part in listed.split(",")]):
            points.append(point)
            status.update(f"Searched k = {point.k} …")
    if report is not None:
        report.mkdir(parents=True, exist_ok=True)
        (report / "sweep.html").write_text(render_sweep(points, f"Sweep of {title}"), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps([asdict(point) for point in points], ensure_ascii=False))
        return
    head, rows = sweep_rows(points)
    table = Table(*head)
    for row in rows:
        table.add_row(*row)
    open_console().print(table)
    if report is not None:
        typer.echo(f"page: {report / 'sweep.html'}")


def _report_pages(frame: "pd.DataFrame", made: "Anonymized", spec: "Spec", title: str) -> dict[str, str]:
    """Returns the report's files by name."""
    from privacy.anonymity.report.document import render_json
    from privacy.anonymity.report.html_page import render_html
    from privacy.anonymity.report.measurement import make_report

    report = make_report(frame, made.table, spec, made.suppressed, f"Release of {title}", verdict=made.verdict)
    return {"report.html": render_html(report), "report.json": render_json(report)}


def _highest_risks(frame: "pd.DataFrame", made: "Anonymized", spec: "Spec") -> tuple[float, float]:
    """Returns the highest prosecutor risk before and after the release."""
    from privacy.anonymity.risk.reidentification_risk import class_sizes

    after = made.table if spec.person is None else made.table.assign(**{spec.person: frame[spec.person]})
    smallest = [int(class_sizes(part, spec.quasi, spec.person)["people"].min()) for part in (frame, after)]
    return 1 / smallest[0], 1 / smallest[1]


def _show(figures: dict[str, object], as_json: bool) -> None:
    """Prints the figures of a release as a table, or as JSON."""
    from privacy.anonymity.report.wording import homogeneity_text, measured_text
    from privacy.anonymity.risk.homogeneity import Homogeneity

    if as_json:
        typer.echo(json.dumps(figures, ensure_ascii=False, default=str))
        return
    lines: dict[str, object] = {}
    for name, value in figures.items():
        if name == "homogeneity":
            assert isinstance(value, list)
            lines |= {f"reveals of {one['column']}": homogeneity_text(Homogeneity(**one)) for one in value}
            continue
        text = measured_text(value) if isinstance(value, dict) else value
        lines[name.replace("_", " ")] = f"{text:.4g}" if isinstance(text, float) else text
    _print(lines)


def _print(lines: dict[str, object]) -> None:
    table = Table(show_header=False)
    for name, value in lines.items():
        table.add_row(name, str(value))
    open_console().print(table)
