"""`bojagi anonymize` and `bojagi risk`: a release of any CSV, Parquet or Delta table, and the risk of any table."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from pipelines.cli.option import Json
from pipelines.errors import SettingsError

if TYPE_CHECKING:
    import pandas as pd

    from privacy.anonymity.report import Report

Input = Annotated[Path, typer.Option("--input", help="CSV or Parquet file, or a Delta table's folder.", exists=True)]
Delimiter = Annotated[str, typer.Option("--delimiter", help="Of CSV input.")]


def anonymize_command(
    spec_path: Annotated[Path, typer.Argument(metavar="SPEC", help="The release, as YAML.", exists=True)],
    source: Input,
    output: Annotated[Path, typer.Option("--output", help="CSV or Parquet file to write; a folder with --engine.")],
    report: Annotated[Path | None, typer.Option("--report", help="Folder for report.html and report.json.")] = None,
    delimiter: Delimiter = ",",
    engine: Annotated[
        str | None,
        typer.Option("--engine", help="sail, spark or sc://host:port: for a Delta table or folder of any size."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Release a table so that every model of SPEC holds, verified by code that shares nothing with the search.

    Nothing is written when the verifier refuses.
    """
    from privacy.anonymity import anonymize, load_spec
    from privacy.anonymity.kernel import is_compiled

    spec = load_spec(spec_path)
    if spec.algorithm == "local" and not is_compiled():
        typer.echo("Compiling the search, once on this machine: a minute or two …", err=True)
    if engine is not None:
        if report is not None or not source.is_dir():
            raise SettingsError("--engine takes the folder of a Delta table or of Parquet files and writes no --report")
        from pipelines.cli.anonymize_on_engine import release_on_engine

        _show(release_on_engine(spec, source, output, engine), as_json)
        return
    frame = read_table(source, delimiter)
    result = anonymize(frame, spec)
    write_table(result.table, output, delimiter)
    summary = _report(frame, result.table, spec, result.suppressed, source.name)
    if report is not None:
        report.mkdir(parents=True, exist_ok=True)
        (report / "report.html").write_text(summary.to_html(), encoding="utf-8")
        (report / "report.json").write_text(summary.to_json(), encoding="utf-8")
    figures = {
        "output": str(output),
        "rows": len(result.table),
        "suppressed": result.suppressed,
        "classes": result.classes,
        "information_loss": round(float(result.loss), 6),
        "highest_risk_before": summary.before.highest_prosecutor,
        "highest_risk_after": summary.after.highest_prosecutor,
        "measured": dict(result.verdict.measured),
    }
    _show(figures, as_json)


def risk_command(
    source: Input,
    quasi: Annotated[str, typer.Option("--quasi", help="Quasi-identifiers, separated by commas.")],
    person: Annotated[str | None, typer.Option("--person", help="Column that tells people apart.")] = None,
    population: Annotated[int | None, typer.Option("--population", help="People it was drawn from.")] = None,
    delimiter: Delimiter = ",",
    as_json: Json = False,
) -> None:
    """Measure the re-identification risk of a table as it stands."""
    from privacy.anonymity.risk import measure_risk

    frame = read_table(source, delimiter)
    names = [name.strip() for name in quasi.split(",") if name.strip()]
    absent = [name for name in names if name not in frame.columns]
    if absent or not names:
        raise SettingsError(f"{source.name} has no columns {absent}; it has {list(frame.columns)}")
    _show(asdict(measure_risk(frame, names, person, population)), as_json)


def read_table(path: Path, delimiter: str = ",") -> "pd.DataFrame":
    """Read a CSV (as text, so that labels keep their spelling), a Parquet file or folder, or a Delta table."""
    import pandas as pd

    if (path / "_delta_log").is_dir():
        from deltalake import DeltaTable

        return DeltaTable(str(path)).to_pandas()
    if path.is_dir() or path.suffix == ".parquet":
        return pd.read_parquet(path)
    return pd.read_csv(path, sep=delimiter, dtype=str, keep_default_na=False, na_values=[""])


def write_table(frame: "pd.DataFrame", path: Path, delimiter: str = ",") -> None:
    """Write a CSV or Parquet file by the suffix of `path`, in an order that tells nothing about the input's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shuffled = frame.sort_values(list(frame.columns), kind="stable", key=lambda column: column.astype(str))
    if path.suffix == ".parquet":
        shuffled.to_parquet(path, index=False)
    elif path.suffix == ".csv":
        shuffled.to_csv(path, index=False, sep=delimiter)
    else:
        raise SettingsError(f"--output {path.name} is neither .csv nor .parquet; name the file accordingly")


def _report(frame: "pd.DataFrame", published: "pd.DataFrame", spec: object, suppressed: int, title: str) -> "Report":
    from privacy.anonymity.release_report import make_report
    from privacy.anonymity.spec import Spec

    assert isinstance(spec, Spec)
    return make_report(frame, published, spec, suppressed, f"Release of {title}")


def _show(figures: dict[str, object], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(figures, ensure_ascii=False, default=str))
        return
    table = Table(show_header=False)
    for name, value in figures.items():
        table.add_row(name.replace("_", " "), f"{value:.4g}" if isinstance(value, float) else str(value))
    Console().print(table)
