"""Measures a secure sum of 50 sites with 10,000 values each, beside Flower's SecAgg+, and with three in ten sites gone.

Both run in one process over Flower's messages with a complete graph of sites and the same threshold. `bare` leaves the
messages out. Every sum is compared with the exact one: SecAgg+ rounds to 22 bits, ours is exact. Seconds of the
processors are printed as well, because other work on the computer does not lengthen them.
"""

from __future__ import annotations

import copy
import logging
import time
import warnings
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from bench.claim import Claim, of_runs
from bench.options import make_parser, runs_of
from federated.channel import LocalGrid
from federated.glm import Glm
from federated.local_run import run_local
from federated.plan import Plan
from federated.schema import Column, SiteTable, TableSchema
from federated.secure.exchange import Message, Step, answer, secure_sum
from federated.secure.identity import Roster, SiteIdentity
from federated.secure.round_terms import RoundTerms, default_threshold
from federated.secure.server import SecureServer
from federated.secure.site import SecureSite

SITES = 50
VALUES = 10_000
# 139 features make 140 gradient values, 9,870 Hessian values and the loss: 10,011 in all.
FEATURES = 139


def bare(sites: int, dropped_at: Step | None = None, seed: int = 0) -> tuple[float, float]:
    """Return the seconds of one secure sum between objects of this process, and those of the processors.

    The result is checked.
    """
    rng = np.random.default_rng(seed)
    identities = {f"site-{at:02}": SiteIdentity.generate(f"site-{at:02}") for at in range(sites)}
    roster = Roster({name: identity.public_key for name, identity in identities.items()})
    values = {name: rng.integers(0, 2**64, VALUES, dtype=np.uint64) for name in identities}
    gone = set(rng.choice(sorted(identities), int(sites * 0.3), replace=False))
    terms = RoundTerms("bench", seed, VALUES, default_threshold(sites))
    start, used = time.perf_counter(), time.process_time()
    machines = {name: SecureSite(identity, roster, terms) for name, identity in identities.items()}
    server, silent = SecureServer(roster, terms), set[str]()

    def carry(step: Step, messages: Mapping[str, Message]) -> Mapping[str, Message]:
        silent.update(gone if step is dropped_at else ())
        return {
            name: answer(machines[name], step, message, lambda name=name: values[name])  # type: ignore[misc]
            for name, message in messages.items()
            if name not in silent
        }

    total = secure_sum(server, identities, carry)
    spent = time.perf_counter() - start, time.process_time() - used
    if not (total == np.sum([values[name] for name in server.survivors], axis=0, dtype=np.uint64)).all():
        raise AssertionError(f"The sum is wrong with sites gone at {dropped_at}")
    return spent


def over_messages(sites: int, rounds: int, *, is_secure: bool) -> tuple[float, float]:
    """Return the seconds of one training round of a model with 10,011 values, and those of the processors.

    The messages are Flower's, in one process. The first figure is the median of the rounds, the second their mean.
    """
    schema = TableSchema(
        tuple(Column(f"feature_{at}", "number", -1.0, 1.0) for at in range(FEATURES)),
        Column("target", "binary", 0.0, 1.0),
        rows_max=1000,
    )
    rng = np.random.default_rng(1)
    members = [
        _Site(f"site-{at:02}", SiteTable.of(schema, rng.uniform(-1, 1, (20, FEATURES)), rng.integers(0, 2, 20)))
        for at in range(sites)
    ]
    plan = Plan(
        "bench",
        Glm(ridge=1.0, tolerance=0.0),
        schema,
        sites_min=default_threshold(sites),
        sites_max=sites,
        rounds_max=rounds,
        is_secure=is_secure,
    )
    used = time.process_time()
    outcome = run_local(plan, members, config={"secure-only": False})
    processors = (time.process_time() - used) / len(outcome.history)
    return float(np.median([record["seconds"] for record in outcome.history])), processors


class _Site:
    """A site with its rows in memory and no ledger."""

    def __init__(self, name: str, table: SiteTable) -> None:
        self.name = name
        self._table = table

    def read(self, schema: TableSchema) -> SiteTable:
        """Return the rows."""
        return self._table

    def debit(self, run: str, round_number: int, rho: float) -> None:
        """Do nothing."""


