"""Holds an effect with its interval, and says in words whether a finding is identified."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effect:
    """A mean effect per customer with its 95 % interval, in the unit of the outcome."""

    mean: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of zero."""
        return self.low > 0 or self.high < 0

    @property
    def text(self) -> str:
        """The mean and the interval, with signs.

        >>> Effect(12.345, -1.0, 25.7).text
        '+12.35 [-1.00, +25.70]'
        """
        return f"{self.mean:+.2f} [{self.low:+.2f}, {self.high:+.2f}]"


def doubts(effect: Effect, placebo: Effect, difference: Effect) -> list[str]:
    """Return why an effect is not identified, in words; empty if it is identified.

    It is identified if it differs from zero and from the placebo, and the placebo does not differ from zero.

    >>> doubts(Effect(9, 5, 13), Effect(0, -2, 2), Effect(9, 4, 14))
    []
    >>> doubts(Effect(9, 5, 13), Effect(7, 3, 11), Effect(2, -2, 6))
    ['the placebo differs from zero', 'the effect does not differ from the placebo']
    """
    found = {
        "the effect does not differ from zero": not effect.excludes_zero,
        "the placebo differs from zero": placebo.excludes_zero,
        "the effect does not differ from the placebo": not difference.excludes_zero,
    }
    return [reason for reason, holds in found.items() if holds]
