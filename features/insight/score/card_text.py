"""Describes model cards as rows of text, for commands, reports and Dagster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from features.insight.model.card import LARGEST_ERROR, Metric, ModelCard
from features.insight.model.target import TARGETS, Kind, Target

HEADINGS = ("metric", "model (95 %)", "baseline", "difference (95 %)")


def metric_rows(card: ModelCard) -> list[tuple[str, str, str, str]]:
    """Return the metrics of a card as text, in the order of HEADINGS."""
    return [
        (
            one.name,
            f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})",
            f"{one.baseline:.3f}",
            f"{one.difference:+.3f} ({one.difference_low:+.3f} to {one.difference_high:+.3f})",
        )
        for one in card.metrics
    ]


def card_sentences(card: ModelCard) -> Iterator[str]:
    """Yield what a card says, in sentences without personal data."""
    yield f"{card.definition}."
    measures = f" {len(card.features)} measures;" if card.features else ""
    yield (
        f"Fitted on {card.fitted_on} to {card.row_count:,} rows of {card.customer_count:,} customers, "
        f"{card.fit_from} to {card.fit_to};{measures} data {card.data_version}."
    )
    if card.evaluated_on is None:
        yield "Not evaluated out of time: there are no two days whose horizons have ended and do not overlap."
        return
    yield f"Evaluated on {card.evaluated_on}, by a model of the days before whose horizons had ended."
    for metric in card.metrics:
        yield verdict(metric, card.target)
    if card.calibration is not None:
        state = "is calibrated" if card.calibration.holds else "is not calibrated"
        yield (
            f"It {state}: expected calibration error {card.calibration.error:.3f}. Allowed is the larger of "
            f"{LARGEST_ERROR} and {card.calibration.band:.3f}, below which a perfectly calibrated model stays in 95 % "
            "of cases."
        )


def verdict(metric: Metric, target: Target) -> str:
    """Return whether the model is better than the baseline by one metric."""
    gain = (metric.difference_low, metric.difference_high)
    low, high = gain if metric.higher_is_better else (-gain[1], -gain[0])
    words = "better than" if low > 0 else "worse than" if high < 0 else "not clearly different from"
    is_ranking = TARGETS[target].kind is Kind.RANKING
    baseline = "the customer's most frequent category" if is_ranking else "the baseline of recency and frequency"
    return f"{metric.name}: {words} {baseline}."


def heading(target: Target) -> str:
    """Return a target as a heading.

    >>> heading(Target.BUYS_SOON)
    'Buys soon'
    """
    return str(target).replace("_", " ").capitalize()


def newest_cards(cards: Iterable[ModelCard]) -> list[ModelCard]:
    """Return the newest card of each target, in the order of the targets."""
    newest = {one.target: one for one in sorted(cards, key=lambda one: one.fitted_on)}
    return sorted(newest.values(), key=lambda one: list(Target).index(one.target))
