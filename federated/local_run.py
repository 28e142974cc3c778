"""Runs client and server app in this process, without network and without Ray: for tests and small installations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from flwr.app import Context, RecordDict

from federated.channel import GridChannel, LocalGrid
from federated.client_app import make_client_app
from federated.plan import Plan
from federated.schema import Site
from federated.server import Outcome, Progress, Training


def local_grid(
    sites: Sequence[Site], configs: Mapping[str, Mapping[str, str | int | float | bool]] | None = None
) -> LocalGrid:
    """Returns a grid over sites of this process. `configs`: a node configuration by site name, with its policy."""
    by_node = dict(enumerate(sites, start=2))
    contexts = {
        node: Context(0, node, dict((configs or {}).get(site.name, {})), RecordDict(), {})
        for node, site in by_node.items()
    }
    return LocalGrid(make_client_app(lambda context: by_node[context.node_id]), contexts)


def run_local(
    plan: Plan,
    sites: Sequence[Site],
    checkpoint: Path | None = None,
    progress: Progress | None = None,
    configs: Mapping[str, Mapping[str, str | int | float | bool]] | None = None,
) -> Outcome:
    """Trains a plan over sites of this process and returns the model. The messages are those of a deployment."""
    return Training(plan, GridChannel(local_grid(sites, configs)), checkpoint, progress=progress).run()
