"""Asks the sites of a finished run for their figures and makes the report."""

from __future__ import annotations

import time
from collections.abc import Sequence

from federated.collection import Answer, Channel, accept
from federated.errors import FederatedError, PayloadRefused
from federated.plan import Plan
from federated.task import State, round_of
from federated.wire import Header, Parcel, Step
from federated.worth.contribution import Contribution
from federated.worth.report import WorthReport, make_report
from federated.worth.site_worth import SiteWorth


def gather_report(
    plan: Plan, channel: Channel, state: State, contributions: Sequence[Contribution] = ()
) -> WorthReport:
    """Returns the report over the sites that answer; every other node is in the notes with the reason.

    Each site fits its local model and its offset, and measures all models on its held-out customers. Only the
    figures leave it.

    Args:
        plan: the plan of the run, with a `held_share` above 0.
        channel: the way to the nodes.
        state: the trained model.
        contributions: of the sites, where they may be computed.
    """
    header: Header = {
        "plan": plan.to_json(),
        "run": plan.run,
        "session": time.time_ns(),
        "round": round_of(state),
    }
    nodes = sorted(channel.nodes())
    answers = channel.ask(Step.REPORT, dict.fromkeys(nodes, Parcel(header, state)), plan.timeout_seconds)
    found: dict[str, SiteWorth] = {}
    notes = []
    for node in nodes:
        try:
            parcel = accept(answers.get(node, Answer(None, "no answer in time")), header)
            figures = _figures(parcel)
            if figures.site in found:
                raise PayloadRefused(f"Two nodes answer as site {figures.site}.")
            found[figures.site] = figures
        except FederatedError as error:
            notes.append(f"Node {node} gave no figures: {error}")
    sites = [found[name] for name in sorted(found)]
    return make_report(plan.schema.target.kind, sites, contributions=tuple(contributions), notes=tuple(notes))


def _figures(parcel: Parcel) -> SiteWorth:
    if set(parcel.blobs) != {"figures"} or parcel.arrays:
        raise PayloadRefused("The answer carries something else than figures.")
    figures = SiteWorth.from_json(parcel.blobs["figures"].decode(errors="replace"))
    if figures.site != parcel.header.get("site"):
        raise PayloadRefused(f"The figures name site {figures.site!r}, the answer another.")
    return figures
