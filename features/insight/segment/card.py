"""The card of a segment, its persona: what distinguishes its customers from all customers. No figure is of one person.

A figure is told only if at least K customers have a value; sizes are rounded down to multiples of K, shares of
customers to steps of at least two customers, and other figures to three digits, so that neither the exact size follows
from a card nor, from two cards, the one customer by whom they differ.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from features.insight.errors import reading
from features.insight.group_size import K, told_size
from features.insight.segment.trait import TRAITS, Form, Trait

Z = 1.96
"""Quantile of the normal distribution for intervals of 95 %."""
_DIGITS = 3
_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
MOVE_DAYS = 28
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAY_PARTS = ("morning", "afternoon", "evening", "night")


@dataclass(frozen=True)
class Moments:
    """Count, mean and standard deviation of a trait among customers for whom it is known."""

    count: int
    mean: float | None
    deviation: float | None


@dataclass(frozen=True)
class TraitFigure:
    """Mean of a trait in the segment with its 95 % interval, the mean of all customers, and their difference.

    `effect` is the difference in standard deviations of all customers.
    """

    trait: str
    mean: float
    low: float
    high: float
    base: float
    effect: float

    @property
    def is_distinct(self) -> bool:
        """Return whether the mean of all customers lies outside the interval."""
        return not self.low <= self.base <= self.high


@dataclass(frozen=True)
class CategoryFigure:
    """A favourite category: its share of the segment's spend, and how many times the share of all customers that is."""

    category: str
    share: float
    lift: float


@dataclass(frozen=True)
class Change:
    """A trait, or `size`, of the segment that differs from the card of an earlier day."""

    trait: str
    before: float
    after: float


@dataclass(frozen=True)
class Card:
    """A segment on a day. Shares are of customers, unless they say otherwise; a figure of fewer than K is left out.

    `customer_share` is of the rounded sizes.

    `changed_since` is the day of the card with which `changes` compares, and None without an earlier one.
    """

    segment_id: str
    as_of: date
    fitted_on: date
    name: str
    name_ko: str
    customer_count: int
    customer_share: float
    traits: tuple[TraitFigure, ...]
    categories: tuple[CategoryFigure, ...]
    price_bands: Mapping[str, float]
    channels: Mapping[str, float]
    days: Mapping[str, float]
    day_parts: Mapping[str, float]
    changed_since: date | None = None
    changes: tuple[Change, ...] = ()
    moved_in: Mapping[str, int] = field(default_factory=dict)
    """Customers who came from each other segment in MOVE_DAYS by their behaviour, rounded down to a multiple of K."""

    def to_json(self) -> str:
        """Return the card as JSON; `from_json` returns an equal one."""
        return json.dumps(asdict(self), default=str, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Card:
        """Return the card that `to_json` has written.

        Raises:
            UnreadableRowError: the text is none.
        """
        made = {"traits": TraitFigure, "categories": CategoryFigure, "changes": Change}
        with reading("gold/segment"):
            read: dict[str, Any] = json.loads(text)
            for name in ("as_of", "fitted_on", "changed_since"):
                read[name] = date.fromisoformat(read[name]) if read[name] else None
            return cls(**read | {name: tuple(kind(**one) for one in read[name]) for name, kind in made.items()})

    def trait(self, name: str) -> TraitFigure | None:
        """Return the figures of a trait; None if too few customers have a value."""
        return next((one for one in self.traits if one.trait == name), None)


def trait_figures(own: Mapping[str, Moments], base: Mapping[str, Moments]) -> tuple[TraitFigure, ...]:
    """Return the figures of the traits, the most distinguishing first; traits known of fewer than K are left out."""
    found = []
    for trait in TRAITS:
        mine, all_ = own[trait.name], base[trait.name]
        if mine.count < K or all_.count < K or mine.mean is None or all_.mean is None:
            continue
        mean, base_mean = _told_mean(trait, mine), _told_mean(trait, all_)
        low, high = _interval(trait, mine)
        effect = (mean - base_mean) / all_.deviation if all_.deviation else 0.0
        figures = (mean, low, high, base_mean, effect)
        found.append(TraitFigure(trait.name, *map(rounded, figures)))
    return tuple(sorted(found, key=lambda one: (-abs(one.effect), one.trait)))


def compare(card: Card, former: Card) -> tuple[Change, ...]:
    """Return what changed since a former card: the size, and traits whose intervals do not overlap."""
    changes = []
    if card.customer_count != former.customer_count:
        changes.append(Change("size", former.customer_count, card.customer_count))
    for figure in card.traits:
        before = former.trait(figure.trait)
        if before and (figure.low > before.high or figure.high < before.low):
            changes.append(Change(figure.trait, before.mean, figure.mean))
    return tuple(changes)


def told_shares(counts: Mapping[str, int], total: int) -> dict[str, float]:
    """Return the shares of groups of at least K customers, the largest first.

    >>> told_shares({"economy": 30, "premium": 60, "standard": 3}, 93)
    {'premium': 0.65, 'economy': 0.3}
    """
    kept = sorted(((name, n) for name, n in counts.items() if n >= K), key=lambda one: (-one[1], one[0]))
    return {name: told_share(count, total) for name, count in kept}


def told_share(count: int, total: int) -> float:
    """Return a share of customers as it may be told: in steps of at least two customers.

    With three digits, a few shares of one group would tell its exact size.

    >>> told_share(347, 893), told_share(30, 57)
    (0.39, 0.55)
    """
    step = next((one for one in _STEPS if one * total >= 2), 1.0)
    return round(round(count / total / step) * step, _DIGITS)


def rounded(value: float) -> float:
    """Return the value with three digits.

    >>> rounded(1234.5), rounded(0.012345), rounded(0.0)
    (1230.0, 0.0123, 0.0)
    """
    return float(f"{value:.{_DIGITS}g}")


def _told_mean(trait: Trait, found: Moments) -> float:
    mean = found.mean or 0.0
    return told_share(round(mean * found.count), found.count) if trait.form is Form.YES_NO else mean


def _interval(trait: Trait, found: Moments) -> tuple[float, float]:
    """Return the 95 % interval of a mean. That of a share of yes and no is Wilson's, which fits small groups.

    Its width would tell the number of customers, so it is that of the rounded one. The interval of a mean of shares
    is cut at 0 and 1, outside of which no mean lies.
    """
    is_share = trait.form is Form.YES_NO
    mean, count = _told_mean(trait, found), told_size(found.count) if is_share else found.count
    if is_share:
        middle, spread = mean + Z**2 / (2 * count), Z * math.sqrt(mean * (1 - mean) / count + Z**2 / (4 * count**2))
        return (middle - spread) / (1 + Z**2 / count), (middle + spread) / (1 + Z**2 / count)
    half = Z * (found.deviation or 0.0) / math.sqrt(count)
    low, high = mean - half, mean + half
    return (max(low, 0.0), min(high, 1.0)) if trait.form is Form.SHARE else (low, high)
