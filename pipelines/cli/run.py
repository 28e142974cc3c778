"""`bojagi run`: the job `refresh`, in this process, with a line a table."""

import subprocess
import sys
from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from time import perf_counter
from typing import TYPE_CHECKING, Annotated
from warnings import simplefilter

import typer

from installation.errors import SettingsError
from pipelines.cli.edge import complain
from pipelines.cli.exit_code import ExitCode, of_names
from pipelines.cli.option import Data, Engine, Json, settings_for
from pipelines.simulate.errors import SimulationError

if TYPE_CHECKING:
    from dagster import Definitions
    from rich.console import Console

    from installation.contract.document import Contracts
    from installation.settings import Settings
    from pipelines.defs.summary import RunProgress


def run(
    engine: Engine = None,
    data: Data = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the simulator.", show_default="20170101")] = None,
    scale: Annotated[int | None, typer.Option(help="Copies of the market to simulate.", show_default="1")] = None,
    as_json: Json = False,
) -> None:
    """Load what has landed, check it, unify it and refresh every table that depends on it.

    Simulates a market into the landing folder first when that is empty. A table that is up to date is left
    alone, so a second run does little; a run that was killed is continued by the next.

    [bold]Examples[/bold]

      bojagi run
      bojagi run --engine spark --data /tmp/trial
      bojagi run --json | jq .quality
    """
    started = perf_counter()
    # PySpark warns of global windows, gRPC of forks: nothing that whoever types the command can act upon.
    simplefilter("ignore")
    from rich.console import Console

    from installation.contract.document import load_contracts

    settings = settings_for(data, engine=engine, seed=seed, scale=scale)
    contracts = load_contracts(settings.contract_dirs)
    console = Console(stderr=as_json, highlight=False)
    definitions = cache(partial(_make_definitions, settings, contracts))
    _simulate_if_empty(settings, contracts, console, meanwhile=definitions)
    progress = _refresh(settings, contracts, definitions(), console)

    from pipelines.cli import report

    seconds = perf_counter() - started
    if as_json:
        typer.echo(report.as_json(progress, settings, seconds))
    else:
        report.print_summary(console, progress, settings, seconds)
    if progress.error:
        complain(progress.error)
    raise typer.Exit(exit_code(progress))


def exit_code(progress: "RunProgress") -> ExitCode:
    """Return what the run ends in: the worst of what befell its tables."""
    if progress.error is not None:
        return of_names(progress.error_kind or "")
    turns = list(progress.turns.values())
    failed = [turn for turn in turns if turn.error is not None]
    if failed:
        return of_names(failed[0].error_kind or "")
    if any(turn.broken_checks or turn.files_refused for turn in turns):
        return ExitCode.QUALITY
    return ExitCode.OK


def _make_definitions(settings: "Settings", contracts: "Contracts") -> "Definitions":
    from pipelines.defs.build import build_definitions

    definitions = build_definitions(settings, contracts)
    # They keep what they resolve.
    definitions.resolve_job_def("refresh")
    return definitions


def _simulate_if_empty(
    settings: "Settings", contracts: "Contracts", console: "Console", meanwhile: Callable[[], object]
) -> None:
    """Simulate a market when nothing has landed, in a process of its own while this one does what it will need."""
    from pipelines.arrival import landed_files
    from pipelines.quality.gx_import import preload

    if landed_files(settings.landing_dir, contracts.sources):
        return
    if settings.landing_dir != settings.data_dir / "landing":
        raise SettingsError(f"{settings.landing_dir} holds no file of any source: land some, or unset landing_dir.")
    started = perf_counter()
    size = ["--seed", str(settings.seed), "--scale", str(settings.scale)]
    command = [sys.executable, "-m", "pipelines.cli", "simulate", "--out", str(settings.data_dir), *size, "--json"]
    with (
        console.status("simulating a market"),
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process,
    ):
        meanwhile()
        import_module("pipelines.cli.report")
        preload()
        _, complaint = process.communicate()
    if process.returncode:
        reason = " ".join(complaint.split()) or "it gave no reason"
        raise SimulationError(f"The simulation in {settings.data_dir} failed: {reason}")
    console.print(
        f"Nothing had landed: simulated a market (seed {settings.seed}, scale {settings.scale}) "
        f"into {settings.landing_dir} in {perf_counter() - started:.1f} s"
    )


def _refresh(
    settings: "Settings", contracts: "Contracts", definitions: "Definitions", console: "Console"
) -> "RunProgress":
    from pipelines.cli.report import describe_turn
    from pipelines.defs.refresh import landing_tags, open_instance, refresh
    from pipelines.defs.summary import RunProgress

    with console.status("opening the engine") as spinner, open_instance(settings) as instance:
        progress = RunProgress(
            on_start=lambda table: spinner.update(table),
            on_end=lambda turn: console.print(describe_turn(turn), soft_wrap=True),
        )
        refresh(definitions, instance, progress, landing_tags(settings, contracts))
    return progress
