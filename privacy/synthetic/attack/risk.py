"""The risk that an attack shows: its success on people who were learned from, beyond its success on people who were not.

risk = (success − control) / (1 − control), with success rates by Wilson's interval (Giomi et al. 2023).
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Rate:
    """A success rate with its 95 % interval."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, successes: int, attacks: int, confidence: float = 0.95) -> Rate:
        """Return the rate with Wilson's interval."""
        from scipy.stats import norm

        if attacks <= 0:
            return cls(0.0, 0.0, 1.0)
        z = float(norm.ppf((1 + confidence) / 2))
        share = successes / attacks
        middle = (share + z**2 / (2 * attacks)) / (1 + z**2 / attacks)
        half = z * math.sqrt(share * (1 - share) / attacks + z**2 / (4 * attacks**2)) / (1 + z**2 / attacks)
        return cls(share, max(0.0, middle - half), min(1.0, middle + half))


@dataclass(frozen=True)
class Risk:
    """What an attack gains from the synthetic data. `value` 0: nothing; `low`, `high`: 95 % interval.

    `success` is the attack's rate on people who were learned from, `control` on people who were not, `naive` that of
    guesses without the synthetic data. An attack that does not beat `naive` says nothing.
    """

    name: str
    attacks: int
    success: Rate
    control: Rate
    naive: Rate
    value: float
    low: float
    high: float

    @classmethod
    def of(cls, name: str, attacks: int, successes: int, controls: int, control_successes: int, naive: int) -> Risk:
        """Return the risk of counted successes, with the interval of the difference of two independent rates."""
        success, control = Rate.of(successes, attacks), Rate.of(control_successes, controls)
        left = max(1e-9, 1 - control.value)
        spread = math.hypot((success.high - success.low) / 2, (control.high - control.low) / 2) / left
        value = (success.value - control.value) / left
        return cls(
            name, attacks, success, control, Rate.of(naive, attacks), max(0.0, value), value - spread, value + spread
        )

    @property
    def is_informative(self) -> bool:
        """Whether the attack beats guesses, so that a low risk means something."""
        return self.success.value > self.naive.value
