"""Commands `bojagi synth`: fit models of synthetic data, draw rows from them, report quality and disclosure risk."""

from __future__ import annotations

import json
from dataclasses import asdict
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from installation.errors import SettingsError
from pipelines.cli.error_boundary import ErrorBoundary
from pipelines.cli.exit_code import ExitCode
from pipelines.cli.option import Data, Json, installation_for

if TYPE_CHECKING:
    from installation.installation import Installation
    from pipelines.synthetic.file_rows import CsvForm
    from pipelines.synthetic.service import SyntheticService
    from pipelines.synthetic.source import Source

Name = Annotated[str, typer.Argument(help="Name of a fitted model; `bojagi synth list` shows them.")]
Role = Annotated[
    str,
    typer.Option("--role", help="Role in which you read tables; it is logged as declared: privacy/access/role.yaml."),
]
SpecPath = Annotated[
    Path, typer.Argument(metavar="SPEC", help="Columns, domains and ε in YAML.", exists=True, dir_okay=False)
]
InputFile = Annotated[
    Path, typer.Option("--input", help="CSV or Parquet file, or a Delta table's folder.", exists=True)
]
Output = Annotated[Path, typer.Option("--output", help="CSV or Parquet file to write.")]
Count = Annotated[
    int | None,
    typer.Option("--rows", min=1, help="Rows, with events: people.", show_default="as learned"),
]
EventFile = Annotated[
    Path | None, typer.Option("--events", help="File with the events of the people in --input.", exists=True)
]
Delimiter = Annotated[str, typer.Option("--delimiter", help="Delimiter of CSV files.")]
Nulls = Annotated[
    list[str] | None, typer.Option("--null", help="Text that means null in CSV files, such as NA; may be repeated.")
]
Again = Annotated[bool, typer.Option("--again", help="Fit anew, and pay again, though a stored model would be free.")]
ShadowModels = Annotated[
    int,
    typer.Option("--shadow-models", min=0, help="Models fitted again, to infer who was learned from; 0 leaves it out."),
]
Canaries = Annotated[
    int, typer.Option("--canaries", min=0, help="Invented people planted and searched for; 0 leaves it out.")
]

