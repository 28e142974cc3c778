"""Reads and writes the rows of gold/campaign_effect, and describes them as text. They hold no person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from features.insight.event.effect import Effect, doubts
from features.insight.group_size import told_size

if TYPE_CHECKING:
    from features.insight.event.campaign import CampaignUplift
    from installation.lakehouse.lakehouse import Lakehouse

TABLE = "gold/campaign_effect"
HEADINGS = ("campaign", "from", "customers", "received", "effect (95 %)", "placebo (95 %)", "finding")
EXPLANATION = (
    "Effect of a campaign on the spend of a customer in its first 28 days, in USD. The placebo is the same estimate "
    "for the 28 days before, in which the true effect is zero. Each campaign is judged by itself: of many campaigns "
    "without an effect, a few are called identified by chance."
)
NONE_JUDGED = "No campaign was judged: too few customers who permit it received one, or the orders do not cover it."
_KINDS = ("effect", "placebo", "difference")
_PARTS = ("mean", "low", "high")


@dataclass(frozen=True)
class CampaignEffect:
    """A row of gold/campaign_effect, in USD per customer. Numbers of customers are rounded down to multiples of K."""

    campaign_id: int
    start_date: date
    customer_count: int
    received_count: int
    effect: Effect
    placebo: Effect
    difference: Effect
    is_identified: bool

    @property
    def verdict(self) -> str:
        """Whether the effect is identified, and if not, why."""
        if self.is_identified:
            return "identified"
        return f"not identified: {', '.join(doubts(self.effect, self.placebo, self.difference))}"

    def to_json(self) -> dict[str, Any]:
        """Return the row for JSON, with the verdict."""
        row = effect_row(self)
        return row | {"start_date": self.start_date.isoformat(), "verdict": self.verdict}


def told_effect(found: CampaignUplift) -> CampaignEffect:
    """Return what is told of a campaign: amounts to the cent, numbers of customers rounded down to multiples of K."""
    report = found.report
    effect, placebo, difference = (_to_cents(getattr(report, kind)) for kind in _KINDS)
    return CampaignEffect(
        campaign_id=int(found.campaign_id),
        start_date=found.start,
        customer_count=told_size(report.customers),
        received_count=told_size(report.treated),
        effect=effect,
        placebo=placebo,
        difference=difference,
        # Of the rounded figures, so that the row does not contradict itself.
        is_identified=not doubts(effect, placebo, difference),
    )


def effect_row(one: CampaignEffect) -> dict[str, Any]:
    """Return the row of gold/campaign_effect."""
    figures = {f"{kind}_{part}": getattr(getattr(one, kind), part) for kind in _KINDS for part in _PARTS}
    names = ("campaign_id", "start_date", "customer_count", "received_count")
    return {name: getattr(one, name) for name in names} | figures | {"is_identified": one.is_identified}


def read_effects(lakehouse: Lakehouse) -> list[CampaignEffect]:
    """Return the effects by start of the campaign; none if no run has built the table."""
    if not lakehouse.exists(TABLE):
        return []
    rows = lakehouse.rows(TABLE).to_pylist()
    return [_from_row(row) for row in sorted(rows, key=lambda row: (row["start_date"], row["campaign_id"]))]


def effect_rows(effects: Iterable[CampaignEffect]) -> list[tuple[str, ...]]:
    """Return the effects as text, in the order of HEADINGS."""
    return [
        (
            str(one.campaign_id),
            one.start_date.isoformat(),
            f"{one.customer_count:,}",
            f"{one.received_count:,}",
            one.effect.text,
            one.placebo.text,
            one.verdict,
        )
        for one in effects
    ]


def _from_row(row: dict[str, Any]) -> CampaignEffect:
    names = ("campaign_id", "start_date", "customer_count", "received_count", "is_identified")
    effect, placebo, difference = (Effect(*(row[f"{kind}_{part}"] for part in _PARTS)) for kind in _KINDS)
    return CampaignEffect(**{name: row[name] for name in names}, effect=effect, placebo=placebo, difference=difference)


def _to_cents(effect: Effect) -> Effect:
    return Effect(round(effect.mean, 2), round(effect.low, 2), round(effect.high, 2))