def flower(sites: int) -> float:
    """Return the seconds of one round of Flower's SecAgg+ over the same grid, after checking its result."""
    from flwr.app import Context, RecordDict
    from flwr.app import Message as FlowerMessage
    from flwr.client.mod import secaggplus_mod
    from flwr.clientapp import ClientApp
    from flwr.common import Code, FitIns, FitRes, Status, ndarrays_to_parameters, parameters_to_ndarrays
    from flwr.compat.common import recorddict_compat as compat
    from flwr.server import LegacyContext
    from flwr.server.workflow import SecAggPlusWorkflow
    from flwr.server.workflow.constant import MAIN_CONFIGS_RECORD, MAIN_PARAMS_RECORD

    values = {node: np.random.default_rng(node).uniform(-1, 1, VALUES) for node in range(2, 2 + sites)}
    app = ClientApp(mods=[secaggplus_mod])

    @app.train()
    def train(message: FlowerMessage, context: Context) -> FlowerMessage:
        result = FitRes(Status(Code.OK, ""), ndarrays_to_parameters([values[context.node_id]]), 1, {})
        return FlowerMessage(compat.fitres_to_recorddict(result, keep_input=False), reply_to=message)

    class Everyone:
        """The strategy and client manager of the workflow: all nodes take part, and the sum is kept."""

        def num_available(self) -> int:
            return sites

        def configure_fit(self, *_: Any) -> list[Any]:
            return [(type("Proxy", (), {"node_id": node})(), FitIns(empty, {})) for node in values]

        def aggregate_fit(self, number: int, results: list[Any], failures: list[Any]) -> tuple[Any, dict[str, Any]]:
            self.mean = parameters_to_ndarrays(results[0][1].parameters)[0]
            return None, {}

    empty = ndarrays_to_parameters([np.zeros(VALUES)])
    everyone = Everyone()
    contexts = {node: Context(0, node, {}, RecordDict(), {}) for node in values}

    # The mod takes values out of a message, which here would be the same object for every site.
    def call(message: FlowerMessage, context: Context) -> FlowerMessage:
        message.content = copy.deepcopy(message.content)
        return app(message, context)

    grid = LocalGrid(cast(ClientApp, call), contexts)
    legacy = LegacyContext(
        Context(0, 1, {}, RecordDict(), {}), strategy=cast(Any, everyone), client_manager=cast(Any, everyone)
    )
    legacy.state.config_records[MAIN_CONFIGS_RECORD] = _round_one()
    legacy.state.array_records[MAIN_PARAMS_RECORD] = compat.parameters_to_arrayrecord(empty, keep_input=True)
    workflow = SecAggPlusWorkflow(1.0, default_threshold(sites) / sites, max_weight=1.0, clipping_range=1.0)
    start = time.perf_counter()
    workflow(grid, legacy)
    seconds = time.perf_counter() - start
    off = float(np.abs(everyone.mean - np.mean(list(values.values()), axis=0)).max())
    if off > 1e-5:
        raise AssertionError(f"SecAgg+ is off by {off}")
    return seconds


def _round_one() -> Any:
    from flwr.app import ConfigRecord
    from flwr.server.workflow.constant import Key

    return ConfigRecord({Key.CURRENT_ROUND: 1})


def main() -> None:
    """Measure and print each claim."""
    options = make_parser(__doc__).parse_args()
    runs = runs_of(options, 5, quick=2)
    sites = 10 if options.quick else SITES
    logging.getLogger("flwr").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    peer = [flower(sites) for _ in range(1 if sites == SITES else 2)]
    ours = [bare(sites, seed=run) for run in range(runs)]
    name = f"secure sum of {sites} sites × {VALUES:,} values"
    of_runs(name, [wall for wall, _ in ours], "s", others=peer, peer="flwr SecAgg+ 1.42", bar=1.0).print_json()
    of_runs(f"{name}, of the processors", [used for _, used in ours], "s", bar=1.0).print_json()
    for is_secure, kind in ((True, "masked"), (False, "plain")):
        wall, used = over_messages(sites, runs, is_secure=is_secure)
        about = f"{kind} round of {sites} sites × 10,011 values over Flower's messages"
        Claim(about, wall, "s", peer[0], "flwr SecAgg+ 1.42", 1.0, runs).print_json()
        Claim(f"{about}, of the processors", used, "s", bar=1.0, runs=runs).print_json()
    for step in Step:
        dropped = [bare(sites, step, seed=run) for run in range(runs)]
        about = f"{name}, 30 % gone from the step {step}"
        of_runs(about, [wall for wall, _ in dropped], "s", bar=1.0).print_json()
        of_runs(f"{about}, of the processors", [used for _, used in dropped], "s", bar=1.0).print_json()


if __name__ == "__main__":
    main()
