"""Runs client and server app in this process, without network and without Ray: for tests and small installations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from flwr.app import Context, RecordDict

from federated.channel import GridChannel, LocalGrid
from federated.client_app import make_client_app
from federated.plan import Plan
from federated.schema import Site
from federated.secure.identity import Roster, SiteIdentity
from federated.server import Outcome, Progress, Training
from federated.site_worker import SecureKeys
from federated.task import State
from federated.worth.gather import gather_report
from federated.worth.report import WorthReport

NodeConfig = Mapping[str, str | int | float | bool]
FIRST_NODE = 2


def local_grid(sites: Sequence[Site], config: NodeConfig | None = None) -> tuple[LocalGrid, Roster | None]:
    """Returns a grid over sites of this process and the roster of their new keys (None for a single site).

    `config`: the configuration of every node, with its policy.
    """
    by_node = dict(enumerate(sites, FIRST_NODE))
    identities = {node: SiteIdentity.generate(site.name) for node, site in by_node.items()}
    keys = {identity.name: identity.public_key for identity in identities.values()}
    roster = Roster(keys) if len(sites) > 1 else None
    app = make_client_app(
        lambda context: by_node[context.node_id],
        lambda context: SecureKeys(identities[context.node_id], roster) if roster else None,
    )
    contexts = {node: Context(0, node, dict(config or {}), RecordDict(), {}) for node in by_node}
    return LocalGrid(app, contexts), roster


def run_local(
    plan: Plan,
    sites: Sequence[Site],
    checkpoint: Path | None = None,
    progress: Progress | None = None,
    config: NodeConfig | None = None,
) -> Outcome:
    """Trains a plan over sites of this process and returns the model. The messages are those of a deployment."""
    grid, roster = local_grid(sites, config)
    return Training(plan, GridChannel(grid), roster, checkpoint, progress=progress).run()


def report_local(plan: Plan, sites: Sequence[Site], state: State, config: NodeConfig | None = None) -> WorthReport:
    """Asks the sites of this process for their figures of a trained model and returns the report."""
    grid, _ = local_grid(sites, config)
    return gather_report(plan, GridChannel(grid), state)
