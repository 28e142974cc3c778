"""Decides for one customer, from values in memory, whether a condition holds. It gives the answer of `sql`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from features.insight.audience.rule import Condition, EventTest, Group, Not, PermitTest
from features.insight.audience.window import first_day


@dataclass(frozen=True)
class CustomerFacts:
    """What the conditions ask of one customer.

    Attributes:
        values: value of each feature `view:feature`; None where it is missing. Times are the shop's wall time.
        counts: number of events of each `EventTest.kind`.
        permits: whether the customer permits each purpose.
        today: the day on which windows end.
    """

    values: Mapping[str, Any]
    counts: Mapping[tuple[str, str | None, int], int]
    permits: Mapping[str, bool]
    today: date


def holds(rule: Condition, facts: CustomerFacts) -> bool:
    """Return whether a bound condition holds for the customer."""
    if isinstance(rule, Group):
        return (all if rule.is_all else any)(holds(part, facts) for part in rule.parts)
    if isinstance(rule, Not):
        return not holds(rule.inner, facts)
    if isinstance(rule, PermitTest):
        return facts.permits[rule.purpose]
    if isinstance(rule, EventTest):
        count = facts.counts[rule.kind]
        return (rule.at_least is None or count >= rule.at_least) and (rule.at_most is None or count <= rule.at_most)
    value = facts.values[rule.feature]
    return all(_is_within(value, operator, limit, facts.today) for operator, limit in rule.bounds)


def _is_within(value: Any, operator: str, limit: Any, today: date) -> bool:
    if operator == "missing":
        return (value is None) is limit
    if value is None:
        return False
    if operator == "is":
        return bool(value == limit)
    if operator == "at_least":
        return bool(value >= limit)
    if operator == "at_most":
        return bool(value <= limit)
    if operator == "one_of":
        return value in limit
    if operator == "contains":
        return limit in value
    return bool(first_day(today, limit) <= value.date() <= today)