app = typer.Typer(
    cls=ErrorBoundary,
    help="""Synthetic data: rows of people who do not exist, with a stated guarantee for the people who do.

    [bold]First steps[/bold], with a file people.csv of your own

      1. Write people.yaml: the columns and, for each, the values or bounds that everybody may know.
         columns:
           age:    {kind: number, minimum: 0, maximum: 110, decimals: 0}
           sex:    {kind: category, values: [F, M]}
           joined: {kind: day, first: 2015-01-01, last: 2025-12-31}
         epsilon: 1
      2. bojagi synth fit people.yaml --input people.csv --preview       the cost; nothing is read
      3. bojagi dp budget 'people|research|row' --set ever=0.03          the budget; the preview names it
      4. bojagi synth fit people.yaml --input people.csv
      5. bojagi synth report people                                      quality and risk; the verdict of the gate
      6. bojagi synth sample people --rows 100000 --output synthetic.csv

    Tables of the lakehouse: docs/synthetic.md.""",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@app.command()
def fit(
    spec_path: SpecPath,
    source: Annotated[
        Path | None, typer.Option("--input", help="CSV or Parquet file, or a Delta table's folder.", exists=True)
    ] = None,
    events: EventFile = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the model.", show_default="the name of SPEC")
    ] = None,
    purpose: Annotated[
        str, typer.Option("--purpose", help="Purpose whose budget is charged for a file; a table's SPEC names its own.")
    ] = "research",
    delimiter: Delimiter = ",",
    nulls: Nulls = None,
    show_preview: Annotated[
        bool, typer.Option("--preview", help="Show cost, time and memory; read no row and spend nothing.")
    ] = False,
    again: Again = False,
    role: Role = "analyst",
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Fit a differentially private model. The budget is debited from the ledger before any noise is drawn.

    A fifth of the people is held out: the model never learns from them, and `bojagi synth report` judges it by them.
    The same SPEC on the same input returns the stored model and costs nothing.

    [bold]Examples[/bold]

      bojagi synth fit people.yaml --input people.csv --preview
      bojagi synth fit people.yaml --input people.parquet --name people_2026
      bojagi synth fit shop.yaml --input customers.csv --events order_lines.csv
      bojagi synth fit demographic.yaml               SPEC has `source: gold/customer_demographic` and `purpose:`
    """
    from pipelines.cli.synth_text import fit_progress, print_cost, print_fitted
    from pipelines.synthetic.file_rows import CsvForm
    from pipelines.synthetic.model_folder import ModelFolder

    with installation_for(data) as installation:
        service = _service(installation, role)
        folder = ModelFolder.of_model(installation.settings, name or spec_path.name.split(".")[0])
        found = _source(installation, spec_path, source, events, folder.name, purpose, CsvForm(delimiter, nulls or ()))
        cost = _cost(service, found)
        if show_preview or not as_json:
            print_cost(cost, as_json)
        if show_preview:
            return
        with fit_progress(is_quiet=as_json) as progress:
            fitted = service.fit(found, folder, progress, again=again)
        print_fitted(folder.name, fitted, service.balances(found), as_json)


@app.command()
def sample(
    name: Name,
    output: Output,
    rows: Count = None,
    events: Annotated[Path | None, typer.Option("--events", help="File for the events of the people.")] = None,
    given: Annotated[
        list[str] | None, typer.Option("--given", help="Only rows with this value: sex=F. May be repeated.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="The same seed gives the same rows.", show_default="random")
    ] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Draw any number of rows from a model and write them as they are drawn. Costs no budget, however often.

    [bold]Examples[/bold]

      bojagi synth sample people --rows 5000000 --output synthetic.parquet
      bojagi synth sample people --rows 1000 --given sex=F --given age=30 --seed 7 --output women.csv
      bojagi synth sample shop --rows 20000 --output customers.parquet --events order_lines.parquet
    """
    from pipelines.cli.synth_text import row_progress
    from pipelines.synthetic.model_folder import ModelFolder
    from pipelines.synthetic.sampling import draw_rows

    with installation_for(data) as installation:
        fitted = _service(installation, "analyst").open(ModelFolder.of_model(installation.settings, name))
    with row_progress(rows, is_quiet=as_json) as progress:
        written = draw_rows(fitted.model, rows, seed, _conditions(given or []), output, events, progress)
    if as_json:
        print(json.dumps(written))
        return
    for path, count in written["rows"].items():
        print(f"{path}: {count:,} rows, seed {written['seed']}")


@app.command()
def sdv(
    spec_path: SpecPath,
    source: InputFile,
    output: Output,
    method: Annotated[
        str, typer.Option("--method", help="gaussian_copula, ctgan or tvae; with events hma or par.")
    ] = "gaussian_copula",
    events: EventFile = None,
    events_output: Annotated[
        Path | None, typer.Option("--events-output", help="File for the events of the people.")
    ] = None,
    rows: Count = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="Epochs of a neural network.", show_default="SDV's")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the rows.")] = 0,
    folder: Annotated[
        Path | None, typer.Option("--report", help="Folder for report.html and report.json.", file_okay=False)
    ] = None,
    delimiter: Delimiter = ",",
    nulls: Nulls = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    r"""Draw rows from one of SDV's synthesizers and report on them. SDV states no guarantee for people.

    SDV is an extra of 5 GB under the Business Source License 1.1 (pip install 'bojagi\[sdv]'). Its models are not
    saved, since SDV saves them by pickle only. It reads files of your own, never a table of the lakehouse. Exit code
    6: an attack found more than the gate accepts; the rows are written all the same.

    [bold]Examples[/bold]

      bojagi synth sdv people.yaml --input people.csv --method ctgan --epochs 30 --output synthetic.csv --report report
    """
    from pipelines.cli.synth_text import print_report, stage_progress
    from pipelines.synthetic.file_rows import CsvForm
    from pipelines.synthetic.judgement import Question
    from pipelines.synthetic.row_writer import write_tables
    from pipelines.synthetic.sdv_fit import draw_with_sdv
    from pipelines.synthetic.source import FileSource

    name = spec_path.name.split(".")[0]
    with installation_for(data) as installation, stage_progress(is_quiet=as_json) as progress:
        csv = CsvForm(delimiter, nulls or ())
        found = _source(installation, spec_path, source, events, name, "none", csv)
        if not isinstance(found, FileSource):
            raise SettingsError("SDV states no guarantee, so it never learns from tables of the lakehouse")
        found.form.require_own(installation.settings)
        tables, judged = draw_with_sdv(
            found, method, rows, seed, installation.synthetic_key, Question(f"{method} of {name}", progress=progress),
            lambda stage, _: progress(stage), {} if epochs is None else {"epochs": epochs},
        )  # fmt: skip
    write_tables(tables, [output] if events_output is None else [output, events_output])
    print_report(judged, judged.save(folder) if folder is not None else None, as_json)
    if not judged.gate.is_open:
        raise typer.Exit(ExitCode.REFUSED)


@app.command()
def report(
    name: Name,
    folder: Annotated[
        Path | None,
        typer.Option("--output", help="Folder for report.html and report.json.", show_default="the model's folder"),
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", help="Column that models predict.", show_default="the last category")
    ] = None,
    attacked: Annotated[
        list[str] | None,
        typer.Option("--attacked", help="Column that an attacker infers; may be repeated.", show_default="the target"),
    ] = None,
    shadow_models: ShadowModels = 0,
    canaries: Canaries = 0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the rows that are judged.")] = 0,
    role: Role = "analyst",
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Report how useful the rows of a model are and what attackers learn from them, and give the gate's verdict.

    Every figure stands between two references: real people who were held out, and columns without relations. The
    report is computed from real rows without noise: it is for the people who decide, and not to be published. Exit code
    6: the gate is closed.

    [bold]Examples[/bold]

      bojagi synth report people
      bojagi synth report people --target income --attacked illness --shadow-models 4 --canaries 200
    """
    from pipelines.cli.synth_text import print_report, stage_progress
    from pipelines.synthetic.judgement import Question, judge_model
    from pipelines.synthetic.model_folder import ModelFolder

    with installation_for(data) as installation, stage_progress(is_quiet=as_json) as progress:
        service = _service(installation, role)
        model = ModelFolder.of_model(installation.settings, name)
        question = Question(
            f"Synthetic rows of {name}", target, tuple(attacked or ()), shadow_models, canaries, progress
        )
        found = judge_model(service, model, question, seed)
        page = found.save(folder or model.path)
        installation.shared_files.publish(model.path)
    print_report(found, page, as_json)
    if not found.gate.is_open:
        raise typer.Exit(ExitCode.REFUSED)


@app.command("list")
def list_models(as_json: Json = False, data: Data = None) -> None:
    """List the fitted models with their guarantees."""
    from pipelines.cli.grid import make_grid, open_console
    from pipelines.synthetic.model_folder import ModelFolder
    from privacy.errors import PrivacyError

    rows: list[dict[str, Any]] = []
    with installation_for(data) as installation:
        service = _service(installation, "analyst")
        installation.shared_files.fetch(ModelFolder.root(installation.settings))
        for folder in ModelFolder.all_models(installation.settings):
            try:
                fitted = service.open(folder)
            except (PrivacyError, SettingsError) as error:
                rows.append({"name": folder.name, "account": "", "guarantee": str(error)})
                continue
            guarantee = fitted.model.guarantee.statement
            rows.append({"name": folder.name, "account": fitted.record.account, "guarantee": guarantee})
    if as_json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    if not rows:
        print("No models yet. Fit one: bojagi synth fit SPEC --input people.csv")
        return
    grid = make_grid("model", "budget of", "guarantee")
    for row in rows:
        grid.add_row(row["name"], row["account"], row["guarantee"])
    open_console().print(grid)


@app.command()
def publish(
    names: Annotated[
        list[str] | None, typer.Argument(help="Names of declared synthetic releases; all by default.")
    ] = None,
    again: Again = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Make the declared synthetic releases, as the job `synthetic` does; a table is written only if the gate is open.

    A release is a YAML file in pipelines/release/declared/ with `kind: synthetic`. It names the table, the purpose, the
    columns and ε. The report lies in the data folder, in synthetic/release/NAME.
    """
    from pipelines.cli.synth_text import fit_progress, print_published
    from pipelines.release.declaration import synthetic_releases
    from pipelines.release.synthetic import publish as make

    declared = {one.name: one for one in synthetic_releases()}
    if unknown := sorted(set(names or ()) - declared.keys()):
        raise SettingsError(f"no synthetic release {', '.join(unknown)}; choose from {', '.join(declared)}")
    with installation_for(data) as installation:
        service = _service(installation, "analyst")
        for name in names or declared:
            with fit_progress(is_quiet=as_json) as progress:
                made = make(declared[name], service, progress, again=again)
            print_published(declared[name], made, as_json)


def _service(installation: Installation, role: str) -> SyntheticService:
    from pipelines.synthetic.service import SyntheticService

    return SyntheticService(installation, getuser(), role)


def _source(
    installation: Installation, spec_path: Path, source: Path | None, events: Path | None, name: str, purpose: str,
    csv: CsvForm,
) -> Source:  # fmt: skip
    """Return the rows that SPEC and --input name.

    Raises:
        SettingsError: --input is missing or too much.
        BadSpecification: SPEC is not valid.
    """
    from pipelines.synthetic.request import SyntheticRequest
    from pipelines.synthetic.source import FileForm, FileSource, TableSource
    from pipelines.synthetic.spec_file import read_spec
    from privacy.clock import utc_now
    from privacy.synthetic.event.specification import EventSpecification

    spec = read_spec(spec_path)
    if isinstance(spec, SyntheticRequest):
        if source is not None or events is not None:
            raise SettingsError(f"{spec_path.name} names the table {spec.source}; leave out --input and --events")
        scope = spec.scope(utc_now())
        return TableSource.of(spec, scope, installation.contracts, installation.lakehouse, installation.consent_view)
    has_events = isinstance(spec, EventSpecification)
    if source is None:
        raise SettingsError(
            f"--input is missing: name the file, or give {spec_path.name} a `source`, a lakehouse table"
        )
    if has_events != (events is not None):
        wanted = "has events: add --events" if has_events else "has no events: leave out --events, or declare `item`"
        raise SettingsError(f"{spec_path.name} {wanted}")
    return FileSource(spec, FileForm.of(installation.synthetic_key, name, purpose, source, events, csv))


def _cost(service: SyntheticService, source: Source) -> dict[str, Any]:
    estimate = service.estimate(source)
    return {**asdict(estimate), "account": str(source.account), "rho_left": service.balances(source)}


def _conditions(given: list[str]) -> dict[str, str | None]:
    """Return `column=value` texts as a mapping; an empty value means null.

    Raises:
        SettingsError: a text has no equals sign, or a column is named twice.
    """
    if wrong := [text for text in given if "=" not in text]:
        raise SettingsError(f"--given {wrong[0]}: expected column=value, such as sex=F")
    found: dict[str, str | None] = {}
    for name, _, value in (text.partition("=") for text in given):
        if name in found:
            raise SettingsError(f"--given names {name} twice; a row has one value of it, so give one")
        found[name] = value or None
    return found
