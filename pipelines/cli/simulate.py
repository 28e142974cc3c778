"""Command `bojagi simulate`: writes a simulated market with people and touchpoints to a folder."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from pipelines.simulate.simulation import SimulationResult

_MIB = 1024 * 1024


def simulate_command(
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Folder for landing/, truth/, run_date.toml and manifest.json; by default the data folder.",
            file_okay=False,
            show_default="./data",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", help="Seed of all random draws; the same seed gives the same files.", min=0)
    ] = 20170101,
    scale: Annotated[
        int,
        typer.Option("--scale", help="Number of copies of the market, each with new people.", min=1, max=1000),
    ] = 1,
    households: Annotated[
        int | None,
        typer.Option("--households", help="Use only the first K households of the market, for a quick trial.", min=10),
    ] = None,
    rate: Annotated[
        list[str] | None,
        typer.Option(
            "--rate", help="Share of people or faults of a kind, such as twins=0.2; repeatable. See docs/simulator.md."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write the files again, also over another simulation.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")] = False,
) -> None:
    """Simulate a market: the Complete Journey with people, devices, touchpoints and realistic faults.

    Writes the sources to OUT/landing, and the true person behind each record to OUT/truth. If OUT already has the
    files of the same seed, scale, households and rates, nothing is written.
    """
    from installation.settings import load_settings
    from pipelines.simulate.rates import read_rates
    from pipelines.simulate.simulation import simulate

    out = out or load_settings().data_dir
    rates, console = read_rates(rate or ()), Console(stderr=True)
    with console.status("simulating") as status:
        result = simulate(
            out, seed, scale, lambda step: status.update(step), households=households, rates=rates, force=force
        )
    if as_json:
        typer.echo(json.dumps({**result.model_dump(mode="json"), "rows": result.rows}, ensure_ascii=False))
    else:
        Console().print(_summary(result))


def _summary(result: "SimulationResult") -> Table:
    """Return a table of the sources with their rows and sizes; its caption states the folder and the duration."""
    sizes: dict[str, int] = {}
    for file in result.files:
        if file.source:
            sizes[file.source] = sizes.get(file.source, 0) + file.size_bytes
    table = Table("source", title=f"Market of seed {result.spec.seed}, scale {result.spec.scale}")
    table.add_column("rows", justify="right")
    table.add_column("MiB", justify="right")
    for source, rows in sorted(result.rows.items()):
        table.add_row(source, f"{rows:,}", f"{sizes[source] / _MIB:.1f}")
    state = "all files existed already" if result.was_present else f"written in {result.seconds:.1f} s"
    table.caption = f"{result.out}: {state}; use truth/ for evaluation only"
    return table
