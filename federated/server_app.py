"""The server app: trains the plan that the run's configuration names and keeps its checkpoint."""

from __future__ import annotations

from pathlib import Path

from flwr.app import Context
from flwr.serverapp import Grid, ServerApp

from federated.channel import GridChannel
from federated.errors import BadSetting
from federated.plan import Plan
from federated.secure.identity import Roster
from federated.server import RoundRecord, Training

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Trains `plan` (JSON, or the path of a file with it) and writes `checkpoint` after each round."""
    text = str(context.run_config.get("plan", ""))
    if not text:
        raise BadSetting("The run's configuration needs `plan`: JSON of a plan, or the path of a file with it.")
    plan = Plan.from_json(text if text.lstrip().startswith("{") else Path(text).read_text())
    roster = str(context.run_config.get("roster", ""))
    checkpoint = str(context.run_config.get("checkpoint", ""))
    Training(
        plan,
        GridChannel(grid),
        Roster.from_json(Path(roster).read_text()) if roster else None,
        Path(checkpoint) if checkpoint else None,
        progress=_print,
    ).run()


def _print(record: RoundRecord) -> None:
    left_out = "".join(f"\n  left out {site}: {reason}" for site, reason in record.left_out.items())
    print(f"Round {record.round}: sum of {len(record.sites)} sites in {record.seconds:.2f} s.{left_out}", flush=True)
