"""Command `bojagi run`: runs the refresh job in this process and prints one line for each table."""

import gc
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache, partial
from importlib import import_module
from time import perf_counter
from typing import TYPE_CHECKING, Annotated
from warnings import simplefilter

import typer

from installation.disk_fault import is_disk_full
from installation.errors import SettingsError
from installation.object_store.place import require_reachable
from pipelines.cli.error_boundary import print_error
from pipelines.cli.exit_code import ExitCode, of_names
from pipelines.cli.held_output import held_stderr
from pipelines.cli.option import Data, Engine, Json, settings_for
from pipelines.errors import DiskError
from pipelines.simulate.errors import SimulationError

if TYPE_CHECKING:
    from dagster import Definitions
    from rich.console import Console

    from installation.installation import Installation
    from installation.settings import Settings
    from pipelines.orchestration.run_progress import RunProgress


COLLECTOR_THRESHOLDS = (100_000, 50, 50)
"""When Python looks for reference cycles. Packages and Dagster's definitions make a million objects that stay; by
default Python looks through them so often that a run without new files took 8.9 s instead of 8.0 s. 17 MB more."""


def run(
    engine: Engine = None,
    data: Data = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the simulator.", show_default="20170101")] = None,
    scale: Annotated[int | None, typer.Option(help="Copies of the market to simulate.", show_default="1")] = None,
    select: Annotated[
        str | None,
        typer.Option(
            "--select",
            help="Only these tables, in Dagster's selection syntax; their inputs are taken as they are.",
            show_default="all tables",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Load the files in the landing folder, check them, and refresh every table that depends on them.

    If the landing folder is empty, a market is simulated into it first. Tables that are up to date are not
    rebuilt. After a run was killed, the next run continues it.

    [bold]Examples[/bold]

      bojagi run
      bojagi run --engine spark --data /tmp/trial
      bojagi run --json | jq .quality
      bojagi run --select '+key:"gold/customer_360"'      [dim]# the table and all that it needs[/dim]
      bojagi run --select 'key:"bronze/delivery"+'        [dim]# the source and all that depends on it[/dim]
    """
    started = perf_counter()
    # PySpark warns of global windows and gRPC of forks. The user of the command can do nothing about either.
    simplefilter("ignore")
    gc.set_threshold(*COLLECTOR_THRESHOLDS)
    settings = settings_for(data, engine=engine, seed=seed, scale=scale)
    from pipelines.ingest.lock import run_lock

    # Here, so that another run is refused before the imports, which take seconds.
    with run_lock(settings.data_dir, admits_loads=True):
        code = _run(settings, started, select, as_json=as_json)
    raise typer.Exit(code)


def _run(settings: "Settings", started: float, select: str | None, *, as_json: bool) -> ExitCode:
    """Simulate a market if nothing has landed, refresh all tables, print the results and return the exit code."""
    from rich.console import Console

    from installation.installation import Installation
    from pipelines.orchestration.selection import selected_tables

    installation = Installation(settings)
    console = Console(stderr=as_json, highlight=False)
    definitions = cache(partial(_make_definitions, installation))
    tables = None if select is None else selected_tables(definitions(), select)
    _simulate_if_empty(installation, console, meanwhile=definitions)
    with held_stderr() as held:
        try:
            progress = _refresh(installation, definitions(), console, tables, select)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) or is_disk_full(error):
                held.drop()
            if is_disk_full(error):
                raise DiskError.from_full(settings.data_dir) from error
            raise
        if progress.is_disk_full:
            held.drop()
            raise DiskError.from_full(settings.data_dir)

    from pipelines.cli.run_text import as_json as to_json
    from pipelines.cli.run_text import print_summary
    from pipelines.orchestration.landing_state import unmatched_landings

    unmatched = unmatched_landings(settings, installation.contracts)
    seconds = perf_counter() - started
    if as_json:
        typer.echo(to_json(progress, settings, seconds, unmatched))
    else:
        print_summary(console, progress, settings, seconds, unmatched)
    if progress.error:
        print_error(progress.error)
    return exit_code(progress)


def exit_code(progress: "RunProgress") -> ExitCode:
    """Return the exit code of the run: of its own error, else of its first failed table, else of its checks."""
    if progress.error is not None:
        return of_names(progress.error_kind or "")
    turns = list(progress.turns.values())
    failed = [turn for turn in turns if turn.error is not None]
    if failed:
        return of_names(failed[0].error_kind or "")
    if any(turn.broken_checks or turn.faults for turn in turns):
        return ExitCode.QUALITY
    return ExitCode.OK


def _make_definitions(installation: "Installation") -> "Definitions":
    from pipelines.defs.build import build_definitions

    definitions = build_definitions(installation, is_locked=True)
    definitions.resolve_job_def("refresh")  # here, because the definitions keep the resolved job
    return definitions


def _simulate_if_empty(installation: "Installation", console: "Console", meanwhile: Callable[[], object]) -> None:
    """Simulate a market in another process if the landing folder is empty and no source lies elsewhere.

    This process calls `meanwhile` and imports what the run needs while it waits.
    """
    from pipelines.charts.chart import preload as preload_charts
    from pipelines.orchestration.code_location import import_environment
    from pipelines.orchestration.landing_state import landing_state
    from pipelines.quality.gx_import import preload as preload_quality

    settings = installation.settings
    sources = installation.contracts.sources
    require_reachable(settings.lakehouse_root, settings.storage_options)
    if settings.landing_root is not None:
        require_reachable(settings.landing_root, settings.storage_options, "landing_root")
    if landing_state(settings, installation.contracts) or any(one.file and not one.file.is_landed for one in sources):
        return
    if settings.landing_root is not None or settings.landing_dir != settings.data_dir / "landing":
        raise SettingsError(
            f"{settings.landing_root or settings.landing_dir} has no file of any source. Put files there, or remove "
            f"the setting {'landing_root' if settings.landing_root else 'landing_dir'} to run on a simulated market."
        )
    if settings.database is not None and any(installation.lakehouse.exists(one.table) for one in sources):
        raise SettingsError(
            f"{settings.landing_dir} has no file of any source, but the lakehouse {settings.lakehouse_root} has tables "
            "that another machine has loaded; a simulated market would be mixed with them. Set landing_dir to the "
            "folder in which the files land, the same on every machine."
        )
    started = perf_counter()
    size = ["--seed", str(settings.seed), "--scale", str(settings.scale)]
    command = [sys.executable, "-m", "pipelines.cli", "simulate", "--out", str(settings.data_dir), *size, "--json"]
    with (
        console.status("simulating a market"),
        subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=os.environ | import_environment()
        ) as process,
    ):
        try:
            meanwhile()
            import_module("pipelines.cli.run_text")
            preload_quality()
            preload_charts()
            _, errors = process.communicate()
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        reason = " ".join(errors.split()) or "it printed no error"
        raise SimulationError(f"The simulation in {settings.data_dir} failed: {reason}")
    console.print(
        f"The landing folder was empty: simulated a market (seed {settings.seed}, scale {settings.scale}) "
        f"into {settings.landing_dir} in {perf_counter() - started:.1f} s"
    )


def _refresh(
    installation: "Installation",
    definitions: "Definitions",
    console: "Console",
    tables: Sequence[str] | None,
    selection: str | None,
) -> "RunProgress":
    """Run the refresh job, or the part of the tables; print a line for each finished table; return the progress."""
    from pipelines.cli.run_text import describe_turn
    from pipelines.orchestration.instance import SELECTION_TAG, open_instance
    from pipelines.orchestration.landing_state import landing_tags
    from pipelines.orchestration.refresh import refresh
    from pipelines.orchestration.run_progress import RunProgress

    # A run of some tables has no tag of the landing folder: the landing sensor still starts one that loads all files.
    tags = (
        landing_tags(installation.settings, installation.contracts) if selection is None else {SELECTION_TAG: selection}
    )
    with console.status("opening the engine") as spinner, open_instance(installation.settings) as instance:
        progress = RunProgress(
            on_start=lambda table: spinner.update(table),
            on_end=lambda turn: console.print(describe_turn(turn), soft_wrap=True),
        )
        refresh(definitions, instance, progress, tags, tables)
    return progress
