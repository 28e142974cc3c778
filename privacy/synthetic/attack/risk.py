"""The risk that an attack shows: how much more often it succeeds on people who were learned from than on others.

risk = (success − control) / (1 − control), with success rates by Wilson's interval (Giomi et al. 2023).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

Z = 1.959963984540054
"""Quantile of the normal distribution for intervals of 95 %."""
ALARM = 1e-4
"""Probability at which a finding counts as proven, so that an honest generator is refused less than once in a thousand
releases, although each release is attacked in several ways."""


@dataclass(frozen=True)
class Rate:
    """A success rate with its 95 % interval, and the number of attacks."""

    value: float
    low: float
    high: float
    attacks: int

    @classmethod
    def of(cls, successes: int, attacks: int) -> Rate:
        """Return the rate with Wilson's interval; without attacks the interval is 0 to 1.

        >>> Rate.of(5, 10).low.__round__(3)
        0.237
        """
        if attacks <= 0:
            return cls(0.0, 0.0, 1.0, 0)
        share = successes / attacks
        middle = (share + Z**2 / (2 * attacks)) / (1 + Z**2 / attacks)
        half = Z * math.sqrt(share * (1 - share) / attacks + Z**2 / (4 * attacks**2)) / (1 + Z**2 / attacks)
        return cls(share, max(0.0, middle - half), min(1.0, middle + half), attacks)


@dataclass(frozen=True)
class Risk:
    """What an attack gains from the synthetic data; 0: nothing. `low`, `high`: 95 % interval, which may lie below 0.

    `success` is the attack's rate on people who were learned from, `control` on people who were not, `naive` that of
    guesses without the synthetic data. An attack that does not beat `naive` says nothing.
    """

    name: str
    success: Rate
    control: Rate
    naive: Rate
    value: float
    low: float
    high: float
    chance: float
    """Probability of so large a gain, or a larger one, if the synthetic data say nothing about their people."""

    @classmethod
    def of(cls, name: str, attacks: int, successes: int, controls: int, control_successes: int, naive: int) -> Risk:
        """Return the risk of counted successes, with the interval of the difference of two independent rates."""
        success, control = Rate.of(successes, attacks), Rate.of(control_successes, controls)
        left = max(1e-9, 1 - control.value)
        half = math.hypot((success.high - success.low) / 2, (control.high - control.low) / 2) / left
        value = (success.value - control.value) / left
        chance = math.erfc(value / (half / Z) / math.sqrt(2)) / 2 if half > 0 else 1.0
        return cls(name, success, control, Rate.of(naive, attacks), value, value - half, value + half, chance)

    @property
    def is_informative(self) -> bool:
        """Whether the attack beats guesses, so that a low risk means something."""
        return self.success.value > self.naive.value

    def exceeds(self, most: float) -> bool:
        """Return whether a gain is proven, and the interval does not exclude more than `most`."""
        return self.chance < ALARM and self.high > most
