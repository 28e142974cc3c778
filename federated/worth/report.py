"""Joins the figures of all sites into the report of a run's worth."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from federated.schema import Kind
from federated.worth.contribution import Contribution
from federated.worth.curve import CurvePoint
from federated.worth.difference import CONFIDENCE, Difference, mean_difference, significant
from federated.worth.metric import metrics_of
from federated.worth.site_worth import CENTRAL, FEDERATED, LOCAL, OFFSET, SiteWorth


@dataclass(frozen=True)
class Comparison:
    """One pair of models over all sites.

    Attributes:
        better, than, metric: what is compared; `better` is the one whose gain is counted positive.
        mean: mean gain over the sites, each with the same weight; None when no site has figures.
        worse: sites where the gain is below 0 with significance over all sites together (Holm, 5 %).
        maybe_worse: sites whose own interval lies below 0 and that are not in `worse`. Of 40 sites without any
            difference, one on average is here by chance.
        gaining: sites whose own interval lies above 0.
        gains: gain by site.
    """

    better: str
    than: str
    metric: str
    mean: Difference | None
    worse: tuple[str, ...]
    maybe_worse: tuple[str, ...]
    gaining: tuple[str, ...]
    gains: Mapping[str, float]


@dataclass(frozen=True)
class WorthReport:
    """What a federated model is worth to its sites.

    Attributes:
        metric: name of the metric by which sites are compared first.
        sites: the figures of each site.
        comparisons: pairs of models over all sites.
        curve: the metric after some rounds.
        contributions: of each site; empty when they were not computed.
        notes: sentences about what is missing and why.
    """

    metric: str
    sites: tuple[SiteWorth, ...]
    comparisons: tuple[Comparison, ...]
    curve: tuple[CurvePoint, ...] = ()
    contributions: tuple[Contribution, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def losing(self) -> tuple[str, ...]:
        """Sites that are worse off than with their local model, even with their local offset."""
        return self.comparison(OFFSET, LOCAL).worse

    def comparison(self, better: str, than: str) -> Comparison:
        """Returns the comparison of two models by the first metric."""
        return next(
            one for one in self.comparisons if (one.better, one.than, one.metric) == (better, than, self.metric)
        )

    def to_json(self) -> str:
        """Returns the report as JSON; missing numbers are null."""
        return json.dumps(asdict(self) | {"losing": self.losing, "confidence": CONFIDENCE}, indent=1)


def make_report(kind: Kind, sites: Sequence[SiteWorth], **more: Any) -> WorthReport:
    """Returns the report over the figures of sites.

    Args:
        kind: kind of the target.
        sites: figures of each site.
        more: `curve`, `contributions` and `notes` of the report.
    """
    metrics = metrics_of(kind)
    pairs = [(FEDERATED, LOCAL), (OFFSET, LOCAL), (OFFSET, FEDERATED)]
    pairs += [(FEDERATED, CENTRAL)] if any(CENTRAL in site.metrics for site in sites) else []
    comparisons = tuple(_comparison(sites, better, than, metric.name) for better, than in pairs for metric in metrics)
    notes = tuple(f"Site {site.site} has no figures: {site.reason}." for site in sites if site.reason)
    more["notes"] = (*notes, *more.get("notes", ()))
    return WorthReport(metrics[0].name, tuple(sites), comparisons, **more)


def _comparison(sites: Sequence[SiteWorth], better: str, than: str, metric: str) -> Comparison:
    found = [(site.site, one) for site in sites if (one := site.difference(better, than, metric)) is not None]
    tested = [(name, one, one.p_value) for name, one in found if one.p_value is not None]
    is_significant = significant([p_value for _, _, p_value in tested])
    worse = tuple(
        name for (name, one, _), is_sure in zip(tested, is_significant, strict=True) if is_sure and one.gain < 0
    )
    return Comparison(
        better,
        than,
        metric,
        mean_difference([one for _, one in found]),
        worse,
        tuple(name for name, one in found if one.is_worse and name not in worse),
        tuple(name for name, one in found if one.is_better),
        {name: one.gain for name, one in found},
    )
