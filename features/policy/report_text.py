"""Verdicts and versions of policies as text."""

from __future__ import annotations

from collections.abc import Iterator

from features.insight.group_size import told_size
from features.policy.estimate import Estimate
from features.policy.judge import Verdict
from features.policy.service import PolicyService


def verdict_lines(verdict: Verdict) -> list[str]:
    """Return a verdict as lines of text."""
    judged = f"  at least {told_size(verdict.decisions):,} decisions about {told_size(verdict.customers):,} customers"
    return [f"{verdict.answer.value}: {verdict.reason}", judged, *_figures(verdict)]


def _figures(verdict: Verdict) -> Iterator[str]:
    figures = {
        "logged": verdict.logged, "policy": verdict.policy, "greedy": verdict.greedy,
        "policy - logged": verdict.over_logged, "policy - greedy": verdict.over_greedy,
    }  # fmt: skip
    for name, one in figures.items():
        if one is not None:
            yield f"  {name}: {_estimate(one)}"


def _estimate(one: Estimate) -> str:
    return f"{one.value:+.4g}, interval {one.low:+.4g} to {one.high:+.4g}"


def status_rows(policies: PolicyService) -> list[dict[str, object]]:
    """Return a row for each version of each policy; its verdict is the newest one."""
    with policies.store() as store:
        found = [(version, store.verdicts(name)) for name in store.names() for version in store.versions(name)]
    return [
        {
            "version": version.name,
            "learned_by": str(version.card["learner"]),
            "decisions": told_size(int(str(version.card.get("decisions", 0)))),
            "serves": "yes" if policies.live(version.definition.name).number == version.number else "",
            "verdict": next(
                (f"{v.answer}: {v.content['reason']}" for v in reversed(verdicts) if v.number == version.number), ""
            ),
        }
        for version, verdicts in found
    ]
