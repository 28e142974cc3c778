"""`bojagi simulate`: writes a simulated market with people and touchpoints to a folder."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from pipelines.simulate.simulation import SimulationReport

_MIB = 1024 * 1024


def simulate_command(
    out: Annotated[
        Path,
        typer.Option("--out", help="Folder for landing/, truth/ and manifest.json.", file_okay=False),
    ] = Path("data"),
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
    force: Annotated[
        bool, typer.Option("--force", help="Write the files again, also over another simulation.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")] = False,
) -> None:
    """Simulate a market: the Complete Journey with people, devices, touchpoints and realistic faults.

    Writes the sources to OUT/landing, and the true person behind each record to OUT/truth. If OUT already has the
    files of the same seed, scale and households, nothing is written.
    """
    from pipelines.simulate.simulation import simulate

    console = Console(stderr=True)
    with console.status("simulating") as status:
        report = simulate(out, seed, scale, lambda step: status.update(step), households=households, force=force)
    if as_json:
        typer.echo(json.dumps({**report.model_dump(mode="json"), "rows": report.rows}, ensure_ascii=False))
    else:
        Console().print(_summary(report))


def _summary(report: "SimulationReport") -> Table:
    """Return a table of the sources with their rows and sizes; its caption states the folder and the duration."""
    sizes: dict[str, int] = {}
    for file in report.files:
        kind, source, *_ = file.path.split("/")
        if kind == "landing":
            sizes[source] = sizes.get(source, 0) + file.size_bytes
    table = Table("source", title=f"Market of seed {report.spec.seed}, scale {report.spec.scale}")
    table.add_column("rows", justify="right")
    table.add_column("MiB", justify="right")
    for source, rows in sorted(report.rows.items()):
        table.add_row(source, f"{rows:,}", f"{sizes[source] / _MIB:.1f}")
    state = "already there" if report.was_present else f"written in {report.seconds:.1f} s"
    table.caption = f"{report.out}: {state}; truth/ is for evaluation only"
    return table
